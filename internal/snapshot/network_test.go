package snapshot

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/albatross-lb/albatross/lb"
)

// networkConfig has one network load balancer with these listeners, all to one group.
func networkConfig(key string, listeners ...*lb.Listener) *lb.Config {
	cfg := &lb.Config{TargetGroups: map[string]*lb.TargetGroup{"flows": {Key: "flows", Name: "flows", TargetType: "ip", Protocol: lb.TCP,
		Targets: []lb.Target{{Addr: netip.MustParseAddrPort("127.0.0.1:1")}}}}}
	for _, l := range listeners {
		l.DefaultActions = []lb.Action{{Type: lb.ForwardAction, Forward: &lb.Forward{TargetGroups: []lb.WeightedTargetGroup{{TargetGroup: "flows"}}}}}
	}
	cfg.LoadBalancers = []*lb.LoadBalancer{{Key: key, Name: "n", Type: lb.Network, Listeners: listeners}}
	return cfg
}

func TestNetworkListeners(t *testing.T) {
	o := options(t)
	o.PortMap = map[int]int{53: 5353}
	s, problems := Build(networkConfig("a", &lb.Listener{Port: 80, Protocol: lb.TCP}, &lb.Listener{Port: 53, Protocol: lb.UDP}, &lb.Listener{Port: 443, Protocol: lb.TCPUDP}), o)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	if s.Streams[80] == nil || s.Packets[80] != nil || s.Streams[53] != nil || s.Packets[53] == nil || s.Streams[443] == nil || s.Streams[443] != s.Packets[443] {
		t.Errorf("streams %v, packets %v", s.Streams, s.Packets)
	}
	if s.Packets[53].BoundPort != 5353 || s.Streams[80].BoundPort != 80 || s.Streams[80].Choose(1) != s.TargetGroups["flows"] {
		t.Errorf("%+v", s.Streams[80])
	}
	uses := s.Uses()
	if len(uses) != 1 || uses[0].Group.Config.Key != "flows" || uses[0].LoadBalancer.Config.Key != "a" {
		t.Errorf("uses: %+v", uses)
	}
	if groups := s.HealthGroups(); len(groups) != 1 || !groups[0].Used {
		t.Errorf("health looks after %+v", groups)
	}
}

// TCP and UDP of one number are two ports; each has one load balancer, the first.
func TestPortsOfNetworkListeners(t *testing.T) {
	one := networkConfig("a", &lb.Listener{Port: 53, Protocol: lb.TCP})
	two := networkConfig("b", &lb.Listener{Port: 53, Protocol: lb.UDP}, &lb.Listener{Port: 80, Protocol: lb.TCP})
	three := networkConfig("c", &lb.Listener{Port: 53, Protocol: lb.TCPUDP}, &lb.Listener{Port: 80, Protocol: lb.UDP})
	cfg := one
	cfg.LoadBalancers = append(cfg.LoadBalancers, two.LoadBalancers[0], three.LoadBalancers[0],
		&lb.LoadBalancer{Key: "d", Name: "d", Type: lb.Application, Listeners: []*lb.Listener{{Port: 80, Protocol: lb.HTTP,
			DefaultActions: []lb.Action{{Type: lb.FixedResponseAction, FixedResponse: &lb.FixedResponse{StatusCode: "404"}}}}}})
	s, problems := Build(cfg, options(t))
	var texts []string
	for _, p := range problems {
		texts = append(texts, p.String())
	}
	got := strings.Join(texts, "\n")
	if len(problems) != 2 || !strings.Contains(got, "TCP:80: port 80 is already served by load balancer d") || !strings.Contains(got, "TCP_UDP:53: port 53 is already served by load balancer") {
		t.Errorf("problems:\n%s", got)
	}
	if s.Streams[53].LoadBalancer.Config.Key != "a" || s.Packets[53].LoadBalancer.Config.Key != "b" || s.Packets[80].LoadBalancer.Config.Key != "c" || s.Sockets[80] == nil {
		t.Errorf("streams %v, packets %v", s.Streams, s.Packets)
	}
}

