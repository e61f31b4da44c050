package manifest

import (
	"cmp"
	"errors"

	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/albatross-lb/albatross/lb"
)

// useAnnotation is the port name that makes a backend's name that of an action.
const useAnnotation = "use-annotation"

// The pages of a backend that is not there.
const (
	noService = "Backend service does not exist"
	noAction  = "Backend action does not exist"
)

// actionWords is the annotation actions.<name>.
type actionWords struct {
	Type            lb.ActionType     `json:"type"`
	TargetGroupARN  *string           `json:"targetGroupARN"`
	TargetGroupName *string           `json:"targetGroupName"`
	FixedResponse   *lb.FixedResponse `json:"fixedResponseConfig"`
	Redirect        *lb.Redirect      `json:"redirectConfig"`
	Forward         *forwardWords     `json:"forwardConfig"`
}

type forwardWords struct {
	TargetGroups []targetWords             `json:"targetGroups"`
	Stickiness   *lb.TargetGroupStickiness `json:"targetGroupStickinessConfig"`
}

// targetWords names one target group of a forward: a port of a Service, or a
// target group that exists already.
type targetWords struct {
	TargetGroupARN  *string             `json:"targetGroupARN"`
	TargetGroupName *string             `json:"targetGroupName"`
	ServiceName     *string             `json:"serviceName"`
	ServicePort     *intstr.IntOrString `json:"servicePort"`
	Weight          *int32              `json:"weight"`
}

// toService is what a backend without an annotation means.
func toService(service string, port intstr.IntOrString) actionWords {
	return actionWords{Type: lb.ForwardAction, Forward: &forwardWords{
		TargetGroups: []targetWords{{ServiceName: &service, ServicePort: &port}}}}
}

func unavailable(page string) actionWords {
	contentType := "text/plain"
	return actionWords{Type: lb.FixedResponseAction,
		FixedResponse: &lb.FixedResponse{ContentType: &contentType, StatusCode: "503", MessageBody: &page}}
}

// readAction reads the annotation actions.<name>; a missing one is a fixed 503.
func (b *builder) readAction(m *member, backend string) (actionWords, error) {
	annotation := "actions." + backend
	var a actionWords
	ok, err := m.notes.json(annotation, &a)
	if err != nil {
		return a, err
	}
	if !ok {
		b.warnOnce(m.origin, m.notes.field(annotation), "a backend refers to this action, which is not there: requests get 503")
		return unavailable(noAction), nil
	}
	if wrong := a.wrong(); len(wrong) > 0 {
		return a, m.notes.allOf(annotation, wrong)
	}
	if a.Type != lb.ForwardAction {
		return a, nil
	}
	if a.Forward == nil { // the short form
		a.Forward = &forwardWords{TargetGroups: []targetWords{{TargetGroupARN: a.TargetGroupARN, TargetGroupName: a.TargetGroupName}}}
	}
	for i, t := range a.Forward.TargetGroups {
		if t.ServicePort != nil { // "80" and 80 are the same port
			port := intstr.Parse(t.ServicePort.String())
			a.Forward.TargetGroups[i].ServicePort = &port
		}
	}
	return a, nil
}

// wrong lists what cannot be.
func (a actionWords) wrong() (all []string) {
	switch a.Type {
	case lb.FixedResponseAction:
		return missingStatus("fixedResponseConfig", a.FixedResponse == nil, func() string { return a.FixedResponse.StatusCode })
	case lb.RedirectAction:
		return missingStatus("redirectConfig", a.Redirect == nil, func() string { return a.Redirect.StatusCode })
	case lb.ForwardAction:
		short := a.TargetGroupARN != nil || a.TargetGroupName != nil
		if !short && a.Forward == nil {
			return []string{"forwardConfig is missing; write it, or targetGroupARN or targetGroupName"}
		}
		if short && a.Forward != nil {
			all = append(all, "write either forwardConfig or targetGroupARN or targetGroupName, not both")
		}
		if a.Forward != nil {
			all = append(all, a.Forward.wrong()...)
		}
		return all
	}
	return []string{"the action type " + shorten(string(a.Type)) + " is not known; write forward, redirect or fixed-response"}
}

