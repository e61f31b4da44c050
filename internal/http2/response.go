package http2

import "errors"

// ErrResponse is the error of a stream whose response broke the rules or a limit;
// such streams are reset.
var ErrResponse = errors.New("http2: malformed response")

const (
	// responseSize is how large a response's header may be: ALB's quota.
	responseSize = 32 << 10
	// maxInterim is how many interim responses may wait to be read.
	maxInterim = 8
)

// status gives the value of :status; 0 if it is none.
func (h *Header) status() (n int) {
	b := h.get(pseudoStatus)
	if len(b) != 3 {
		return 0
	}
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0
		}
		n = n*10 + int(c-'0')
	}
	return n
}

// response takes a header block on a stream that we have opened: a head, interim
// or final, or the trailers behind it (RFC 9113 section 8.1). It is decoded aside,
// for the stream may end any time.
func (c *Conn) response(b *headerBlock) error {
	c.mu.Lock()
	s := c.find(b.id)
	kind := responseHeader
	if s != nil && s.finalHead {
		kind = trailerHeader
	}
	c.mu.Unlock()
	h := &c.aside
	h.reset(kind)
	if err := c.decode(b, h); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if s = c.find(b.id); s == nil || s.err != nil {
		return nil
	}
	ok := h.malformed == "" && h.tooLarge == "" && !s.recvClosed
	if kind == trailerHeader {
		ok = ok && b.endStream && s.fits(true)
	} else {
		ok = ok && s.acceptHead(h, b.endStream)
	}
	if !ok {
		return c.resetID(b.id, ProtocolError)
	}
	s.moves(c.now)
	if kind == trailerHeader {
		s.trailer, c.aside = c.aside, s.trailer
	}
	if b.endStream {
		s.endReceive()
	}
	s.reads.wake()
	return nil
}

// acceptHead keeps a head until ReadHead takes it. It reports false if it is malformed.
func (s *Stream) acceptHead(h *Header, end bool) bool {
	status := h.status()
	switch {
	case status < 100, status == 101: // RFC 9113 section 8.6
		return false
	case status < 200:
		if end || s.heads >= maxInterim {
			return false
		}
	default:
		s.finalHead, s.onlyHead = true, end
		s.length = h.length
		if s.isHead || status == 204 || status == 304 {
			s.length = 0
		}
		if end && s.length > 0 {
			return false
		}
	}
	if s.heads == 0 {
		s.nextHead, s.c.aside = s.c.aside, s.nextHead
	} else {
		s.moreHeads = append(s.moreHeads, *h)
		*h = Header{}
	}
	s.heads++
	return true
}
