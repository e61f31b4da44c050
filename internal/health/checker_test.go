package health

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
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

func TestKeptAcrossChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &script{}
		c, s, end := begin(t, p)
		defer end()
		c.Apply([]Group{web(one)})
		settle(1)
		p.set(one, refused)
		settle(2)
		s.forget()
		since := c.List("shop/web:80")[0].Since

		changed := web(one)
		changed.Check.Path, changed.Check.UnhealthyThreshold = "/ready", 4
		changed.Targets[0].Zone, changed.Targets[0].Name = "eu-west-1b", "web-0"
		c.Apply([]Group{changed})
		s.want()
		status := c.List("shop/web:80")[0]
		if !status.Since.Equal(since) || status.Zone != "eu-west-1b" || status.Name != "web-0" || status.Health.State != lb.Healthy {
			t.Errorf("after the change: %+v", status)
		}
		settle(1)
		s.want() // the third failure in a row, of four now
		settle(1)
		s.want(one + " unhealthy/Target.FailedHealthChecks")
		if last := p.nth(-1); last.Path != "/ready" {
			t.Errorf("asks for %s after the change", last.Path)
		}

		c.Apply([]Group{changed}) // again, nothing new
		s.want()
	})
}

func TestDraining(t *testing.T) {
	const two = "10.0.0.2:80"
	for name, without := range map[string]func() []Group{
		"target gone":   func() []Group { return []Group{web(one)} },
		"group gone":    func() []Group { return []Group{other()} },
		"target marked": func() []Group { g := web(one, two); g.Targets[1].Draining = true; return []Group{g} },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := &script{}
				c, s, end := begin(t, p)
				defer end()
				c.Apply([]Group{web(one, two)})
				settle(1)
				c.Apply(without())
				settle(0)
				s.forget()
				if h := health(t, c, two); h != verdict(lb.Draining, lb.DeregistrationProgress) {
					t.Errorf("deregistered: %+v", h)
				}
				asked := len(probesOf(p, two))
				time.Sleep(299 * time.Second)
				c.Apply(without()) // must not begin the delay anew
				synctest.Wait()
				if h := health(t, c, two); h.State != lb.Draining {
					t.Errorf("after 299 s: %+v", h)
				}
				time.Sleep(2 * time.Second)
				synctest.Wait()
				if h, ok := c.Of(Key{"shop/web:80", netip.MustParseAddrPort(two)}); ok || h != notRegistered {
					t.Errorf("after 301 s: %+v", h)
				}
				if left := len(c.List("shop/web:80")); name == "group gone" && c.groups["shop/web:80"] != nil || name != "group gone" && left != 1 {
					t.Errorf("%d targets left, group %+v", left, c.groups["shop/web:80"])
				}
				if told := s.forget(); !slices.Contains(told, two+" unused/Target.NotRegistered") {
					t.Errorf("told %q", told)
				}
				if n := len(probesOf(p, two)); n != asked {
					t.Errorf("%d probes while draining", n-asked)
				}
				s.forget()
				c.Apply(without()) // still marked, perhaps; it is not registered again
				s.want()
			})
		})
	}
}

// other is a group that nothing else is about.
func other() Group { return Group{Key: "shop/other:80", Used: true} }

func probesOf(p *script, addr string) []time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	var at []time.Time
	for i, q := range p.asked {
		if q.Addr == netip.MustParseAddrPort(addr) {
			at = append(at, p.starts[i])
		}
	}
	return at
}

func TestComesBackWhileDraining(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &script{}
		c, s, end := begin(t, p)
		defer end()
		c.Apply([]Group{web(one)})
		settle(3)
		p.set(one, refused)
		settle(2)
		c.Apply(nil)
		settle(1)
		s.forget()
		asked := p.count()
		c.Apply([]Group{web(one)})
		s.want(one+" initial/Elb.RegistrationInProgress", one+" initial/Elb.InitialHealthChecking")
		if p.count() != asked+1 {
			t.Errorf("%d probes at once when it came back", p.count()-asked)
		}
		if n := c.List("shop/web:80")[0].Probes; n != 1 {
			t.Errorf("%d probes counted since registration", n)
		}
		settle(1)
		s.want() // the failures of its former life do not count
		time.Sleep(400 * time.Second)
		if h := health(t, c, one); h.State != lb.Unhealthy {
			t.Errorf("past the end of the delay that was broken off: %+v", h)
		}
	})
}

func TestNoDelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, s, end := begin(t, &script{})
		defer end()
		g := web(one)
		g.DeregistrationDelay = 0
		c.Apply([]Group{g})
		settle(1)
		s.forget()
		c.Apply(nil)
		s.want(one + " unused/Target.NotRegistered")
		if c.List("shop/web:80") != nil || len(c.groups) != 0 || len(c.queue.targets) != 0 {
			t.Error("something is left of it")
		}
	})
}

func TestUnusedAndUnavailable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &script{}
		c, s, end := begin(t, p)
		defer end()
		unused, unchecked := web(one), web(one)
		unused.Used, unchecked.Check = false, nil

		c.Apply([]Group{unused})
		settle(5)
		s.want(one + " unused/Target.NotInUse")
		c.Apply([]Group{unchecked})
		settle(5)
		s.want(one + " unavailable/Target.HealthCheckDisabled")
		if port := c.List("shop/web:80")[0].HealthCheckPort; port != 0 {
			t.Errorf("health check port %d", port)
		}
		if p.count() != 0 {
			t.Errorf("%d probes", p.count())
		}
		c.Apply([]Group{web(one)})
		s.want(one+" initial/Elb.RegistrationInProgress", one+" initial/Elb.InitialHealthChecking", one+" healthy")
		c.Apply([]Group{unused})
		s.want(one + " unused/Target.NotInUse")
		asked := p.count()
		settle(5)
		if p.count() != asked {
			t.Error("probed while it is not in use")
		}
		c.Apply(nil) // it had no traffic: nothing to drain
		s.want(one + " unused/Target.NotRegistered")
		c.Apply([]Group{unchecked})
		c.Apply(nil) // it had
		s.want(one+" unavailable/Target.HealthCheckDisabled", one+" draining/Target.DeregistrationInProgress")
	})
}

// A probe that was under way when its target or its question changed says nothing.
func TestLateAnswers(t *testing.T) {
	slow := func(path string, r Result) proberFunc {
		return func(ctx context.Context, p Probe) Result {
			if p.Path == path {
				time.Sleep(4 * time.Second)
				return r
			}
			return Result{}
		}
	}
	t.Run("registered anew", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var first atomic.Bool
			c, s, end := begin(t, proberFunc(func(ctx context.Context, p Probe) Result {
				if first.CompareAndSwap(false, true) {
					time.Sleep(4 * time.Second)
					return Result{}
				}
				return refused
			}))
			defer end()
			c.Apply([]Group{web(one)})
			synctest.Wait()
			c.Apply(nil)
			c.Apply([]Group{web(one)})
			if told := s.forget(); told[len(told)-1] != one+" initial/Elb.InitialHealthChecking" {
				t.Errorf("not probed at once while the old probe is under way: %q", told)
			}
			time.Sleep(5 * time.Second)
			s.want() // the pass of its former life does not make it healthy
		})
	})
	t.Run("other path", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			c, s, end := begin(t, slow("/healthz", codeMismatch))
			defer end()
			c.Apply([]Group{web(one)})
			synctest.Wait()
			s.forget()
			g := web(one)
			g.Check.Path, g.Check.UnhealthyThreshold = "/ready", 1
			c.Apply([]Group{g})
			time.Sleep(4 * time.Second)
			s.want(one + " healthy") // asked again at once, by the new path
		})
	})
}

func TestProbesOfOneTargetDoNotOverlap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var under, most atomic.Int32
		c, _, end := begin(t, proberFunc(func(ctx context.Context, p Probe) Result {
			most.Store(max(most.Load(), under.Add(1)))
			defer under.Add(-1)
			time.Sleep(40 * time.Second) // a Prober that does not keep to its timeout
			return Result{}
		}))
		defer end()
		c.Apply([]Group{web(one)})
		settle(10)
		if most.Load() != 1 {
			t.Errorf("%d at once", most.Load())
		}
	})
}

func TestConcurrencyIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var under, most, all atomic.Int32
		c := New(nil, WithConcurrency(16), WithProber(proberFunc(func(ctx context.Context, p Probe) Result {
			most.Store(max(most.Load(), under.Add(1)))
			defer under.Add(-1)
			all.Add(1)
			time.Sleep(10 * time.Millisecond)
			return Result{}
		})))
		defer c.Close()
		c.Apply([]Group{many(1000)})
		time.Sleep(time.Second)
		synctest.Wait()
		if most.Load() != 16 || all.Load() != 1000 {
			t.Errorf("%d at once, %d probes in the first second", most.Load(), all.Load())
		}
	})
}

// Who waits for a free place is served in turn.
func TestFirstProbesInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &script{}
		c := New(nil, WithConcurrency(1), WithProber(p))
		defer c.Close()
		g := many(100)
		c.Apply([]Group{g})
		synctest.Wait()
		for i, target := range g.Targets {
			if got := p.nth(i).Addr; got != target.Addr {
				t.Fatalf("probe %d is of %s, want %s", i, got, target.Addr)
			}
		}
	})
}

// many is a group of n targets.
func many(n int) Group {
	g := web()
	for i := range n {
		addr := netip.AddrFrom4([4]byte{10, 1, byte(i >> 8), byte(i)})
		g.Targets = append(g.Targets, lb.Target{Addr: netip.AddrPortFrom(addr, 8080)})
	}
	return g
}

// A dead half must not hold up the probes of the other.
func TestLimitFollowsTargets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var dead, live atomic.Int32
		c := New(nil, WithProber(proberFunc(func(ctx context.Context, p Probe) Result {
			if b := p.Addr.Addr().As4(); b[3]%2 == 0 {
				dead.Add(1)
				<-ctx.Done()
				return timedOut
			}
			live.Add(1)
			return Result{}
		})))
		defer c.Close()
		c.Apply([]Group{many(1500)})
		if c.limit != 500 {
			t.Errorf("limit %d for 1500 targets of 5 s in 15 s", c.limit)
		}
		settle(4) // the first probes and the way to a steady state
		before := live.Load()
		settle(10)
		if n := live.Load() - before; n < 7500-150 || n > 7500+150 {
			t.Errorf("%d probes of 750 live targets in 10 intervals", n)
		}
	})
}

// After the first probe, targets registered together are probed at times spread
// over the interval, and always at the same ones.
func TestSpread(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &script{}
		c, _, end := begin(t, p)
		defer end()
		c.Apply([]Group{many(900)})
		settle(4)
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.starts[899].Sub(p.starts[0]) != 0 {
			t.Errorf("first probes took %v", p.starts[899].Sub(p.starts[0]))
		}
		perSecond := make(map[int64]int)
		times := make(map[netip.AddrPort][]time.Time)
		for i, q := range p.asked {
			times[q.Addr] = append(times[q.Addr], p.starts[i])
			perSecond[p.starts[i].Unix()]++
		}
		for _, n := range perSecond {
			if n > 120 && n < 900 { // the mean is 60
				t.Errorf("%d probes within one second", n)
			}
		}
		for addr, at := range times {
			for i := 1; i < len(at); i++ {
				gap := at[i].Sub(at[i-1])
				if i == 1 && (gap < 7500*time.Millisecond || gap >= 22500*time.Millisecond) || i > 1 && gap != 15*time.Second {
					t.Fatalf("%s: probe %d %v after the one before", addr, i, gap)
				}
			}
		}
	})
}

func TestShorterInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &script{}
		c, _, end := begin(t, p)
		defer end()
		g := web(one)
		g.Check.IntervalSeconds = 300
		c.Apply([]Group{g})
		synctest.Wait()
		c.Apply([]Group{web(one)})
		settle(4)
		if n := p.count(); n < 4 {
			t.Errorf("%d probes in 60 s after the interval went from 300 s to 15 s", n)
		}
	})
}

