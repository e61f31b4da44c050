package http2

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"time"
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
	conn.dec.bound, conn.purse.target = 2*responseBlock, true
	conn.greet() // before any request can be
	return conn
}

const (
	// beforeSettings is how many streams we open before the target has said how many it
	// takes. One need not wait for that; any more might be too many, and those are refused.
	beforeSettings = 1
	// settingsTimeout is when the target must have sent its SETTINGS, which are the first
	// thing that it says (RFC 9113 section 3.4): as long as ALB lets a target take to accept
	// a connection.
	settingsTimeout = 10 * time.Second
)

// Errors of Open. In all cases nothing was sent.
var (
	// ErrFull: the connection has as many streams as it may have, or does not know yet
	// what the target offers, or other requests have used its window up.
	ErrFull = errors.New("http2: no room for another stream")
	// ErrGoing: the connection takes no more requests.
	ErrGoing = errors.New("http2: connection is going away")
	// ErrNotOffered: the target does not offer extended CONNECT (RFC 8441).
	ErrNotOffered = errors.New("http2: extended CONNECT is not offered")
	// ErrHeaderList: the head is larger than the target's SETTINGS_MAX_HEADER_LIST_SIZE.
	ErrHeaderList = errors.New("http2: header larger than the target takes")
)

// ErrNoSettings is the error of streams whose target has sent no SETTINGS in time.
var ErrNoSettings = errors.New("http2: target has sent no SETTINGS")

// places gives how many streams may be under way at a time.
func (c *Conn) places() int {
	if !c.greeted {
		return beforeSettings
	}
	n := min(c.lim.Streams, int(min(c.peer.streams, maxID)))
	if c.lesson.places > 0 && time.Since(c.lesson.at) < lessonFor {
		n = min(n, c.lesson.places)
	}
	return n
}

// lesson is what a target that refused streams teaches: it took no more than it had then,
// whatever its SETTINGS say.
type lesson struct {
	places int
	at     time.Time
}

// lessonFor is how long that is kept in mind.
const lessonFor = time.Second

// refused ends a stream that the target has refused.
func (c *Conn) refused(s *Stream) {
	n := 0
	for _, other := range c.streams {
		if other != s && other.counted && other.err == nil {
			n++
		}
	}
	if n == 0 {
		s.lose(streamError(RefusedStream, true))
		return
	}
	c.lesson = lesson{n, c.now}
	s.lose(errCrowded)
}

// awaitSettings sees that a target which never sends its SETTINGS does not keep streams waiting.
func (c *Conn) awaitSettings() {
	if c.greeted || c.settingsDue != nil {
		return
	}
	c.settingsDue = time.AfterFunc(settingsTimeout, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.greeted || c.failed {
			return
		}
		for _, s := range c.streams {
			s.lose(ErrNoSettings)
		}
		c.going.state = last
		c.stopReader()
		c.changed()
	})
}

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
// request (RFC 9113 section 8.7), so that it may be sent again, there or elsewhere.
func Untouched(err error) bool {
	var reset *StreamError
	return errors.As(err, &reset) && reset.Remote && reset.Code == RefusedStream ||
		errors.Is(err, ErrFull) || errors.Is(err, ErrNotOffered) || errors.Is(err, ErrGoing) || LeftBehind(err) ||
		errors.Is(err, errNoneServed) || errors.Is(err, errBarren) || errors.Is(err, errUnsent)
}

// LeftBehind reports whether err means that the connection has served others, but not this
// request (RFC 9113 section 6.8): its target ends connections as it likes, and serves the
// next. It is Untouched.
func LeftBehind(err error) bool { return errors.Is(err, errAboveLast) }

// Crowded reports whether err means that the target has refused the request while it served
// others on the connection: it may have room on another. It is Untouched.
func Crowded(err error) bool { return errors.Is(err, errCrowded) }

var (
	// errCrowded is what Crowded tells.
	errCrowded = fmt.Errorf("with others on the connection: %w", streamError(RefusedStream, true))
	// errAboveLast: the peer's GOAWAY says that it has not looked at the stream.
	errAboveLast = errors.New("http2: peer is going away and has not processed the request")
	// errNoneServed is the same of a peer that has looked at no stream at all.
	errNoneServed = errors.New("http2: peer is going away and has processed no request")
	// errBarren: the target has ended a connection as soon as it was there.
	errBarren = errors.New("http2: target ends connections before they take a request")
	// errUnsent: the connection has ended before anything of the stream was sent.
	errUnsent = errors.New("http2: connection closed before the request was sent")
)

// Call is the head of a request to a target.
type Call struct {
	Method, Scheme, Authority, Path []byte
	Protocol                        []byte // of an extended CONNECT, else nil
	// Lines are the fields, as WriteHead takes them. Host is left out, as is any TE
	// but trailers.
	Lines []byte
	// End: the head is the whole request.
	End bool

	patient bool // it may have to wait for the connection's window
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
	case call.Protocol != nil && !c.greeted, c.active >= c.places(), !call.End && !call.patient && c.dry():
		return nil, ErrFull
	case !call.fits(c.peer.headerList):
		return nil, ErrHeaderList
	}
	c.awaitSettings()
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
	s.batch = c.out.batch
	c.sendBlock(s, c.appendCall(c.enc.begin(c.encoded[:0]), call), call.End)
	if call.End {
		c.flush()
	}
	return s, nil
}

// fits tells whether the head counts no more than limit, by RFC 9113 section 10.5.1.
func (call *Call) fits(limit uint32) bool {
	const pseudo, shortest = 5 * (len(":authority") + entryOverhead), len("a:\r\n")
	size := pseudo + len(call.Method) + len(call.Scheme) + len(call.Authority) + len(call.Path) + len(call.Protocol) + len(call.Lines)
	if uint64(size+len(call.Lines)/shortest*entryOverhead) <= uint64(limit) {
		return true // however many lines there are
	}
	return uint64(size+bytes.Count(call.Lines, []byte{'\n'})*(entryOverhead-len(": \r\n"))) <= uint64(limit)
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
	err := errAboveLast
	if lastID == 0 {
		err = errNoneServed
	}
	for _, s := range c.streams {
		if s.id > lastID {
			s.lose(err)
		}
	}
}
