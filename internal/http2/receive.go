package http2

import (
	"encoding/binary"
	"time"
)

// handle acts on one frame. An error is one of the connection.
func (c *Conn) handle(f *frame) error {
	switch {
	case !c.greeted && (f.kind != frameSettings || f.has(flagAck)):
		return connError(ProtocolError, "first frame is not SETTINGS") // RFC 9113 section 3.4
	case c.block.open() && (f.kind != frameContinuation || f.id != c.block.id):
		return connError(ProtocolError, "header block interrupted") // section 6.10
	}
	switch f.kind {
	case frameData:
		return c.data(f)
	case frameHeaders:
		return c.headers(f)
	case frameContinuation:
		return c.continuation(f)
	case framePriority:
		return c.priority(f)
	case frameRSTStream:
		return c.rstStream(f)
	case frameSettings:
		return c.settings(f)
	case framePing:
		return c.ping(f)
	case frameGoAway:
		return c.goAway(f)
	case frameWindowUpdate:
		return c.windowUpdate(f)
	case framePushPromise: // we never allow it: a client may not send it, a server was told not to
		return connError(ProtocolError, "PUSH_PROMISE")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.purse.spendNoise(noiseOfUnknown, "unknown types")
}

// find gives the stream of that id whose handler runs.
func (c *Conn) find(id uint32) *Stream {
	for i, known := range c.ids {
		if known == id {
			return c.streams[i]
		}
	}
	return nil
}

// idle reports whether a stream of that id has never been opened.
func (c *Conn) idle(id uint32) bool {
	if c.handler == nil { // ours are odd; even ones would be pushed
		return id%2 == 0 || id >= c.nextID
	}
	return id%2 == 0 || id > c.lastID
}

// resetID resets a stream for something that the peer has sent on it.
func (c *Conn) resetID(id uint32, code ErrCode) error {
	if s := c.find(id); s != nil && c.handler == nil {
		s.abort(ErrResponse)
	} else if s != nil {
		s.abort(streamError(code, false))
	}
	if p := c.past.find(id); p != nil {
		p.owed = notOwed
	}
	c.out.b = appendRSTStream(c.out.open(), id, code)
	c.resets.add(id)
	if c.handler == nil { // on a connection that others share a target's faulty answers are nobody else's affair
		return nil
	}
	return c.purse.spendReset()
}

func (c *Conn) data(f *frame) error {
	size := len(f.payload)
	if err := f.unpad(); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.idle(f.id) {
		return connError(ProtocolError, "DATA on a stream that is not open")
	}
	if !c.recv.take(size) {
		return connError(FlowControlError, "connection's window exceeded")
	}
	s := c.find(f.id)
	if s == nil || s.recvClosed || s.err != nil {
		c.consumed(size)
		return c.strayData(s, f)
	}
	if !s.recv.take(size) {
		c.consumed(size)
		return c.resetID(f.id, FlowControlError)
	}
	s.consumed(size - len(f.payload)) // padding
	if len(f.payload) == 0 && !f.has(flagEndStream) {
		return c.purse.spendNoise(noiseOfEmptyData, "empty DATA")
	}
	s.received += int64(len(f.payload))
	end := f.has(flagEndStream)
	if !s.fits(end) || c.handler == nil && !s.finalHead {
		c.consumed(len(f.payload))
		return c.resetID(f.id, ProtocolError)
	}
	c.purse.received(len(f.payload))
	s.body.write(f.payload)
	s.moves(c.now)
	if end {
		s.endReceive()
	}
	s.reads.wake()
	c.heard()
	return nil
}

// strayData is DATA on a stream that takes none any more. What was on its way when
// we reset the stream is no fault (RFC 9113 section 5.4.2).
func (c *Conn) strayData(s *Stream, f *frame) error {
	if c.handler == nil || c.resets.has(f.id) {
		return nil
	}
	if p := c.past.find(f.id); p != nil && p.owed != notOwed {
		return c.lateData(p, f)
	}
	return c.resetID(f.id, StreamClosed)
}

func (c *Conn) priority(f *frame) error {
	if f.id == 0 {
		return connError(ProtocolError, "PRIORITY on stream 0")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	code := NoError
	switch {
	case len(f.payload) != 5:
		code = FrameSizeError
	case binary.BigEndian.Uint32(f.payload)&maxID == f.id:
		code = ProtocolError // RFC 7540 section 5.3.1
	}
	switch {
	case code == NoError:
		return c.purse.spendNoise(noiseOfPriority, "PRIORITY")
	case c.idle(f.id): // no RST_STREAM may be sent on it
		return connError(code, "PRIORITY is wrong")
	}
	return c.resetID(f.id, code)
}

func (c *Conn) rstStream(f *frame) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case len(f.payload) != 4:
		return connError(FrameSizeError, "RST_STREAM of a wrong size")
	case f.id == 0 || c.idle(f.id):
		return connError(ProtocolError, "RST_STREAM on a stream that is not open")
	}
	s := c.find(f.id)
	if s == nil || s.err != nil {
		c.resets.remove(f.id) // nothing can be on its way behind this
		if p := c.past.find(f.id); p != nil && p.owed != notOwed {
			p.owed = notOwed
			return nil
		}
		return c.purse.spendNoise(noiseOfStray, "RST_STREAM")
	}
	code := ErrCode(binary.BigEndian.Uint32(f.payload))
	if c.handler == nil && code == RefusedStream {
		c.refused(s)
		return nil
	}
	s.lose(streamError(code, true))
	if c.handler == nil {
		return nil
	}
	s.leave()
	if s.headSent || c.now.Sub(s.began) > rapid {
		c.purse.served()
		return nil
	}
	return c.purse.spendReset()
}

