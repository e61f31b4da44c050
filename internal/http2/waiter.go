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
	d       time.Duration
	until   time.Time
	late    bool // the last wait took too long
	broken  bool // no wait is wanted any more
}

// wait waits to be woken up, for at most d. late is set if that was too long.
func (w *waiter) wait(d time.Duration) {
	if !w.waiting {
		w.d, w.until = d, time.Now().Add(d)
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

// end is until when the wait goes: later if something has moved meanwhile, see Stream.Tie.
func (w *waiter) end() time.Time {
	if moved := w.s.moved; moved != nil {
		if later := time.Unix(0, moved.Load()).Add(w.d); later.After(w.until) {
			return later
		}
	}
	return w.until
}

func (w *waiter) expire() {
	w.s.c.mu.Lock()
	defer w.s.c.mu.Unlock()
	if !w.waiting { // perhaps for good, and then the clock that the stream was tied to is another's by now
		w.armed = false
		return
	}
	if left := time.Until(w.end()); left > 0 {
		w.timer.Reset(left)
		return
	}
	w.armed, w.late = false, true
	w.cond.Signal()
}

// stop ends the use by one stream. It reports false when expire may be about to run.
func (w *waiter) stop() bool {
	if w.armed && !w.timer.Stop() {
		return false
	}
	w.armed, w.waiting, w.late, w.broken = false, false, false, false
	return true
}
