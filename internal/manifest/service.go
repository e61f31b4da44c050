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

	"github.com/albatross-lb/albatross/lb"
)

const nlbClass = "service.k8s.aws/nlb"

// buildServices makes the load balancers that Services ask for by themselves.
func (b *builder) buildServices() {
	byName := func(x, y name) int { return cmp.Compare(x.String(), y.String()) }
	for _, n := range slices.SortedFunc(maps.Keys(b.services), byName) {
		s := b.services[n]
		build := b.builderOf(s)
		if build == nil {
			b.checkLeaving(s)
			continue
		}
		b.warnUnknownNames(s.origin, s.Annotations, servicePrefix+awsPrefix, serviceNames, serviceFamilies)
		b.warnUnknownNames(s.origin, s.Annotations, ingressPrefix, ingressNames, ingressFamilies)
		b.warnForeign(s.origin, s.Annotations, servicePrefix+awsPrefix)
		if !slices.ContainsFunc(b.ingresses, func(m *member) bool { return m.Namespace == s.Namespace }) {
			b.warnOfIngress(s, true)
		}
		b.noteInert(s.origin, serviceNotes(s))
		balancer, groups, err := build(s)
		if err != nil {
			b.setAside(s.origin, err)
			b.imagine(balancer, groups)
			continue
		}
		b.warnUnheardService(s, balancer)
		b.cfg.LoadBalancers = append(b.cfg.LoadBalancers, balancer)
		maps.Copy(b.cfg.TargetGroups, groups)
	}
}

// checkLeaving sets a Service aside that AWS's controller has made a load balancer
// for, and that must not lose it although it is deleted or no longer ours.
func (b *builder) checkLeaving(s *service) {
	if err := undeletable(serviceNotes(s), "attributes"); err != nil && slices.Contains(s.Finalizers, serviceFinalizer) {
		b.setAside(s.origin, err)
	}
}

// buildService makes a load balancer of a Service and the target groups of it. With an
// error, which has all that is wrong with the Service, they are not whole.
type buildService func(*service) (*lb.LoadBalancer, map[string]*lb.TargetGroup, error)

// builderOf tells what makes a load balancer of a Service; nil if it has none of its own.
func (b *builder) builderOf(s *service) buildService {
	notes := serviceNotes(s)
	kind, wantsOne := notes.text("type")
	wantsOne = wantsOne || s.Spec.Type == corev1.ServiceTypeLoadBalancer
	switch {
	case s.DeletionTimestamp != nil:
		if wantsOne {
			b.ignore(s.name)
		}
		return nil
	case s.class() != "":
		if slices.Contains(networkClasses, s.class()) {
			return b.network
		}
		b.passOver(s.origin, "spec.loadBalancerClass", wantsOne && kind != "", "the class %q is not ours; the Service is passed over; write %s for a network load balancer", s.class(), nlbClass)
	case kind == "application" && s.Spec.Type == corev1.ServiceTypeLoadBalancer:
		return b.application
	case kind == "application":
		b.warn(s.origin, "spec.type", "the Service asks for an application load balancer, and is not of type: LoadBalancer; it gets none")
	case kind == "nlb-ip", kind == external && namesTargets(notes):
		return b.network
	case s.Spec.Type == corev1.ServiceTypeLoadBalancer && !b.opts.OnlyListedClasses:
		b.noteClass(s, kind)
		return b.network
	case kind == external || kind == cloudNLB:
		b.warn(s.origin, "spec.type", "the Service asks for a network load balancer, and is not of type: LoadBalancer; it gets none")
	}
	if s.Spec.Type == corev1.ServiceTypeLoadBalancer {
		b.ignore(s.name)
	}
	return nil
}

func serviceNotes(s *service) annotations {
	return annotations{servicePrefix + awsPrefix, s.Annotations}
}

