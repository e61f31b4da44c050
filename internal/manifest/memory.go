package manifest

import (
	"maps"
	"reflect"
	"slices"

	networkingv1 "k8s.io/api/networking/v1"

	"github.com/albatross-lb/albatross/lb"
)

// A Translation builds one Config after the other, as Build does, of objects of which
// few have changed. What it made of a group of Ingresses it makes anew only where
// something is another object than the last time: a member, or what was looked up for
// it; and in such a group, likewise, what it made of each member. That an object is the
// same is told by its pointer alone, so that objects must not be changed in place. What
// stays the same is the same *lb.LoadBalancer, *lb.TargetGroup or *lb.Rule in the next
// Config, which those who validate and compile take as their own word for it.
type Translation struct {
	opts   Options
	nodes  []node
	groups map[string]*groupMemory
}

// groupMemory is what was made of a group of Ingresses.
type groupMemory struct {
	members  []*member
	made     memory
	memories map[memoryKey]*memory // of its members
	volatile bool                  // it depends on more than is remembered
}

// memoryKey is the Ingress and what is remembered of it: "plan", "words", "remarks" or,
// of one that does not serve, "inspection".
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
		b.oldGroups = t.groups
	}
	cfg := b.build()
	b.forget(objects)
	b.tellFaults(objects)
	t.nodes, t.groups = b.nodes, b.newGroups
	return cfg
}

// memory is what was made of an Ingress, what it was made of and what was said meanwhile.
type memory struct {
	ingress *networkingv1.Ingress
	origin  lb.Origin
	params  *IngressClassParamsSpec
	frame   planFrame
	looked  []look

	plan  *plan             // of "plan" alone
	words words             // of "words" alone
	err   error             // of "words" and "inspection"
	part  *lb.Config        // what was put into the Config
	keys  map[string]string // of target groups, as in builder.madeOf
}

// planFrame is what a plan takes from the group that its member is in.
type planFrame struct {
	key, ipAddressType string
	open               int  // a listener without TLS that serves; 0: there is none
	secure             bool // there is one with TLS
}

// look is one thing looked up by its name, and what was found.
type look struct {
	kind   rune // 's' Service, 'e' its EndpointSlices or Endpoints, 'k' Secret, 'b' a target group that may be bound
	name   name
	object any // *corev1.Service, *corev1.Endpoints, *corev1.Secret, the key of the group; nil: there is none
	slices []endpointSlice
	origin lb.Origin
}

func (b *builder) service(n name) *service {
	s := b.services[n]
	b.looked = append(b.looked, b.look('s', n))
	return s
}

// slicesOf are the EndpointSlices of a Service; without any, what mirrors its Endpoints.
func (b *builder) slicesOf(n name) []endpointSlice {
	b.looked = append(b.looked, b.look('e', n))
	if found := b.slices[n]; len(found) > 0 {
		return found
	}
	return b.endpoints[n].mirrored()
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
	case kind == 's':
		l.origin = b.unread[objectName{"Service", n}]
	case kind == 'k' && k != nil:
		l.object, l.origin = k.Secret, k.origin
	case kind == 'k':
		l.origin = b.unread[objectName{"Secret", n}]
	case kind == 'e':
		if l.slices = b.slices[n]; len(l.slices) == 0 && b.endpoints[n] != nil {
			l.object, l.origin = b.endpoints[n].Endpoints, b.endpoints[n].origin
		}
	case kind == 'a':
		l.object = b.secretARNs[secretARN{n.namespace, n.name}]
	case kind == 'b':
		l.object = b.boundKey(n.name)
	}
	return l
}

// holds tells whether planning would come to the same again.
func (old *memory) holds(b *builder, m *member, frame planFrame) bool {
	if old == nil || old.ingress != m.Ingress || old.origin != m.origin || old.params != m.params || old.frame != frame {
		return false
	}
	return old.found(b)
}

