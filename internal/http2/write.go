package http2

import (
	"bytes"
	"errors"
	"os"
	"runtime"
	"sync"
	"time"
)

const (
	// maxOut is how much may wait to be sent before DATA has to wait itself.
	maxOut = 32 << 10
	// maxHeads is the same for header blocks, which are not cut.
	maxHeads = 64 << 10
	// maxAnswers is the same for what the reader appends: answers to PING, windows that
	// are given back. It is more than streams can fill, so that a peer that is slow to
	// read what it has asked for is still listened to.
	maxAnswers = maxHeads + 32<<10
	outSize    = 20 << 10
	keptOut    = 64 << 10
)

var outboxes = sync.Pool{New: func() any { b := make([]byte, 0, outSize); return &b }}

// outbox is frames that wait to be sent.
type outbox struct {
	b       []byte
	mem     *[]byte // what b came in
	writing bool    // the writer runs
	batch   uint64  // how many times frames have been taken out
	sent    uint64  // how many of these have gone out, or may have in part
	err     error   // the socket takes no more
	written *sync.Cond
}

// open gives the frames for one more to be appended.
func (o *outbox) open() []byte {
	if o.mem == nil {
		o.mem = outboxes.Get().(*[]byte)
		o.b = (*o.mem)[:0]
	}
	return o.b
}

// take takes all frames out.
func (o *outbox) take() *[]byte {
	mem := o.mem
	*mem = o.b
	o.b, o.mem = nil, nil
	o.batch++
	o.sent = o.batch
	return mem
}

// discard drops what has not been sent.
func (o *outbox) discard() {
	if o.mem != nil {
		*o.mem = o.b
		putOut(o.mem)
		o.b, o.mem = nil, nil
	}
}

func putOut(mem *[]byte) {
	if cap(*mem) <= keptOut {
		*mem = (*mem)[:0]
		outboxes.Put(mem)
	}
}

// flush sees that what waits is sent.
func (c *Conn) flush() {
	if len(c.out.b) > 0 && !c.out.writing && c.out.err == nil {
		c.out.writing = true
		c.start(nil)
	}
}

// write is the writer. Before each call it steps back once, so that handlers that
// are ready to run append their frames first: under load many streams share a
// call (a fifth less CPU time a request, measured), and without load it costs nothing.
func (c *Conn) write() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(c.out.b) > 0 && c.out.err == nil {
		c.mu.Unlock()
		runtime.Gosched()
		c.mu.Lock()
		if len(c.out.b) == 0 {
			break // discarded
		}
		mem := c.out.take()
		c.grant()
		if !c.failed {
			c.timer.SetWriteIdle(time.Now(), c.lim.Write)
		}
		c.mu.Unlock()
		n, err := c.nc.Write(*mem)
		putOut(mem)
		c.mu.Lock()
		if err != nil {
			c.writeFailed(n, err)
		}
		c.out.written.Broadcast()
	}
	c.out.writing = false
	c.out.written.Broadcast()
}

// writeFailed ends a connection whose socket takes no more: n bytes were the last.
func (c *Conn) writeFailed(n int, err error) {
	c.out.err = err
	if n == 0 {
		c.out.sent--
	}
	switch {
	case c.handler != nil || errors.Is(err, os.ErrDeadlineExceeded):
		c.failStreams()
		c.stopReader()
		return
	case c.over:
		return
	}
	// A target that has closed the connection may have said before which requests it has
	// served, and have answered some. That is here, and is read to its end.
	c.going.state = last
	for _, s := range c.streams {
		s.writes.wake()
	}
	c.going.timer = time.AfterFunc(farewell, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.stopReader()
	})
	c.settle()
	c.changed()
}

// heard is called where the reader has appended an answer. It waits while so many are to
// be sent that the peer cannot be reading them: who does not read is not read from.
func (c *Conn) heard() {
	for len(c.out.b) >= maxAnswers && c.out.err == nil && !c.over {
		c.flush()
		c.out.written.Wait() // the socket's own deadline bounds it
	}
}

