package manifest

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/albatross-lb/albatross/lb"
)

// plan is what a member brings to the listeners it is on.
type plan struct {
	planned      []planned
	fallback     *planned // of spec.defaultBackend
	targetGroups map[string]*lb.TargetGroup
	readTargets  bool // what the member says about target groups was read
	// backends were read for earlier paths: many paths lead to one Service.
	backends map[networkingv1.IngressServiceBackend]*backend
	made     map[int][]*lb.Rule // by the port of the listener
	first    map[string]string  // the field of the first rule with some conditions
}

// planned is one path with its backend, the same for all listeners but for the gate.
type planned struct {
	rule lb.Rule    // Actions holds the backend's action
	gate *lb.Action // on HTTPS listeners in front of it
}

func (p planned) actions(protocol lb.Protocol) []lb.Action {
	if p.gate != nil && protocol == lb.HTTPS {
		return append([]lb.Action{*p.gate}, p.rule.Actions...)
	}
	return p.rule.Actions
}

// rules are those for one listener. A place in the list may be given another rule,
// which is then there the next time.
func (p *plan) rules(port int, protocol lb.Protocol) []*lb.Rule {
	if rules := p.made[port]; rules != nil {
		return rules
	}
	rules := make([]*lb.Rule, len(p.planned))
	for i, one := range p.planned {
		r := one.rule
		r.Actions = one.actions(protocol)
		rules[i] = &r
	}
	p.made[port] = rules
	return rules
}

// newPlan makes the rules of a member. On a listener that only redirects to HTTPS
// there are none, so that a member which is on such listeners alone is not looked
// at any further.
func (b *builder) newPlan(m *member, all *merged, frame planFrame) (*plan, error) {
	p := &plan{targetGroups: map[string]*lb.TargetGroup{}, backends: map[networkingv1.IngressServiceBackend]*backend{}, made: map[int][]*lb.Rule{}, first: map[string]string{}}
	if frame.open == 0 && !frame.secure {
		return p, nil
	}
	var errs []error
	for i := range m.Spec.Rules {
		if m.Spec.Rules[i].HTTP != nil {
			errs = append(errs, b.planRule(m, all, p, frame, i))
		}
	}
	if m.Spec.DefaultBackend != nil {
		one := b.planBackend(m, all, p, *m.Spec.DefaultBackend, "spec.defaultBackend", frame.secure)
		if errs = append(errs, in("spec.defaultBackend", one.err)); one.err == nil {
			p.fallback = &one.planned
		}
	}
	if !p.readTargets {
		b.warnUnreadTargets(m)
	}
	if m.leadsNowhere() {
		b.warnOnce(m.origin, "spec.rules", "none of the rules has http.paths, and there is no defaultBackend, so that the Ingress serves nothing; write paths")
	}
	return p, errors.Join(errs...)
}

// leadsNowhere tells whether a member has neither a path nor a default backend.
func (m *member) leadsNowhere() bool {
	return m.Spec.DefaultBackend == nil && !slices.ContainsFunc(m.Spec.Rules, func(r networkingv1.IngressRule) bool {
		return r.HTTP != nil && len(r.HTTP.Paths) > 0
	})
}

