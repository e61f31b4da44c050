package manifest

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/albatross-lb/albatross/lb"
)

// merged is what the members of a group say together.
type merged struct {
	*group
	members []*member // those whose words count, in order
	said    map[string]said
	ports   map[int]*port

	subnets        []string
	subnetsField   string
	subnetsByClass bool
	subnetsBy      name
	securityGroups []string
	attributes     map[string]string
	capacity       map[string]string
	tags           map[string]string

	redirectPort int    // 0: no ssl-redirect
	front        *front // nil: none asked for
	clusterName  string
}

// said is an exclusive setting and the member that said it first.
type said struct {
	value string
	by    name
}

// merge puts the words of members together. If one of them contradicts an earlier
// one, or the whole, that member is returned with the reason.
func (b *builder) merge(g *group, members []*member) (*merged, *member, error) {
	all := &merged{group: g, members: members, said: map[string]said{}, ports: map[int]*port{},
		attributes: map[string]string{}, tags: map[string]string{}, capacity: map[string]string{}, clusterName: b.opts.ClusterName}
	named := slices.ContainsFunc(members, func(m *member) bool { return m.words.exclusive["wafv2-acl-name"] != "" })
	for _, m := range members {
		for _, key := range slices.Sorted(maps.Keys(m.words.exclusive)) {
			if key == "wafv2-acl-arn" && named { // a name in the group settles it
				continue
			}
			if err := all.say(m, key, m.words.exclusive[key]); err != nil {
				return nil, m, err
			}
		}
		for _, add := range []func(*member) error{all.addSubnets, all.addMaps, all.addPorts} {
			if err := add(m); err != nil {
				return nil, m, err
			}
		}
	}
	if len(members) > 0 {
		all.classHasTheLastWord(members[0])
	}
	all.closePorts(b.opts.DefaultSSLPolicy)
	if bad, err := b.checkWhole(all); bad != nil {
		return nil, bad, err
	}
	return all, nil, nil
}

// say settles an exclusive setting, or finds that it is settled otherwise.
func (all *merged) say(m *member, key, value string) error {
	before, ok := all.said[key]
	if !ok {
		all.said[key] = said{value, m.name}
		return nil
	}
	if before.value != value {
		return m.notes.faultf(key, "conflicting %s: %q here, %q in Ingress %s of the same group; write the same value, or write it once", key, value, before.value, before.by)
	}
	return nil
}

// addSubnets: in another order they are the same; IngressClassParams and annotation exclude each other.
func (all *merged) addSubnets(m *member) error {
	w := m.words
	if w.subnetsField == "" {
		return nil
	}
	if all.subnetsField == "" {
		all.subnets, all.subnetsField, all.subnetsByClass, all.subnetsBy = w.subnets, w.subnetsField, w.subnetsByClass, m.name
		return nil
	}
	if all.subnetsByClass != w.subnetsByClass {
		return faultf(w.subnetsField, "conflicting subnets: IngressClassParams in one Ingress of the group, an annotation in another (%s)", all.subnetsBy)
	}
	if !slices.Equal(slices.Sorted(slices.Values(all.subnets)), slices.Sorted(slices.Values(w.subnets))) {
		return faultf(w.subnetsField, "conflicting subnets: %v here, %v in Ingress %s of the same group", w.subnets, all.subnets, all.subnetsBy)
	}
	return nil
}

// addMaps merges key by key. The class of the first member may settle a conflict.
func (all *merged) addMaps(m *member) error {
	first := all.members[0].params
	if err := addMap(m, "load-balancer-attributes", all.attributes, m.words.attributes, pairs(first.LoadBalancerAttributes)); err != nil {
		return err
	}
	if err := addMap(m, "tags", all.tags, m.words.tags, nil); err != nil {
		return err
	}
	if first.MinimumLoadBalancerCapacity != nil {
		return nil
	}
	return addMap(m, "minimum-load-balancer-capacity", all.capacity, m.words.capacity, nil)
}

// addMap adds the pairs of one member. A key with two values is a conflict, unless settled holds it.
func addMap(m *member, annotation string, into, from, settled map[string]string) error {
	for _, key := range slices.Sorted(maps.Keys(from)) {
		before, ok := into[key]
		if _, byClass := settled[key]; ok && before != from[key] && !byClass {
			return m.notes.faultf(annotation, "conflicting %s: %s=%s here, %s in an earlier Ingress of the same group", annotation, key, from[key], before)
		}
	}
	maps.Copy(into, from)
	return nil
}

// classHasTheLastWord lays the IngressClassParams of the first member over what was merged.
func (all *merged) classHasTheLastWord(first *member) {
	maps.Copy(all.attributes, pairs(first.params.LoadBalancerAttributes))
	if c := first.params.MinimumLoadBalancerCapacity; c != nil {
		all.capacity = map[string]string{"CapacityUnits": strconv.Itoa(int(c.CapacityUnits))}
	}
	if p := first.params.IPAMConfiguration; p != nil && p.IPv4IPAMPoolID != nil {
		all.said["ipam-ipv4-pool-id"] = said{*p.IPv4IPAMPoolID, first.name}
	}
}

