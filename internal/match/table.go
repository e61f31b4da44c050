package match

import (
	"fmt"
	"regexp"
	"slices"

	"github.com/albatross-lb/albatross/lb"
)

// Table is a listener's rules made ready. It does not change and may be used by any number of goroutines.
type Table struct {
	rules []rule
	// anyHost files the rules that every host may meet, hosts the others.
	anyHost paths
	hosts   index[*paths]

	names       index[[]*pattern] // every host named by a rule
	nameRegexes []*regexp.Regexp
	hasAnyHost  bool
}

type rule struct {
	of         *lb.Rule
	conditions []condition // in the order of of.Conditions
	err        error       // why the rule never holds
}

// Compile makes a table of rules, which are in the order of their priority. A rule
// that cannot be compiled never holds and is reported; the others serve.
func Compile(rules []*lb.Rule) (*Table, []lb.Problem) {
	t := &Table{rules: make([]rule, len(rules))}
	var problems []lb.Problem
	byHost, byPath := frequency{}, frequency{}
	for i, r := range rules {
		t.rules[i] = compileRule(r)
		if err := t.rules[i].err; err != nil {
			problems = append(problems, lb.Problem{Origin: r.Origin, Field: r.Field, Text: err.Error()})
			continue
		}
		byHost.count(t.rules[i].first(onHost))
		byPath.count(t.rules[i].first(onPath))
	}
	for i := range t.rules {
		if t.rules[i].err == nil {
			t.file(i, byHost, byPath)
			t.name(&t.rules[i], byHost)
		}
	}
	return t, problems
}

// Of tells whether t was made of exactly these rules, and of all of them well.
func (t *Table) Of(rules []*lb.Rule) bool {
	return slices.EqualFunc(t.rules, rules, func(made rule, r *lb.Rule) bool { return made.of == r && made.err == nil })
}

func compileRule(r *lb.Rule) rule {
	out := rule{of: r, conditions: make([]condition, len(r.Conditions))}
	for i, c := range r.Conditions {
		var err error
		if out.conditions[i], err = compileCondition(c); err != nil {
			out.err = fmt.Errorf("condition %s: %w", c.Field, err)
			break
		}
	}
	return out
}

// first is the rule's first condition of a kind; nil: it has none.
func (r *rule) first(of kind) *condition {
	for i := range r.conditions {
		if r.conditions[i].kind == of {
			return &r.conditions[i]
		}
	}
	return nil
}

// maxPlaces bounds how often one rule is filed. A rule of more combinations of host and
// path is filed by its hosts alone.
const maxPlaces = 1024

func (t *Table) file(i int, byHost, byPath frequency) {
	hosts := byHost.places(t.rules[i].first(onHost))
	within := byPath.places(t.rules[i].first(onPath))
	if len(hosts)*len(within) > maxPlaces {
		within = []place{{}}
	}
	for _, host := range hosts {
		p := &t.anyHost
		if host != (place{}) {
			t.hosts.change(host, func(old *paths) *paths {
				if p = old; p == nil {
					p = new(paths)
				}
				return p
			})
		}
		for _, path := range within {
			p.file(path, int32(i))
		}
	}
}

// name remembers the hosts that a rule names, for Claims.
func (t *Table) name(r *rule, byHost frequency) {
	if r.first(onHost) == nil {
		t.hasAnyHost = true
	}
	for i := range r.conditions {
		c := &r.conditions[i]
		if c.kind != onHost {
			continue
		}
		t.nameRegexes = append(t.nameRegexes, c.regexes...)
		for j := range c.patterns {
			p := &c.patterns[j]
			t.names.change(byHost.place(p), func(old []*pattern) []*pattern {
				if p.exact() && len(old) > 0 {
					return old
				}
				return append(old, p)
			})
		}
	}
}

// Find is the index of the first rule that holds, or -1: the listener's default
// actions are to be run. It allocates nothing.
func (t *Table) Find(r *Request) int {
	var s subject
	s.ask(r)
	best := int32(len(t.rules))
	if host, ok := s.folded.get(); ok {
		if p, ok := t.hosts.whole(host); ok {
			best = t.within(p, &s, best)
		}
		for _, hosts := range [...]*tree[*paths]{t.hosts.starts, t.hosts.ends} {
			for w := hosts.walk(host); ; {
				p, ok := w.next()
				if !ok {
					break
				}
				best = t.within(p, &s, best)
			}
		}
	}
	best = t.within(&t.anyHost, &s, best)
	s.release()
	if int(best) == len(t.rules) {
		return -1
	}
	return int(best)
}

// within looks for a rule before best among those of one host.
func (t *Table) within(p *paths, s *subject, best int32) int32 {
	if rules, ok := p.whole(s.Path); ok {
		best = t.earliest(rules, s, best)
	}
	for w := p.starts.walk(s.Path); ; {
		rules, ok := w.next()
		if !ok {
			break
		}
		best = t.earliest(rules, s, best)
	}
	for w := p.ends.walk(s.Path); ; {
		rules, ok := w.next()
		if !ok {
			break
		}
		best = t.earliest(rules, s, best)
	}
	return best
}

// earliest is the first of rules that holds, or best where none before it does.
func (t *Table) earliest(rules []int32, s *subject, best int32) int32 {
	for _, i := range rules {
		if i >= best {
			return best
		}
		if t.rules[i].holds(s) {
			return i
		}
	}
	return best
}

// holds tells whether all conditions of the rule do.
func (r *rule) holds(s *subject) bool {
	for i := range r.conditions {
		if !r.conditions[i].holds(s) {
			return false
		}
	}
	return true
}

// HasAnyHost tells whether some rule has no host condition, so that any host may meet it.
func (t *Table) HasAnyHost() bool { return t.hasAnyHost }

// Claims tells whether a rule names this host, given as in Request.Host, in a host
// condition: exactly, by a pattern or by a regular expression. It is what chooses between load
// balancers that share a port, and it allocates nothing.
func (t *Table) Claims(host []byte) bool {
	var f folded
	f.set(trimPort(host))
	name, ok := f.get()
	if !ok {
		return false
	}
	if _, ok := t.names.whole(name); ok {
		return true
	}
	for _, names := range [...]*tree[[]*pattern]{t.names.starts, t.names.ends} {
		for w := names.walk(name); ; {
			patterns, ok := w.next()
			if !ok {
				break
			}
			for _, p := range patterns {
				if p.matches(name) {
					return true
				}
			}
		}
	}
	return anyRegex(t.nameRegexes, trimPort(host))
}
