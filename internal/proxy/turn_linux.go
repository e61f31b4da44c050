package proxy

import (
	"errors"
	"log/slog"
	"runtime/debug"
	"syscall"
	"time"

	"github.com/albatross-lb/albatross/internal/http1"
	"github.com/albatross-lb/albatross/internal/sock"
	"github.com/albatross-lb/albatross/internal/upstream"
	"github.com/albatross-lb/albatross/lb"
)

// turn is what a Session is to its event loop. All that happens there happens with the loop locked, and
// functions whose names end in Now do what can be done now.
type turn struct {
	lane    *lane // for the whole of its life
	polled  sock.Polled
	phase   phase
	more    bool       // there may be something to read from the client
	wire    bool       // the same of the socket, below TLS
	last    bool       // the client has said that no more will come, which is still to be read
	records records    // of TLS
	reset   bool       // the connection is to end by a reset
	unsent  []byte     // what the client has had no room for
	parsed  int        // length of the head, while the rest of the body is waited for
	thrown  int        // bytes read and thrown away while lingering
	seat    *sock.Seat // during a handshake
	line    *upstream.Line
	cut     bool // the target has closed the line

	light int // requests in a row that a loop could have served, while in a goroutine
	toll  int // how many of them it takes to come back to the loop
}

// phase is what a session in a loop waits for.
type phase uint8

const (
	resting    phase = iota // a request
	reading                 // the rest of one
	connecting              // a target to take the connection
	asking                  // its answer
	streaming               // the rest of it
	lingering               // the client to close, too
)

const (
	// requestsInTurn are served, and readsInTurn of an answer are relayed, before others have their turn.
	requestsInTurn, readsInTurn = 16, 4
	// firstToll and mostToll bound how many light requests in a goroutine it takes for
	// a session to come back to its loop: twice as many each time that it has had to leave.
	firstToll, mostToll = 1, 64
)

// assign gives the session its loop; false where there is none.
func (s *Session) assign() bool {
	all := lanes()
	if len(all) == 0 {
		return false
	}
	s.turn.lane, s.turn.toll = all[int(s.shard)%len(all)], firstToll
	return true
}

// looped tells whether an event loop has the session.
func (s *Session) looped() bool { return s.turn.polled.Loop() != nil }

// enter gives a new session to its loop, after a TLS handshake in a goroutine.
func (s *Session) enter() bool {
	t := &s.turn
	if t.lane == nil {
		return false
	}
	if s.secure {
		return s.sit()
	}
	until := s.quiet.Add(s.idleTimeout())
	s.shard = uint32(t.lane.Number) // counters that no other loop writes to
	if err := t.lane.Enter(&t.polled, s.accepted.FD(), s, false); err != nil {
		return false
	}
	t.lane.due(until)
	if s.leaving.Load() {
		s.closeIdleLooped()
	}
	if s.aborted.Load() {
		s.cutOff()
	}
	return true
}

// enterAgain gives a session that a goroutine has served back to its loop, once it has served
// some light requests in a row.
func (s *Session) enterAgain() bool {
	t := &s.turn
	if t.lane == nil || t.light < t.toll || len(s.in.bytes()) > 0 {
		return false
	}
	t.lane.Lock()
	defer t.lane.Unlock()
	if s.leaving.Load() || s.aborted.Load() {
		return false
	}
	fd, err := s.sock.Detach()
	if err != nil {
		return false
	}
	s.accepted, s.sock = s.accepted.At(fd), nil
	if !s.secure {
		s.conn = nil
	}
	if err := t.lane.Enter(&t.polled, fd, s, false); err != nil {
		s.adopt()
		return false
	}
	s.rest()
	return true
}

// weigh counts light requests that a goroutine has served.
func (s *Session) weigh(e *exchange) {
	if e.pump == nil && e.rec.Sent <= readsInTurn*bufferSize && (e.group == nil || e.lineable()) {
		s.turn.light++
	} else {
		s.turn.light = 0
	}
}