func (c *Conn) settings(f *frame) error {
	switch {
	case f.id != 0:
		return connError(ProtocolError, "SETTINGS on a stream")
	case f.has(flagAck) && len(f.payload) > 0, len(f.payload)%settingSize != 0:
		return connError(FrameSizeError, "SETTINGS of a wrong size")
	case f.has(flagAck):
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.purse.spendNoise(noiseOfSettings, "SETTINGS")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	before := c.peer
	if err := c.peer.apply(f.payload); err != nil {
		return err
	}
	if err := c.resizeWindows(int64(c.peer.window) - int64(before.window)); err != nil {
		return err
	}
	if c.handler != nil {
		c.enc.setMax(int(min(c.peer.tableSize, tableSize)))
	} else if c.peer.tableSize < before.tableSize {
		c.enc.resized = true // to nothing, as it is; but the next block must say so (RFC 9113 section 4.3.1)
	}
	c.out.b = appendFrameHeader(c.out.open(), 0, frameSettings, flagAck, 0)
	c.changed() // it may take more streams
	if !c.greeted {
		c.greeted = true
		return nil
	}
	return c.purse.spendNoise(noiseOfSettings, "SETTINGS")
}

// resizeWindows adjusts the send windows of all streams; they may become negative
// (RFC 9113 section 6.9.2).
func (c *Conn) resizeWindows(by int64) error {
	if by == 0 {
		return nil
	}
	c.past.resize(by)
	for _, s := range c.streams {
		window := int64(s.send) + by
		if window > maxWindow {
			return connError(FlowControlError, "SETTINGS_INITIAL_WINDOW_SIZE makes a window too large")
		}
		s.send = int32(window)
		s.writes.wake()
	}
	return nil
}

func (c *Conn) ping(f *frame) error {
	switch {
	case f.id != 0:
		return connError(ProtocolError, "PING on a stream")
	case len(f.payload) != 8:
		return connError(FrameSizeError, "PING of a wrong size")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	data := [8]byte(f.payload)
	if f.has(flagAck) {
		if data == drainPing && c.going.state == announced {
			c.sayLast()
			return nil
		}
		return c.purse.spendPing()
	}
	c.out.b = appendPing(c.out.open(), flagAck, data)
	c.heard()
	return c.purse.spendPing()
}

func (c *Conn) windowUpdate(f *frame) error {
	if len(f.payload) != 4 {
		return connError(FrameSizeError, "WINDOW_UPDATE of a wrong size")
	}
	by := int64(binary.BigEndian.Uint32(f.payload) & maxWindow)
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case f.id == 0 && by == 0:
		return connError(ProtocolError, "WINDOW_UPDATE by nothing")
	case f.id == 0 && int64(c.send)+by > maxWindow:
		return connError(FlowControlError, "connection's window too large")
	case f.id == 0:
		c.send += int32(by)
		c.thirst = time.Time{}
		c.grant()
		return c.purse.spendWindow()
	case c.idle(f.id):
		return connError(ProtocolError, "WINDOW_UPDATE on a stream that is not open")
	}
	s := c.find(f.id)
	switch {
	case s == nil:
		return c.lateWindow(f.id, by)
	case s.err != nil:
		return c.purse.spendWindow()
	case by == 0:
		return c.resetID(f.id, ProtocolError)
	case int64(s.send)+by > maxWindow:
		return c.resetID(f.id, FlowControlError)
	}
	s.send += int32(by)
	s.writes.wake()
	return c.purse.spendWindow()
}

// idRing remembers the last ids that were added: those of all streams that there may be at
// a time, and as many before them. Most connections need none, and have no memory for them.
type idRing struct {
	ids  []uint32
	next int
}

const ringSize = 2 * defaultStreams

func (r *idRing) add(id uint32) {
	if len(r.ids) < ringSize {
		r.ids = append(r.ids, id)
		return
	}
	r.ids[r.next] = id
	r.next = (r.next + 1) % len(r.ids)
}

// remove forgets an id.
func (r *idRing) remove(id uint32) {
	for i := range r.ids {
		if r.ids[i] == id {
			r.ids[i] = 0
		}
	}
}

func (r *idRing) has(id uint32) bool {
	for _, known := range r.ids {
		if known == id {
			return true
		}
	}
	return false
}