// WriteHead sends a response's head. lines are its fields as HTTP/1.1 header
// lines, each ended by CRLF; names are put into lower case, and fields that speak
// of an HTTP/1.1 connection (Connection, Keep-Alive, Proxy-Connection,
// Transfer-Encoding, Upgrade) are left out; those that Connection names must not be
// there. A status below 200 is an interim response, of which there may be several,
// and is sent at once; 101 becomes 200, as RFC 8441 has it. end: the response has no body.
//
// A head goes out with the first bytes of the body that are written, or by Flush.
func (s *Stream) WriteHead(status int, lines []byte, end bool) error {
	c := s.c
	c.mu.Lock()
	defer c.mu.Unlock()
	if s.headSent {
		return errSecondHead
	}
	if err := s.headRoom(); err != nil {
		return err
	}
	if status == 101 {
		status = 200
	}
	block := appendStatus(c.enc.begin(c.encoded[:0]), status)
	c.sendBlock(s, c.appendLines(block, lines), end)
	s.headSent = status >= 200
	if end || !s.headSent {
		c.flush()
	}
	return nil
}

// WriteTrailers ends the stream with trailer fields, given as those of WriteHead.
// There is no room in them for framing fields: RFC 9110 section 6.5.1.
func (s *Stream) WriteTrailers(lines []byte) error {
	c := s.c
	c.mu.Lock()
	defer c.mu.Unlock()
	if !s.headSent {
		return errNoHead
	}
	if err := s.headRoom(); err != nil {
		return err
	}
	block := c.appendLines(c.enc.begin(c.encoded[:0]), lines)
	if len(block) == 0 {
		s.sendData(nil, true)
	} else {
		c.sendBlock(s, block, true)
	}
	c.flush()
	return nil
}

// headRoom waits until header blocks may be appended.
func (s *Stream) headRoom() error {
	for {
		if err := s.sendable(); err != nil {
			return err
		}
		if len(s.c.out.b) < maxHeads {
			return nil
		}
		s.c.out.written.Wait() // the socket's own deadline bounds it
	}
}

// sendable tells why nothing more can be sent.
func (s *Stream) sendable() error {
	switch {
	case s.err != nil:
		return s.err
	case s.sendClosed:
		return ErrEnded
	case s.c.out.err != nil, s.c.handler == nil && s.c.over:
		return ErrClosed
	}
	return nil
}

// sendBlock appends a header block, which lies in c.encoded.
func (c *Conn) sendBlock(s *Stream, block []byte, end bool) {
	c.out.b = appendHeaderBlock(c.out.open(), s.id, block, int(min(c.peer.frameSize, maxFrame)), end)
	if end {
		s.endSend()
	}
	c.encoded = block
	if cap(block) > keptScratch {
		c.encoded = nil
	}
}

// endSend is our END_STREAM.
func (s *Stream) endSend() {
	s.sendClosed = true
	if s.recvClosed {
		s.uncount()
	}
}

// appendLines encodes header lines.
func (c *Conn) appendLines(block, lines []byte) []byte {
	for len(lines) > 0 {
		line := lines
		if i := bytes.IndexByte(lines, '\n'); i >= 0 {
			line, lines = lines[:i], lines[i+1:]
		} else {
			lines = nil
		}
		colon := bytes.IndexByte(line, ':')
		if colon <= 0 {
			continue
		}
		c.lower = c.lower[:0]
		for _, b := range line[:colon] {
			if 'A' <= b && b <= 'Z' {
				b |= 0x20
			}
			c.lower = append(c.lower, b)
		}
		value := trim(line[colon+1:])
		switch id := lookupName(c.lower); {
		case ofConnection(id):
		case id == nameTE && string(value) != "trailers":
		case id == nameHost && c.handler == nil: // it is :authority
		default:
			block = c.enc.appendField(block, c.lower, value)
		}
	}
	return block
}

