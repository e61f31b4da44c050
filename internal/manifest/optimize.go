package manifest

import (
	"slices"
	"strconv"

	"github.com/albatross-lb/albatross/lb"
)

// optimize drops the redirects of a listener that would lead back to themselves,
// and the rules behind a redirect that no request gets to. AWS's controller does
// so for the sake of an old way to redirect to HTTPS: one action for all
// listeners, which must do nothing on the HTTPS one. Values are compared as they
// are written: a wildcard covers nothing but itself.
func optimize(port int, protocol lb.Protocol, rules []**lb.Rule) []**lb.Rule {
	if !slices.ContainsFunc(rules, func(r **lb.Rule) bool { return redirectOf(*r) != nil }) {
		return rules
	}
	kept := make([]**lb.Rule, 0, len(rules))
	redirects := map[string][]scope{} // by the hosts they are for; "": for all
	for _, place := range rules {
		r := *place
		redirect := redirectOf(r)
		if redirect != nil && loops(port, protocol, r, redirect) {
			continue
		}
		s := scopeOf(r)
		before := redirects[""]
		if len(s.hosts) > 0 {
			before = slices.Concat(before, redirects[s.hosts[0]])
		}
		if slices.ContainsFunc(before, func(earlier scope) bool { return earlier.covers(s) }) {
			continue
		}
		kept = append(kept, place)
		if redirect == nil || s.more {
			continue
		}
		if len(s.hosts) == 0 {
			redirects[""] = append(redirects[""], s)
		}
		for _, host := range s.hosts {
			redirects[host] = append(redirects[host], s)
		}
	}
	return kept
}

// warnDropped warns of rules that optimize has left out of every listener. One that is left out
// of some is what its author wants: a redirect to HTTPS for all listeners.
func (b *builder) warnDropped(all *merged, balancer *lb.LoadBalancer) {
	type place struct {
		origin lb.Origin
		field  string
	}
	if !all.drops(balancer) {
		return
	}
	kept := map[place]bool{}
	for _, l := range balancer.Listeners {
		for _, r := range l.Rules {
			kept[place{r.Origin, r.Field}] = true
		}
	}
	for _, l := range balancer.Listeners {
		if all.redirects(l.Port) {
			continue
		}
		for _, m := range all.ports[l.Port].members {
			if m.plan == nil {
				continue
			}
			for _, r := range m.plan.rules(l.Port, l.Protocol) {
				if !kept[place{r.Origin, r.Field}] {
					b.warnOnce(r.Origin, r.Field, "this rule is left out, as AWS's controller does: it is a redirect that leads back to itself, or a redirect before it takes all of its requests")
				}
			}
		}
	}
}

// drops tells whether some listener has fewer rules than its members planned.
func (all *merged) drops(balancer *lb.LoadBalancer) bool {
	return slices.ContainsFunc(balancer.Listeners, func(l *lb.Listener) bool {
		planned := 0
		for _, m := range all.ports[l.Port].members {
			if m.plan != nil && !all.redirects(l.Port) {
				planned += len(m.plan.planned)
			}
		}
		return planned > len(l.Rules)
	})
}

func redirectOf(r *lb.Rule) *lb.Redirect {
	for _, a := range r.Actions {
		if a.Type == lb.RedirectAction {
			return a.Redirect
		}
	}
	return nil
}

// loops tells whether a redirect leads to where its own rule holds. Whatever the
// redirect leaves out stays as it was requested.
func loops(port int, protocol lb.Protocol, r *lb.Rule, redirect *lb.Redirect) bool {
	var hosts, paths []string
	for _, c := range r.Conditions {
		switch {
		case c.HostHeader != nil:
			hosts = append(hosts, c.HostHeader.Values...)
		case c.PathPattern != nil && len(c.PathPattern.RegexValues) > 0:
			return false
		case c.PathPattern != nil:
			paths = append(paths, c.PathPattern.Values...)
		}
	}
	stays := func(part *string, placeholder string, same ...string) bool {
		return part == nil || *part == placeholder || slices.Contains(same, *part)
	}
	return stays(redirect.Host, "#{host}", hosts...) &&
		stays(redirect.Path, "/#{path}", paths...) &&
		stays(redirect.Port, "#{port}", strconv.Itoa(port)) &&
		stays(redirect.Protocol, "#{protocol}", string(protocol)) &&
		stays(redirect.Query, "#{query}")
}

// scope is which requests a rule is for, as far as it is compared.
type scope struct {
	hosts, paths []string
	more         bool // there are other conditions
}

func scopeOf(r *lb.Rule) scope {
	var s scope
	for _, c := range r.Conditions {
		switch {
		case c.HostHeader != nil:
			s.hosts = append(s.hosts, c.HostHeader.Values...)
		case c.PathPattern != nil && len(c.PathPattern.RegexValues) > 0:
			s.paths = append(s.paths, c.PathPattern.RegexValues...)
		case c.PathPattern != nil:
			s.paths = append(s.paths, c.PathPattern.Values...)
		default:
			s.more = true
		}
	}
	return s
}

// covers tells whether a rule without other conditions holds whenever a later one does.
func (s scope) covers(later scope) bool {
	return within(later.hosts, s.hosts) && (slices.Contains(s.paths, "/*") || within(later.paths, s.paths))
}

// within: no values at all hold always.
func within(later, earlier []string) bool {
	if len(earlier) == 0 {
		return true
	}
	return len(later) > 0 && !slices.ContainsFunc(later, func(v string) bool { return !slices.Contains(earlier, v) })
}
