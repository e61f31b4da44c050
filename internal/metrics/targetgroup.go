package metrics

import (
	"math/bits"
	"sync/atomic"
	"time"
)

// TargetGroup holds the counters of one target group of one load balancer.
type TargetGroup struct {
	name   string
	shards []TargetGroupShard
}

// TargetGroupShard is one shard of a target group's counters, which only grow.
type TargetGroupShard struct {
	Requests                                   atomic.Uint64 // for which a target was chosen
	Target2xx, Target3xx, Target4xx, Target5xx atomic.Uint64 // answers of targets
	ConnectionErrors                           atomic.Uint64 // connections to targets that did not come about
	TLSErrors                                  atomic.Uint64 // of those, handshakes that went wrong
	UnhealthyRouting                           atomic.Uint64 // requests sent while the group failed open

	ResponseTime Histogram

	_ [16]byte // to a multiple of 128
}

// Shard gives a shard for a connection's number; any number will do.
func (t *TargetGroup) Shard(i uint32) *TargetGroupShard {
	return &t.shards[i&uint32(len(t.shards)-1)]
}

// CountTarget counts an answer of a target by its class. A 101 has no counter in ALB and none here.
func (s *TargetGroupShard) CountTarget(status int) {
	switch status / 100 {
	case 2:
		s.Target2xx.Add(1)
	case 3:
		s.Target3xx.Add(1)
	case 4:
		s.Target4xx.Add(1)
	case 5:
		s.Target5xx.Add(1)
	}
}

// bounds are the upper bounds of the histogram's buckets: 1, 2 and 5 times the powers of ten
// from 50 microseconds, less than a target on the same machine takes, to 100
// seconds, more than most idle timeouts allow. One more bucket is for what is longer.
var bounds = [...]time.Duration{
	50 * time.Microsecond, 100 * time.Microsecond, 200 * time.Microsecond, 500 * time.Microsecond,
	1 * time.Millisecond, 2 * time.Millisecond, 5 * time.Millisecond,
	10 * time.Millisecond, 20 * time.Millisecond, 50 * time.Millisecond,
	100 * time.Millisecond, 200 * time.Millisecond, 500 * time.Millisecond,
	1 * time.Second, 2 * time.Second, 5 * time.Second,
	10 * time.Second, 20 * time.Second, 50 * time.Second, 100 * time.Second,
}

// Histogram counts durations in fixed buckets.
type Histogram struct {
	sum     atomic.Uint64 // nanoseconds
	buckets [len(bounds) + 1]atomic.Uint64
}

// firstBound says, for each bit length of a number of nanoseconds, the first bound
// that a number of that length could be within. Neighbouring bounds are at least
// a factor of two apart, so at most one of them lies among the numbers of one bit
// length, and a single comparison finishes the search.
var firstBound = func() (first [65]uint8) {
	for length := range first {
		least := uint64(0)
		if length > 0 {
			least = 1 << (length - 1)
		}
		for int(first[length]) < len(bounds) && uint64(bounds[first[length]]) < least {
			first[length]++
		}
	}
	return first
}()

// Observe counts one duration; a negative one counts as 0.
func (h *Histogram) Observe(d time.Duration) {
	ns := uint64(max(d, 0))
	i := firstBound[bits.Len64(ns)]
	if int(i) < len(bounds) && ns > uint64(bounds[i]) {
		i++
	}
	h.buckets[i].Add(1)
	h.sum.Add(ns)
}
