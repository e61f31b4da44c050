package health

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/albatross-lb/albatross/lb"
)

// script is a Prober that answers what it is told to. Its zero value passes all.
type script struct {
	mu     sync.Mutex
	answer map[netip.AddrPort]Result
	asked  []Probe
	starts []time.Time
}

func (s *script) Probe(_ context.Context, p Probe) Result {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, p)
	s.starts = append(s.starts, time.Now())
	return s.answer[p.Addr]
}

func (s *script) set(addr string, r Result) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.answer == nil {
		s.answer = make(map[netip.AddrPort]Result)
	}
	s.answer[netip.MustParseAddrPort(addr)] = r
}

// nth gives the nth probe; of a negative n, counted from the last one back.
func (s *script) nth(n int) Probe {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n < 0 {
		n += len(s.asked)
	}
	return s.asked[n]
}

func (s *script) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.asked)
}

type proberFunc func(context.Context, Probe) Result

func (f proberFunc) Probe(ctx context.Context, p Probe) Result { return f(ctx, p) }

// story collects changes as "10.0.0.1:80 initial/Elb.InitialHealthChecking".
type story struct {
	t    *testing.T
	mu   sync.Mutex
	last map[Key]lb.TargetHealth
	said []string
}

func (s *story) tell(k Key, old, new lb.TargetHealth) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.last == nil {
		s.last = make(map[Key]lb.TargetHealth)
	}
	was, ok := s.last[k]
	if !ok {
		was = notRegistered
	}
	if old != was {
		s.t.Errorf("%v: told a change from %+v, was %+v", k, old, was)
	}
	s.last[k] = new
	s.said = append(s.said, strings.TrimSuffix(fmt.Sprintf("%s %s/%s", k.Addr, new.State, new.Reason), "/"))
}

// want checks what was said since the last want, once everything has come to rest.
func (s *story) want(lines ...string) {
	s.t.Helper()
	synctest.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	if !slices.Equal(s.said, lines) {
		s.t.Errorf("changes:\n\t%s\nwant:\n\t%s", strings.Join(s.said, "\n\t"), strings.Join(lines, "\n\t"))
	}
	s.said = nil
}

// forget gives what was said since the last want or forget.
func (s *story) forget() []string {
	synctest.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	said := s.said
	s.said = nil
	return said
}

const one = "10.0.0.1:80"

var (
	codeMismatch = Result{Reason: lb.ResponseCodeMismatch, Code: 500, Err: errors.New("answered 500")}
	timedOut     = Result{Reason: lb.TargetTimeout, Code: -1, Err: context.DeadlineExceeded}
	refused      = Result{Reason: lb.FailedHealthChecks, Code: -1, Err: syscall.ECONNREFUSED}
	internal     = Result{Reason: lb.ELBInternalError, Code: -1, Err: syscall.EMFILE}
)

// web is a group with the controller's defaults but thresholds of 3.
func web(addrs ...string) Group {
	g := Group{
		Key: "shop/web:80", Protocol: lb.HTTP, Version: lb.HTTP1, Used: true, DeregistrationDelay: 300 * time.Second,
		Check: &lb.HealthCheck{
			Protocol: lb.HTTP, Path: "/healthz", Matcher: &lb.Matcher{HTTPCode: "200"},
			IntervalSeconds: 15, TimeoutSeconds: 5, HealthyThreshold: 3, UnhealthyThreshold: 3,
		},
	}
	for _, a := range addrs {
		g.Targets = append(g.Targets, lb.Target{Addr: netip.MustParseAddrPort(a), Zone: "eu-west-1a"})
	}
	return g
}

// settle lets time pass for n probes of each target.
func settle(n int) {
	time.Sleep(time.Duration(n) * 15 * time.Second)
	synctest.Wait()
}

// begin gives a Checker that is closed when the test ends, inside its bubble.
func begin(t *testing.T, p Prober) (*Checker, *story, func()) {
	s := &story{t: t}
	c := New(s.tell, WithProber(p))
	return c, s, c.Close
}

func health(t *testing.T, c *Checker, addr string) lb.TargetHealth {
	t.Helper()
	h, ok := c.Of(Key{"shop/web:80", netip.MustParseAddrPort(addr)})
	if !ok {
		t.Fatalf("%s is not registered", addr)
	}
	return h
}

func TestOnePassIsEnoughOnRegistration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &script{}
		c, s, end := begin(t, p)
		defer end()
		c.Apply([]Group{web(one)})
		s.want(one+" initial/Elb.RegistrationInProgress", one+" initial/Elb.InitialHealthChecking", one+" healthy")
		if p.count() != 1 {
			t.Errorf("%d probes at once, want 1", p.count())
		}
		if q := p.nth(0); q.Path != "/healthz" || q.Timeout != 5*time.Second {
			t.Errorf("asked %+v", q)
		}
		settle(10)
		s.want()
		if n := p.count(); n < 10 || n > 11 {
			t.Errorf("%d probes in 10 intervals", n)
		}
	})
}

