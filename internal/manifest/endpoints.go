package manifest

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/albatross-lb/albatross/lb"
)

// endpoints is a v1 Endpoints object: what Services outside a cluster were given their
// addresses by before there were EndpointSlices. It has the name of its Service.
type endpoints struct {
	*corev1.Endpoints
	origin lb.Origin
}

// skipMirror keeps Kubernetes from mirroring an Endpoints object.
const skipMirror = "endpointslice.kubernetes.io/skip-mirror"

// mirrored gives the EndpointSlices that Kubernetes' mirroring controller makes of an
// Endpoints object: for each subset one of each family of addresses. None for nil.
func (e *endpoints) mirrored() (all []endpointSlice) {
	if e == nil || e.Labels[skipMirror] == "true" {
		return nil
	}
	for i := range e.Subsets {
		subset := &e.Subsets[i]
		var ports []discoveryv1.EndpointPort
		for j := range subset.Ports {
			p := &subset.Ports[j]
			ports = append(ports, discoveryv1.EndpointPort{Name: &p.Name, Port: &p.Port, Protocol: &p.Protocol, AppProtocol: p.AppProtocol})
		}
		for _, family := range []discoveryv1.AddressType{discoveryv1.AddressTypeIPv4, discoveryv1.AddressTypeIPv6} {
			found := append(mirrorAddresses(subset.Addresses, family, true), mirrorAddresses(subset.NotReadyAddresses, family, false)...)
			if len(found) == 0 {
				continue
			}
			all = append(all, endpointSlice{origin: e.origin, within: fmt.Sprintf("subsets[%d].", i), EndpointSlice: &discoveryv1.EndpointSlice{
				ObjectMeta: metav1.ObjectMeta{Name: e.Name, Namespace: e.Namespace}, AddressType: family, Ports: ports, Endpoints: found}})
		}
	}
	if all == nil { // for the Service to hear of it
		all = []endpointSlice{{origin: e.origin, within: "subsets.", EndpointSlice: &discoveryv1.EndpointSlice{
			ObjectMeta: metav1.ObjectMeta{Name: e.Name, Namespace: e.Namespace}, AddressType: discoveryv1.AddressTypeIPv4}}}
	}
	return all
}

func mirrorAddresses(addresses []corev1.EndpointAddress, family discoveryv1.AddressType, ready bool) (found []discoveryv1.Endpoint) {
	for _, a := range addresses {
		addr, err := netip.ParseAddr(a.IP)
		if err != nil || addr.Is4() != (family == discoveryv1.AddressTypeIPv4) {
			continue
		}
		found = append(found, discoveryv1.Endpoint{Addresses: []string{a.IP}, NodeName: a.NodeName, TargetRef: a.TargetRef,
			Conditions: discoveryv1.EndpointConditions{Ready: &ready}})
	}
	return found
}

// remarkEndpoints says which Endpoints objects are not used.
func (b *builder) remarkEndpoints() {
	for _, n := range slices.SortedFunc(maps.Keys(b.endpoints), byText) {
		e := b.endpoints[n]
		switch {
		case b.services[n] == nil: // remarkOrphans says it
		case len(b.slices[n]) > 0:
			b.note(e.origin, "", "Service %s has EndpointSlices (%s), which count; the Endpoints object is not used", n, b.slices[n][0].Name)
		case e.Labels[skipMirror] == "true":
			b.note(e.origin, "metadata.labels["+skipMirror+"]", "Kubernetes makes no EndpointSlice of it, and so it is not used here")
		}
	}
}
