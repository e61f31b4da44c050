package snapshot

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/albatross-lb/albatross/lb"
)

// town is a Config that is changed in one place after the other. What is changed is another
// object afterwards.
type town struct {
	*rand.Rand
	balancers map[string]*lb.LoadBalancer
	groups    map[string]*lb.TargetGroup
}

func (o *town) key() string { return fmt.Sprintf("g%d", o.IntN(5)) }

func (o *town) rule() *lb.Rule {
	host := &lb.ValuesConfig{Values: []string{fmt.Sprintf("h%d.example.com", o.IntN(3))}}
	r := &lb.Rule{Conditions: []lb.Condition{{Field: lb.HostHeader, HostHeader: host}}, Actions: []lb.Action{forwardAction(o.key())}}
	port := "443"
	switch o.IntN(20) {
	case 0:
		r.Actions = []lb.Action{{Type: lb.RedirectAction, Redirect: &lb.Redirect{Host: &host.Values[0], Port: &port, StatusCode: "HTTP_301"}}}
	case 1:
		r.Actions = []lb.Action{{Type: lb.RedirectAction, Redirect: &lb.Redirect{Port: &port, StatusCode: "HTTP_302"}}}
	case 2:
		r.Transforms = []lb.Transform{{Type: "url-rewrite", URLRewrite: &lb.RewriteConfig{Rewrites: []lb.Rewrite{{Regex: []string{"^/a", "("}[o.IntN(2)], Replace: "/b"}}}}}
	}
	return r
}

func forwardAction(key string) lb.Action {
	return lb.Action{Type: lb.ForwardAction, Forward: &lb.Forward{TargetGroups: []lb.WeightedTargetGroup{{TargetGroup: key}}}}
}

func (o *town) change() {
	switch o.IntN(5) {
	case 0:
		key := o.key()
		if delete(o.groups, key); o.IntN(30) > 0 {
			o.groups[key] = &lb.TargetGroup{Key: key, Name: key, Protocol: lb.HTTP, Targets: []lb.Target{{Addr: netip.AddrPortFrom(netip.IPv4Unspecified().Next(), uint16(1+o.IntN(3)))}}}
		}
		return
	case 1:
		if o.IntN(10) == 0 {
			delete(o.balancers, fmt.Sprintf("b%d", o.IntN(3)))
		}
	}
	key := fmt.Sprintf("b%d", o.IntN(3))
	b := &lb.LoadBalancer{Key: key, Name: key, Type: lb.Application}
	ports := map[int]*lb.Listener{80: {Port: 80, Protocol: lb.HTTP}, 443: {Port: 443, Protocol: lb.HTTPS, SSLPolicy: lb.DefaultSSLPolicy}}
	if old := o.balancers[key]; old != nil {
		for _, l := range old.Listeners {
			own := *l
			ports[l.Port] = &own
		}
	}
	l := ports[80]
	if key == "b2" && o.IntN(2) == 0 {
		l = ports[443]
	}
	l.DefaultActions = []lb.Action{forwardAction(o.key())}
	at := o.IntN(len(l.Rules) + 1)
	if l.Rules = slices.Clone(l.Rules); at < len(l.Rules) && o.IntN(2) == 0 {
		l.Rules = slices.Delete(l.Rules, at, at+1)
	} else {
		l.Rules = slices.Insert(l.Rules, at, o.rule())
	}
	for i, r := range l.Rules {
		if r.Priority != i+1 {
			own := *r
			own.Priority = i + 1
			l.Rules[i] = &own
		}
	}
	for _, port := range slices.Sorted(maps.Keys(ports)) {
		if len(ports[port].Rules) > 0 {
			b.Listeners = append(b.Listeners, ports[port])
		}
	}
	o.balancers[key] = b
}

func (o *town) config() *lb.Config {
	cfg := &lb.Config{TargetGroups: maps.Clone(o.groups)}
	for _, key := range slices.Sorted(maps.Keys(o.balancers)) {
		cfg.LoadBalancers = append(cfg.LoadBalancers, o.balancers[key])
	}
	return cfg
}

