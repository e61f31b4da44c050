package lb

import (
	"bytes"
	"maps"
	"slices"
	"strings"
)

// Part is the Config of one source, named by where it came from ("file", "kube").
type Part struct {
	Origin string
	Config *Config
}

// Merge makes one Config of what several sources want, earlier parts first. A load
// balancer, a target group or a certificate that an earlier part has already is set
// aside with a Problem that names both places; a rule that would have used a target
// group set aside so goes with it, since the group of the same key is another one.
//
// The parts stay as they are, and can be merged again later: the result has lists and
// maps of its own, with the same load balancers and target groups in them, which
// Validate replaces and never writes to. A nil Config is passed over.
func Merge(parts ...Part) *Config {
	m := merging{
		into: &Config{LoadBalancers: []*LoadBalancer{}, TargetGroups: map[string]*TargetGroup{}, Certificates: map[string]*KeyPair{}},
		from: map[any]string{},
	}
	for _, p := range parts {
		if p.Config != nil {
			m.add(p)
		}
	}
	order(m.into.LoadBalancers, byKey)
	order(m.into.Ignored, strings.Compare)
	m.into.Ignored = slices.Compact(m.into.Ignored)
	return m.into
}

// merging is a Merge under way.
type merging struct {
	into *Config
	from map[any]string // the part's origin of each thing taken, by its kind and key
}

// The kinds of things that conflict beside load balancers, each with its own keys.
type (
	targetGroupKey string
	certificateKey string
)

func (m *merging) add(p Part) {
	c := m.into
	c.Ignored = append(c.Ignored, p.Config.Ignored...)
	c.SetAside = append(c.SetAside, p.Config.SetAside...)
	c.Warnings = append(c.Warnings, p.Config.Warnings...)
	c.Notes = append(c.Notes, p.Config.Notes...)
	m.addCertificates(p)
	m.addACME(p)
	m.addDiscover(p)
	lost := m.addTargetGroups(p)
	for _, b := range p.Config.LoadBalancers {
		if b == nil {
			continue
		}
		if by, taken := m.from[b.identity()]; taken {
			first := c.loadBalancer(b.identity())
			m.conflict(b.Origin, "load balancer "+b.Key, by, p.Origin, first.Origin)
			continue
		}
		m.from[b.identity()] = p.Origin
		if len(lost) > 0 {
			b = b.clone()
			m.withoutLost(b, lost)
		}
		c.LoadBalancers = append(c.LoadBalancers, b)
	}
}

// addTargetGroups takes the part's target groups and returns the keys of those that
// an earlier part has.
func (m *merging) addTargetGroups(p Part) (lost map[string]bool) {
	lost = map[string]bool{}
	for _, key := range slices.Sorted(maps.Keys(p.Config.TargetGroups)) {
		g := p.Config.TargetGroups[key]
		if g == nil {
			continue
		}
		if by, taken := m.from[targetGroupKey(key)]; taken {
			lost[key] = true
			m.conflict(g.Origin, "target group "+key, by, p.Origin, m.into.TargetGroups[key].Origin)
			continue
		}
		m.from[targetGroupKey(key)] = p.Origin
		m.into.TargetGroups[key] = g
	}
	return lost
}

func (m *merging) addCertificates(p Part) {
	for _, ref := range slices.Sorted(maps.Keys(p.Config.Certificates)) {
		pair := p.Config.Certificates[ref]
		if pair == nil {
			continue
		}
		by, taken := m.from[certificateKey(ref)]
		if !taken {
			m.from[certificateKey(ref)] = p.Origin
			m.into.Certificates[ref] = pair
			continue
		}
		if first := m.into.Certificates[ref]; !bytes.Equal(first.CertPEM, pair.CertPEM) || !bytes.Equal(first.KeyPEM, pair.KeyPEM) {
			m.conflict(pair.Origin, "certificate "+ref, by, p.Origin, first.Origin)
		}
	}
}

// addACME: an earlier part's word counts. Who asks for the same reference is the
// same object, which its load balancer has been set aside for already.
func (m *merging) addACME(p Part) {
	for ref, ask := range p.Config.ACME {
		if m.into.ACME == nil {
			m.into.ACME = map[string]*ACME{}
		}
		if m.into.ACME[ref] == nil {
			m.into.ACME[ref] = ask
		}
	}
}

// addDiscover is addACME for what is to be found.
func (m *merging) addDiscover(p Part) {
	for ref, ask := range p.Config.Discover {
		if m.into.Discover == nil {
			m.into.Discover = map[string]*Discovery{}
		}
		if m.into.Discover[ref] == nil {
			m.into.Discover[ref] = ask
		}
	}
}

// conflict sets what is at origin aside: first has it already.
func (m *merging) conflict(origin Origin, what, firstPart, part string, first Origin) {
	text := what + " is served already"
	if s := first.String(); s != "" {
		text += ", from " + s
	}
	switch {
	case firstPart == part:
		text += "; write it once"
	default:
		text += " (source " + firstPart + "); write it in one source only, or give one of the two another name"
	}
	m.into.SetAside = append(m.into.SetAside, Problem{Origin: origin, Text: text})
}

// withoutLost sets the rules of b aside that forward to a lost target group.
func (m *merging) withoutLost(b *LoadBalancer, lost map[string]bool) {
	for _, l := range b.Listeners {
		kept := make([]*Rule, 0, len(l.Rules))
		for _, r := range l.Rules {
			if key := firstOf(lost, r.Actions); key != "" {
				m.unusable(r.Origin, r.field(), key)
				if !guarded(r.Actions) {
					continue
				}
				r = r.closed()
			}
			kept = append(kept, r)
		}
		l.Rules = kept
		if key := firstOf(lost, l.DefaultActions); key != "" {
			m.unusable(l.Origin, "defaultActions", key)
			l.DefaultActions = unavailable()
		}
	}
}

func (m *merging) unusable(o Origin, field, key string) {
	m.into.SetAside = append(m.into.SetAside, Problem{o, field,
		"its target group " + key + " was set aside because another source has one of that name; write it in one source only"})
}

// firstOf is the first target group of actions that is in keys, or "".
func firstOf(keys map[string]bool, actions []Action) string {
	for _, a := range actions {
		if a.Forward == nil {
			continue
		}
		for _, g := range a.Forward.TargetGroups {
			if keys[g.TargetGroup] {
				return g.TargetGroup
			}
		}
	}
	return ""
}

func (c *Config) loadBalancer(id identity) *LoadBalancer {
	for _, b := range c.LoadBalancers {
		if b.identity() == id {
			return b
		}
	}
	return &LoadBalancer{}
}

// clone copies b as deep as Merge and Validate write: the load balancer and its
// listeners. Lists, rules and actions are replaced, never written to.
func (b *LoadBalancer) clone() *LoadBalancer {
	own := *b
	own.Listeners = make([]*Listener, 0, len(b.Listeners))
	for _, l := range b.Listeners {
		if l == nil {
			continue
		}
		listener := *l
		if slices.Contains(l.Rules, nil) {
			listener.Rules = slices.DeleteFunc(slices.Clone(l.Rules), func(r *Rule) bool { return r == nil })
		}
		own.Listeners = append(own.Listeners, &listener)
	}
	return &own
}