// lineable tells whether an event loop can ask the exchange's targets.
func (e *exchange) lineable() bool {
	return e.group.Config.Protocol == lb.HTTP && !speaksHTTP2(e.group)
}

// handOver gives the session to a goroutine that goes on with what.
func (s *Session) handOver(what func() (looped bool)) {
	t := &s.turn
	s.accepted = s.accepted.At(t.polled.Release())
	s.adopt()
	t.parsed, t.light, t.toll = 0, 0, min(2*t.toll, mostToll)
	s.goOn(func() bool {
		s.flush()
		return what()
	})
}

// flush sends what the client has had no room for in the loop. What follows a failure fails as well.
func (s *Session) flush() {
	if len(s.turn.unsent) == 0 {
		return
	}
	s.sock.SetWriteIdle(time.Now(), s.idleTimeout())
	if _, err := s.sock.Write(s.turn.unsent); err != nil {
		s.sock.Close()
	}
	s.turn.unsent = nil
}

// Event is called by the loop when something has come about on the client's socket.
func (s *Session) Event(_ *sock.Loop, _ *sock.Polled, events uint32) {
	defer s.containLooped()
	t := &s.turn
	if events&sock.Readable != 0 {
		t.more, t.wire = true, true
	}
	t.last = t.last || events&sock.Ended != 0
	switch t.phase {
	case resting, reading:
		s.serveNow()
	case lingering:
		s.lingerNow()
	default:
		if events&sock.Ended != 0 { // a goroutine looks from time to time whether the client is still there
			s.handOverAsking()
		}
	}
}

// containLooped is contain in a loop.
func (s *Session) containLooped() {
	if fault := recover(); fault != nil {
		slog.Error("serving a connection: panic", "port", s.port, "panic", fault, "stack", string(debug.Stack()))
		if s.turn.line != nil {
			s.turn.line.Close(true)
			s.e.target.Load.End()
		}
		if s.looped() {
			s.turn.reset = true
			s.end()
		}
	}
}

// serveNow serves what requests there are.
func (s *Session) serveNow() {
	for range requestsInTurn {
		n, whole, err := s.requestNow()
		if !whole || !s.e.answerTo(n, err) || !s.overNow() {
			return
		}
	}
	s.handOver(s.proceed) // where it may take all the time it wants
}

// requestNow gets a whole request, with the length of its head or what is wrong with it. It gives false where there is none
// yet, or the session has ended, or a goroutine has it.
func (s *Session) requestNow() (n int, whole bool, err error) {
	for {
		if len(s.in.bytes()) > 0 {
			if s.e == nil {
				s.beginNow()
				if !s.e.arrive() {
					s.drop()
					s.end()
					return 0, false, nil
				}
			}
			n, whole, err = s.parseNow()
			if whole || !s.looped() {
				return n, whole, err
			}
		}
		if !s.receiveNow() {
			return 0, false, nil
		}
	}
}

// parseNow reads the request from what is there of it.
func (s *Session) parseNow() (n int, whole bool, err error) {
	e, t := s.e, &s.turn
	if n = t.parsed; n == 0 {
		if n, err = e.req.Parse(s.in.bytes(), e.listener.LoadBalancer.Limits); err != nil {
			return 0, true, err
		}
	}
	size := int64(n)
	switch {
	case n == 0:
	case e.req.Framing == http1.Length:
		size += e.req.ContentLength
	case e.req.Framing != http1.NoBody:
		s.handOver(s.proceed)
		return 0, false, nil
	}
	have := int64(len(s.in.bytes()))
	switch {
	case n > 0 && size <= have && e.req.Upgrade == nil:
		t.parsed = 0
		return n, true, nil
	case n > 0 && (size <= have || e.req.Expect100) || len(s.in.space()) == 0 || size > int64(len(*s.in.mem)-s.in.r):
		s.handOver(s.proceed)
		return 0, false, nil
	}
	t.phase, t.parsed = reading, n
	t.lane.due(e.start.Add(tick))
	return 0, false, nil
}

