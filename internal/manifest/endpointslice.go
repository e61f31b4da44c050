package manifest

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/albatross-lb/albatross/lb"
)

// endpointSlice is an EndpointSlice, or a part of an Endpoints object as Kubernetes mirrors it.
type endpointSlice struct {
	*discoveryv1.EndpointSlice
	origin  lb.Origin
	refused bool   // it is set aside
	within  string // the field of the Endpoints object that it mirrors, with a dot; "" for one of its own
}

func (b *builder) indexSlice(s endpointSlice) {
	serviceName := s.Labels[discoveryv1.LabelServiceName]
	if serviceName == "" {
		b.unlabelled = append(b.unlabelled, s)
		return
	}
	n := name{s.origin.Namespace, serviceName}
	b.slices[n] = append(b.slices[n], s)
}

// portsAlike tells whether no slice gives its ports different names, nor one another's.
func portsAlike(found []endpointSlice) bool {
	names := map[string]bool{}
	for _, s := range found {
		if len(s.Ports) > 1 {
			return false
		}
		for _, p := range s.Ports {
			if n := deref(p.Name); n != "" {
				names[n] = true
			}
		}
	}
	return len(names) <= 1
}

// portFor is the port of a slice that stands for a port of the Service: the one of the same
// name. Where a Service's port has no name, AWS's controller takes all ports of a slice;
// here it is the one without a name, or else the one that its targetPort names, and any
// other one only where there is no choice (alike). Nil: none, or it cannot be told which.
func (s endpointSlice) portFor(want corev1.ServicePort, alike bool) *discoveryv1.EndpointPort {
	var named, meant []*discoveryv1.EndpointPort
	for i := range s.Ports {
		p := &s.Ports[i]
		if p.Port == nil || *p.Port < 1 || *p.Port > 65535 {
			continue
		}
		if deref(p.Name) == want.Name || want.Name == "" && alike {
			named = append(named, p)
		}
		if named != nil || want.Name != "" {
			continue
		}
		if t := want.TargetPort; t.Type == intstr.Int && t.IntVal == *p.Port || t.Type == intstr.String && t.StrVal == deref(p.Name) {
			meant = append(meant, p)
		}
	}
	if named == nil {
		named = meant
	}
	if len(named) > 1 {
		named = slices.DeleteFunc(named, func(p *discoveryv1.EndpointPort) bool { return protocolOf(p) != protocolIn(want) })
	}
	if len(named) != 1 {
		return nil
	}
	return named[0]
}

func protocolOf(p *discoveryv1.EndpointPort) corev1.Protocol {
	if p.Protocol == nil || *p.Protocol == "" {
		return corev1.ProtocolTCP
	}
	return *p.Protocol
}

// unlessSaid explains a protocol that is not written.
func unlessSaid(p *discoveryv1.EndpointPort) string {
	if p.Protocol == nil || *p.Protocol == "" {
		return " (as a port without a protocol is)"
	}
	return ""
}

func protocolIn(p corev1.ServicePort) corev1.Protocol { return cmp.Or(p.Protocol, corev1.ProtocolTCP) }

