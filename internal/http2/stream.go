package http2

import (
	"io"
	"sync/atomic"
	"time"
)

// Stream is one request and its response. A server's handler owns it until it
// returns, a client from Open to Release. One goroutine may read while another writes.
type Stream struct {
	// Request is what the client asks for. On a client's own stream, ReadHead puts the
	// response's Header, ContentLength and EndStream there.
	Request
	// Idle bounds each wait of Read, Write and WriteHead for the peer: they fail with
	// os.ErrDeadlineExceeded when nothing has moved for so long. Limits.Idle to begin with.
	// Tie has more than one stream's movements count.
	Idle time.Duration

	c  *Conn
	id uint32

	// All that follows is under Conn.mu.
	trailer  Header
	nextHead Header // clients: a response's head that has not been taken yet
	body     body
	reads    waiter
	writes   waiter
	streamState
}

// streamState is the part of a Stream that begins anew with each use.
type streamState struct {
	received   int64 // bytes of DATA
	recv       recvWindow
	send       int32 // send window
	err        error // the stream was reset or its connection has ended
	recvClosed bool
	sendClosed bool
	headSent   bool
	counted    bool // among Conn.active
	headerHeld int  // its part of Conn.held
	interrupt  interrupter
	length     int64 // that the body must have; -1 if that is not known
	waited     bool  // to write, since Waited was asked last
	moved      *atomic.Int64
	behind     *Stream // in Conn.queue
	queued     bool

	// Of servers.
	began  time.Time
	leaver bool // among Conn.leaving

	// Of clients.
	batch     uint64 // of what was sent with which the head goes out, as outbox counts them
	isHead    bool   // the request is a HEAD
	finalHead bool   // the response's head has come
	onlyHead  bool   // and nothing follows it
	heads     int    // that have come and not been taken; behind the first in
	moreHeads []Header
}

type interrupter interface{ Interrupt() }

// takeStream gives a Stream that is not used; each connection keeps its own.
func (c *Conn) takeStream(id uint32) *Stream {
	var s *Stream
	if n := len(c.free); n > 0 {
		s = c.free[n-1]
		c.free = c.free[:n-1]
	} else {
		s = &Stream{c: c}
		s.reads.s, s.writes.s = s, s
		s.reads.cond.L, s.writes.cond.L = &c.mu, &c.mu
	}
	s.id, s.Idle = id, c.lim.Idle
	s.Header.reset(requestHeader)
	s.recv = newStreamWindow()
	s.length = -1
	return s
}

// recycle keeps the stream for another use, with nothing in it that could be seen again.
func (s *Stream) recycle() {
	s.body.release()
	if !s.reads.stop() || !s.writes.stop() {
		return // a timer is about to look at it
	}
	s.Header.reset(requestHeader)
	s.trailer.reset(trailerHeader)
	s.nextHead.reset(responseHeader)
	s.Request = Request{Header: s.Header}
	s.streamState = streamState{}
	if len(s.c.free) < s.c.lim.Streams {
		s.c.free = append(s.c.free, s)
	}
}

// add enters a stream.
func (c *Conn) add(s *Stream) {
	s.send = c.peer.window
	s.counted = true
	c.active++
	s.headerHeld = s.held()
	c.held += s.headerHeld
	c.ids = append(c.ids, s.id)
	c.streams = append(c.streams, s)
}

// finish takes the stream off its connection. What has not ended by itself is reset.
func (s *Stream) finish() {
	c := s.c
	c.mu.Lock()
	defer c.mu.Unlock()
	owed := false
	switch {
	case s.err != nil:
	case c.handler == nil && !(s.sendClosed && s.recvClosed):
		s.reset(Cancel)
	case !s.sendClosed:
		s.reset(InternalError)
	case s.recvClosed:
		c.purse.served()
	case s.body.len() > 0:
		s.reset(NoError) // RFC 9113 section 8.1: the rest of the request is not needed
	default:
		owed = true
	}
	c.remember(s, owed)
	s.moved = nil // the clock is its handler's
	s.uncount()
	c.held -= s.headerHeld
	s.dropBody()
	for i, id := range c.ids {
		if id == s.id {
			n := len(c.ids) - 1
			c.ids[i], c.streams[i] = c.ids[n], c.streams[n]
			c.streams[n] = nil
			c.ids, c.streams = c.ids[:n], c.streams[:n]
			break
		}
	}
	s.recycle()
	c.flush()
	if len(c.streams) == 0 {
		c.quiet = time.Now()
		c.settle()
	}
}