// found tells whether looking up would find the same again.
func (old *memory) found(b *builder) bool {
	for key, made := range old.keys {
		if by, taken := b.madeOf[key]; taken && by != made {
			return false
		}
	}
	return !slices.ContainsFunc(old.looked, func(l look) bool {
		now := b.look(l.kind, l.name)
		return now.object != l.object || now.origin != l.origin || !slices.Equal(now.slices, l.slices)
	})
}

// holds tells whether the group would come to the same again.
func (old *groupMemory) holds(b *builder, g *group) bool {
	if old == nil || old.volatile || !old.made.found(b) || !slices.EqualFunc(old.members, g.members, func(x, y *member) bool {
		return x.Ingress == y.Ingress && x.origin == y.origin && x.params == y.params && x.barred == y.barred
	}) {
		return false
	}
	for _, m := range old.memories {
		if !m.found(b) {
			return false
		}
	}
	return true
}

// remembered puts into the Config what was made of a group, or makes it anew.
func (b *builder) remembered(g *group) {
	old := b.oldGroups[g.key]
	now := old
	if !old.holds(b, g) {
		now = &groupMemory{members: g.members, memories: map[memoryKey]*memory{}}
		b.old, b.now = old, now
		b.record(&now.made, func() error { b.buildGroup(g); return nil })
		now.keepBalancers(old)
		b.old, b.now = nil, nil
	}
	b.newGroups[g.key] = now
	b.recall(&now.made)
	for _, m := range now.memories {
		maps.Copy(b.madeOf, m.keys)
	}
}

// plan gives the rules of a member, from memory where they would be the same.
func (b *builder) plan(m *member, all *merged) (*plan, error) {
	frame := frameOf(m, all)
	old := b.memory(m, "plan")
	if old.holds(b, m, frame) {
		b.take(m, "plan", old)
		return old.plan, nil
	}
	made := &memory{ingress: m.Ingress, origin: m.origin, params: m.params, frame: frame}
	err := b.record(made, func() (err error) {
		made.plan, err = b.newPlan(m, all, frame)
		return err
	})
	b.take(m, "plan", made)
	if err != nil || made.keys == nil {
		delete(b.now.memories, memoryKey{m.name, "plan"})
		b.now.volatile = true
		return made.plan, err
	}
	if old != nil {
		made.plan.keep(old.plan)
	}
	return made.plan, nil
}

// inspectRules finds what is wrong with the rules of a member that cannot serve. What is
// said of them stays, what they would be is thrown away.
func (b *builder) inspectRules(m *member, whole *merged) error {
	frame := frameOf(m, whole)
	if m.words.ports == nil { // what holds for any listener
		frame.open, frame.secure = 80, false
	}
	made := b.memory(m, "inspection")
	if !made.holds(b, m, frame) {
		made = &memory{ingress: m.Ingress, origin: m.origin, params: m.params, frame: frame}
		madeOf := b.madeOf
		b.madeOf = map[string]string{}
		made.err = b.record(made, func() error {
			p, err := b.newPlan(m, whole, frame)
			b.imagineMember(m, p)
			return err
		})
		b.madeOf, made.keys = madeOf, nil
	}
	b.take(m, "inspection", made)
	return made.err
}

// keep takes over from an earlier plan what is the same.
func (p *plan) keep(old *plan) {
	if reflect.DeepEqual(old.planned, p.planned) {
		p.made = old.made // the targets are others, the rules are not
	}
	for key, g := range p.targetGroups {
		if reflect.DeepEqual(old.targetGroups[key], g) {
			p.targetGroups[key] = old.targetGroups[key]
		}
	}
}

