package manifest

import (
	"errors"
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

// frontCheck is one health check setting, and its default.
type frontCheck struct{ name, or string }

// frontChecks are the health check settings, with their defaults.
var frontChecks = []frontCheck{
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
			bad.add(m, add(m))
		}
	}
	if eips, ok := all.front.said["eip-allocations"]; ok {
		l := &lb.LoadBalancer{Scheme: all.frontScheme(b.opts.DefaultScheme), Subnets: splitList(all.front.said["subnets"].value)}
		bad.add(eips.by, checkEIPs(eips.by.notes, frontPrefix+"eip-allocations", splitList(eips.value), l))
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
	var errs []error
	for _, key := range []string{"scheme", "subnets", "security-groups", "eip-allocations"} {
		value, ok := m.notes.text(frontPrefix + key)
		if !ok {
			continue
		}
		if key == "scheme" && value != internal && value != internetFacing {
			errs = append(errs, m.notes.faultf(frontPrefix+key, "%q is not known; write %s or %s", value, internal, internetFacing))
			continue
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
			errs = append(errs, m.notes.faultf(frontPrefix+key, "conflicting %s: %q here, %q in Ingress %s of the same group", key, value, before.value, before.by.name))
		}
	}
	return errors.Join(errs...)
}

// addMaps: from the first member with attributes on, each has to have the same
// ones. Tags are the same wherever they are given.
func (f *front) addMaps(m *member) error {
	return errors.Join(f.addAttributes(m), f.addTags(m))
}

func (f *front) addAttributes(m *member) error {
	const annotation = frontPrefix + "attributes"
	attributes, ok, err := m.notes.pairs(annotation)
	if err != nil {
		return err
	}
	err = checkRoutingPolicy(m.notes, annotation, attributes)
	switch {
	case f.hasSome && (!ok || !maps.Equal(f.attributes, attributes)):
		return errors.Join(err, m.notes.faultf(annotation, "conflicting frontend NLB attributes: %s here, %s in an earlier Ingress of the same group; write the same in each", pairsInWords(attributes), pairsInWords(f.attributes)))
	case ok && err == nil:
		f.attributes, f.hasSome = attributes, true
	}
	return err
}

func (f *front) addTags(m *member) error {
	const annotation = frontPrefix + "tags"
	tags, ok, err := m.notes.pairs(annotation)
	switch {
	case err != nil || !ok:
		return err
	case f.tags != nil && !maps.Equal(f.tags, tags):
		return m.notes.faultf(annotation, "conflicting frontend NLB tags: %s here, %s in an earlier Ingress of the same group; write the same in each", pairsInWords(tags), pairsInWords(f.tags))
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
	var errs []error
	for _, from := range slices.Sorted(maps.Keys(raw)) {
		x, ok := parsePort(from)
		y, ok2 := parsePort(raw[from])
		if !ok || !ok2 {
			errs = append(errs, m.notes.faultf(annotation, "%s=%s: write port numbers, the NLB's = the ALB's", from, raw[from]))
			continue
		}
		mapping[x] = y
	}
	if len(errs) > 0 || m.words.ports == nil { // which listeners it has is not known, so look at all it says
		for _, c := range frontChecks {
			_, err := c.read(m.notes)
			errs = append(errs, err)
		}
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
		errs = append(errs, f.addPort(m, number, mapping[number]))
	}
	return errors.Join(errs...)
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
	var errs []error
	for _, c := range frontChecks {
		value, err := c.read(m.notes)
		if errs = append(errs, err); value == nil || err != nil {
			continue
		}
		// Success codes said by two members never agree in AWS's controller, even the same ones.
		before, ok := p.said[c.name]
		if ok && (before != *value || c.name == "success-codes") {
			errs = append(errs, m.notes.faultf(c.annotation(), "conflicting health check %s: %q here, %q in an earlier Ingress of the same group", c.name, *value, before))
			continue
		}
		p.said[c.name] = *value
	}
	return errors.Join(errs...)
}

func (c frontCheck) annotation() string { return frontPrefix + "healthcheck-" + c.name }

// read gives the value that a member says; nil if it says none.
func (c frontCheck) read(notes annotations) (*string, error) {
	value, ok := notes.text(c.annotation())
	if !ok {
		return nil, nil
	}
	switch c.name {
	case "path", "success-codes":
	case "protocol":
		if value != string(lb.HTTP) && value != string(lb.HTTPS) {
			return nil, notes.faultf(c.annotation(), "%q is not known; write HTTP or HTTPS", value)
		}
	case "port":
		if _, ok := parsePort(value); !ok && value != "traffic-port" {
			return nil, notes.faultf(c.annotation(), "%q is no port; write traffic-port or a number", value)
		}
	default:
		_, _, err := notes.integer(c.annotation(), 32)
		return &value, err
	}
	return &value, nil
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
