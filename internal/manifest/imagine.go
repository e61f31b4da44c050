package manifest

import (
	"maps"
	"slices"

	"github.com/albatross-lb/albatross/lb"
)

// imagine tells what lb.Validate finds wrong with what would come of an object that is set
// aside: its rules, actions and health checks, as far as they could be read. None of it is
// served; its author hears of it in the same run as of all else.
func (b *builder) imagine(l *lb.LoadBalancer, groups map[string]*lb.TargetGroup) {
	cfg := emptyConfig()
	cfg.TargetGroups = maps.Clone(groups)
	missing := func(actions []lb.Action) bool {
		return slices.ContainsFunc(actions, func(a lb.Action) bool {
			return a.Type == "" || a.Forward != nil && slices.ContainsFunc(a.Forward.TargetGroups, func(t lb.WeightedTargetGroup) bool {
				if bound := b.whole.TargetGroups[t.TargetGroup]; bound != nil {
					cfg.TargetGroups[t.TargetGroup] = bound
				}
				return cfg.TargetGroups[t.TargetGroup] == nil && t.TargetGroupARN == ""
			})
		})
	}
	l.Listeners = slices.DeleteFunc(l.Listeners, func(x *lb.Listener) bool { return missing(x.DefaultActions) })
	for _, x := range l.Listeners {
		x.Rules = slices.DeleteFunc(x.Rules, func(r *lb.Rule) bool { return missing(r.Actions) })
	}
	if len(l.Listeners) > 0 { // else it would be told that it has none
		cfg.LoadBalancers = append(cfg.LoadBalancers, l)
	}
	lb.Validate(cfg)
	ours := map[lb.Origin]bool{l.Origin: true} // of what is bound, and serves, it is told elsewhere
	for _, g := range groups {
		ours[g.Origin] = true
	}
	for _, p := range cfg.SetAside {
		if ours[p.Origin] {
			b.setAsideOnce(p)
		}
	}
	for _, p := range cfg.Warnings {
		if ours[p.Origin] {
			b.warnOnce(p.Origin, p.Field, p.Text)
		}
	}
}

// imagineMember is that for a member of a group, with the rules that could be made of it:
// by itself, since what it says counts for nobody else.
func (b *builder) imagineMember(m *member, p *plan) {
	alone := b.merge(&group{key: m.name.String(), members: []*member{m}}, []*member{m})
	if len(alone.ports) == 0 { // what holds for any listener
		port := newPort(lb.HTTP)
		port.add(m, portWords{protocol: lb.HTTP})
		port.close(80, b.opts.DefaultSSLPolicy)
		alone.ports[80] = port
	}
	m.plan = p
	l := b.loadBalancer(alone)
	l.Origin = m.origin
	for _, number := range slices.Sorted(maps.Keys(alone.ports)) {
		l.Listeners = append(l.Listeners, alone.listener(number))
	}
	m.plan = nil
	b.imagine(l, p.targetGroups)
}
