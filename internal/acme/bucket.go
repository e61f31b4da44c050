package acme

import (
	"sync"
	"time"
)

// bucket bounds a rate: so many at once, and one more after each interval.
type bucket struct {
	most  int
	every time.Duration

	mu   sync.Mutex
	full time.Time // when it will be full again
}

func newBucket(most int, every time.Duration) *bucket { return &bucket{most: most, every: every} }

// take takes one, or says after how long there is one to take.
func (b *bucket) take(now time.Time) (wait time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	full := b.full
	if full.Before(now) {
		full = now
	}
	if wait = full.Sub(now) - time.Duration(b.most-1)*b.every; wait > 0 {
		return wait
	}
	b.full = full.Add(b.every)
	return 0
}

// give gives one back that was not needed.
func (b *bucket) give() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.full = b.full.Add(-b.every)
}