func TestQuestion(t *testing.T) {
	for _, test := range []struct {
		name string
		edit func(*Group)
		want Probe
	}{
		{"own port", func(g *Group) { g.Check.Port = 9000 }, Probe{Addr: netip.MustParseAddrPort("10.0.0.1:9000")}},
		{"no protocol", func(g *Group) { g.Check.Protocol, g.Protocol = "", lb.HTTPS }, Probe{Protocol: lb.HTTPS}},
		{"no path", func(g *Group) { g.Check.Path = "" }, Probe{Path: "/"}},
		{"gRPC path", func(g *Group) { g.Check.Path, g.Version = "", lb.GRPC }, Probe{Path: "/AWS.ALB/healthcheck", Version: lb.GRPC}},
		{"split path", func(g *Group) { g.Check.Path = "/a b\r\nX: y#z?q=é" }, Probe{Path: "/a%20b%0D%0AX:%20y%23z?q=é"}},
		{"no slash", func(g *Group) { g.Check.Path = "health" }, Probe{Path: "/health"}},
		{"no numbers", func(g *Group) { g.Check.TimeoutSeconds = 0 }, Probe{Timeout: 5 * time.Second}},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := &script{}
				c, _, end := begin(t, p)
				defer end()
				g := web(one)
				test.edit(&g)
				c.Apply([]Group{g})
				synctest.Wait()
				got := p.nth(0)
				if w := test.want; w.Addr.IsValid() && got.Addr != w.Addr || w.Protocol != "" && got.Protocol != w.Protocol ||
					w.Path != "" && got.Path != w.Path || w.Version != "" && got.Version != w.Version || w.Timeout != 0 && got.Timeout != w.Timeout {
					t.Errorf("asked %+v, want %+v", got, w)
				}
			})
		})
	}
}

func TestMatcherOf(t *testing.T) {
	for _, test := range []struct {
		version lb.ProtocolVersion
		matcher *lb.Matcher
		pass    int
		fail    int
	}{
		{lb.HTTP1, nil, 200, 201},
		{lb.HTTP1, &lb.Matcher{HTTPCode: "nonsense"}, 200, 201},
		{lb.HTTP2, &lb.Matcher{HTTPCode: "204"}, 204, 200},
		{lb.GRPC, nil, 12, 0},
		{lb.GRPC, &lb.Matcher{GRPCCode: "0"}, 0, 12},
		{"", &lb.Matcher{HTTPCode: "200-599"}, 503, 600},
	} {
		m := matcherOf(Group{Check: &lb.HealthCheck{Matcher: test.matcher}, Version: test.version})
		if !m.Matches(test.pass) || m.Matches(test.fail) {
			t.Errorf("%+v: %d %v, %d %v", test, test.pass, m.Matches(test.pass), test.fail, m.Matches(test.fail))
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

func TestMemoryOfTenThousandTargets(t *testing.T) {
	var before, after runtime.MemStats
	block := proberFunc(func(ctx context.Context, p Probe) Result { <-ctx.Done(); return timedOut })
	g := many(10000)
	runtime.GC()
	runtime.ReadMemStats(&before)
	c := New(func(Key, lb.TargetHealth, lb.TargetHealth) {}, WithProber(block), WithConcurrency(256))
	defer c.Close()
	c.Apply([]Group{g})
	for settled := false; !settled; runtime.Gosched() {
		c.mu.Lock()
		settled = c.running == 256
		c.mu.Unlock()
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	each := (after.HeapAlloc - before.HeapAlloc) / 10000
	t.Logf("%d bytes of heap a target, %d goroutines", each, runtime.NumGoroutine())
	if each > 2048 || runtime.NumGoroutine() > 300 {
		t.Errorf("%d bytes a target, %d goroutines", each, runtime.NumGoroutine())
	}
}

func BenchmarkApplyUnchanged10000(b *testing.B) {
	c := New(nil, WithProber(&script{}))
	defer c.Close()
	groups := []Group{many(10000)}
	c.Apply(groups)
	b.ReportAllocs()
	for b.Loop() {
		c.Apply(groups)
	}
}
