package main

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/albatross-lb/albatross/lb"
)

// report is the text form of a check under way.
type report struct {
	cfg       *lb.Config         // what is served
	balancers []*lb.LoadBalancer // with the listeners that are valid and not served all the same
	read      reader
	setAside  []lb.Problem
	width     int    // of a line, in columns; 0: any
	quiet     bool   // problems and the sum only
	only      string // key or name of the load balancer that is shown; "": all
	health    states // of a running albatross's targets; nil: not known

	served map[*lb.Listener]bool
	text   strings.Builder
}

// mostTargets bounds the targets that are listed of one group.
const mostTargets = 20

func (r *report) write(objects int) {
	if !r.quiet {
		r.loadBalancers()
	}
	if len(r.cfg.Ignored) > 0 {
		r.line(0, "not ours to serve: "+strings.Join(r.cfg.Ignored, ", "))
		r.text.WriteString("\n")
	}
	warnings, refused := split(r.cfg.Warnings)
	r.problems("warnings", warnings)
	r.problems("AWS would refuse", refused)
	r.problems("notes", r.cfg.Notes)
	r.problems("set aside", r.setAside)
	r.line(0, r.cfg.Summary(objects, r.setAside))
}

// split parts warnings of what AWS would refuse from the others.
func split(all []lb.Problem) (warnings, refused []lb.Problem) {
	for _, p := range all {
		if p.OfAWS() {
			refused = append(refused, p)
		} else {
			warnings = append(warnings, p)
		}
	}
	return warnings, refused
}

func plural(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return fmt.Sprintf("%d %ss", n, word)
}

func (r *report) loadBalancers() {
	found := r.only == ""
	r.served = map[*lb.Listener]bool{}
	for _, b := range r.cfg.LoadBalancers {
		for _, l := range b.Listeners {
			r.served[l] = true
		}
	}
	for _, b := range r.balancers {
		if r.only == "" || r.only == b.Key || r.only == b.Name {
			found = true
			r.loadBalancer(b)
		}
	}
	if !found {
		r.line(0, fmt.Sprintf("there is no load balancer %s; there are %s", r.only, strings.Join(r.names(), ", ")))
		r.text.WriteString("\n")
	}
	bound := boundGroups(r.balancers)
	unbound := slices.DeleteFunc(slices.Sorted(maps.Keys(r.cfg.TargetGroups)), func(key string) bool { return bound[key] })
	if len(unbound) > 0 && r.only == "" {
		r.line(0, "target groups that no rule forwards to")
		r.targetGroups(unbound)
		r.text.WriteString("\n")
	}
}

func (r *report) names() (all []string) {
	for _, b := range r.balancers {
		all = append(all, b.Name)
	}
	return all
}

func (r *report) loadBalancer(b *lb.LoadBalancer) {
	head := fmt.Sprintf("load balancer %s: %s, %s, %s; of %s", b.Name, b.Type, b.Scheme, b.IPAddressType, b.Key)
	if place := b.Origin.String(); place != "" {
		head += " (" + place + ")"
	}
	r.line(0, head)
	r.attributes(2, b.Attributes)
	if from := inbound(b); from != "" {
		r.line(2, "let in: "+from)
	}
	var used []string
	for _, l := range b.Listeners {
		r.listener(l)
		used = append(used, groupsOf(l)...)
	}
	if len(used) > 0 {
		r.line(2, "target groups")
		r.targetGroups(firstOfEach(used))
	}
	r.text.WriteString("\n")
}

func firstOfEach(keys []string) (kept []string) {
	seen := map[string]bool{}
	for _, key := range keys {
		if !seen[key] {
			seen[key] = true
			kept = append(kept, key)
		}
	}
	return kept
}

// inbound says who may connect where not everybody may.
func inbound(b *lb.LoadBalancer) string {
	if b.InboundCIDRs == nil {
		return ""
	}
	var from []string
	for _, c := range b.InboundCIDRs {
		if c.CIDR == "0.0.0.0/0" || c.CIDR == "::/0" {
			return ""
		}
		protocol := "" // that of a message of ICMP has no port
		switch {
		case strings.HasPrefix(c.Protocol, "icmp"):
			continue
		case c.Protocol != "":
			protocol = strings.ToUpper(c.Protocol) + " "
		}
		from = append(from, fmt.Sprintf("%s on %sport %d", cmp.Or(c.CIDR, c.PrefixList), protocol, c.Port))
	}
	return cmp.Or(strings.Join(from, ", "), "nobody")
}

func (r *report) attributes(indent int, attributes map[string]string) {
	for _, key := range slices.Sorted(maps.Keys(attributes)) {
		r.line(indent, key+" = "+attributes[key])
	}
}

