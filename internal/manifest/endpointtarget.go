package manifest

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"

	"github.com/albatross-lb/albatross/lb"
)

// endpointTargets is what was found in the EndpointSlices of a Service for one port of it: the
// targets, and why a slice brought none.
type endpointTargets struct {
	family  discoveryv1.AddressType
	publish bool // what is not ready, too
	targets []lb.Target
	at      map[netip.AddrPort]int // index of a target
	causes  []string
	unready int // of causes: nothing of the slice is ready
}

func (all *endpointTargets) miss(slice endpointSlice, cause string) {
	all.causes = append(all.causes, slice.origin.Kind+" "+slice.Name+" "+cause)
}

// gather takes the endpoints of a slice on a port of it, which may be nil. An endpoint
// counts when it is ready or does not say; one that terminates but still serves drains;
// any other is not registered, unless the Service publishes it all the same.
func (all *endpointTargets) gather(slice endpointSlice, port *discoveryv1.EndpointPort) {
	switch {
	case slice.AddressType != all.family:
		all.miss(slice, fmt.Sprintf("holds %s addresses, and the target group takes %s (spec.ipFamilies of the Service)", slice.AddressType, all.family))
		return
	case len(slice.Endpoints) == 0:
		all.miss(slice, "has no endpoints")
		return
	case port == nil:
		all.miss(slice, "has no such port")
		return
	}
	used, notReady, ended := 0, 0, 0
	for _, e := range slice.Endpoints {
		addr, ok := addressOf(e, all.family)
		if !ok {
			continue
		}
		switch state := stateOf(e.Conditions); {
		case state == ending:
			ended++
		case state == unready && !all.publish:
			notReady++
		default:
			used++
			all.add(lb.Target{Addr: netip.AddrPortFrom(addr, uint16(*port.Port)), Zone: deref(e.Zone), Name: podOf(e), Draining: state == draining})
		}
	}
	if used == 0 {
		all.missAll(slice, notReady, ended)
	}
}

// missAll says why none of a slice's endpoints is a target.
func (all *endpointTargets) missAll(slice endpointSlice, notReady, ended int) {
	without := len(slice.Endpoints) - notReady - ended
	if without == 0 {
		all.unready++
	}
	cause := "has " + counted(len(slice.Endpoints), "endpoint", "endpoints") + ", of which "
	for _, part := range []struct {
		n               int
		isWhat, areWhat string
	}{
		{notReady, "is not ready (conditions.ready: false)", "are not ready (conditions.ready: false)"},
		{ended, "terminates and serves no more (conditions.terminating: true)", "terminate and serve no more (conditions.terminating: true)"},
		{without, "has no usable address", "have no usable address"},
	} {
		if part.n > 0 {
			cause += counted(part.n, part.isWhat, part.areWhat) + ", "
		}
	}
	all.miss(slice, strings.TrimSuffix(cause, ", "))
}

func counted(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + many
}

func (all *endpointTargets) add(t lb.Target) {
	if i, twice := all.at[t.Addr]; twice { // in two slices: the better word counts
		all.targets[i].Draining = all.targets[i].Draining && t.Draining
		return
	}
	if len(all.targets) < mostTargets {
		all.at[t.Addr] = len(all.targets)
		all.targets = append(all.targets, t)
	}
}

// none says why there is no target at all.
func (all *endpointTargets) none(port corev1.ServicePort) string {
	what := "the Service has no targets on port " + portName(port)
	if all.unready == len(all.causes) {
		what = "no endpoint of the Service is ready on port " + portName(port)
	}
	return what + ": " + someOf(all.causes)
}

// someOf lists the first few of many.
func someOf(all []string) string {
	const most = 5
	if len(all) <= most {
		return strings.Join(all, "; ")
	}
	return fmt.Sprintf("%s; and %d more", strings.Join(all[:most], "; "), len(all)-most)
}

// addressOf is the address of an endpoint: only the first one has a meaning.
func addressOf(e discoveryv1.Endpoint, family discoveryv1.AddressType) (netip.Addr, bool) {
	if len(e.Addresses) == 0 {
		return netip.Addr{}, false
	}
	addr, err := netip.ParseAddr(e.Addresses[0])
	return addr, err == nil && addr.Is4() == (family == discoveryv1.AddressTypeIPv4)
}

func podOf(e discoveryv1.Endpoint) string {
	if e.TargetRef == nil {
		return ""
	}
	return e.TargetRef.Name
}

// The states that conditions come to.
const (
	ready    = iota
	draining // it terminates, and still serves
	unready
	ending // it terminates, and serves no more
)

// stateOf reads conditions; what they leave out is ready, serving as ready says, and not terminating.
func stateOf(c discoveryv1.EndpointConditions) int {
	isTrue := func(p *bool, or bool) bool { return p == nil && or || p != nil && *p }
	isReady := isTrue(c.Ready, true)
	switch {
	case isTrue(c.Terminating, false) && isTrue(c.Serving, isReady):
		return draining
	case isTrue(c.Terminating, false):
		return ending
	case isReady:
		return ready
	}
	return unready
}
