package balance

import (
	"testing"

	"github.com/albatross-lb/albatross/lb"
)

// zone makes a group of four healthy targets of which the last two are away.
func zone(t *testing.T, m map[string]string) *Group {
	return NewZoneGroup(group(t, 4, nil).targets, []bool{false, false, true, true}, attributes(t, m))
}

func TestZoneIsNotLeft(t *testing.T) {
	for _, algorithm := range []string{"round_robin", "least_outstanding_requests", "weighted_random"} {
		g := zone(t, map[string]string{"load_balancing.algorithm.type": algorithm})
		if got := choices(g, 1000, start); got[0] < 400 || got[1] < 400 || got[2]+got[3] > 0 {
			t.Errorf("%s: %v", algorithm, got)
		}
		if got := g.Choose([]int{0, 1}, start); got != -1 {
			t.Errorf("%s: with its two tried, chose %d", algorithm, got)
		}
	}
	g := zone(t, nil)
	for hash := range uint64(100) {
		if h, k := g.Hashed(hash, nil), g.Kept(hash, nil); h > 1 || k > 1 {
			t.Fatalf("flows left the zone: %d, %d", h, k)
		}
	}
	if in, out := g.Sticky(g.Target(1).Hash()), g.Sticky(g.Target(2).Hash()); in != 1 || out != -1 {
		t.Errorf("a client sticks to %d in the zone and to %d elsewhere", in, out)
	}
	if healthy, _ := g.Healthy(); healthy != 2 {
		t.Errorf("%d healthy", healthy)
	}
}

// "If cross-zone load balancing is off, [...] the thresholds apply to the number of targets in each enabled zone separately."
func TestZoneFailsOpenByItself(t *testing.T) {
	g := zone(t, map[string]string{"target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage": "51"})
	set(g, start, lb.Healthy, lb.Unhealthy)
	if got := choices(g, 10, start); !g.FailsOpen() || got[0] != 5 || got[1] != 5 {
		t.Errorf("half of the zone is healthy: %v", got)
	}
	set(g, start, lb.Healthy, lb.Healthy, lb.Unhealthy, lb.Unhealthy)
	if g.FailsOpen() {
		t.Error("failed open for targets elsewhere")
	}
	set(g, start, lb.Unhealthy, lb.Unhealthy, lb.Healthy, lb.Healthy)
	if got := choices(g, 10, start); got[0] != 5 || got[1] != 5 {
		t.Errorf("none of the zone is healthy: %v", got)
	}
}

func TestEmptyZone(t *testing.T) {
	g := NewZoneGroup(group(t, 2, nil).targets, []bool{true, true}, attributes(t, nil))
	if got := g.Choose(nil, start); got != -1 || g.FailsOpen() {
		t.Errorf("chose %d", got)
	}
	if !g.Below(lb.MinimumHealthy{Count: 1}) {
		t.Error("no target is enough")
	}
}

func TestBelowEitherMinimum(t *testing.T) {
	g := group(t, 10, nil)
	set(g, start, lb.Unhealthy, lb.Unhealthy, lb.Unhealthy, lb.Unhealthy, lb.Unhealthy, lb.Draining)
	for m, want := range map[lb.MinimumHealthy]bool{{}: false, {Count: 4}: false, {Count: 5}: true, {Percentage: 44}: false, {Percentage: 45}: true, {Count: 1, Percentage: 50}: true, {Count: 5, Percentage: 1}: true} {
		if got := g.Below(m); got != want {
			t.Errorf("4 of 9 healthy, wanted %+v: %v", m, got)
		}
	}
}