func TestThresholds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &script{}
		c, s, end := begin(t, p)
		defer end()
		c.Apply([]Group{web(one)})
		settle(2)
		s.forget()

		p.set(one, codeMismatch)
		settle(2)
		s.want() // two failures of three
		p.set(one, Result{})
		settle(1)
		p.set(one, codeMismatch)
		settle(2)
		s.want() // the pass between them began the count anew
		settle(1)
		s.want(one + " unhealthy/Target.ResponseCodeMismatch")
		if got := health(t, c, one).Description; got != "Health checks failed with these codes: [500]" {
			t.Errorf("description %q", got)
		}
		since := c.List("shop/web:80")[0].Since
		p.set(one, timedOut)
		settle(1)
		s.want(one + " unhealthy/Target.Timeout")
		if now := c.List("shop/web:80")[0].Since; !now.Equal(since) {
			t.Errorf("unhealthy since %v, then since %v", since, now)
		}
		p.set(one, refused)
		settle(1)
		s.want(one + " unhealthy/Target.FailedHealthChecks")

		p.set(one, Result{})
		settle(2)
		s.want() // two passes of three
		p.set(one, internal)
		settle(5)
		s.want() // our own fault counts for neither side
		p.set(one, Result{})
		settle(1)
		s.want(one + " healthy")
		p.set(one, internal)
		settle(5)
		s.want()
	})
}

func TestInitialTargetThatFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &script{}
		p.set(one, refused)
		c, s, end := begin(t, p)
		defer end()
		c.Apply([]Group{web(one)})
		s.want(one+" initial/Elb.RegistrationInProgress", one+" initial/Elb.InitialHealthChecking")
		settle(1)
		s.want()
		settle(2)
		s.want(one + " unhealthy/Target.FailedHealthChecks")
		p.set(one, Result{})
		settle(2)
		s.want() // once unhealthy, it takes healthyThreshold passes
		settle(1)
		s.want(one + " healthy")
	})
}

func TestDescriptions(t *testing.T) {
	for reason, want := range map[Result]string{
		codeMismatch: "Health checks failed with these codes: [500]",
		timedOut:     "Request timed out",
		refused:      "Health checks failed",
	} {
		if got := failed(reason); got.Description != want || got.State != lb.Unhealthy || got.Reason != reason.Reason {
			t.Errorf("%+v", got)
		}
	}
	for _, r := range []lb.HealthReason{lb.RegistrationInProgress, lb.InitialHealthChecking, lb.ELBInternalError, lb.NotRegistered,
		lb.NotInUse, lb.DeregistrationProgress, lb.HealthCheckDisabled} {
		if verdict(lb.Unused, r).Description == "" {
			t.Errorf("%s has no description", r)
		}
	}
}

func TestListAndObservations(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var seen []Observation
		var mu sync.Mutex
		c := New(nil, OnProbe(func(o Observation) { mu.Lock(); seen = append(seen, o); mu.Unlock() }),
			WithProber(proberFunc(func(ctx context.Context, p Probe) Result { time.Sleep(30 * time.Millisecond); return codeMismatch })))
		defer c.Close()
		c.Apply([]Group{web("10.0.0.10:80", "10.0.0.9:80", "10.0.0.9:80")})
		time.Sleep(time.Second)
		synctest.Wait()
		list := c.List("shop/web:80")
		if len(list) != 2 || list[0].Addr.String() != "10.0.0.9:80" || list[1].Addr.String() != "10.0.0.10:80" {
			t.Fatalf("list %+v", list)
		}
		if s := list[0]; s.HealthCheckPort != 80 || s.Zone != "eu-west-1a" || s.Probes != 1 || s.LastLatency != 30*time.Millisecond || s.Health.Reason != lb.InitialHealthChecking {
			t.Errorf("status %+v", s)
		}
		mu.Lock()
		defer mu.Unlock()
		if len(seen) != 2 || seen[0].Latency != 30*time.Millisecond || seen[0].Result != codeMismatch || seen[0].Zone != "eu-west-1a" || seen[0].Health.State != lb.Initial {
			t.Errorf("observations %+v", seen)
		}
		if list := c.List("nobody"); list != nil {
			t.Errorf("list of no group: %v", list)
		}
	})
}

// onChange may call back into the Checker.
func TestReentrant(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c *Checker
		var ready sync.WaitGroup
		ready.Add(1)
		c = New(func(k Key, _, new lb.TargetHealth) {
			ready.Wait()
			c.Of(k)
			c.List(k.Group)
			if new.State == lb.Healthy {
				c.Apply(nil)
			}
		}, WithProber(&script{}))
		ready.Done()
		defer c.Close()
		c.Apply([]Group{web(one)})
		time.Sleep(301 * time.Second)
		synctest.Wait()
		if _, ok := c.Of(Key{"shop/web:80", netip.MustParseAddrPort(one)}); ok {
			t.Error("still registered")
		}
	})
}

// synctest.Test fails if a goroutine of the bubble is left, so this test is that Close ends all of them.
func TestCloseEndsProbes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		told := 0
		c := New(func(Key, lb.TargetHealth, lb.TargetHealth) { told++ },
			WithProber(proberFunc(func(ctx context.Context, p Probe) Result { <-ctx.Done(); return failure(ctx.Err()) })))
		c.Apply([]Group{many(500)})
		synctest.Wait()
		began := time.Now()
		c.Close()
		if d := time.Since(began); d != 0 {
			t.Errorf("closing took %v", d)
		}
		before := told
		c.Apply([]Group{many(600)}) // too late, and harmless
		c.Close()
		time.Sleep(time.Minute)
		synctest.Wait()
		if told != before {
			t.Error("told after Close")
		}
	})
}
