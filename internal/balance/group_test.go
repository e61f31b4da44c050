package balance

import (
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/albatross-lb/albatross/lb"
)

var start = time.Unix(1_800_000_000, 0)

func attributes(t testing.TB, m map[string]string) lb.TargetGroupAttributes {
	t.Helper()
	a, errs := lb.ParseTargetGroupAttributes(m)
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	return a
}

// group makes a group of n healthy targets.
func group(t testing.TB, n int, m map[string]string) *Group {
	t.Helper()
	targets := make([]*Target, n)
	for i := range targets {
		targets[i] = NewTarget(fmt.Sprintf("10.0.0.%d:80", i))
		targets[i].SetState(lb.Healthy, start)
	}
	return NewGroup(targets, attributes(t, m))
}

func set(g *Group, now time.Time, states ...lb.HealthState) {
	for i, s := range states {
		g.Target(i).SetState(s, now)
	}
	g.Refresh()
}

// choices counts n choices by target.
func choices(g *Group, n int, now time.Time, tried ...int) []int {
	counts := make([]int, g.Len())
	for range n {
		if i := g.Choose(tried, now); i >= 0 {
			counts[i]++
		}
	}
	return counts
}

func TestRoundRobinIsFair(t *testing.T) {
	g := group(t, 3, nil)
	counts := make([]int, 3)
	for n := 1; n <= 100; n++ {
		counts[g.Choose(nil, start)]++
		if max(counts[0], counts[1], counts[2])-min(counts[0], counts[1], counts[2]) > 1 {
			t.Fatalf("after %d requests: %v", n, counts)
		}
	}
}

func TestRoundRobinIsFairAcrossConnections(t *testing.T) {
	g := group(t, 3, nil)
	const connections, each = 30, 100
	var mu sync.Mutex
	total := make([]int, 3)
	var wg sync.WaitGroup
	for range connections {
		wg.Go(func() {
			mine := choices(g, each, start)
			mu.Lock()
			defer mu.Unlock()
			for i, n := range mine {
				total[i] += n
			}
		})
	}
	wg.Wait()
	for _, n := range total {
		if n != connections*each/3 {
			t.Fatalf("uneven: %v", total)
		}
	}
}

func TestTried(t *testing.T) {
	for _, algorithm := range []lb.Algorithm{lb.RoundRobin, lb.LeastOutstanding, lb.WeightedRandom} {
		for _, size := range []int{3, 100} {
			g := group(t, size, map[string]string{"load_balancing.algorithm.type": string(algorithm)})
			var tried []int
			seen := map[int]bool{}
			for range size {
				i := g.Choose(tried, start)
				if i < 0 || seen[i] {
					t.Fatalf("%s of %d: chose %d after %v", algorithm, size, i, tried)
				}
				seen[i] = true
				tried = append(tried, i)
			}
			if i := g.Choose(tried, start); i != -1 {
				t.Errorf("%s of %d: chose %d where all are tried", algorithm, size, i)
			}
		}
	}
}

func TestLeastOutstanding(t *testing.T) {
	g := group(t, 4, map[string]string{"load_balancing.algorithm.type": "least_outstanding_requests"})
	for i, n := range []int{2, 1, 3, 1} {
		for range n {
			g.Target(i).Begin()
		}
	}
	if got := choices(g, 100, start); got[0]+got[2] != 0 || got[1] < 25 || got[3] < 25 {
		t.Errorf("of 2, 1, 3, 1 in flight: %v", got)
	}
	g.Target(0).End()
	g.Target(0).End()
	if got := choices(g, 10, start); got[0] != 10 {
		t.Errorf("of 0, 1, 3, 1 in flight: %v", got)
	}
	if got := g.Choose([]int{0}, start); got != 1 && got != 3 {
		t.Errorf("without the first: %d", got)
	}
}

func TestLeastOutstandingTakesTurnsAmongEquals(t *testing.T) {
	g := group(t, 3, map[string]string{"load_balancing.algorithm.type": "least_outstanding_requests"})
	if got := choices(g, 9, start); got[0] != 3 || got[1] != 3 || got[2] != 3 {
		t.Errorf("idle targets: %v", got)
	}
}

func TestLeastOutstandingOfMany(t *testing.T) {
	const size = 200
	g := group(t, size, map[string]string{"load_balancing.algorithm.type": "least_outstanding_requests"})
	most := int64(0)
	for range 10 * size {
		i := g.Choose(nil, start)
		g.Target(i).Begin()
		most = max(most, g.Target(i).InFlight())
	}
	if most > 16 { // 10 on average; at random it would be about 22
		t.Errorf("the longest queue is %d", most)
	}
}

func TestWeightedRandom(t *testing.T) {
	g := group(t, 4, map[string]string{"load_balancing.algorithm.type": "weighted_random"})
	for i, n := range choices(g, 40_000, start) {
		if n < 9_300 || n > 10_700 { // eight standard deviations: never by chance
			t.Errorf("target %d got %d of 40000", i, n)
		}
	}
}

