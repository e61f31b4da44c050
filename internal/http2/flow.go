package http2

import "time"

// Receive windows; doc.go says why so large.
const (
	initialWindow = 1<<16 - 1 // of a stream, and of a connection to begin with: RFC 9113 section 6.9.2
	streamStep    = 16 << 10
	connStep      = 64 << 10
)

// recvWindow is how much the peer may still send.
type recvWindow struct {
	size int32 // when nothing is held
	left int32
	back int32 // consumed, but not given back yet
	step int32 // how much of that is worth a frame
}

func newStreamWindow() recvWindow {
	return recvWindow{size: initialWindow, left: initialWindow, step: streamStep}
}

// newConnWindow gives the window of a connection with so many streams. It has room for
// the windows of all of them, besides what is held back for want of a step: however many
// are stalled, the others move (RFC 9113 section 5.2).
func newConnWindow(streams int) recvWindow {
	size := int32(min(int64(streams)*initialWindow+connStep, maxWindow))
	return recvWindow{size: size, left: size, step: connStep}
}

// take reports whether the peer was allowed to send n bytes.
func (w *recvWindow) take(n int) bool {
	if n > int(w.left) {
		return false
	}
	w.left -= int32(n)
	return true
}

// consume notes that n bytes are no longer held. It returns the increment to be
// sent, 0 as long as it is not worth a frame.
func (w *recvWindow) consume(n int) int {
	w.back += int32(n)
	if w.back < w.step {
		return 0
	}
	n = int(w.back)
	w.left += w.back
	w.back = 0
	return n
}

// consumed gives n bytes of the connection's receive window back.
func (c *Conn) consumed(n int) {
	if n := c.recv.consume(n); n > 0 {
		c.out.b = appendWindowUpdate(c.out.open(), 0, n)
	}
}

// consumed gives n bytes of the stream's and the connection's receive windows back.
func (s *Stream) consumed(n int) {
	s.c.consumed(n)
	if s.recvClosed || s.err != nil {
		return
	}
	if n := s.recv.consume(n); n > 0 {
		s.c.out.b = appendWindowUpdate(s.c.out.open(), s.id, n)
	}
}

// streamQueue is streams that wait for room on the connection: its send window, or
// space in its output. They get it in turn, a frame each.
type streamQueue struct {
	head, tail *Stream
	turn       *Stream // the one that may take room now; it is out of the queue
}

func (q *streamQueue) push(s *Stream) {
	s.queued = true
	if q.tail == nil {
		q.head = s
	} else {
		q.tail.behind = s
	}
	q.tail = s
}

func (q *streamQueue) pop() *Stream {
	s := q.head
	if q.head = s.behind; q.head == nil {
		q.tail = nil
	}
	s.behind, s.queued = nil, false
	return s
}

// remove takes a stream out that waits no longer.
func (q *streamQueue) remove(s *Stream) {
	var before *Stream
	for at := q.head; at != nil; before, at = at, at.behind {
		if at != s {
			continue
		}
		if before == nil {
			q.head = s.behind
		} else {
			before.behind = s.behind
		}
		if q.tail == s {
			q.tail = before
		}
		s.behind, s.queued = nil, false
		return
	}
}

// room is how many bytes of DATA the connection can take now.
func (c *Conn) room() int { return min(int(c.send), maxOut-len(c.out.b)) }

// grant lets the next stream in the queue go on, if there is room for it.
func (c *Conn) grant() {
	q := &c.queue
	if q.turn == nil && q.head != nil && c.room() > 0 {
		q.turn = q.pop()
		q.turn.writes.wake()
	}
}

// dryAfter is how long streams wait for the connection's window before it counts as used
// up: much longer than a target takes to give back what it has read.
const dryAfter = 100 * time.Millisecond

// dry reports whether a target does not read what other streams have sent it, and their
// requests have used the connection's window up. It may read another one nevertheless,
// and on another connection it can.
func (c *Conn) dry() bool {
	return c.send <= 0 && !c.thirst.IsZero() && time.Since(c.thirst) >= dryAfter
}
