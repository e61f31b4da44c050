package proxy

import (
	"bytes"
	"io"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"github.com/albatross-lb/albatross/internal/http1"
	"github.com/albatross-lb/albatross/internal/http2"
)

// serveHTTP2 serves a connection of HTTP/2: an exchange for each stream.
func (s *Session) serveHTTP2() {
	idle := s.idleTimeout()
	if idle == 0 {
		return
	}
	c := http2.NewConn(s.conn, http2.Limits{Idle: idle, ExtendedConnect: true}, s.stream)
	s.streams.Store(c)
	if s.draining.Load() {
		c.Drain()
	}
	c.Serve() // what ends a connection is the client's affair
}

// stream is the peer of an exchange over HTTP/2. It gives the exchange the request as
// HTTP/1.1 and turns what the exchange sends into frames.
type stream struct {
	*http2.Stream
	in      buffer
	chunked bool   // the request's body has no announced length: Read makes chunks of it
	over    bool   // the request's end was read
	left    []byte // what of that end Read had no room for
	ended   bool   // the response is out
}

var peers = sync.Pool{New: func() any { return new(stream) }}

// stream serves one stream. It is the handler of http2.Conn.
func (s *Session) stream(st *http2.Stream) {
	defer func() {
		if fault := recover(); fault != nil { // a mistake of ours costs this request and no other
			slog.Error("serving a stream: panic", "panic", fault, "stack", string(debug.Stack()))
			st.Reset(http2.InternalError)
		}
	}()
	p := peers.Get().(*stream)
	p.Stream = st
	e := newExchange(s, p, &p.in)
	e.h2 = true
	if e.arrive() {
		st.Idle = e.listener.LoadBalancer.Attributes.IdleTimeout
		e.answerTo(p.readHead(e))
	}
	e.release()
	p.in.release()
	*p = stream{}
	peers.Put(p)
}

// readHead writes the request's head as HTTP/1.1 and has it read and judged like any
// other (a client could mean to have it read differently by a target that speaks
// HTTP/1.1). Desync mitigation has nothing to say about it: where the request ends was
// told by its frames, and the framing that a target gets is written by us.
func (p *stream) readHead(e *exchange) (int, error) {
	if p.TooLarge != "" {
		status := 400
		if p.TooLarge == "RequestLineTooLong" {
			status = 414
		}
		return 0, &http1.Error{Status: status, Reason: p.TooLarge}
	}
	p.chunked = !p.EndStream && p.ContentLength < 0 && p.Protocol == nil
	if !p.writeHead() {
		return 0, &http1.Error{Status: 400, Reason: "HeaderTooLong"}
	}
	lim := e.listener.LoadBalancer.Limits
	lim.Framed = true
	n, err := e.req.Parse(p.in.bytes(), lim)
	switch {
	case n == 0 && err == nil:
		return 0, &http1.Error{Status: 400, Reason: http1.BadHeader.String()}
	case err == nil && p.Protocol != nil && !e.upgrade(): // it would be answered as if it were a GET; RFC 9220 section 3
		return 0, &http1.Error{Status: 501, Reason: "UnsupportedProtocol", Class: e.req.Class}
	}
	return n, err
}

// writeHead puts the head into p.in.
func (p *stream) writeHead() bool {
	space := p.in.space()
	head := p.AppendHead(space[:0])
	if len(head) > largeSize {
		return false
	}
	if len(head) > len(space) {
		p.in.release()
		p.in.put(head)
		return true
	}
	p.in.w = len(head)
	return true
}

// sizeOfChunk is what stands around the payload of a chunk: eight digits and two line ends.
const sizeOfChunk = 8 + 2 + 2

// Read gives the request's body, in chunks where its length is not known.
func (p *stream) Read(b []byte) (int, error) {
	if !p.chunked {
		return p.Stream.Read(b)
	}
	if p.over {
		n := copy(b, p.left)
		p.left = p.left[n:]
		if n == 0 {
			return 0, io.EOF
		}
		return n, nil
	}
	n, err := p.Stream.Read(b[sizeOfChunk-2 : len(b)-2])
	switch {
	case err == io.EOF:
		p.over = true
		p.left = append(append([]byte("0\r\n"), p.Trailer().Lines()...), "\r\n"...)
		return p.Read(b)
	case err != nil:
		return 0, err
	}
	appendHex(b[:0], uint64(n), 8)
	b[8], b[9] = '\r', '\n'
	b[10+n], b[11+n] = '\r', '\n'
	return sizeOfChunk + n, nil
}

// open sends the head in frames. The 101 of a WebSocket is a 200 here (RFC 8441 section 5).
func (p *stream) open(head []byte, end bool) ([]byte, error) {
	status, lines := splitHead(head)
	if status == 101 {
		status = 200
	}
	p.ended = end
	return head[:0], p.WriteHead(status, lines, end)
}

func (p *stream) interim(head []byte) error {
	status, lines := splitHead(head)
	return p.WriteHead(status, lines, false)
}

// splitHead cuts a head that the proxy has written: "HTTP/1.1 200 OK", lines, an empty line.
func splitHead(head []byte) (status int, lines []byte) {
	for _, digit := range head[len("HTTP/1.1 "):][:3] {
		status = 10*status + int(digit-'0')
	}
	start := bytes.IndexByte(head, '\n') + 1
	return status, head[start : len(head)-2]
}

func (p *stream) send(b []byte, end bool, trailers []byte) (int, error) {
	switch {
	case p.ended:
		return 0, nil
	case end && len(trailers) > 0:
		p.ended = true
		n, err := p.Write(b)
		if err != nil {
			return n, err
		}
		return n, p.WriteTrailers(trailers)
	case end:
		p.ended = true
		if err := p.WriteEnd(b); err != nil {
			return 0, err
		}
		return len(b), nil
	case len(b) == 0:
		p.Flush() // the head, which would wait for the first of the body
		return 0, nil
	}
	return p.Write(b)
}

func (p *stream) closeSend() error {
	_, err := p.send(nil, true, nil)
	return err
}

func (p *stream) abort(bool) {
	p.ended = true
	p.Reset(http2.InternalError)
}

func (p *stream) waited() bool { return p.Waited() }

func (p *stream) gone() bool { return p.Err() != nil }

// The times of a stream's waits are in Stream.Idle.
func (p *stream) setReadIdle(time.Time, time.Duration)  {}
func (p *stream) setWriteIdle(time.Time, time.Duration) {}

func (p *stream) interrupt() { p.InterruptRead() }
func (p *stream) resume()    {} // nothing follows on a stream
