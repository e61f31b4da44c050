package match

import (
	"fmt"
	"regexp"
	"slices"

	"github.com/albatross-lb/albatross/lb"
)

// Table is a listener's rules made ready. It does not change and may be used by any number of goroutines.
type Table struct {
	of    []*lb.Rule
	rules []*rule // compiled, shared with the tables before and after
	// anyHost files the rules that every host may meet, hosts the others.
	anyHost *bucket
	hosts   index[*bucket]
	wild    map[place]*bucket // those of hosts that are in a tree, by their place

	names       index[[]*pattern] // every host named by a rule
	nameRegexes []*regexp.Regexp
	hasAnyHost  bool
}

type rule struct {
	conditions []condition // in the order of the lb.Rule's
	hosts      []place     // where it is filed, if that does not depend on other rules
	many       bool        // too many combinations of host and path to be filed by both
	err        error       // why the rule never holds
}

// bucket is the rules that are filed under one host. Its paths know a rule by its place
// in the bucket, so that they stay as they are when rules of other hosts come and go.
type bucket struct {
	rules []int32 // by their number in the table, in ascending order
	paths *paths
}

// Compile makes a table of rules, which are in the order of their priority. A rule
// that cannot be compiled never holds and is reported; the others serve.
func Compile(rules []*lb.Rule) (*Table, []lb.Problem) { return new(Table).Next(rules) }

// Next is like Compile, for rules that come after those of t by a change of few: what is
// the same is taken over from t.
func (t *Table) Next(rules []*lb.Rule) (*Table, []lb.Problem) {
	next := &Table{of: rules, rules: make([]*rule, len(rules)), wild: map[place]*bucket{}}
	earlier := lb.Earlier(t.of, rules)
	var problems []lb.Problem
	byHost := frequency{}
	for i, r := range rules {
		if at := earlier.Of(i); at >= 0 {
			next.rules[i] = t.rules[at]
		} else {
			next.rules[i] = compileRule(r)
		}
		if err := next.rules[i].err; err != nil {
			problems = append(problems, lb.Problem{Origin: r.Origin, Field: r.Field, Text: err.Error()})
			continue
		}
		byHost.count(next.rules[i].first(onHost))
	}
	next.anyHost = t.roomFor(place{})
	next.fileByHost(t, byHost)
	next.fileByPath(t)
	next.nameHosts(byHost)
	return next, problems
}

// Of tells whether t was made of exactly these rules, and of all of them well.
func (t *Table) Of(rules []*lb.Rule) bool {
	return slices.Equal(t.of, rules) && !slices.ContainsFunc(t.rules, func(r *rule) bool { return r.err != nil })
}

