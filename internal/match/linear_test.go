package match

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/albatross-lb/albatross/lb"
)

// linear is the meaning of a table, written down as plainly as possible: every rule in
// turn, every condition in turn, no index, another wildcard matcher.
func linear(rules []*lb.Rule, r *Request) int {
	for i, rule := range rules {
		holds := true
		for _, c := range rule.Conditions {
			holds = holds && linearCondition(c, r)
		}
		if holds {
			return i
		}
	}
	return -1
}

func linearCondition(c lb.Condition, r *Request) bool {
	switch c.Field {
	case lb.HostHeader:
		name := linearHost(string(r.Host))
		if len(name) > 255 {
			return false
		}
		return anyGlob(c.HostHeader.Values, name, true, false) || linearRegex("(?i)", c.HostHeader.RegexValues, name)
	case lb.PathPattern:
		return anyGlob(c.PathPattern.Values, string(r.Path), false, false) ||
			linearRegex("", c.PathPattern.RegexValues, string(r.Path))
	case lb.HTTPHeader:
		holds := false
		r.Headers.Values(c.HTTPHeader.HTTPHeaderName, func(v []byte) bool {
			holds = holds || anyGlob(c.HTTPHeader.Values, string(v), true, false) ||
				linearRegex("(?i)", c.HTTPHeader.RegexValues, string(v))
			return true
		})
		return holds
	case lb.RequestMethod:
		for _, m := range c.HTTPRequestMethod.Values {
			if m == string(r.Method) {
				return true
			}
		}
	case lb.QueryString:
		for _, pair := range strings.Split(string(r.Query), "&") {
			key, value, _ := strings.Cut(pair, "=")
			for _, kv := range c.QueryString.Values {
				if pair != "" && (kv.Key == "" || anyGlob([]string{kv.Key}, key, true, true)) &&
					anyGlob([]string{kv.Value}, value, true, true) {
					return true
				}
			}
		}
	case lb.SourceIP:
		for _, v := range c.SourceIP.Values {
			if netip.MustParsePrefix(v).Contains(r.Source.Unmap()) {
				return true
			}
		}
	}
	return false
}

func linearHost(h string) string {
	if i := strings.LastIndex(h, ":"); i >= 0 && !strings.Contains(h[i:], "]") {
		return h[:i]
	}
	return h
}

func linearRegex(flags string, exprs []string, text string) bool {
	for _, e := range exprs {
		if len(text) <= 16<<10 && regexp.MustCompile(flags+e).MatchString(text) {
			return true
		}
	}
	return false
}

func anyGlob(values []string, text string, fold, escape bool) bool {
	for _, v := range values {
		if glob(v, text, fold, escape) {
			return true
		}
	}
	return false
}

