package proxy

import (
	"log/slog"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/albatross-lb/albatross/internal/sock"
)

// shakeHands is the TLS handshake of a session in a loop. It takes a goroutine, since crypto/tls
// waits in the midst of it, but that waits by what the loop hears: the socket is known to no
// other poller, so that most connections never cost one, nor the scheduler's attention
// when they are closed.
func (s *Session) shakeHands() {
	done := false
	defer func() {
		if fault := recover(); fault != nil {
			slog.Error("shaking hands: panic", "port", s.port, "panic", fault, "stack", string(debug.Stack()))
		}
		if !done {
			s.locked(s.end)
		}
	}()
	socket := s.socket()
	if socket == nil || !s.handshake(socket) {
		return
	}
	done = true
	if s.tls.h2 {
		s.locked(s.leave)
		s.carry(s.proceed)
		return
	}
	s.locked(s.rest)
}

// locked calls do with the session's loop locked.
func (s *Session) locked(do func()) {
	s.turn.lane.Lock()
	defer s.turn.lane.Unlock()
	do()
}

// leave takes the session out of its loop, to Go's poller.
func (s *Session) leave() {
	s.accepted = s.accepted.At(s.turn.polled.Release())
	s.turn.waker = nil
	s.adopt()
}

// rest has the loop serve the session, which has been in other hands.
func (s *Session) rest() {
	defer s.containLooped()
	t := &s.turn
	t.waker, t.phase, t.last = nil, resting, false
	t.more, t.wire = true, true // TLS may have read more than it has been asked for
	s.shard = uint32(t.lane.Number)
	t.lane.due(s.quiet.Add(s.idleTimeout()))
	s.serveNow()
	if s.looped() && t.phase == resting && s.draining.Load() {
		s.end()
	}
}

// waker lets a goroutine wait for the events of a socket that a loop has.
type waker struct {
	come   chan struct{} // has room for one: something has come since it was last asked
	failed atomic.Pointer[error]
}

func newWaker() *waker { return &waker{come: make(chan struct{}, 1)} }

// wake tells of events.
func (w *waker) wake() {
	select {
	case w.come <- struct{}{}:
	default:
	}
}

// fail has all waits end with err.
func (w *waker) fail(err error) {
	w.failed.CompareAndSwap(nil, &err)
	w.wake()
}

// wait waits for the next events.
func (w *waker) wait() error {
	<-w.come
	if err := w.failed.Load(); err != nil {
		w.wake() // for the next wait
		return *err
	}
	return nil
}

// recvWaiting reads from p's socket, and waits for something to read.
func (w *waker) recvWaiting(p *sock.Polled, b []byte) (int, error) {
	for {
		n, errno := p.Recv(b)
		switch {
		case errno == 0:
			return n, nil
		case errno != syscall.EAGAIN:
			return 0, errno
		}
		if err := w.wait(); err != nil {
			return 0, err
		}
	}
}

// sendWaiting sends all of b, and waits for room.
func (w *waker) sendWaiting(p *sock.Polled, b []byte) (sent int, err error) {
	for sent < len(b) {
		n, errno := p.Send(b[sent:])
		switch {
		case errno == 0:
			sent += n
		case errno != syscall.EAGAIN:
			return sent, errno
		default:
			if err := w.wait(); err != nil {
				return sent, err
			}
		}
	}
	return sent, nil
}

// workers are goroutines that do one thing after the other. One that has been through a TLS
// handshake has a stack that a new one would have to grow to, in three copies.
var workers crew

type crew struct {
	mu   sync.Mutex
	idle []chan func() // each is a worker's that waits; the last one has worked last
}

// mostWorkers bounds how many wait.
const mostWorkers = 64

// do has a worker do something.
func (c *crew) do(what func()) {
	c.mu.Lock()
	n := len(c.idle)
	if n == 0 {
		c.mu.Unlock()
		go c.work(what)
		return
	}
	next := c.idle[n-1]
	c.idle = c.idle[:n-1]
	c.mu.Unlock()
	next <- what // has room
}

func (c *crew) work(what func()) {
	next := make(chan func(), 1)
	for {
		what()
		if !c.wait(next) {
			return
		}
		what = <-next
	}
}

// wait has a worker wait, unless enough others do.
func (c *crew) wait(next chan func()) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.idle) == mostWorkers {
		return false
	}
	c.idle = append(c.idle, next)
	return true
}
