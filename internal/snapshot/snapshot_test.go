package snapshot

import (
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/albatross-lb/albatross/internal/accesslog"
	"github.com/albatross-lb/albatross/internal/certs"
	"github.com/albatross-lb/albatross/internal/health"
	"github.com/albatross-lb/albatross/internal/match"
	"github.com/albatross-lb/albatross/internal/metrics"
	"github.com/albatross-lb/albatross/lb"
)

func options(t *testing.T) Options {
	t.Helper()
	logs, err := accesslog.Open(accesslog.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(logs.Close)
	return Options{Live: NewLive(), Metrics: metrics.New(), Logs: logs, PortMap: map[int]int{443: 8443}}
}

func balancer(key string, listeners ...*lb.Listener) *lb.LoadBalancer {
	return &lb.LoadBalancer{Key: key, Name: key, Type: lb.Application, Listeners: listeners, Origin: lb.Origin{Kind: "Ingress", Name: key}}
}

func fixed(status string) []lb.Action {
	return []lb.Action{{Type: lb.FixedResponseAction, FixedResponse: &lb.FixedResponse{StatusCode: status}}}
}

func text(s string) *string { return &s }

func redirect(r lb.Redirect) []lb.Action {
	if r.StatusCode == "" {
		r.StatusCode = "HTTP_301"
	}
	return []lb.Action{{Type: lb.RedirectAction, Redirect: &r}}
}

func host(values ...string) []lb.Condition {
	return []lb.Condition{{Field: lb.HostHeader, HostHeader: &lb.ValuesConfig{Values: values}}}
}

func TestRedirectLocation(t *testing.T) {
	for _, test := range []struct {
		name string
		r    lb.Redirect
		path string
		q    string
		want string
	}{
		{"ssl-redirect names the mapped port", lb.Redirect{Protocol: text("HTTPS"), Port: text("443")}, "/a", "b=c", "https://shop.example:8443/a?b=c"},
		{"all its own", lb.Redirect{}, "/a", "", "http://shop.example:80/a"},
		{"placeholders", lb.Redirect{Host: text("new.#{host}"), Path: text("/v2/#{path}"), Query: text("from=old&#{query}")}, "/x/y", "q=1", "http://new.shop.example:80/v2/x/y?from=old&q=1"},
		{"elsewhere the port is its own", lb.Redirect{Host: text("www.example.org"), Protocol: text("HTTPS"), Port: text("443")}, "/", "", "https://www.example.org:443/"},
		{"another host that is served here", lb.Redirect{Host: text("api.example"), Protocol: text("HTTPS"), Port: text("443")}, "/", "", "https://api.example:8443/"},
		{"root path", lb.Redirect{Path: text("/")}, "/deep", "", "http://shop.example:80/"},
	} {
		cfg := &lb.Config{LoadBalancers: []*lb.LoadBalancer{balancer("a",
			&lb.Listener{Port: 80, Protocol: lb.HTTP, DefaultActions: redirect(test.r)},
			&lb.Listener{Port: 443, Protocol: lb.HTTPS, SSLPolicy: lb.DefaultSSLPolicy, DefaultActions: fixed("404"),
				Rules: []*lb.Rule{{Priority: 1, Conditions: host("api.example"), Actions: fixed("200")}}})}}
		s, problems := Build(cfg, options(t))
		if problems != nil {
			t.Fatal(problems)
		}
		r := s.Sockets[80].Listeners[0].fallback.Redirect
		if got := string(r.Location(nil, "http", []byte("shop.example:80"), 80, []byte(test.path), []byte(test.q))); got != test.want {
			t.Errorf("%s: %s, want %s", test.name, got, test.want)
		}
	}
}

func TestSharedPort(t *testing.T) {
	rule := func(h string) []*lb.Rule {
		return []*lb.Rule{{Priority: 1, Conditions: host(h), Actions: fixed("200")}}
	}
	cfg := &lb.Config{LoadBalancers: []*lb.LoadBalancer{
		balancer("a", &lb.Listener{Port: 80, Protocol: lb.HTTP, DefaultActions: fixed("404"), Rules: rule("a.example")}),
		balancer("b", &lb.Listener{Port: 80, Protocol: lb.HTTP, DefaultActions: fixed("404"), Rules: rule("*.b.example")}),
		balancer("c", &lb.Listener{Port: 80, Protocol: lb.HTTP, DefaultActions: fixed("200")}),
		balancer("d", &lb.Listener{Port: 80, Protocol: lb.HTTPS, SSLPolicy: lb.DefaultSSLPolicy, DefaultActions: fixed("200")}),
	}}
	s, problems := Build(cfg, options(t))
	if len(problems) != 1 || !strings.Contains(problems[0].Text, "other protocol by load balancer a") {
		t.Errorf("problems %v, want one about d", problems)
	}
	for h, want := range map[string]string{"a.example": "a", "A.EXAMPLE:80": "a", "x.b.example": "b", "elsewhere": "c", "": "c"} {
		if got := s.Sockets[80].Listener([]byte(h)).LoadBalancer.Config.Key; got != want {
			t.Errorf("host %q goes to %s, want %s", h, got, want)
		}
	}
}

func TestInboundRanges(t *testing.T) {
	for _, test := range []struct {
		ranges  []lb.InboundCIDR
		ip      string
		allowed bool
	}{
		{nil, "192.0.2.1", true},
		{[]lb.InboundCIDR{{Port: 80, CIDR: "0.0.0.0/0"}}, "2001:db8::1", true},
		{[]lb.InboundCIDR{{Port: 80, CIDR: "10.0.0.0/8"}}, "10.1.2.3", true},
		{[]lb.InboundCIDR{{Port: 80, CIDR: "10.0.0.0/8"}}, "::ffff:10.1.2.3", true},
		{[]lb.InboundCIDR{{Port: 80, CIDR: "10.0.0.0/8"}}, "11.1.2.3", false},
		{[]lb.InboundCIDR{{Port: 443, CIDR: "10.0.0.0/8"}}, "11.1.2.3", false}, // another port's
		{[]lb.InboundCIDR{{Port: 80, PrefixList: "pl-1"}}, "11.1.2.3", false},
		{[]lb.InboundCIDR{}, "11.1.2.3", false}, // IPv6 ranges only, on an ipv4 load balancer
	} {
		b := balancer("a")
		b.InboundCIDRs = test.ranges
		a, bad := allowedOn(b, 80)
		if got := a.contains(netip.MustParseAddr(test.ip)); got != test.allowed || bad != nil {
			t.Errorf("%v lets %s in: %v (%v), want %v", test.ranges, test.ip, got, bad, test.allowed)
		}
	}
}

func TestUnsafeRulesRefuse(t *testing.T) {
	cfg := &lb.Config{LoadBalancers: []*lb.LoadBalancer{balancer("a", &lb.Listener{Port: 80, Protocol: lb.HTTP,
		DefaultActions: append([]lb.Action{{Type: lb.AuthenticateOIDC, OIDC: &lb.AuthenticateOIDCConfig{}}}, fixed("200")...)})}}
	s, problems := Build(cfg, options(t))
	if r, _ := s.Sockets[80].Listeners[0].Match(&match.Request{Path: []byte("/")}); r.Refused == "" || len(problems) != 1 {
		t.Errorf("a rule with authentication that cannot be done is %+v, %v; want it refused and reported", r, problems)
	}
	m := &lb.Listener{Port: 443, Protocol: lb.HTTPS, SSLPolicy: lb.DefaultSSLPolicy, DefaultActions: fixed("200"),
		MutualAuthentication: &lb.MutualAuthentication{Mode: "verify", TrustStoreARN: "arn:aws:elasticloadbalancing:us-east-1:1:truststore/none/1"}}
	o := options(t)
	o.TrustStores = certs.OpenTrustStores(t.TempDir())
	o.Certificate = func(string, []string) (*certs.Certificate, error) { return nil, errors.New("not asked for") }
	if s, problems := Build(&lb.Config{LoadBalancers: []*lb.LoadBalancer{balancer("a", m)}}, o); len(s.Sockets) != 0 || len(problems) != 1 {
		t.Errorf("a listener that cannot verify clients serves without: %v", problems)
	}
}

func TestCertificateHosts(t *testing.T) {
	var asked []string
	o := options(t)
	ca, err := certs.OpenCA(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	o.Certificate = func(ref string, hosts []string) (*certs.Certificate, error) {
		asked = hosts
		return ca.Issue(ref, hosts)
	}
	cfg := &lb.Config{LoadBalancers: []*lb.LoadBalancer{balancer("a", &lb.Listener{Port: 443, Protocol: lb.HTTPS, SSLPolicy: lb.DefaultSSLPolicy,
		DefaultActions: fixed("200"), Rules: []*lb.Rule{{Priority: 1, Conditions: host("B.example", "*.c.example", "*x*"), Actions: fixed("200")}}})}}
	s, problems := Build(cfg, o)
	if problems != nil || s.Sockets[443].TLS == nil || s.Sockets[443].BoundPort != 8443 {
		t.Fatal(problems, s.Sockets)
	}
	if want := []string{"*.c.example", "b.example", "localhost", "127.0.0.1", "::1"}; !slices.Equal(asked, want) {
		t.Errorf("asked for %v, want %v", asked, want)
	}
	cfg.LoadBalancers[0].Listeners[0].SSLPolicy = "ELBSecurityPolicy-TLS13-1-2-2021-6"
	if _, problems := Build(cfg, o); len(problems) != 1 || !strings.Contains(problems[0].Text, "did you mean ELBSecurityPolicy-TLS13-1-2-2021-06") {
		t.Errorf("a policy that does not exist: %v", problems)
	}
}

// TestLiveTargetsOutliveSnapshots: health found before a change still holds after it.
func TestLiveTargetsOutliveSnapshots(t *testing.T) {
	o := options(t)
	group := func(addrs ...string) *lb.Config {
		g := &lb.TargetGroup{Key: "g", Name: "g", Protocol: lb.HTTP}
		for _, a := range addrs {
			g.Targets = append(g.Targets, lb.Target{Addr: netip.MustParseAddrPort(a)})
		}
		return &lb.Config{TargetGroups: map[string]*lb.TargetGroup{"g": g}}
	}
	key := func(a string) health.Key { return health.Key{Group: "g", Addr: netip.MustParseAddrPort(a)} }
	s, _ := Build(group("127.0.0.1:1", "127.0.0.1:2"), o)
	o.Live.Install(s)
	o.Live.OnHealth(key("127.0.0.1:1"), lb.TargetHealth{}, lb.TargetHealth{State: lb.Unhealthy})
	o.Live.OnHealth(key("127.0.0.1:2"), lb.TargetHealth{}, lb.TargetHealth{State: lb.Healthy})
	next, _ := Build(group("127.0.0.1:1", "127.0.0.1:2", "127.0.0.1:3"), o)
	o.Live.Install(next)
	if members, failOpen := next.TargetGroups["g"].Balance.Eligible(); failOpen || !slices.Equal(members, []int{1}) {
		t.Errorf("after the change %v may be chosen (fail open: %v), want only the healthy one", members, failOpen)
	}
	if next.TargetGroups["g"].Targets[0] != s.TargetGroups["g"].Targets[0] {
		t.Error("a target that stays is another object after the change")
	}
	gone := s.TargetGroups["g"].Targets[1]
	without, _ := Build(group("127.0.0.1:1", "127.0.0.1:3"), o)
	o.Live.Install(without)
	o.Live.OnHealth(key("127.0.0.1:2"), lb.TargetHealth{}, lb.TargetHealth{State: lb.Unused, Reason: lb.NotRegistered})
	if !gone.Ended.Load() {
		t.Error("a target whose delay is over has not ended")
	}
	o.Live.CloseIdle(time.Time{})
}

// TestTargetThatComesBack: the end of a deregistration delay, heard of late, must not
// end a target that a newer snapshot has taken up again.
func TestTargetThatComesBack(t *testing.T) {
	o := options(t)
	cfg := &lb.Config{TargetGroups: map[string]*lb.TargetGroup{"g": {Key: "g", Name: "g", Protocol: lb.HTTP,
		Targets: []lb.Target{{Addr: netip.MustParseAddrPort("127.0.0.1:1")}}}}}
	empty := &lb.Config{TargetGroups: map[string]*lb.TargetGroup{"g": {Key: "g", Name: "g", Protocol: lb.HTTP}}}
	over := func() {
		o.Live.OnHealth(health.Key{Group: "g", Addr: netip.MustParseAddrPort("127.0.0.1:1")}, lb.TargetHealth{}, lb.TargetHealth{State: lb.Unused, Reason: lb.NotRegistered})
	}
	first, _ := Build(cfg, o)
	o.Live.Install(first)
	gone, _ := Build(empty, o)
	o.Live.Install(gone)
	back, _ := Build(cfg, o)
	over()
	o.Live.Install(back)
	over()
	if back.TargetGroups["g"].Targets[0].Ended.Load() {
		t.Error("a target that is in service has ended")
	}
	gone, _ = Build(empty, o)
	o.Live.Install(gone)
	over()
	if !back.TargetGroups["g"].Targets[0].Ended.Load() {
		t.Error("a target that is gone has not ended")
	}
}

// A listener of the same rules keeps its table; one rule more, and it is another.
func TestTablesAreKept(t *testing.T) {
	o := options(t)
	path := func(p string) *lb.Rule {
		return &lb.Rule{Priority: 1, Conditions: []lb.Condition{{Field: lb.PathPattern, PathPattern: &lb.ValuesConfig{Values: []string{p}}}},
			Actions: []lb.Action{{Type: lb.FixedResponseAction, FixedResponse: &lb.FixedResponse{StatusCode: "200"}}}}
	}
	a, b := path("/a"), path("/b")
	build := func(rules ...*lb.Rule) *Snapshot {
		cfg := &lb.Config{LoadBalancers: []*lb.LoadBalancer{{Key: "shop", Type: lb.Application, Listeners: []*lb.Listener{{Port: 80, Protocol: lb.HTTP, Rules: rules,
			DefaultActions: []lb.Action{{Type: lb.FixedResponseAction, FixedResponse: &lb.FixedResponse{StatusCode: "404"}}}}}}}}
		s, problems := Build(cfg, o)
		if problems != nil {
			t.Fatal(problems)
		}
		o.Previous = s
		return s
	}
	table := func(s *Snapshot) any { return s.Sockets[80].Listeners[0].table }
	first, same, more, other := build(a), build(a), build(a, b), build(path("/a"))
	if table(first) != table(same) {
		t.Error("the same rules were compiled again")
	}
	if table(same) == table(more) || table(more) == table(other) {
		t.Error("a table of other rules was kept")
	}
}
