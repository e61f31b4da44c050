package explain

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/albatross-lb/albatross/internal/accesslog"
	"github.com/albatross-lb/albatross/internal/health"
	"github.com/albatross-lb/albatross/internal/metrics"
	"github.com/albatross-lb/albatross/internal/snapshot"
	"github.com/albatross-lb/albatross/lb"
)

// shop is one load balancer with a rule of each kind.
func shop(t *testing.T) *snapshot.Snapshot {
	t.Helper()
	logs, err := accesslog.Open(accesslog.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(logs.Close)
	text := func(s string) *string { return &s }
	forward := []lb.Action{{Type: lb.ForwardAction, Forward: &lb.Forward{TargetGroups: []lb.WeightedTargetGroup{{TargetGroup: "web"}}}}}
	path := func(p string) lb.Condition {
		return lb.Condition{Field: lb.PathPattern, PathPattern: &lb.ValuesConfig{Values: []string{p}}}
	}
	cfg := &lb.Config{
		TargetGroups: map[string]*lb.TargetGroup{"web": {Key: "web", Name: "web-tg", Protocol: lb.HTTP, Targets: []lb.Target{
			{Addr: netip.MustParseAddrPort("10.0.0.1:80")}, {Addr: netip.MustParseAddrPort("10.0.0.2:80")}}}},
		LoadBalancers: []*lb.LoadBalancer{{Key: "ns/shop", Name: "shop", Type: lb.Application,
			InboundCIDRs: []lb.InboundCIDR{{Port: 80, CIDR: "127.0.0.0/8"}},
			Listeners: []*lb.Listener{{Port: 80, Protocol: lb.HTTP,
				DefaultActions: []lb.Action{{Type: lb.FixedResponseAction, FixedResponse: &lb.FixedResponse{StatusCode: "404"}}},
				Rules: []*lb.Rule{
					{Priority: 1, Actions: forward, Conditions: []lb.Condition{path("/api/*"),
						{Field: lb.HTTPHeader, HTTPHeader: &lb.HTTPHeaderConfig{HTTPHeaderName: "X-Beta", Values: []string{"yes"}}}}},
					{Priority: 2, Conditions: []lb.Condition{path("/old")}, Actions: []lb.Action{{Type: lb.RedirectAction,
						Redirect: &lb.Redirect{Path: text("/new"), StatusCode: "HTTP_301"}}}},
					{Priority: 3, Conditions: []lb.Condition{path("/api/*")}, Actions: forward},
				}}}}},
	}
	live := snapshot.NewLive()
	s, problems := snapshot.Build(cfg, snapshot.Options{Live: live, Metrics: metrics.New(), Logs: logs, PortMap: map[int]int{80: 8080}})
	if problems != nil {
		t.Fatal(problems)
	}
	live.Install(s)
	live.OnHealth(health.Key{Group: "web", Addr: netip.MustParseAddrPort("10.0.0.1:80")}, lb.TargetHealth{}, lb.TargetHealth{State: lb.Healthy})
	return s
}

func TestExplain(t *testing.T) {
	s := shop(t)
	for _, test := range []struct {
		name    string
		request Request
		want    []string // lines of the answer that must be there
		not     string
	}{
		{"a later rule", Request{URL: "http://shop.example:8080/api/x"}, []string{
			"  load balancer  ns/shop (shop)", "  listener       HTTP:80, bound on port 8080",
			"header X-Beta", "  rule 3    taken  path is /api/*", "  target group   web (web-tg), round_robin",
			"    10.0.0.1:80            healthy    may be chosen", "    10.0.0.2:80            initial    not chosen"}, ""},
		{"by header, on the port of the manifests", Request{URL: "http://shop.example/api/x", Headers: []string{"x-beta: yes"}},
			[]string{"  rule 1    taken"}, "rule 2"},
		{"a redirect", Request{URL: "http://shop.example/old?q=1"}, []string{"  rule 2    taken", "  location       http://shop.example:8080/new?q=1"}, "target group"},
		{"no rule", Request{URL: "http://shop.example"}, []string{"  default action", "  then           fixed response 404"}, ""},
		{"an address that may not connect", Request{URL: "http://shop.example/", From: "192.0.2.1"}, []string{"connection refused: 192.0.2.1 is in none of the inbound-cidrs"}, "rule"},
	} {
		t.Run(test.name, func(t *testing.T) {
			a, err := Explain(s, test.request)
			if err != nil {
				t.Fatal(err)
			}
			got := a.String()
			for _, want := range test.want {
				if !strings.Contains(got, want) {
					t.Errorf("the answer has no %q:\n%s", want, got)
				}
			}
			if test.not != "" && strings.Contains(got, test.not) {
				t.Errorf("the answer has %q:\n%s", test.not, got)
			}
		})
	}
}

// Where cross-zone load balancing is off, targets of other zones are not chosen, and it is said.
func TestExplainZones(t *testing.T) {
	a := &Answer{Request: "GET /", TargetGroups: []Group{{Key: "g", Name: "n", Algorithm: "weighted_random", Zone: "a", Targets: []Target{
		{Addr: "10.0.0.1:80", State: lb.Healthy, May: true}, {Addr: "10.0.0.2:80", State: lb.Healthy, Away: true},
		{Addr: "10.0.0.3:80", State: lb.Healthy, May: true, Weight: 0.125}}}, {Key: "h", Zone: "a", Targets: []Target{{Away: true}}}}}
	got := a.String()
	for _, want := range []string{"weighted_random, weight 0, of zone a only", "10.0.0.1:80            healthy    may be chosen\n",
		"10.0.0.2:80            healthy    not chosen: in another zone", "10.0.0.3:80            healthy    may be chosen, for 0.125 of its share: it has anomalies",
		"of zone a only: no targets there, so the answer is 503"} {
		if !strings.Contains(got, want) {
			t.Errorf("the answer has no %q:\n%s", want, got)
		}
	}
}

func TestQuestionsWithoutAnAnswer(t *testing.T) {
	s := shop(t)
	for _, test := range []struct {
		request Request
		want    string
	}{
		{Request{URL: "shop.example/x"}, "is not a URL to explain: write http://"},
		{Request{URL: "http://shop.example:81/"}, "nothing listens on port 81; open are 8080"},
		{Request{URL: "https://shop.example:80/"}, "does not speak https"},
		{Request{URL: "http://x/", From: "here"}, `--from "here" is not an address`},
		{Request{URL: "http://x/", Headers: []string{"X-Beta"}}, "write 'Name: value'"},
	} {
		if _, err := Explain(s, test.request); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%+v: %v, want %q", test.request, err, test.want)
		}
	}
}
