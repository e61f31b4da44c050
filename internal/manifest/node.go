package manifest

import (
	"fmt"
	"net/netip"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/albatross-lb/albatross/lb"
)

// node is a Node and where it was written.
type node struct {
	*corev1.Node
	origin lb.Origin
}

// nodeTargets are the Nodes that take traffic: chosen by the labels of target-node-labels,
// not excluded, and ready. Where none is ready, those are taken that nobody knows it of, as
// AWS's controller does (its feature gate EndpointsFailOpen, which is on).
func (b *builder) nodeTargets(g *lb.TargetGroup, s *service, port corev1.ServicePort, selector labels.Selector) []lb.Target {
	c := b.chooseNodes(g, uint16(port.NodePort), selector)
	targets := c.ready
	switch {
	case len(c.ready) > 0:
		b.remarkUnknown(c.unknown)
	case len(c.unknown) > 0:
		targets = c.unknown
		b.warnOnce(s.origin, "", fmt.Sprintf("none of the Nodes (%d) is known to be ready, so that those are used of which nothing is known, as AWS's controller does it: %s", len(b.nodes), someOf(c.nothingKnown))+`; write status.conditions: [{type: Ready, status: "True"}] there`)
	case c.others == len(b.nodes):
		b.warnOnce(s.origin, "", fmt.Sprintf("none of the Nodes (%d) has the labels asked for, %s: %s", len(b.nodes), selector, withoutTargets(g)))
	default:
		b.warnOnce(s.origin, "", fmt.Sprintf("none of the Nodes (%d) takes traffic: %s: %s", len(b.nodes), someOf(c.leftOut), withoutTargets(g)))
	}
	if port.NodePort < 30000 || port.NodePort > 32767 {
		b.noteOnce(s.origin, fmt.Sprintf("node port %d is not from 30000 to 32767, which are those that Kubernetes takes unless --service-node-port-range says otherwise", port.NodePort))
	}
	if s.Spec.ExternalTrafficPolicy == corev1.ServiceExternalTrafficPolicyLocal {
		b.noteOnce(s.origin, "externalTrafficPolicy: Local: every Node is a target, and one without a ready Pod of the Service fails its health checks, as on AWS")
	}
	sortTargets(targets)
	return targets
}

// nodeChoice is all Nodes, for one target group.
type nodeChoice struct {
	ready, unknown        []lb.Target
	nothingKnown, leftOut []string // names of Nodes and why: those of unknown, those that take no traffic
	others                int      // of leftOut, those with other labels
}

func (b *builder) chooseNodes(g *lb.TargetGroup, port uint16, selector labels.Selector) (c nodeChoice) {
	miss := func(n node, why string) {
		c.leftOut = append(c.leftOut, n.Name+" "+why)
		b.noteOnce(n.origin, "the Node gets no traffic for Services: it "+why)
	}
	for _, n := range b.nodes {
		if !selector.Matches(labels.Set(n.Labels)) {
			c.leftOut, c.others = append(c.leftOut, n.Name+" has not the labels asked for"), c.others+1
			continue
		}
		if why := n.excluded(); why != "" {
			miss(n, why)
			continue
		}
		addr, why := n.address(g.IPAddressType)
		if why != "" {
			b.warnOnce(n.origin, "status.addresses", "the Node cannot be a target: it "+why)
			c.leftOut = append(c.leftOut, n.Name+" "+why)
			continue
		}
		target := lb.Target{Addr: netip.AddrPortFrom(addr, port), Zone: n.Labels[corev1.LabelTopologyZone], Name: n.Name}
		switch status, why := n.isReady(); status {
		case corev1.ConditionTrue:
			c.ready = append(c.ready, target)
		case corev1.ConditionFalse:
			miss(n, why)
		default:
			c.unknown, c.nothingKnown = append(c.unknown, target), append(c.nothingKnown, n.Name+" "+why)
		}
	}
	return c
}

// remarkUnknown says of Nodes that they are left out because others are ready: a warning
// where somebody has left the condition out.
func (b *builder) remarkUnknown(left []lb.Target) {
	for _, n := range b.nodes {
		if !slices.ContainsFunc(left, func(t lb.Target) bool { return t.Name == n.Name }) {
			continue
		}
		_, why := n.isReady()
		text := "the Node gets no traffic while others are ready: it " + why
		if slices.ContainsFunc(n.Status.Conditions, func(c corev1.NodeCondition) bool { return c.Type == corev1.NodeReady }) {
			b.noteOnce(n.origin, text)
		} else {
			b.warnOnce(n.origin, "status.conditions", text+`; write status.conditions: [{type: Ready, status: "True"}]`)
		}
	}
}

// excluded says why a Node takes no traffic for Services whatever its state; "" if it does.
// These are the labels and taints of AWS's controller (pkg/backend/endpoint_utils.go).
func (n node) excluded() string {
	for _, label := range []string{"node-role.kubernetes.io/master", corev1.LabelNodeExcludeBalancers, "alpha.service-controller.kubernetes.io/exclude-balancer"} {
		if _, ok := n.Labels[label]; ok {
			return "has the label " + label
		}
	}
	if n.Labels["eks.amazonaws.com/compute-type"] == "fargate" {
		return "has the label eks.amazonaws.com/compute-type: fargate"
	}
	for _, t := range n.Spec.Taints {
		if t.Key == "ToBeDeletedByClusterAutoscaler" || t.Key == "karpenter.sh/disrupted" && t.Effect == corev1.TaintEffectNoSchedule {
			return "is being removed (taint " + t.Key + ")"
		}
	}
	return ""
}

// isReady is the condition Ready, and in words why it is not true. A Node without it is one
// of which nothing is known: in a cluster Kubernetes' node lifecycle controller would give
// it the status Unknown.
func (n node) isReady() (corev1.ConditionStatus, string) {
	for _, c := range n.Status.Conditions {
		if c.Type != corev1.NodeReady {
			continue
		}
		if c.Status != corev1.ConditionTrue && c.Status != corev1.ConditionFalse {
			return corev1.ConditionUnknown, "has the condition Ready: " + string(c.Status)
		}
		return c.Status, "has the condition Ready: " + string(c.Status)
	}
	return corev1.ConditionUnknown, "has no condition Ready"
}

// address is the internal address of a Node, or why it has none.
func (n node) address(family string) (addr netip.Addr, why string) {
	why = "has no address of type InternalIP"
	for _, a := range n.Status.Addresses {
		if a.Type != corev1.NodeInternalIP {
			continue
		}
		addr, err := netip.ParseAddr(a.Address)
		switch {
		case err != nil:
			why = fmt.Sprintf("has the InternalIP %q, which is no IP address", shorten(a.Address))
		case addr.Is4() == (family == "ipv4"):
			return addr, ""
		default:
			why = fmt.Sprintf("has the InternalIP %s, and the target group takes %s addresses", addr, family)
		}
	}
	return netip.Addr{}, why
}
