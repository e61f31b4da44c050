package proxy

import (
	"io"
	"net"
	"syscall"
	"time"

	"github.com/albatross-lb/albatross/internal/http1"
	"github.com/albatross-lb/albatross/internal/sock"
	"github.com/albatross-lb/albatross/internal/upstream"
)

// ask asks the next target, in a loop. It reports whether the exchange is over, for want of a target.
func (s *Session) ask(e *exchange) (done bool) {
	t := &s.turn
	for e.pick() {
		if !e.lineable() {
			s.e = nil
			s.handOver(func() bool { return s.conclude(e, e.attempt()) })
			return false
		}
		pool := e.target.Pool
		if t.line = pool.Line(t.lane.Loop, s, e.active, idempotent(e.req.Method)); t.line != nil {
			s.sendRequest()
			return false
		}
		var err error
		if t.line, err = pool.NewLine(t.lane.Loop, s); err == nil {
			t.phase = connecting
			t.lane.due(e.active.Add(tick))
			return false
		}
		if e.attempted(e.unconnected(err)) {
			return true
		}
	}
	return true
}

// Answer is called by the loop when something has come about on the target's socket.
func (s *Session) Answer(events uint32) {
	defer s.containLooped()
	t := &s.turn
	t.cut = events&sock.Ended != 0
	switch {
	case t.phase == connecting:
		s.connected(events)
	case events&sock.Readable != 0:
		s.answerNow()
	}
}

// connected is called when the target has taken the connection, or has not.
func (s *Session) connected(events uint32) {
	t, e := &s.turn, s.e
	switch {
	case events&sock.BrokenOff != 0:
		err := sock.Failure(t.line.FD())
		t.line.Close(false)
		t.line = nil
		if e.attempted(e.unconnected(err)) || s.ask(e) {
			s.finishNow()
		}
	case events&sock.Writable != 0:
		e.active = time.Now()
		s.sendRequest()
		if t.phase == asking && events&sock.Readable != 0 { // it has not waited for that, and there is no other event
			s.answerNow()
		}
	}
}

// sendRequest sends the request on the line.
func (s *Session) sendRequest() {
	t, e := &s.turn, s.e
	e.ask()
	n, errno := t.line.Send(e.out)
	switch {
	case errno == syscall.EAGAIN:
		s.carryOn(0, nil)
	case errno != 0:
		s.carryOn(0, &sendError{errno, 0})
	case n < len(e.out):
		s.carryOn(n, nil)
	default:
		t.phase = asking
		t.lane.due(e.active.Add(tick))
	}
}

// answerNow relays what has come of the answer.
func (s *Session) answerNow() {
	t, e := &s.turn, s.e
	for range readsInTurn {
		if e.up.mem == nil {
			e.up.mem = t.lane.answers
		}
		space := e.up.space()
		n, errno := t.line.Recv(space)
		if errno == syscall.EAGAIN {
			s.keepAnswer()
			return
		}
		e.up.w += max(n, 0)
		e.active = time.Now()
		done, more, err := s.relayNow(targetError(n, errno))
		if !more {
			return
		}
		if done || err != nil {
			s.answeredNow(e.relayed(done, err))
			return
		}
		if n < len(space) && !t.cut {
			s.keepAnswer()
			t.lane.due(e.active.Add(tick))
			return
		}
	}
	s.handOverAsking()
}

// targetError is what ends an answer before its time.
func targetError(n int, errno syscall.Errno) error {
	switch {
	case errno != 0:
		return &net.OpError{Op: "read", Net: "tcp", Err: errno}
	case n == 0:
		return io.EOF
	}
	return nil
}

