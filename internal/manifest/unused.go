package manifest

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/albatross-lb/albatross/lb"
)

// warnUnheard warns of words about listeners that the Ingress is not on. AWS's
// controller passes over them in silence, also over those that should keep clients out.
func (b *builder) warnUnheard(m *member) {
	on := map[string]bool{}
	for number, p := range m.words.ports {
		on[listenerAttributes(p.protocol, number)] = true
	}
	for _, key := range slices.Sorted(maps.Keys(m.Annotations)) {
		word, ours := strings.CutPrefix(key, ingressPrefix)
		if ours && strings.HasPrefix(word, "listener-attributes.") && !on[word] {
			b.warn(m.origin, m.notes.field(word), "the Ingress has no such listener, so that this has no effect; its listeners are %s", listenersOf(on))
		}
	}
	const mutual = "mutual-authentication"
	var entries []mutualWords
	_, _ = m.notes.json(mutual, &entries)
	for _, e := range entries {
		if p, ok := m.words.ports[int(e.Port)]; e.Mode != "off" && (!ok || p.protocol != lb.HTTPS) {
			b.warn(m.origin, m.notes.field(mutual), "the Ingress has no HTTPS listener on port %d, so that nobody is asked for a certificate there; its listeners are %s", e.Port, listenersOf(on))
		}
	}
}

// listenersOf names listeners: "HTTP-80, HTTPS-443".
func listenersOf(on map[string]bool) string {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(on)) {
		names = append(names, strings.TrimPrefix(name, "listener-attributes."))
	}
	return strings.Join(names, ", ")
}

// foreign are annotations for Services that mean something to the other type of
// load balancer only.
var foreign = map[lb.LoadBalancerType][]string{
	lb.Application: {"alpn-policy", "proxy-protocol", "proxy-protocol-per-target-group", "enable-tcp-udp-listener", "quic-enabled-ports"},
	lb.Network:     {"ssl-redirect", "backend-protocol-version", "target-type", "connection-idle-timeout", "connection-draining-timeout"},
}

// warnUnheardService does for a Service what warnUnheard does for an Ingress.
func (b *builder) warnUnheardService(s *service, l *lb.LoadBalancer) {
	notes := serviceNotes(s)
	on, ports, secure := map[string]bool{}, map[string]bool{}, false
	for _, listener := range l.Listeners {
		on[listenerAttributes(listener.Protocol, listener.Port)] = true
		ports[strconv.Itoa(listener.Port)] = true
		secure = secure || listener.Secure()
	}
	for _, key := range slices.Sorted(maps.Keys(s.Annotations)) {
		word := strings.TrimPrefix(strings.TrimPrefix(key, servicePrefix), awsPrefix)
		family, of, _ := strings.Cut(word, ".")
		field := "metadata.annotations[" + key + "]"
		switch {
		case !strings.HasPrefix(key, servicePrefix):
		case slices.Contains(foreign[l.Type], word):
			b.warn(s.origin, field, "this means nothing to a load balancer of type %s, and has no effect", l.Type)
		case family == "actions" && l.Type == lb.Application:
			b.warn(s.origin, field, "weighted actions of a Service are for network load balancers, and this one is of type application; write an Ingress")
		case (family == "actions" || family == "listener-attributes") && of != "" && !on["listener-attributes."+of]:
			b.warn(s.origin, field, "there is no such listener, so that this has no effect; the listeners are %s", listenersOf(on))
		case family == "target-group-attributes" && of != "" && !ports[of]:
			b.warn(s.origin, field, "the Service has no port %s, so that this has no effect", of)
		}
	}
	for _, word := range []string{"ssl-ports", "ssl-negotiation-policy", "ssl-redirect", "alpn-policy"} {
		if _, said := notes.text(word); said && !secure && !slices.Contains(foreign[l.Type], word) {
			b.warn(s.origin, notes.field(word), "no listener speaks TLS, so that this has no effect: connections are not encrypted; %s", tlsAdvice(notes))
		}
	}
}

func tlsAdvice(notes annotations) string {
	if list, _ := notes.list("ssl-cert"); len(list) == 0 {
		return fmt.Sprintf("name a certificate in %sssl-cert", notes.prefix)
	}
	return "ssl-ports names no port that can"
}
