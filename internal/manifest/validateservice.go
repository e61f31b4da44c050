package manifest

import (
	"cmp"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/albatross-lb/albatross/lb"
)

var (
	serviceTypes = []string{string(corev1.ServiceTypeClusterIP), string(corev1.ServiceTypeNodePort), string(corev1.ServiceTypeLoadBalancer), string(corev1.ServiceTypeExternalName)}
	protocols    = []string{string(corev1.ProtocolTCP), string(corev1.ProtocolUDP), string(corev1.ProtocolSCTP)}
)

// service is what k8s.io/kubernetes' pkg/apis/core/validation refuses of a Service, as far as
// it matters to a load balancer: ports that cannot be told apart, numbers that are none.
func (v *verdict) service(s *corev1.Service) {
	spec := field.NewPath("spec")
	v.oneOf(spec.Child("type"), string(s.Spec.Type), serviceTypes)
	if len(s.Spec.Ports) == 0 && s.Spec.Type != corev1.ServiceTypeExternalName && s.Spec.ClusterIP != corev1.ClusterIPNone {
		v.warned = append(v.warned, field.Required(spec.Child("ports"), "write at least one port; without any the Service leads nowhere"))
	}
	if s.Spec.Type == corev1.ServiceTypeExternalName && s.Spec.ExternalName == "" {
		v.warned = append(v.warned, field.Required(spec.Child("externalName"), ""))
	}
	balanced := s.Spec.Type == corev1.ServiceTypeLoadBalancer
	if s.Spec.LoadBalancerClass != nil && !balanced {
		v.warned = append(v.warned, field.Forbidden(spec.Child("loadBalancerClass"), "may only be used when `type` is 'LoadBalancer'"))
	}
	if p := s.Spec.ExternalTrafficPolicy; p != "" && p != corev1.ServiceExternalTrafficPolicyCluster && p != corev1.ServiceExternalTrafficPolicyLocal {
		v.warn(spec.Child("externalTrafficPolicy"), string(p), []string{"write Cluster or Local"})
	}
	names, numbers, nodePorts := sets.New[string](), sets.New[string](), sets.New[string]()
	for i := range s.Spec.Ports {
		p, at := &s.Spec.Ports[i], spec.Child("ports").Index(i)
		v.servicePort(s, p, at)
		protocol := cmp.Or(string(p.Protocol), string(corev1.ProtocolTCP))
		v.unique(names, p.Name, at.Child("name"), p.Name, "the name of a port is what tells it apart; give each its own")
		if p.Port > 0 {
			v.unique(numbers, fmt.Sprint(protocol, p.Port), at.Child("port"), p.Port, "two ports of a Service differ in number or protocol")
		}
		if p.NodePort > 0 {
			v.unique(nodePorts, fmt.Sprint(protocol, p.NodePort), at.Child("nodePort"), p.NodePort, "two ports of a Service differ in node port or protocol")
		}
	}
}

// oneOf refuses a word that is none of those known, if there is one.
func (v *verdict) oneOf(at *field.Path, word string, known []string) {
	for _, k := range known {
		if word == k || word == "" {
			return
		}
	}
	advice := "write one of " + strings.Join(known, ", ")
	for _, k := range known {
		if strings.EqualFold(word, k) || lb.Nearest(word, known) == k {
			advice = "write " + k
		}
	}
	v.refused = append(v.refused, field.Invalid(at, word, "it is not known; "+advice))
}

// unique refuses what has been seen before; "" is seen by nobody.
func (v *verdict) unique(seen sets.Set[string], key string, at *field.Path, value any, why string) {
	if key != "" && seen.Has(key) {
		e := field.Duplicate(at, value)
		e.Detail = why
		v.refused = append(v.refused, e)
	}
	seen.Insert(key)
}

func (v *verdict) servicePort(s *corev1.Service, p *corev1.ServicePort, at *field.Path) {
	v.oneOf(at.Child("protocol"), string(p.Protocol), protocols)
	v.number(at.Child("port"), p.Port)
	switch name := p.Name; {
	case name == "" && len(s.Spec.Ports) > 1:
		v.warned = append(v.warned, field.Required(at.Child("name"), "each of several ports has a name; EndpointSlices match it"))
	case name != "":
		v.warn(at.Child("name"), name, validation.IsDNS1123Label(name))
	}
	switch t := p.TargetPort; {
	case t.Type == intstr.String && t.StrVal != "":
		v.warn(at.Child("targetPort"), t.StrVal, validation.IsValidPortName(t.StrVal))
	case t.Type == intstr.Int && t.IntVal != 0:
		v.number(at.Child("targetPort"), t.IntVal)
	}
	if p.NodePort != 0 {
		v.number(at.Child("nodePort"), p.NodePort)
	}
	if t := s.Spec.Type; p.NodePort != 0 && (t == "" || t == corev1.ServiceTypeClusterIP) {
		v.warned = append(v.warned, field.Forbidden(at.Child("nodePort"), "may not be used when `type` is 'ClusterIP'; write type: NodePort or LoadBalancer, or leave it out"))
	}
}

// number refuses a port that is none.
func (v *verdict) number(at *field.Path, port int32) {
	for _, text := range validation.IsValidPortNum(int(port)) {
		v.refused = append(v.refused, field.Invalid(at, port, text))
	}
}