func TestStates(t *testing.T) {
	const (
		in, ok, bad, un, dr, na = lb.Initial, lb.Healthy, lb.Unhealthy, lb.Unused, lb.Draining, lb.Unavailable
	)
	count := func(n string) map[string]string {
		return map[string]string{"target_group_health.unhealthy_state_routing.minimum_healthy_targets.count": n}
	}
	percent := func(n string) map[string]string {
		return map[string]string{"target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage": n}
	}
	for _, c := range []struct {
		name     string
		attrs    map[string]string
		states   []lb.HealthState
		eligible string
		open     bool
		healthy  int
		bad      int
	}{
		{"healthy and not checked ones", nil, []lb.HealthState{ok, bad, na, in}, "[0 2]", false, 2, 1},
		{"none healthy: all", nil, []lb.HealthState{bad, bad, in}, "[0 1 2]", true, 0, 2},
		{"never draining or unused ones", nil, []lb.HealthState{bad, dr, un}, "[0]", true, 0, 1},
		{"draining ones are not healthy", nil, []lb.HealthState{ok, dr, bad}, "[0]", false, 1, 1},
		{"only draining ones", nil, []lb.HealthState{dr, un}, "[]", false, 0, 0},
		{"below the count", count("2"), []lb.HealthState{ok, bad, dr, in}, "[0 1 3]", true, 1, 1},
		{"at the count", count("2"), []lb.HealthState{ok, bad, ok}, "[0 2]", false, 2, 1},
		{"below the percentage", percent("50"), []lb.HealthState{ok, bad, bad}, "[0 1 2]", true, 1, 2},
		{"at the percentage, draining ones aside", percent("50"), []lb.HealthState{ok, bad, dr, un}, "[0]", false, 1, 1},
	} {
		g := group(t, len(c.states), c.attrs)
		set(g, start, c.states...)
		members, open := g.Eligible()
		healthy, unhealthy := g.Healthy()
		if fmt.Sprint(members) != c.eligible || open != c.open || healthy != c.healthy || unhealthy != c.bad {
			t.Errorf("%s: %v open=%v, %d healthy, %d unhealthy", c.name, members, open, healthy, unhealthy)
		}
		for i, n := range choices(g, 50, start) {
			if may := g.Sticky(g.Target(i).Hash()) == i; (n > 0) != may || may != contains(members, i) {
				t.Errorf("%s: target %d got %d requests; sticky: %v", c.name, i, n, may)
			}
		}
	}
}

func contains(list []int, i int) bool {
	for _, v := range list {
		if v == i {
			return true
		}
	}
	return false
}

func TestNoTargets(t *testing.T) {
	g := NewGroup(nil, attributes(t, nil))
	if got := g.Choose(nil, start); got != -1 {
		t.Errorf("chose %d", got)
	}
	if got := g.Sticky(HashOf("x")); got != -1 {
		t.Errorf("sticky %d", got)
	}
}

// slowly makes a group of three healthy targets and lets the third one become healthy again now.
func slowly(t *testing.T, algorithm string) *Group {
	g := group(t, 3, map[string]string{"slow_start.duration_seconds": "100", "load_balancing.algorithm.type": algorithm})
	set(g, time.Now(), lb.Healthy, lb.Healthy, lb.Unhealthy)
	time.Sleep(time.Minute)
	set(g, time.Now(), lb.Healthy, lb.Healthy, lb.Healthy)
	return g
}

func TestSlowStartIsLinear(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := slowly(t, "round_robin")
		for tenth := range 13 {
			got := choices(g, 30_000, time.Now())
			want := min(1000*tenth, 10_000)
			if d := got[2] - want; d > 30 || d < -30 {
				t.Errorf("after %d s: %v, want %d for the third", tenth*10, got, want)
			}
			if d := got[0] - got[1]; d > 60 || d < -60 {
				t.Errorf("after %d s: the others share unevenly: %v", tenth*10, got)
			}
			time.Sleep(10 * time.Second)
		}
	})
}

func TestSlowStartIsForRoundRobinOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		if got := choices(slowly(t, "least_outstanding_requests"), 30, time.Now()); got[2] != 10 {
			t.Errorf("least_outstanding_requests: %v", got)
		}
		if got := choices(slowly(t, "weighted_random"), 3000, time.Now()); got[2] < 800 || got[2] > 1200 {
			t.Errorf("weighted_random: %v", got)
		}
	})
}

func TestSlowStartNeedsAnotherTarget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := slowly(t, "round_robin")
		time.Sleep(10 * time.Second)
		set(g, time.Now(), lb.Unhealthy, lb.Unhealthy)
		if got := choices(g, 10, time.Now()); got[2] != 10 {
			t.Errorf("the only healthy target: %v", got)
		}
		set(g, time.Now(), lb.Healthy) // all the others are in slow start: it is not
		if got := choices(g, 1000, time.Now()); got[0] < 900 || got[2] > 100 {
			t.Errorf("one with and one in slow start: %v", got)
		}
		time.Sleep(95 * time.Second) // the third is ready
		set(g, time.Now(), lb.Unhealthy, lb.Healthy)
		if got := choices(g, 1000, time.Now()); got[1] > 10 || got[2] < 990 {
			t.Errorf("the third is ready, the second begins: %v", got)
		}
	})
}

