package http2

import (
	"math"
	"time"
)

// past is what is remembered of a stream that has ended: enough to tell a frame that
// was on its way from one that no client may send. It matters most where a request
// is answered before it has ended: then the client is only half heard.
type past struct {
	id     uint32
	window int32   // that we could still send
	left   int32   // bytes that the request's body must still have; -1 if that is not known
	owed   waiting // the RST_STREAM that asks for no more of the request
}

// waiting is how long a RST_STREAM with NO_ERROR has been held back. RFC 9113 section
// 8.1 lets a server send it behind its response, to be spared the rest of the request.
// Most requests end of themselves meanwhile, and some clients take any RST_STREAM for
// a failure, so it is sent when more of the body comes, or after two ticks.
type waiting uint8

const (
	notOwed waiting = iota
	owedNow
	owedSince // the last tick
)

// owedTick is half of how long a client may take to end its request by itself.
const owedTick = 250 * time.Millisecond

// history is the last streams that have ended.
type history struct {
	streams [32]past
	next    int
	timer   *time.Timer
	armed   bool
}

// find gives what is remembered of a stream, nil if that is nothing.
func (h *history) find(id uint32) *past {
	for i := range h.streams {
		if h.streams[i].id == id {
			return &h.streams[i]
		}
	}
	return nil
}

// remember notes that the stream has ended. owed: its request has not.
func (c *Conn) remember(s *Stream, owed bool) {
	p := &c.past.streams[c.past.next]
	c.past.next = (c.past.next + 1) % len(c.past.streams)
	if p.owed != notOwed {
		c.stop(p)
	}
	*p = past{id: s.id, window: s.send, left: -1}
	if left := s.length - s.received; s.length >= 0 && left <= math.MaxInt32 {
		p.left = int32(left)
	}
	if owed {
		p.owed = owedNow
		c.armOwed()
	}
}

func (c *Conn) armOwed() {
	h := &c.past
	switch {
	case h.armed:
		return
	case h.timer == nil:
		h.timer = time.AfterFunc(owedTick, c.tickOwed)
	default:
		h.timer.Reset(owedTick)
	}
	h.armed = true
}

// tickOwed sends the RST_STREAMs that have been held back long enough.
func (c *Conn) tickOwed() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.past.armed = false
	if c.failed {
		return
	}
	for i := range c.past.streams {
		switch p := &c.past.streams[i]; p.owed {
		case owedNow:
			p.owed = owedSince
			c.armOwed()
		case owedSince:
			c.stop(p)
		}
	}
	c.flush()
}

// stop asks the peer to send no more of a request that has been answered.
func (c *Conn) stop(p *past) {
	p.owed = notOwed
	c.out.b = appendRSTStream(c.out.open(), p.id, NoError)
	c.resets.add(p.id)
}

// settled: nothing more is to come of the request.
func (c *Conn) settled(p *past) {
	p.owed = notOwed
	c.purse.served()
}

// lateData is DATA of a request that has been answered already.
func (c *Conn) lateData(p *past, f *frame) error {
	n, end := len(f.payload), f.has(flagEndStream)
	switch {
	case p.left >= 0 && (n > int(p.left) || end && n < int(p.left)):
		return c.resetID(p.id, ProtocolError)
	case end:
		c.settled(p)
		return nil
	case n == 0:
		return c.purse.spendNoise(noiseOfEmptyData, "empty DATA")
	}
	c.stop(p)
	return nil
}

// lateTrailers is a header block on a stream that has ended but for the request's
// trailers, or that we have reset, so that it was on its way.
func (c *Conn) lateTrailers(b *headerBlock) error {
	t, err := c.decodeAside(b)
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	p := c.past.find(b.id)
	owed := p != nil && p.owed != notOwed
	switch {
	case !b.endStream, b.selfish, t.malformed != "", owed && p.left > 0:
		return c.resetID(b.id, ProtocolError)
	case owed:
		c.settled(p)
	}
	return nil
}

// lateWindow is WINDOW_UPDATE on a stream that has ended.
func (c *Conn) lateWindow(id uint32, by int64) error {
	p := c.past.find(id)
	switch {
	case by == 0:
		return c.resetID(id, ProtocolError)
	case p == nil:
	case int64(p.window)+by > maxWindow:
		return c.resetID(id, FlowControlError)
	default:
		p.window += int32(by)
	}
	return c.purse.spendWindow()
}

// resize follows a change of the initial window.
func (h *history) resize(by int64) {
	for i := range h.streams {
		p := &h.streams[i]
		p.window = int32(min(max(int64(p.window)+by, -maxWindow), maxWindow))
	}
}
