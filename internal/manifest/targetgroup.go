package manifest

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/albatross-lb/albatross/lb"
)

// targetGroup makes the target group of a port of a Service for an Ingress. The
// port as it is written is part of its identity: 80 and http make two.
func (b *builder) targetGroup(m *member, all *merged, p *plan, s *service, ref intstr.IntOrString) (*lb.TargetGroup, error) {
	key := b.keyFor(m.name, s.name, ref.String())
	if g, ok := p.targetGroups[key]; ok {
		return g, nil
	}
	p.readTargets = true
	servicePort, badPort := findPort(s, ref)
	// What the Service says beats what the Ingress says, value by value.
	notes := annotations{ingressPrefix, over(s.Annotations, m.notes.values)}
	g := &lb.TargetGroup{Key: key, Origin: m.origin, IPAddressType: "ipv4"}
	errs := []error{badPort}
	var err error
	g.TargetType, err = targetType(cmp.Or(m.params.TargetType, notes.textOr("target-type", b.opts.DefaultTargetType)), m.saidIn("target-type", m.params.TargetType))
	errs = append(errs, err, readProtocols(g, notes))
	g.HealthCheck, err = readHealthCheck(g, s, notes)
	errs = append(errs, err, readTargetMaps(g, m, s, notes))
	if wantsIPv6(s) {
		if !hasIPv6(all.ipAddressType()) {
			errs = append(errs, faultf("", "Service %s has IPv6 addresses (spec.ipFamilies), and the load balancer is not dual-stack; write %sip-address-type: dualstack", s.name, ingressPrefix))
		}
		g.IPAddressType = "ipv6"
	}
	errs = append(errs, readControlPort(g, s, ref, notes))
	g.Port, err = groupPort(g.TargetType, s, servicePort)
	if err := errors.Join(append(errs, err)...); err != nil {
		return nil, err
	}
	parts := []string{b.opts.ClusterName, all.key, m.Namespace, m.Name, string(s.UID), ref.String(),
		strconv.Itoa(g.Port), g.TargetType, string(g.Protocol), string(g.ProtocolVersion)}
	if g.TargetControlPort != 0 {
		parts = append(parts, strconv.Itoa(g.TargetControlPort))
	}
	g.Name = resourceName(s.name, digest(parts...))
	b.addTargets(g, s, servicePort, m.origin)
	p.targetGroups[key] = g
	return g, nil
}

// warnUnreadTargets warns of what is wrong with the words about target groups of a member
// none of whose backends leads to a Service that is there: nobody reads them yet.
func (b *builder) warnUnreadTargets(m *member) {
	g, nobody := &lb.TargetGroup{}, &service{Service: &corev1.Service{}}
	_, badType := targetType(cmp.Or(m.params.TargetType, m.notes.textOr("target-type", b.opts.DefaultTargetType)), m.saidIn("target-type", m.params.TargetType))
	errs := []error{badType, readProtocols(g, m.notes)}
	notes := annotations{m.notes.prefix, maps.Clone(m.notes.values)}
	if port, _ := notes.text("healthcheck-port"); intstr.Parse(port).Type == intstr.String {
		delete(notes.values, notes.key("healthcheck-port")) // the name of a port of the Service, maybe
	}
	_, badCheck := readHealthCheck(g, nobody, notes)
	for _, err := range each(errors.Join(append(errs, badCheck, readTargetMaps(g, m, nobody, notes))...)) {
		if f, ok := err.(*fault); ok && f.field != m.notes.field("tags") { // which are the load balancer's too
			b.warnOnce(m.origin, f.field, f.text+" (it counts once a backend leads to a Service that is there)")
		}
	}
}

// keyFor names a target group. Since names may hold dashes, two pairs of Ingress
// and Service can come to the same name; the second then gets a slash for the dash.
func (b *builder) keyFor(ingress, service name, port string) string {
	key := fmt.Sprintf("%s-%s:%s", ingress, service.name, port)
	made := ingress.String() + " " + service.String()
	if by, ok := b.madeOf[key]; ok && by != made {
		b.keys = nil // what comes of it depends on who was first
		return fmt.Sprintf("%s/%s:%s", ingress, service.name, port)
	}
	b.madeOf[key] = made
	if b.keys != nil {
		b.keys[key] = made
	}
	return key
}

