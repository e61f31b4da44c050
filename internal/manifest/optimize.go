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
func optimize(port int, protocol lb.Protocol, rules []*lb.Rule) []*lb.Rule {
	kept := make([]*lb.Rule, 0, len(rules))
	var redirects []*lb.Rule
	for _, r := range rules {
		redirect := redirectOf(r)
		if redirect != nil && loops(port, protocol, r, redirect) {
			continue
		}
		if slices.ContainsFunc(redirects, func(before *lb.Rule) bool { return shadows(before, r) }) {
			continue
		}
		kept = append(kept, r)
		if redirect != nil {
			redirects = append(redirects, r)
		}
	}
	return kept
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

// shadows tells whether the conditions of an earlier rule hold whenever those of a later one do.
func shadows(earlier, later *lb.Rule) bool {
	for _, c := range earlier.Conditions {
		if c.HostHeader == nil && c.PathPattern == nil {
			return false
		}
	}
	hosts, paths := hostsAndPaths(earlier)
	laterHosts, laterPaths := hostsAndPaths(later)
	return covered(laterHosts, hosts) && (slices.Contains(paths, "/*") || covered(laterPaths, paths))
}

// covered: no values at all hold always.
func covered(later, earlier []string) bool {
	if len(earlier) == 0 {
		return true
	}
	return len(later) > 0 && !slices.ContainsFunc(later, func(v string) bool { return !slices.Contains(earlier, v) })
}

func hostsAndPaths(r *lb.Rule) (hosts, paths []string) {
	for _, c := range r.Conditions {
		switch {
		case c.HostHeader != nil:
			hosts = append(hosts, c.HostHeader.Values...)
		case c.PathPattern != nil && len(c.PathPattern.RegexValues) > 0:
			paths = append(paths, c.PathPattern.RegexValues...)
		case c.PathPattern != nil:
			paths = append(paths, c.PathPattern.Values...)
		}
	}
	return hosts, paths
}
