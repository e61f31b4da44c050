package balance

import "slices"

// Flows (layer 4) are given to targets by a hash, as a network load balancer does it:
// of the flow's five-tuple, or of the client's address alone where clients stick.

// Hashed gives the index of the member that a flow's hash falls to, among those that may be
// chosen now and are not in tried; -1 where there is none.
func (g *Group) Hashed(hash uint64, tried []int) int {
	c := g.choosable.Load()
	if len(c.members) == 0 {
		return -1
	}
	return c.from(mix(hash)%uint64(len(c.members)), tried)
}

// Kept gives the member that a client's hash falls to. When members come and go, only
// the clients of those move (rendezvous hashing, Thaler and Ravishankar 1996): each
// member draws a number for each client, and the highest has it.
func (g *Group) Kept(hash uint64, tried []int) int {
	c := g.choosable.Load()
	best, highest := -1, uint64(0)
	for _, m := range c.members {
		if draw := mix(hash ^ g.targets[m].number); draw >= highest && !slices.Contains(tried, int(m)) {
			best, highest = int(m), draw
		}
	}
	return best
}

// May tells whether the member may be chosen now.
func (g *Group) May(member int) bool {
	c := g.choosable.Load()
	return member >= 0 && member < len(c.may) && c.may[member]
}

// mix spreads the bits of a number over the whole of it (the finaliser of MurmurHash3, Appleby 2011).
func mix(x uint64) uint64 {
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	x *= 0xc4ceb9fe1a85ec53
	return x ^ x>>33
}
