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
	version    string   // the apiVersion that is read
	groups     []string // what the apiVersions of the kind begin with, old ones too
	namespaced bool
	is         reflect.Type
}

var kinds = map[string]kind{
	"Ingress":            {"networking.k8s.io/v1", []string{"networking.k8s.io/", "extensions/"}, true, reflect.TypeFor[networkingv1.Ingress]()},
	"IngressClass":       {"networking.k8s.io/v1", []string{"networking.k8s.io/"}, false, reflect.TypeFor[networkingv1.IngressClass]()},
	"IngressClassParams": {"elbv2.k8s.aws/v1beta1", []string{"elbv2.k8s.aws/"}, false, reflect.TypeFor[IngressClassParams]()},
	"TargetGroupBinding": {"elbv2.k8s.aws/v1beta1", []string{"elbv2.k8s.aws/"}, true, reflect.TypeFor[TargetGroupBinding]()},
	"Service":            {"v1", []string{"v1"}, true, reflect.TypeFor[corev1.Service]()},
	"Secret":             {"v1", []string{"v1"}, true, reflect.TypeFor[corev1.Secret]()},
	"Namespace":          {"v1", []string{"v1"}, false, reflect.TypeFor[corev1.Namespace]()},
	"Node":               {"v1", []string{"v1"}, false, reflect.TypeFor[corev1.Node]()},
	"Endpoints":          {"v1", []string{"v1"}, true, reflect.TypeFor[corev1.Endpoints]()},
	"EndpointSlice":      {"discovery.k8s.io/v1", []string{"discovery.k8s.io/"}, true, reflect.TypeFor[discoveryv1.EndpointSlice]()},
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

func versionOf(name string) string {
	if k, ok := kinds[name]; ok {
		return "apiVersion: " + k.version
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
