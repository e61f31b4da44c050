package match

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/albatross-lb/albatross/lb"
)

// headers are "name: value" lines.
type headers []string

func (h headers) Values(name string, yield func([]byte) bool) {
	for _, line := range h {
		n, v, _ := strings.Cut(line, ": ")
		if strings.EqualFold(n, name) && !yield([]byte(v)) {
			return
		}
	}
}

func host(v ...string) lb.Condition {
	return lb.Condition{Field: lb.HostHeader, HostHeader: &lb.ValuesConfig{Values: v}}
}
func hostRegex(v ...string) lb.Condition {
	return lb.Condition{Field: lb.HostHeader, HostHeader: &lb.ValuesConfig{RegexValues: v}}
}
func path(v ...string) lb.Condition {
	return lb.Condition{Field: lb.PathPattern, PathPattern: &lb.ValuesConfig{Values: v}}
}
func pathRegex(v ...string) lb.Condition {
	return lb.Condition{Field: lb.PathPattern, PathPattern: &lb.ValuesConfig{RegexValues: v}}
}
func header(name string, v ...string) lb.Condition {
	return lb.Condition{Field: lb.HTTPHeader, HTTPHeader: &lb.HTTPHeaderConfig{HTTPHeaderName: name, Values: v}}
}
func headerRegex(name string, v ...string) lb.Condition {
	return lb.Condition{Field: lb.HTTPHeader, HTTPHeader: &lb.HTTPHeaderConfig{HTTPHeaderName: name, RegexValues: v}}
}
func method(v ...string) lb.Condition {
	return lb.Condition{Field: lb.RequestMethod, HTTPRequestMethod: &lb.ValuesConfig{Values: v}}
}
func source(v ...string) lb.Condition {
	return lb.Condition{Field: lb.SourceIP, SourceIP: &lb.ValuesConfig{Values: v}}
}

// query takes "key=value" pairs; "=value" is a value without a key.
func query(v ...string) lb.Condition {
	c := &lb.QueryStringConfig{}
	for _, kv := range v {
		k, val, _ := strings.Cut(kv, "=")
		c.Values = append(c.Values, lb.KeyValue{Key: k, Value: val})
	}
	return lb.Condition{Field: lb.QueryString, QueryString: c}
}

func ruleOf(c ...lb.Condition) *lb.Rule { return &lb.Rule{Conditions: c} }

// request reads "METHOD host/path?query".
func request(s string, h ...string) *Request {
	m, url, _ := strings.Cut(s, " ")
	name, rest := url, ""
	if i := strings.IndexByte(url, '/'); i >= 0 {
		name, rest = url[:i], url[i:]
	}
	p, q, _ := strings.Cut(rest, "?")
	return &Request{Method: []byte(m), Host: []byte(name), Path: []byte(p), Query: []byte(q),
		Source: netip.MustParseAddr("192.0.2.7"), Headers: headers(h)}
}

func from(r *Request, addr string) *Request {
	r.Source = netip.MustParseAddr(addr)
	return r
}

func compile(t testing.TB, rules ...*lb.Rule) *Table {
	t.Helper()
	table, problems := Compile(rules)
	for _, p := range problems {
		t.Errorf("unexpected problem: %v", p)
	}
	return table
}

