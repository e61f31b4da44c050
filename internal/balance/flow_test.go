package balance

import (
	"testing"
	"time"

	"github.com/albatross-lb/albatross/lb"
)

func flowGroup(n int) (*Group, []*Target) {
	var targets []*Target
	for i := range n {
		t := NewTarget(string(rune('a' + i)))
		t.SetState(lb.Healthy, time.Now())
		targets = append(targets, t)
	}
	return NewGroup(targets, lb.TargetGroupAttributes{UnhealthyRouting: lb.MinimumHealthy{Count: 1}}), targets
}

func TestHashedSpreadsAndPassesOver(t *testing.T) {
	g, targets := flowGroup(4)
	counts := map[int]int{}
	for i := range 4000 {
		counts[g.Hashed(uint64(i), nil)]++
		if g.Hashed(uint64(i), nil) != g.Hashed(uint64(i), nil) {
			t.Fatal("the same flow goes to different targets")
		}
	}
	for m := range 4 {
		if counts[m] < 850 || counts[m] > 1150 {
			t.Errorf("member %d has %d flows of 4000", m, counts[m])
		}
	}
	first := g.Hashed(7, nil)
	if second := g.Hashed(7, []int{first}); second == first || second < 0 {
		t.Errorf("passed over %d for %d", first, second)
	}
	if none := g.Hashed(7, []int{0, 1, 2, 3}); none != -1 {
		t.Errorf("all tried: %d", none)
	}
	targets[2].SetState(lb.Unhealthy, time.Now())
	g.Refresh()
	for i := range 100 {
		if g.Hashed(uint64(i), nil) == 2 || g.Kept(uint64(i), nil) == 2 {
			t.Fatal("an unhealthy member was chosen")
		}
	}
	if g.May(2) || !g.May(1) || g.May(-1) || g.May(9) {
		t.Error("May is wrong")
	}
}

func TestKeptMovesOnlyTheClientsOfAMemberThatLeaves(t *testing.T) {
	g, targets := flowGroup(5)
	counts, before := map[int]int{}, map[uint64]int{}
	for i := range uint64(5000) {
		before[i] = g.Kept(i, nil)
		counts[before[i]]++
	}
	for m := range 5 {
		if counts[m] < 850 || counts[m] > 1150 {
			t.Errorf("member %d has %d clients of 5000", m, counts[m])
		}
	}
	targets[3].SetState(lb.Unhealthy, time.Now())
	g.Refresh()
	for i, was := range before {
		if now := g.Kept(i, nil); was != 3 && now != was || now == 3 {
			t.Fatalf("client %d moved from %d to %d", i, was, now)
		}
	}
}

func TestSplitAt(t *testing.T) {
	s := NewSplit([]int{90, 0, 10})
	counts := map[int]int{}
	for i := range uint64(1000) {
		counts[s.At(i)]++
	}
	if counts[0] != 900 || counts[2] != 100 {
		t.Errorf("%v, want 900 and 100", counts)
	}
	if NewSplit([]int{0, 0}).At(3) != -1 {
		t.Error("no weight, and yet a choice")
	}
}
