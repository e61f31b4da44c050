package manifest

import (
	"maps"
	"slices"
	"strings"

	"github.com/albatross-lb/albatross/lb"
)

// EKS Auto Mode has a controller of its own for the same load balancers and the same annotations. Its
// names differ (EKS user guide, "Create an IngressClass to configure an Application Load Balancer" and "Use Service
// Annotations to configure Network Load Balancers").
const (
	autoController = "eks.amazonaws.com/alb"
	autoGroup      = "eks.amazonaws.com"
	autoClass      = "eks.amazonaws.com/nlb"
)

// paramsGroups are the controllers whose IngressClasses are ours, and the API group of their parameters.
var paramsGroups = map[string]string{ourController: paramsGroup, autoController: autoGroup}

// networkClasses are the values of spec.loadBalancerClass that ask for a network load balancer.
var networkClasses = []string{nlbClass, autoClass}

// apiGroup is that of an apiVersion.
func apiGroup(apiVersion string) string {
	group, _, _ := strings.Cut(apiVersion, "/")
	return group
}

// paramsName is the name of IngressClassParams, which both have.
type paramsName struct{ group, name string }

// settleParams gives the fields of either controller one name each, and notes those that are the other's.
func settleParams(p *IngressClassParams) {
	p.foreign = p.foreignFields()
	if apiGroup(p.APIVersion) == autoGroup {
		p.Spec.CertificateARN, p.Spec.Listeners = p.Spec.CertificateARNs, nil
	}
	p.Spec.CertificateARNs = nil
}

// foreignFields are fields that only the other controller knows, and what to write instead; "" where there is nothing.
func (p *IngressClassParams) foreignFields() map[string]string {
	foreign := map[string]string{}
	subnets := p.Spec.Subnets
	if apiGroup(p.APIVersion) == autoGroup {
		if len(p.Spec.CertificateARN) > 0 {
			foreign["certificateArn"] = "certificateARNs"
		}
		if subnets != nil && len(subnets.Tags) > 0 {
			foreign["subnets.tags"] = "subnets.matchTags"
		}
		if slices.ContainsFunc(p.Spec.Listeners, func(l ParamsListener) bool { return len(l.ListenerAttributes) > 0 }) {
			foreign["listeners"] = ""
		}
		return foreign
	}
	if len(p.Spec.CertificateARNs) > 0 {
		foreign["certificateARNs"] = "certificateArn"
	}
	if subnets != nil && subnets.MatchTags != nil {
		foreign["subnets.matchTags"] = "subnets.tags"
	}
	return foreign
}

// warnForeignParams says which fields of IngressClassParams have no effect, since another controller reads them.
func (b *builder) warnForeignParams(origin lb.Origin, p *IngressClassParams) {
	for _, field := range slices.Sorted(maps.Keys(p.foreign)) {
		instead := p.foreign[field]
		text := "the controller of " + p.APIVersion + " knows no such field; it has no effect"
		if instead != "" {
			text += "; write " + instead
		}
		b.warnOnce(origin, "spec."+field, text)
	}
}
