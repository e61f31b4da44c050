package flow

import (
	"time"

	"github.com/albatross-lb/albatross/internal/snapshot"
	"github.com/albatross-lb/albatross/lb"
)

// seen is what the sweeper remembers of a stream between two looks.
type seen struct {
	bytes     int64 // carried, and added to the figures
	moved     time.Time
	unhealthy time.Time // since when the target is; zero: it is not
}

// count adds what was carried since the last time to the figures, and tells whether
// anything was. It is called with s.mu held.
func (f *flow) count() bool {
	carried := f.carried[up].Load() + f.carried[down].Load()
	more := carried - f.seen.bytes
	if more == 0 {
		return false
	}
	f.seen.bytes = carried
	f.figures().ProcessedBytes[f.kind].Add(uint64(more))
	return true
}

// sweep ends the flow where it must not go on.
func (s *Stream) sweep(now time.Time, current *snapshot.Snapshot) {
	if s.stale(now, current) {
		s.end(elbReset)
	}
}

// stale tells whether the flow is to be ended.
func (f *flow) stale(now time.Time, current *snapshot.Snapshot) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.over {
		return false
	}
	if f.count() {
		f.seen.moved = now
	}
	idle := f.carrier.opts.StreamIdle
	if idle == 0 {
		idle = f.network.Attributes.TCPIdleTimeout
	}
	if now.Sub(f.seen.moved) >= idle {
		return true
	}
	if current == nil || f.target == nil {
		return false
	}
	if n := current.Streams[f.network.Port]; n == nil || n.LoadBalancer.Config.Key != f.network.LoadBalancer.Config.Key {
		f.Drain()
	}
	group := f.group
	if g := current.TargetGroups[group.Config.Key]; g != nil {
		group = g // with the attributes and the health of now
	}
	if since := f.drained.Load(); since != 0 && now.Sub(time.Unix(0, since)) >= group.Attributes.DeregistrationDelay {
		return true
	}
	return unfit(f.target, group, &f.seen.unhealthy, now)
}

// unfit tells whether flows to the target are to be ended: it is deregistered and its
// delay is over, or it is unhealthy while others are not
// (deregistration_delay.connection_termination and target_health_state.unhealthy.*).
func unfit(t *snapshot.Target, group *snapshot.TargetGroup, since *time.Time, now time.Time) bool {
	if t.Ended.Load() {
		return group.Attributes.ConnectionsOnDrain
	}
	if t.Load.State() != lb.Unhealthy || group.Balance.FailsOpen() {
		*since = time.Time{}
		return false
	}
	if since.IsZero() {
		*since = now
	}
	a := group.Attributes
	return a.EndUnhealthy || a.UnhealthyDraining > 0 && now.Sub(*since) >= a.UnhealthyDraining
}
