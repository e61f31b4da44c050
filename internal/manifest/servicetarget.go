package manifest

import (
	"cmp"
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
	var err error
	said := cmp.Or(notes.textOr("target-type", ""), notes.textOr("nlb-target-type", ""))
	if g.TargetType, err = targetType(cmp.Or(said, b.opts.DefaultTargetType), notes.field("target-type")); err != nil {
		return nil, err
	}
	if said == "" && port.NodePort == 0 { // nothing asks for node ports, and there are none
		g.TargetType = ipTargets
	}
	g.Protocol = lb.Protocol(strings.ToUpper(notes.textOr("backend-protocol", string(lb.HTTP))))
	if g.Protocol != lb.HTTP && g.Protocol != lb.HTTPS {
		return nil, notes.faultf("backend-protocol", "%q is not known to an application load balancer; write http or https", notes.textOr("backend-protocol", ""))
	}
	g.ProtocolVersion = lb.ProtocolVersion(strings.ToUpper(notes.textOr("backend-protocol-version", string(lb.HTTP1))))
	if g.ProtocolVersion != lb.HTTP1 && g.ProtocolVersion != lb.HTTP2 && g.ProtocolVersion != lb.GRPC {
		return nil, notes.faultf("backend-protocol-version", "%q is not known; write HTTP1, HTTP2 or GRPC", g.ProtocolVersion)
	}
	if g.HealthCheck, err = applicationHealthCheck(g, s); err != nil {
		return nil, err
	}
	if g.Attributes, err = serviceTargetAttributes(notes, port); err != nil {
		return nil, err
	}
	delay, ok, err := notes.integer("connection-draining-timeout", 32)
	if err != nil {
		return nil, err
	}
	if ok && g.Attributes["deregistration_delay.timeout_seconds"] == "" { // the classic load balancer's word for it
		g.Attributes["deregistration_delay.timeout_seconds"] = strconv.FormatInt(delay, 10)
	}
	if g.TargetType == instanceTargets {
		if g.NodeSelector, _, err = notes.pairs("target-node-labels"); err != nil {
			return nil, err
		}
	}
	if wantsIPv6(s) {
		if !hasIPv6(l.IPAddressType) {
			return nil, faultf("spec.ipFamilies", "the Service has IPv6 addresses, and the load balancer is not dual-stack; write %sip-address-type: dualstack", notes.prefix)
		}
		g.IPAddressType = "ipv6"
	}
	if g.Port, err = groupPort(g.TargetType, s, port); err != nil {
		return nil, err
	}
	g.Name = resourceName(s.name, digest(b.opts.ClusterName, cmp.Or(string(s.UID), s.name.String()), strconv.Itoa(g.Port),
		strconv.Itoa(int(port.Port)), g.TargetType, string(g.Protocol), string(g.ProtocolVersion)))
	b.addTargets(g, s, port, s.origin)
	return g, nil
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
	if h.Protocol != lb.HTTP && h.Protocol != lb.HTTPS {
		return nil, notes.faultf("healthcheck-protocol", "%q is not known to an application load balancer; write HTTP or HTTPS", h.Protocol)
	}
	var err error
	if h.Port, err = healthCheckPort(g.TargetType, s, notes, "healthcheck-port", "traffic-port"); err != nil {
		return nil, err
	}
	return h, readNumbers(notes, serviceCheckNumbers(h, 15, 5, 2))
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
	common, _, err := notes.pairs("target-group-attributes")
	if err != nil {
		return nil, err
	}
	own, _, err := notes.pairs(fmt.Sprintf("target-group-attributes.%d", port.Port))
	if err != nil {
		return nil, err
	}
	for key, value := range common {
		all[key] = value
	}
	for key, value := range own {
		if value != "" {
			all[key] = value
		}
	}
	return all, nil
}
