package manifest

import (
	"cmp"
	"errors"
	"fmt"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/albatross-lb/albatross/lb"
)

// applicationTargets makes the target group of one port of a Service that has an
// application load balancer. The defaults are those of an Ingress's target group.
func (b *builder) applicationTargets(s *service, l *lb.LoadBalancer, port corev1.ServicePort) (*lb.TargetGroup, error) {
	notes := serviceNotes(s)
	g := &lb.TargetGroup{Key: fmt.Sprintf("%s:%d", s.name, port.Port), IPAddressType: "ipv4", Tags: l.Tags, Origin: s.origin}
	said := cmp.Or(notes.textOr("target-type", ""), notes.textOr("nlb-target-type", ""))
	kind, badType := targetType(cmp.Or(said, b.opts.DefaultTargetType), notes.field("target-type"))
	if g.TargetType = kind; said == "" && port.NodePort == 0 { // nothing asks for node ports, and there are none
		g.TargetType = ipTargets
	}
	errs := []error{badType, applicationProtocols(g, notes)}
	check, badCheck := applicationHealthCheck(g, s)
	attributes, badAttributes := serviceTargetAttributes(notes, port)
	g.HealthCheck, g.Attributes = check, attributes
	delay, ok, badDelay := notes.integer("connection-draining-timeout", 32)
	if ok && g.Attributes["deregistration_delay.timeout_seconds"] == "" { // the classic load balancer's word for it
		g.Attributes["deregistration_delay.timeout_seconds"] = strconv.FormatInt(delay, 10)
	}
	errs = append(errs, badCheck, badAttributes, badDelay)
	if g.TargetType == instanceTargets {
		labels, _, err := notes.pairs("target-node-labels")
		g.NodeSelector, errs = labels, append(errs, err)
	}
	if wantsIPv6(s) {
		if !hasIPv6(l.IPAddressType) {
			errs = append(errs, faultf("spec.ipFamilies", "the Service has IPv6 addresses, and the load balancer is not dual-stack; write %sip-address-type: dualstack", notes.prefix))
		}
		g.IPAddressType = "ipv6"
	}
	number, badPort := groupPort(g.TargetType, s, port)
	if g.Port = number; badType == nil {
		errs = append(errs, badPort)
	}
	if err := errors.Join(errs...); err != nil {
		return g, err
	}
	g.Name = resourceName(s.name, digest(b.opts.ClusterName, cmp.Or(string(s.UID), s.name.String()), strconv.Itoa(g.Port),
		strconv.Itoa(int(port.Port)), g.TargetType, string(g.Protocol), string(g.ProtocolVersion)))
	b.addTargets(g, s, port, s.origin)
	return g, nil
}

func applicationProtocols(g *lb.TargetGroup, notes annotations) error {
	var badProtocol, badVersion error
	said := notes.textOr("backend-protocol", string(lb.HTTP))
	if g.Protocol = lb.Protocol(strings.ToUpper(said)); g.Protocol != lb.HTTP && g.Protocol != lb.HTTPS {
		badProtocol = notes.faultf("backend-protocol", "%q is not known to an application load balancer; write http or https", said)
	}
	g.ProtocolVersion = lb.ProtocolVersion(strings.ToUpper(notes.textOr("backend-protocol-version", string(lb.HTTP1))))
	if g.ProtocolVersion != lb.HTTP1 && g.ProtocolVersion != lb.HTTP2 && g.ProtocolVersion != lb.GRPC {
		badVersion = notes.faultf("backend-protocol-version", "%q is not known; write HTTP1, HTTP2 or GRPC", g.ProtocolVersion)
	}
	return errors.Join(badProtocol, badVersion)
}

func applicationHealthCheck(g *lb.TargetGroup, s *service) (*lb.HealthCheck, error) {
	notes := serviceNotes(s)
	path, codes := "/", "200"
	if g.ProtocolVersion == lb.GRPC {
		path, codes = "/AWS.ALB/healthcheck", "12"
	}
	codes = notes.textOr("healthcheck-success-codes", codes)
	h := &lb.HealthCheck{Path: notes.textOr("healthcheck-path", path), Matcher: &lb.Matcher{HTTPCode: codes},
		Protocol: lb.Protocol(strings.ToUpper(notes.textOr("healthcheck-protocol", string(g.Protocol))))}
	if g.ProtocolVersion == lb.GRPC {
		h.Matcher = &lb.Matcher{GRPCCode: codes}
	}
	var badProtocol, badPort error
	if _, said := notes.text("healthcheck-protocol"); said && h.Protocol != lb.HTTP && h.Protocol != lb.HTTPS {
		badProtocol = notes.faultf("healthcheck-protocol", "%q is not known to an application load balancer; write HTTP or HTTPS", h.Protocol)
	}
	h.Port, badPort = healthCheckPort(g.TargetType, s, notes, "healthcheck-port", "traffic-port")
	return h, errors.Join(badProtocol, badPort, readNumbers(notes, serviceCheckNumbers(h, 15, 5, 2)))
}

func serviceCheckNumbers(h *lb.HealthCheck, interval, timeout, threshold int) []numberWords {
	return []numberWords{
		{"healthcheck-interval", interval, &h.IntervalSeconds}, {"healthcheck-timeout", timeout, &h.TimeoutSeconds},
		{"healthcheck-healthy-threshold", threshold, &h.HealthyThreshold}, {"healthcheck-unhealthy-threshold", threshold, &h.UnhealthyThreshold},
	}
}

// serviceTargetAttributes lays the attributes of one port over those of all. An
// empty value for the port keeps that of all.
func serviceTargetAttributes(notes annotations, port corev1.ServicePort) (map[string]string, error) {
	all := map[string]string{}
	common, _, badCommon := notes.pairs("target-group-attributes")
	own, _, badOwn := notes.pairs(fmt.Sprintf("target-group-attributes.%d", port.Port))
	for key, value := range common {
		all[key] = value
	}
	for key, value := range own {
		if value != "" {
			all[key] = value
		}
	}
	return all, errors.Join(badCommon, badOwn)
}