func TestFrontendNetwork(t *testing.T) {
	build := func(port, behind int) (*Snapshot, []lb.Problem, *lb.Config) {
		cfg := networkConfig("group", &lb.Listener{Port: port, Protocol: lb.TCP})
		cfg.TargetGroups["flows"].TargetType, cfg.TargetGroups["flows"].BehindPort = "alb", behind
		cfg.LoadBalancers = append(cfg.LoadBalancers, &lb.LoadBalancer{Key: "group", Name: "g", Type: lb.Application, Listeners: []*lb.Listener{{Port: 80, Protocol: lb.HTTP,
			DefaultActions: []lb.Action{{Type: lb.FixedResponseAction, FixedResponse: &lb.FixedResponse{StatusCode: "404"}}}}}})
		s, problems := Build(cfg, options(t))
		return s, problems, cfg
	}
	if s, problems, _ := build(8000, 80); len(problems) > 0 || s.Streams[8000] == nil || s.Streams[8000].Behind != 80 || len(s.Uses()) != 0 {
		t.Errorf("another port: %v, %+v", problems, s.Streams[8000])
	}
	if s, problems, cfg := build(80, 80); len(problems) > 0 || s.Streams[80] != nil || len(cfg.Notes) != 1 {
		t.Errorf("the same port: %v, notes %v", problems, cfg.Notes)
	}
	if s, problems, _ := build(8000, 81); len(problems) != 1 || s.Streams[8000] != nil {
		t.Errorf("nothing behind it: %v", problems)
	}
}

func TestPreservationIsNoted(t *testing.T) {
	cfg := networkConfig("a", &lb.Listener{Port: 80, Protocol: lb.TCP})
	cfg.TargetGroups["flows"].Attributes = map[string]string{"preserve_client_ip.enabled": "true"}
	o := options(t)
	Build(cfg, o)
	Build(cfg, o)
	if len(cfg.Notes) != 1 || !strings.Contains(cfg.Notes[0].Text, "--transparent") {
		t.Errorf("notes: %v", cfg.Notes)
	}
	cfg.Notes, o.Transparent = nil, true
	if Build(cfg, o); len(cfg.Notes) != 0 {
		t.Errorf("notes: %v", cfg.Notes)
	}
}

func TestWeightsOfFlows(t *testing.T) {
	cfg := networkConfig("a", &lb.Listener{Port: 80, Protocol: lb.TCP})
	other := *cfg.TargetGroups["flows"]
	other.Key = "other"
	cfg.TargetGroups["other"] = &other
	three, one, yes := 3, 1, true
	f := cfg.LoadBalancers[0].Listeners[0].DefaultActions[0].Forward
	f.TargetGroups = []lb.WeightedTargetGroup{{TargetGroup: "flows", Weight: &three}, {TargetGroup: "other", Weight: &one}}
	s, _ := Build(cfg, options(t))
	counts := map[string]int{}
	for range 40 {
		counts[s.Streams[80].Choose(7).Config.Key]++
	}
	if counts["flows"] != 30 || counts["other"] != 10 {
		t.Errorf("by turns: %v", counts)
	}
	f.Stickiness = &lb.TargetGroupStickiness{Enabled: &yes}
	s, _ = Build(cfg, options(t))
	for hash := range uint64(40) {
		if a, b := s.Streams[80].Choose(hash), s.Streams[80].Choose(hash); a != b {
			t.Errorf("client %d has two groups", hash)
		}
	}
	zero := 0
	f.TargetGroups[0].Weight, f.TargetGroups[1].Weight = &zero, &zero
	s, _ = Build(cfg, options(t))
	if g := s.Streams[80].Choose(1); g != nil {
		t.Errorf("without weights: %s", g.Config.Key)
	}
}
