package http2

import (
	"sync"
	"time"
)

// waiter lets one goroutine wait for something on its stream, for a limited time.
// The timer is set late rather than often: once it runs, waits only note until when
// they go, and the timer goes on for as long as that is.
type waiter struct {
	cond    sync.Cond
	s       *Stream
	timer   *time.Timer
	armed   bool
	waiting bool
	until   time.Time
	late    bool // the last wait took too long
	broken  bool // no wait is wanted any more
}

// wait waits to be woken up, for at most d. late is set if that was too long.
func (w *waiter) wait(d time.Duration) {
	if !w.waiting {
		w.until = time.Now().Add(d)
	}
	if !w.armed {
		w.armed = true
		if w.timer == nil {
			w.timer = time.AfterFunc(d, w.expire)
		} else {
			w.timer.Reset(d)
		}
	}
	w.waiting = true
	w.cond.Wait()
	w.waiting = false
}

func (w *waiter) wake() {
	if w.waiting {
		w.cond.Signal()
	}
}

func (w *waiter) expire() {
	w.s.c.mu.Lock()
	defer w.s.c.mu.Unlock()
	switch left := time.Until(w.until); {
	case !w.waiting:
		w.armed = false
	case left > 0:
		w.timer.Reset(left)
	default:
		w.armed, w.late = false, true
		w.cond.Signal()
	}
}

// stop ends the use by one stream. It reports false when expire may be about to run.
func (w *waiter) stop() bool {
	if w.armed && !w.timer.Stop() {
		return false
	}
	w.armed, w.waiting, w.late, w.broken = false, false, false, false
	return true
}