// receiveNow reads what there is from the client. It gives false where there is nothing, and
// ends the session where that is all.
func (s *Session) receiveNow() bool {
	t := &s.turn
	if !t.more {
		s.settleNow()
		return false
	}
	if s.in.mem == nil {
		s.in.mem = t.lane.room.pop() // or still nil
	}
	space := s.in.space()
	n, err := s.readNow(space)
	switch {
	case len(t.unsent) > 0: // TLS has had something to say that the client has no room for
		s.in.w += max(n, 0)
		s.handOver(s.proceed)
		return false
	case err == syscall.EAGAIN:
		t.more = false
		s.settleNow()
		return false
	case n > 0:
		s.in.w += n
		t.more = n == len(space) || t.last || s.secure && s.mayHoldMore()
		return true
	case t.parsed > 0: // in the midst of a body, which is answered
		s.handOver(s.proceed)
	default:
		s.drop()
		s.end()
	}
	return false
}

// readNow reads once; syscall.EAGAIN if there is nothing.
func (s *Session) readNow(p []byte) (int, error) {
	if s.secure {
		n, err := readSome(s.conn, p)
		if errors.Is(err, errNothing) {
			err = syscall.EAGAIN
		}
		return n, err
	}
	n, errno := s.turn.polled.Recv(p)
	if errno != 0 {
		return 0, errno
	}
	return n, nil
}

// mayHoldMore tells whether there may be more behind what TLS has just given.
func (s *Session) mayHoldMore() bool {
	r := &s.turn.records
	if s.turn.wire || !r.single() {
		return true
	}
	r.whole = 0
	return false
}

// settleNow is called when nothing is there. A session at rest holds no memory, and one that may not be idle
// ends, unless something has come just now.
func (s *Session) settleNow() {
	if s.e != nil {
		return
	}
	if s.in.mem != nil && s.turn.lane.room.push(s.in.mem) {
		s.in = buffer{}
	}
	s.in.release()
	s.turn.phase = resting
	if s.leaving.Load() && !s.unreadNow() {
		s.end()
	}
}

// beginNow begins an exchange.
func (s *Session) beginNow() {
	if s.e = s.turn.lane.spare.pop(); s.e == nil {
		s.e = newExchange(s, s, &s.in)
		return
	}
	s.e.begin(s, s, &s.in)
}

// drop forgets the exchange under way.
func (s *Session) drop() {
	if s.e == nil {
		return
	}
	s.e.forget()
	if !s.turn.lane.spare.push(s.e) {
		exchanges.Put(s.e)
	}
	s.e = nil
}

// overNow ends an exchange. It reports whether another can follow at once.
func (s *Session) overNow() bool {
	t := &s.turn
	keep, over := s.e.keep, s.e.over()
	s.drop()
	switch {
	case t.reset || over && !t.more && len(t.unsent) == 0 && !s.unreadNow():
		s.end()
		return false
	case len(t.unsent) > 0:
		s.handOver(func() bool {
			if !keep {
				s.linger()
				return false
			}
			return s.proceed()
		})
		return false
	case !keep:
		s.startLingering()
		return false
	}
	t.phase = resting
	return true
}

// unreadNow is unread in a loop.
func (s *Session) unreadNow() bool {
	n, errno := s.turn.polled.Peek()
	return errno == 0 && n > 0
}

// sendNow sends what there is room for, and keeps the rest.
func (s *Session) sendNow(p []byte) (int, error) {
	t := &s.turn
	if len(p) == 0 {
		return 0, nil
	}
	n := 0
	if len(t.unsent) == 0 {
		var errno syscall.Errno
		n, errno = t.polled.Send(p)
		switch {
		case errno == syscall.EAGAIN:
			n = 0
		case errno != 0:
			return 0, errno
		}
	}
	if n < len(p) {
		t.unsent = append(t.unsent, p[n:]...)
	}
	return len(p), nil
}