func compileRule(r *lb.Rule) *rule {
	out := &rule{conditions: make([]condition, len(r.Conditions))}
	for i, c := range r.Conditions {
		var err error
		if out.conditions[i], err = compileCondition(c); err != nil {
			out.err = fmt.Errorf("condition %s: %w", c.Field, err)
			return out
		}
	}
	host, path := out.first(onHost), out.first(onPath)
	out.many = host.values()*path.values() > maxPlaces
	if host == nil || host.exact() {
		out.hosts = frequency{}.places(host)
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

// fileByHost puts every rule into the buckets of its hosts.
func (t *Table) fileByHost(before *Table, byHost frequency) {
	var last *bucket // many rules of one host follow each other
	var lastPlace place
	for i, r := range t.rules {
		if r.err != nil {
			continue
		}
		hosts := r.hosts
		if hosts == nil {
			hosts = byHost.places(r.first(onHost))
		}
		for _, host := range hosts {
			if last == nil || host != lastPlace {
				last, lastPlace = t.bucket(host), host
				if last == nil {
					last = before.roomFor(host)
					t.add(host, last)
				}
			}
			last.rules = append(last.rules, int32(i))
		}
	}
}

// bucket is the one of a host, nil if there is none.
func (t *Table) bucket(host place) *bucket {
	switch {
	case host == place{}:
		return t.anyHost
	case host.kind == equal:
		return t.hosts.equal[host.text]
	}
	return t.wild[host]
}

// roomFor is an empty bucket, for as many rules as are in that of t.
func (t *Table) roomFor(host place) *bucket {
	if b := t.bucket(host); b != nil {
		return &bucket{rules: make([]int32, 0, len(b.rules))}
	}
	return &bucket{}
}

func (t *Table) add(host place, b *bucket) {
	t.hosts.change(host, func(*bucket) *bucket { return b })
	if host.kind != equal {
		t.wild[host] = b
	}
}

// fileByPath files the rules of each bucket, or finds them filed.
func (t *Table) fileByPath(before *Table) {
	t.filePaths(before, place{}, t.anyHost)
	for host, b := range t.hosts.equal {
		t.filePaths(before, place{equal, host}, b)
	}
	for host, b := range t.wild {
		t.filePaths(before, host, b)
	}
}

func (t *Table) filePaths(before *Table, host place, b *bucket) {
	old := before.bucket(host)
	if old != nil && slices.EqualFunc(old.rules, b.rules, func(x, y int32) bool { return before.rules[x] == t.rules[y] }) {
		b.paths = old.paths
		return
	}
	byPath := frequency{}
	for _, i := range b.rules {
		byPath.count(t.rules[i].first(onPath))
	}
	b.paths = new(paths)
	for at, i := range b.rules {
		within := []place{{}}
		if r := t.rules[i]; !r.many {
			within = byPath.places(r.first(onPath))
		}
		for _, path := range within {
			b.paths.file(path, int32(at))
		}
	}
}

// nameHosts remembers the hosts that rules name, for Claims.
func (t *Table) nameHosts(byHost frequency) {
	last := ""
	for _, r := range t.rules {
		if r.err != nil {
			continue
		}
		if r.first(onHost) == nil {
			t.hasAnyHost = true
		}
		for i := range r.conditions {
			if r.conditions[i].kind == onHost {
				last = t.name(&r.conditions[i], byHost, last)
			}
		}
	}
}

// name remembers the hosts of one condition. last is a name that is known already.
func (t *Table) name(c *condition, byHost frequency, last string) string {
	t.nameRegexes = append(t.nameRegexes, c.regexes...)
	for j := range c.patterns {
		p := &c.patterns[j]
		if p.exact() {
			if last != "" && string(p.head.text) == last {
				continue
			}
			last = string(p.head.text)
		}
		t.names.change(byHost.place(p), func(old []*pattern) []*pattern {
			if p.exact() && len(old) > 0 {
				return old
			}
			return append(old, p)
		})
	}
	return last
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
		for _, hosts := range [...]*tree[*bucket]{t.hosts.starts, t.hosts.ends} {
			for w := hosts.walk(host); ; {
				p, ok := w.next()
				if !ok {
					break
				}
				best = t.within(p, &s, best)
			}
		}
	}
	best = t.within(t.anyHost, &s, best)
	s.release()
	if int(best) == len(t.rules) {
		return -1
	}
	return int(best)
}

// within looks for a rule before best among those of one host.
func (t *Table) within(b *bucket, s *subject, best int32) int32 {
	p := b.paths
	if rules, ok := p.whole(s.Path); ok {
		best = t.earliest(b, rules, s, best)
	}
	for w := p.starts.walk(s.Path); ; {
		rules, ok := w.next()
		if !ok {
			break
		}
		best = t.earliest(b, rules, s, best)
	}
	for w := p.ends.walk(s.Path); ; {
		rules, ok := w.next()
		if !ok {
			break
		}
		best = t.earliest(b, rules, s, best)
	}
	return best
}

// earliest is the first of rules, by their places in the bucket, that holds, or best where
// none before it does.
func (t *Table) earliest(b *bucket, rules []int32, s *subject, best int32) int32 {
	for _, at := range rules {
		i := b.rules[at]
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
