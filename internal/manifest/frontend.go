package manifest

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/albatross-lb/albatross/lb"
)

// front is the network load balancer that stands before an application load
// balancer when the group asks for it (enable-frontend-nlb).
type front struct {
	said       map[string]said
	attributes map[string]string
	hasSome    bool // attributes were given
	tags       map[string]string
	ports      map[int]*frontPort
}

// frontPort is one listener of it. Each setting of the health check may come from another member.
type frontPort struct {
	to   int
	said map[string]string
}

// frontChecks are the health check settings, with their defaults.
var frontChecks = []struct{ name, or string }{
	{"port", "traffic-port"}, {"protocol", "HTTP"}, {"path", "/"}, {"success-codes", "200"}, {"interval-seconds", "15"},
	{"timeout-seconds", "5"}, {"healthy-threshold-count", "2"}, {"unhealthy-threshold-count", "2"},
}

const frontPrefix = "frontend-nlb-"

// checkFrontend merges what the members say about it; all.front stays nil without it.
func (b *builder) checkFrontend(all *merged, bad faults) {
	if all.said["enable-frontend-nlb"] != "true" {
		return
	}
	all.front = &front{said: map[string]said{}, ports: map[int]*frontPort{}}
	for _, m := range all.members {
		for _, add := range []func(*member) error{b.frontGroups, all.front.addWords, all.front.addMaps, all.front.addPorts} {
			if err := add(m); err != nil && bad[m] == nil {
				bad[m] = err
			}
		}
	}
	if eips, ok := all.front.said["eip-allocations"]; ok {
		l := &lb.LoadBalancer{Scheme: all.frontScheme(b.opts.DefaultScheme), Subnets: splitList(all.front.said["subnets"].value)}
		if err := checkEIPs(eips.by.notes, frontPrefix+"eip-allocations", splitList(eips.value), l); err != nil {
			bad[eips.by] = err
		}
	}
}

// said is an exclusive setting and the member that said it first.
type said struct {
	value string
	by    *member
}

func (b *builder) frontGroups(m *member) error {
	list, _ := m.notes.list(frontPrefix + "security-groups")
	if _, missing := b.opts.Inventory.securityGroups(list); missing != "" {
		return m.notes.faultf(frontPrefix+"security-groups", "there is no security group %q", missing)
	}
	return nil
}

func (all *merged) frontScheme(or string) string {
	if s, ok := all.front.said["scheme"]; ok {
		return s.value
	}
	return or
}

// addWords settles what has one value in the group. Subnets and elastic addresses
// are the same in another order, security groups are not.
func (f *front) addWords(m *member) error {
	for _, key := range []string{"scheme", "subnets", "security-groups", "eip-allocations"} {
		value, ok := m.notes.text(frontPrefix + key)
		if !ok {
			continue
		}
		if key == "scheme" && value != internal && value != internetFacing {
			return m.notes.faultf(frontPrefix+key, "%q is not known; write %s or %s", value, internal, internetFacing)
		}
		before, ok := f.said[key]
		if !ok {
			f.said[key] = said{value, m}
			continue
		}
		x, y := splitList(before.value), splitList(value)
		if key == "subnets" || key == "eip-allocations" {
			slices.Sort(x)
			slices.Sort(y)
		}
		if !slices.Equal(x, y) {
			return m.notes.faultf(frontPrefix+key, "conflicting %s: %q here, %q in Ingress %s of the same group", key, value, before.value, before.by.name)
		}
	}
	return nil
}

// addMaps: from the first member with attributes on, each has to have the same
// ones. Tags are the same wherever they are given.
func (f *front) addMaps(m *member) error {
	attributes, ok, err := m.notes.pairs(frontPrefix + "attributes")
	if err != nil {
		return err
	}
	if err := checkRoutingPolicy(m.notes, frontPrefix+"attributes", attributes); err != nil {
		return err
	}
	if f.hasSome && (!ok || !maps.Equal(f.attributes, attributes)) {
		return m.notes.faultf(frontPrefix+"attributes", "conflicting frontend NLB attributes: %v here, %v in an earlier Ingress of the same group; write the same in each", attributes, f.attributes)
	}
	if ok {
		f.attributes, f.hasSome = attributes, true
	}
	tags, ok, err := m.notes.pairs(frontPrefix + "tags")
	if err != nil || !ok {
		return err
	}
	if f.tags != nil && !maps.Equal(f.tags, tags) {
		return m.notes.faultf(frontPrefix+"tags", "conflicting frontend NLB tags: %v here, %v in an earlier Ingress of the same group", tags, f.tags)
	}
	f.tags = tags
	return nil
}

// addPorts maps the listeners of one member: those of frontend-nlb-listener-port-mapping
// (NLB port = ALB port), or each to its own number.
func (f *front) addPorts(m *member) error {
	const annotation = frontPrefix + "listener-port-mapping"
	raw, _, err := m.notes.pairs(annotation)
	if err != nil {
		return err
	}
	mapping := map[int]int{}
	for from, to := range raw {
		x, ok := parsePort(from)
		y, ok2 := parsePort(to)
		if !ok || !ok2 {
			return m.notes.faultf(annotation, "%s=%s: write port numbers, the NLB's = the ALB's", from, to)
		}
		mapping[x] = y
	}
	if len(raw) == 0 {
		for number := range m.words.ports {
			mapping[number] = number
		}
	}
	for _, number := range slices.Sorted(maps.Keys(mapping)) {
		if _, listens := m.words.ports[mapping[number]]; !listens {
			continue
		}
		if err := f.addPort(m, number, mapping[number]); err != nil {
			return err
		}
	}
	return nil
}

