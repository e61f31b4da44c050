package manifest

import (
	"slices"
	"strings"

	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/albatross-lb/albatross/lb"
)

// Object is one Kubernetes object and where it was written.
type Object struct {
	Origin lb.Origin
	// Value is a pointer to the typed object: Ingress, IngressClass
	// (networking.k8s.io/v1), Service, Endpoints, Secret, Namespace, Node (v1), EndpointSlice
	// (discovery.k8s.io/v1), IngressClassParams or TargetGroupBinding
	// (elbv2.k8s.aws/v1beta1, eks.amazonaws.com/v1). It is nil for any other kind, which Build passes over
	// and says so.
	Value any
	// Broken are the fields whose values could not be read, or that Kubernetes would refuse
	// so that nothing can be made of the object, which are problems of their
	// own: the object is never served, and Build only looks for what else is wrong with it.
	Broken []string
	// Faults are what Kubernetes' API server would refuse, and what cannot be served either:
	// of a Broken object all of it, else what they speak of. Build sets them aside.
	Faults []lb.Problem
	// Warnings are words about the object that reading it gave rise to: unknown
	// fields, keys written twice. Build passes them on.
	Warnings []lb.Problem
}

// Known tells whether Build makes something of the object.
func (o Object) Known() bool { return o.Value != nil }

func (o Object) broken() bool { return len(o.Broken) > 0 }

// heardOf tells whether others have to know of the object though it is broken: what else is
// wrong with an Ingress is looked for, by what can be read of its class, and a Service says
// which slice it has no targets of.
func (o Object) heardOf() bool {
	switch o.Value.(type) {
	case *networkingv1.Ingress, *IngressClassParams, *discoveryv1.EndpointSlice:
		return true
	}
	return false
}

// follows tells whether what is said of a field may come from a value that could not be
// read, and was left out.
func (o Object) follows(field string) bool {
	return slices.ContainsFunc(o.Broken, func(broken string) bool {
		return partOf(broken, field) || partOf(field, broken)
	})
}

// partOf tells whether a field is another one or a part of it.
func partOf(field, of string) bool {
	rest, ok := strings.CutPrefix(field, of)
	return ok && of != "" && (rest == "" || rest[0] == '.' || rest[0] == '[')
}

// IngressClassParams is the part of elbv2.k8s.aws/v1beta1 IngressClassParams that
// has a meaning here. Where it has a field, it beats the annotation.
type IngressClassParams struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec IngressClassParamsSpec `json:"spec"`

	foreign map[string]string // fields that have no effect, and what to write instead
}

// IngressClassParamsSpec holds what a cluster's owner settles for all Ingresses of a class.
type IngressClassParamsSpec struct {
	LoadBalancerName            string                `json:"loadBalancerName,omitempty"`
	CertificateARN              []string              `json:"certificateArn,omitempty"`
	CertificateARNs             []string              `json:"certificateARNs,omitempty"` // EKS Auto Mode's word
	NamespaceSelector           *metav1.LabelSelector `json:"namespaceSelector,omitempty"`
	Group                       *ParamsGroup          `json:"group,omitempty"`
	Scheme                      *string               `json:"scheme,omitempty"`
	InboundCIDRs                []string              `json:"inboundCIDRs,omitempty"`
	SSLPolicy                   string                `json:"sslPolicy,omitempty"`
	SSLRedirectPort             string                `json:"sslRedirectPort,omitempty"`
	Subnets                     *ParamsSubnets        `json:"subnets,omitempty"`
	IPAddressType               *string               `json:"ipAddressType,omitempty"`
	Tags                        []ParamsPair          `json:"tags,omitempty"`
	TargetType                  string                `json:"targetType,omitempty"`
	LoadBalancerAttributes      []ParamsPair          `json:"loadBalancerAttributes,omitempty"`
	Listeners                   []ParamsListener      `json:"listeners,omitempty"`
	MinimumLoadBalancerCapacity *ParamsCapacity       `json:"minimumLoadBalancerCapacity,omitempty"`
	IPAMConfiguration           *ParamsIPAM           `json:"ipamConfiguration,omitempty"`
	PrefixListsIDs              []string              `json:"prefixListsIDs,omitempty"`
	PrefixListsIDsOld           []string              `json:"PrefixListsIDs,omitempty"` // the older spelling
	WAFv2ACLARN                 string                `json:"wafv2AclArn,omitempty"`
	WAFv2ACLName                string                `json:"wafv2AclName,omitempty"`
}

// ParamsGroup names the group of all Ingresses of a class.
type ParamsGroup struct {
	Name string `json:"name"`
}

// ParamsSubnets selects subnets by id or by tag.
type ParamsSubnets struct {
	IDs       []string            `json:"ids,omitempty"`
	Tags      map[string][]string `json:"tags,omitempty"`
	MatchTags any                 `json:"matchTags,omitempty"` // EKS Auto Mode's word
}

// ParamsPair is a tag or an attribute.
type ParamsPair struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// ParamsListener gives attributes to one listener.
type ParamsListener struct {
	Protocol           string       `json:"protocol,omitempty"`
	Port               int32        `json:"port,omitempty"`
	ListenerAttributes []ParamsPair `json:"listenerAttributes,omitempty"`
}

// ParamsCapacity is a capacity reservation.
type ParamsCapacity struct {
	CapacityUnits int32 `json:"capacityUnits"`
}

// ParamsIPAM names an address pool.
type ParamsIPAM struct {
	IPv4IPAMPoolID *string `json:"ipv4IPAMPoolId,omitempty"`
}

// pairs is a list of pairs as a map; nil for an empty list.
func pairs(list []ParamsPair) map[string]string {
	if len(list) == 0 {
		return nil
	}
	m := make(map[string]string, len(list))
	for _, p := range list {
		m[p.Key] = p.Value
	}
	return m
}

// name is "namespace/name", the way objects are referred to.
type name struct{ namespace, name string }

func (n name) String() string { return n.namespace + "/" + n.name }
