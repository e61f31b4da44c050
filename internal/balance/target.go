package balance

import (
	"crypto/sha256"
	"encoding/binary"
	"sync"
	"sync/atomic"
	"time"

	"github.com/albatross-lb/albatross/lb"
)

// Target is the live state of one target of one target group. It outlives
// configurations: the next Group is made with the same Target.
type Target struct {
	id     string
	hash   Hash
	number uint64 // hash as a number

	mu       sync.Mutex // guards changes of what follows
	state    atomic.Int32
	judged   bool  // a health check has had its say
	together bool  // registered with the whole of a new group: its first slow start is skipped
	pending  int64 // became healthy then (Unix ns); a Refresh has to decide whether slow start begins; 0: decided
	slow     atomic.Int64

	record record // of how requests ended; see Judge

	_        [64]byte // the counters below change twice a request: a cache line of their own
	work     atomic.Uint64
	failures atomic.Uint64
	_        [48]byte
}

// states maps lb.HealthState to what a Target keeps; the order has no meaning.
var states = [...]lb.HealthState{lb.Initial, lb.Healthy, lb.Unhealthy, lb.Unused, lb.Draining, lb.Unavailable}

const (
	initial int32 = iota
	healthy
	unhealthy
	unused
	draining
	unavailable
)

// NewTarget makes the state of a target that is registered and not checked yet. The id
// is its stable identity, such as "127.0.0.1:8001"; stickiness knows it by that.
func NewTarget(id string) *Target {
	h := HashOf(id)
	t := &Target{id: id, hash: h, number: binary.LittleEndian.Uint64(h[:])}
	t.record.weight.Store(fullWeight)
	return t
}

// ID is what the target was made with.
func (t *Target) ID() string { return t.id }

// Hash is HashOf(ID).
func (t *Target) Hash() Hash { return t.hash }

// ended is one request that is over in Target.work: the upper half counts those, the
// lower half those under way, and one addition does both.
const ended = 1 << 32

// Begin counts a request that is sent to the target, End one that is over.
func (t *Target) Begin() { t.work.Add(1) }

// End counts a request that is over, however it ended.
func (t *Target) End() { t.work.Add(ended - 1) }

// Fail says that the request which is about to End has failed, and that this is the
// target's doing: it answered 5XX, or its connection could not be made, broke off or fell silent.
func (t *Target) Fail() { t.failures.Add(1) }

// InFlight is the number of requests between Begin and End.
func (t *Target) InFlight() int64 { return int64(uint32(t.work.Load())) }

// State is the state last set.
func (t *Target) State() lb.HealthState { return states[t.state.Load()] }

// SetState takes over what the health checks say since now. Every Group that the target is a
// member of is to be told by Refresh.
func (t *Target) SetState(s lb.HealthState, now time.Time) {
	next := unhealthy
	for i, known := range states {
		if known == s {
			next = int32(i)
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.state.Swap(next) == next {
		return
	}
	t.pending = 0
	t.slow.Store(0) // "if a target in slow start mode becomes unhealthy, it exits slow start mode"
	if next == healthy && !t.together {
		t.pending = now.UnixNano()
	}
	if next != initial && next != unused {
		t.judged, t.together = true, false
	}
}

// takesTraffic tells whether requests go to a target in this state: healthy, or not checked at all.
func takesTraffic(state int32) bool { return state == healthy || state == unavailable }

// registered tells whether a target in this state may get requests when its group fails open.
func registered(state int32) bool { return state != draining && state != unused }

// ramp is the part of its fair share that the target is to get: 0 to 1.
func (t *Target) ramp(now time.Time, duration time.Duration) float64 {
	since := t.slow.Load()
	if since == 0 {
		return 1
	}
	passed := now.UnixNano() - since
	switch {
	case passed >= int64(duration):
		return 1
	case passed <= 0:
		return 0
	}
	return float64(passed) / float64(duration)
}

// Hash stands for an identity where the identity itself is too long.
type Hash [8]byte

// HashOf gives the hash of a target's or a target group's identity.
func HashOf(id string) Hash {
	sum := sha256.Sum256([]byte(id))
	return Hash(sum[:8])
}
