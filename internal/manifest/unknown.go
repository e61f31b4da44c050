package manifest

import (
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/albatross-lb/albatross/lb"
)

// ingressNames are all annotations of AWS's controller for Ingresses, behind the prefix.
var ingressNames = strings.Fields(`
	load-balancer-name group.name group.order tags ip-address-type scheme subnets customer-owned-ipv4-pool load-balancer-attributes
	wafv2-acl-arn wafv2-acl-name waf-acl-id web-acl-id shield-advanced-protection security-groups listen-ports ssl-redirect
	inbound-cidrs certificate-arn ssl-policy target-type backend-protocol backend-protocol-version target-group-attributes
	healthcheck-port healthcheck-protocol healthcheck-path healthcheck-interval-seconds healthcheck-timeout-seconds
	healthy-threshold-count unhealthy-threshold-count success-codes auth-type auth-idp-cognito auth-idp-oidc
	auth-on-unauthenticated-request auth-scope auth-session-cookie auth-session-timeout jwt-validation target-node-labels
	manage-backend-security-group-rules mutual-authentication security-group-prefix-lists multi-cluster-target-group
	minimum-load-balancer-capacity ipam-ipv4-pool-id use-regex-path-match create-acm-cert acm-pca-arn dry-run-plan
	enable-frontend-nlb frontend-nlb-scheme frontend-nlb-subnets frontend-nlb-security-groups frontend-nlb-listener-port-mapping
	frontend-nlb-eip-allocations frontend-nlb-healthcheck-port frontend-nlb-healthcheck-protocol frontend-nlb-healthcheck-path
	frontend-nlb-healthcheck-interval-seconds frontend-nlb-healthcheck-timeout-seconds
	frontend-nlb-healthcheck-healthy-threshold-count frontend-nlb-healthcheck-unhealthy-threshold-count
	frontend-nlb-healthcheck-success-codes frontend-nlb-attributes frontend-nlb-tags`)

// ingressFamilies are annotations whose name goes on behind a dot.
var ingressFamilies = []string{"actions.", "conditions.", "transforms.", "target-control-port.", "listener-attributes."}

// serviceNames are the annotations for Services, behind servicePrefix and awsPrefix.
var serviceNames = strings.Fields(`
	type nlb-target-type target-type name scheme internal proxy-protocol proxy-protocol-per-target-group ip-address-type
	access-log-enabled access-log-s3-bucket-name access-log-s3-bucket-prefix cross-zone-load-balancing-enabled ssl-cert ssl-ports
	ssl-negotiation-policy ssl-redirect backend-protocol backend-protocol-version additional-resource-tags
	healthcheck-healthy-threshold healthcheck-unhealthy-threshold healthcheck-timeout healthcheck-interval healthcheck-protocol
	healthcheck-port healthcheck-path healthcheck-success-codes target-group-attributes subnets eip-allocations
	private-ipv4-addresses ipv6-addresses alpn-policy target-node-labels attributes security-groups
	manage-backend-security-group-rules inbound-sg-rules-on-private-link-traffic security-group-prefix-lists listener-attributes
	multi-cluster-target-group enable-prefix-for-ipv6-source-nat source-nat-ipv6-prefixes minimum-load-balancer-capacity
	enable-icmp-for-path-mtu-discovery enable-tcp-udp-listener disable-nlb-sg quic-enabled-ports quic-enabled-containers
	connection-idle-timeout connection-draining-enabled connection-draining-timeout extra-security-groups access-log-emit-interval`)

var serviceFamilies = []string{"target-group-attributes.", "listener-attributes."}

// classicNames are known from the classic load balancer of the in-tree controller.
var classicNames = strings.Fields(`connection-idle-timeout connection-draining-enabled connection-draining-timeout
	extra-security-groups access-log-emit-interval`)

// remark warns of annotations that nobody reads and notes those without effect,
// of an Ingress and of the Services that it names.
func (b *builder) remark(m *member) {
	b.warnUnknownNames(m.origin, m.Annotations, ingressPrefix, ingressNames, ingressFamilies)
	b.warnUnknownNames(m.origin, m.Annotations, ownPrefix, slices.Concat(ownNames, ownServiceNames), ownServiceFamilies)
	b.warnMisplaced(m)
	b.warnForeign(m.origin, m.Annotations, ingressPrefix)
	b.warnUnknownKeys(m.origin, m.notes)
	b.noteInert(m.origin, m.notes)
	for _, backend := range slices.Sorted(maps.Keys(m.backends())) {
		if s := b.service(name{m.Namespace, backend}); s != nil {
			b.warnUnknownNames(s.origin, s.Annotations, ingressPrefix, ingressNames, ingressFamilies)
			b.warnOfIngress(s, false)
			b.noteInert(s.origin, annotations{ingressPrefix, s.Annotations})
		}
	}
	b.warnUnused(m)
}