func (f *front) addPort(m *member, number, to int) error {
	p := f.ports[number]
	if p == nil {
		p = &frontPort{to: to, said: map[string]string{}}
		f.ports[number] = p
	}
	if p.to != to {
		return m.notes.faultf(frontPrefix+"listener-port-mapping", "conflicting target port of %d: %d here, %d in an earlier Ingress of the same group", number, to, p.to)
	}
	for _, c := range frontChecks {
		annotation := frontPrefix + "healthcheck-" + c.name
		value, ok := m.notes.text(annotation)
		if !ok {
			continue
		}
		if err := checkFrontCheck(m.notes, annotation, c.name, value); err != nil {
			return err
		}
		// Success codes said by two members never agree in AWS's controller, even the same ones.
		before, ok := p.said[c.name]
		if ok && (before != value || c.name == "success-codes") {
			return m.notes.faultf(annotation, "conflicting health check %s: %q here, %q in an earlier Ingress of the same group", c.name, value, before)
		}
		p.said[c.name] = value
	}
	return nil
}

func checkFrontCheck(notes annotations, annotation, setting, value string) error {
	switch setting {
	case "path", "success-codes":
		return nil
	case "protocol":
		if value != string(lb.HTTP) && value != string(lb.HTTPS) {
			return notes.faultf(annotation, "%q is not known; write HTTP or HTTPS", value)
		}
		return nil
	case "port":
		if _, ok := parsePort(value); !ok && value != "traffic-port" {
			return notes.faultf(annotation, "%q is no port; write traffic-port or a number", value)
		}
		return nil
	}
	_, _, err := notes.integer(annotation, 32)
	return err
}

// frontend makes the network load balancer before an application load balancer,
// with a target group of target type alb for each listener.
func (b *builder) frontend(all *merged, behind *lb.LoadBalancer) *lb.LoadBalancer {
	f := all.front
	if f == nil {
		return nil
	}
	l := &lb.LoadBalancer{Key: all.key, Type: lb.Network, Name: behind.Name[:min(len(behind.Name), 28)] + "-nlb",
		Scheme: all.frontScheme(b.opts.DefaultScheme), IPAddressType: behind.IPAddressType, Origin: behind.Origin,
		Attributes: over(f.attributes, map[string]string{}), Tags: behind.Tags, Listeners: []*lb.Listener{},
		SecurityGroups: behind.SecurityGroups, InboundCIDRs: behind.InboundCIDRs,
		Subnets: splitList(f.said["subnets"].value), EIPAllocations: splitList(f.said["eip-allocations"].value)}
	if f.tags != nil {
		l.Tags = f.tags
	}
	if list := splitList(f.said["security-groups"].value); len(list) > 0 {
		l.InboundCIDRs = nil
		l.SecurityGroups, _ = b.opts.Inventory.securityGroups(list)
	}
	for _, number := range slices.Sorted(maps.Keys(f.ports)) {
		g := b.frontTargets(all, l, number, f.ports[number])
		l.Listeners = append(l.Listeners, &lb.Listener{Port: number, Protocol: lb.TCP, Tags: l.Tags, Rules: []*lb.Rule{}, Origin: l.Origin,
			DefaultActions: []lb.Action{{Type: lb.ForwardAction, Forward: &lb.Forward{TargetGroups: []lb.WeightedTargetGroup{{TargetGroup: g.Key}}}}}})
	}
	return l
}

func (b *builder) frontTargets(all *merged, l *lb.LoadBalancer, number int, p *frontPort) *lb.TargetGroup {
	value := map[string]string{}
	for _, c := range frontChecks {
		if value[c.name] = c.or; p.said[c.name] != "" {
			value[c.name] = p.said[c.name]
		}
	}
	h := &lb.HealthCheck{Protocol: lb.Protocol(value["protocol"]), Path: value["path"], Matcher: &lb.Matcher{HTTPCode: value["success-codes"]}}
	if port, ok := parsePort(value["port"]); ok {
		h.Port = lb.HealthCheckPort(port)
	}
	h.IntervalSeconds, _ = strconv.Atoi(value["interval-seconds"])
	h.TimeoutSeconds, _ = strconv.Atoi(value["timeout-seconds"])
	h.HealthyThreshold, _ = strconv.Atoi(value["healthy-threshold-count"])
	h.UnhealthyThreshold, _ = strconv.Atoi(value["unhealthy-threshold-count"])
	key := fmt.Sprintf("FrontendNlb-tg-TCP-%d", number)
	if b.now.volatile = true; b.whole.TargetGroups[key] != nil { // of another group, whichever was first
		key = strings.Join([]string{all.key, key}, "/")
	}
	g := &lb.TargetGroup{Key: key, TargetType: "alb", Port: number, BehindPort: p.to, Protocol: lb.TCP, IPAddressType: "ipv4", HealthCheck: h,
		Attributes: map[string]string{}, Tags: l.Tags, Origin: l.Origin,
		Name: all.resourceName(digest(b.opts.ClusterName, all.key, strconv.Itoa(number), "alb", "TCP", h.Port.String(), string(h.Protocol)))}
	b.cfg.TargetGroups[key] = g
	return g
}
