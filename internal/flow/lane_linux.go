package flow

import (
	"golang.org/x/sys/unix"

	"github.com/albatross-lb/albatross/internal/sock"
)

// lane is one way of a relay's bytes.
type lane struct {
	rest  []byte // of buf: what the receiving side has had no room for
	buf   *[]byte
	full  int // reads in a row that have filled the buffer
	ended bool
}

// drop lets go of what is held.
func (l *lane) drop() {
	if l.buf != nil {
		buffers.Put(l.buf)
		l.buf, l.rest = nil, nil
	}
}

// turns bounds what one way does before others have their turn.
const turns = 16

// carry does what an event of one side asks for: read from it, or write to it what it
// had no room for.
func (r *relay) carry(side int, events uint32) {
	if events&unix.EPOLLERR != 0 && r.lanes[side].ended {
		r.finish(resetBy[side]) // after the end of its data
		return
	}
	if events&sock.Readable != 0 {
		r.pump(side, events&sock.Ended != 0)
	}
	if !r.over && r.phase == carrying && events&sock.Writable != 0 && r.lanes[1-side].buf != nil {
		r.pump(1-side, true)
	}
}

// pump moves what there is. A read that leaves room in the buffer has emptied the socket,
// and what comes later is another event (epoll(7), question 9), unless the end of the data
// may have come before: all says to read until there is nothing.
func (r *relay) pump(way int, all bool) {
	for range turns {
		if !r.flush(way) || r.lanes[way].ended || !r.move(way, all) {
			return
		}
	}
	r.polled[way].Again()
}

// move reads once, and sends that. It tells whether there may be more to read.
func (r *relay) move(way int, all bool) bool {
	lane := &r.lanes[way]
	if lane.full >= 2 && r.lanes[1-way].buf == nil { // more is on its way
		r.handOver()
		return false
	}
	n, errno := sock.Recv(r.fds[way], r.loop.Buffer)
	switch {
	case errno == unix.EAGAIN:
		return false
	case errno != 0:
		r.finish(resetBy[way])
		return false
	case n == 0:
		r.end(way)
		return false
	case n == sock.LoopBufferSize:
		lane.full++
	default:
		lane.full = 0
	}
	return r.send(way, r.loop.Buffer[:n]) && (all || n == sock.LoopBufferSize)
}

// end passes on the end of one side's data. At the end of both the flow is over.
func (r *relay) end(way int) {
	r.lanes[way].ended = true
	if r.lanes[1-way].ended {
		r.finish(finished)
		return
	}
	sock.ShutdownWrite(r.fds[1-way])
}

// send sends p and tells whether all of it has gone. The rest of it is kept, until there is room.
func (r *relay) send(way int, p []byte) bool {
	n, errno := sock.Send(r.fds[1-way], p)
	switch {
	case errno == unix.EAGAIN:
		n = 0
	case errno != 0:
		r.finish(resetBy[1-way])
		return false
	}
	r.carried[way].Add(int64(n))
	if n == len(p) {
		return true
	}
	lane := &r.lanes[way]
	lane.buf = buffers.Get().(*[]byte)
	lane.rest = (*lane.buf)[:copy(*lane.buf, p[n:])]
	return r.flush(way)
}

// flush sends what the lane holds and tells whether all of it has gone.
func (r *relay) flush(way int) bool {
	for lane := &r.lanes[way]; lane.buf != nil; {
		n, errno := sock.Send(r.fds[1-way], lane.rest)
		switch {
		case errno == unix.EAGAIN:
			return false
		case errno != 0:
			r.finish(resetBy[1-way])
			return false
		}
		r.carried[way].Add(int64(n))
		if lane.rest = lane.rest[n:]; len(lane.rest) == 0 {
			lane.drop()
		}
	}
	return true
}