// uncount frees the stream's place among the concurrent ones: when both sides have
// ended it, but if it was reset, not before its handler has ended.
func (s *Stream) uncount() {
	if s.counted {
		s.counted = false
		s.c.active--
		s.c.changed()
	}
	if s.leaver {
		s.leaver = false
		s.c.left()
	}
}

// abort ends both directions. Handlers that wait are woken up.
func (s *Stream) abort(err error) {
	if s.err != nil {
		return
	}
	s.err = err
	s.dropBody()
	s.reads.wake()
	s.writes.wake()
	if s.interrupt != nil {
		s.interrupt.Interrupt()
	}
}

// lose is abort when the peer or the connection has gone. A response that has come
// whole stays (RFC 9113 section 8.1); it only needs no more of the request.
func (s *Stream) lose(err error) {
	if s.c.handler != nil || !s.recvClosed {
		s.abort(err)
		return
	}
	s.sendClosed = true
	s.uncount()
	s.writes.wake()
}

// dropBody gives back what was not read of the body.
func (s *Stream) dropBody() {
	if n := s.body.len(); n > 0 {
		s.c.consumed(n)
	}
	s.body.release()
}

// reset sends RST_STREAM.
func (s *Stream) reset(code ErrCode) {
	s.abort(streamError(code, false))
	if s.c.handler == nil && s.c.over {
		return // the connection ends, and its head may not have been sent
	}
	s.c.out.b = appendRSTStream(s.c.out.open(), s.id, code)
	s.c.resets.add(s.id)
}

// Reset ends the stream with RST_STREAM, unless it has ended already.
func (s *Stream) Reset(code ErrCode) {
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	if s.err == nil && !(s.sendClosed && s.recvClosed) {
		s.reset(code)
		s.c.flush()
	}
}

// Err tells what has ended the stream early: a *StreamError when it was reset by
// either side, ErrClosed when the connection has gone, else nil.
func (s *Stream) Err() error {
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	return s.err
}

// SetInterrupt asks for x.Interrupt to be called when the stream is reset or its
// connection ends, so that a handler that waits for something else gets to know;
// a sock.Conn is one. nil asks for nothing, and after it has returned x is not
// called any more. If the stream has already failed, x is not called, and why is
// returned.
func (s *Stream) SetInterrupt(x interface{ Interrupt() }) error {
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	s.interrupt = x
	return s.err
}

// Tie makes the waits of streams that are given the same clock one: none takes too long as
// long as a head or a piece of a body moves on any of them, in either direction. The clock
// has Unix nanoseconds. nil unties the stream, and after it has returned the clock is not touched
// any more.
func (s *Stream) Tie(clock *atomic.Int64) {
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	s.moved = clock
}

// moves notes that something has moved.
func (s *Stream) moves(now time.Time) {
	if s.moved != nil {
		s.moved.Store(now.UnixNano())
	}
}

// Waited reports whether Write had to wait for the peer since Waited was last asked.
func (s *Stream) Waited() bool {
	waited := s.waited
	s.waited = false
	return waited
}

// ID gives the stream's number.
func (s *Stream) ID() uint32 { return s.id }

// fits checks DATA against content-length (RFC 9113 section 8.1.1).
func (s *Stream) fits(end bool) bool {
	return s.length < 0 || s.received < s.length && !end || s.received == s.length
}

// endReceive is the peer's END_STREAM.
func (s *Stream) endReceive() {
	s.recvClosed = true
	if s.sendClosed {
		s.uncount()
	}
}

// Read reads the body. Windows are given back as it does, so that the peer sends
// no faster than this reads. At the end of the body it gives io.EOF; then Trailer
// has the trailer fields.
func (s *Stream) Read(p []byte) (int, error) {
	c := s.c
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		switch {
		case s.body.len() > 0:
			n := s.body.read(p)
			s.consumed(n)
			c.flush()
			return n, nil
		case s.err != nil:
			return 0, s.err
		case s.recvClosed:
			return 0, io.EOF
		case s.reads.late || s.reads.broken:
			return 0, s.tooLate()
		}
		c.flush()
		s.reads.wait(s.Idle)
	}
}

// InterruptRead makes a Read in progress, and later ones, fail with
// os.ErrDeadlineExceeded once they would have to wait.
func (s *Stream) InterruptRead() {
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	s.reads.broken = true
	s.reads.wake()
}

// ResumeRead lets later Reads wait again behind InterruptRead.
func (s *Stream) ResumeRead() {
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	s.reads.broken = false
}

// Trailer gives the trailer fields; only after Read has given io.EOF. It has none
// (Len is 0) where the peer has sent none.
func (s *Stream) Trailer() *Header { return &s.trailer }