// application makes an application load balancer (layer 7) of a Service of type
// LoadBalancer: a listener and a target group for each of its ports. AWS's
// controller makes network load balancers only; the annotations are those it has
// in common with the classic load balancer.
func (b *builder) application(s *service) (*lb.LoadBalancer, map[string]*lb.TargetGroup, error) {
	notes := serviceNotes(s)
	l, err := b.serviceBalancer(s, lb.Application, []string{"ipv4", "dualstack", "dualstack-without-public-ipv4"})
	tls, badTLS := b.readTLS(s)
	errs := []error{err, classicAttributes(notes, l), badTLS}
	groups := map[string]*lb.TargetGroup{}
	for i, port := range s.Spec.Ports {
		if port.Protocol != corev1.ProtocolTCP && port.Protocol != "" {
			errs = append(errs, faultf(fmt.Sprintf("spec.ports[%d]", i), "port %d is %s; an application load balancer takes TCP ports only", port.Port, port.Protocol))
			continue
		}
		listener, g, err := b.applicationPort(s, l, port, tls)
		if errs = append(errs, err); err == nil {
			groups[g.Key] = g
		}
		l.Listeners = append(l.Listeners, listener)
	}
	return l, groups, errors.Join(append(errs, redirectToTLS(notes, l, groups))...)
}

// applicationPort makes the listener and the target group of one port.
func (b *builder) applicationPort(s *service, l *lb.LoadBalancer, port corev1.ServicePort, tls tlsWords) (*lb.Listener, *lb.TargetGroup, error) {
	g, badTargets := b.applicationTargets(s, l, port)
	listener := &lb.Listener{Port: int(port.Port), Protocol: lb.HTTP, Tags: l.Tags, Rules: []*lb.Rule{}, Origin: s.origin,
		DefaultActions: []lb.Action{{Type: lb.ForwardAction, Forward: &lb.Forward{TargetGroups: []lb.WeightedTargetGroup{{TargetGroup: g.Key}}}}}}
	if tls.on(port) {
		listener.Protocol, listener.SSLPolicy, listener.Certificates = lb.HTTPS, tls.policy, tls.certificates
	}
	attributes, _, badAttributes := serviceNotes(s).pairs(listenerAttributes(listener.Protocol, int(port.Port)))
	listener.Attributes = attributes
	return listener, g, errors.Join(badTargets, badAttributes)
}

// serviceBalancer reads what Services of both types say about the load balancer.
func (b *builder) serviceBalancer(s *service, kind lb.LoadBalancerType, addressTypes []string) (*lb.LoadBalancer, error) {
	notes := serviceNotes(s)
	l := &lb.LoadBalancer{Key: s.name.String(), Type: kind, Origin: s.origin, Listeners: []*lb.Listener{},
		IPAddressType: notes.textOr("ip-address-type", "ipv4")}
	var errs []error
	if !slices.Contains(addressTypes, l.IPAddressType) {
		errs = append(errs, notes.faultf("ip-address-type", "%q is not known; write one of %s", l.IPAddressType, strings.Join(addressTypes, ", ")))
	}
	var badScheme error
	l.Scheme, badScheme = serviceScheme(notes, b.opts.DefaultScheme)
	if s.ofCloudProvider() {
		l.Scheme, badScheme = cloudScheme(notes), nil
	}
	uid := string(s.UID)
	if uid == "" && kind == lb.Application {
		uid = s.name.String() // files have no UIDs, and names should differ all the same
	}
	l.Name = notes.textOr("name", resourceName(s.name, digest(b.opts.ClusterName, uid, l.Scheme)))
	if len(l.Name) > 32 {
		errs = append(errs, notes.faultf("name", "the name has %d characters; write at most 32", len(l.Name)))
	}
	tags, _, badTags := notes.pairs("additional-resource-tags")
	l.Tags = over(tags, map[string]string{})
	attributes, _, badAttributes := notes.pairs("attributes")
	l.Attributes = over(attributes, map[string]string{})
	badLogs := logAttributes(notes, l.Attributes)
	capacity, badCapacity := readCapacity(notes)
	l.MinimumCapacity, _ = strconv.Atoi(capacity[capacityUnits])
	l.Subnets, _ = notes.list("subnets")
	return l, errors.Join(append(errs, badScheme, badTags, badAttributes, badLogs, badCapacity, b.serviceInbound(s, l))...)
}

func serviceScheme(notes annotations, or string) (string, error) {
	if scheme, ok := notes.text("scheme"); ok {
		if scheme != internal && scheme != internetFacing {
			return or, notes.faultf("scheme", "%q is not known; write %s or %s", scheme, internal, internetFacing)
		}
		return scheme, nil
	}
	inside, ok, err := notes.boolean("internal")
	switch {
	case err != nil || !ok:
		return or, err
	case inside:
		return internal, nil
	}
	return internetFacing, nil
}

