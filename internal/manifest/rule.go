package manifest

import (
	"fmt"
	"slices"

	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/albatross-lb/albatross/lb"
)

// plan is what a member brings to the listeners it is on.
type plan struct {
	planned      []planned
	fallback     *planned // of spec.defaultBackend
	targetGroups map[string]*lb.TargetGroup
	// backends were read for earlier paths: many paths lead to one Service.
	backends map[networkingv1.IngressServiceBackend]*backend
	made     map[int][]*lb.Rule // by the port of the listener
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
	p := &plan{targetGroups: map[string]*lb.TargetGroup{}, backends: map[networkingv1.IngressServiceBackend]*backend{}, made: map[int][]*lb.Rule{}}
	open, secure := frame.open, frame.secure
	if open == 0 && !secure {
		return p, nil
	}
	for i, rule := range m.Spec.Rules {
		if rule.HTTP == nil {
			continue
		}
		order, err := orderPaths(fmt.Sprintf("spec.rules[%d].http.paths", i), rule.HTTP.Paths)
		if err != nil {
			return nil, err
		}
		var catchAll *lb.Rule // behind it, no request of its hosts is left
		for _, j := range order {
			field := fmt.Sprintf("spec.rules[%d].http.paths[%d]", i, j)
			one, err := b.planPath(m, all, p, rule.Host, rule.HTTP.Paths[j], secure)
			if err != nil {
				return nil, in(field, err)
			}
			one.rule.Field = field
			if rule.HTTP.Paths[j].PathType == nil {
				b.warn(m.origin, field, "pathType is missing and counts as ImplementationSpecific (path %q is a pattern); Kubernetes itself refuses this, write pathType", rule.HTTP.Paths[j].Path)
			}
			if catchAll != nil && hostsWithin(&one.rule, catchAll) {
				b.warn(m.origin, field, "no request gets here: %s takes them all; write this path in an entry of spec.rules before that one (as on AWS, Prefix paths come before ImplementationSpecific ones of their entry)", catchAll.Field)
			} else if catchAll == nil && takesAll(&one.rule) {
				catchAll = &one.rule
			}
			p.planned = append(p.planned, one)
			if one.gate != nil && open != 0 {
				b.warnOnce(m.origin, "", fmt.Sprintf("%s is done on HTTPS listeners only: on port %d requests get to the backend without it; write %sssl-redirect", one.gate.Type, open, ingressPrefix))
			}
		}
	}
	if m.Spec.DefaultBackend != nil {
		one, err := b.planBackend(m, p, *m.Spec.DefaultBackend)
		if err == nil {
			err = b.finish(m, all, p, one, secure)
		}
		if err != nil {
			return nil, in("spec.defaultBackend", err)
		}
		p.fallback = &one.planned
	}
	return p, nil
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

// in puts the field in front of a fault that is said relative to it.
func in(field string, err error) error {
	f, ok := err.(*fault)
	switch {
	case !ok:
		return err
	case f.field == "":
		return &fault{field, f.text}
	case f.field == "path" || f.field == "pathType" || f.field == "backend":
		return &fault{field + "." + f.field, f.text}
	}
	return f
}

func (b *builder) planPath(m *member, all *merged, p *plan, host string, path networkingv1.HTTPIngressPath, secure bool) (planned, error) {
	backend, err := b.planBackend(m, p, path.Backend)
	if err != nil {
		return planned{}, err
	}
	values, regexes, err := m.patterns(path)
	if err != nil {
		return planned{}, err
	}
	conditions, err := conditionsOf(host, values, regexes, backend.annotated)
	if err != nil {
		return planned{}, err
	}
	if err := b.finish(m, all, p, backend, secure); err != nil {
		return planned{}, err
	}
	one := backend.planned
	one.rule.Conditions, one.rule.Tags, one.rule.Origin = conditions, m.words.tags, m.origin
	return one, nil
}

// backend is a backend read, and then finished: everything but the conditions of a path to it.
type backend struct {
	planned
	annotated []lb.Condition
	words     actionWords
	auth      authWords
	jwt       *lb.JWTValidationConfig
	finished  bool
}

// planBackend reads everything that belongs to a backend, once for all paths that lead to it.
func (b *builder) planBackend(m *member, p *plan, ref networkingv1.IngressBackend) (*backend, error) {
	if ref.Service == nil {
		return nil, faultf("backend", "the backend has no service; write backend.service.name and backend.service.port")
	}
	if one := p.backends[*ref.Service]; one != nil {
		return one, nil
	}
	one, err := b.readBackend(m, *ref.Service)
	if err != nil {
		return nil, err
	}
	p.backends[*ref.Service] = one
	return one, nil
}

func (b *builder) readBackend(m *member, ref networkingv1.IngressServiceBackend) (*backend, error) {
	one := new(backend)
	var err error
	if one.annotated, err = b.readConditions(m, ref.Name); err != nil {
		return nil, err
	}
	if one.rule.Transforms, err = readTransforms(m, ref.Name); err != nil {
		return nil, err
	}
	switch port := ref.Port; {
	case port.Name == useAnnotation:
		if one.words, err = b.readAction(m, ref.Name); err != nil {
			return nil, err
		}
	case port.Name != "":
		one.words = toService(ref.Name, intstr.FromString(port.Name))
	default:
		one.words = toService(ref.Name, intstr.FromInt32(port.Number))
	}
	if err := b.findServices(m, &one.words); err != nil {
		return nil, err
	}
	if one.auth, err = readAuth(b.authNotes(m, one.words)); err != nil {
		return nil, err
	}
	one.jwt, err = readJWT(m.notes)
	return one, err
}

// finish makes what a backend needs: the gate on HTTPS, then the target groups.
func (b *builder) finish(m *member, all *merged, p *plan, one *backend, secure bool) (err error) {
	if one.finished {
		return nil
	}
	if secure {
		if one.gate, err = b.gate(m.Namespace, one.auth, one.jwt); err != nil {
			return err
		}
	}
	action, err := b.backendAction(m, all, p, one.words)
	one.rule.Actions, one.finished = []lb.Action{action}, err == nil
	return err
}

// authNotes: a Service that is the only target may say who must log in; it beats the Ingress.
func (b *builder) authNotes(m *member, words actionWords) annotations {
	if words.Type == lb.ForwardAction && len(words.Forward.TargetGroups) == 1 && words.Forward.TargetGroups[0].ServiceName != nil {
		s := b.service(name{m.Namespace, *words.Forward.TargetGroups[0].ServiceName})
		return annotations{ingressPrefix, over(s.Annotations, m.notes.values)}
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
