package proxy

import (
	"sync"

	"github.com/albatross-lb/albatross/internal/sock"
)

// sit gives a session a seat, and a goroutine for its TLS handshake: crypto/tls waits in the midst of it.
func (s *Session) sit() bool {
	seat := sock.TakeSeat(s.accepted.FD())
	if seat == nil {
		return false
	}
	s.locked(func() { s.turn.seat = seat })
	workers.do(s.shakeHands)
	return true
}

// stand gives up the session's seat.
func (s *Session) stand() {
	s.turn.seat.Leave()
	s.turn.seat = nil
}

// shakeHands is a session's TLS handshake, behind which it goes to its loop.
func (s *Session) shakeHands() {
	if !s.agreed() {
		s.end()
		s.locked(s.stand)
		return
	}
	looped := false
	s.locked(func() { looped = s.settleDown() })
	if !looped {
		s.carry(s.proceed)
	}
}

// settleDown gives a session to its loop, or to Go's poller. It reports which.
func (s *Session) settleDown() (looped bool) {
	s.stand()
	aborted := s.aborted.Load() // too late for the seat to tell
	if s.tls.h2 || s.turn.lane.Enter(&s.turn.polled, s.accepted.FD(), s, false) != nil {
		if s.adopt(); aborted {
			s.sock.Close()
		}
		return false
	}
	if aborted {
		s.end()
	} else {
		s.rest()
	}
	return true
}

// agreed shakes hands, and tells whether the connection is to be served.
func (s *Session) agreed() bool {
	defer s.contain()
	socket := s.socket()
	return socket != nil && s.handshake(socket) && !s.aborted.Load()
}

// locked calls do with the session's loop locked.
func (s *Session) locked(do func()) {
	s.turn.lane.Lock()
	defer s.turn.lane.Unlock()
	do()
}

// rest has the loop serve the session, which has been in other hands.
func (s *Session) rest() {
	defer s.containLooped()
	t := &s.turn
	t.phase, t.last = resting, false
	t.more, t.wire = true, true // TLS may have read more than it has been asked for
	s.shard = uint32(t.lane.Number)
	t.lane.due(s.quiet.Add(s.idleTimeout()))
	s.serveNow()
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
