package lb

import (
	"fmt"
	"maps"
	"net/netip"
	"regexp"
	"slices"
	"strings"
)

// Validate checks a whole Config and leaves only what can be served. Load balancers and
// target groups that cannot stay as they are it replaces by others, and writes to none.
//
// What cannot be served is taken out and named in SetAside: its origin, its field,
// what is wrong and what to write instead. One mistake takes nothing else with it: a
// bad rule leaves its listener, a bad listener its load balancer. Three things do
// follow. A rule that uses a target group set aside is set aside too. A rule that
// asks for authentication is not taken out when its actions are impossible, since its
// requests would then fall to the next rule unauthenticated: it answers 503. And a
// default action that is impossible is replaced by a fixed 503, so that the listener's
// other rules go on.
//
// What AWS would refuse and what can be served all the same (a weight of 5000, a page
// of two kilobytes, a sixth condition value) stays as written and is named in Warnings.
// Numbers that nothing can be done with, such as a health check every 0 seconds, are
// replaced by their default, also with a warning.
//
// Afterwards: every forward names existing target groups or ARNs, ports are 1-65535
// and unique in a load balancer, priorities are positive, unique and ascending in a
// listener, every action carries the config of its type, regular expressions compile,
// CIDRs and health check numbers are usable. Certificates and security policies are
// not looked at here.
//
// Validate may be called again on its own result and then finds nothing new.
func Validate(cfg *Config) { new(Validator).Validate(cfg) }

// validation is a Validate under way.
type validation struct {
	cfg  *Config
	said map[Problem]bool // problems listed already
	gone map[string]bool  // keys of target groups set aside here

	old, now Validator       // what is remembered of the last time, and what will be the next time
	trace    []saying        // what is said of the group or load balancer that is looked at
	touched  map[string]bool // keys of target groups that are not as the last time
	changed  map[string]bool // and those of which rules have to know: there or not, of one layer or the other
}

func (v *validation) setAside(o Origin, field, format string, args ...any) {
	v.say(saying{true, Problem{o, field, fmt.Sprintf(format, args...)}})
}

func (v *validation) warn(o Origin, field, format string, args ...any) {
	v.say(saying{false, Problem{o, field, fmt.Sprintf(format, args...)}})
}

func (v *validation) say(s saying) {
	v.trace = append(v.trace, s)
	if v.said[s.Problem] {
		return
	}
	v.said[s.Problem] = true
	if s.setAside {
		v.cfg.SetAside = append(v.cfg.SetAside, s.Problem)
	} else {
		v.cfg.Warnings = append(v.cfg.Warnings, s.Problem)
	}
}

func (v *validation) attributes(o Origin, errs []AttributeError) {
	for _, e := range errs {
		v.warn(o, "attributes["+e.Key+"]", "value %q is not used, the default stands in: %s", e.Value, e.Text)
	}
}

func (v *validation) loadBalancers() {
	kept, keys := make([]*LoadBalancer, 0, len(v.cfg.LoadBalancers)), map[identity]Origin{}
	for _, b := range v.cfg.LoadBalancers {
		if b == nil {
			continue
		}
		if first, taken := keys[b.identity()]; taken {
			v.setAside(b.Origin, "", "load balancer %s is defined already%s; write it once", b.Key, inPlace(first))
			continue
		}
		if b.Type != Application && b.Type != Network {
			v.setAside(b.Origin, "", "load balancer %s has type %q; write application or network", b.Key, b.Type)
			continue
		}
		keys[b.identity()] = b.Origin
		kept = append(kept, v.judge(b))
	}
	v.cfg.LoadBalancers = kept
}

// identity of a load balancer: a group may have one of each type (a frontend NLB
// carries the key of the ALB behind it).
type identity struct {
	kind LoadBalancerType
	key  string
}

func (b *LoadBalancer) identity() identity { return identity{b.Type, b.Key} }

func inPlace(o Origin) string {
	if s := o.String(); s != "" {
		return " at " + s
	}
	return ""
}