func TestSlowStartEndsWithHealth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := slowly(t, "round_robin")
		time.Sleep(90 * time.Second)
		set(g, time.Now(), lb.Healthy, lb.Healthy, lb.Unhealthy)
		set(g, time.Now(), lb.Healthy, lb.Healthy, lb.Healthy)
		if got := choices(g, 300, time.Now()); got[2] > 3 {
			t.Errorf("slow start did not begin again: %v", got)
		}
	})
}

func TestSlowStartBeginsAfterAllWereDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := slowly(t, "round_robin")
		set(g, time.Now(), lb.Unhealthy, lb.Unhealthy, lb.Unhealthy)
		set(g, time.Now(), lb.Unhealthy, lb.Unhealthy, lb.Healthy)
		time.Sleep(time.Second)
		set(g, time.Now(), lb.Healthy)
		if got := choices(g, 300, time.Now()); got[0] > 3 {
			t.Errorf("the third is alone and not in slow start, the first begins: %v", got)
		}
	})
}

func TestNewGroupSkipsSlowStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		targets := []*Target{NewTarget("a"), NewTarget("b")}
		attrs := attributes(t, map[string]string{"slow_start.duration_seconds": "30"})
		g := NewGroup(targets, attrs)
		set(g, time.Now(), lb.Unused, lb.Unused) // no rule uses the group for a while: nothing was judged
		g = NewGroup(targets, attrs)
		set(g, time.Now(), lb.Initial, lb.Initial)
		set(g, time.Now(), lb.Healthy)
		time.Sleep(time.Second)
		set(g, time.Now(), lb.Healthy, lb.Healthy)
		if got := choices(g, 10, time.Now()); got[1] != 5 {
			t.Errorf("registered together: %v", got)
		}
		g = NewGroup(append(targets, NewTarget("c")), attrs)
		set(g, time.Now(), lb.Healthy, lb.Healthy, lb.Healthy)
		if got := choices(g, 300, time.Now()); got[2] > 3 {
			t.Errorf("registered later: %v", got)
		}
		time.Sleep(15 * time.Second)
		if got := choices(NewGroup(append(targets, g.Target(2)), attrs), 300, time.Now()); got[2] < 45 || got[2] > 55 {
			t.Errorf("slow start does not outlive the configuration: %v", got)
		}
	})
}

func TestNewGroupSkipsSlowStartOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := NewGroup([]*Target{NewTarget("a"), NewTarget("b")}, attributes(t, map[string]string{"slow_start.duration_seconds": "30"}))
		set(g, time.Now(), lb.Healthy, lb.Unhealthy)
		time.Sleep(time.Second)
		set(g, time.Now(), lb.Healthy, lb.Healthy)
		if got := choices(g, 300, time.Now()); got[1] > 3 {
			t.Errorf("it was unhealthy first: %v", got)
		}
	})
}

func TestConcurrentUse(t *testing.T) {
	g := group(t, 8, map[string]string{"slow_start.duration_seconds": "30"})
	var wg sync.WaitGroup
	for worker := range 4 {
		wg.Go(func() {
			for n := range 2000 {
				if worker == 0 {
					state := []lb.HealthState{lb.Healthy, lb.Unhealthy, lb.Draining}[n%3]
					g.Target(n%8).SetState(state, start)
					g.Refresh()
					continue
				}
				if i := g.Choose([]int{n % 8}, start); i >= 0 {
					g.Target(i).Begin()
					g.Target(i).End()
				}
			}
		})
	}
	wg.Wait()
	for i := range g.Len() {
		if n := g.Target(i).InFlight(); n != 0 {
			t.Errorf("target %d has %d in flight", i, n)
		}
	}
}

func TestChooseAllocatesNothing(t *testing.T) {
	for _, algorithm := range []string{"round_robin", "least_outstanding_requests", "weighted_random"} {
		g := group(t, 3, map[string]string{"load_balancing.algorithm.type": algorithm, "slow_start.duration_seconds": "30"})
		set(g, start, lb.Unhealthy)
		set(g, start, lb.Healthy)
		tried := []int{1}
		if n := testing.AllocsPerRun(100, func() { g.Choose(tried, start); g.Sticky(g.Target(0).Hash()) }); n != 0 {
			t.Errorf("%s: %v allocations", algorithm, n)
		}
	}
}

func BenchmarkChoose(b *testing.B) {
	for _, algorithm := range []string{"round_robin", "least_outstanding_requests", "weighted_random"} {
		for _, size := range []int{3, 64, 1000} {
			g := group(b, size, map[string]string{"load_balancing.algorithm.type": algorithm})
			b.Run(fmt.Sprintf("%s/%d", algorithm, size), func(b *testing.B) {
				b.ReportAllocs()
				b.RunParallel(func(pb *testing.PB) {
					for pb.Next() {
						t := g.Target(g.Choose(nil, start))
						t.Begin()
						t.End()
					}
				})
			})
		}
	}
}
