package match

import (
	"fmt"
	"testing"

	"github.com/albatross-lb/albatross/lb"
)

// shapes make n rules and a request for the rule i of them, or for none (i = -1).
var shapes = []struct {
	name    string
	rule    func(i int) *lb.Rule
	request func(i int) string
}{
	{"hosts", func(i int) *lb.Rule { return ruleOf(host(fmt.Sprintf("shop-%d.example.com", i)), path("/*")) },
		func(i int) string { return fmt.Sprintf("GET shop-%d.example.com/cart/items/12?x=y", i) }},
	{"paths", func(i int) *lb.Rule {
		return ruleOf(host("api.example.com"), path(fmt.Sprintf("/v1/service-%d", i), fmt.Sprintf("/v1/service-%d/*", i)))
	}, func(i int) string { return fmt.Sprintf("GET api.example.com/v1/service-%d/orders/12", i) }},
	{"exact", func(i int) *lb.Rule { return ruleOf(path(fmt.Sprintf("/v1/service-%d", i))) },
		func(i int) string { return fmt.Sprintf("GET api.example.com/v1/service-%d", i) }},
	{"wildhosts", func(i int) *lb.Rule { return ruleOf(host(fmt.Sprintf("*.team-%d.example.com", i)), path("/*")) },
		func(i int) string { return fmt.Sprintf("GET a.team-%d.example.com/cart/items/12", i) }},
	{"wildpaths", func(i int) *lb.Rule { return ruleOf(path(fmt.Sprintf("/api/*/service-%d", i))) },
		func(i int) string { return fmt.Sprintf("GET h.example.com/api/v1/service-%d", i) }},
	{"regexes", func(i int) *lb.Rule { return ruleOf(pathRegex(fmt.Sprintf("^/service-%d/[0-9]+$", i))) },
		func(i int) string { return fmt.Sprintf("GET h.example.com/service-%d/12", i) }},
}

func BenchmarkFind(b *testing.B) {
	for _, s := range shapes {
		for _, n := range []int{1, 10, 100, 1_000, 10_000} {
			rules := make([]*lb.Rule, n)
			for i := range rules {
				rules[i] = s.rule(i)
			}
			table := compile(b, rules...)
			for _, c := range []struct {
				name string
				i    int
			}{{"last", n - 1}, {"miss", -1}} {
				r := request(s.request(c.i))
				b.Run(fmt.Sprintf("%s/%s/%d", s.name, c.name, n), func(b *testing.B) {
					b.ReportAllocs()
					for b.Loop() {
						if table.Find(r) != c.i {
							b.Fatalf("found %d, want %d", table.Find(r), c.i)
						}
					}
				})
			}
		}
	}
}

// Many requests for different rules: nothing stays in the processor's caches.
func BenchmarkFindSpread(b *testing.B) {
	for _, s := range shapes[:4] {
		for _, n := range []int{10, 10_000} {
			rules, requests := make([]*lb.Rule, n), make([]*Request, n)
			for i := range rules {
				rules[i], requests[i*7919%n] = s.rule(i), request(s.request(i))
			}
			table := compile(b, rules...)
			b.Run(fmt.Sprintf("%s/%d", s.name, n), func(b *testing.B) {
				b.ReportAllocs()
				i := 0
				for b.Loop() {
					table.Find(requests[i])
					if i++; i == n {
						i = 0
					}
				}
			})
		}
	}
}

// A header condition that is looked at and a query that is folded.
func BenchmarkFindConditions(b *testing.B) {
	table := compile(b,
		ruleOf(path("/x/*"), header("X-Tenant", "a*"), method("GET")),
		ruleOf(path("/x/*"), query("version=v1"), source("10.0.0.0/8", "192.0.2.0/24")),
		ruleOf(path("/x/*")))
	r := request("GET h/x/y?a=b&version=v2&c=d")
	r.Headers = &fixedHeader{"X-Tenant", []byte("Beta")}
	b.ReportAllocs()
	for b.Loop() {
		if table.Find(r) != 2 {
			b.Fatal("wrong rule")
		}
	}
}

func BenchmarkCompile(b *testing.B) {
	for _, s := range shapes[:2] {
		rules := make([]*lb.Rule, 10_000)
		for i := range rules {
			rules[i] = s.rule(i)
		}
		b.Run(s.name+"/10000", func(b *testing.B) {
			for b.Loop() {
				Compile(rules)
			}
		})
	}
}
