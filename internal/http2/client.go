package http2

import (
	"errors"
	"net"
	"os"
)

// NewClientConn gives our connection to a target over c: TLS with ALPN h2, or
// plaintext with prior knowledge. Serve runs it; Open begins a request.
//
// Its receive window has room for the windows of all its streams together, so that
// a client of ours that reads slowly stops nobody else's response: streams of many
// clients share the connection.
func NewClientConn(c net.Conn, lim Limits) *Conn {
	conn := newConn(c, lim)
	conn.nextID = 1
	conn.peer.streams = assumedStreams
	window := int32(conn.lim.Streams) * (initialWindow + 1)
	conn.recv = recvWindow{size: window, left: window}
	conn.greet() // before any request can be
	return conn
}

// assumedStreams is how many streams we open before the target has said how many it takes.
const assumedStreams = 100

// Errors of Open. In all cases nothing was sent.
var (
	// ErrFull: the connection has as many streams as it may have, or does not know yet
	// what the target offers.
	ErrFull = errors.New("http2: no room for another stream")
	// ErrGoing: the connection takes no more requests.
	ErrGoing = errors.New("http2: connection is going away")
	// ErrNotOffered: the target does not offer extended CONNECT (RFC 8441).
	ErrNotOffered = errors.New("http2: extended CONNECT is not offered")
)

// open reports whether the connection takes requests.
func (c *Conn) open() bool {
	return !c.failed && !c.over && !c.going.peer && c.going.state == staying
}

// changed tells a Transport that there may be room for a stream now, or that there is none.
func (c *Conn) changed() {
	if c.freed != nil {
		c.freed()
	}
}

// Untouched reports whether err means that the peer has done nothing with the
// request (RFC 9113 section 8.7), so that it may be sent again, elsewhere.
func Untouched(err error) bool {
	var reset *StreamError
	return errors.As(err, &reset) && reset.Remote && reset.Code == RefusedStream ||
		errors.Is(err, ErrFull) || errors.Is(err, ErrNotOffered) || errors.Is(err, ErrGoing) || errors.Is(err, errAboveLast)
}

// errAboveLast: the peer's GOAWAY says that it has not looked at the stream.
var errAboveLast = errors.New("http2: peer is going away and has not processed the request")

// Call is the head of a request to a target.
type Call struct {
	Method, Scheme, Authority, Path []byte
	Protocol                        []byte // of an extended CONNECT, else nil
	// Lines are the fields, as WriteHead takes them. Host is left out, as is any TE
	// but trailers.
	Lines []byte
	// End: the head is the whole request.
	End bool
}

// Open begins a request. Its head goes out with the first bytes of its body, or by
// Flush; at once where it has none. The caller owns the stream until Release.
func (c *Conn) Open(call *Call) (*Stream, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case !c.open():
		return nil, ErrGoing
	case call.Protocol != nil && c.greeted && !c.peer.connect:
		return nil, ErrNotOffered
	case call.Protocol != nil && !c.greeted, c.active >= c.lim.Streams, c.active >= int(min(c.peer.streams, maxID)):
		return nil, ErrFull
	}
	s := c.takeStream(c.nextID)
	s.isHead = string(call.Method) == "HEAD"
	s.Header.reset(responseHeader)
	c.nextID += 2
	if c.nextID > maxID-2 {
		c.going.state = last
	}
	c.add(s)
	c.purse.request()
	s.headSent = true
	c.sendBlock(s, c.appendCall(c.encoded[:0], call), call.End)
	if call.End {
		c.flush()
	}
	return s, nil
}

// appendCall encodes a request's head.
func (c *Conn) appendCall(b []byte, call *Call) []byte {
	switch string(call.Method) {
	case "GET":
		b = append(b, 0x80|2)
	case "POST":
		b = append(b, 0x80|3)
	default:
		b = appendLiteral(b, 4, 0, int(nameMethod), nil, call.Method)
	}
	if connect := string(call.Method) == "CONNECT" && call.Protocol == nil; !connect {
		switch string(call.Scheme) {
		case "http":
			b = append(b, 0x80|6)
		case "https":
			b = append(b, 0x80|7)
		default:
			b = appendLiteral(b, 4, 0, int(nameScheme), nil, call.Scheme)
		}
		b = appendLiteral(b, 4, 0, int(namePath), nil, call.Path)
	}
	if len(call.Authority) > 0 {
		b = appendLiteral(b, 4, 0, int(nameAuthority), nil, call.Authority)
	}
	if call.Protocol != nil {
		b = appendLiteral(b, 4, 0, 0, []byte(":protocol"), call.Protocol)
	}
	return c.appendLines(b, call.Lines)
}

// ReadHead waits for the response's head. It gives its status, and the stream's
// Header, ContentLength and EndStream are then the response's. Interim responses
// come before it, one a call; 100 and 103, never 101.
func (s *Stream) ReadHead() (status int, err error) {
	c := s.c
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		switch {
		case s.heads > 0:
			return s.takeHead(), nil
		case s.err != nil:
			return 0, s.err
		case s.reads.late || s.reads.broken:
			return 0, s.tooLate()
		}
		c.flush()
		s.reads.wait(s.Idle)
	}
}

// takeHead makes the next head that has come the stream's own.
func (s *Stream) takeHead() int {
	s.Header, s.nextHead = s.nextHead, s.Header
	if s.heads--; s.heads > 0 {
		s.nextHead = s.moreHeads[0]
		s.moreHeads = s.moreHeads[1:]
	}
	s.ContentLength, s.EndStream = s.Header.length, s.onlyHead && s.heads == 0
	return s.Header.status()
}

// tooLate is called when a wait took too long. A target that does not answer one
// stream gets no other on this connection: it may be gone without a word.
func (s *Stream) tooLate() error {
	if s.reads.late && s.c.handler == nil {
		s.c.going.state = last
		s.c.changed()
	}
	s.reads.late = false
	return os.ErrDeadlineExceeded
}

// Release gives a stream of Open back. It is reset unless both sides have ended it.
// The stream, its header and its trailer must not be used any more.
func (s *Stream) Release() { s.finish() }

// Active gives the number of streams under way.
func (c *Conn) Active() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.active
}

// refuseAbove ends the streams that the peer's GOAWAY leaves out.
func (c *Conn) refuseAbove(lastID uint32) {
	for _, s := range c.streams {
		if s.id > lastID {
			s.lose(errAboveLast)
		}
	}
}
