package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/albatross-lb/albatross/internal/manifest"
	"github.com/albatross-lb/albatross/lb"
)

// check prints what manifests come to: what every listener, rule and target group
// will do, what is worth a word, and what is set aside and why. output is text or
// json. It returns the exit code: 1 if anything was set aside or could not be read.
func check(stdout, stderr io.Writer, output string, objects []manifest.Object, parseProblems []lb.Problem, cfg *lb.Config) int {
	setAside := slices.Clone(parseProblems)
	for _, p := range cfg.SetAside {
		if !slices.Contains(setAside, p) {
			setAside = append(setAside, p)
		}
	}
	var err error
	if output == "json" {
		err = checkJSON(stdout, cfg, setAside)
	} else {
		r := report{cfg: cfg, bound: boundGroups(cfg)}
		r.write(len(objects), setAside)
		_, err = io.WriteString(stdout, r.text.String())
	}
	if err != nil {
		fmt.Fprintf(stderr, "albatross: writing the result: %v\n", err)
		return 1
	}
	if len(setAside) > 0 {
		return 1
	}
	return 0
}

// checkJSON writes the normalised form that compatibility is compared in. An error
// stands under the object's namespace/name, or under the place it was read from.
func checkJSON(w io.Writer, cfg *lb.Config, setAside []lb.Problem) error {
	made := *cfg // a group that exists already is named by its ARN, and not made
	made.TargetGroups = maps.Clone(cfg.TargetGroups)
	maps.DeleteFunc(made.TargetGroups, func(_ string, g *lb.TargetGroup) bool { return g.ARNGiven != "" })
	result := struct {
		*lb.Config
		Errors map[string]string `json:"errors,omitempty"`
	}{&made, map[string]string{}}
	for _, p := range setAside {
		key := cmp.Or(strings.TrimPrefix(p.Origin.Namespace+"/"+p.Origin.Name, "/"), p.Origin.String())
		if p.Origin.Name == "" {
			key = p.Origin.String()
		}
		text := p.Text
		if p.Field != "" {
			text = p.Field + ": " + text
		}
		if before := result.Errors[key]; before != "" {
			text = before + "; " + text
		}
		result.Errors[key] = text
	}
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	return e.Encode(result)
}

// report is the text form under way.
type report struct {
	cfg   *lb.Config
	bound map[string]bool // target groups that some load balancer forwards to
	text  strings.Builder
}

func (r *report) write(objects int, setAside []lb.Problem) {
	for _, b := range r.cfg.LoadBalancers {
		r.loadBalancer(b)
	}
	var unbound []string
	for key := range r.cfg.TargetGroups {
		if !r.bound[key] {
			unbound = append(unbound, key)
		}
	}
	if slices.Sort(unbound); len(unbound) > 0 {
		r.text.WriteString("target groups that no rule forwards to\n")
		r.targetGroups(unbound)
		r.text.WriteString("\n")
	}
	if len(r.cfg.Ignored) > 0 {
		fmt.Fprintf(&r.text, "not ours to serve: %s\n\n", strings.Join(r.cfg.Ignored, ", "))
	}
	r.problems("warnings", r.cfg.Warnings)
	r.problems("notes", r.cfg.Notes)
	r.problems("set aside", setAside)
	counted := ""
	if objects > 0 {
		counted = plural(objects, "object") + ": "
	}
	fmt.Fprintf(&r.text, "%s%s, %s, %d set aside, %s\n", counted, plural(len(r.cfg.LoadBalancers), "load balancer"),
		plural(len(r.cfg.TargetGroups), "target group"), len(setAside), plural(len(r.cfg.Warnings), "warning"))
}

func plural(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return fmt.Sprintf("%d %ss", n, word)
}

