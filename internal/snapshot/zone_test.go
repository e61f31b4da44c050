package snapshot

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/albatross-lb/albatross/lb"
)

// zoned has a target group of this kind with a target in each of these zones.
func zoned(kind lb.LoadBalancerType, balancer, group string, zones ...string) *lb.Config {
	cfg := networkConfig("a", &lb.Listener{Port: 80, Protocol: lb.TCP})
	b, g := cfg.LoadBalancers[0], cfg.TargetGroups["flows"]
	if b.Type = kind; kind == lb.Application {
		b.Listeners[0].Protocol, g.Protocol = lb.HTTP, lb.HTTP
	}
	if balancer != "" {
		b.Attributes = map[string]string{crossZone: balancer}
	}
	if group != "" {
		g.Attributes = map[string]string{crossZone: group}
	}
	g.Targets = nil
	for i, zone := range zones {
		g.Targets = append(g.Targets, lb.Target{Addr: netip.AddrPortFrom(netip.MustParseAddr("10.0.0.1"), uint16(i+1)), Zone: zone})
	}
	return cfg
}

// Who decides whether a group keeps to the zone: the target group, or else its load balancer.
func TestCrossZone(t *testing.T) {
	const use = "use_load_balancer_configuration"
	for _, c := range []struct {
		kind            lb.LoadBalancerType
		balancer, group string
		confined        bool
	}{
		{lb.Application, "", "", false}, {lb.Application, "", use, false}, {lb.Application, "false", "", false}, {lb.Application, "", "true", false},
		{lb.Application, "", "false", true}, {lb.Application, "true", "false", true},
		{lb.Network, "", "", true}, {lb.Network, "", use, true}, {lb.Network, "false", "", true}, {lb.Network, "true", "", false},
		{lb.Network, "true", use, false}, {lb.Network, "", "true", false}, {lb.Network, "true", "false", true},
	} {
		o := options(t)
		o.Zone = "b"
		s, problems := Build(zoned(c.kind, c.balancer, c.group, "a", "b", "b", ""), o)
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		g := s.TargetGroups["flows"]
		if got := g.Balance.Away(0); got != c.confined || g.Balance.Away(1) || g.Balance.Away(2) || g.Balance.Away(3) {
			t.Errorf("%s %q, target group %q: the target of another zone is away: %v", c.kind, c.balancer, c.group, got)
		}
		if (g.Zone == "b") != c.confined || g.Zonal != c.confined {
			t.Errorf("%s %q, target group %q: %+v", c.kind, c.balancer, c.group, g)
		}
	}
}

func TestWhatIsSaidOfZones(t *testing.T) {
	for _, c := range []struct {
		zone, group    string
		kind           lb.LoadBalancerType
		zones          []string
		warnings, note string
	}{
		{"", "false", lb.Application, []string{"a", "b"}, "", "does not know its own zone: all targets are used"},
		{"", "", lb.Network, []string{"a", "b"}, "", "does not know its own zone: all targets are used"},
		{"", "", lb.Network, []string{"a", ""}, "", ""},
		{"a", "false", lb.Application, []string{"a", "b"}, "", ""},
		{"a", "false", lb.Application, []string{"a", "", "b"}, "", "the zone of 1 of the 3 targets of flows is not known"},
		{"c", "false", lb.Application, []string{"b", "a"}, "none of the targets of flows is in this node's zone c (they are in a, b): its requests are answered 503", ""},
		{"c", "", lb.Network, []string{"a"}, "its flows are refused", ""},
		{"c", "", lb.Application, []string{"a"}, "", ""},
	} {
		o := options(t)
		o.Zone = c.zone
		cfg := zoned(c.kind, "", c.group, c.zones...)
		Build(cfg, o)
		if got := texts(cfg.Warnings); !strings.Contains(got, c.warnings) || (got == "") != (c.warnings == "") {
			t.Errorf("zone %q, %s %q, targets in %q: warnings %q", c.zone, c.kind, c.group, c.zones, got)
		}
		if got := texts(cfg.Notes); !strings.Contains(got, c.note) || (got == "") != (c.note == "") {
			t.Errorf("zone %q, %s %q, targets in %q: notes %q", c.zone, c.kind, c.group, c.zones, got)
		}
	}
}

func texts(problems []lb.Problem) string {
	var all strings.Builder
	for _, p := range problems {
		all.WriteString(p.Text + "\n")
	}
	return all.String()
}