// awsName is what elbv2 takes for the name of a load balancer or target group.
var awsName = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9-]{0,30}[A-Za-z0-9])?$`)

// loadBalancer looks at b, which is a clone of its own.
func (v *validation) loadBalancer(b *LoadBalancer, own *judgedBalancer) {
	if !awsName.MatchString(b.Name) || strings.HasPrefix(b.Name, "internal-") {
		v.warn(b.Origin, "", "AWS refuses the load balancer name %q; write 1 to 32 letters, digits and hyphens, no hyphen at the ends, not starting with internal-", b.Name)
	}
	a, errs := ParseLoadBalancerAttributes(b.Attributes)
	v.attributes(b.Origin, errs)
	v.ofLayer(b.Origin, b.Attributes, b.Type == Application)
	if key := "load_balancing.cross_zone.enabled"; b.Type == Application && b.Attributes[key] != "" && !a.CrossZone {
		v.warn(b.Origin, "attributes["+key+"]", "an application load balancer always balances across zones, and AWS refuses false; write it in target-group-attributes")
	}
	v.inboundCIDRs(b)
	kept := make([]*Listener, 0, len(b.Listeners))
	for _, l := range b.Listeners {
		if l != nil && v.listenerFits(b, l, kept) {
			v.listener(b, l, own)
			kept = append(kept, l)
		}
	}
	if len(kept) == 0 {
		v.warn(b.Origin, "", "load balancer %s has no listener left and serves nothing", b.Key)
	}
	b.Listeners = kept
	order(b.Listeners, func(x, y *Listener) int { return x.Port - y.Port })
	own.collectGroups(b)
	v.quotas(b, own.groups)
}

// inboundCIDRs drops ranges that cannot be read. None left means that nobody may
// connect, so a mistake closes and never opens.
func (v *validation) inboundCIDRs(b *LoadBalancer) {
	kept := make([]InboundCIDR, 0, len(b.InboundCIDRs))
	for _, c := range b.InboundCIDRs {
		if c.CIDR != "" {
			if _, err := netip.ParsePrefix(c.CIDR); err != nil {
				v.setAside(b.Origin, "inbound-cidrs", "%q is no range of addresses; write one such as 10.0.0.0/8 or 2001:db8::/32", c.CIDR)
				continue
			}
		}
		kept = append(kept, c)
	}
	if len(kept) < len(b.InboundCIDRs) {
		b.InboundCIDRs = kept
	}
}

// listenerFits tells whether l can be a listener of b next to those that came before it.
func (v *validation) listenerFits(b *LoadBalancer, l *Listener, before []*Listener) bool {
	if l.Port < 1 || l.Port > 65535 {
		v.setAside(l.Origin, "", "a listener has port %d; write a port from 1 to 65535", l.Port)
		return false
	}
	allowed := []Protocol{HTTP, HTTPS}
	if b.Type == Network {
		allowed = []Protocol{TCP, UDP, TLS, TCPUDP}
	}
	if !slices.Contains(allowed, l.Protocol) {
		v.setAside(l.Origin, "", "the listener on port %d has protocol %q; %s load balancer takes %s", l.Port, l.Protocol, WithArticle(string(b.Type)), join(allowed))
		return false
	}
	for _, first := range before {
		if first.meets(l) {
			v.setAside(l.Origin, "", "port %d of load balancer %s has a listener for %s already%s; write another port for %s",
				l.Port, b.Key, first.Protocol, inPlace(first.Origin), l.Protocol)
			return false
		}
	}
	if m := l.MutualAuthentication; m != nil {
		if text := mutualAuthenticationFault(m, l); text != "" {
			v.setAside(l.Origin, "mutual-authentication", "%s; the listener on port %d is not served, since it would let in clients that it should not", text, l.Port)
			return false
		}
	}
	return true
}

func mutualAuthenticationFault(m *MutualAuthentication, l *Listener) string {
	switch {
	case m.Mode != "off" && m.Mode != "passthrough" && m.Mode != "verify":
		return fmt.Sprintf("mode is %q; write off, passthrough or verify", m.Mode)
	case m.Mode == "verify" && m.TrustStoreARN == "":
		return "mode verify needs a trust store; write trustStore"
	case m.Mode != "off" && !l.Secure():
		return fmt.Sprintf("mode %s needs a listener with TLS, and this one speaks %s", m.Mode, l.Protocol)
	}
	return ""
}

func (v *validation) listener(b *LoadBalancer, l *Listener, own *judgedBalancer) {
	_, errs := ParseListenerAttributes(l.Attributes)
	v.attributes(l.Origin, errs)
	v.ofLayer(l.Origin, l.Attributes, b.Type == Application)
	asked := len(l.Rules)
	defaultHolds := v.defaultActions(b, l)
	v.rules(b, l, own)
	if asked > 0 && len(l.Rules) == 0 && !defaultHolds {
		v.warn(l.Origin, "", "nothing is left of listener %s:%d: its default action and all of its rules (%d) are set aside, and every request is answered 503", l.Protocol, l.Port, asked)
	}
}

// defaultActions tells whether the listener's own default actions can be served.
func (v *validation) defaultActions(b *LoadBalancer, l *Listener) bool {
	const field = "defaultActions"
	if len(l.DefaultActions) == 0 {
		v.warn(l.Origin, field, "listener %s:%d has no default action; requests that no rule takes are answered 404", l.Protocol, l.Port)
		l.DefaultActions = answer("404")
		return true
	}
	if faults := v.actionsFaults(b, l, l.DefaultActions); len(faults) > 0 {
		for _, fault := range faults {
			v.setAside(l.Origin, field, "%s; until then requests that no rule takes are answered 503", fault)
		}
		l.DefaultActions = unavailable()
		return false
	}
	v.actionWarnings(l.Origin, field, l.DefaultActions)
	return true
}

// rules leaves the rules of l that can be served, by priority. Of one that was looked at
// before, what was said of it is said again.
func (v *validation) rules(b *LoadBalancer, l *Listener, own *judgedBalancer) {
	byPriority := func(x, y *Rule) int { return x.Priority - y.Priority }
	if !slices.IsSortedFunc(l.Rules, byPriority) {
		l.Rules = slices.Clone(l.Rules)
		slices.SortStableFunc(l.Rules, byPriority)
	}
	before := v.old.listener(b, l)
	now := &judgedListener{protocol: l.Protocol, rules: l.Rules, said: map[int][]saying{}, faulty: map[int]bool{}}
	own.listeners[l.place()] = now
	earlier := Earlier(before.rules, l.Rules)
	kept := make([]*Rule, 0, len(l.Rules))
	for i, r := range l.Rules {
		if n := len(kept); n > 0 && kept[n-1].Priority == r.Priority {
			v.setAside(r.Origin, r.field(), "priority %d of listener %s:%d is taken already%s; write another one", r.Priority, l.Protocol, l.Port, inPlace(kept[n-1].Origin))
			now.faulty[i] = true
			continue
		}
		said := len(v.trace)
		if at := earlier.Of(i); at >= 0 && !before.faulty[at] && (r.Field != "" || len(before.said[at]) == 0) && firstOf(v.changed, r.Actions) == "" {
			v.repeat(before.said[at])
			kept = append(kept, r)
		} else if judged := v.rule(b, l, r); judged != r {
			now.faulty[i] = true
			if judged != nil {
				kept = append(kept, judged)
			}
		} else {
			kept = append(kept, r)
		}
		if said < len(v.trace) {
			now.said[i] = slices.Clone(v.trace[said:])
		}
	}
	if len(now.faulty) > 0 {
		l.Rules = kept
	}
}

// rule is r, or what is served in its place, or nil.
func (v *validation) rule(b *LoadBalancer, l *Listener, r *Rule) *Rule {
	field := r.field()
	matching := matchFaults(r)
	others := append(v.actionsFaults(b, l, r.Actions), transformsFaults(r.Transforms)...)
	closing := len(matching) == 0 && guarded(r.Actions)
	for _, fault := range append(matching, others...) {
		if closing {
			fault += "; until then its requests are answered 503, so that none passes without authentication"
		}
		v.setAside(r.Origin, field, "%s", fault)
	}
	switch {
	case len(others) > 0 && closing:
		return r.closed()
	case len(matching)+len(others) > 0:
		return nil
	}
	v.conditionWarnings(r)
	v.actionWarnings(r.Origin, field, r.Actions)
	return r
}

// matchFaults says why it cannot be told which requests r is for.
func matchFaults(r *Rule) (all faults) {
	if r.Priority < 1 {
		all.addf("priority is %d; write a priority of 1 or more", r.Priority)
	}
	if len(r.Conditions) == 0 {
		all.addf("a rule without conditions would take every request; write the default action instead, or the path /*")
	}
	for _, c := range r.Conditions {
		all = append(all, conditionFaults(c)...)
	}
	return all
}

// faults are all that is wrong with something, each with what to write instead.
type faults []string

func (f *faults) addf(format string, args ...any) { *f = append(*f, fmt.Sprintf(format, args...)) }

// field is where the rule was written, or else which one it is.
func (r *Rule) field() string {
	if r.Field != "" {
		return r.Field
	}
	return fmt.Sprintf("rules[priority %d]", r.Priority)
}

// guarded tells whether actions let only some clients pass.
func guarded(actions []Action) bool {
	return slices.ContainsFunc(actions, func(a Action) bool {
		return a.Type == AuthenticateOIDC || a.Type == AuthenticateCognito || a.Type == JWTValidation
	})
}

// closed is r answering 503.
func (r *Rule) closed() *Rule {
	own := *r
	own.Actions, own.Transforms = unavailable(), nil
	return &own
}

func unavailable() []Action { return answer("503") }

func answer(status string) []Action {
	contentType := "text/plain"
	return []Action{{Type: FixedResponseAction, FixedResponse: &FixedResponse{ContentType: &contentType, StatusCode: status}}}
}

func join[S ~string](words []S) string {
	var b strings.Builder
	for i, w := range words {
		switch {
		case i > 0 && i == len(words)-1:
			b.WriteString(" or ")
		case i > 0:
			b.WriteString(", ")
		}
		b.WriteString(string(w))
	}
	return b.String()
}

// sortedKeys of a map, for problems in the same order every time.
func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