func missingStatus(config string, missing bool, status func() string) []string {
	if missing {
		return []string{config + " is missing"}
	}
	if status() == "" {
		return []string{config + " has no statusCode"}
	}
	return nil
}

func (f *forwardWords) wrong() (all []string) {
	for _, t := range f.TargetGroups {
		existing := t.TargetGroupARN != nil || t.TargetGroupName != nil
		switch {
		case !existing && t.ServiceName == nil:
			all = append(all, "a target group has no serviceName; write it, or targetGroupARN or targetGroupName")
		case existing && t.ServiceName != nil:
			all = append(all, "a target group has both serviceName and targetGroupARN or targetGroupName; write one of them")
		case t.ServiceName != nil && t.ServicePort == nil:
			all = append(all, "the target group of service "+shorten(*t.ServiceName)+" has no servicePort")
		}
	}
	for _, t := range f.TargetGroups {
		if len(f.TargetGroups) > 1 && t.Weight == nil {
			all = append(all, "with several target groups each needs a weight; "+shorten(deref(cmp.Or(t.ServiceName, t.TargetGroupName, t.TargetGroupARN)))+" has none")
		}
	}
	return all
}

// findService looks the Service of a forward up. If the only one is missing, the
// action becomes a fixed 503; a missing one among several is a fault.
func (b *builder) findService(m *member, a *actionWords, field string) {
	if a.Type != lb.ForwardAction || len(a.Forward.TargetGroups) != 1 {
		return
	}
	only := a.Forward.TargetGroups[0].ServiceName
	if only == nil || b.service(name{m.Namespace, *only}) != nil {
		return
	}
	b.warnOnce(m.origin, field, b.missing("Service", name{m.Namespace, *only})+": requests to it get 503")
	*a = unavailable(noService)
}

// backendAction is the action that answers, with its target groups made.
func (b *builder) backendAction(m *member, all *merged, p *plan, words actionWords) (lb.Action, error) {
	switch words.Type {
	case lb.FixedResponseAction:
		return lb.Action{Type: words.Type, FixedResponse: words.FixedResponse}, nil
	case lb.RedirectAction:
		return lb.Action{Type: words.Type, Redirect: words.Redirect}, nil
	}
	f := &lb.Forward{Stickiness: words.Forward.Stickiness, TargetGroups: []lb.WeightedTargetGroup{}}
	var errs []error
	for _, t := range words.Forward.TargetGroups {
		g, err := b.weighted(m, all, p, t)
		errs = append(errs, err)
		f.TargetGroups = append(f.TargetGroups, g)
	}
	return lb.Action{Type: lb.ForwardAction, Forward: f}, errors.Join(errs...)
}

func (b *builder) weighted(m *member, all *merged, p *plan, t targetWords) (lb.WeightedTargetGroup, error) {
	var g lb.WeightedTargetGroup
	if t.Weight != nil {
		weight := int(*t.Weight)
		g.Weight = &weight
	}
	switch {
	case t.TargetGroupARN != nil:
		g.TargetGroupARN = *t.TargetGroupARN
	case t.TargetGroupName != nil:
		known, ok := b.opts.Inventory.targetGroup(*t.TargetGroupName)
		if !ok {
			return g, faultf("", "there is no target group %q", *t.TargetGroupName)
		}
		g.TargetGroupARN = known.ARN
	default:
		s := b.service(name{m.Namespace, *t.ServiceName})
		if s == nil {
			return g, faultf("", "%s; add it, or take it out of the forward", b.missing("Service", name{m.Namespace, *t.ServiceName}))
		}
		made, err := b.targetGroup(m, all, p, s, *t.ServicePort)
		if err != nil {
			return g, err
		}
		g.TargetGroup = made.Key
		return g, nil
	}
	if g.TargetGroup = b.boundTo(g.TargetGroupARN); g.TargetGroup == "" {
		b.warnOnce(m.origin, "", "no TargetGroupBinding brings targets to target group "+g.TargetGroupARN+": requests forwarded to it get 503")
	}
	return g, nil
}