// planRule makes the rules of one entry of spec.rules.
func (b *builder) planRule(m *member, all *merged, p *plan, frame planFrame, i int) error {
	rule, paths := m.Spec.Rules[i], fmt.Sprintf("spec.rules[%d].http.paths", i)
	order, err := orderPaths(paths, rule.HTTP.Paths)
	errs := []error{err}
	var catchAll *lb.Rule // behind it, no request of its hosts is left
	for _, j := range order {
		path, field := rule.HTTP.Paths[j], fmt.Sprintf("%s[%d]", paths, j)
		one, err := b.planPath(m, all, p, rule.Host, path, field, frame.secure)
		one.rule.Field = field
		if err != nil { // the member does not serve, and the rule is there to be looked at alone
			errs = append(errs, in(field, err))
			if one.rule.Actions != nil {
				p.planned = append(p.planned, one)
			}
			continue
		}
		if path.PathType == nil {
			b.warn(m.origin, field, "pathType is missing and counts as ImplementationSpecific (path %q is a pattern); Kubernetes itself refuses this, write pathType", path.Path)
		}
		b.remarkRegex(m, field, path)
		switch same := p.sameConditions(&one.rule); {
		case same != "":
			b.warn(m.origin, field, "no request gets here: %s has the same hosts and paths, and takes them all; write one of the two", same)
		case catchAll != nil && hostsWithin(&one.rule, catchAll):
			b.warn(m.origin, field, "no request gets here: %s takes them all; write this path in an entry of spec.rules before that one (as on AWS, Prefix paths come before ImplementationSpecific ones of their entry)", catchAll.Field)
		case catchAll == nil && takesAll(&one.rule):
			catchAll = &one.rule
		}
		p.planned = append(p.planned, one)
		if one.gate != nil && frame.open != 0 {
			b.warnOnce(m.origin, "", fmt.Sprintf("%s is done on HTTPS listeners only: on port %d requests get to the backend without it; write %sssl-redirect", one.gate.Type, frame.open, ingressPrefix))
		}
	}
	return errors.Join(errs...)
}

// sameConditions gives the field of an earlier rule that takes all requests of r: one with
// the same hosts and paths, and no other conditions. (A redirect may be left out of a listener.)
func (p *plan) sameConditions(r *lb.Rule) string {
	var key strings.Builder
	for _, c := range r.Conditions {
		values := cmp.Or(c.HostHeader, c.PathPattern)
		if values == nil {
			return ""
		}
		fmt.Fprintf(&key, "%s %q %q ", c.Field, values.Values, values.RegexValues)
	}
	before := p.first[key.String()]
	if before == "" && redirectOf(r) == nil {
		p.first[key.String()] = r.Field
	}
	return before
}

// takesAll tells whether no request of its hosts passes a rule by. (A redirect may be left out of a listener.)
func takesAll(r *lb.Rule) bool {
	every := false
	for _, c := range r.Conditions {
		switch {
		case c.PathPattern != nil && slices.Contains(c.PathPattern.Values, "/*"):
			every = true
		case c.HostHeader == nil:
			return false
		}
	}
	return every && redirectOf(r) == nil
}

// hostsWithin tells whether a rule is for hosts of the other one only, as they are written.
func hostsWithin(r, other *lb.Rule) bool {
	all, some := hostsOf(other), hostsOf(r)
	if all == nil {
		return true
	}
	return some != nil && !slices.ContainsFunc(some.Values, func(h string) bool { return !slices.Contains(all.Values, h) }) && len(some.RegexValues) == 0
}

func hostsOf(r *lb.Rule) *lb.ValuesConfig {
	for _, c := range r.Conditions {
		if c.HostHeader != nil {
			return c.HostHeader
		}
	}
	return nil
}

func (b *builder) planPath(m *member, all *merged, p *plan, host string, path networkingv1.HTTPIngressPath, field string, secure bool) (planned, error) {
	backend := b.planBackend(m, all, p, path.Backend, field+".backend", secure)
	values, regexes, badPath := m.patterns(path)
	conditions, badConditions := conditionsOf(host, values, regexes, backend.annotated)
	if err := errors.Join(badPath, badConditions); err != nil {
		return planned{}, errors.Join(err, backend.err)
	}
	one := backend.planned
	one.rule.Conditions, one.rule.Tags, one.rule.Origin = conditions, m.words.tags, m.origin
	return one, backend.err
}

// backend is everything of a rule but the conditions of a path to it.
type backend struct {
	planned
	annotated []lb.Condition
	err       error // all that is wrong with it
}