func (r *report) loadBalancer(b *lb.LoadBalancer) {
	fmt.Fprintf(&r.text, "load balancer %s: %s, %s, %s; of %s", b.Name, b.Type, b.Scheme, b.IPAddressType, b.Key)
	if place := b.Origin.String(); place != "" {
		fmt.Fprintf(&r.text, " (%s)", place)
	}
	r.text.WriteString("\n")
	for _, key := range slices.Sorted(maps.Keys(b.Attributes)) {
		fmt.Fprintf(&r.text, "  %s = %s\n", key, b.Attributes[key])
	}
	var used []string
	for _, l := range b.Listeners {
		r.listener(l)
		for _, key := range groupsOf(l) {
			if !slices.Contains(used, key) {
				used = append(used, key)
			}
		}
	}
	if len(used) > 0 {
		r.text.WriteString("  target groups\n")
		r.targetGroups(used)
	}
	r.text.WriteString("\n")
}

func (r *report) listener(l *lb.Listener) {
	fmt.Fprintf(&r.text, "  listener %d %s", l.Port, l.Protocol)
	if l.Secure() {
		certificates := "no certificate"
		if len(l.Certificates) > 0 {
			certificates = "certificates " + strings.Join(l.Certificates, ", ")
		}
		fmt.Fprintf(&r.text, ", %s, %s", l.SSLPolicy, certificates)
	}
	if l.MutualAuthentication != nil {
		fmt.Fprintf(&r.text, ", client certificates: %s", l.MutualAuthentication.Mode)
	}
	r.text.WriteString("\n")
	for _, key := range slices.Sorted(maps.Keys(l.Attributes)) {
		fmt.Fprintf(&r.text, "    %s = %s\n", key, l.Attributes[key])
	}
	table := tabwriter.NewWriter(&r.text, 0, 4, 2, ' ', 0)
	for _, rule := range l.Rules {
		fmt.Fprintf(table, "    %d\t%s\t%s\n", rule.Priority, conditionsInWords(rule.Conditions), actionsInWords(rule.Actions, rule.Transforms))
	}
	if l.Protocol == lb.HTTP || l.Protocol == lb.HTTPS {
		fmt.Fprintf(table, "    default\tanything else\t%s\n", actionsInWords(l.DefaultActions, nil))
	} else {
		fmt.Fprintf(table, "    every flow\t%s\n", actionsInWords(l.DefaultActions, nil))
	}
	table.Flush()
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
		words = append(words, t.Type)
	}
	for _, a := range actions {
		words = append(words, a.String())
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
		fmt.Fprintf(&r.text, "    %s (%s): %s%s, %s targets, %s\n", key, g.Name, g.Protocol, version, g.TargetType, choiceInWords(g, attributes))
		if h := g.HealthCheck; h != nil {
			fmt.Fprintf(&r.text, "      health check %s\n", healthCheckInWords(h))
		}
		for _, name := range slices.Sorted(maps.Keys(g.Attributes)) {
			fmt.Fprintf(&r.text, "      %s = %s\n", name, g.Attributes[name])
		}
		if len(g.Targets) == 0 {
			r.text.WriteString("      no targets\n")
		}
		table := tabwriter.NewWriter(&r.text, 0, 4, 2, ' ', 0)
		for _, t := range g.Targets {
			state := ""
			if t.Draining {
				state = "draining"
			}
			fmt.Fprintln(table, strings.TrimRight(fmt.Sprintf("      %s\t%s\t%s\t%s", t.Addr, t.Name, t.Zone, state), "\t"))
		}
		table.Flush()
	}
}

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

func (r *report) problems(title string, problems []lb.Problem) {
	if len(problems) == 0 {
		return
	}
	lines := make([]string, len(problems))
	for i, p := range problems {
		lines[i] = p.String()
	}
	slices.Sort(lines)
	fmt.Fprintf(&r.text, "%s\n", title)
	for _, line := range slices.Compact(lines) {
		fmt.Fprintf(&r.text, "  %s\n", line)
	}
	r.text.WriteString("\n")
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
				if g.TargetGroup != "" && !slices.Contains(keys, g.TargetGroup) {
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

func boundGroups(cfg *lb.Config) map[string]bool {
	bound := map[string]bool{}
	for _, b := range cfg.LoadBalancers {
		for _, l := range b.Listeners {
			for _, key := range groupsOf(l) {
				bound[key] = true
			}
		}
	}
	return bound
}
