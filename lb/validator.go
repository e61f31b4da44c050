package lb

import (
	"maps"
	"slices"
)

// A Validator validates one Config after the other, as Validate does, of which little has
// changed. A load balancer or a target group that is the same pointer as the last time, and
// was good as it was, is looked at again only where it depends on another one that is not;
// and what is looked at again keeps the rules that were good. So what a Config holds must not be changed once it was
// validated. What is good as it is stays the same pointer, for others who remember.
type Validator struct {
	groups    map[string]judgedGroup // by key
	balancers map[identity]*judgedBalancer
}

// saying is one problem that was said: set aside, or a warning.
type saying struct {
	setAside bool
	Problem
}

// judgedGroup is a target group and what became of it.
type judgedGroup struct {
	in, out *TargetGroup // out is nil where it was set aside
	said    []saying
}

// judgedBalancer is a load balancer and what became of it.
type judgedBalancer struct {
	in, out   *LoadBalancer
	said      []saying
	groups    []string // keys of the target groups that out forwards to, sorted
	listeners map[place]*judgedListener
}

// judgedListener is what was said of the rules of a listener.
type judgedListener struct {
	protocol Protocol
	rules    []*Rule          // as they were given
	said     map[int][]saying // by their index; mostly empty
	faulty   map[int]bool     // those that did not stay as they were
}

// Validate is like the function Validate. Calls must not overlap.
func (m *Validator) Validate(cfg *Config) {
	v := validation{cfg: cfg, said: map[Problem]bool{}, gone: map[string]bool{}, old: *m,
		now:     Validator{make(map[string]judgedGroup, len(cfg.TargetGroups)), make(map[identity]*judgedBalancer, len(cfg.LoadBalancers))},
		touched: map[string]bool{}, changed: map[string]bool{}}
	for _, p := range slices.Concat(cfg.SetAside, cfg.Warnings) {
		v.said[p] = true
	}
	v.targetGroups()
	v.compareGroups()
	v.loadBalancers()
	v.sharedGroups()
	cfg.Sort()
	*m = v.now
}

func (v *validation) repeat(said []saying) {
	for _, s := range said {
		v.say(s)
	}
}

// judgeGroup gives what is served of a target group; nil: nothing.
func (v *validation) judgeGroup(key string, g *TargetGroup) *TargetGroup {
	if old, known := v.old.groups[key]; known && old.in == g {
		v.repeat(old.said)
		v.now.groups[key] = old
		return old.out
	}
	v.trace = nil
	made := judgedGroup{in: g}
	if v.targetGroupFits(key, g) {
		own := *g
		own.Key = key
		v.targetGroup(&own)
		if made.out = &own; own.Key == g.Key && len(own.Targets) == len(g.Targets) && own.sameCheck(g) {
			made.out = g
		}
	}
	made.said = v.trace
	v.now.groups[key] = made
	return made.out
}

func (g *TargetGroup) sameCheck(other *TargetGroup) bool {
	return g.HealthCheck == nil || *g.HealthCheck == *other.HealthCheck
}

// compareGroups finds the target groups that are not as they were.
func (v *validation) compareGroups() {
	for key, now := range v.now.groups {
		old, known := v.old.groups[key]
		if !known || old.out != now.out {
			v.touched[key] = true
			v.changed[key] = !known || old.out == nil || now.out == nil || old.out.layer7() != now.out.layer7()
		}
	}
	for key := range v.old.groups {
		if _, still := v.now.groups[key]; !still {
			v.touched[key], v.changed[key] = true, true
		}
	}
	maps.DeleteFunc(v.changed, func(_ string, changed bool) bool { return !changed })
}

// judge gives what is served of a load balancer.
func (v *validation) judge(b *LoadBalancer) *LoadBalancer {
	old := v.old.balancers[b.identity()]
	if old != nil && old.in == b && old.out == b && !slices.ContainsFunc(old.groups, func(key string) bool { return v.touched[key] }) {
		v.repeat(old.said)
		v.now.balancers[b.identity()] = old
		return old.out
	}
	v.trace = nil
	made := &judgedBalancer{in: b, out: b.clone(), listeners: map[place]*judgedListener{}}
	v.loadBalancer(made.out, made)
	if made.out.same(b) {
		made.out = b
	}
	made.said = v.trace
	v.now.balancers[b.identity()] = made
	return made.out
}

// same tells whether validation left b, a clone of other, as it was.
func (b *LoadBalancer) same(other *LoadBalancer) bool {
	return len(b.InboundCIDRs) == len(other.InboundCIDRs) && slices.EqualFunc(b.Listeners, other.Listeners, func(x, y *Listener) bool {
		return y != nil && x.place() == y.place() && identical(x.Rules, y.Rules) && identical(x.DefaultActions, y.DefaultActions)
	})
}

// collectGroups notes the target groups that the load balancer forwards to.
func (j *judgedBalancer) collectGroups(b *LoadBalancer) {
	all := map[string]bool{}
	for _, l := range b.Listeners {
		collectGroups(all, l.DefaultActions)
		var last []Action // paths to one backend share it
		for _, r := range l.Rules {
			if !identical(r.Actions, last) {
				collectGroups(all, r.Actions)
			}
			last = r.Actions
		}
	}
	j.groups = sortedKeys(all)
}

// listener is what was said of a listener of its kind in the same place.
func (m *Validator) listener(b *LoadBalancer, l *Listener) *judgedListener {
	if old := m.balancers[b.identity()]; old != nil {
		if j := old.listeners[l.place()]; j != nil && j.protocol == l.Protocol {
			return j
		}
	}
	return &judgedListener{}
}