// glob matches by dynamic programming over pattern and text.
func glob(pattern, text string, fold, escape bool) bool {
	reach := make([]bool, len(text)+1)
	reach[0] = true
	for i := 0; i < len(pattern); i++ {
		next := make([]bool, len(text)+1)
		c, special := pattern[i], pattern[i] == '*' || pattern[i] == '?'
		if escape && c == '\\' && i+1 < len(pattern) && strings.IndexByte(`*?\`, pattern[i+1]) >= 0 {
			i++
			c, special = pattern[i], false
		}
		for at := range next {
			switch {
			case special && c == '*':
				next[at] = reach[at] || at > 0 && next[at-1]
			case at > 0 && reach[at-1]:
				same := text[at-1] == c
				if fold {
					same = asciiLower(text[at-1]) == asciiLower(c)
				}
				next[at] = special || same
			}
		}
		reach = next
	}
	return reach[len(text)]
}

func asciiLower(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		c += 32
	}
	return c
}

// chance makes rules and requests out of few letters, so that they meet often.
type chance struct{ *rand.Rand }

func (c chance) one(from ...string) string { return from[c.IntN(len(from))] }

func (c chance) text(letters string, most int) string {
	b := make([]byte, c.IntN(most+1))
	for i := range b {
		b[i] = letters[c.IntN(len(letters))]
	}
	return string(b)
}

func (c chance) values(f func() string) []string {
	out := []string{f()}
	for c.IntN(3) == 0 {
		out = append(out, f())
	}
	return out
}

func (c chance) condition() lb.Condition {
	switch c.IntN(12) {
	case 0, 1, 2:
		return host(c.values(func() string { return c.text("aA.*?", 5) + c.one("", ".com", ".Com", "b") })...)
	case 3:
		return hostRegex(c.values(func() string { return c.one("^a", "b$", ".", `^(.*)\.com$`, "a|b") })...)
	case 4, 5, 6, 7:
		return path(c.values(func() string { return "/" + c.text("ab/*?", 6) })...)
	case 8:
		return pathRegex(c.values(func() string { return c.one("^/a", "^/ab*", "b$", "^/(a|b)/", "^/a|b", "(?i)^/A", "", "^", "^/a?b") })...)
	case 9:
		return header("X-A", c.values(func() string { return c.text("aB*?", 3) })...)
	case 10:
		return query(c.values(func() string { return c.text(`aB*?\`, 3) + "=" + c.text(`ab*?\`, 3) })...)
	default:
		if c.IntN(2) == 0 {
			return source(c.one("10.0.0.0/8", "10.1.0.0/16", "::/0"))
		}
		return method(c.values(func() string { return c.one("GET", "POST", "get") })...)
	}
}

func (c chance) rules(n int) []*lb.Rule {
	rules := make([]*lb.Rule, n)
	for i := range rules {
		rules[i] = ruleOf()
		for range 1 + c.IntN(3) {
			rules[i].Conditions = append(rules[i].Conditions, c.condition())
		}
	}
	return rules
}

func (c chance) request() *Request {
	return &Request{
		Host: []byte(c.text("aAb.", 4) + c.one("", ".com", ".COM", "b") + c.one("", ":80")),
		Path: []byte("/" + c.text("ab/", 7)), Query: []byte(c.text(`aAb=&*?\`, 6)),
		Method: []byte(c.one("GET", "POST")), Source: netip.MustParseAddr(c.one("10.1.2.3", "::ffff:10.9.9.9", "2001:db8::1")),
		Headers: headers{"x-a: " + c.text("abAB", 3), c.one("X-A: a", "Y: b")},
	}
}

func TestLikeLinear(t *testing.T) {
	c := chance{rand.New(rand.NewPCG(1, 2))}
	taken := map[bool]int{}
	for range 3000 {
		rules := c.rules(1 + c.IntN(25))
		table := compile(t, rules...)
		for range 20 {
			r := c.request()
			want := linear(rules, r)
			taken[want >= 0]++
			same(t, table, rules, r, want)
		}
	}
	if taken[true] < 1000 || taken[false] < 1000 {
		t.Errorf("the chances are lopsided: %v", taken)
	}
}

// TestNextIsLikeLinear: whatever rules a table came from, it finds the first that holds.
func TestNextIsLikeLinear(t *testing.T) {
	c := chance{rand.New(rand.NewPCG(3, 4))}
	rules := c.rules(20)
	table := compile(t, rules...)
	shared, compiled := 0, 0
	for range 600 {
		before := table
		rules = c.change(rules)
		var problems []lb.Problem
		if table, problems = table.Next(rules); problems != nil {
			t.Fatal(problems)
		}
		for range 10 {
			r := c.request()
			same(t, table, rules, r, linear(rules, r))
		}
		for host, b := range table.hosts.equal {
			if old := before.hosts.equal[host]; old != nil && old.paths == b.paths {
				shared++
			} else {
				compiled++
			}
		}
		fresh := compile(t, rules...)
		if !reflect.DeepEqual(table, fresh) {
			t.Fatal("the table is another one than if it came from none")
		}
	}
	if shared < compiled {
		t.Errorf("of the hosts' rules %d were taken over, and %d compiled anew", shared, compiled)
	}
}

// change puts in, takes out or replaces one rule, so that the priorities behind it move.
func (c chance) change(rules []*lb.Rule) []*lb.Rule {
	at := c.IntN(len(rules))
	rules = slices.Clone(rules)
	switch {
	case c.IntN(3) == 0:
		rules[at] = c.rules(1)[0]
	case len(rules) > 30 || len(rules) > 5 && c.IntN(2) == 0:
		rules = slices.Delete(rules, at, at+1)
	default:
		rules = slices.Insert(rules, at, c.rules(1)[0])
	}
	for i, r := range rules {
		if r.Priority != i+1 {
			own := *r
			own.Priority = i + 1
			rules[i] = &own
		}
	}
	return rules
}

func same(t *testing.T, table *Table, rules []*lb.Rule, r *Request, want int) {
	t.Helper()
	describe := func() string {
		s := fmt.Sprintf("%s %q %q ?%q from %v %v", r.Method, r.Host, r.Path, r.Query, r.Source, r.Headers)
		for i, rule := range rules {
			s += fmt.Sprintf("\n%d: %q", i, fmt.Sprint(rule.Conditions))
		}
		return s
	}
	if got := table.Find(r); got != want {
		t.Fatalf("Find: %d, want %d\n%s", got, want, describe())
	}
	verdicts := table.Explain(r)
	explained := -1
	if n := len(verdicts); n > 0 && verdicts[n-1].Holds {
		explained = n - 1
	}
	if explained != want {
		t.Fatalf("Explain: %d, want %d\n%s", explained, want, describe())
	}
	claims := false
	for _, rule := range rules {
		for _, c := range rule.Conditions {
			claims = claims || c.Field == lb.HostHeader && linearCondition(c, r)
		}
	}
	if got := table.Claims(r.Host); got != claims {
		t.Fatalf("Claims: %v, want %v\n%s", got, claims, describe())
	}
}

func FuzzFind(f *testing.F) {
	f.Add(uint64(1), "a.com", "/a/b", "a=b")
	f.Add(uint64(2), "[::1]:80", "/", "&=&")
	f.Fuzz(func(t *testing.T, seed uint64, name, target, q string) {
		c := chance{rand.New(rand.NewPCG(seed, 0))}
		rules := append(c.rules(10), ruleOf(host(name), path(target)), ruleOf(path("/*"+target)), ruleOf(query("="+q)))
		table, problems := Compile(rules)
		if len(problems) > 0 {
			t.Skip("a pattern that cannot be used")
		}
		for range 3 {
			r := c.request()
			same(t, table, rules, r, linear(rules, r))
			r.Host, r.Path, r.Query = []byte(name), []byte(target), []byte(q)
			same(t, table, rules, r, linear(rules, r))
		}
	})
}

func FuzzPattern(f *testing.F) {
	f.Add("/a*b?c*", "/aXbYc", false, false)
	f.Add(`\*?*\\x`, `*a\x`, true, true)
	f.Add("*a?b*?*c", "xxaYbzzc", false, true)
	f.Fuzz(func(t *testing.T, value, text string, fold, escape bool) {
		p, err := compilePattern(value, reading{fold: fold, escape: escape})
		if err != nil {
			t.Skip()
		}
		b := []byte(text)
		if fold {
			b = appendLower(nil, b)
		}
		want := glob(value, text, fold, escape)
		if got := p.matches(b); got != want {
			t.Errorf("%q on %q: %v, want %v", value, text, got, want)
		}
		if want && (!strings.HasPrefix(string(b), p.prefix()) || !strings.HasSuffix(string(b), p.suffix())) {
			t.Errorf("%q matches %q, but is filed under %q and %q", value, text, p.prefix(), p.suffix())
		}
	})
}

// The time is linear in the text, also for a pattern that would make a backtracking matcher explode.
func BenchmarkPatternWorst(b *testing.B) {
	p, err := compilePattern(strings.Repeat("*a?a", 30)+"*aaaa?aaab*", reading{})
	if err != nil {
		b.Fatal(err)
	}
	for _, n := range []int{1 << 10, 1 << 14} {
		text := []byte(strings.Repeat("a", n))
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.SetBytes(int64(n))
			for b.Loop() {
				if p.matches(text) {
					b.Fatal("it matches")
				}
			}
		})
	}
}