// ofConnection: fields that HTTP/2 does not have (RFC 9113 section 8.2.2).
func ofConnection(id nameID) bool {
	switch id {
	case nameConnection, nameKeepAlive, nameProxyConnection, nameTransferEncoding, nameUpgrade, nameHTTP2Settings:
		return true
	}
	return false
}

// trim cuts blanks and a carriage return off.
func trim(b []byte) []byte {
	for len(b) > 0 && isBlank(b[0]) {
		b = b[1:]
	}
	for n := len(b); n > 0 && (isBlank(b[n-1]) || b[n-1] == '\r'); n-- {
		b = b[:n-1]
	}
	return b
}

// Flush sends what has been written so far.
func (s *Stream) Flush() {
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	s.c.flush()
}

// Write sends a piece of the body. It waits for the peer's windows and for the
// socket; p may be used again when it returns.
func (s *Stream) Write(p []byte) (int, error) { return s.write(p, false) }

// WriteEnd sends the last piece of the body, which may be empty, and ends the stream.
func (s *Stream) WriteEnd(p []byte) error {
	_, err := s.write(p, true)
	return err
}

func (s *Stream) write(p []byte, end bool) (n int, err error) {
	c := s.c
	c.mu.Lock()
	defer c.mu.Unlock()
	if !s.headSent {
		return 0, errNoHead
	}
	defer s.leaveQueue()
	for {
		if err := s.sendable(); err != nil {
			return n, err
		}
		if len(p) == n {
			if end {
				s.sendData(nil, true)
			}
			c.flush()
			return n, nil
		}
		piece := min(len(p)-n, maxData, int(s.send), s.turn())
		if piece <= 0 {
			if err := s.await(); err != nil {
				return n, err
			}
			continue
		}
		last := n+piece == len(p)
		s.sendData(p[n:n+piece], end && last)
		n += piece
		if last || piece >= usefulData || c.purse.target {
			c.purse.sent(piece)
		}
		s.passOn()
		if end && last {
			c.flush()
			return n, nil
		}
	}
}

// turn gives the room on the connection, if it is this stream's turn to take it.
func (s *Stream) turn() int {
	q := &s.c.queue
	if q.turn == s || q.turn == nil && q.head == nil {
		return s.c.room()
	}
	return 0
}

// passOn gives the turn to the next stream.
func (s *Stream) passOn() {
	if s.c.queue.turn == s {
		s.c.queue.turn = nil
	}
	s.c.grant()
}

// leaveQueue: the stream wants no more room on the connection.
func (s *Stream) leaveQueue() {
	if s.queued {
		s.c.queue.remove(s)
	}
	s.passOn()
}

// await waits for the stream's window, or for its turn on the connection.
func (s *Stream) await() error {
	c := s.c
	s.waited = true
	if c.handler == nil && c.send <= 0 && c.thirst.IsZero() {
		c.thirst = time.Now()
	}
	if s.send > 0 && !s.queued {
		c.queue.push(s)
	}
	s.passOn() // with the turn, it was not for want of room
	c.flush()
	if c.queue.turn != s {
		s.writes.wait(s.Idle)
	}
	if s.writes.late || s.writes.broken {
		s.writes.late = false
		return os.ErrDeadlineExceeded
	}
	return nil
}

// sendData appends a DATA frame for which there is room.
func (s *Stream) sendData(p []byte, end bool) {
	flags := uint8(0)
	if end {
		flags = flagEndStream
		s.endSend()
	}
	b := appendFrameHeader(s.c.out.open(), len(p), frameData, flags, s.id)
	s.c.out.b = append(b, p...)
	s.send -= int32(len(p))
	s.c.send -= int32(len(p))
	if s.moved != nil {
		s.moves(time.Now())
	}
}

// Close ends the stream, unless that has been done.
func (s *Stream) Close() error {
	if err := s.WriteEnd(nil); err != nil && err != ErrEnded {
		return err
	}
	return nil
}