// remarkPorts says which ports of a slice no port of the Service leads to, and why: in
// Kubernetes that is no error, and in files it is mostly a slip.
func (b *builder) remarkPorts(s *service, slice endpointSlice, alike bool) {
	if slice.AddressType == discoveryv1.AddressTypeFQDN {
		b.warnOnce(slice.origin, "addressType", "targets are IP addresses, and host names are not looked up; write addressType: IPv4 or IPv6, and IP addresses")
		return
	}
	leads, led := map[*discoveryv1.EndpointPort]corev1.ServicePort{}, map[string]bool{}
	for _, want := range s.Spec.Ports {
		if p := slice.portFor(want, alike); p != nil {
			leads[p], led[portName(want)] = want, true
		}
	}
	if len(slice.Ports) == 0 && len(slice.Endpoints) > 0 && len(s.Spec.Ports) > 0 {
		b.warnOnce(slice.origin, slice.within+"ports", "there are no ports, so that nothing of it is a target; write for example ports: ["+portLine(s.Spec.Ports[0], 0)+"]")
	}
	for i := range slice.Ports {
		p, field := &slice.Ports[i], fmt.Sprintf("%sports[%d]", slice.within, i)
		want, used := leads[p]
		switch {
		case p.Port == nil:
			b.warnOnce(slice.origin, field, "the port has no number, so that it leads to no target; write "+portLine(likelyPort(s, p), 0))
		case !used && len(s.Spec.Ports) > 0 && led[portName(likelyPort(s, p))]: // one port too many
			b.noteOnce(slice.origin, fmt.Sprintf("%s: no port of Service %s (%s) leads to port %d %s, and it is not used", field, s.name, s.portNames(), *p.Port, deref(p.Name)))
		case !used:
			b.warnOnce(slice.origin, field, s.unmatched(p))
		case protocolOf(p) != protocolIn(want):
			b.warnOnce(slice.origin, field, fmt.Sprintf("port %d is for %s%s, and port %s of Service %s is for %s: Kubernetes would not use it, AWS's controller does, and so it is used here; write protocol: %s",
				*p.Port, protocolOf(p), unlessSaid(p), portName(want), s.name, protocolIn(want), protocolIn(want)))
		}
	}
}

// unmatched says why no port of the Service leads to a port of a slice, and what to write.
func (s *service) unmatched(p *discoveryv1.EndpointPort) string {
	likely := likelyPort(s, p)
	what := fmt.Sprintf("port %d has no name", *p.Port)
	if n := deref(p.Name); n != "" {
		what = fmt.Sprintf("port %d has the name %q", *p.Port, n)
	}
	switch {
	case len(s.Spec.Ports) == 0:
		return fmt.Sprintf("%s, and Service %s has no ports; write spec.ports there", what, s.name)
	case len(s.Spec.Ports) > 1 && likely.Name == "":
		return fmt.Sprintf("%s, and Kubernetes tells the ports of Service %s (%s) apart by name; write the name of the one that is meant", what, s.name, s.portNames())
	case likely.Name == "":
		return fmt.Sprintf("%s, and no name tells whether it is meant by port %d of Service %s (targetPort %s); name that port, and write the same name here", what, likely.Port, s.name, likely.TargetPort.String())
	}
	return fmt.Sprintf("%s, and Kubernetes matches ports by name: those of Service %s are %s; write name: %s", what, s.name, s.portNames(), likely.Name)
}

// likelyPort is the port of the Service that a port of a slice is probably meant for: the
// only one, or the one whose targetPort, port or name it looks like. It may have no name.
func likelyPort(s *service, p *discoveryv1.EndpointPort) corev1.ServicePort {
	if len(s.Spec.Ports) == 1 {
		return s.Spec.Ports[0]
	}
	names := map[string]corev1.ServicePort{}
	for _, want := range s.Spec.Ports {
		names[want.Name] = want
		number := p.Port != nil && (*p.Port == want.Port || want.TargetPort.Type == intstr.Int && *p.Port == want.TargetPort.IntVal)
		if number || want.TargetPort.Type == intstr.String && want.TargetPort.StrVal == deref(p.Name) {
			return want
		}
	}
	return names[lb.Nearest(deref(p.Name), slices.Sorted(maps.Keys(names)))]
}

// portLine is a port of a slice as it would be written for a port of the Service.
func portLine(want corev1.ServicePort, number int32) string {
	number = cmp.Or(number, want.TargetPort.IntVal, want.Port, 8080)
	if want.Name == "" {
		return "{port: " + strconv.Itoa(int(number)) + "}"
	}
	return "{name: " + want.Name + ", port: " + strconv.Itoa(int(number)) + "}"
}

