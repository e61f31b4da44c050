package proxy

import (
	"crypto/tls"
	"syscall"
	"time"

	"github.com/albatross-lb/albatross/internal/sock"
)

// startLingering is linger in a loop.
func (s *Session) startLingering() {
	t := &s.turn
	t.phase, t.thrown = lingering, 0
	if c, ok := s.conn.(*tls.Conn); ok {
		c.CloseWrite()
	}
	sock.ShutdownWrite(t.polled.FD())
	t.lane.due(s.quiet.Add(lingerTimeout))
	if t.wire && (t.more || s.secure) {
		s.lingerNow()
	}
}

// lingerNow throws away what the client has sent.
func (s *Session) lingerNow() {
	t := &s.turn
	for t.thrown <= lingerBytes {
		n, errno := t.polled.Recv(t.lane.Buffer)
		if errno == syscall.EAGAIN {
			return
		}
		if n <= 0 || errno != 0 {
			break
		}
		t.thrown += n
	}
	s.end()
}

// overdue has the session see whether it has waited for long enough, and gives the time when it is to be asked again.
func (s *Session) overdue(now time.Time) time.Time {
	var until time.Time
	act := s.end
	switch s.turn.phase {
	case resting:
		until = s.quiet.Add(s.idleTimeout())
	case lingering:
		until = s.quiet.Add(lingerTimeout)
	case reading:
		until, act = s.e.start.Add(tick), func() { s.handOver(s.proceed) }
	default:
		until, act = s.e.active.Add(tick), s.handOverAsking
	}
	if now.Before(until) {
		return until
	}
	act()
	return now.Add(farthest)
}

// closeIdleLooped is CloseIdle for a session in a loop. It reports whether it is in one.
func (s *Session) closeIdleLooped() bool {
	t := &s.turn
	if t.lane == nil {
		return false
	}
	t.lane.Lock()
	defer t.lane.Unlock()
	if !s.looped() {
		return false
	}
	if t.phase == resting && !s.unreadNow() { // what arrived in this moment is still served
		s.end()
	}
	return true
}

// cutOff closes the connection under whatever is going on.
func (s *Session) cutOff() {
	t := &s.turn
	if t.lane != nil {
		t.lane.Lock()
		defer t.lane.Unlock()
	}
	switch {
	case t.seat != nil:
		t.seat.SetDeadline(time.Unix(1, 0))
	case !s.looped():
	case t.line != nil:
		s.handOverAsking()
	case t.parsed > 0: // in the midst of a body, which is noted
		s.handOver(s.proceed)
	default:
		s.drop()
		s.end()
		return
	}
	if s.sock != nil { // else it has not begun, and will see
		s.sock.Close()
	}
}

// resetLooped has the session end by a reset, if a loop has it.
func (s *Session) resetLooped() bool {
	s.turn.reset = s.looped()
	return s.turn.reset
}

// shut closes the socket.
func (s *Session) shut() {
	switch {
	case s.looped() && (s.conn == nil || s.turn.reset): // TLS would say that this is the end, before the reset
		s.turn.polled.Close(s.turn.reset)
	case s.conn != nil:
		s.conn.Close()
	default:
		s.accepted.Close()
	}
}
