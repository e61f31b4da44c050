package health

import (
	"context"
	"net/netip"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/albatross-lb/albatross/lb"
)

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
