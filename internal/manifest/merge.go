package manifest

import (
	"errors"
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
	said    map[string]string
	ports   map[int]*port

	subnets    []string
	attributes map[string]string
	capacity   map[string]string
	tags       map[string]string

	redirectPort int    // 0: no ssl-redirect
	front        *front // nil: none asked for
}

// merge puts the words of members together that do not contradict each other.
func (b *builder) merge(g *group, members []*member) *merged {
	all := &merged{group: g, members: members, said: map[string]string{}, ports: map[int]*port{},
		attributes: map[string]string{}, tags: map[string]string{}, capacity: map[string]string{}}
	for _, m := range members {
		w := &m.words
		maps.Copy(all.said, w.exclusive)
		maps.Copy(all.attributes, w.attributes)
		maps.Copy(all.tags, w.tags)
		maps.Copy(all.capacity, w.capacity)
		if len(all.subnets) == 0 {
			all.subnets = w.subnets
		}
		for number, words := range w.ports {
			if all.ports[number] == nil {
				all.ports[number] = newPort(words.protocol)
			}
			all.ports[number].add(m, words)
		}
	}
	if len(members) > 0 {
		all.classHasTheLastWord(members[0].params)
	}
	for number, p := range all.ports {
		p.close(number, b.opts.DefaultSSLPolicy)
	}
	if slices.ContainsFunc(members, func(m *member) bool { return m.words.noRedirect }) {
		delete(all.said, "ssl-redirect")
	}
	all.redirectPort, _ = strconv.Atoi(all.said["ssl-redirect"])
	return all
}

// classHasTheLastWord lays the IngressClassParams of the first member over what was merged.
func (all *merged) classHasTheLastWord(class *IngressClassParamsSpec) {
	maps.Copy(all.attributes, pairs(class.LoadBalancerAttributes))
	if c := class.MinimumLoadBalancerCapacity; c != nil {
		all.capacity = map[string]string{capacityUnits: strconv.Itoa(int(c.CapacityUnits))}
	}
	if p := class.IPAMConfiguration; p != nil && p.IPv4IPAMPoolID != nil {
		all.said["ipam-ipv4-pool-id"] = *p.IPv4IPAMPoolID
	}
}

// faults are members that cannot be part of the group, and why.
type faults map[*member]error

func (f faults) add(m *member, err error) {
	if err != nil {
		f[m] = errors.Join(f[m], err)
	}
}

// check looks at what can only be judged of the group as a whole.
func (b *builder) check(all *merged) faults {
	bad := faults{}
	all.checkUnused(bad)
	all.checkRedirect(bad)
	all.checkDefaultBackends(bad)
	b.checkFrontend(all, bad)
	return bad
}

// checkUnused finds the faults of words that only some groups make use of: who
// manages security groups where there are any, and the capacity unless the class says it.
func (all *merged) checkUnused(bad faults) {
	for _, m := range all.members {
		if m.words.badManage != nil && all.said["security-groups"] != "" {
			bad.add(m, m.words.badManage)
		}
		if m.words.badCapacity != nil && all.members[0].params.MinimumLoadBalancerCapacity == nil {
			bad.add(m, m.words.badCapacity)
		}
	}
}

// checkRedirect: ssl-redirect leads to an HTTPS listener of the group. Where a member's
// listeners cannot be read there may be one.
func (all *merged) checkRedirect(bad faults) {
	said, ok := all.said["ssl-redirect"]
	unread := slices.ContainsFunc(all.members, func(m *member) bool { return m.words.ports == nil })
	if !ok || unread || all.hasSecure(all.redirectPort) {
		return
	}
	p := all.ports[all.redirectPort]
	for _, m := range all.members {
		switch _, says := m.words.exclusive["ssl-redirect"]; {
		case !says:
		case p == nil:
			bad.add(m, m.notes.faultf("ssl-redirect", "no listener is on port %s; write the port of an HTTPS listener, or add {\"HTTPS\":%s} to listen-ports", said, said))
		default:
			bad.add(m, m.notes.faultf("ssl-redirect", "the listener on port %s is non-SSL (%s); write the port of an HTTPS listener", said, p.protocol))
		}
	}
}

// checkDefaultBackends: one listener has one default action, the first one given.
func (all *merged) checkDefaultBackends(bad faults) {
	for _, number := range slices.Sorted(maps.Keys(all.ports)) {
		if all.redirects(number) {
			continue
		}
		var first *member
		for _, m := range all.ports[number].members {
			switch {
			case m.Spec.DefaultBackend == nil || bad[m] != nil:
			case first == nil:
				first = m
			default:
				bad.add(m, faultf("spec.defaultBackend", "multiple Ingresses of the group define a default backend on port %d; %s does so already", number, first.name))
			}
		}
	}
}

// redirects tells whether a listener does nothing but send clients to HTTPS.
func (all *merged) redirects(port int) bool {
	return all.hasSecure(all.redirectPort) && all.ports[port].protocol == lb.HTTP
}

func (all *merged) hasSecure(port int) bool {
	p := all.ports[port]
	return p != nil && p.protocol == lb.HTTPS
}

func (all *merged) scheme(or string) string {
	if s, ok := all.said["scheme"]; ok {
		return s
	}
	return or
}

func (all *merged) ipAddressType() string {
	if t, ok := all.said["ip-address-type"]; ok {
		return t
	}
	return "ipv4"
}

func hasIPv6(ipAddressType string) bool { return strings.HasPrefix(ipAddressType, "dualstack") }

// loadBalancer makes the load balancer of a group, without its listeners.
func (b *builder) loadBalancer(all *merged) *lb.LoadBalancer {
	l := &lb.LoadBalancer{Key: all.key, Type: lb.Application, Scheme: all.scheme(b.opts.DefaultScheme), IPAddressType: all.ipAddressType(),
		Attributes: all.attributes, Tags: all.tags, Subnets: all.subnets, Listeners: []*lb.Listener{},
		CustomerOwnedIPv4Pool: all.said["customer-owned-ipv4-pool"], IPv4IPAMPool: all.said["ipam-ipv4-pool-id"]}
	var named bool // also by an empty name, which validation has a word about
	if l.Name, named = all.said["load-balancer-name"]; !named {
		l.Name = all.resourceName(digest(b.opts.ClusterName, all.key, l.Scheme))
	}
	l.MinimumCapacity, _ = strconv.Atoi(all.capacity[capacityUnits])
	if groups := splitList(all.said["security-groups"]); len(groups) > 0 {
		l.SecurityGroups, _ = b.opts.Inventory.securityGroups(groups)
		if all.said[manageGroups] == "true" {
			l.SecurityGroups = append(l.SecurityGroups, "shared-backend")
		}
	} else {
		l.InboundCIDRs = all.inbound(hasIPv6(l.IPAddressType))
	}
	b.webACL(all, l)
	return l
}

func (b *builder) webACL(all *merged, l *lb.LoadBalancer) {
	if acl, ok := all.said["wafv2-acl-name"]; ok {
		if l.WebACL = "none"; acl != "none" {
			l.WebACL, _ = b.opts.Inventory.webACL(acl)
		}
	} else if acl, ok := all.said["wafv2-acl-arn"]; ok {
		if l.WebACL = acl; acl == "" {
			l.WebACL = "none"
		}
	}
	l.WebACLClassic = all.said["waf-acl-id"]
	if shield, ok := all.said["shield-advanced-protection"]; ok {
		on := shield == "true"
		l.ShieldAdvanced = &on
	}
}
