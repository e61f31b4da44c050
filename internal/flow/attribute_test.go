package flow

import (
	"testing"
	"time"

	"github.com/albatross-lb/albatross/internal/snapshot"
	"github.com/albatross-lb/albatross/lb"
)

// tcp.idle_timeout.seconds of the listener, looked at through the sweeper's eyes at later times.
func TestIdleTimeoutAttribute(t *testing.T) {
	for value, idle := range map[string]time.Duration{"": 350 * time.Second, "60": time.Minute, "6000": 6000 * time.Second} {
		cfg := config(lb.TCP, named(t, "1"))
		if value != "" {
			cfg.LoadBalancers[0].Listeners[0].Attributes = map[string]string{"tcp.idle_timeout.seconds": value}
		}
		w := newWorld(t, cfg, Options{Beat: time.Hour})
		read(t, w.dial(), 2)
		s := w.onlyStream()
		now, current := time.Now(), w.current.Load()
		s.stale(now, current) // something has moved
		if s.stale(now.Add(idle-time.Second), current) || !s.stale(now.Add(idle), current) {
			t.Errorf("tcp.idle_timeout.seconds=%s does not end a flow after %v", value, idle)
		}
	}
}

// target_health_state.unhealthy.draining_interval_seconds: flows to an unhealthy target end after it.
func TestDrainingIntervalAttribute(t *testing.T) {
	one, two := named(t, "1"), named(t, "2")
	cfg := with(config(lb.TCP, one, two), "target_health_state.unhealthy.connection_termination.enabled", "false")
	w := newWorld(t, with(cfg, "target_health_state.unhealthy.draining_interval_seconds", "30"), Options{Beat: time.Hour})
	w.state("g", one, lb.Healthy)
	read(t, w.dial(), 2)
	w.state("g", two, lb.Healthy)
	w.state("g", one, lb.Unhealthy)
	s, current, now := w.onlyStream(), w.current.Load(), time.Now()
	for _, after := range []time.Duration{0, 29 * time.Second, 30 * time.Second} {
		if got, want := s.stale(now.Add(after), current), after == 30*time.Second; got != want {
			t.Errorf("it ends %v after the target has become unhealthy: %v", after, got)
		}
	}
}

// stale is a TCP flow, whoever carries it.
type stale interface {
	stale(now time.Time, current *snapshot.Snapshot) bool
}

// onlyStream is the flow that is open.
func (w *world) onlyStream() stale {
	w.t.Helper()
	w.carrier.mu.Lock()
	defer w.carrier.mu.Unlock()
	for f := range w.carrier.flows {
		if s, ok := f.(stale); ok && len(w.carrier.flows) == 1 {
			return s
		}
	}
	w.t.Fatalf("%d flows are open, want one", len(w.carrier.flows))
	return nil
}
