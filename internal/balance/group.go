package balance

import (
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/albatross-lb/albatross/lb"
)

// Group is the members of a target group in one configuration. Its methods may be
// called by any number of goroutines at once.
type Group struct {
	targets   []*Target
	byHash    map[Hash]int
	away      []bool // by index: in a zone that this group does not send to; nil: none is
	algorithm lb.Algorithm
	slowStart time.Duration // 0: off
	mitigates bool          // targets with anomalies get less
	minimum   lb.MinimumHealthy
	choosable atomic.Pointer[choosable]
	refresh   sync.Mutex // held by Refresh alone

	_    [64]byte // the counters below change with every request
	turn atomic.Uint64
	_    [56]byte
	rest atomic.Uint64 // turns of those who take what targets in slow start leave
	_    [56]byte
}

// choosable is which members may be chosen, as of one Refresh.
type choosable struct {
	members    []int32
	may        []bool   // by index of the member
	ends       []uint32 // ends[i] is the sum of the weights of members up to and including i; nil: all weigh the same
	failOpen   bool
	ramping    bool // some member is in slow start, or was
	healthy    int
	unhealthy  int
	registered int // that could be healthy: not draining, not unused
}

// NewGroup makes the group of these members, which must be different targets. Members
// that no health check has judged yet in a group where that is so of all are "registered
// together": they skip slow start, as on AWS.
func NewGroup(targets []*Target, attrs lb.TargetGroupAttributes) *Group {
	return NewZoneGroup(targets, nil, attrs)
}

// NewZoneGroup is NewGroup for one zone: members that are away (by their index), in
// another zone, are never chosen and count for nothing here.
func NewZoneGroup(targets []*Target, away []bool, attrs lb.TargetGroupAttributes) *Group {
	g := &Group{
		targets: slices.Clone(targets), byHash: make(map[Hash]int, len(targets)), away: away,
		algorithm: attrs.Algorithm, minimum: attrs.UnhealthyRouting,
		mitigates: attrs.AnomalyMitigation && attrs.Algorithm == lb.WeightedRandom,
	}
	if attrs.Algorithm == lb.RoundRobin {
		g.slowStart = attrs.SlowStart
	}
	fresh := true
	for i, t := range targets {
		g.byHash[t.hash] = i
		t.mu.Lock()
		fresh = fresh && !t.judged
		t.mu.Unlock()
	}
	if fresh {
		for _, t := range targets {
			t.mu.Lock()
			t.together = !t.judged
			t.mu.Unlock()
		}
	}
	g.Refresh()
	return g
}

// Len is the number of members; Choose and Sticky give indexes below it.
func (g *Group) Len() int { return len(g.targets) }

// Target is a member by its index, which is that of NewGroup's argument.
func (g *Group) Target(i int) *Target { return g.targets[i] }

// Away tells whether a member is in a zone that the group does not send to.
func (g *Group) Away(i int) bool { return g.away != nil && g.away[i] }

// Refresh recomputes which members may be chosen. It is to be called after SetState of any of them.
func (g *Group) Refresh() {
	g.refresh.Lock()
	defer g.refresh.Unlock()
	c := &choosable{may: make([]bool, len(g.targets)), ramping: g.settleSlowStart()}
	states := make([]int32, len(g.targets))
	for i, t := range g.targets {
		if states[i] = t.state.Load(); g.Away(i) {
			states[i] = unused
		}
		c.count(states[i])
	}
	c.failOpen = c.registered > 0 && c.below(g.minimum)
	for i, state := range states {
		if takesTraffic(state) || c.failOpen && registered(state) {
			c.may[i] = true
			c.members = append(c.members, int32(i))
		}
	}
	c.ramping = c.ramping && !c.failOpen
	if g.mitigates && !c.failOpen {
		c.ends = g.weigh(c.members)
	}
	g.choosable.Store(c)
}

func (c *choosable) count(state int32) {
	if takesTraffic(state) {
		c.healthy++
	}
	if state == unhealthy {
		c.unhealthy++
	}
	if registered(state) {
		c.registered++
	}
}

// below tells whether fewer members are healthy than a minimum wants: "if the number of healthy
// targets is below this value, send traffic to all targets, including unhealthy targets"
// (target_group_health.unhealthy_state_routing.minimum_healthy_targets.count, likewise
// .percentage and dns_failover; either one that is missed counts).
func (c *choosable) below(m lb.MinimumHealthy) bool {
	return c.healthy < m.Count || c.healthy*100 < m.Percentage*c.registered
}

// Below tells whether fewer members are healthy than m wants; those of other zones do not count.
func (g *Group) Below(m lb.MinimumHealthy) bool { return g.choosable.Load().below(m) }

