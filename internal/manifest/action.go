package manifest

import (
	"cmp"

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
	if wrong := a.wrong(); wrong != "" {
		return a, m.notes.faultf(annotation, "%s", wrong)
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

func (a actionWords) wrong() string {
	switch a.Type {
	case lb.FixedResponseAction:
		return missingStatus("fixedResponseConfig", a.FixedResponse == nil, func() string { return a.FixedResponse.StatusCode })
	case lb.RedirectAction:
		return missingStatus("redirectConfig", a.Redirect == nil, func() string { return a.Redirect.StatusCode })
	case lb.ForwardAction:
		short := a.TargetGroupARN != nil || a.TargetGroupName != nil
		switch {
		case !short && a.Forward == nil:
			return "forwardConfig is missing; write it, or targetGroupARN or targetGroupName"
		case short && a.Forward != nil:
			return "write either forwardConfig or targetGroupARN or targetGroupName, not both"
		case a.Forward != nil:
			return a.Forward.wrong()
		}
		return ""
	}
	return "the action type " + shorten(string(a.Type)) + " is not known; write forward, redirect or fixed-response"
}

func missingStatus(config string, missing bool, status func() string) string {
	if missing {
		return config + " is missing"
	}
	if status() == "" {
		return config + " has no statusCode"
	}
	return ""
}

func (f *forwardWords) wrong() string {
	for _, t := range f.TargetGroups {
		existing := t.TargetGroupARN != nil || t.TargetGroupName != nil
		switch {
		case !existing && t.ServiceName == nil:
			return "a target group has no serviceName; write it, or targetGroupARN or targetGroupName"
		case existing && t.ServiceName != nil:
			return "a target group has both serviceName and targetGroupARN or targetGroupName; write one of them"
		case t.ServiceName != nil && t.ServicePort == nil:
			return "the target group of service " + shorten(*t.ServiceName) + " has no servicePort"
		}
	}
	for _, t := range f.TargetGroups {
		if len(f.TargetGroups) > 1 && t.Weight == nil {
			return "with several target groups each needs a weight; " + shorten(deref(cmp.Or(t.ServiceName, t.TargetGroupName, t.TargetGroupARN))) + " has none"
		}
	}
	return ""
}

// findServices looks the Services of a forward up. If the only one is missing, the
// action becomes a fixed 503; a missing one among several is a fault.
func (b *builder) findServices(m *member, a *actionWords) error {
	if a.Type != lb.ForwardAction {
		return nil
	}
	for _, t := range a.Forward.TargetGroups {
		if t.ServiceName == nil || b.service(name{m.Namespace, *t.ServiceName}) != nil {
			continue
		}
		if len(a.Forward.TargetGroups) > 1 {
			return faultf("", "service %s/%s not found; add it, or take it out of the forward", m.Namespace, *t.ServiceName)
		}
		b.warnOnce(m.origin, "", "there is no Service "+m.Namespace+"/"+*t.ServiceName+": requests to it get 503")
		*a = unavailable(noService)
		return nil
	}
	return nil
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
	for _, t := range words.Forward.TargetGroups {
		g, err := b.weighted(m, all, p, t)
		if err != nil {
			return lb.Action{}, err
		}
		f.TargetGroups = append(f.TargetGroups, g)
	}
	return lb.Action{Type: lb.ForwardAction, Forward: f}, nil
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
		made, err := b.targetGroup(m, all, p, b.service(name{m.Namespace, *t.ServiceName}), *t.ServicePort)
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