// planBackend makes everything that belongs to a backend, once for all paths that lead to it;
// field is where it is asked for.
func (b *builder) planBackend(m *member, all *merged, p *plan, ref networkingv1.IngressBackend, field string, secure bool) *backend {
	if ref.Service == nil {
		return &backend{err: faultf("backend", "the backend has no service; write backend.service.name and backend.service.port")}
	}
	one := p.backends[*ref.Service]
	if one == nil {
		one = b.newBackend(m, all, p, *ref.Service, field, secure)
		p.backends[*ref.Service] = one
	}
	return one
}

// newBackend reads what the annotations say of a backend, and makes the gate in front of it
// on HTTPS, the action and its target groups.
func (b *builder) newBackend(m *member, all *merged, p *plan, ref networkingv1.IngressServiceBackend, field string, secure bool) *backend {
	one := new(backend)
	conditions, badConditions := b.readConditions(m, ref.Name)
	transforms, badTransforms := readTransforms(m, ref.Name)
	one.annotated, one.rule.Transforms = conditions, transforms
	words, badAction := b.backendWords(m, ref, field)
	auth, badAuth := readAuth(b.authNotes(m, words))
	jwt, badJWT := readJWT(m.notes)
	if secure && badAuth == nil && badJWT == nil {
		one.gate, badAuth = b.gate(m.Namespace, auth, jwt)
	}
	if badAction == nil {
		var action lb.Action
		if action, badAction = b.backendAction(m, all, p, words); ref.Port.Name == useAnnotation {
			badAction = in(m.notes.field("actions."+ref.Name), badAction)
		}
		one.rule.Actions = []lb.Action{action}
	}
	one.err = errors.Join(badConditions, badTransforms, badAction, badAuth, badJWT)
	return one
}

// backendWords are those of the annotation that a backend stands for, or a forward to its Service.
func (b *builder) backendWords(m *member, ref networkingv1.IngressServiceBackend, field string) (words actionWords, err error) {
	switch port := ref.Port; {
	case port.Name == useAnnotation:
		words, err = b.readAction(m, ref.Name)
		field = m.notes.field("actions." + ref.Name)
	case port.Name != "":
		words = toService(ref.Name, intstr.FromString(port.Name))
	case port.Number == 0:
		return words, b.noPort(name{m.Namespace, ref.Name})
	default:
		words = toService(ref.Name, intstr.FromInt32(port.Number))
	}
	if err == nil {
		b.findService(m, &words, field)
	}
	return words, err
}

// noPort is the fault of a backend that names a Service and no port of it.
func (b *builder) noPort(of name) error {
	if s := b.service(of); s != nil {
		return faultf("backend", "the backend names no port; write service.port.number or service.port.name (the ports of Service %s are %s)", of, s.portNames())
	}
	return faultf("backend", "the backend names no port of Service %s; write service.port.number or service.port.name", of)
}

// authNotes: a Service that is the only target may say who must log in; it beats the Ingress.
func (b *builder) authNotes(m *member, words actionWords) annotations {
	if words.Type == lb.ForwardAction && words.Forward != nil && len(words.Forward.TargetGroups) == 1 && words.Forward.TargetGroups[0].ServiceName != nil {
		if s := b.service(name{m.Namespace, *words.Forward.TargetGroups[0].ServiceName}); s != nil {
			return annotations{ingressPrefix, over(s.Annotations, m.notes.values)}
		}
	}
	return m.notes
}

// defaultActions are those of a listener: the redirect to HTTPS, the default
// backend of the one member that has it, or 404.
func (all *merged) defaultActions(number int) []lb.Action {
	if all.redirects(number) {
		port, protocol := fmt.Sprint(all.redirectPort), string(lb.HTTPS)
		return []lb.Action{{Type: lb.RedirectAction, Redirect: &lb.Redirect{Port: &port, Protocol: &protocol, StatusCode: "HTTP_301"}}}
	}
	for _, m := range all.ports[number].members {
		if m.plan != nil && m.plan.fallback != nil {
			return m.plan.fallback.actions(all.ports[number].protocol)
		}
	}
	contentType := "text/plain"
	return []lb.Action{{Type: lb.FixedResponseAction, FixedResponse: &lb.FixedResponse{ContentType: &contentType, StatusCode: "404"}}}
}
