package snapshot

import (
	"slices"

	"github.com/albatross-lb/albatross/internal/match"
	"github.com/albatross-lb/albatross/lb"
)

// What is the same object in the Config as in that of the snapshot in service is taken over
// from there as it was compiled, since neither is changed any more. It must not have said
// anything then: what is wrong is to be said each time.

// targetGroups compiles those that are not as they were.
func (b *builder) targetGroups() {
	b.replaced = map[*TargetGroup]bool{}
	for key, g := range b.cfg.TargetGroups {
		old := b.Previous.TargetGroups[key]
		if old != nil && old.Config == g && old.whole && old.byDefault == b.zonal[key] {
			b.out.TargetGroups[key] = old
			continue
		}
		said := b.said
		made := b.targetGroup(g)
		made.whole = b.said == said
		b.out.TargetGroups[key] = made
	}
	for key, old := range b.Previous.TargetGroups {
		if b.out.TargetGroups[key] != old {
			b.replaced[old] = true
		}
	}
}

// keep takes over an application load balancer as a whole, if it can be.
func (b *builder) keep(c *lb.LoadBalancer) bool {
	old := b.Previous.balancers[c.Key]
	if old == nil || old.Config != c || !old.whole {
		return false
	}
	for _, l := range old.listeners {
		s := b.out.Sockets[l.Port]
		if s != nil && s.Secure || slices.ContainsFunc(l.uses, func(g *TargetGroup) bool { return b.replaced[g] }) {
			return false
		}
		if _, taken := b.claim(l.Port, false); taken {
			return false
		}
	}
	for _, l := range old.listeners {
		s := b.out.Sockets[l.Port]
		if s == nil {
			s = &Socket{Port: l.Port, BoundPort: l.PublicPort}
			b.out.Sockets[l.Port] = s
		}
		s.Listeners = append(s.Listeners, l)
	}
	b.out.balancers[c.Key] = old
	b.logsChecks = b.logsChecks || old.HealthCheckLog.On()
	return true
}

// earlier is the listener in service that l takes the place of, or an empty one.
func (b *builder) earlier(l *Listener) *Listener {
	if old := b.Previous.balancers[l.LoadBalancer.Config.Key]; old != nil && old.Metrics == l.LoadBalancer.Metrics {
		for _, before := range old.listeners {
			if before.Port == l.Port {
				return before
			}
		}
	}
	none, _ := match.Compile(nil)
	return &Listener{table: none}
}

// kept is the rule at an index of an earlier listener as one of c, which is the same but for its
// priority; nil where it is to be compiled. Redirects are, since they may follow other listeners.
func (b *builder) kept(old *Listener, at int, c *lb.Rule) *Rule {
	if at < 0 {
		return nil
	}
	r := old.rules[at]
	if !r.whole || r.Redirect != nil || r.Forward != nil && len(b.replaced) > 0 && slices.ContainsFunc(r.Forward.Members, func(m Member) bool { return b.replaced[m.Group] }) {
		return nil
	}
	if r.Config == c {
		return r
	}
	own := *r
	own.Config, own.Priority = c, c.Priority
	return &own
}

// groups are those that the listener forwards to, each once.
func (l *Listener) groups() []*TargetGroup {
	seen, all := map[*TargetGroup]bool{}, []*TargetGroup{}
	var last *TargetGroup // many rules for one follow each other
	add := func(r *Rule) {
		if r.Forward == nil {
			return
		}
		for _, m := range r.Forward.Members {
			if m.Group != last && !seen[m.Group] {
				seen[m.Group] = true
				all = append(all, m.Group)
			}
			last = m.Group
		}
	}
	add(l.fallback)
	for _, r := range l.rules {
		add(r)
	}
	return all
}

// pointsElsewhere tells whether a redirect names a host: where that is served decides about its port.
func (l *Listener) pointsElsewhere() bool {
	names := func(actions []lb.Action) bool {
		return slices.ContainsFunc(actions, func(a lb.Action) bool { return a.Redirect != nil && a.Redirect.Host != nil })
	}
	return names(l.Config.DefaultActions) || slices.ContainsFunc(l.rules, func(r *Rule) bool { return r.Redirect != nil && names(r.Config.Actions) })
}

// Has tells whether the snapshot has this very load balancer; a nil one has none.
func (s *Snapshot) Has(b *LoadBalancer) bool { return s != nil && s.balancers[b.Config.Key] == b }