func (b *builder) warnUnknownNames(origin lb.Origin, notes map[string]string, prefix string, known, families []string) {
	for _, key := range slices.Sorted(maps.Keys(notes)) {
		word, ours := strings.CutPrefix(key, prefix)
		if !ours || slices.Contains(known, word) || slices.ContainsFunc(families, func(f string) bool { return strings.HasPrefix(word, f) && word != f }) {
			continue
		}
		b.warnOnce(origin, "metadata.annotations["+key+"]", "there is no such annotation, and it has no effect"+suggestion(prefix, word, known, families))
	}
}

// warnMisplaced warns of annotations for Services on an Ingress, where nobody reads them.
func (b *builder) warnMisplaced(m *member) {
	for _, key := range slices.Sorted(maps.Keys(m.Annotations)) {
		word, forServices := strings.CutPrefix(key, servicePrefix+awsPrefix)
		if !forServices && !strings.HasPrefix(key, ownPrefix+ownTargets) {
			continue
		}
		b.warnOnce(m.origin, "metadata.annotations["+key+"]", "it is read on Services only, and has no effect on an Ingress"+suggestion(ingressPrefix, word, ingressNames, ingressFamilies))
	}
}

// ofTargets are the annotations of Ingresses, and what their names begin with, that are read
// on a Service too which one of them names.
var ofTargets = []string{"target-", "backend-protocol", "healthcheck-", "healthy-threshold-count", "unhealthy-threshold-count",
	"success-codes", "multi-cluster-target-group", "tags", "auth-"}

// warnOfIngress warns of annotations on a Service that are read on Ingresses alone; balanced
// tells that it has a load balancer of its own, and that no Ingress is known to name it.
func (b *builder) warnOfIngress(s *service, balanced bool) {
	for _, key := range slices.Sorted(maps.Keys(s.Annotations)) {
		word, ours := strings.CutPrefix(key, ingressPrefix)
		shared := slices.ContainsFunc(ofTargets, func(start string) bool { return strings.HasPrefix(word, start) })
		if !ours || !slices.Contains(ingressNames, word) || shared && !balanced {
			continue
		}
		advice := "; write it there"
		if balanced {
			advice = suggestion(servicePrefix+awsPrefix, word, serviceNames, serviceFamilies)
		}
		b.warnOnce(s.origin, "metadata.annotations["+key+"]", "it is read on Ingresses only, and has no effect on this Service"+advice)
	}
}

// warnUnused warns of actions, conditions and transforms whose name no backend has.
func (b *builder) warnUnused(m *member) {
	backends := m.backends()
	for _, key := range slices.Sorted(maps.Keys(m.Annotations)) {
		family, backend, _ := strings.Cut(strings.TrimPrefix(key, ingressPrefix), ".")
		if !strings.HasPrefix(key, ingressPrefix) || family != "actions" && family != "conditions" && family != "transforms" {
			continue
		}
		byAction, named := backends[backend]
		switch {
		case !named:
			b.warn(m.origin, "metadata.annotations["+key+"]", "no backend has the name %q, so that this has no effect", backend)
		case family == "actions" && !byAction:
			b.warn(m.origin, "metadata.annotations["+key+"]", "no backend uses this action; write service.name: %s and service.port.name: %s in one", backend, useAnnotation)
		default:
			continue
		}
		_, err := m.notes.json(family+"."+backend, reflect.New(inJSON[family]).Interface())
		for _, err := range each(err) {
			if f, ok := err.(*fault); ok {
				b.warnOnce(m.origin, f.field, f.text)
			}
		}
	}
}

// backends are the names of an Ingress's backends, and whether one of that name stands for an action.
func (m *member) backends() map[string]bool {
	all := map[string]bool{}
	if d := m.Spec.DefaultBackend; d != nil && d.Service != nil {
		all[d.Service.Name] = d.Service.Port.Name == useAnnotation
	}
	for _, r := range m.Spec.Rules {
		if r.HTTP == nil {
			continue
		}
		for _, p := range r.HTTP.Paths {
			if p.Backend.Service != nil {
				all[p.Backend.Service.Name] = all[p.Backend.Service.Name] || p.Backend.Service.Port.Name == useAnnotation
			}
		}
	}
	return all
}

// warnOnce and noteOnce say the same thing about the same object only once.
func (b *builder) warnOnce(origin lb.Origin, field, text string) {
	if b.firstTime(origin, field, text) {
		b.warn(origin, field, "%s", text)
	}
}

func (b *builder) noteOnce(origin lb.Origin, text string) {
	if b.firstTime(origin, "", text) {
		b.note(origin, "", "%s", text)
	}
}

func (b *builder) firstTime(origin lb.Origin, field, text string) bool {
	p := lb.Problem{Origin: origin, Field: field, Text: text}
	first := !b.seen[p]
	b.seen[p] = true
	return first
}