// remarkOrphans says of EndpointSlices and Endpoints whose Service is not there what they may
// be meant for.
func (b *builder) remarkOrphans() {
	orphans := map[name][]endpointSlice{}
	for n, found := range b.slices {
		if b.services[n] == nil {
			orphans[n] = found
		}
	}
	for n, e := range b.endpoints {
		if b.services[n] == nil {
			orphans[n] = append(slices.Clone(orphans[n]), endpointSlice{origin: e.origin})
		}
	}
	if len(orphans)+len(b.unlabelled) == 0 {
		return
	}
	byNamespace, byName := map[string][]string{}, map[string][]string{}
	for n := range b.services {
		byNamespace[n.namespace] = append(byNamespace[n.namespace], n.name)
		byName[n.name] = append(byName[n.name], n.namespace)
	}
	for _, list := range []map[string][]string{byNamespace, byName} {
		for _, all := range list {
			slices.Sort(all)
		}
	}
	for i, n := range slices.SortedFunc(maps.Keys(orphans), byText) {
		neighbours := byNamespace[n.namespace]
		if i >= mostVerdicts { // each is compared with all
			neighbours = nil
		}
		for _, s := range orphans[n] {
			b.remarkOrphan(s, n, neighbours, byName[n.name])
		}
	}
	for _, s := range b.unlabelled {
		b.warn(s.origin, serviceLabel, "%s", unlabelled(s, byNamespace[s.origin.Namespace]))
	}
}

func byText(x, y name) int { return cmp.Compare(x.String(), y.String()) }

// serviceLabel is the field that names the Service of a slice.
const serviceLabel = "metadata.labels[" + discoveryv1.LabelServiceName + "]"

// remarkOrphan is that for one slice: neighbours are the Services of its namespace, and
// elsewhere are the namespaces that have one of the right name.
func (b *builder) remarkOrphan(s endpointSlice, n name, neighbours, elsewhere []string) {
	field, named := serviceLabel, discoveryv1.LabelServiceName
	if s.EndpointSlice == nil {
		field, named = "metadata.name", "name"
	}
	switch near := meantService(n.name, neighbours); {
	case len(elsewhere) > 0:
		b.warn(s.origin, "metadata.namespace", "there is no Service %s, and one in namespace %s: a Service has its addresses from its own namespace; write namespace: %s",
			n, strings.Join(elsewhere, " and "), elsewhere[0])
	case near != "":
		b.warn(s.origin, field, "there is no Service %s, so that these addresses belong to nothing; did you mean %s: %s?", n, named, near)
	default:
		b.note(s.origin, field, "there is no Service %s, so that these addresses belong to nothing", n)
	}
}

// meantService is the Service that a label with an unknown name probably means: one that it
// names with its namespace or domain, or nearly, or with another ending. "" if there is none.
func meantService(label string, services []string) string {
	bare, _, _ := strings.Cut(label[strings.LastIndexByte(label, '/')+1:], ".")
	if slices.Contains(services, bare) {
		return bare
	}
	if near := lb.Nearest(label, services); near != "" {
		return near
	}
	i := slices.IndexFunc(services, func(s string) bool { return strings.HasPrefix(bare, s+"-") || strings.HasPrefix(s, bare+"-") })
	if i < 0 {
		return ""
	}
	return services[i]
}

// unlabelled says what to write into a slice that does not name its Service: one whose name
// its own begins with, or that a label nearly like the right one names.
func unlabelled(s endpointSlice, services []string) string {
	text, of := "the label with the name of the Service is missing, so that its addresses belong to nothing", ""
	if value, ok := s.Annotations[discoveryv1.LabelServiceName]; ok {
		text, of = "the name of the Service is an annotation, where it has no effect, so that its addresses belong to nothing", value
	}
	for _, key := range slices.Sorted(maps.Keys(s.Labels)) {
		word := strings.NewReplacer("-", "", "_", "", ".", "").Replace(strings.ToLower(key))
		if value := s.Labels[key]; strings.HasSuffix(word, "servicename") || lb.Nearest(key, []string{discoveryv1.LabelServiceName}) != "" || slices.Contains(services, value) {
			text, of = fmt.Sprintf("the label with the name of the Service is %s and not %s, so that its addresses belong to nothing", discoveryv1.LabelServiceName, key), value
		}
	}
	for _, service := range services {
		if of == "" && (s.Name == service || strings.HasPrefix(s.Name, service+"-")) {
			of = service
		}
	}
	return text + "; write labels: {" + discoveryv1.LabelServiceName + ": " + cmp.Or(of, "<name of the Service>") + "}"
}
