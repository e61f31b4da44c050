package manifest

import (
	"cmp"
	"net/netip"
	"slices"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/albatross-lb/albatross/lb"
)

// mostTargets bounds a target group, AWS has 1000.
const mostTargets = 100_000

// addTargets registers the targets of a port of a Service: node addresses for
// targets of type instance where the manifests have Nodes, else the Pods.
func (b *builder) addTargets(g *lb.TargetGroup, s *service, port corev1.ServicePort, origin lb.Origin) {
	b.register(g, s, port, origin, labels.SelectorFromSet(g.NodeSelector))
}

// register is addTargets with any choice of nodes.
func (b *builder) register(g *lb.TargetGroup, s *service, port corev1.ServicePort, origin lb.Origin, nodes labels.Selector) {
	if annotation, said := b.targetsSaid(s, port); said {
		b.registerSaid(g, s, annotation)
		return
	}
	if b.onNodes(g, s, port) {
		g.Targets = b.nodeTargets(g, s, port, nodes)
		return
	}
	g.Targets = b.podTargets(g, s, port)
	if g.TargetType == instanceTargets && len(g.Targets) > 0 {
		b.noteOnce(origin, "target type instance: "+b.whyNoNodes()+", so that the targets of "+s.name.String()+" are its Pods, as with target type ip")
		podHealthCheck(g, s)
	}
}

func withoutTargets(g *lb.TargetGroup) string {
	if g.Protocol == lb.HTTP || g.Protocol == lb.HTTPS {
		return "requests get 503"
	}
	return "connections are reset"
}

// onNodes tells whether the targets of a group are nodes.
func (b *builder) onNodes(g *lb.TargetGroup, s *service, port corev1.ServicePort) bool {
	_, said := b.targetsSaid(s, port)
	return !said && g.TargetType == instanceTargets && len(b.nodes) > 0 && port.NodePort != 0
}

// whyNoNodes says why targets of type instance are no Nodes.
func (b *builder) whyNoNodes() string {
	if len(b.nodes) == 0 {
		return "there are no Nodes in the manifests"
	}
	return "the Service's port has no nodePort in the manifests (the API server fills it in)"
}

func portName(p corev1.ServicePort) string {
	if p.Name != "" {
		return p.Name
	}
	return strconv.Itoa(int(p.Port))
}

// podHealthCheck makes a health check on a node port one on the Pods' own port.
func podHealthCheck(g *lb.TargetGroup, s *service) {
	h := g.HealthCheck
	if h == nil || h.Port == lb.TrafficPort {
		return
	}
	for _, p := range s.Spec.Ports {
		if int(p.NodePort) != int(h.Port) {
			continue
		}
		copied := *h
		g.HealthCheck = &copied
		switch {
		case int(p.NodePort) == g.Port:
			copied.Port = lb.TrafficPort
		case p.TargetPort.Type == intstr.Int:
			copied.Port = lb.HealthCheckPort(p.TargetPort.IntVal)
		}
		return
	}
}

// podTargets gathers the addresses of all slices of a Service, and says of each slice what
// of it is not used, and of the Service if nothing is left.
func (b *builder) podTargets(g *lb.TargetGroup, s *service, port corev1.ServicePort) []lb.Target {
	found := b.slicesOf(s.name)
	if len(found) == 0 {
		text := b.noSlices(s)
		if g.TargetType == instanceTargets {
			text = b.whyNoNodes() + ", and " + text
		}
		b.warnOnce(s.origin, "", text+": "+withoutTargets(g))
		return nil
	}
	all := endpointTargets{family: discoveryv1.AddressTypeIPv4, publish: s.Spec.PublishNotReadyAddresses, at: map[netip.AddrPort]int{}}
	if g.IPAddressType == "ipv6" {
		all.family = discoveryv1.AddressTypeIPv6
	}
	alike := portsAlike(found)
	for _, slice := range found {
		if slice.refused {
			all.miss(slice, "is set aside")
			continue
		}
		b.remarkPorts(s, slice, alike)
		all.gather(slice, slice.portFor(port, alike))
	}
	if len(all.targets) == 0 {
		b.warnOnce(s.origin, "", all.none(port)+": "+withoutTargets(g))
		return nil
	}
	if !slices.ContainsFunc(all.targets, func(t lb.Target) bool { return !t.Draining }) {
		b.warnOnce(s.origin, "", "all endpoints of the Service that still serve are terminating on port "+portName(port)+", and drain: new "+withoutTargets(g))
	}
	for _, slice := range found {
		if !slice.refused && slice.AddressType != all.family {
			b.noteOnce(s.origin, slice.origin.Kind+" "+slice.Name+" holds "+string(slice.AddressType)+" addresses and is not used for target groups of "+g.IPAddressType+" addresses")
		}
	}
	sortTargets(all.targets)
	return all.targets
}

// noSlices says that a Service has no EndpointSlice, and what to write.
func (b *builder) noSlices(s *service) string {
	if s.Spec.Type == corev1.ServiceTypeExternalName {
		return "a Service of type ExternalName has no endpoints, so that there are no targets; write the IP addresses of " + strconv.Quote(s.Spec.ExternalName) + " as an EndpointSlice, and leave the type out"
	}
	text := "no EndpointSlice of its namespace has the label " + discoveryv1.LabelServiceName + ": " + s.Name + ", so that the Service has no targets"
	if b.opts.LocalTargets {
		text += "; write one, or the annotation " + ownPrefix + ownTargets + " with addresses and ports"
	}
	return text
}

func sortTargets(targets []lb.Target) {
	slices.SortFunc(targets, func(x, y lb.Target) int {
		return cmp.Or(x.Addr.Addr().Compare(y.Addr.Addr()), cmp.Compare(x.Addr.Port(), y.Addr.Port()))
	})
}
