package manifest

import (
	"reflect"
	"slices"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"

	"github.com/albatross-lb/albatross/lb"
)

// A Translation builds one Config after the other, as Build does, of objects of which
// few have changed. It plans the rules of an Ingress anew only where something is
// another object than the last time: the Ingress itself, or what its plan looked up.
// That an object is the same is told by its pointer alone, so that objects must not be
// changed in place. A rule that stays the same is the same *lb.Rule in the next Config,
// which those who compile rules take as their own word for it.
type Translation struct {
	opts     Options
	nodes    []*corev1.Node
	memories map[memoryKey]*memory
}

// memoryKey is the Ingress and what is remembered of it: "plan" or "remarks".
type memoryKey struct {
	name
	of string
}

// NewTranslation makes one that remembers nothing yet.
func NewTranslation(opts Options) *Translation { return &Translation{opts: opts} }

// Build is like the function Build. Calls must not overlap.
func (t *Translation) Build(objects []Object) *lb.Config {
	b := newBuilder(t.opts)
	b.index(objects)
	if slices.Equal(b.nodes, t.nodes) {
		b.remembered = t.memories
	}
	cfg := b.build()
	t.nodes, t.memories = b.nodes, b.memories
	return cfg
}

// memory is what was made of an Ingress, what it was made of and what was said meanwhile.
type memory struct {
	ingress *networkingv1.Ingress
	origin  lb.Origin
	params  *IngressClassParamsSpec
	frame   planFrame
	looked  []look

	plan            *plan // nil of remarks
	warnings, notes []lb.Problem
	keys            map[string]string // of target groups, as in builder.madeOf
}

// planFrame is what a plan takes from the group that its member is in.
type planFrame struct {
	key, ipAddressType string
	open               int  // a listener without TLS that serves; 0: there is none
	secure             bool // there is one with TLS
}

// look is one thing looked up by its name, and what was found.
type look struct {
	kind   rune // 's' Service, 'e' its EndpointSlices, 'k' Secret, 'b' a target group that may be bound
	name   name
	object any // *corev1.Service, *corev1.Secret, the key of the group; nil: there is none
	slices []*discoveryv1.EndpointSlice
	origin lb.Origin
}

func (b *builder) service(n name) *service {
	s := b.services[n]
	b.looked = append(b.looked, b.look('s', n))
	return s
}

func (b *builder) slicesOf(n name) []*discoveryv1.EndpointSlice {
	b.looked = append(b.looked, b.look('e', n))
	return b.slices[n]
}

func (b *builder) secret(n name) (*secret, bool) {
	b.looked = append(b.looked, b.look('k', n))
	s, ok := b.secrets[n]
	return s, ok
}

func (b *builder) look(kind rune, n name) look {
	l := look{kind: kind, name: n}
	switch s, k := b.services[n], b.secrets[n]; {
	case kind == 's' && s != nil:
		l.object, l.origin = s.Service, s.origin
	case kind == 'k' && k != nil:
		l.object, l.origin = k.Secret, k.origin
	case kind == 'e':
		l.slices = b.slices[n]
	}
	return l
}

// holds tells whether planning would come to the same again.
func (old *memory) holds(b *builder, m *member, frame planFrame) bool {
	if old == nil || old.ingress != m.Ingress || old.origin != m.origin || old.params != m.params || old.frame != frame {
		return false
	}
	for key, made := range old.keys {
		if by, taken := b.madeOf[key]; taken && by != made {
			return false
		}
	}
	return !slices.ContainsFunc(old.looked, func(l look) bool {
		if l.kind == 'b' {
			return b.boundTo(l.name.name) != l.object
		}
		now := b.look(l.kind, l.name)
		return now.object != l.object || now.origin != l.origin || !slices.Equal(now.slices, l.slices)
	})
}

// plan gives the rules of a member, from memory where they would be the same.
func (b *builder) plan(m *member, all *merged) (*plan, error) {
	frame, key := frameOf(m, all), memoryKey{m.name, "plan"}
	old := b.remembered[key]
	if old.holds(b, m, frame) {
		b.recall(key, old)
		return old.plan, nil
	}
	made := &memory{ingress: m.Ingress, origin: m.origin, params: m.params, frame: frame}
	err := b.record(made, func() (err error) {
		made.plan, err = b.newPlan(m, all, frame)
		return err
	})
	b.recall(key, made)
	switch {
	case err != nil || b.keys == nil:
		delete(b.memories, key)
	case old != nil && reflect.DeepEqual(old.plan.planned, made.plan.planned):
		made.plan.made = old.plan.made // the targets are others, the rules are not
	}
	return made.plan, err
}

// remarks says what is to be said of a member's annotations, as remark finds it.
func (b *builder) remarks(m *member) {
	key := memoryKey{m.name, "remarks"}
	made := b.remembered[key]
	if !made.holds(b, m, planFrame{}) {
		made = &memory{ingress: m.Ingress, origin: m.origin, params: m.params}
		b.record(made, func() error { b.remark(m); return nil })
	}
	b.recall(key, made)
}

// record notes what make looks up and says. It is not said yet: recall does that.
func (b *builder) record(into *memory, make func() error) error {
	warnings, notes, seen := len(b.cfg.Warnings), len(b.cfg.Notes), b.seen
	b.seen, b.looked, b.keys = map[lb.Problem]bool{}, nil, map[string]string{}
	err := make()
	into.looked, into.keys = b.looked, b.keys
	into.warnings, into.notes = slices.Clone(b.cfg.Warnings[warnings:]), slices.Clone(b.cfg.Notes[notes:])
	b.cfg.Warnings, b.cfg.Notes, b.seen = b.cfg.Warnings[:warnings], b.cfg.Notes[:notes], seen
	return err
}

// recall says and takes what was said and taken then.
func (b *builder) recall(key memoryKey, m *memory) {
	b.memories[key] = m
	for key, made := range m.keys {
		b.madeOf[key] = made
	}
	for _, p := range m.warnings {
		if b.firstTime(p.Origin, p.Field, p.Text) {
			b.cfg.Warnings = append(b.cfg.Warnings, p)
		}
	}
	for _, p := range m.notes {
		if b.firstTime(p.Origin, p.Field, p.Text) {
			b.cfg.Notes = append(b.cfg.Notes, p)
		}
	}
}

func frameOf(m *member, all *merged) planFrame {
	f := planFrame{key: all.key, ipAddressType: all.ipAddressType()}
	for number, words := range m.words.ports {
		f.secure = f.secure || words.protocol == lb.HTTPS
		if words.protocol == lb.HTTP && !all.redirects(number) {
			f.open = max(f.open, number)
		}
	}
	return f
}
