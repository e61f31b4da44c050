package manifest

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/albatross-lb/albatross/lb"
)

// networkTargets makes the target group of a port of s. The annotations are those
// of the Service that has the load balancer; base is that one where s is another.
func (b *builder) networkTargets(owner, base, s *service, l *lb.LoadBalancer, port corev1.ServicePort, protocol lb.Protocol, groups map[string]*lb.TargetGroup) (*lb.TargetGroup, error) {
	key := b.networkKey(s, port, protocol, groups)
	if g, ok := groups[key]; ok {
		return g, nil
	}
	notes := serviceNotes(owner)
	g := &lb.TargetGroup{Key: key, Protocol: protocol, IPAddressType: "ipv4", Tags: l.Tags, Origin: owner.origin}
	var badType, badCheck, badAttributes, badPort error
	g.TargetType, badType = b.networkTargetType(notes, s, port)
	g.HealthCheck, badCheck = networkHealthCheck(g, owner, s)
	g.Attributes, badAttributes = networkAttributes(notes, port)
	errs := []error{badType, badCheck, badAttributes}
	if g.TargetType == instanceTargets {
		labels, _, err := notes.pairs("target-node-labels")
		g.NodeSelector, errs = labels, append(errs, err)
	}
	many, _, badMany := notes.boolean("multi-cluster-target-group")
	if many {
		g.MultiCluster = &many
	}
	if wantsIPv6(s) {
		if l.IPAddressType != "dualstack" {
			errs = append(errs, faultf("spec.ipFamilies", "Service %s has IPv6 addresses, and the load balancer is not dual-stack; write %sip-address-type: dualstack", s.name, notes.prefix))
		}
		g.IPAddressType = "ipv6"
	}
	g.Port, badPort = groupPort(g.TargetType, s, port)
	if err := errors.Join(append(errs, badMany, badPort)...); err != nil {
		return nil, err
	}
	baseUID := ""
	if base != nil {
		baseUID = string(base.UID)
	}
	g.Name = resourceName(s.name, digest(b.opts.ClusterName, baseUID, string(s.UID), strconv.Itoa(g.Port), strconv.Itoa(int(port.Port)),
		g.TargetType, string(protocol), string(g.HealthCheck.Protocol), strconv.Itoa(g.HealthCheck.IntervalSeconds)))
	b.addTargets(g, s, port, owner.origin)
	if node := owner.Spec.HealthCheckNodePort; node != 0 && int(g.HealthCheck.Port) == int(node) && len(g.Targets) > 0 && !b.onNodes(g, s, port) {
		check := *g.HealthCheck // what a node says of itself cannot be asked of a Pod
		check.Protocol, check.Port, check.Path, check.Matcher = lb.TCP, lb.TrafficPort, "", nil
		g.HealthCheck = &check
	}
	groups[key] = g
	return g, nil
}

// networkKey is the key of a target group: with its protocol where there is, or may be, one of the same port for another.
func (b *builder) networkKey(s *service, port corev1.ServicePort, protocol lb.Protocol, groups map[string]*lb.TargetGroup) string {
	key := fmt.Sprintf("%s:%d", s.name, port.Port)
	if b.opts.OnlyListedClasses { // AWS's controller tells them apart by the port alone
		return key
	}
	first := groups[key]
	if protocol == lb.UDP && s.twin(port) || first != nil && first.Protocol.TakesTCP() != protocol.TakesTCP() {
		key += "/" + string(protocol)
	}
	return key
}

func (b *builder) networkTargetType(notes annotations, s *service, port corev1.ServicePort) (string, error) {
	said := notes.textOr("nlb-target-type", b.opts.DefaultTargetType)
	if said == ipTargets || notes.textOr("type", "") == "nlb-ip" {
		return ipTargets, nil
	}
	if s.Spec.Type == corev1.ServiceTypeClusterIP {
		return "", notes.faultf("nlb-target-type", "unsupported service type %q for load balancer target type %q; write type: LoadBalancer, or target type ip", s.Spec.Type, said)
	}
	if a := s.Spec.AllocateLoadBalancerNodePorts; port.NodePort == 0 && a != nil && !*a {
		return "", faultf("spec.allocateLoadBalancerNodePorts", "targets of type instance need node ports; write true, or target type ip")
	}
	return instanceTargets, nil
}

// networkHealthCheck: by default a TCP connection, and for instances that take
// local traffic only, Kubernetes's own health check port: that of the Service that
// has the load balancer, also for another one in its weighted action.
func networkHealthCheck(g *lb.TargetGroup, owner, s *service) (*lb.HealthCheck, error) {
	notes := serviceNotes(owner)
	protocol, port, path := "TCP", "traffic-port", "/"
	interval, timeout, threshold := 10, 10, 3
	local := s.Spec.ExternalTrafficPolicy == corev1.ServiceExternalTrafficPolicyLocal && s.Spec.Type == corev1.ServiceTypeLoadBalancer
	if g.TargetType == instanceTargets && local && owner.Spec.HealthCheckNodePort != 0 { // 0 in a file alone: the API server fills it in
		protocol, port, path = "HTTP", strconv.Itoa(int(owner.Spec.HealthCheckNodePort)), "/healthz"
		timeout, threshold = 6, 2
	}
	h := &lb.HealthCheck{Protocol: lb.Protocol(strings.ToUpper(notes.textOr("healthcheck-protocol", protocol)))}
	var badProtocol error
	switch h.Protocol {
	case lb.HTTP, lb.HTTPS:
		h.Path = notes.textOr("healthcheck-path", path)
		h.Matcher = &lb.Matcher{HTTPCode: notes.textOr("healthcheck-success-codes", "200-399")}
	case lb.TCP:
	default:
		badProtocol = notes.faultf("healthcheck-protocol", "%q is not known; write TCP, HTTP or HTTPS", h.Protocol)
	}
	var badPort error
	h.Port, badPort = healthCheckPort(g.TargetType, s, notes, "healthcheck-port", port)
	return h, errors.Join(badProtocol, badPort, readNumbers(notes, serviceCheckNumbers(h, interval, timeout, threshold)))
}

func networkAttributes(notes annotations, port corev1.ServicePort) (map[string]string, error) {
	const key = "proxy_protocol_v2.enabled"
	attributes, badPairs := serviceTargetAttributes(notes, port)
	errs := []error{badPairs}
	for _, name := range []string{"target-group-attributes", fmt.Sprintf("target-group-attributes.%d", port.Port)} {
		said, _, _ := notes.pairs(name)
		if v, ok := said["preserve_client_ip.enabled"]; ok && boolean(v) != "" {
			errs = append(errs, notes.faultf(name, "preserve_client_ip.enabled=%s: write true or false", v))
		}
	}
	if v, ok := attributes[key]; !ok {
		attributes[key] = "false"
	} else if v == "" {
		delete(attributes, key)
	}
	if raw, ok := notes.text("proxy-protocol-per-target-group"); ok {
		attributes[key] = "false"
		for _, p := range splitList(raw) {
			if _, err := strconv.Atoi(p); err != nil {
				errs = append(errs, notes.faultf("proxy-protocol-per-target-group", "%q is no port number", p))
			}
			if p == strconv.Itoa(int(port.Port)) {
				attributes[key] = "true"
			}
		}
	}
	if v, ok := notes.text("proxy-protocol"); ok {
		if v != "*" {
			errs = append(errs, notes.faultf("proxy-protocol", "%q is not known; write *, which turns version 2 on for all target groups", v))
		}
		attributes[key] = "true"
	}
	return attributes, errors.Join(errs...)
}
