package manifest

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/api/validation"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	metavalidation "k8s.io/apimachinery/pkg/apis/meta/v1/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/albatross-lb/albatross/lb"
)

// Files have no API server behind them. What it would refuse is said here, by its own rules
// (k8s.io/apimachinery; those of k8s.io/kubernetes' pkg/apis cannot be imported and are
// written again), all of an object at once. How much it matters decides what follows.
type verdict struct {
	refused field.ErrorList // nothing can be made of the object: it is set aside
	leftOut field.ErrorList // nor of this part of it; the rest serves
	warned  field.ErrorList // it can be served as it is meant
	more    []string        // fields of addresses behind the first of an endpoint, which nobody refuses and nobody uses
}

// mostVerdicts bounds what is said of one object.
const mostVerdicts = 100

// validate says what the API server would refuse of an object, and what a template has left in it.
func (p *parser) validate(o *Object, places []place) {
	v := verdictOn(p.origin.Kind, o.Value)
	holds := p.placeholders(places)
	problem := func(e *field.Error, refuses string) lb.Problem {
		text := refuses + verdictText(e)
		if unfilled := holds[e.Field]; unfilled != "" {
			text = unfilled
			delete(holds, e.Field)
		}
		return lb.Problem{Origin: p.origin, Field: e.Field, Text: text}
	}
	read := *o // what could not be read is told already
	told := func(e *field.Error) bool { return read.follows(e.Field) }
	v.refused, v.leftOut = slices.DeleteFunc(v.refused, told), slices.DeleteFunc(v.leftOut, told)
	for _, e := range first(v.refused) {
		o.Faults, o.Broken = append(o.Faults, problem(e, "")), append(o.Broken, e.Field)
	}
	for _, e := range first(v.leftOut) {
		o.Faults = append(o.Faults, problem(e, ""))
	}
	if more := len(v.leftOut) - mostVerdicts; more > 0 {
		o.Faults = append(o.Faults, lb.Problem{Origin: p.origin, Text: fmt.Sprintf("%d more parts of it are not used for reasons like these", more)})
	}
	if read.broken() {
		return
	}
	for _, e := range first(v.warned) {
		o.Warnings = append(o.Warnings, problem(e, "Kubernetes refuses this: "))
	}
	for _, at := range v.more[:min(len(v.more), mostVerdicts)] {
		o.Warnings = append(o.Warnings, lb.Problem{Origin: p.origin, Field: at, Text: "of several addresses of an endpoint the first alone is used; write an endpoint for each"})
	}
	for _, at := range slices.Sorted(maps.Keys(holds)) {
		o.Warnings = append(o.Warnings, lb.Problem{Origin: p.origin, Field: at, Text: holds[at]})
	}
}

func verdictOn(kind string, object any) (v verdict) {
	if meta, ok := object.(metav1.ObjectMetaAccessor); ok {
		v.metadata(kind, meta.GetObjectMeta())
	}
	switch o := object.(type) {
	case *networkingv1.Ingress:
		v.ingress(o)
	case *networkingv1.IngressClass:
		v.ingressClass(o)
	case *corev1.Service:
		v.service(o)
	case *discoveryv1.EndpointSlice:
		v.endpointSlice(o)
	case *corev1.Endpoints:
		v.endpoints(o)
	}
	return v
}

func first(errs field.ErrorList) field.ErrorList { return errs[:min(len(errs), mostVerdicts)] }

// verdictText is an error of Kubernetes' validation in a line.
func verdictText(e *field.Error) string {
	detail, _, _ := strings.Cut(e.Detail, ", regex used for validation is")
	if detail != e.Detail && strings.Contains(detail, "(e.g.") {
		detail += ")"
	}
	value, isText := e.BadValue.(string)
	if !isText && e.BadValue != nil {
		value = fmt.Sprint(e.BadValue)
	}
	value = fmt.Sprintf("%q", shorten(value))
	switch e.Type {
	case field.ErrorTypeRequired:
		return strings.TrimSuffix("it is missing; "+detail, "; ")
	case field.ErrorTypeDuplicate:
		return value + " is there twice" + strings.TrimSuffix("; "+detail, "; ")
	case field.ErrorTypeForbidden:
		return detail
	case field.ErrorTypeTooLong:
		return "it is too long: " + detail
	}
	if rest, ok := strings.CutPrefix(detail, "it is "); ok {
		return value + " is " + rest
	}
	return value + ": " + detail
}

// metadata looks at names, labels and annotations. Names are what others refer to, so that
// a bad one is refused.
func (v *verdict) metadata(kind string, meta metav1.Object) {
	at := field.NewPath("metadata")
	named := validation.NameIsDNSSubdomain
	switch kind {
	case "Namespace":
		named = validation.ValidateNamespaceName
	case "Service":
		named = validation.NameIsDNSLabel
		if len(named(meta.GetName(), false)) == 0 {
			for _, text := range validation.NameIsDNS1035Label(meta.GetName(), false) {
				v.warned = append(v.warned, field.Invalid(at.Child("name"), meta.GetName(), text))
			}
		}
	}
	for _, text := range named(meta.GetName(), false) {
		v.refused = append(v.refused, field.Invalid(at.Child("name"), meta.GetName(), text))
	}
	if namespace := meta.GetNamespace(); namespace != "" {
		for _, text := range validation.ValidateNamespaceName(namespace, false) {
			v.refused = append(v.refused, field.Invalid(at.Child("namespace"), namespace, text))
		}
	}
	keys := append(metavalidation.ValidateLabels(meta.GetLabels(), at.Child("labels")), validation.ValidateAnnotations(meta.GetAnnotations(), at.Child("annotations"))...)
	slices.SortFunc(keys, func(x, y *field.Error) int { return strings.Compare(x.Error(), y.Error()) }) // they come of maps
	v.warned = append(v.warned, keys...)
}

// placeholders finds the values that a template has left unfilled, by their fields. Those
// of a Secret are its own.
func (p *parser) placeholders(places []place) map[string]string {
	holds := map[string]string{}
	for i := range places {
		text := unfilled(places[i].raw)
		if text == "" || len(holds) == mostVerdicts {
			continue
		}
		if at := pathOf(places, i); p.origin.Kind != "Secret" || strings.HasPrefix(at, "metadata.") {
			holds[at] = text
		}
	}
	return holds
}
