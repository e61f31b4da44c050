package manifest

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/albatross-lb/albatross/lb"
)

// The protocols of QUIC listeners, which only network load balancers know.
const (
	quic    lb.Protocol = "QUIC"
	tcpQUIC lb.Protocol = "TCP_QUIC"
)

// network makes a network load balancer (layer 4) of a Service: a listener for
// each port, with nothing but a default action.
func (b *builder) network(s *service) (*lb.LoadBalancer, map[string]*lb.TargetGroup, error) {
	notes := serviceNotes(s)
	if s.Spec.ExternalTrafficPolicy == corev1.ServiceExternalTrafficPolicyLocal {
		b.note(s.origin, "spec.externalTrafficPolicy", "Local: %s", keepAddresses)
	}
	l, err := b.serviceBalancer(s, lb.Network, []string{"ipv4", "dualstack"})
	if err != nil {
		return nil, nil, err
	}
	if err := checkAddresses(notes, l); err != nil {
		return nil, nil, err
	}
	if err := checkRoutingPolicy(notes, "attributes", l.Attributes); err != nil {
		return nil, nil, err
	}
	if err := checkSourceNAT(notes, l); err != nil {
		return nil, nil, err
	}
	ports, both, err := joinedPorts(s)
	if err != nil {
		return nil, nil, err
	}
	tls, err := b.readTLS(s)
	if err != nil {
		return nil, nil, err
	}
	groups := map[string]*lb.TargetGroup{}
	for _, port := range ports {
		listener, err := b.networkPort(s, l, port, both[port.Port], tls, groups)
		if err != nil {
			return nil, nil, err
		}
		// Two ports of the same number and different protocols: the last one stays.
		l.Listeners = slices.DeleteFunc(l.Listeners, func(x *lb.Listener) bool { return x.Port == listener.Port })
		l.Listeners = append(l.Listeners, listener)
	}
	return l, groups, nil
}

// joinedPorts gives the ports to listen on, and which of them take TCP and UDP
// alike, if the annotation asks for that.
func joinedPorts(s *service) ([]corev1.ServicePort, map[int32]bool, error) {
	const annotation = "enable-tcp-udp-listener"
	notes := serviceNotes(s)
	if join, _, err := notes.boolean(annotation); err != nil || !join {
		return s.Spec.Ports, nil, nil // a value that is no boolean counts as none
	}
	var ports []corev1.ServicePort
	both := map[int32]bool{}
	for _, p := range s.Spec.Ports {
		at := slices.IndexFunc(ports, func(x corev1.ServicePort) bool { return x.Port == p.Port })
		switch {
		case at < 0:
			ports = append(ports, p)
		case both[p.Port]:
			return nil, nil, notes.faultf(annotation, "can only merge two ports, and port %d is there more often", p.Port)
		case p.Protocol == ports[at].Protocol:
			return nil, nil, notes.faultf(annotation, "port %d is there twice for %s; write one of them for TCP and one for UDP", p.Port, p.Protocol)
		case p.Protocol == corev1.ProtocolSCTP || ports[at].Protocol == corev1.ProtocolSCTP:
			return nil, nil, notes.faultf(annotation, "port %d is SCTP, which cannot be merged", p.Port)
		default:
			both[p.Port] = true
		}
	}
	return ports, both, nil
}

// protocols gives what the listener of a port speaks, and what its targets do.
func (t tlsWords) protocols(notes annotations, port corev1.ServicePort, both bool) (listener, targets lb.Protocol, err error) {
	listener = lb.Protocol(port.Protocol)
	if both {
		listener = lb.TCPUDP
	}
	targets = listener
	if listener != lb.UDP && listener != lb.TCPUDP && t.on(port) {
		listener = lb.TLS
		if notes.textOr("backend-protocol", "") == "ssl" {
			targets = lb.TLS
		}
	}
	names, _ := notes.list("quic-enabled-ports")
	if !slices.ContainsFunc(names, func(n string) bool { return isPort(port, n) }) {
		return listener, targets, nil
	}
	switch listener {
	case lb.UDP:
		return quic, quic, nil
	case lb.TCPUDP:
		return tcpQUIC, tcpQUIC, nil
	}
	return "", "", notes.faultf("quic-enabled-ports", "port %d is %s and cannot carry QUIC; write a UDP port", port.Port, listener)
}

func (b *builder) networkPort(s *service, l *lb.LoadBalancer, port corev1.ServicePort, both bool, tls tlsWords, groups map[string]*lb.TargetGroup) (*lb.Listener, error) {
	notes := serviceNotes(s)
	protocol, targets, err := tls.protocols(notes, port, both)
	if err != nil {
		return nil, err
	}
	action, err := b.networkAction(s, l, port, protocol, targets, groups)
	if err != nil {
		return nil, err
	}
	listener := &lb.Listener{Port: int(port.Port), Protocol: protocol, Tags: l.Tags, Rules: []*lb.Rule{}, DefaultActions: []lb.Action{action}, Origin: s.origin}
	if protocol == lb.TLS {
		listener.SSLPolicy, listener.Certificates = tls.policy, tls.certificates
		if policy, ok := notes.text("alpn-policy"); ok {
			policies := []string{"None", "HTTP1Only", "HTTP2Only", "HTTP2Optional", "HTTP2Preferred"}
			if !slices.Contains(policies, policy) {
				return nil, notes.faultf("alpn-policy", "%q is not known; write one of %s", policy, strings.Join(policies, ", "))
			}
			listener.ALPN = []string{policy}
		}
	}
	listener.Attributes, _, err = notes.pairs(listenerAttributes(protocol, int(port.Port)))
	return listener, err
}

