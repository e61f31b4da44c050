package manifest

import (
	"slices"
)

// Values of the annotation aws-load-balancer-type.
const (
	external = "external" // a network load balancer of AWS's controller
	cloudNLB = "nlb"      // one of the cloud provider, in Kubernetes itself
)

// class is spec.loadBalancerClass; "" where the Service names none.
func (s *service) class() string {
	if s.Spec.LoadBalancerClass == nil {
		return ""
	}
	return *s.Spec.LoadBalancerClass
}

// ofCloudProvider reports whether the Service is written for the load balancers that Kubernetes' cloud provider makes on
// AWS, whose rules are not those of AWS's controller (kubernetes/cloud-provider-aws, docs/service_controller.md).
func (s *service) ofCloudProvider() bool {
	return s.class() == "" && serviceNotes(s).textOr("type", "") == cloudNLB
}

// cloudScheme is what the cloud provider makes of the annotations: internal by any value but false, and
// internet-facing without one. scheme is the controller's word, and as clear.
func cloudScheme(notes annotations) string {
	if scheme, ok := notes.text("scheme"); ok && (scheme == internal || scheme == internetFacing) {
		return scheme
	}
	if inside := notes.textOr("internal", "false"); inside != "false" && inside != "" {
		return internal
	}
	return internetFacing
}

// namesTargets reports whether the Service says what its targets are, which the type external asks for.
func namesTargets(notes annotations) bool {
	return slices.Contains([]string{ipTargets, instanceTargets}, notes.textOr("nlb-target-type", ""))
}

// noteClass says why a Service of type LoadBalancer that names no class gets a network load balancer: since version
// 2.5 the webhook of AWS's controller gives every new one the class service.k8s.aws/nlb, whatever its annotations
// say (webhooks/core/service_mutator.go), and so does EKS Auto Mode.
func (b *builder) noteClass(s *service, kind string) {
	notes := serviceNotes(s)
	switch {
	case kind == cloudNLB: // means what it says
	case kind == external:
		b.warn(s.origin, notes.field("type"), "external does not say which targets: they are of type instance, the default, because AWS's controller takes the Service all the same; "+
			"write %snlb-target-type: ip or instance, or spec.loadBalancerClass: %s", notes.prefix, nlbClass)
	case kind != "":
		b.warn(s.origin, notes.field("type"), "%q is no type that AWS's controller knows: it makes a network load balancer (layer 4) of the Service, with targets of type instance; write spec.loadBalancerClass: %s "+
			"if that is meant, or \"application\" for one of layer 7", kind, nlbClass)
	default:
		b.note(s.origin, "spec.loadBalancerClass", "the Service names none, and AWS's controller gives it %s: a network load balancer (layer 4), internal and with targets of type instance unless annotations say otherwise", nlbClass)
	}
}
