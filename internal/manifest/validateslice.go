package manifest

import (
	"net/netip"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// endpointSlice is what k8s.io/kubernetes' pkg/apis/discovery/validation refuses of an
// EndpointSlice, but for loopback addresses: here they are what a laptop has. A bad address
// takes its endpoint with it and no other.
func (v *verdict) endpointSlice(s *discoveryv1.EndpointSlice) {
	v.addressType(s)
	names := sets.New[string]()
	for i := range s.Ports {
		p, at := &s.Ports[i], field.NewPath("ports").Index(i)
		name := deref(p.Name)
		if names.Has(name) {
			v.refused = append(v.refused, field.Invalid(at.Child("name"), name, "several ports have this name, and nothing tells which is meant; give each the name of its port of the Service"))
		}
		names.Insert(name)
		if name != "" {
			v.warn(at.Child("name"), name, validation.IsDNS1123Label(name))
		}
		if p.Protocol != nil {
			v.oneOf(at.Child("protocol"), string(*p.Protocol), protocols)
		}
		if p.Port != nil {
			v.leaveOutPort(at.Child("port"), *p.Port)
		}
	}
	if s.AddressType == discoveryv1.AddressTypeFQDN {
		return
	}
	for i, e := range s.Endpoints {
		at := field.NewPath("endpoints").Index(i).Child("addresses")
		if len(e.Addresses) == 0 {
			v.leftOut = append(v.leftOut, field.Required(at, "write addresses: [<IP address>]; the endpoint is not used"))
			continue
		}
		for j, a := range e.Addresses {
			v.address(at.Index(j), a, s.AddressType)
		}
		if len(e.Addresses) > 1 {
			v.more = append(v.more, at.Index(1).String())
		}
	}
}

// addressType refuses a slice that does not say what its addresses are.
func (v *verdict) addressType(s *discoveryv1.EndpointSlice) {
	families := []string{string(discoveryv1.AddressTypeIPv4), string(discoveryv1.AddressTypeIPv6), string(discoveryv1.AddressTypeFQDN)}
	if s.AddressType != "" {
		v.oneOf(field.NewPath("addressType"), string(s.AddressType), families)
		return
	}
	is := families[0]
	for _, e := range s.Endpoints {
		for _, a := range e.Addresses {
			if addr, err := netip.ParseAddr(a); err == nil && addr.Is6() {
				is = families[1]
			}
		}
	}
	v.refused = append(v.refused, field.Required(field.NewPath("addressType"), "write addressType: "+is))
}

func (v *verdict) leaveOutPort(at *field.Path, port int32) {
	for _, text := range validation.IsValidPortNum(int(port)) {
		v.leftOut = append(v.leftOut, field.Invalid(at, port, text+"; the port is not used"))
	}
}

// address leaves out what is no IP address of the family; "" is any family.
func (v *verdict) address(at *field.Path, a string, family discoveryv1.AddressType) {
	if text := addressFault(a, family); text != "" {
		v.leftOut = append(v.leftOut, field.Invalid(at, a, text+"; until then the endpoint is not used"))
	}
}

func addressFault(a string, family discoveryv1.AddressType) string {
	addr, err := netip.ParseAddr(a)
	withPort, hasPort := netip.ParseAddrPort(a)
	host, port, _ := strings.Cut(a, ":")
	_, notNumber := strconv.Atoi(port)
	switch {
	case err == nil && addr.Zone() != "":
		return "an address has no zone here; write " + addr.WithZone("").String()
	case err == nil && family == discoveryv1.AddressTypeIPv4 && !addr.Is4():
		return "it is an IPv6 address, and addressType is IPv4; write IPv4 addresses, or a slice of its own with addressType: IPv6"
	case err == nil && family == discoveryv1.AddressTypeIPv6 && !addr.Is6():
		return "it is an IPv4 address, and addressType is IPv6; write IPv6 addresses, or a slice of its own with addressType: IPv4"
	case err == nil:
		return ""
	case hasPort == nil:
		return "an address has no port; write " + strconv.Quote(withPort.Addr().String()) + " here, and port: " + strconv.Itoa(int(withPort.Port())) + " in ports"
	case strings.Contains(a, "://"):
		return "it is a URL; write the IP address alone, and the port in ports"
	case strings.Contains(a, "/"):
		return "it is a range of addresses; write an endpoint for each address"
	case strings.Trim(a, "[]") != a:
		return "write the address without brackets"
	case notNumber == nil && host != "":
		return "it is no IP address but a host and a port, and host names are not looked up; write an IP address, such as 127.0.0.1, and port: " + port + " in ports"
	case strings.Trim(a, "0123456789.") == "":
		return "it is no IP address; write four numbers from 0 to 255, without zeros in front, such as 127.0.0.1"
	}
	return "it is no IP address, and host names are not looked up; write one, such as 127.0.0.1"
}

// endpoints is what Kubernetes refuses of a v1 Endpoints object, likewise.
func (v *verdict) endpoints(e *corev1.Endpoints) {
	for i := range e.Subsets {
		subset, at := &e.Subsets[i], field.NewPath("subsets").Index(i)
		for j, a := range subset.Addresses {
			v.address(at.Child("addresses").Index(j).Child("ip"), a.IP, "")
		}
		for j, a := range subset.NotReadyAddresses {
			v.address(at.Child("notReadyAddresses").Index(j).Child("ip"), a.IP, "")
		}
		for j, p := range subset.Ports {
			of := at.Child("ports").Index(j)
			if p.Name == "" && len(subset.Ports) > 1 {
				v.warned = append(v.warned, field.Required(of.Child("name"), "each of several ports has a name"))
			}
			v.oneOf(of.Child("protocol"), string(p.Protocol), protocols)
			v.leaveOutPort(of.Child("port"), p.Port)
		}
	}
}
