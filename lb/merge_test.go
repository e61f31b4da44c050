package lb_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/albatross-lb/albatross/lb"
)

// named is a Config with one load balancer and one target group that its only rule
// and its default action use, all from one file.
func named(balancer, groupKey, file string) *lb.Config {
	origin := lb.Origin{File: file}
	r := rule(1, forwardTo(groupKey))
	l := listener(80, lb.HTTP, r)
	l.DefaultActions = []lb.Action{forwardTo(groupKey)}
	g := group(groupKey)
	l.Origin, r.Origin, g.Origin = origin, origin, origin
	return &lb.Config{
		LoadBalancers: []*lb.LoadBalancer{{Key: balancer, Name: balancer, Type: lb.Application, Listeners: []*lb.Listener{l}, Origin: origin}},
		TargetGroups:  map[string]*lb.TargetGroup{groupKey: g},
	}
}

func TestMergeJoinsAndSorts(t *testing.T) {
	a, b := named("b", "gb", "b.yaml"), named("a", "ga", "a.yaml")
	a.Ignored, b.Ignored = []string{"x", "b"}, []string{"a", "x"}
	a.SetAside, b.Warnings, b.Notes = []lb.Problem{{Text: "s"}}, []lb.Problem{{Text: "w"}}, []lb.Problem{{Text: "n"}}
	got := lb.Merge(lb.Part{Origin: "one", Config: a}, lb.Part{Origin: "two"}, lb.Part{Origin: "three", Config: b})
	if len(got.LoadBalancers) != 2 || got.LoadBalancers[0].Key != "a" || len(got.TargetGroups) != 2 {
		t.Errorf("load balancers %d, target groups %d", len(got.LoadBalancers), len(got.TargetGroups))
	}
	if strings.Join(got.Ignored, "") != "abx" || len(got.SetAside) != 1 || len(got.Warnings) != 1 || len(got.Notes) != 1 {
		t.Errorf("ignored %v, set aside %v, warnings %v, notes %v", got.Ignored, got.SetAside, got.Warnings, got.Notes)
	}
}

func TestOfALoadBalancerTheFirstWins(t *testing.T) {
	first, second := named("shop", "g1", "first.yaml"), named("shop", "g2", "second.yaml")
	got := lb.Merge(lb.Part{Origin: "file", Config: first}, lb.Part{Origin: "kube", Config: second})
	if len(got.LoadBalancers) != 1 || got.LoadBalancers[0].Origin.File != "first.yaml" {
		t.Fatalf("load balancers: %+v", got.LoadBalancers)
	}
	if s, want := texts(got.SetAside), "second.yaml: load balancer shop is served already, from first.yaml (source file); write it in one source only, or give one of the two another name\n"; s != want {
		t.Errorf("set aside:\n%swant\n%s", s, want)
	}
	again := lb.Merge(lb.Part{Origin: "kube", Config: second}, lb.Part{Origin: "file", Config: first})
	if again.LoadBalancers[0].Origin.File != "second.yaml" {
		t.Error("in the other order the other must win")
	}
	network := named("shop", "g3", "nlb.yaml")
	network.LoadBalancers[0].Type = lb.Network
	if got := lb.Merge(lb.Part{Config: first}, lb.Part{Config: network}); len(got.LoadBalancers) != 2 {
		t.Error("a network load balancer may have the key of an application load balancer")
	}
}

// A rule must not be led to another source's target group of the same key.
func TestOfATargetGroupTheFirstWins(t *testing.T) {
	first, second := named("a", "web", "first.yaml"), named("b", "web", "second.yaml")
	own := group("own")
	second.TargetGroups["own"] = own
	l := second.LoadBalancers[0].Listeners[0]
	guarded := rule(3, login(), forwardTo("web"))
	l.Rules = append(l.Rules, rule(2, forwardTo("own")), guarded)
	got := lb.Merge(lb.Part{Origin: "file", Config: first}, lb.Part{Origin: "kube", Config: second})
	if got.TargetGroups["web"].Origin.File != "first.yaml" || len(got.TargetGroups) != 2 {
		t.Fatalf("target groups: %v", got.TargetGroups)
	}
	left := got.LoadBalancers[1].Listeners[0]
	if len(left.Rules) != 2 || left.Rules[0].Priority != 2 || left.Rules[1].Actions[0].FixedResponse == nil || left.DefaultActions[0].FixedResponse.StatusCode != "503" {
		t.Errorf("left of the second's listener: %+v", left)
	}
	if n := len(got.SetAside); n != 4 {
		t.Errorf("set aside:\n%swant the group, two rules and the default action", texts(got.SetAside))
	}
	if len(l.Rules) != 3 || l.DefaultActions[0].Forward == nil || len(guarded.Actions) != 2 {
		t.Error("the second's own config has been written to")
	}
	if n := len(got.LoadBalancers[0].Listeners[0].Rules); n != 1 {
		t.Errorf("the first has %d rules left, want its own", n)
	}
}

func TestOfACertificateTheFirstWins(t *testing.T) {
	pair := func(cert string) map[string]*lb.KeyPair {
		return map[string]*lb.KeyPair{"secret:shop/tls": {CertPEM: []byte(cert)}}
	}
	same := lb.Merge(lb.Part{Config: &lb.Config{Certificates: pair("a")}}, lb.Part{Config: &lb.Config{Certificates: pair("a")}})
	if len(same.SetAside) != 0 || len(same.Certificates) != 1 {
		t.Errorf("the same certificate twice: set aside %v", same.SetAside)
	}
	other := lb.Merge(lb.Part{Config: &lb.Config{Certificates: pair("a")}}, lb.Part{Config: &lb.Config{Certificates: pair("b")}})
	if len(other.SetAside) != 1 || string(other.Certificates["secret:shop/tls"].CertPEM) != "a" {
		t.Errorf("two certificates of one name: set aside %v", other.SetAside)
	}
}

// What sources hand in stays theirs, however often it is merged and validated.
func TestMergeAndValidateDoNotWriteToTheParts(t *testing.T) {
	make := func() *lb.Config {
		cfg := named("shop", "web", "a.yaml")
		cfg.LoadBalancers[0].InboundCIDRs = []lb.InboundCIDR{{Port: 80, CIDR: "x"}, {Port: 80, CIDR: "10.0.0.0/8"}}
		cfg.LoadBalancers[0].Listeners = append(cfg.LoadBalancers[0].Listeners, listener(80, lb.HTTPS))
		cfg.LoadBalancers[0].Listeners[0].Rules = append(cfg.LoadBalancers[0].Listeners[0].Rules, rule(0), rule(5, login(), forwardTo("nope")), rule(4, page("200")))
		cfg.TargetGroups["web"].HealthCheck.IntervalSeconds = 0
		cfg.TargetGroups["web"].HealthCheck.Matcher.HTTPCode = "x"
		cfg.TargetGroups["web"].Targets = []lb.Target{{}, {}}
		cfg.TargetGroups["bad"] = &lb.TargetGroup{Key: "bad"}
		return cfg
	}
	given := make()
	for range 2 {
		cfg := lb.Merge(lb.Part{Origin: "file", Config: given})
		lb.Validate(cfg)
		if len(cfg.SetAside) == 0 {
			t.Fatal("nothing was set aside")
		}
		if !reflect.DeepEqual(given, make()) {
			t.Fatal("the part has been written to")
		}
	}
}