// logAttributes turns the annotations that speak of one attribute into it; they
// beat the annotation attributes.
func logAttributes(notes annotations, attributes map[string]string) error {
	logs, _, badLogs := notes.boolean("access-log-enabled")
	if logs {
		attributes["access_logs.s3.enabled"] = "true"
		for annotation, key := range map[string]string{"access-log-s3-bucket-name": "access_logs.s3.bucket", "access-log-s3-bucket-prefix": "access_logs.s3.prefix"} {
			if v, ok := notes.text(annotation); ok {
				attributes[key] = v
			}
		}
	}
	cross, ok, badCross := notes.boolean("cross-zone-load-balancing-enabled")
	if ok && badCross == nil {
		attributes["load_balancing.cross_zone.enabled"] = strconv.FormatBool(cross)
	}
	return errors.Join(badLogs, badCross)
}

// classicAttributes reads annotations of the classic load balancer that have an
// attribute of the same meaning.
func classicAttributes(notes annotations, l *lb.LoadBalancer) error {
	idle, ok, err := notes.integer("connection-idle-timeout", 32)
	if ok && err == nil {
		l.Attributes["idle_timeout.timeout_seconds"] = strconv.FormatInt(idle, 10)
	}
	return err
}

// tlsWords are the ports of a Service that speak TLS, and how.
type tlsWords struct {
	certificates []string
	ports        []string // names or numbers; none: all
	policy       string
}

func (b *builder) readTLS(s *service) (tlsWords, error) {
	notes := serviceNotes(s)
	t := tlsWords{policy: notes.textOr("ssl-negotiation-policy", b.opts.DefaultSSLPolicy)}
	arns, _ := notes.list("ssl-cert")
	t.certificates = b.certificatesOf(s.Namespace, arns)
	t.ports, _ = notes.list("ssl-ports")
	if s.ofCloudProvider() || notes.textOr("type", "") == "application" { // the cloud provider's word for all ports
		t.ports = slices.DeleteFunc(t.ports, func(p string) bool { return p == "*" })
	}
	var errs []error
	for _, p := range t.ports {
		switch {
		case slices.ContainsFunc(s.Spec.Ports, func(port corev1.ServicePort) bool { return isPort(port, p) }):
		case s.ofCloudProvider():
			b.warn(s.origin, notes.field("ssl-ports"), "the Service has no port %q, so that this has no effect; write the name or number of one of its ports, which are %s", p, s.portNames())
		default:
			errs = append(errs, notes.faultf("ssl-ports", "the Service has no port %q; write the name or number of one of its ports, which are %s", p, s.portNames()))
		}
	}
	return t, errors.Join(errs...)
}

func isPort(port corev1.ServicePort, nameOrNumber string) bool {
	return port.Name == nameOrNumber || strconv.Itoa(int(port.Port)) == nameOrNumber
}

func (t tlsWords) on(port corev1.ServicePort) bool {
	return len(t.certificates) > 0 && (len(t.ports) == 0 || slices.ContainsFunc(t.ports, func(p string) bool { return isPort(port, p) }))
}

// redirectToTLS makes the HTTP listeners of a Service redirect to the port of
// ssl-redirect, as the annotation of that name does for Ingresses. Their target
// groups then have no use.
func redirectToTLS(notes annotations, l *lb.LoadBalancer, groups map[string]*lb.TargetGroup) error {
	port, ok, err := notes.integer("ssl-redirect", 32)
	if err != nil || !ok {
		return err
	}
	if !slices.ContainsFunc(l.Listeners, func(x *lb.Listener) bool { return x.Port == int(port) && x.Secure() }) {
		return notes.faultf("ssl-redirect", "no HTTPS listener is on port %d; write the port of one, and give it a certificate (ssl-cert, ssl-ports)", port)
	}
	to, protocol := strconv.Itoa(int(port)), string(lb.HTTPS)
	for _, listener := range l.Listeners {
		if !listener.Secure() {
			delete(groups, listener.DefaultActions[0].Forward.TargetGroups[0].TargetGroup)
			listener.DefaultActions = []lb.Action{{Type: lb.RedirectAction, Redirect: &lb.Redirect{Port: &to, Protocol: &protocol, StatusCode: "HTTP_301"}}}
		}
	}
	return nil
}