// networkWords is the annotation actions.<PROTOCOL>-<port>: weights for the
// Service itself and for others beside it.
type networkWords struct {
	Type    lb.ActionType `json:"type"`
	Forward *struct {
		BaseServiceWeight *int32 `json:"baseServiceWeight"`
		TargetGroups      []struct {
			targetWords
			Decrypt *bool `json:"decrypt"`
		} `json:"targetGroups"`
		Stickiness *struct {
			Enabled *bool `json:"enabled"`
		} `json:"targetGroupStickinessConfig"`
	} `json:"forwardConfig"`
}

func (w networkWords) wrong() string {
	if w.Type != lb.ForwardAction {
		return "the action type " + shorten(string(w.Type)) + " is not known here; write forward"
	}
	if w.Forward == nil {
		return "forwardConfig is missing"
	}
	for _, t := range w.Forward.TargetGroups {
		switch {
		case (t.TargetGroupARN != nil) == (t.ServiceName != nil):
			return "each target group takes precisely one of serviceName and targetGroupARN"
		case t.ServiceName != nil && t.ServicePort == nil:
			return "the target group of service " + shorten(*t.ServiceName) + " has no servicePort"
		case t.Weight != nil && (*t.Weight < 0 || *t.Weight > 999):
			return "a weight is out of range; write 0 to 999"
		case t.Weight == nil && len(w.Forward.TargetGroups) > 1:
			return "with several target groups each needs a weight"
		}
	}
	return ""
}

// networkAction forwards to the Service's own target group, and to others by weight.
func (b *builder) networkAction(s *service, l *lb.LoadBalancer, port corev1.ServicePort, protocol, targets lb.Protocol, groups map[string]*lb.TargetGroup) (lb.Action, error) {
	annotation := fmt.Sprintf("actions.%s-%d", protocol, port.Port)
	notes := annotations{servicePrefix, s.Annotations}
	var words networkWords
	weighted, err := notes.json(annotation, &words)
	if err != nil {
		return lb.Action{}, err
	}
	if wrong := words.wrong(); weighted && wrong != "" {
		return lb.Action{}, notes.faultf(annotation, "%s", wrong)
	}
	f := &lb.Forward{}
	own, err := b.networkTargets(s, nil, s, l, port, targets, groups)
	if err != nil {
		return lb.Action{}, err
	}
	f.TargetGroups = []lb.WeightedTargetGroup{{TargetGroup: own.Key}}
	if !weighted {
		return lb.Action{Type: lb.ForwardAction, Forward: f}, nil
	}
	f.TargetGroups[0].Weight = weight(words.Forward.BaseServiceWeight)
	if words.Forward.Stickiness != nil {
		f.Stickiness = &lb.TargetGroupStickiness{Enabled: words.Forward.Stickiness.Enabled}
	}
	for _, t := range words.Forward.TargetGroups {
		to := lb.WeightedTargetGroup{TargetGroupARN: deref(t.TargetGroupARN), Weight: weight(t.Weight)}
		if t.ServiceName != nil {
			other := b.services[name{s.Namespace, *t.ServiceName}]
			if other == nil {
				return lb.Action{}, notes.faultf(annotation, "service %s/%s not found", s.Namespace, *t.ServiceName)
			}
			otherPort, err := findPort(other, *t.ServicePort)
			if err != nil {
				advice := ""
				if _, number := parsePort(t.ServicePort.StrVal); number {
					advice = "; a port in quotes is a name here, write the number without them"
				}
				return lb.Action{}, notes.faultf(annotation, "%s%s", err, advice)
			}
			speaks := protocol
			if protocol == lb.TLS && t.Decrypt != nil && *t.Decrypt {
				speaks = lb.TCP
			}
			g, err := b.networkTargets(s, s, other, l, otherPort, speaks, groups)
			if err != nil {
				return lb.Action{}, err
			}
			to.TargetGroup = g.Key
		} else {
			to.TargetGroup = b.boundTo(to.TargetGroupARN)
		}
		f.TargetGroups = append(f.TargetGroups, to)
	}
	return lb.Action{Type: lb.ForwardAction, Forward: f}, nil
}

func weight(w *int32) *int {
	if w == nil {
		return nil
	}
	n := int(*w)
	return &n
}

// parsePort reads a port number of a mapping.
func parsePort(s string) (int, bool) {
	ref := intstr.Parse(s)
	return int(ref.IntVal), ref.Type == intstr.Int
}
