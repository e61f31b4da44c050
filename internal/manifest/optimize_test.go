package manifest

import (
	"fmt"
	"testing"

	"github.com/albatross-lb/albatross/lb"
)

func ruleFor(action lb.Action, hosts, paths []string) *lb.Rule {
	r := &lb.Rule{Actions: []lb.Action{action}}
	if hosts != nil {
		r.Conditions = append(r.Conditions, lb.Condition{Field: lb.HostHeader, HostHeader: &lb.ValuesConfig{Values: hosts}})
	}
	if paths != nil {
		r.Conditions = append(r.Conditions, lb.Condition{Field: lb.PathPattern, PathPattern: &lb.ValuesConfig{Values: paths}})
	}
	return r
}

func TestOptimize(t *testing.T) {
	text := func(s string) *string { return &s }
	redirect := func(r lb.Redirect) lb.Action { return lb.Action{Type: lb.RedirectAction, Redirect: &r} }
	toHTTPS := redirect(lb.Redirect{Protocol: text("HTTPS"), Port: text("443"), StatusCode: "HTTP_301"})
	fixed := lb.Action{Type: lb.FixedResponseAction, FixedResponse: &lb.FixedResponse{StatusCode: "200"}}
	one := func(a string) []string { return []string{a} }
	method := ruleFor(toHTTPS, nil, one("/*"))
	method.Conditions = append(method.Conditions, lb.Condition{Field: lb.RequestMethod, HTTPRequestMethod: &lb.ValuesConfig{Values: one("GET")}})
	for _, c := range []struct {
		name     string
		port     int
		protocol lb.Protocol
		rules    []*lb.Rule
		want     []int
	}{
		{"loops on its own listener", 443, lb.HTTPS, []*lb.Rule{ruleFor(toHTTPS, nil, one("/*")), ruleFor(fixed, nil, one("/a"))}, []int{1}},
		{"shadows all behind it", 80, lb.HTTP, []*lb.Rule{ruleFor(toHTTPS, nil, one("/*")), ruleFor(fixed, one("a"), one("/a"))}, []int{0}},
		{"another port is no loop", 8443, lb.HTTPS, []*lb.Rule{ruleFor(toHTTPS, one("a"), one("/*")), ruleFor(fixed, one("b"), one("/a"))}, []int{0, 1}},
		{"same host only", 80, lb.HTTP, []*lb.Rule{ruleFor(toHTTPS, one("a"), nil), ruleFor(fixed, one("a"), one("/x")), ruleFor(fixed, []string{"a", "b"}, nil), ruleFor(fixed, nil, one("/x"))}, []int{0, 2, 3}},
		{"wildcards are literal", 80, lb.HTTP, []*lb.Rule{ruleFor(toHTTPS, one("*.example.com"), nil), ruleFor(fixed, one("a.example.com"), nil)}, []int{0, 1}},
		{"other conditions shadow nothing", 80, lb.HTTP, []*lb.Rule{method, ruleFor(fixed, nil, one("/a"))}, []int{0, 1}},
		{"a host of its own is a loop", 80, lb.HTTP, []*lb.Rule{ruleFor(redirect(lb.Redirect{Host: text("b")}), []string{"a", "b"}, nil)}, nil},
		{"another query is none", 80, lb.HTTP, []*lb.Rule{ruleFor(redirect(lb.Redirect{Query: text("x=1")}), one("a"), nil)}, []int{0}},
		{"placeholders stay", 80, lb.HTTP, []*lb.Rule{ruleFor(redirect(lb.Redirect{Host: text("#{host}"), Path: text("/#{path}"), Port: text("#{port}"), Protocol: text("#{protocol}"), Query: text("#{query}")}), one("a"), nil)}, nil},
		{"only redirects shadow", 80, lb.HTTP, []*lb.Rule{ruleFor(fixed, nil, one("/*")), ruleFor(fixed, nil, one("/a"))}, []int{0, 1}},
	} {
		got := optimize(c.port, c.protocol, places(c.rules))
		var kept []int
		for _, r := range got {
			for i := range c.rules {
				if c.rules[i] == *r {
					kept = append(kept, i)
				}
			}
		}
		if fmt.Sprint(kept) != fmt.Sprint(c.want) {
			t.Errorf("%s: %v are kept, want %v", c.name, kept, c.want)
		}
	}
}

func places(rules []*lb.Rule) []**lb.Rule {
	all := make([]**lb.Rule, len(rules))
	for i := range rules {
		all[i] = &rules[i]
	}
	return all
}

// BenchmarkOptimize: redirects of different hosts are compared by host, so that ten
// times as many rules cost about ten times as much.
func BenchmarkOptimize(b *testing.B) {
	to := "elsewhere.example.com"
	for _, n := range []int{1000, 10_000} {
		var rules []*lb.Rule
		for i := range n {
			rules = append(rules, ruleFor(lb.Action{Type: lb.RedirectAction, Redirect: &lb.Redirect{Host: &to}}, []string{fmt.Sprint(i)}, []string{"/*"}))
		}
		b.Run(fmt.Sprintf("redirects=%d", n), func(b *testing.B) {
			for b.Loop() {
				if got := optimize(80, lb.HTTP, places(rules)); len(got) != n {
					b.Fatalf("%d rules are left", len(got))
				}
			}
		})
	}
}
