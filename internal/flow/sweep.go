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
func (s *Stream) count() bool {
	carried := s.up.bytes.Load() + s.down.bytes.Load()
	more := carried - s.seen.bytes
	if more == 0 {
		return false
	}
	s.seen.bytes = carried
	s.figures().ProcessedBytes[s.kind].Add(uint64(more))
	return true
}

// sweep ends the flow where it must not go on.
func (s *Stream) sweep(now time.Time, current *snapshot.Snapshot) {
	if s.stale(now, current) {
		s.end(elbReset)
	}
}

func (s *Stream) stale(now time.Time, current *snapshot.Snapshot) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over {
		return false
	}
	if s.count() {
		s.seen.moved = now
	}
	idle := s.carrier.opts.StreamIdle
	if idle == 0 {
		idle = s.network.Attributes.TCPIdleTimeout
	}
	if now.Sub(s.seen.moved) >= idle {
		return true
	}
	if current == nil || s.target == nil {
		return false
	}
	if n := current.Streams[s.network.Port]; n == nil || n.LoadBalancer.Config.Key != s.network.LoadBalancer.Config.Key {
		s.Drain()
	}
	group := s.group
	if g := current.TargetGroups[group.Config.Key]; g != nil {
		group = g // with the attributes and the health of now
	}
	if since := s.drained.Load(); since != 0 && now.Sub(time.Unix(0, since)) >= group.Attributes.DeregistrationDelay {
		return true
	}
	return unfit(s.target, group, &s.seen.unhealthy, now)
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
