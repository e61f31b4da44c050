package balance

import (
	"math/rand/v2"
	"sort"
)

// Weights of targets, in thousandths of a fair share.
const (
	fullWeight  = 1000
	leastWeight = 10 // "a negligible level": enough to see whether the target has recovered
)

// weigh gives the running sums of the members' weights; nil where all weigh the same.
func (g *Group) weigh(members []int32) []uint32 {
	ends, sum, differ := make([]uint32, len(members)), uint32(0), false
	for i, m := range members {
		w := g.targets[m].record.weight.Load()
		differ = differ || w != fullWeight
		sum += w
		ends[i] = sum
	}
	if !differ {
		return nil
	}
	return ends
}

// random gives a place in members, by weight. There is at least one.
func (c *choosable) random() uint64 {
	if c.ends == nil {
		return rand.Uint64N(uint64(len(c.members)))
	}
	at := rand.Uint32N(c.ends[len(c.ends)-1])
	return uint64(sort.Search(len(c.ends), func(i int) bool { return at < c.ends[i] }))
}

// Weight is a member's part of its fair share, 0 to 1: less than 1 while anomaly mitigation is in effect for it.
func (g *Group) Weight(i int) float64 {
	if !g.mitigates {
		return 1
	}
	return float64(g.targets[i].record.weight.Load()) / fullWeight
}
