package manifest

import (
	"errors"
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
	ports, both, badJoin := joinedPorts(s)
	tls, badTLS := b.readTLS(s)
	errs := []error{err, checkAddresses(notes, l), checkRoutingPolicy(notes, "attributes", l.Attributes), checkSourceNAT(notes, l), badJoin, badTLS}
	groups := map[string]*lb.TargetGroup{}
	for _, port := range ports {
		listener, err := b.networkPort(s, l, port, both[port.Port], tls, groups)
		errs = append(errs, err)
		if b.opts.OnlyListedClasses { // of two ports of the same number the controller keeps the last one
			l.Listeners = slices.DeleteFunc(l.Listeners, func(x *lb.Listener) bool { return x.Port == listener.Port })
		}
		l.Listeners = append(l.Listeners, listener)
	}
	b.noteTwins(s, ports)
	return l, groups, errors.Join(errs...)
}

// twin reports whether the Service has a port of the same number for another protocol.
func (s *service) twin(port corev1.ServicePort) bool {
	return slices.ContainsFunc(s.Spec.Ports, func(x corev1.ServicePort) bool { return x.Port == port.Port && x.Protocol != port.Protocol })
}

// sameNumber gives, of the Service's ports with the number of one, that which carries what flows of the protocol
// need; the port itself where there is none.
func (s *service) sameNumber(port corev1.ServicePort, protocol lb.Protocol) corev1.ServicePort {
	need := corev1.ProtocolTCP
	if !protocol.TakesTCP() {
		need = corev1.ProtocolUDP
	}
	at := slices.IndexFunc(s.Spec.Ports, func(x corev1.ServicePort) bool { return x.Port == port.Port && x.Protocol == need })
	if port.Protocol == need || at < 0 {
		return port
	}
	return s.Spec.Ports[at]
}

// noteTwins says of ports of TCP and of UDP with the same number that AWS serves one of them alone (aws-load-balancer-controller
// issues 2759 and 4405).
func (b *builder) noteTwins(s *service, listened []corev1.ServicePort) {
	for i, port := range listened {
		if s.twin(port) && slices.ContainsFunc(listened[:i], func(x corev1.ServicePort) bool { return x.Port == port.Port }) {
			b.note(s.origin, fmt.Sprintf("spec.ports[%d]", i), "port %d is served for TCP and for UDP, each with targets of its own; on AWS only one of the two listeners is made, "+
				"unless %senable-tcp-udp-listener: 'true' joins them", port.Port, servicePrefix+awsPrefix)
		}
	}
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
	var errs []error
	for _, p := range s.Spec.Ports {
		at := slices.IndexFunc(ports, func(x corev1.ServicePort) bool { return x.Port == p.Port })
		switch {
		case at < 0:
			ports = append(ports, p)
		case both[p.Port]:
			errs = append(errs, notes.faultf(annotation, "can only merge two ports, and port %d is there more often", p.Port))
		case p.Protocol == ports[at].Protocol:
			errs = append(errs, notes.faultf(annotation, "port %d is there twice for %s; write one of them for TCP and one for UDP", p.Port, p.Protocol))
		case p.Protocol == corev1.ProtocolSCTP || ports[at].Protocol == corev1.ProtocolSCTP:
			errs = append(errs, notes.faultf(annotation, "port %d is SCTP, which cannot be merged", p.Port))
		default:
			both[p.Port] = true
		}
	}
	return ports, both, errors.Join(errs...)
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
	return listener, targets, notes.faultf("quic-enabled-ports", "port %d is %s and cannot carry QUIC; write a UDP port", port.Port, listener)
}

func (b *builder) networkPort(s *service, l *lb.LoadBalancer, port corev1.ServicePort, both bool, tls tlsWords, groups map[string]*lb.TargetGroup) (*lb.Listener, error) {
	notes := serviceNotes(s)
	protocol, targets, badProtocol := tls.protocols(notes, port, both)
	action, badAction := b.networkAction(s, l, port, protocol, targets, groups)
	errs := []error{badProtocol, badAction}
	listener := &lb.Listener{Port: int(port.Port), Protocol: protocol, Tags: l.Tags, Rules: []*lb.Rule{}, DefaultActions: []lb.Action{action}, Origin: s.origin}
	if protocol == lb.TLS {
		listener.SSLPolicy, listener.Certificates = tls.policy, tls.certificates
		if policy, ok := notes.text("alpn-policy"); ok {
			policies := []string{"None", "HTTP1Only", "HTTP2Only", "HTTP2Optional", "HTTP2Preferred"}
			if !slices.Contains(policies, policy) {
				errs = append(errs, notes.faultf("alpn-policy", "%q is not known; write one of %s", policy, strings.Join(policies, ", ")))
			}
			listener.ALPN = []string{policy}
		}
	}
	attributes, _, badAttributes := notes.pairs(listenerAttributes(protocol, int(port.Port)))
	listener.Attributes = attributes
	return listener, errors.Join(append(errs, badAttributes)...)
}

