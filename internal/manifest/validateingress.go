package manifest

import (
	"net/netip"
	"strings"

	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// ingress is what k8s.io/kubernetes' pkg/apis/networking/validation refuses of an Ingress, but
// for what is said while its rules are made: backends without a service or a port, types of
// paths that are missing or not known.
func (v *verdict) ingress(i *networkingv1.Ingress) {
	spec := field.NewPath("spec")
	if len(i.Spec.Rules) == 0 && i.Spec.DefaultBackend == nil {
		v.refused = append(v.refused, field.Required(spec.Child("rules"), "either `defaultBackend` or `rules` must be specified; write one of them, and look whether a line above has swallowed it"))
	}
	const annotation = "kubernetes.io/ingress.class"
	if class, ok := i.Annotations[annotation]; ok && i.Spec.IngressClassName != nil && class != *i.Spec.IngressClassName {
		v.warned = append(v.warned, field.Invalid(field.NewPath("metadata", "annotations").Key(annotation), class, "it must match ingressClassName when both are specified; the annotation counts"))
	}
	if i.Spec.DefaultBackend != nil {
		v.backend(i.Spec.DefaultBackend, spec.Child("defaultBackend"))
	}
	for j, rule := range i.Spec.Rules {
		at := spec.Child("rules").Index(j)
		v.host(rule.Host, at.Child("host"))
		if rule.HTTP == nil {
			continue
		}
		paths := at.Child("http", "paths")
		if len(rule.HTTP.Paths) == 0 {
			v.warned = append(v.warned, field.Required(paths, "write at least one path; this entry of rules does nothing"))
		}
		for k := range rule.HTTP.Paths {
			v.path(&rule.HTTP.Paths[k], paths.Index(k))
		}
	}
	for j, tls := range i.Spec.TLS {
		at := spec.Child("tls").Index(j)
		for k, host := range tls.Hosts {
			v.host(host, at.Child("hosts").Index(k))
		}
		if tls.SecretName != "" {
			v.warn(at.Child("secretName"), tls.SecretName, validation.IsDNS1123Subdomain(tls.SecretName))
		}
	}
}

func (v *verdict) warn(at *field.Path, value string, texts []string) {
	for _, text := range texts {
		v.warned = append(v.warned, field.Invalid(at, value, text))
	}
}

// host warns of hosts that are no names in DNS: rules for them serve as they are written.
func (v *verdict) host(host string, at *field.Path) {
	switch lower := strings.ToLower(host); {
	case host == "":
	case isAddress(host):
		v.warn(at, host, []string{"must be a DNS name, not an IP address"})
	case host != lower && len(validation.IsDNS1123Subdomain(strings.TrimPrefix(lower, "*."))) == 0:
		v.warn(at, host, []string{"must be in lower case; write " + lower})
	case strings.Contains(host, "*"):
		v.warn(at, host, validation.IsWildcardDNS1123Subdomain(host))
	default:
		v.warn(at, host, validation.IsDNS1123Subdomain(host))
	}
}

func isAddress(host string) bool {
	_, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil
}

// path warns of what Kubernetes refuses in paths, all of which ALB takes as patterns.
func (v *verdict) path(p *networkingv1.HTTPIngressPath, at *field.Path) {
	v.backend(&p.Backend, at.Child("backend"))
	exact := p.PathType != nil && *p.PathType != networkingv1.PathTypeImplementationSpecific
	switch {
	case p.Path == "" && exact:
		v.warned = append(v.warned, field.Required(at.Child("path"), "an Exact or Prefix path begins with /; without one the rule is for all paths"))
	case p.Path != "" && p.Path[0] != '/':
		v.warn(at.Child("path"), p.Path, []string{"must be an absolute path; write it with / in front"})
	case exact:
		for _, part := range []string{"//", "/./", "/../", "%2f", "%2F"} {
			if strings.Contains(p.Path, part) {
				v.warn(at.Child("path"), p.Path, []string{"must not contain " + part})
			}
		}
		for _, end := range []string{"/..", "/."} {
			if strings.HasSuffix(p.Path, end) {
				v.warn(at.Child("path"), p.Path, []string{"cannot end with " + end})
			}
		}
	}
}

// backend refuses a port that is none, or two at once.
func (v *verdict) backend(b *networkingv1.IngressBackend, at *field.Path) {
	if b.Service == nil {
		return
	}
	if b.Resource != nil {
		v.refused = append(v.refused, field.Invalid(at, "", "cannot set both resource and service backends; write the service alone"))
	}
	port := at.Child("service", "port")
	switch number := b.Service.Port.Number; {
	case b.Service.Port.Name != "" && number != 0:
		v.refused = append(v.refused, field.Invalid(port, b.Service.Port.Name, "cannot set both port name & port number; write one of them"))
	case number != 0:
		for _, text := range validation.IsValidPortNum(int(number)) {
			v.refused = append(v.refused, field.Invalid(port.Child("number"), number, text))
		}
	}
}

// ingressClass warns of a controller that is none: nobody would serve the class.
func (v *verdict) ingressClass(c *networkingv1.IngressClass) {
	at := field.NewPath("spec", "controller")
	if c.Spec.Controller == "" {
		v.warned = append(v.warned, field.Required(at, "write controller: "+ourController))
		return
	}
	v.warned = append(v.warned, validation.IsDomainPrefixedPath(at, c.Spec.Controller)...)
}