func (r *report) listener(l *lb.Listener) {
	head := fmt.Sprintf("listener %d %s", l.Port, l.Protocol)
	if l.Secure() {
		certificates := "no certificate"
		if len(l.Certificates) > 0 {
			certificates = "certificates " + strings.Join(l.Certificates, ", ")
		}
		head += ", " + l.SSLPolicy + ", " + certificates
	}
	if m := l.MutualAuthentication; m != nil {
		head += ", client certificates: " + m.Mode
		if m.TrustStoreARN != "" {
			head += " by " + m.TrustStoreARN
		}
	}
	if !r.served[l] {
		head += "; not served"
	}
	r.line(2, head)
	r.attributes(4, l.Attributes)
	t := table{indent: 4}
	if l.Protocol != lb.HTTP && l.Protocol != lb.HTTPS {
		t.add("every flow", actionsInWords(l.DefaultActions, nil))
		r.text.WriteString(t.render(r.width))
		return
	}
	for _, rule := range l.Rules {
		t.add(fmt.Sprint(rule.Priority), conditionsInWords(rule.Conditions), actionsInWords(rule.Actions, rule.Transforms))
	}
	t.add("default", "anything else", actionsInWords(l.DefaultActions, nil))
	r.text.WriteString(t.render(r.width))
}

func conditionsInWords(conditions []lb.Condition) string {
	words := make([]string, len(conditions))
	for i, c := range conditions {
		words[i] = c.String()
	}
	return strings.Join(words, ", ")
}

func actionsInWords(actions []lb.Action, transforms []lb.Transform) string {
	var words []string
	for _, t := range transforms {
		words = append(words, t.String())
	}
	for i, a := range actions {
		if i == len(actions)-1 {
			words = append(words, a.String())
		} else { // who may pass is asked before anything is rewritten
			words = slices.Insert(words, i, a.String())
		}
	}
	return strings.Join(words, ", then ")
}

func (r *report) targetGroups(keys []string) {
	for _, key := range keys {
		g := r.cfg.TargetGroups[key]
		if g == nil {
			continue
		}
		attributes, _ := lb.ParseTargetGroupAttributes(g.Attributes)
		version := ""
		if g.ProtocolVersion != "" {
			version = " " + string(g.ProtocolVersion)
		}
		r.line(4, fmt.Sprintf("%s (%s): %s%s, %s targets, %s", key, g.Name, g.Protocol, version, g.TargetType, choiceInWords(g, attributes)))
		if h := g.HealthCheck; h != nil {
			r.line(6, "health check "+healthCheckInWords(h))
		}
		r.attributes(6, g.Attributes)
		r.targets(g)
	}
}

func (r *report) targets(g *lb.TargetGroup) {
	if len(g.Targets) == 0 {
		r.line(6, "no targets")
	}
	t := table{indent: 6}
	for _, target := range g.Targets[:min(len(g.Targets), mostTargets)] {
		t.add(target.Addr.String(), target.Name, target.Zone, r.state(g.Key, target))
	}
	r.text.WriteString(t.render(r.width))
	if more := len(g.Targets) - mostTargets; more > 0 {
		r.line(6, fmt.Sprintf("and %d more", more))
	}
}

// state is what is known of a target: its health, from a running albatross.
func (r *report) state(group string, t lb.Target) string {
	switch {
	case r.health != nil:
		return cmp.Or(r.health.of(group, t.Addr), "not registered")
	case t.Draining:
		return string(lb.Draining)
	}
	return ""
}

// states of targets by group and address.
type states map[string]map[netip.AddrPort]string

func (h states) of(group string, addr netip.AddrPort) string { return h[group][addr] }

// choiceInWords says how a target is chosen; flows of layer 4 know no algorithm but the hash.
func choiceInWords(g *lb.TargetGroup, a lb.TargetGroupAttributes) string {
	switch {
	case g.Protocol == lb.HTTP || g.Protocol == lb.HTTPS:
		return string(a.Algorithm)
	case g.TargetType == "alb":
		return fmt.Sprintf("the application load balancer's port %d", g.BehindPort)
	case a.KeepsClients():
		return "chosen by the client's address"
	}
	return "chosen by the flow's addresses and ports"
}

func healthCheckInWords(h *lb.HealthCheck) string {
	codes := ""
	if h.Matcher != nil {
		codes = ", expecting " + cmp.Or(h.Matcher.HTTPCode, "gRPC "+h.Matcher.GRPCCode)
	}
	return fmt.Sprintf("%s %s on %s every %d s, timeout %d s, healthy after %d, unhealthy after %d%s",
		h.Protocol, cmp.Or(h.Path, "connect"), h.Port, h.IntervalSeconds, h.TimeoutSeconds, h.HealthyThreshold, h.UnhealthyThreshold, codes)
}

// line writes one line, wrapped with its continuation two columns further in.
func (r *report) line(indent int, text string) {
	t := table{indent: indent, hang: 2}
	t.add(text)
	r.text.WriteString(t.render(r.width))
}

// groupsOf are the keys of the target groups that a listener forwards to, in the order of its rules.
func groupsOf(l *lb.Listener) []string {
	var keys []string
	add := func(actions []lb.Action) {
		for _, a := range actions {
			if a.Forward == nil {
				continue
			}
			for _, g := range a.Forward.TargetGroups {
				if g.TargetGroup != "" {
					keys = append(keys, g.TargetGroup)
				}
			}
		}
	}
	for _, rule := range l.Rules {
		add(rule.Actions)
	}
	add(l.DefaultActions)
	return keys
}

func boundGroups(balancers []*lb.LoadBalancer) map[string]bool {
	bound := map[string]bool{}
	for _, b := range balancers {
		for _, l := range b.Listeners {
			for _, key := range groupsOf(l) {
				bound[key] = true
			}
		}
	}
	return bound
}