// networkWords is the annotation actions.<PROTOCOL>-<port>: weights for the
// Service itself and for others beside it.
type networkWords struct {
	Type    lb.ActionType `json:"type"`
	Forward *struct {
		BaseServiceWeight *int32          `json:"baseServiceWeight"`
		TargetGroups      []networkTarget `json:"targetGroups"`
		Stickiness        *struct {
			Enabled *bool `json:"enabled"`
		} `json:"targetGroupStickinessConfig"`
	} `json:"forwardConfig"`
}

// networkTarget is another target group.
type networkTarget struct {
	targetWords
	Decrypt *bool `json:"decrypt"`
}

// wrong lists what cannot be.
func (w networkWords) wrong() (all []string) {
	if w.Type != lb.ForwardAction {
		return []string{"the action type " + shorten(string(w.Type)) + " is not known here; write forward"}
	}
	if w.Forward == nil {
		return []string{"forwardConfig is missing"}
	}
	for _, t := range w.Forward.TargetGroups {
		switch {
		case (t.TargetGroupARN != nil) == (t.ServiceName != nil):
			all = append(all, "each target group takes precisely one of serviceName and targetGroupARN")
		case t.ServiceName != nil && t.ServicePort == nil:
			all = append(all, "the target group of service "+shorten(*t.ServiceName)+" has no servicePort")
		}
		switch {
		case t.Weight != nil && (*t.Weight < 0 || *t.Weight > 999):
			all = append(all, "a weight is out of range; write 0 to 999")
		case t.Weight == nil && len(w.Forward.TargetGroups) > 1:
			all = append(all, "with several target groups each needs a weight")
		}
	}
	return all
}

// networkAction forwards to the Service's own target group, and to others by weight.
func (b *builder) networkAction(s *service, l *lb.LoadBalancer, port corev1.ServicePort, protocol, targets lb.Protocol, groups map[string]*lb.TargetGroup) (lb.Action, error) {
	annotation := fmt.Sprintf("actions.%s-%d", protocol, port.Port)
	notes := annotations{servicePrefix, s.Annotations}
	var words networkWords
	weighted, badWords := notes.json(annotation, &words)
	if weighted && badWords == nil {
		badWords = notes.allOf(annotation, words.wrong())
	}
	own, badOwn := b.networkTargets(s, nil, s, l, port, targets, groups)
	if err := errors.Join(badWords, badOwn); err != nil {
		return lb.Action{}, err
	}
	f := &lb.Forward{TargetGroups: []lb.WeightedTargetGroup{{TargetGroup: own.Key}}}
	if !weighted {
		return lb.Action{Type: lb.ForwardAction, Forward: f}, nil
	}
	f.TargetGroups[0].Weight = weight(words.Forward.BaseServiceWeight)
	if words.Forward.Stickiness != nil {
		f.Stickiness = &lb.TargetGroupStickiness{Enabled: words.Forward.Stickiness.Enabled}
	}
	var errs []error
	for _, t := range words.Forward.TargetGroups {
		to := lb.WeightedTargetGroup{TargetGroupARN: deref(t.TargetGroupARN), Weight: weight(t.Weight)}
		if t.ServiceName != nil {
			g, err := b.otherTargets(s, l, t, protocol, groups)
			if err != nil {
				errs = append(errs, in(notes.field(annotation), err))
				continue
			}
			to.TargetGroup = g.Key
		} else {
			to.TargetGroup = b.boundTo(to.TargetGroupARN)
		}
		f.TargetGroups = append(f.TargetGroups, to)
	}
	return lb.Action{Type: lb.ForwardAction, Forward: f}, errors.Join(errs...)
}

// otherTargets makes the target group of another Service beside s.
func (b *builder) otherTargets(s *service, l *lb.LoadBalancer, t networkTarget, protocol lb.Protocol, groups map[string]*lb.TargetGroup) (*lb.TargetGroup, error) {
	other := b.services[name{s.Namespace, *t.ServiceName}]
	if other == nil {
		return nil, faultf("", "%s; add it, or take it out of the forward", b.missing("Service", name{s.Namespace, *t.ServiceName}))
	}
	port, err := findPort(other, *t.ServicePort)
	if err != nil {
		advice := ""
		if _, number := parsePort(t.ServicePort.StrVal); number {
			advice = "; a port in quotes is a name here, write the number without them"
		}
		return nil, faultf("", "%s%s", err, advice)
	}
	if !b.opts.OnlyListedClasses {
		port = other.sameNumber(port, protocol)
	}
	if protocol == lb.TLS && t.Decrypt != nil && *t.Decrypt {
		protocol = lb.TCP
	}
	return b.networkTargets(s, s, other, l, port, protocol, groups)
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
