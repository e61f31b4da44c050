package client

import (
	"slices"
	"time"
)

// Latencies are how long answers took, each from the instant its request was due: one that
// had to wait because the proxy fell behind has waited all the same (what tests that wait for
// an answer before they look at the clock again omit).
type Latencies []time.Duration

// At is the latency that the given share of the answers, 0 to 1, kept within. The latencies must be sorted.
func (l Latencies) At(share float64) time.Duration {
	if len(l) == 0 {
		return 0
	}
	return l[min(len(l)-1, int(share*float64(len(l))))]
}

func (l Latencies) sort() { slices.Sort(l) }
