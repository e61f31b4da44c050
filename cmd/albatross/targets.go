package main

import (
	"fmt"
	"slices"

	"github.com/albatross-lb/albatross/internal/console"
	"github.com/albatross-lb/albatross/internal/metrics"
	"github.com/albatross-lb/albatross/internal/snapshot"
	"github.com/albatross-lb/albatross/lb"
)

// hostCounts is what the metrics say of targets' health.
func (m *machine) hostCounts() []metrics.HostCount {
	current := m.proxy.Snapshot()
	if current == nil {
		return nil
	}
	var counts []metrics.HostCount
	for _, member := range current.Uses() {
		c := metrics.HostCount{LoadBalancer: member.LoadBalancer.Config.FullName(), TargetGroup: member.Group.Config.FullName(), Compared: member.Group.Layer7()}
		c.Healthy, c.Unhealthy = member.Group.Balance.Healthy()
		c.Anomalous, c.Mitigated = member.Group.Balance.Anomalies()
		counts = append(counts, c)
	}
	return counts
}

// targetHealth lists a target group's targets for the admin API.
func (m *machine) targetHealth(group string) []console.TargetHealth {
	var served *snapshot.TargetGroup
	if current := m.proxy.Snapshot(); current != nil {
		served = current.TargetGroups[group]
	}
	var all []console.TargetHealth
	for _, t := range m.checker.List(group) {
		h := console.TargetHealth{
			Target:          lb.Target{Addr: t.Addr, Zone: t.Zone, Name: t.Name, Draining: t.Health.State == lb.Draining},
			HealthCheckPort: int(t.HealthCheckPort), Health: t.Health,
		}
		if i := served.Index(t.Addr); i >= 0 && served.Layer7() {
			h.Anomaly = new(console.Anomaly)
			h.Anomaly.Anomalous, h.Anomaly.Mitigated = served.Balance.Anomalous(i)
		}
		all = append(all, h)
	}
	return all
}

// nodeHealth says which target groups would have AWS take this node out of its DNS record: those with
// fewer healthy targets than target_group_health.dns_failover.minimum_healthy_targets wants.
func (m *machine) nodeHealth() (below []string) {
	current := m.proxy.Snapshot()
	if current == nil {
		return []string{"no configuration is served yet"}
	}
	for _, u := range current.Uses() {
		g := u.Group
		if minimum := g.Attributes.DNSFailover; g.Balance.Below(minimum) {
			healthy, _ := g.Balance.Healthy()
			below = append(below, fmt.Sprintf("target group %s has %s%s, and its minimum is %s", g.Config.Key, plural(healthy, "healthy target"), inZone(g), minimum))
		}
	}
	slices.Sort(below)
	return slices.Compact(below)
}

func inZone(g *snapshot.TargetGroup) string {
	if g.Zone == "" {
		return ""
	}
	return " in zone " + g.Zone
}