// settleSlowStart decides for the members that became healthy whether slow start
// begins: only where a healthy one is not in it at that time. It tells whether any
// member is in slow start, or was.
func (g *Group) settleSlowStart() (ramping bool) {
	var began []int64 // when the slow start of each other healthy member began; 0, long ago: it had none
	for i, t := range g.targets {
		t.mu.Lock()
		if t.pending == 0 && takesTraffic(t.state.Load()) && !g.Away(i) {
			began = append(began, t.slow.Load())
		}
		t.mu.Unlock()
	}
	for _, t := range g.targets {
		t.mu.Lock()
		if at := t.pending; at != 0 {
			t.pending = 0
			full := func(since int64) bool { return at-since >= int64(g.slowStart) }
			if g.slowStart > 0 && slices.ContainsFunc(began, full) {
				t.slow.Store(at)
			}
		}
		ramping = ramping || t.slow.Load() != 0
		t.mu.Unlock()
	}
	return ramping && g.slowStart > 0
}

// Choose gives the index of a member that may be chosen now and is not in tried, or -1
// where there is none. It allocates nothing and takes no lock.
func (g *Group) Choose(tried []int, now time.Time) int {
	c := g.choosable.Load()
	switch {
	case len(c.members) == 0:
		return -1
	case g.algorithm == lb.LeastOutstanding:
		return g.leastOutstanding(c, tried)
	case g.algorithm == lb.WeightedRandom:
		return c.from(c.random(), tried)
	}
	n := uint64(len(c.members))
	turn := g.turn.Add(1) - 1
	first := c.from(turn%n, tried)
	if first < 0 || !c.ramping {
		return first
	}
	return g.slowly(c, first, turn/n, tried, now)
}

// from is the first member from place at on, round the list, that is not in tried; -1: there is none.
func (c *choosable) from(at uint64, tried []int) int {
	for i := range c.members {
		k := int(at) + i
		if k >= len(c.members) {
			k -= len(c.members)
		}
		if m := int(c.members[k]); !slices.Contains(tried, m) {
			return m
		}
	}
	return -1
}

// slowly lets a member in slow start take the part of its turns that it is ready for
// and gives the other turns to the members that are not in slow start, one after the other. Where there
// is no such member the turn is taken after all.
func (g *Group) slowly(c *choosable, first int, round uint64, tried []int, now time.Time) int {
	part := g.targets[first].ramp(now, g.slowStart)
	if part >= 1 || evenly(round) < part {
		return first
	}
	n := uint64(len(c.members))
	for range 2 * n {
		m := int(c.members[g.rest.Add(1)%n])
		if g.targets[m].ramp(now, g.slowStart) >= 1 && !slices.Contains(tried, m) {
			return m
		}
	}
	return first
}

// evenly spreads the numbers of rounds over 0 to 1, so that any run of them is spread
// evenly too (the additive recurrence of the golden ratio).
func evenly(round uint64) float64 {
	return float64(round*0x9E3779B97F4A7C15>>11) / (1 << 53)
}

// scanned is the size of a group up to which least_outstanding_requests looks at every member.
const scanned = 64

func (g *Group) leastOutstanding(c *choosable, tried []int) int {
	n := uint64(len(c.members))
	if n > scanned {
		return g.betterOfTwo(c, tried)
	}
	at := (g.turn.Add(1) - 1) % n
	best, fewest := -1, int64(0)
	for i := range c.members {
		k := int(at) + i
		if k >= len(c.members) {
			k -= len(c.members)
		}
		m := int(c.members[k])
		if slices.Contains(tried, m) {
			continue
		}
		if load := g.targets[m].InFlight(); best < 0 || load < fewest {
			best, fewest = m, load
		}
	}
	return best
}

func (g *Group) betterOfTwo(c *choosable, tried []int) int {
	n := uint64(len(c.members))
	at := rand.Uint64N(n)
	a, b := c.from(at, tried), c.from((at+1+rand.Uint64N(n-1))%n, tried)
	if a >= 0 && b >= 0 && g.targets[b].InFlight() < g.targets[a].InFlight() {
		return b
	}
	return a
}

// Sticky gives the index of the member with this hash, or -1 where it is gone or may
// not be chosen now; then another one is to be chosen, and the client is to be told.
func (g *Group) Sticky(h Hash) int {
	i, ok := g.byHash[h]
	if !ok || !g.choosable.Load().may[i] {
		return -1
	}
	return i
}

// Healthy counts the members that health checks call healthy (or that are not
// checked), and those that they call unhealthy. Others are neither.
func (g *Group) Healthy() (healthy, unhealthy int) {
	c := g.choosable.Load()
	return c.healthy, c.unhealthy
}

// FailsOpen tells whether too few members are healthy, so that all that are registered may be chosen.
func (g *Group) FailsOpen() bool { return g.choosable.Load().failOpen }

// Eligible gives the indexes of the members that may be chosen now, and whether that is because
// the group fails open.
func (g *Group) Eligible() (members []int, failOpen bool) {
	c := g.choosable.Load()
	for _, m := range c.members {
		members = append(members, int(m))
	}
	return members, c.failOpen
}
