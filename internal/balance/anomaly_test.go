package balance

import (
	"testing"

	"github.com/albatross-lb/albatross/lb"
)

var mitigating = map[string]string{"load_balancing.algorithm.type": "weighted_random", "load_balancing.algorithm.anomaly_mitigation": "on"}

// traffic sends requests for a number of seconds, with a look after each. ratio is how many of a
// target's requests fail, in per cent. It returns how many each target got.
func traffic(g *Group, seconds, perSecond int, ratio ...int) []int {
	return trafficBy(g, func() int { return g.Choose(nil, start) }, seconds, perSecond, ratio...)
}

// evenTraffic is traffic of which each target gets exactly as much as any other: a
// verdict that hangs on a ratio must not hang on chance.
func evenTraffic(g *Group, seconds, perSecond int, ratio ...int) []int {
	turn := -1
	next := func() int { turn++; return turn % g.Len() }
	return trafficBy(g, next, seconds, perSecond, ratio...)
}

func trafficBy(g *Group, choose func() int, seconds, perSecond int, ratio ...int) []int {
	got := make([]int, g.Len())
	for range seconds {
		for range perSecond {
			i := choose()
			t := g.Target(i)
			t.Begin()
			if i < len(ratio) && (got[i]*ratio[i])/100 != ((got[i]+1)*ratio[i])/100 {
				t.Fail()
			}
			t.End()
			got[i]++
		}
		g.Judge()
	}
	return got
}

func verdicts(g *Group) (all string) {
	for i := range g.Len() {
		switch anomalous, mitigated := g.Anomalous(i); {
		case anomalous && mitigated:
			all += "M"
		case anomalous:
			all += "A"
		case mitigated:
			all += "m"
		default:
			all += "-"
		}
	}
	return all
}

func TestAnomalyIsMitigatedAndForgotten(t *testing.T) {
	g := group(t, 4, mitigating)
	traffic(g, 5, 400)
	if got := verdicts(g); got != "----" {
		t.Fatalf("all is well: %s", got)
	}
	traffic(g, 10, 400, 0, 0, 50)
	if got := verdicts(g); got != "--M-" || g.Weight(2) != 0.01 {
		t.Fatalf("the third fails half of its requests: %s, weight %v", got, g.Weight(2))
	}
	if a, m := g.Anomalies(); a != 1 || m != 1 {
		t.Errorf("%d anomalous, %d mitigated", a, m)
	}
	if got := traffic(g, 10, 1000, 0, 0, 50); got[2] > 100 || got[0] < 3000 || got[1] < 3000 || got[3] < 3000 {
		t.Errorf("traffic while it fails: %v of 10000", got)
	}
	before, seconds := g.Weight(2), 0
	for ; g.Weight(2) < 1 && seconds < 100; seconds++ {
		traffic(g, 1, 1000)
		if g.Weight(2) > before*1.4+0.001 {
			t.Errorf("its weight grew from %v to %v at once", before, g.Weight(2))
		}
		before = g.Weight(2)
	}
	if verdicts(g) != "----" || seconds < 14 || seconds > 40 {
		t.Errorf("after %d s without failures: %s, weight %v", seconds, verdicts(g), g.Weight(2))
	}
	if got := traffic(g, 4, 1000); got[2] < 800 {
		t.Errorf("it has its share again: %v", got)
	}
}

// What is judged, by how targets fail.
func TestAnomaliesAreOutOfProportion(t *testing.T) {
	for _, c := range []struct {
		name      string
		targets   int
		perSecond int
		ratio     []int
		want      string
	}{
		{"every target fails alike", 4, 400, []int{30, 30, 30, 30}, "----"},
		{"a little more than the others", 4, 400, []int{10, 10, 14, 10}, "----"},
		{"much more than the others", 4, 400, []int{10, 10, 60, 10}, "--M-"},
		{"most of them fail", 3, 300, []int{100, 100, 0}, "---"},
		{"two of five fail", 5, 500, []int{100, 0, 0, 100, 0}, "M--M-"},
		{"fewer than three targets", 2, 200, []int{100, 0}, "--"},
		{"too few requests to be sure", 3, 1, []int{100, 0, 0}, "---"},
	} {
		g := group(t, c.targets, mitigating)
		evenTraffic(g, 3, c.perSecond, c.ratio...)
		if got := verdicts(g); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

func TestDetectionWithoutMitigation(t *testing.T) {
	for _, m := range []map[string]string{nil, {"load_balancing.algorithm.type": "weighted_random"},
		{"load_balancing.algorithm.anomaly_mitigation": "on"}} { // with round_robin it is off
		g := group(t, 3, m)
		traffic(g, 5, 300, 100)
		if got := verdicts(g); got != "A--" || g.Weight(0) != 1 {
			t.Errorf("%v: %s, weight %v", m, got, g.Weight(0))
		}
		if got := traffic(g, 1, 3000, 100); got[0] < 800 {
			t.Errorf("%v: it gets less all the same: %v", m, got)
		}
	}
}

func TestWeightOutlivesConfigurations(t *testing.T) {
	g := group(t, 4, mitigating)
	traffic(g, 10, 400, 100)
	g = NewGroup(g.targets, attributes(t, mitigating))
	if got := choices(g, 1000, start); got[0] > 50 {
		t.Errorf("after a change of configuration: %v", got)
	}
}

func TestMitigationNeedsThreeHealthyTargets(t *testing.T) {
	g := group(t, 3, mitigating)
	traffic(g, 10, 300, 100)
	if g.Weight(0) != 0.01 {
		t.Fatalf("weight %v", g.Weight(0))
	}
	set(g, start, lb.Healthy, lb.Healthy, lb.Unhealthy)
	g.Judge()
	if got := choices(g, 1000, start); got[0] < 400 || verdicts(g) != "---" {
		t.Errorf("two are left: %v, %s", got, verdicts(g))
	}
}

// A group that fails open needs everybody.
func TestFailingOpenIgnoresWeights(t *testing.T) {
	g := group(t, 4, mitigating)
	traffic(g, 10, 400, 100)
	set(g, start, lb.Unhealthy, lb.Unhealthy, lb.Unhealthy, lb.Unhealthy)
	if got := choices(g, 1000, start); got[0] < 150 {
		t.Errorf("%v", got)
	}
}

func TestWeightsAllocateNothing(t *testing.T) {
	g := group(t, 4, mitigating)
	traffic(g, 10, 400, 100)
	tried := []int{1}
	if n := testing.AllocsPerRun(100, func() { g.Choose(tried, start) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
	for range 1000 {
		if g.Choose(tried, start) == 1 {
			t.Fatal("chose a target that was tried")
		}
	}
}