func findPort(s *service, ref intstr.IntOrString) (corev1.ServicePort, error) {
	for _, p := range s.Spec.Ports {
		if ref.Type == intstr.String && p.Name == ref.StrVal || ref.Type == intstr.Int && p.Port == ref.IntVal {
			return p, nil
		}
	}
	return corev1.ServicePort{}, faultf("", "unable to find port %s on Service %s; its ports are %s", ref.String(), s.name, s.portNames())
}

// portNames lists the ports of a Service: "http=80, 443".
func (s *service) portNames() string {
	var has []string
	for _, p := range s.Spec.Ports {
		has = append(has, strings.TrimPrefix(p.Name+"="+strconv.Itoa(int(p.Port)), "="))
	}
	return cmp.Or(strings.Join(has, ", "), "none")
}

func targetType(value, field string) (string, error) {
	if value != instanceTargets && value != ipTargets {
		return "", faultf(field, "target type %q is not known; write instance or ip", value)
	}
	return value, nil
}

func readProtocols(g *lb.TargetGroup, notes annotations) error {
	var errs []error
	g.Protocol = lb.Protocol(notes.textOr("backend-protocol", string(lb.HTTP)))
	if g.Protocol != lb.HTTP && g.Protocol != lb.HTTPS {
		errs = append(errs, notes.faultf("backend-protocol", "%q is not known; write HTTP or HTTPS, in capitals", g.Protocol))
	}
	g.ProtocolVersion = lb.ProtocolVersion(notes.textOr("backend-protocol-version", string(lb.HTTP1)))
	if !slices.Contains([]lb.ProtocolVersion{lb.HTTP1, lb.HTTP2, lb.GRPC}, g.ProtocolVersion) {
		errs = append(errs, notes.faultf("backend-protocol-version", "%q is not known; write HTTP1, HTTP2 or GRPC", g.ProtocolVersion))
	}
	return errors.Join(errs...)
}

func readHealthCheck(g *lb.TargetGroup, s *service, notes annotations) (*lb.HealthCheck, error) {
	path, codes := "/", "200"
	if g.ProtocolVersion == lb.GRPC {
		path, codes = "/AWS.ALB/healthcheck", "12"
	}
	codes = notes.textOr("success-codes", codes)
	h := &lb.HealthCheck{Path: notes.textOr("healthcheck-path", path), Matcher: &lb.Matcher{HTTPCode: codes},
		Protocol: lb.Protocol(notes.textOr("healthcheck-protocol", string(g.Protocol)))}
	if g.ProtocolVersion == lb.GRPC {
		h.Matcher = &lb.Matcher{GRPCCode: codes}
	}
	var badProtocol, badPort error
	if _, said := notes.text("healthcheck-protocol"); said && h.Protocol != lb.HTTP && h.Protocol != lb.HTTPS {
		badProtocol = notes.faultf("healthcheck-protocol", "%q is not known; write HTTP or HTTPS, in capitals", h.Protocol)
	}
	h.Port, badPort = healthCheckPort(g.TargetType, s, notes, "healthcheck-port", "traffic-port")
	return h, errors.Join(badProtocol, badPort, readNumbers(notes, []numberWords{
		{"healthcheck-interval-seconds", 15, &h.IntervalSeconds}, {"healthcheck-timeout-seconds", 5, &h.TimeoutSeconds},
		{"healthy-threshold-count", 2, &h.HealthyThreshold}, {"unhealthy-threshold-count", 2, &h.UnhealthyThreshold},
	}))
}

// numberWords is a number with its default and where it goes.
type numberWords struct {
	annotation string
	or         int
	into       *int
}

func readNumbers(notes annotations, numbers []numberWords) error {
	errs := make([]error, len(numbers))
	for i, n := range numbers {
		*n.into, errs[i] = notes.integerOr(n.annotation, n.or)
	}
	return errors.Join(errs...)
}

