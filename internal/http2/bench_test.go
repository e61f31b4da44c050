package http2

import (
	"bytes"
	"io"
	"net"
	"os"
	"sync"
	"testing"
	"time"
)

// turnConn is a client in memory: each turn it sends the same bytes, and waits for
// a number of streams to end.
type turnConn struct {
	mu      sync.Mutex
	changed *sync.Cond
	in      []byte
	ended   int // streams
	closed  bool
	left    []byte // of a frame that was cut by the end of a Write
}

func newTurnConn() *turnConn {
	c := new(turnConn)
	c.changed = sync.NewCond(&c.mu)
	c.in = append(appendFrameHeader([]byte(preface), 0, frameSettings, 0, 0), appendWindowUpdate(nil, 0, 1<<30)...)
	return c
}

// turn sends b and waits until n streams have ended.
func (c *turnConn) turn(b []byte, n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(c.in) > 0 {
		c.changed.Wait()
	}
	c.in, c.ended = b, 0
	c.changed.Broadcast()
	for c.ended < n {
		c.changed.Wait()
	}
}

func (c *turnConn) Read(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(c.in) == 0 && !c.closed {
		c.changed.Wait()
	}
	if c.closed {
		return 0, io.EOF
	}
	n := copy(p, c.in)
	c.in = c.in[n:]
	c.changed.Broadcast()
	return n, nil
}

func (c *turnConn) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	b := p
	for len(b) > 0 {
		f, n, ok := parseFrame(b)
		if !ok {
			panic("writes hold whole frames")
		}
		if (f.kind == frameData || f.kind == frameHeaders) && f.has(flagEndStream) {
			c.ended++
		}
		b = b[n:]
	}
	c.changed.Broadcast()
	return len(p), nil
}

func (c *turnConn) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	c.changed.Broadcast()
	return nil
}

func (c *turnConn) SetReadIdle(time.Time, time.Duration)  {}
func (c *turnConn) SetWriteIdle(time.Time, time.Duration) {}
func (c *turnConn) Interrupt()                            {}
func (c *turnConn) LocalAddr() net.Addr                   { return nil }
func (c *turnConn) RemoteAddr() net.Addr                  { return nil }
func (c *turnConn) SetDeadline(time.Time) error           { return nil }
func (c *turnConn) SetReadDeadline(time.Time) error       { return os.ErrNoDeadline }
func (c *turnConn) SetWriteDeadline(time.Time) error      { return nil }

// turns gives a function that runs n requests on a connection, ten streams at a time.
func turns(tb testing.TB, handler func(*Stream), body []byte) func(n int) {
	c := newTurnConn()
	served := make(chan error)
	conn := NewConn(c, Limits{}, handler)
	go func() { served <- conn.Serve() }()
	tb.Cleanup(func() { c.Close(); <-served })
	enc := encoder{table: table{max: tableSize}}
	block := func(b []byte) []byte {
		b = append(b, 0x82, 0x87, 0x84)
		for _, f := range [...][2]string{{":authority", "a.example"}, {"user-agent", "h2load nghttp2/1.52.0"}, {"accept", "*/*"}} {
			b = enc.appendField(b, []byte(f[0]), []byte(f[1]))
		}
		return appendLiteral(b, 4, 0, int(nameCookie), nil, []byte("session=0123456789abcdef"))
	}
	id := uint32(1)
	var frames, encoded []byte
	return func(n int) {
		frames = frames[:0]
		for range n {
			encoded = block(encoded[:0])
			frames = appendHeaderBlock(frames, id, encoded, maxFrame, len(body) == 0)
			if len(body) > 0 {
				frames = append(appendFrameHeader(frames, len(body), frameData, flagEndStream, id), body...)
			}
			id += 2
		}
		c.turn(frames, n)
	}
}

var smallPage = bytes.Repeat([]byte("x"), 85)

func smallHandler(s *Stream) {
	var buf [1024]byte
	for !s.EndStream {
		if _, err := s.Read(buf[:]); err != nil {
			break
		}
	}
	if s.WriteHead(200, []byte("Content-Type: text/plain\r\nContent-Length: 85\r\nServer: albatross\r\n"), false) == nil {
		s.WriteEnd(smallPage)
	}
}

// TestNoAllocations: a request and its response cost none once a connection is warm.
func TestNoAllocations(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	for _, body := range [][]byte{nil, smallPage} {
		turn := turns(t, smallHandler, body)
		for range 100 {
			turn(10)
		}
		if n := testing.AllocsPerRun(200, func() { turn(10) }); n > 0 {
			t.Errorf("body of %d: %v allocations for ten requests", len(body), n)
		}
	}
}

func BenchmarkRequest(b *testing.B) {
	turn := turns(b, smallHandler, nil)
	turn(10)
	b.ReportAllocs()
	for n := 0; n < b.N; n += 10 {
		turn(10)
	}
}

func BenchmarkUpload(b *testing.B) {
	turn := turns(b, smallHandler, smallPage)
	turn(10)
	b.ReportAllocs()
	for n := 0; n < b.N; n += 10 {
		turn(10)
	}
}
