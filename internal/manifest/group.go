package manifest

import (
	"cmp"
	"errors"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/albatross-lb/albatross/lb"
)

// group is the Ingresses that share a load balancer.
type group struct {
	key      string // the group's name, or namespace/name of a lone Ingress
	explicit bool
	members  []*member // in the order of their rules
}

const mostGroupName = 63

var groupNamePattern = regexp.MustCompile(`^([a-z0-9][-a-z0-9.]*)?[a-z0-9]$`)

// buildIngresses makes the load balancers of all Ingresses that are ours.
func (b *builder) buildIngresses() {
	groups := map[string]*group{}
	for _, m := range b.ingresses {
		if m.DeletionTimestamp != nil {
			b.deleted(m)
			continue
		}
		ours, err := b.classify(m)
		switch {
		case !ours && err == nil:
			b.ignore(m.name)
		case !ours:
			b.setAside(m.origin, err)
		default:
			b.assign(m, groups, err)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(groups)) {
		b.remembered(groups[key])
	}
}

// The finalizers by which AWS's controller holds on to what it has made something of.
const (
	loneFinalizer    = "ingress.k8s.aws/resources"
	groupFinalizer   = "group.ingress.k8s.aws/" // the group's name follows
	serviceFinalizer = "service.k8s.aws/resources"
)

// deleted passes over an Ingress that is on its way out, unless its own
// attributes forbid that.
func (b *builder) deleted(m *member) {
	b.ignore(m.name)
	held := slices.ContainsFunc(m.Finalizers, func(f string) bool { return f == loneFinalizer || strings.HasPrefix(f, groupFinalizer) })
	if err := undeletable(m.notes, "load-balancer-attributes"); held && err != nil {
		b.setAside(m.origin, err)
		return
	}
	b.note(m.origin, "", "the Ingress is being deleted; its rules no longer serve")
}

// undeletable is the fault of an object that goes away although its attributes
// protect it, or whose attributes cannot be read; nil if it may go.
func undeletable(notes annotations, annotation string) error {
	const key = "deletion_protection.enabled"
	attributes, _, err := notes.pairs(annotation)
	value, given := attributes[key]
	if err != nil || !given {
		return err
	}
	protected, err := strconv.ParseBool(value)
	switch {
	case err != nil:
		return notes.faultf(annotation, "%s=%s: write true or false", key, value)
	case protected:
		return notes.faultf(annotation, "the object is being deleted, or is no longer ours, although %s is true; set it to false first. It no longer serves", key)
	}
	return nil
}

// assign puts a member into its group and reads its order in it. wrong is what its class
// has against it, or nil. A member that cannot serve is put there all the same, for all
// else that is wrong with it to be found: one whose group is not known into one of its own.
func (b *builder) assign(m *member, groups map[string]*group, wrong error) {
	key, explicit, badGroup := m.groupKey()
	order, badOrder := m.groupOrder()
	if err := errors.Join(wrong, badGroup, badOrder); err != nil {
		m.barred = true
		b.setAside(m.origin, err)
	}
	m.order = order
	if groups[key] == nil {
		groups[key] = &group{key: key, explicit: explicit}
	}
	groups[key].members = append(groups[key].members, m)
}

// groupKey gives the name of the member's group, and whether that was given.
func (m *member) groupKey() (key string, explicit bool, err error) {
	field := m.notes.field("group.name")
	if m.params.Group != nil {
		key, field = m.params.Group.Name, "spec.ingressClassName (its IngressClassParams, group.name)"
	} else if v, ok := m.notes.text("group.name"); ok {
		key = v
	} else {
		return m.name.String(), false, nil
	}
	switch {
	case !groupNamePattern.MatchString(key):
		err = faultf(field, "%q is no group name; write lower case letters, digits, '-' and '.', with a letter or digit at both ends", shorten(key))
	case len(key) > mostGroupName:
		err = faultf(field, "the group name has %d characters; write at most %d", len(key), mostGroupName)
	default:
		return key, true, nil
	}
	return m.name.String(), false, err
}

func (m *member) groupOrder() (int, error) {
	order, _, err := m.notes.integer("group.order", 32)
	if order < -1000 || order > 1000 {
		return 0, m.notes.faultf("group.order", "%d is out of range; write a number from -1000 to 1000", order)
	}
	return int(order), err
}

// buildGroup makes the load balancer of a group. Members that cannot be part of
// it are set aside, until what is left fits together; then what else is wrong with
// those is looked for, so that their authors hear of it all at once.
func (b *builder) buildGroup(g *group) {
	slices.SortStableFunc(g.members, func(x, y *member) int {
		return cmp.Or(cmp.Compare(x.order, y.order), cmp.Compare(x.name.String(), y.name.String()))
	})
	for _, m := range g.members {
		b.remarks(m)
		b.blame(m, b.readWords(m))
	}
	b.elect(g.members)
	outside := slices.DeleteFunc(slices.Clone(g.members), (*member).sound)
	all := b.agree(g)
	b.serveGroup(all)
	b.inspect(g, outside)
}

// blame sets a member aside for what is wrong with it, if anything is.
func (b *builder) blame(m *member, err error) {
	if err != nil {
		m.faulty = true
		b.setAside(m.origin, err)
	}
}

// agree puts together what the members say that can be part of the group.
func (b *builder) agree(g *group) *merged {
	for {
		all := b.merge(g, slices.DeleteFunc(slices.Clone(g.members), func(m *member) bool { return !m.sound() }))
		bad := b.check(all)
		if len(bad) == 0 {
			return all
		}
		for _, m := range all.members {
			b.blame(m, bad[m])
		}
	}
}

// inspect looks for all else that is wrong with the members that cannot be part of the
// group, as if they were: outside are those that were not asked whether they fit together.
func (b *builder) inspect(g *group, outside []*member) {
	if !slices.ContainsFunc(g.members, func(m *member) bool { return !m.sound() }) {
		return
	}
	whole := b.merge(g, g.members)
	bad := b.check(whole)
	for _, m := range outside {
		b.blame(m, bad[m])
	}
	for _, m := range g.members {
		if !m.sound() {
			b.blame(m, b.inspectRules(m, whole))
		}
	}
}

// serveGroup plans the rules of every member and puts the load balancer into the
// Config, if any member is left to serve.
func (b *builder) serveGroup(all *merged) {
	var serving *member // the first one
	for _, m := range all.members {
		var err error
		if m.plan, err = b.plan(m, all); err != nil {
			b.setAside(m.origin, err)
			b.imagineMember(m, m.plan)
			continue
		}
		serving = cmp.Or(serving, m)
		maps.Copy(b.cfg.TargetGroups, m.plan.targetGroups)
	}
	if serving == nil {
		return
	}
	balancer := b.loadBalancer(all)
	balancer.Origin = serving.origin
	for _, port := range slices.Sorted(maps.Keys(all.ports)) {
		if l := all.listener(port); l != nil {
			balancer.Listeners = append(balancer.Listeners, l)
		}
	}
	b.warnDropped(all, balancer)
	balancer.InboundCIDRs = slices.DeleteFunc(balancer.InboundCIDRs, func(c lb.InboundCIDR) bool {
		return !slices.ContainsFunc(balancer.Listeners, func(l *lb.Listener) bool { return l.Port == c.Port })
	})
	b.cfg.LoadBalancers = append(b.cfg.LoadBalancers, balancer)
	if front := b.frontend(all, balancer); front != nil {
		b.cfg.LoadBalancers = append(b.cfg.LoadBalancers, front)
	}
}

// listener makes the listener of a port out of the members that serve on it; nil if none is left.
func (all *merged) listener(port int) *lb.Listener {
	p := all.ports[port]
	l := &lb.Listener{Port: port, Protocol: p.protocol, Attributes: p.attributes, Tags: p.tags,
		Rules: []*lb.Rule{}, DefaultActions: all.defaultActions(port)}
	if p.protocol == lb.HTTPS {
		l.SSLPolicy, l.Certificates, l.MutualAuthentication = p.sslPolicy, p.certificates, p.mutual
	}
	var rules []**lb.Rule // where plans keep them
	serving := false
	for _, m := range p.members {
		if m.plan == nil {
			continue
		}
		if !serving {
			l.Origin = m.origin
		}
		serving = true
		if !all.redirects(port) {
			own := m.plan.rules(port, p.protocol)
			for i := range own {
				rules = append(rules, &own[i])
			}
		}
	}
	if !serving {
		return nil
	}
	for i, place := range optimize(port, p.protocol, rules) {
		l.Rules = append(l.Rules, numbered(place, i+1))
	}
	return l
}

// numbered is the rule at a place, copied where its priority has changed: the one
// before may be in service.
func numbered(place **lb.Rule, priority int) *lb.Rule {
	switch r := *place; r.Priority {
	case priority:
	case 0: // new
		r.Priority = priority
	default:
		own := *r
		own.Priority = priority
		*place = &own
	}
	return *place
}
