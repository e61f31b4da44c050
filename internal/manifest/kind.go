package manifest

import (
	"reflect"
	"strings"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// kind is a kind of object that Build understands.
type kind struct {
	versions   []string // the apiVersions that are read, the one to write first
	groups     []string // what the apiVersions of the kind begin with, old ones too
	namespaced bool
	is         reflect.Type
}

var kinds = map[string]kind{
	"Ingress":            {[]string{"networking.k8s.io/v1"}, []string{"networking.k8s.io/", "extensions/"}, true, reflect.TypeFor[networkingv1.Ingress]()},
	"IngressClass":       {[]string{"networking.k8s.io/v1"}, []string{"networking.k8s.io/"}, false, reflect.TypeFor[networkingv1.IngressClass]()},
	"IngressClassParams": {[]string{"elbv2.k8s.aws/v1beta1", "eks.amazonaws.com/v1"}, []string{"elbv2.k8s.aws/", "eks.amazonaws.com/"}, false, reflect.TypeFor[IngressClassParams]()},
	"TargetGroupBinding": {[]string{"elbv2.k8s.aws/v1beta1", "eks.amazonaws.com/v1"}, []string{"elbv2.k8s.aws/", "eks.amazonaws.com/"}, true, reflect.TypeFor[TargetGroupBinding]()},
	"Service":            {[]string{"v1"}, []string{"v1"}, true, reflect.TypeFor[corev1.Service]()},
	"Secret":             {[]string{"v1"}, []string{"v1"}, true, reflect.TypeFor[corev1.Secret]()},
	"Namespace":          {[]string{"v1"}, []string{"v1"}, false, reflect.TypeFor[corev1.Namespace]()},
	"Node":               {[]string{"v1"}, []string{"v1"}, false, reflect.TypeFor[corev1.Node]()},
	"Endpoints":          {[]string{"v1"}, []string{"v1"}, true, reflect.TypeFor[corev1.Endpoints]()},
	"EndpointSlice":      {[]string{"discovery.k8s.io/v1"}, []string{"discovery.k8s.io/"}, true, reflect.TypeFor[discoveryv1.EndpointSlice]()},
}

// has tells whether an apiVersion is one of the kind, and not of another maker's kind of the same name.
func (k kind) has(apiVersion string) bool {
	for _, group := range k.groups {
		if strings.HasPrefix(apiVersion, group) {
			return true
		}
	}
	return false
}

// newest is the version to write in place of an older one, of the same group where that is read at all.
func (k kind) newest(apiVersion string) string {
	for _, v := range k.versions {
		if apiGroup(v) == apiGroup(apiVersion) {
			return v
		}
	}
	return k.versions[0]
}

func versionOf(name string) string {
	if k, ok := kinds[name]; ok {
		return "apiVersion: " + k.versions[0]
	}
	return "the apiVersion of its kind"
}

// settle gives an object from a file the defaults that the API server would have
// given it, as far as they matter here.
func settle(value any) {
	switch o := value.(type) {
	case *networkingv1.Ingress:
		if o.Namespace == "" {
			o.Namespace = "default"
		}
	case *IngressClassParams:
		settleParams(o)
	case *TargetGroupBinding:
		if o.Namespace == "" {
			o.Namespace = "default"
		}
	case *corev1.Endpoints:
		if o.Namespace == "" {
			o.Namespace = "default"
		}
	case *discoveryv1.EndpointSlice:
		if o.Namespace == "" {
			o.Namespace = "default"
		}
	case *corev1.Secret:
		if o.Namespace == "" {
			o.Namespace = "default"
		}
		for key, text := range o.StringData {
			if o.Data == nil {
				o.Data = map[string][]byte{}
			}
			o.Data[key] = []byte(text)
		}
		o.StringData = nil
	case *corev1.Service:
		settleService(o)
	}
}

func settleService(s *corev1.Service) {
	if s.Namespace == "" {
		s.Namespace = "default"
	}
	if s.Spec.Type == "" {
		s.Spec.Type = corev1.ServiceTypeClusterIP
	}
	for i := range s.Spec.Ports {
		p := &s.Spec.Ports[i]
		if p.Protocol == "" {
			p.Protocol = corev1.ProtocolTCP
		}
		if p.TargetPort == (intstr.IntOrString{}) || (p.TargetPort.Type == intstr.String && p.TargetPort.StrVal == "") {
			p.TargetPort = intstr.FromInt32(p.Port)
		}
	}
}
