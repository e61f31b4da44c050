package manifest

import (
	"errors"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/albatross-lb/albatross/lb"
)

// Targets without a cluster: the annotation albatross.io/targets of a Service says where the
// programs behind it listen, in place of EndpointSlices and Nodes. albatross.io/targets.http
// (or .80) says it of one port of the Service.
const ownTargets = "targets"

// ownServiceNames are all of our own annotations of Services, behind the prefix.
var (
	ownServiceNames    = []string{ownTargets}
	ownServiceFamilies = []string{ownTargets + "."}
)

// targetsSaid gives the annotation that says the targets of a port of s: the one of its
// name, of its number, or, of a Service with one port, the one without either.
func (b *builder) targetsSaid(s *service, port corev1.ServicePort) (annotation string, said bool) {
	if !b.opts.LocalTargets {
		return "", false
	}
	notes := annotations{ownPrefix, s.Annotations}
	names := []string{ownTargets + "." + portName(port), ownTargets + "." + strconv.Itoa(int(port.Port))}
	if len(s.Spec.Ports) == 1 {
		names = append(names, ownTargets)
	}
	for _, annotation = range names {
		if _, said = notes.text(annotation); said {
			return annotation, true
		}
	}
	return "", false
}

// registerSaid registers the targets of an annotation. What is wrong in it, remarkTargets tells.
func (b *builder) registerSaid(g *lb.TargetGroup, s *service, annotation string) {
	g.Targets, _ = readTargets(annotations{ownPrefix, s.Annotations}, annotation)
	sortTargets(g.Targets)
	if len(g.Targets) == 0 {
		b.warnOnce(s.origin, "metadata.annotations["+ownPrefix+annotation+"]", "it names no target: "+withoutTargets(g))
	}
	podHealthCheck(g, s)
	if h := g.HealthCheck; h != nil && h.Port != lb.TrafficPort {
		b.noteOnce(s.origin, "health checks ask port "+h.Port.String()+" of each target's address, and not the port in "+ownPrefix+annotation)
	}
}

// readTargets reads addresses with ports, separated by commas.
func readTargets(notes annotations, annotation string) (targets []lb.Target, err error) {
	var errs []error
	list, _ := notes.list(annotation)
	for _, item := range list {
		addr, err := netip.ParseAddrPort(item)
		if advice := targetAdvice(item, addr, err); advice != "" {
			errs = append(errs, notes.faultf(annotation, "%q is no target: %s", shorten(item), advice))
			continue
		}
		targets = append(targets, lb.Target{Addr: addr})
	}
	if len(list) == 0 {
		errs = append(errs, notes.faultf(annotation, "it is empty; write addresses with ports, separated by commas, such as 127.0.0.1:9001,127.0.0.1:9002"))
	}
	return targets, errors.Join(errs...)
}

// targetAdvice is what to write in place of an item that is no target; "" if it is one.
func targetAdvice(item string, addr netip.AddrPort, err error) string {
	host, port, split := strings.Cut(item, ":")
	number, badPort := strconv.ParseUint(port, 10, 16)
	bare, notBare := netip.ParseAddr(strings.Trim(item, "[]"))
	switch {
	case err == nil && addr.Port() == 0:
		return "0 is no port; write one from 1 to 65535"
	case err == nil && (addr.Addr().IsUnspecified() || addr.Addr().IsMulticast()):
		return "nothing can be connected to there; write the address where the program is reached, such as 127.0.0.1:" + strconv.Itoa(int(addr.Port()))
	case err == nil:
		return ""
	case strings.Contains(item, "://"):
		return "write the address and the port alone, such as 127.0.0.1:9001; the protocol is that of the target group (backend-protocol)"
	case strings.ContainsAny(item, " \t\n;"):
		return "write a comma between targets"
	case strings.Contains(item, "/"):
		return "write each address with its port, such as 127.0.0.1:9001"
	case notBare == nil && bare.Is4():
		return "the port is missing; write for example " + bare.String() + ":9001"
	case notBare == nil:
		return "the port is missing, or the brackets of the IPv6 address are; write for example [" + bare.String() + "]:9001"
	case split && badPort != nil && !strings.Contains(port, ":"):
		return strconv.Quote(port) + " is no port; write a number from 1 to 65535"
	case split && badPort == nil && number > 0:
		return strconv.Quote(host) + " is no IP address, and host names are not looked up; write an address, such as 127.0.0.1:" + port
	}
	return "write an IP address and a port, such as 127.0.0.1:9001 or [::1]:9001"
}

// remarkTargets says what our own annotations of Services mean, and what is wrong with them.
func (b *builder) remarkTargets() {
	var own []name
	for n, s := range b.services {
		for key := range s.Annotations {
			if strings.HasPrefix(key, ownPrefix) {
				own = append(own, n)
				break
			}
		}
	}
	slices.SortFunc(own, byText)
	for _, n := range own {
		s := b.services[n]
		notes := annotations{ownPrefix, s.Annotations}
		for _, key := range slices.Sorted(maps.Keys(s.Annotations)) {
			annotation, ours := strings.CutPrefix(key, ownPrefix)
			if ours && (annotation == ownTargets || strings.HasPrefix(annotation, ownTargets+".")) {
				b.remarkTargetsOf(s, notes, annotation)
			}
		}
		b.warnUnknownNames(s.origin, s.Annotations, ownPrefix, ownServiceNames, ownServiceFamilies)
	}
}

func (b *builder) remarkTargetsOf(s *service, notes annotations, annotation string) {
	if !b.opts.LocalTargets {
		b.note(s.origin, notes.field(annotation), "it is read from files only, and has no effect here")
		return
	}
	used := slices.ContainsFunc(s.Spec.Ports, func(p corev1.ServicePort) bool {
		said, ok := b.targetsSaid(s, p)
		return ok && said == annotation
	})
	if !used && annotation == ownTargets && len(s.Spec.Ports) > 1 {
		all := slices.ContainsFunc(s.Spec.Ports, func(p corev1.ServicePort) bool { _, said := b.targetsSaid(s, p); return !said })
		if all {
			b.setAside(s.origin, notes.faultf(annotation, "the Service has several ports (%s), and it is not said which these are the targets of; write %s%s.%s", s.portNames(), ownPrefix, ownTargets, portName(s.Spec.Ports[0])))
			return
		}
	}
	if !used {
		b.warn(s.origin, notes.field(annotation), "no port of the Service takes its targets from it; its ports are %s", s.portNames())
		return
	}
	_, err := readTargets(notes, annotation)
	b.setAside(s.origin, err)
	instead := ""
	if found := b.slices[s.name]; len(found) > 0 {
		instead = "; EndpointSlice " + found[0].Name + " is not used"
	}
	b.note(s.origin, notes.field(annotation), "AWS's controller does not know this annotation and looks for EndpointSlices; here it says where the targets are%s", instead)
}