func TestConditions(t *testing.T) {
	long := strings.Repeat("a", maxHost+1)
	a70 := strings.Repeat("a", 70)
	for _, c := range []struct {
		condition lb.Condition
		request   *Request
		holds     bool
	}{
		{host("shop.example.com"), request("GET shop.example.com/"), true},
		{host("Shop.Example.COM"), request("GET sHOP.eXAMPLE.com:8080/"), true},
		{host("shop.example.com"), request("GET www.shop.example.com/"), false},
		{host("*.example.com"), request("GET test.example.com/"), true},
		{host("*.example.com"), request("GET a.b.example.com/"), true}, // unlike the Ingress standard
		{host("*.example.com"), request("GET example.com/"), false},
		{host("*example.com"), request("GET example.com/"), true},
		{host("???.example.com"), request("GET api.example.com/"), true},
		{host("???.example.com"), request("GET ap.example.com/"), false},
		{host("api-*.example.*"), request("GET api-1.example.org/"), true},
		{host("*"), request("GET /"), true},
		{host("*"), request("GET " + long + "/"), false},
		{host("[::1]"), request("GET [::1]:8080/"), true},
		{host("[::1]"), request("GET [::1]/"), true},
		{host("a.com", "b.com"), request("GET b.com/"), true},
		{hostRegex(`^(.*)\.example\.com$`), request("GET A.EXAMPLE.com:80/"), true},
		{hostRegex(`^(.*)\.example\.com$`), request("GET example.com/"), false},
		{hostRegex(`a|b\.com`), request("GET B.COM/"), true},

		{path("/predict"), request("GET h/predict"), true},
		{path("/predict"), request("GET h/Predict"), false},
		{path("/predict"), request("GET h/predict/"), false},
		{path("/predict"), request("GET h/predict?x=/other"), true},
		{path("/img/*"), request("GET h/img/"), true},
		{path("/img/*"), request("GET h/img/a/b"), true},
		{path("/img/*"), request("GET h/img"), false},
		{path("/img/*/pics"), request("GET h/img/a/b/pics"), true},
		{path("/img/*/pics"), request("GET h/img/pics"), false},
		{path("*.php"), request("GET h/a/b.php"), true},
		{path("/a?c"), request("GET h/abc"), true},
		{path("/a?c"), request("GET h/ac"), false},
		{path("/*a?c*d"), request("GET h/xxabxabcyyd"), true},
		{path("/*a?c*d"), request("GET h/xxabxabbyyd"), false},
		{path("/*" + a70 + "?c*"), request("GET h/xx" + a70 + "bcd"), true},
		{path("/*" + a70 + "?c*"), request("GET h/xxb" + a70[1:] + "bcd"), false},
		{path(`/a\*`), request(`GET h/a\b`), true}, // no escapes in paths
		{path(`/a\*`), request(`GET h/a*`), false},
		{path("/a%20b"), request("GET h/a%20b"), true},
		{pathRegex(`^\/api\/(.*)$`), request("GET h/api/x"), true},
		{pathRegex(`^\/api\/(.*)$`), request("GET h/API/x"), false},
		{pathRegex(`/v[0-9]+/`), request("GET h/api/v12/x"), true},
		{pathRegex(""), request("GET h/anything"), true},

		{header("User-Agent", "*Chrome*", "*Safari*"), request("GET h/", "user-agent: Mozilla CHROME/1"), true},
		{header("User-Agent", "*Chrome*"), request("GET h/", "User-Agent: curl"), false},
		{header("X-Tenant", "b"), request("GET h/", "X-Tenant: a", "X-Tenant: B"), true},
		{header("X-Tenant", "*"), request("GET h/"), false},
		{header("X-Tenant", `a\b`), request("GET h/", `X-Tenant: A\B`), true},
		{headerRegex("User-Agent", ".+"), request("GET h/", "User-Agent: x"), true},
		{headerRegex("User-Agent", "^curl/"), request("GET h/", "User-Agent: Curl/8"), true},

		{method("GET", "HEAD"), request("HEAD h/"), true},
		{method("get"), request("GET h/"), false},
		{method("*"), request("GET h/"), false},

		{query("version=v1", "=*example*"), request("GET h/?a=b&Version=V1"), true},
		{query("version=v1", "=*example*"), request("GET h/?a=myExamples"), true},
		{query("version=v1"), request("GET h/?aversion=v1"), false},
		{query("version=v1"), request("GET h/?version=v1x"), false},
		{query("v*=?"), request("GET h/?&&vv=1"), true},
		{query(`a=\*`), request("GET h/?a=*"), true},
		{query(`a=\*`), request("GET h/?a=b"), false},
		{query(`a=\?\\`), request(`GET h/?a=?\`), true},
		{query("a=b%20c"), request("GET h/?a=B%20C"), true},
		{query("a=b c"), request("GET h/?a=b%20c"), false}, // nothing is decoded
		{query("flag=*"), request("GET h/?flag"), true},
		{query("=*"), request("GET h/"), false},
		{query("a=b=c"), request("GET h/?a=b=c"), true},

		{source("192.0.2.0/24"), request("GET h/"), true},
		{source("198.51.100.0/24", "192.0.2.7/32"), request("GET h/"), true},
		{source("198.51.100.0/24"), request("GET h/", "X-Forwarded-For: 198.51.100.1"), false},
		{source("192.0.2.99/24"), request("GET h/"), true},
		{source("192.0.2.0/24"), from(request("GET h/"), "::ffff:192.0.2.1"), true},
		{source("::ffff:192.0.2.0/120"), request("GET h/"), true},
		{source("2001:db8::/32"), from(request("GET h/"), "2001:db8::1"), true},
		{source("fe80::/10"), from(request("GET h/"), "fe80::1%eth0"), true},
		{source("0.0.0.0/0"), from(request("GET h/"), "2001:db8::1"), false},
	} {
		table := compile(t, ruleOf(c.condition))
		if got := table.Find(c.request) == 0; got != c.holds {
			t.Errorf("%v for %s %s%s?%s %v: %v, want %v", c.condition, c.request.Method, c.request.Host,
				c.request.Path, c.request.Query, c.request.Headers, got, c.holds)
		}
	}
}

func TestFirstRuleWins(t *testing.T) {
	table := compile(t,
		ruleOf(host("a.com"), path("/x/*"), method("POST")),
		ruleOf(path("/x/y")),
		ruleOf(host("a.com"), path("/x/*")),
		ruleOf(host("*.com"), path("/z", "/z/*")),
		ruleOf(host("a.com")),
		ruleOf(),
		ruleOf(host("never.com")),
	)
	for _, c := range []struct {
		request string
		want    int
	}{
		{"POST a.com/x/y", 0}, {"GET a.com/x/y", 1}, {"GET a.com/x/z", 2}, {"GET a.com/z/1", 3},
		{"GET a.com/w", 4}, {"GET b.org/w", 5}, {"GET never.com/w", 5},
	} {
		if got := table.Find(request(c.request)); got != c.want {
			t.Errorf("%s: rule %d, want %d", c.request, got, c.want)
		}
	}
	if got := compile(t, ruleOf(path("/x"))).Find(request("GET h/y")); got != -1 {
		t.Errorf("no rule holds: %d, want -1", got)
	}
	if got := compile(t).Find(request("GET h/y")); got != -1 {
		t.Errorf("no rules: %d, want -1", got)
	}
}

func TestProblems(t *testing.T) {
	origin := lb.Origin{File: "x.yaml", Line: 3}
	for _, c := range []struct {
		condition lb.Condition
		text      string
	}{
		{pathRegex("("), "missing closing )"},
		{source("10.0.0.1"), "is not a CIDR"},
		{host(), "no values"},
		{lb.Condition{Field: lb.QueryString}, "no values"},
		{lb.Condition{Field: "host"}, "ALB knows host-header"},
		{header("", "x"), "names no header"},
		{lb.Condition{Field: lb.PathPattern, PathPattern: &lb.ValuesConfig{Values: []string{"/"}, RegexValues: []string{"/"}}}, "write one of them"},
		{path("/*" + strings.Repeat("a?", maxSegment) + "*"), "more than 128 characters"},
	} {
		bad := &lb.Rule{Conditions: []lb.Condition{c.condition}, Origin: origin, Field: "spec.rules[0]"}
		table, problems := Compile([]*lb.Rule{bad, ruleOf(path("/"))})
		if len(problems) != 1 || problems[0].Origin != origin || problems[0].Field != "spec.rules[0]" || !strings.Contains(problems[0].Text, c.text) {
			t.Errorf("%v: problems %v, want one with %q", c.condition, problems, c.text)
		}
		if got := table.Find(request("GET a/")); got != 1 {
			t.Errorf("%v: the other rule does not serve: %d", c.condition, got)
		}
		if v := table.Explain(request("GET a/")); !strings.Contains(v[0].Why, c.text) {
			t.Errorf("%v: Explain does not say so: %q", c.condition, v[0].Why)
		}
	}
}

// The index is worth its memory: of thousands of rules a request looks at a few.
func TestFewCandidates(t *testing.T) {
	for _, s := range shapes {
		const n = 2000
		rules := make([]*lb.Rule, n)
		for i := range rules {
			rules[i] = s.rule(i)
		}
		table := compile(t, rules...)
		for _, i := range []int{-1, 0, 1, 12, n / 2, n - 1} {
			if got := candidates(table, request(s.request(i))); got > 4 {
				t.Errorf("%s: request %d has %d candidates", s.name, i, got)
			}
		}
	}
}

// candidates counts the rules filed where Find looks.
func candidates(t *Table, r *Request) (n int) {
	var s subject
	s.ask(r)
	host, _ := s.folded.get()
	places := []*bucket{t.anyHost}
	if p, ok := t.hosts.whole(host); ok {
		places = append(places, p)
	}
	for _, hosts := range []*tree[*bucket]{t.hosts.starts, t.hosts.ends} {
		w := hosts.walk(host)
		for p, ok := w.next(); ok; p, ok = w.next() {
			places = append(places, p)
		}
	}
	for _, b := range places {
		p := b.paths
		rules, _ := p.whole(r.Path)
		n += len(rules)
		for _, paths := range []*tree[[]int32]{p.starts, p.ends} {
			w := paths.walk(r.Path)
			for rules, ok := w.next(); ok; rules, ok = w.next() {
				n += len(rules)
			}
		}
	}
	return n
}

func TestRuleOfManyValues(t *testing.T) {
	var hosts, targets []string
	for i := range 40 {
		hosts, targets = append(hosts, fmt.Sprintf("h%d.com", i)), append(targets, fmt.Sprintf("/p%d", i))
	}
	table := compile(t, ruleOf(host(hosts...), path(targets...)), ruleOf(host("h1.com")))
	for r, want := range map[string]int{"GET h39.com/p39": 0, "GET h1.com/q": 1, "GET h2.com/q": -1} {
		if got := table.Find(request(r)); got != want {
			t.Errorf("%s: %d, want %d", r, got, want)
		}
	}
	if got := candidates(table, request("GET h39.com/p39")); got != 1 {
		t.Errorf("%d candidates", got)
	}
}

func TestExplain(t *testing.T) {
	table := compile(t,
		ruleOf(host("shop.example.com"), path("/predict")),
		ruleOf(pathRegex("^/v1")),
		ruleOf(header("X-A", "b")),
		ruleOf(header("X-B", "b")),
		ruleOf(method("POST")),
		ruleOf(query("version=v1", "=x")),
		ruleOf(source("10.0.0.0/8", "fc00::/7")),
		ruleOf(host("*.com"), path("/docs", "/docs/*")),
		ruleOf(),
	)
	got := table.Explain(request("GET shop.example.com:80/docs/x?a=b", "X-A: 1\x01"))
	want := []string{
		"path /docs/x is not /predict",
		"path /docs/x does not match regex ^/v1",
		`header X-A "1\x01" is not b`,
		"header X-B (absent) is not b",
		"method GET is not POST",
		"query a=b has no version=v1 or x",
		"source address 192.0.2.7 is not in 10.0.0.0/8 or fc00::/7",
		"host shop.example.com is *.com, path /docs/x is /docs or /docs/*",
	}
	if len(got) != len(want) {
		t.Fatalf("%d verdicts, want %d", len(got), len(want))
	}
	for i, v := range got {
		if v.Why != want[i] || v.Index != i || v.Holds != (i == len(want)-1) {
			t.Errorf("rule %d: %q (holds %v), want %q", i, v.Why, v.Holds, want[i])
		}
	}
	if f := got[0].Failed.Field; f != lb.PathPattern {
		t.Errorf("failed condition is %s", f)
	}
}

func TestClaims(t *testing.T) {
	table := compile(t, ruleOf(host("a.com", "*.b.com")), ruleOf(hostRegex("^c[0-9]")), ruleOf(host("d-*"), path("/x")))
	for name, want := range map[string]bool{"A.com:80": true, "x.b.com": true, "b.com": false, "C1.org": true, "d-1.b": true, "e.com": false, "": false} {
		if got := table.Claims([]byte(name)); got != want {
			t.Errorf("Claims(%q) = %v", name, got)
		}
	}
	if table.HasAnyHost() || !compile(t, ruleOf(host("a.com")), ruleOf(path("/"))).HasAnyHost() {
		t.Error("HasAnyHost is wrong")
	}
}

// poolsForget is set where sync.Pool cannot be relied on to keep anything.
var poolsForget bool

func TestNoAllocations(t *testing.T) {
	if poolsForget {
		t.Skip("pools are not kept under the race detector")
	}
	table := compile(t,
		ruleOf(host("a.com"), path("/x/*"), header("X-Tenant", "b*"), query("a=b"), source("10.0.0.0/8")),
		ruleOf(host("*.com"), headerRegex("X-Tenant", "^c")),
		ruleOf(hostRegex("^c[0-9]"), pathRegex("^/x/[0-9]+$")),
		ruleOf(source("10.0.0.0/8"), path("/x/*z?z*/y")),
		ruleOf(host("z.com")),
	)
	r := from(request("GET a.com/x/12?c=d&e=f", "X-Tenant: bcd"), "::ffff:10.1.1.1")
	h := &fixedHeader{"X-Tenant", []byte("Bcd")}
	r.Headers = h
	name := []byte("A.com:80")
	if n := testing.AllocsPerRun(500, func() { table.Find(r); table.Claims(name) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

type fixedHeader struct {
	name  string
	value []byte
}

func (h *fixedHeader) Values(name string, yield func([]byte) bool) {
	if name == h.name {
		yield(h.value)
	}
}