// shape is all that a snapshot says and does, in words.
func shape(t *testing.T, s *Snapshot, problems []lb.Problem) string {
	var b strings.Builder
	for _, port := range slices.Sorted(maps.Keys(s.Sockets)) {
		fmt.Fprintln(&b, port, s.Sockets[port].Secure, s.Sockets[port].BoundPort)
		for _, l := range s.Sockets[port].Listeners {
			fmt.Fprintln(&b, " ", l.LoadBalancer.Config.Key, l.Attributes, l.allowed)
			if !slices.Contains(l.LoadBalancer.Config.Listeners, l.Config) || !slices.Contains(s.Config.LoadBalancers, l.LoadBalancer.Config) || !l.table.Of(l.compiled) {
				t.Fatal("a listener is of another Config")
			}
			for i, r := range append([]*Rule{l.fallback}, l.rules...) {
				if i > 0 && (r.Config != l.compiled[i-1] || !slices.Contains(l.Config.Rules, r.Config)) {
					t.Fatal("a rule is of another Config")
				}
				fmt.Fprint(&b, "    ", r.Priority, r.Logged, r.Refused, r.Redirect, r.Fixed, len(r.Transforms))
				if r.Forward != nil {
					for _, m := range r.Forward.Members {
						fmt.Fprint(&b, " ", m.Group.Config.Key, m.Group.Attributes)
						if s.TargetGroups[m.Group.Config.Key] != m.Group || s.Config.TargetGroups[m.Group.Config.Key] != m.Group.Config {
							t.Fatal("a rule forwards to a target group of another snapshot")
						}
					}
				}
				fmt.Fprintln(&b)
			}
		}
	}
	var lines []string
	for _, g := range s.HealthGroups() {
		lines = append(lines, fmt.Sprint(g.Key, g.Targets, g.Used))
	}
	for _, u := range s.Uses() {
		lines = append(lines, fmt.Sprint(u.LoadBalancer.Config.Key, " uses ", u.Group.Config.Key))
	}
	for _, p := range slices.Concat(problems, s.Config.Warnings, s.Config.Notes) {
		lines = append(lines, p.String())
	}
	slices.Sort(lines)
	return b.String() + strings.Join(lines, "\n")
}

// TestWhatIsTakenOverIsWhatWouldBeBuilt: whatever was in service, a snapshot is as one that takes over nothing.
func TestWhatIsTakenOverIsWhatWouldBeBuilt(t *testing.T) {
	o := &town{rand.New(rand.NewPCG(1, 2)), map[string]*lb.LoadBalancer{}, map[string]*lb.TargetGroup{}}
	with := options(t)
	balancers, rules := 0, 0
	for step := range 1500 {
		o.change()
		without := with
		without.Previous, without.Live = nil, NewLive()
		fresh, problems := Build(o.config(), without)
		want := shape(t, fresh, problems)
		next, problems := Build(o.config(), with)
		if got := shape(t, next, problems); got != want {
			t.Fatalf("step %d:\n%s\nwant\n%s", step, got, want)
		}
		for key, b := range next.balancers {
			if with.Previous.Has(b) {
				balancers++
			} else if old := with.Previous; old != nil && old.balancers[key] != nil {
				for _, l := range b.listeners {
					for _, before := range old.balancers[key].listeners {
						if len(l.rules) > 0 && slices.Contains(before.rules, l.rules[0]) {
							rules++
						}
					}
				}
			}
		}
		with.Live.Install(next)
		for _, target := range with.Live.targets {
			g := next.TargetGroups[target.Key.Group]
			if in := g != nil && slices.Contains(g.Targets, target); in != target.taken {
				t.Fatalf("step %d: a target of %s is taken: %v, want %v", step, target.Key.Group, target.taken, in)
			}
		}
		with.Previous = next
	}
	if balancers < 500 || rules < 200 {
		t.Errorf("%d load balancers were taken over, and %d listeners took over rules", balancers, rules)
	}
}
