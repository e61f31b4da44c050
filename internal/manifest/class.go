package manifest

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/albatross-lb/albatross/lb"
)

const (
	classAnnotation   = "kubernetes.io/ingress.class"
	defaultAnnotation = "ingressclass.kubernetes.io/is-default-class"
	ourController     = "ingress.k8s.aws/alb"
	paramsGroup       = "elbv2.k8s.aws"
	paramsKind        = "IngressClassParams"
)

// classify tells whether an Ingress is ours. The annotation beats
// spec.ingressClassName, which beats the default class. The IngressClassParams of
// the class are put into m; with the annotation there are none, even if
// spec.ingressClassName is set too. One that is ours may have an error all the same,
// which bars it.
func (b *builder) classify(m *member) (ours bool, err error) {
	if class, ok := m.Annotations[classAnnotation]; ok {
		if class != b.opts.IngressClass {
			b.passOver(m.origin, "metadata.annotations["+classAnnotation+"]", m.wantsALB(), "class %q is not ours (%q is); the Ingress is passed over", class, b.opts.IngressClass)
		}
		return class == b.opts.IngressClass, nil
	}
	className, named, err := b.className(m)
	const field = "spec.ingressClassName"
	if err != nil || !named {
		if err == nil {
			b.passOver(m.origin, field, true, "the Ingress names no class and there is no default one, so that it is passed over; write ingressClassName: %s%s", b.opts.IngressClass, m.classMisnomer())
			return false, nil
		}
		m.params = &unknownParams
		return m.wantsALB(), err
	}
	class, ok := b.classes[className]
	if !ok {
		if className == b.opts.IngressClass && !b.opts.OnlyListedClasses {
			return true, nil
		}
		m.params = &unknownParams
		return m.wantsALB(), faultf(field, "%s; add it, or write the name of one that is there: %s", b.missing("IngressClass", name{"", className}), strings.Join(b.classNames(), ", "))
	}
	group, ours := paramsGroups[class.Spec.Controller]
	if !ours {
		b.passOver(m.origin, field, m.wantsALB(), "the controller of IngressClass %q is %q and not %q; the Ingress is passed over", className, class.Spec.Controller, ourController)
		return false, nil
	}
	if class.Spec.Parameters == nil {
		return true, nil
	}
	p := class.Spec.Parameters
	if p.APIGroup == nil || *p.APIGroup != group || p.Kind != paramsKind {
		m.params = &unknownParams
		return true, faultf(field, "IngressClass %s has parameters of an unknown kind; write apiGroup: %s and kind: %s there", className, group, paramsKind)
	}
	params, ok := b.params[paramsName{group, p.Name}]
	if !ok {
		m.params = &unknownParams
		return true, faultf(field, "IngressClass %s has its parameters there, and %s; add it", className, b.missing(paramsKind, name{"", p.Name}))
	}
	if params.broken {
		m.params = &params.Spec
		return true, faultf(field, "%s, and IngressClass %s has its parameters there", b.missing(paramsKind, name{"", p.Name}), className)
	}
	if err := b.allowed(m, params, field); err != nil {
		return true, err
	}
	m.params = &params.Spec
	b.warnForeignParams(params.origin, params.IngressClassParams)
	b.noteParams(params.origin, m.params)
	if port := m.params.SSLRedirectPort; port != "" {
		if _, err := strconv.ParseInt(port, 10, 32); err != nil {
			b.warnOnce(params.origin, "spec.sslRedirectPort", fmt.Sprintf("%q is no port: nothing redirects to HTTPS, also where an Ingress of the group asks for it; write a number, such as \"443\"", port))
		}
	}
	return true, nil
}

// wantsALB reports whether the Ingress says how an application load balancer is to be, so that its author meant one.
func (m *member) wantsALB() bool {
	for key := range m.Annotations {
		if strings.HasPrefix(key, ingressPrefix) {
			return true
		}
	}
	return false
}

// passOver says that no load balancer is made of an object: a warning where its author meant one of ours.
func (b *builder) passOver(origin lb.Origin, field string, meant bool, format string, args ...any) {
	if meant {
		b.warn(origin, field, format, args...)
		return
	}
	b.note(origin, field, format, args...)
}

// classMisnomer says which annotation is likely meant to name the class, and does not.
func (m *member) classMisnomer() string {
	for _, key := range slices.Sorted(maps.Keys(m.Annotations)) {
		if strings.Contains(squeezed(key), "ingressclass") || strings.HasSuffix(key, "ingress.kubernetes.io/class") {
			return " (the annotation " + key + " names none)"
		}
	}
	return ""
}

// classNames are those that an Ingress may name.
func (b *builder) classNames() []string {
	names := slices.Collect(maps.Keys(b.classes))
	if !b.opts.OnlyListedClasses && b.classes[b.opts.IngressClass] == nil {
		names = append(names, b.opts.IngressClass)
	}
	slices.Sort(names)
	return names
}

// className is the class by name: the Ingress's own, or the default one; named is false without either.
func (b *builder) className(m *member) (className string, named bool, err error) {
	if m.Spec.IngressClassName != nil {
		return *m.Spec.IngressClassName, true, nil
	}
	var defaults []string
	for _, n := range slices.Sorted(maps.Keys(b.classes)) {
		if b.classes[n].Annotations[defaultAnnotation] == "true" {
			defaults = append(defaults, n)
		}
	}
	switch len(defaults) {
	case 0:
		return "", false, nil
	case 1:
		return defaults[0], true, nil
	}
	return "", false, faultf("spec.ingressClassName", "the Ingress names no class, and multiple IngressClasses are the default one (%s); name one, or leave one default", strings.Join(defaults, ", "))
}

// allowed tells whether the IngressClassParams are for the Ingress's namespace.
func (b *builder) allowed(m *member, params *classParams, field string) error {
	if params.Spec.NamespaceSelector == nil {
		return nil
	}
	selector, err := metav1.LabelSelectorAsSelector(params.Spec.NamespaceSelector)
	if err != nil {
		return faultf(field, "the namespaceSelector of IngressClassParams %s cannot be read: %v", params.Name, err)
	}
	namespace, ok := b.namespaces[m.Namespace]
	if !ok {
		return faultf(field, "IngressClassParams %s selects namespaces by label, and the Namespace %q is not in the manifests; add it with its labels", params.Name, m.Namespace)
	}
	all := labels.Set{"kubernetes.io/metadata.name": m.Namespace}
	for k, v := range namespace.Labels {
		all[k] = v
	}
	if !selector.Matches(all) {
		return faultf(field, "the namespaceSelector of IngressClassParams %s does not select namespace %q", params.Name, m.Namespace)
	}
	return nil
}
