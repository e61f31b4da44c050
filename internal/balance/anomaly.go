package balance

import (
	"math"
	"sync/atomic"
	"time"
)

// Automatic target weights. AWS tells what they do and not by which numbers: "ATW analyzes the HTTP
// return status codes and TCP/TLS errors to identify targets with a disproportionate ratio
// of errors compared to other targets in the target group"; it needs three healthy targets; the
// volume of an anomalous target is reduced iteratively "until the target recovers or the
// traffic volume is decreased to a negligible level", and then gradually increased. The numbers here are ours.

// JudgeEvery is how often Judge is to be called.
const JudgeEvery = time.Second

const (
	// leastHealthy is how many healthy members there must be for one to be compared with the others.
	leastHealthy = 3
	// kept is the part of the figures that is kept from one look to the next: they
	// cover some seven seconds. Of a target that gets less they cover two: it is to be
	// judged by what it does now, and it gets too little for old failures to be outnumbered soon.
	kept, keptOfFew = 0.85, 0.5
	// sureness is the quantile of the normal distribution for 99%: an error or two prove nothing.
	sureness = 2.576
	// disproportion is by how much a target's ratio of errors must exceed that of its peers.
	disproportion = 2
	// An anomalous target's weight is halved at each look; afterwards it takes 14 looks from the least to the full.
	lower, raise = 0.5, 1.4
)

// record is what is known of how a target's requests ended. It outlives configurations as
// the rest of Target does. All but the atomics are guarded by Target.mu.
type record struct {
	ended, failed      uint32  // as counted at the last look
	requests, failures float64 // of late

	anomalous atomic.Bool
	weight    atomic.Uint32 // in thousandths
}

// look brings the figures up to date.
func (t *Target) look() (requests, failures float64) {
	ended, failed := uint32(t.work.Load()>>32), uint32(t.failures.Load())
	t.mu.Lock()
	defer t.mu.Unlock()
	r, part := &t.record, kept
	if r.weight.Load() < fullWeight {
		part = keptOfFew
	}
	r.requests = r.requests*part + float64(ended-r.ended) // the counts may go round
	r.failures = r.failures*part + float64(failed-r.failed)
	r.ended, r.failed = ended, failed
	return r.requests, min(r.failures, r.requests)
}

// Judge compares how the requests of the members have ended since it was last called, and
// lowers or raises weights. It is not for the request path: call it every JudgeEvery.
func (g *Group) Judge() {
	type figures struct{ requests, failures float64 }
	var all figures
	healthy, of := 0, make([]figures, len(g.targets))
	for i, t := range g.targets {
		of[i].requests, of[i].failures = t.look()
		if g.compared(i) {
			healthy++
			all.requests += of[i].requests
			all.failures += of[i].failures
		}
	}
	changed := false
	for i, t := range g.targets {
		f := of[i]
		odd := healthy >= leastHealthy && g.compared(i) && anomalous(f.failures, f.requests, all.failures-f.failures, all.requests-f.requests)
		t.record.anomalous.Store(odd)
		if next := g.nextWeight(t, healthy >= leastHealthy && g.compared(i)); t.record.weight.Swap(next) != next {
			changed = true
		}
	}
	if changed {
		g.Refresh()
	}
}

// compared tells whether a member is one of those that are compared with each other.
func (g *Group) compared(i int) bool { return !g.Away(i) && takesTraffic(g.targets[i].state.Load()) }

// anomalous tells whether failures of requests are surely out of proportion to those of the peers.
func anomalous(failures, requests, peerFailures, peerRequests float64) bool {
	least, _ := between(failures, requests)
	_, most := between(peerFailures, peerRequests)
	return least > disproportion*most
}

// between gives the bounds of the ratio that so many failures of so many requests speak for
// (Wilson's interval, 1927: it holds for few requests, and for ratios near 0).
func between(failures, requests float64) (least, most float64) {
	if requests <= 0 {
		return 0, 1
	}
	const z2 = sureness * sureness
	ratio := failures / requests
	middle := (ratio + z2/(2*requests)) / (1 + z2/requests)
	spread := sureness * math.Sqrt(ratio*(1-ratio)/requests+z2/(4*requests*requests)) / (1 + z2/requests)
	return middle - spread, middle + spread
}

// nextWeight is what a target is to weigh until the next look. Where it is not compared with
// others, since it is unhealthy or they are too few, it weighs as much as any.
func (g *Group) nextWeight(t *Target, compared bool) uint32 {
	w := float64(t.record.weight.Load())
	switch {
	case !g.mitigates || !compared:
		return fullWeight
	case t.record.anomalous.Load():
		return uint32(max(w*lower, leastWeight))
	}
	return uint32(min(math.Ceil(w*raise), fullWeight))
}

// Anomalous tells whether a member is found to have anomalies; mitigated, whether it gets less for it.
func (g *Group) Anomalous(i int) (anomalous, mitigated bool) {
	return g.targets[i].record.anomalous.Load(), g.Weight(i) < 1
}

// Anomalies counts the members that have anomalies, and those that get less for it.
func (g *Group) Anomalies() (anomalous, mitigated int) {
	for i := range g.targets {
		a, m := g.Anomalous(i)
		if a {
			anomalous++
		}
		if m {
			mitigated++
		}
	}
	return anomalous, mitigated
}