// readWords reads what a member says about the load balancer, from memory where it would be the same.
func (b *builder) readWords(m *member) error {
	made := b.memory(m, "words")
	if !made.holds(b, m, planFrame{}) {
		made = &memory{ingress: m.Ingress, origin: m.origin, params: m.params}
		made.err = b.record(made, func() error {
			err := b.newWords(m)
			if m.words.ports != nil {
				b.warnUnheard(m)
			}
			return err
		})
		if made.words = m.words; made.err != nil { // it has no use for certificates
			made.part.Certificates, made.part.ACME, made.part.Discover = nil, nil, nil
		}
	}
	b.take(m, "words", made)
	m.words = made.words
	return made.err
}

// remarks says what is to be said of a member's annotations, as remark finds it.
func (b *builder) remarks(m *member) {
	made := b.memory(m, "remarks")
	if !made.holds(b, m, planFrame{}) {
		made = &memory{ingress: m.Ingress, origin: m.origin, params: m.params}
		b.record(made, func() error { b.remark(m); return nil })
	}
	b.take(m, "remarks", made)
}

// memory is what was made of a member of the group that is being built; nil: nothing is remembered.
func (b *builder) memory(m *member, of string) *memory {
	if b.old == nil {
		return nil
	}
	return b.old.memories[memoryKey{m.name, of}]
}

// take uses what was made of a member, now or before, and remembers it.
func (b *builder) take(m *member, of string, made *memory) {
	b.now.memories[memoryKey{m.name, of}] = made
	b.recall(made)
}

// record notes what make looks up and puts into the Config. It is not there yet: recall does that.
func (b *builder) record(into *memory, make func() error) error {
	cfg, seen, told, looked, keys := b.cfg, b.seen, b.told, b.looked, b.keys
	b.cfg, b.seen, b.told, b.looked, b.keys = emptyConfig(), map[lb.Problem]bool{}, map[lb.Problem]bool{}, nil, map[string]string{}
	err := make()
	into.part, into.looked, into.keys = b.cfg, b.looked, b.keys
	b.cfg, b.seen, b.told, b.looked, b.keys = cfg, seen, told, looked, keys
	return err
}

// recall puts into the Config what was put there then, and says what was said.
func (b *builder) recall(m *memory) {
	maps.Copy(b.madeOf, m.keys)
	part := m.part
	b.cfg.LoadBalancers = append(b.cfg.LoadBalancers, part.LoadBalancers...)
	for _, p := range part.SetAside {
		b.setAsideOnce(p)
	}
	maps.Copy(b.cfg.TargetGroups, part.TargetGroups)
	maps.Copy(b.cfg.Certificates, part.Certificates)
	copyInto(&b.cfg.ACME, part.ACME)
	copyInto(&b.cfg.Discover, part.Discover)
	for _, p := range part.Warnings {
		if b.firstTime(p.Origin, p.Field, p.Text) {
			b.cfg.Warnings = append(b.cfg.Warnings, p)
		}
	}
	for _, p := range part.Notes {
		if b.firstTime(p.Origin, p.Field, p.Text) {
			b.cfg.Notes = append(b.cfg.Notes, p)
		}
	}
}

// copyInto makes the map only where there is something to put into it.
func copyInto[V any](into *map[string]V, from map[string]V) {
	if *into == nil && len(from) > 0 {
		*into = map[string]V{}
	}
	maps.Copy(*into, from)
}

// keepBalancers takes over the load balancers of an earlier time that are the same: only
// targets have changed then.
func (now *groupMemory) keepBalancers(old *groupMemory) {
	if old == nil || len(old.made.part.LoadBalancers) != len(now.made.part.LoadBalancers) {
		return
	}
	for i, before := range old.made.part.LoadBalancers {
		l := now.made.part.LoadBalancers[i]
		for j := range min(len(l.Listeners), len(before.Listeners)) {
			if slices.Equal(l.Listeners[j].Rules, before.Listeners[j].Rules) {
				l.Listeners[j].Rules = before.Listeners[j].Rules // DeepEqual looks at them no more
			}
		}
		if reflect.DeepEqual(l, before) {
			now.made.part.LoadBalancers[i] = before
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