// healthCheckPort is traffic-port, a number, or the name of a port of the Service.
func healthCheckPort(targetType string, s *service, notes annotations, annotation, or string) (lb.HealthCheckPort, error) {
	raw := notes.textOr(annotation, or)
	if raw == "traffic-port" {
		return lb.TrafficPort, nil
	}
	ref := intstr.Parse(raw)
	if ref.Type == intstr.Int {
		if ref.IntVal == 0 {
			return 0, notes.faultf(annotation, "0 is no port; write traffic-port, a number from 1 to 65535, or the name of a port of the Service")
		}
		return lb.HealthCheckPort(ref.IntVal), nil
	}
	p, err := findPort(s, ref)
	switch {
	case err != nil:
		return 0, notes.faultf(annotation, "%s; or write traffic-port, or a number", err)
	case targetType == instanceTargets:
		return lb.HealthCheckPort(p.NodePort), nil
	case p.TargetPort.Type == intstr.Int:
		return lb.HealthCheckPort(p.TargetPort.IntVal), nil
	}
	return 0, notes.faultf(annotation, "cannot use the named port %q: the targetPort of the Service's port is itself a name (%s), which may be another number in each Pod; write a number", raw, p.TargetPort.StrVal)
}

// readTargetMaps reads attributes, tags, node labels and the multi-cluster flag.
func readTargetMaps(g *lb.TargetGroup, m *member, s *service, notes annotations) error {
	attributes, _, badAttributes := notes.pairs("target-group-attributes")
	g.Attributes = over(attributes, map[string]string{})
	if _, ok := s.Annotations[notes.key("target-group-attributes")]; ok {
		g.Origin = s.origin
	}
	serviceTags, _, badTags := annotations{ingressPrefix, s.Annotations}.pairs("tags")
	ingressTags, _, badOwnTags := m.notes.pairs("tags")
	g.Tags = over(pairs(m.params.Tags), over(serviceTags, ingressTags))
	errs := []error{badAttributes, badTags, badOwnTags}
	if g.TargetType == instanceTargets {
		labels, _, err := notes.pairs("target-node-labels")
		g.NodeSelector, errs = labels, append(errs, err)
	}
	for _, of := range []annotations{m.notes, {ingressPrefix, s.Annotations}} {
		many, _, err := of.boolean("multi-cluster-target-group")
		errs = append(errs, err)
		if many {
			g.MultiCluster = &many
			break
		}
	}
	return errors.Join(errs...)
}

func readControlPort(g *lb.TargetGroup, s *service, ref intstr.IntOrString, notes annotations) error {
	annotation := "target-control-port." + s.Name + "." + ref.String()
	port, ok, err := notes.integer(annotation, 32)
	if err != nil || !ok {
		return err
	}
	if g.TargetType == instanceTargets {
		return notes.faultf(annotation, "a target control port is not supported for targets of type instance; write %starget-type: ip", ingressPrefix)
	}
	g.TargetControlPort = int(port)
	return nil
}

func wantsIPv6(s *service) bool { return slices.Contains(s.Spec.IPFamilies, corev1.IPv6Protocol) }

// groupPort is the port a target group shows; targets have their own. A target
// port that is a name shows as 1, since it may differ from Pod to Pod.
func groupPort(targetType string, s *service, p corev1.ServicePort) (int, error) {
	if targetType == instanceTargets && p.NodePort != 0 {
		return int(p.NodePort), nil
	}
	if targetType == instanceTargets && s.Spec.Type != corev1.ServiceTypeNodePort && s.Spec.Type != corev1.ServiceTypeLoadBalancer {
		return 0, faultf("", "Service %s has no node port, which targets of type instance need; write type: NodePort there, or %starget-type: ip", s.name, ingressPrefix)
	}
	// A NodePort Service in a file leaves its number to the API server.
	switch {
	case p.TargetPort.Type == intstr.String && p.TargetPort.StrVal != "":
		return 1, nil
	case p.TargetPort.IntVal != 0:
		return int(p.TargetPort.IntVal), nil
	}
	return int(p.Port), nil
}