// relayNow sends on what has been read. more is false when a goroutine has taken over.
func (s *Session) relayNow(failed error) (done, more bool, err error) {
	t, e := &s.turn, s.e
	switch {
	case t.phase == asking && failed != nil:
		s.carryOn(len(e.out), failed)
		return false, false, nil
	case t.phase == asking:
		head, bad := e.resp.Parse(e.up.bytes(), http1.Limits{}, e.req.Method)
		switch {
		case bad != nil || head > 0 && e.resp.Status < 200 || head == 0 && len(e.up.space()) == 0:
			s.carryOn(len(e.out), nil)
			return false, false, nil
		case head == 0:
			return false, true, nil
		}
		e.opened()
		t.phase = streaming
		done, err = e.relayFirst(head)
	case failed != nil:
		return false, true, failed
	case e.target.Ended.Load():
		return false, true, errDrained
	default:
		done, err = e.relayMore()
	}
	if err == nil && !done {
		if len(t.unsent) > 0 {
			s.handOverAsking()
			return false, false, nil
		}
		e.up.r, e.up.w = 0, 0
	}
	return done, true, err
}

// keepAnswer leaves the loop's buffer to others, unless something of the answer's head is in it.
func (s *Session) keepAnswer() {
	t, e := &s.turn, s.e
	if e.up.mem != t.lane.answers {
		return
	}
	if e.up.w == 0 {
		e.up = buffer{}
		return
	}
	t.lane.answers = buffers.Get().(*[]byte)
}

// answeredNow ends an exchange that a target has served.
func (s *Session) answeredNow(reuse bool) {
	t, e := &s.turn, s.e
	line := t.line
	t.line = nil
	if reuse && !t.cut {
		line.Doubtful = e.doubtful()
		e.target.Pool.PutLine(line, e.active)
	} else {
		line.Close(false)
	}
	if e.up.mem == t.lane.answers {
		e.up = buffer{}
	}
	e.attempted(nil)
	s.finishNow()
}

// finishNow ends an exchange, and serves what is there of the next.
func (s *Session) finishNow() {
	s.e.end(s.e.head)
	if s.overNow() {
		s.serveNow()
	}
}

// handOverAsking gives the exchange under way to a goroutine, which can wait.
func (s *Session) handOverAsking() {
	t, e := &s.turn, s.e
	switch t.phase {
	case asking:
		s.carryOn(len(e.out), nil)
	case connecting:
		s.finishConnecting()
	default:
		c := s.takeLine()
		s.handOver(func() bool {
			e.giveBack(c, e.relayRest(c, s.patience(e), false, nil))
			return s.conclude(e, nil)
		})
	}
}

// takeLine takes the exchange, and its line as a connection, out of the loop.
func (s *Session) takeLine() *upstream.Conn {
	t, e := &s.turn, s.e
	c := t.line.Conn()
	t.line, s.e = nil, nil
	if e.up.mem == t.lane.answers {
		t.lane.answers = buffers.Get().(*[]byte)
	}
	e.up.space() // there is one
	return c
}

// carryOn has a goroutine go on with an attempt of which so many bytes of the request have been sent, or
// which has failed.
func (s *Session) carryOn(sent int, err error) {
	e := s.e
	c := s.takeLine()
	s.handOver(func() bool {
		if err == nil && sent < len(e.out) {
			c.Sock.SetWriteIdle(e.active, s.patience(e))
			if n, failed := c.Write(e.out[sent:]); failed != nil {
				err = &sendError{failed, sent + n}
			}
		}
		if err == nil {
			err = e.answered(c, s.patience(e))
		}
		return s.conclude(e, e.settled(c, err))
	})
}

func (s *Session) patience(e *exchange) time.Duration {
	return e.listener.LoadBalancer.Attributes.IdleTimeout
}

// finishConnecting has a goroutine wait until the target has taken the connection.
func (s *Session) finishConnecting() {
	t, e := &s.turn, s.e
	open := t.line.Finish()
	t.line, s.e = nil, nil
	s.handOver(func() bool {
		c, err := open(e.active.Add(upstream.ConnectTimeout))
		if err != nil {
			return s.conclude(e, e.unconnected(err))
		}
		e.active = time.Now()
		return s.conclude(e, e.settled(c, e.roundTrip(c)))
	})
}

// conclude ends an exchange in a goroutine, from the end of an attempt on, and goes on with the session.
func (s *Session) conclude(e *exchange, err error) (looped bool) {
	if !e.attempted(err) {
		e.attempts()
	}
	e.end(e.head)
	switch {
	case !s.after(e, e.keep):
		return false
	case s.enterAgain():
		return true
	}
	return s.proceed()
}