// checkWhole looks at what can only be judged of the group as a whole.
func (b *builder) checkWhole(all *merged) (*member, error) {
	if redirect, ok := all.said["ssl-redirect"]; ok {
		all.redirectPort, _ = strconv.Atoi(redirect.value)
		if bad, err := all.checkRedirect(redirect); bad != nil {
			return bad, err
		}
	}
	for _, number := range slices.Sorted(maps.Keys(all.ports)) {
		if bad, err := all.checkDefaultBackends(number); bad != nil {
			return bad, err
		}
	}
	for _, m := range all.members {
		if _, missing := b.opts.Inventory.securityGroups(m.words.securityGroups); missing != "" {
			return m, m.notes.faultf("security-groups", "there is no security group %q", missing)
		}
	}
	return b.checkFrontend(all)
}

func (all *merged) checkRedirect(redirect said) (*member, error) {
	p, ok := all.ports[all.redirectPort]
	if ok && p.protocol == lb.HTTPS {
		return nil, nil
	}
	m := all.by(redirect.by)
	if !ok {
		return m, m.notes.faultf("ssl-redirect", "no listener is on port %d; write the port of an HTTPS listener, or add {\"HTTPS\":%d} to listen-ports", all.redirectPort, all.redirectPort)
	}
	return m, m.notes.faultf("ssl-redirect", "the listener on port %d is non-SSL (%s); write the port of an HTTPS listener", all.redirectPort, p.protocol)
}

// checkDefaultBackends: one listener has one default action.
func (all *merged) checkDefaultBackends(number int) (*member, error) {
	if all.redirects(number) {
		return nil, nil
	}
	var first *member
	for _, m := range all.ports[number].members {
		if m.Spec.DefaultBackend == nil {
			continue
		}
		if first != nil {
			return m, faultf("spec.defaultBackend", "multiple Ingresses of the group define a default backend on port %d; %s does so already", number, first.name)
		}
		first = m
	}
	return nil, nil
}

func (all *merged) by(n name) *member {
	return all.members[slices.IndexFunc(all.members, func(m *member) bool { return m.name == n })]
}

// redirects tells whether a listener does nothing but send clients to HTTPS.
func (all *merged) redirects(port int) bool {
	return all.redirectPort != 0 && all.ports[port].protocol == lb.HTTP
}

func (all *merged) scheme(or string) string {
	if s, ok := all.said["scheme"]; ok {
		return s.value
	}
	return or
}

func (all *merged) ipAddressType() string {
	if s, ok := all.said["ip-address-type"]; ok {
		return s.value
	}
	return "ipv4"
}

func hasIPv6(ipAddressType string) bool { return strings.HasPrefix(ipAddressType, "dualstack") }

// loadBalancer makes the load balancer of a group, without its listeners.
func (b *builder) loadBalancer(all *merged) (*lb.LoadBalancer, error) {
	l := &lb.LoadBalancer{Key: all.key, Type: lb.Application, Scheme: all.scheme(b.opts.DefaultScheme), IPAddressType: all.ipAddressType(),
		Attributes: all.attributes, Tags: all.tags, Subnets: all.subnets, Listeners: []*lb.Listener{}, Origin: all.members[0].origin,
		CustomerOwnedIPv4Pool: all.said["customer-owned-ipv4-pool"].value, IPv4IPAMPool: all.said["ipam-ipv4-pool-id"].value}
	if l.Name = all.said["load-balancer-name"].value; l.Name == "" {
		l.Name = all.resourceName(digest(b.opts.ClusterName, all.key, l.Scheme))
	}
	l.MinimumCapacity, _ = strconv.Atoi(all.capacity["CapacityUnits"])
	if groups := all.said["security-groups"].value; groups != "" {
		l.SecurityGroups, _ = b.opts.Inventory.securityGroups(strings.Split(groups, ","))
		if all.said["manage-backend-security-group-rules"].value == "true" {
			l.SecurityGroups = append(l.SecurityGroups, "shared-backend")
		}
	} else {
		l.InboundCIDRs = all.inbound(hasIPv6(l.IPAddressType))
	}
	b.webACL(all, l)
	return l, nil
}

func (b *builder) webACL(all *merged, l *lb.LoadBalancer) {
	if acl, ok := all.said["wafv2-acl-name"]; ok {
		if l.WebACL = "none"; acl.value != "none" {
			l.WebACL, _ = b.opts.Inventory.webACL(acl.value)
		}
	} else if acl, ok := all.said["wafv2-acl-arn"]; ok {
		if l.WebACL = acl.value; acl.value == "" {
			l.WebACL = "none"
		}
	}
	l.WebACLClassic = all.said["waf-acl-id"].value
	if shield, ok := all.said["shield-advanced-protection"]; ok {
		on := shield.value == "true"
		l.ShieldAdvanced = &on
	}
}
