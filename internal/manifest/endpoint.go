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
	if b.onNodes(g, port) {
		g.Targets = b.nodeTargets(g, port, nodes)
		return
	}
	found := b.slicesOf(s.name)
	if len(found) == 0 {
		b.warnOnce(s.origin, "", "no EndpointSlice has the label "+discoveryv1.LabelServiceName+": "+s.Name+", so that the Service has no targets: "+withoutTargets(g))
		return
	}
	g.Targets = b.podTargets(g, s, port, found)
	if g.TargetType == instanceTargets {
		b.noteOnce(origin, "target type instance: there are no Nodes in the manifests, so that the targets of "+s.name.String()+" are its Pods, as with target type ip")
		podHealthCheck(g, s)
	}
	if len(g.Targets) == 0 {
		b.warnOnce(s.origin, "", "no endpoint of the Service is ready on port "+portName(port)+": "+withoutTargets(g))
	}
}

func withoutTargets(g *lb.TargetGroup) string {
	if g.Protocol == lb.HTTP || g.Protocol == lb.HTTPS {
		return "requests get 503"
	}
	return "connections are reset"
}

// onNodes tells whether the targets of a group are nodes.
func (b *builder) onNodes(g *lb.TargetGroup, port corev1.ServicePort) bool {
	return g.TargetType == instanceTargets && len(b.nodes) > 0 && port.NodePort != 0
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

// podTargets gathers the addresses of all slices of a Service. An endpoint counts
// when it is ready or does not say; one that terminates but still serves drains;
// any other is not registered, unless the Service publishes it all the same.
func (b *builder) podTargets(g *lb.TargetGroup, s *service, port corev1.ServicePort, found []*discoveryv1.EndpointSlice) []lb.Target {
	family := discoveryv1.AddressTypeIPv4
	if g.IPAddressType == "ipv6" {
		family = discoveryv1.AddressTypeIPv6
	}
	var targets []lb.Target
	at := map[netip.AddrPort]int{}
	for _, slice := range found {
		if slice.AddressType != family {
			b.noteOnce(s.origin, "EndpointSlice "+slice.Name+" holds "+string(slice.AddressType)+" addresses and is not used for target groups of "+g.IPAddressType+" addresses")
			continue
		}
		for _, number := range slicePorts(slice, port) {
			for _, e := range slice.Endpoints {
				t, ok := target(e, number, s.Spec.PublishNotReadyAddresses)
				if !ok {
					continue
				}
				if i, twice := at[t.Addr]; twice { // in two slices: the better word counts
					targets[i].Draining = targets[i].Draining && t.Draining
					continue
				}
				if len(targets) < mostTargets {
					at[t.Addr] = len(targets)
					targets = append(targets, t)
				}
			}
		}
	}
	sortTargets(targets)
	return targets
}

// slicePorts are the numbers of a slice that stand for a port of the Service: the
// one of the same name, or all of them where the Service's port has no name.
func slicePorts(slice *discoveryv1.EndpointSlice, port corev1.ServicePort) []uint16 {
	var numbers []uint16
	for _, p := range slice.Ports {
		if port.Name != "" && (p.Name == nil || *p.Name != port.Name) {
			continue
		}
		if p.Port != nil && *p.Port > 0 && *p.Port <= 65535 {
			numbers = append(numbers, uint16(*p.Port))
		}
	}
	return numbers
}

func target(e discoveryv1.Endpoint, port uint16, publishNotReady bool) (lb.Target, bool) {
	if len(e.Addresses) == 0 { // only the first address has a meaning
		return lb.Target{}, false
	}
	addr, err := netip.ParseAddr(e.Addresses[0])
	if err != nil {
		return lb.Target{}, false
	}
	t := lb.Target{Addr: netip.AddrPortFrom(addr, port)}
	if e.Zone != nil {
		t.Zone = *e.Zone
	}
	if e.TargetRef != nil {
		t.Name = e.TargetRef.Name
	}
	isTrue := func(p *bool, or bool) bool { return p == nil && or || p != nil && *p }
	ready := isTrue(e.Conditions.Ready, true)
	switch {
	case isTrue(e.Conditions.Terminating, false):
		t.Draining = true
		return t, isTrue(e.Conditions.Serving, ready)
	case ready || publishNotReady:
		return t, true
	}
	return t, false
}

// nodeTargets are the nodes that take traffic: ready, not excluded, and chosen by
// the labels of target-node-labels.
func (b *builder) nodeTargets(g *lb.TargetGroup, port corev1.ServicePort, selector labels.Selector) []lb.Target {
	var targets []lb.Target
	for _, n := range b.nodes {
		if !selector.Matches(labels.Set(n.Labels)) || !takesTraffic(n) {
			continue
		}
		for _, a := range n.Status.Addresses {
			addr, err := netip.ParseAddr(a.Address)
			if a.Type == corev1.NodeInternalIP && err == nil && addr.Is4() == (g.IPAddressType == "ipv4") {
				targets = append(targets, lb.Target{Addr: netip.AddrPortFrom(addr, uint16(port.NodePort)), Zone: n.Labels[corev1.LabelTopologyZone], Name: n.Name})
				break
			}
		}
	}
	sortTargets(targets)
	return targets
}

func takesTraffic(n *corev1.Node) bool {
	for _, label := range []string{"node-role.kubernetes.io/master", corev1.LabelNodeExcludeBalancers} {
		if _, ok := n.Labels[label]; ok {
			return false
		}
	}
	for _, t := range n.Spec.Taints {
		if t.Key == "ToBeDeletedByClusterAutoscaler" || t.Key == "karpenter.sh/disrupted" && t.Effect == corev1.TaintEffectNoSchedule {
			return false
		}
	}
	for _, c := range n.Status.Conditions {
		if c.Type == corev1.NodeReady {
			return c.Status == corev1.ConditionTrue
		}
	}
	return false
}

func sortTargets(targets []lb.Target) {
	slices.SortFunc(targets, func(x, y lb.Target) int {
		return cmp.Or(x.Addr.Addr().Compare(y.Addr.Addr()), cmp.Compare(x.Addr.Port(), y.Addr.Port()))
	})
}
