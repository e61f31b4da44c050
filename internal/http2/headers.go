package http2

import "encoding/binary"

const (
	// blockSize is how long a header block may be, encoded. It is more than a request
	// may have, so that one that is a little over can still be answered.
	blockSize = headerListSize + 16<<10
	// blocksHeld bounds it together with what streams hold.
	blocksHeld = 128 << 10
	// responseBlock is the same of a target's, which is trusted more: a response whose header is
	// far over its limit costs one stream, not the connection that others share.
	responseBlock = 512 << 10
)

// headerBlock is a header block whose frames are still coming (RFC 9113 section 4.3).
type headerBlock struct {
	id        uint32 // 0: none
	endStream bool
	selfish   bool // the stream is to depend on itself
	frames    int
	text      []byte
}

func (b *headerBlock) open() bool { return b.id != 0 }

// close ends the block; a large one gives its memory back.
func (b *headerBlock) close() {
	text := b.text[:0]
	if cap(text) > keptScratch {
		text = nil
	}
	*b = headerBlock{text: text}
}

// headers takes a HEADERS frame. Usually it has the whole header block, which is
// then decoded where it lies.
func (c *Conn) headers(f *frame) error {
	if f.id == 0 {
		return connError(ProtocolError, "HEADERS on stream 0")
	}
	if err := f.unpad(); err != nil {
		return err
	}
	selfish := false
	if f.has(flagPriority) {
		if len(f.payload) < 5 {
			return connError(FrameSizeError, "HEADERS too short for its priority")
		}
		selfish = binary.BigEndian.Uint32(f.payload)&maxID == f.id
		f.payload = f.payload[5:]
	}
	b := headerBlock{id: f.id, endStream: f.has(flagEndStream), selfish: selfish, text: f.payload}
	if f.has(flagEndHeaders) {
		return c.headerBlock(&b)
	}
	b.text = append(c.block.text[:0], f.payload...)
	c.block = b
	return nil
}

func (c *Conn) continuation(f *frame) error {
	if !c.block.open() {
		return connError(ProtocolError, "CONTINUATION without HEADERS")
	}
	b := &c.block
	b.frames++
	c.mu.Lock()
	held := c.held
	var err error
	if len(f.payload) == 0 || b.frames > freeContinuations && (c.handler != nil || len(f.payload) < usefulData) {
		err = c.purse.spendNoise(noiseOfContinuation, "CONTINUATION")
	}
	c.mu.Unlock()
	if err != nil {
		return err
	}
	bound := min(blockSize, blocksHeld-held)
	if c.handler == nil {
		bound = responseBlock
	}
	if len(b.text)+len(f.payload) > bound {
		return connError(EnhanceYourCalm, "header block too large")
	}
	b.text = append(b.text, f.payload...)
	if !f.has(flagEndHeaders) {
		return nil
	}
	err = c.headerBlock(b)
	b.close()
	return err
}

// headerBlock acts on a whole header block. It is decoded in any case, to keep the
// compression tables in step.
func (c *Conn) headerBlock(b *headerBlock) error {
	c.mu.Lock()
	s := c.find(b.id)
	known := s != nil || !c.idle(b.id)
	c.mu.Unlock()
	switch {
	case s != nil && c.handler == nil:
		return c.response(b)
	case s != nil:
		return c.trailers(b)
	case known:
		return c.strayHeaders(b)
	case c.handler == nil || b.id%2 == 0:
		return connError(ProtocolError, "HEADERS on a stream that the peer may not open")
	}
	return c.request(b)
}

// skip decodes a header block that nobody wants.
func (c *Conn) skip(b *headerBlock) error {
	c.aside.reset(trailerHeader)
	c.aside.malformed = "not wanted"
	return c.decode(b, &c.aside)
}

func (c *Conn) decode(b *headerBlock, h *Header) error {
	if err := c.dec.decode(b.text, h); err != nil {
		if err == errBlockBound {
			return connError(EnhanceYourCalm, err.Error())
		}
		return connError(CompressionError, err.Error())
	}
	return nil
}

// strayHeaders is a header block on a stream that has ended. When we have reset
// it, the block may have been on its way.
func (c *Conn) strayHeaders(b *headerBlock) error {
	c.mu.Lock()
	reset, p := c.resets.has(b.id), c.past.find(b.id)
	owed := p != nil && p.owed != notOwed
	c.mu.Unlock()
	switch {
	case c.handler == nil:
		return c.skip(b)
	case reset || owed:
		return c.lateTrailers(b)
	case p != nil:
		return connError(StreamClosed, "HEADERS on a stream that has ended") // RFC 9113 section 5.1
	}
	return connError(ProtocolError, "stream ids go down") // section 5.1.1
}

// request opens a stream.
func (c *Conn) request(b *headerBlock) error {
	c.mu.Lock()
	s := c.takeStream(b.id)
	c.mu.Unlock()
	if err := c.decode(b, &s.Header); err != nil {
		return err
	}
	malformed := s.conclude(b.endStream, c.lim.ExtendedConnect)
	if b.selfish {
		malformed = "stream that depends on itself" // RFC 7540 section 5.3.1
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lastID = b.id
	c.purse.request()
	code := NoError
	switch {
	case c.going.state == last: // it was told not to
		c.resets.add(b.id)
		s.recycle()
		return nil
	case malformed != "":
		code = ProtocolError
	case !c.place(), c.held+s.held() > headersHeld:
		code = RefusedStream
	}
	if code != NoError {
		s.recycle()
		return c.resetID(b.id, code)
	}
	s.recvClosed = b.endStream
	s.length = s.ContentLength
	s.began = c.now
	c.add(s)
	c.start(s)
	return nil
}

// decodeAside decodes a trailer section into memory of the connection's: the stream that
// it belongs to may end any time, or has ended.
func (c *Conn) decodeAside(b *headerBlock) (*Header, error) {
	t := &c.aside
	t.reset(trailerHeader)
	if err := c.decode(b, t); err != nil {
		return nil, err
	}
	t.mend()
	return t, nil
}

// trailers ends a request with a trailer section (RFC 9113 section 8.1).
func (c *Conn) trailers(b *headerBlock) error {
	t, err := c.decodeAside(b)
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.find(b.id)
	switch {
	case c.resets.has(b.id):
		return nil
	case s == nil || s.recvClosed || s.err != nil:
		return c.resetID(b.id, StreamClosed)
	case t.tooLarge != "" || c.held+t.held() > headersHeld:
		return c.resetID(b.id, EnhanceYourCalm)
	case t.malformed != "" || !b.endStream || b.selfish || !s.fits(true):
		return c.resetID(b.id, ProtocolError)
	}
	s.trailer, c.aside = c.aside, s.trailer
	s.headerHeld += s.trailer.held()
	c.held += s.trailer.held()
	s.endReceive()
	s.reads.wake()
	return nil
}
