package http2

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// Limits bound and time a connection. Zero means the default.
type Limits struct {
	Streams int           // requests under way at a time, 1 and up; 128, ALB's quota
	Idle    time.Duration // without a stream, or for one frame or header block to come; 60 s, ALB's idle timeout
	Write   time.Duration // for the peer to take something of what is sent; Idle
	// ExtendedConnect offers RFC 8441, which carries WebSocket over HTTP/2.
	ExtendedConnect bool
}

const defaultStreams = 128

func (l *Limits) fill() {
	if l.Streams == 0 {
		l.Streams = defaultStreams
	}
	if l.Idle == 0 {
		l.Idle = time.Minute
	}
	if l.Write == 0 {
		l.Write = l.Idle
	}
}

// headersHeld is how many bytes of header fields all streams may hold together.
const headersHeld = 96 << 10

// Conn is one connection, a client's with us as the server or ours to a target.
type Conn struct {
	nc      net.Conn
	timer   timer
	lim     Limits
	handler func(*Stream) // nil where we are the client

	// The reader's own.
	in      inbox
	dec     decoder
	block   headerBlock
	aside   Header    // trailers being decoded, and what is decoded only to keep the tables in step
	now     time.Time // when bytes last came
	partial time.Time // since when a frame or header block is incomplete; zero if none is
	greeted bool      // the peer's first SETTINGS have come

	mu      sync.Mutex
	ids     []uint32  // of streams, at the same places
	streams []*Stream // whose handlers run
	free    []*Stream // for further use
	active  int       // streams that count as concurrent
	leaving leaving
	lastID  uint32  // highest id that the peer has used
	nextID  uint32  // that we use; clients only
	held    int     // bytes of header fields that streams hold
	resets  idRing  // streams that we reset: the peer may not know yet
	past    history // streams that have ended, the last few
	peer    settings
	purse   purse
	enc     encoder
	lower   []byte // a field name in lower case
	encoded []byte // the header block being encoded
	recv    recvWindow
	send    int32 // the connection's send window
	queue   streamQueue
	thirst  time.Time // clients: since when streams wait for send to grow; zero if none does
	out     outbox
	workers workers
	going   goingAway
	quiet   time.Time // when the last stream ended
	gone    *sync.Cond
	waiting bool // the reader waits for bytes
	over    bool // the reader is to end
	failed  bool // the connection has ended; streams get ErrClosed
	// Of clients.
	lesson      lesson
	freed       func()      // there may be room for another stream, or none any more
	settingsDue *time.Timer // the target's SETTINGS must have come
}

// NewConn gives a server's connection over c: TLS with ALPN h2, or plaintext whose
// client has prior knowledge. handler is run for every request in a goroutine of
// its own and must have ended its Stream when it returns; a stream that is not
// ended by then is reset. Serve runs the connection.
func NewConn(c net.Conn, lim Limits, handler func(*Stream)) *Conn {
	conn := newConn(c, lim)
	conn.handler = handler
	conn.enc.table.max = tableSize
	return conn
}

func newConn(c net.Conn, lim Limits) *Conn {
	lim.fill()
	conn := &Conn{nc: c, timer: timerOf(c), lim: lim, peer: initialSettings, send: initialWindow, now: time.Now()}
	conn.recv = newConnWindow(lim.Streams)
	conn.dec.table.max = tableSize
	conn.purse = newPurse(conn.now)
	conn.gone = sync.NewCond(&conn.mu)
	conn.out.written = sync.NewCond(&conn.mu)
	return conn
}

// errOver ends a connection that has nothing left to do.
var errOver = errors.New("http2: connection over")

// Serve runs the connection until it ends, waits for the handlers and closes the
// socket. It gives nil when the peer left, the connection was idle or drained; a
// *ConnError when either side broke it off; and else what was wrong with the
// socket.
func (c *Conn) Serve() error {
	var err error
	if c.handler != nil {
		c.greet()
		err = c.readPreface()
	}
	for err == nil {
		var f frame
		if f, err = c.next(); err == nil {
			err = c.handle(&f)
		}
	}
	c.end(err)
	switch {
	case errors.Is(err, errOver) && c.out.err != ErrClosed:
		return c.out.err
	case errors.Is(err, errOver), errors.Is(err, io.EOF):
		return nil
	}
	return err
}

// greet sends our SETTINGS, a client's preface before it, and widens the
// connection's window. A client's go out with its first request, or when Serve begins.
func (c *Conn) greet() {
	c.mu.Lock()
	defer c.mu.Unlock()
	b := c.out.open()
	var p []byte
	if c.handler == nil {
		b = append(b, preface...)
		p = appendSetting(p, settingEnablePush, 0)
		p = appendSetting(p, settingMaxHeaderListSize, responseSize)
	} else {
		p = appendSetting(p, settingMaxConcurrentStreams, uint32(c.lim.Streams))
		p = appendSetting(p, settingMaxHeaderListSize, headerListSize)
		p = appendSetting(p, settingNoRFC7540Priorities, 1)
		if c.lim.ExtendedConnect {
			p = appendSetting(p, settingEnableConnectProtocol, 1)
		}
	}
	b = append(appendFrameHeader(b, len(p), frameSettings, 0, 0), p...)
	c.out.b = appendWindowUpdate(b, 0, int(c.recv.size)-initialWindow)
	if c.handler != nil {
		c.flush()
	}
}

// readPreface reads what a client's connection begins with.
func (c *Conn) readPreface() error {
	for {
		b := c.in.bytes()
		n := min(len(b), len(preface))
		if string(b[:n]) != preface[:n] {
			return connError(ProtocolError, "not an HTTP/2 client")
		}
		if n == len(preface) {
			c.in.r += n
			return nil
		}
		if err := c.fill(); err != nil {
			return err
		}
	}
}

// next gives the next frame. It lies in the read buffer until next is called again.
func (c *Conn) next() (frame, error) {
	for {
		f, n, ok := parseFrame(c.in.bytes())
		if n > frameHeaderSize+maxFrame {
			return f, connError(FrameSizeError, "frame too large")
		}
		if ok {
			c.in.r += n
			if !c.block.open() {
				c.partial = time.Time{}
			}
			return f, nil
		}
		if err := c.fill(); err != nil {
			return f, err
		}
	}
}

// fill reads once.
func (c *Conn) fill() error {
	if err := c.checkPartial(); err != nil {
		return err
	}
	for {
		if err := c.rest(); err != nil {
			return err
		}
		n, err := c.in.read(c.nc)
		c.wake(n > 0)
		if n > 0 {
			return nil
		}
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			return err
		}
		if err := c.expired(); err != nil {
			return err
		}
	}
}

// checkPartial sees that a frame or header block that has begun also ends.
func (c *Conn) checkPartial() error {
	switch {
	case len(c.in.bytes()) == 0 && !c.block.open():
	case c.partial.IsZero():
		c.partial = c.now
	case c.now.Sub(c.partial) > c.lim.Idle:
		return connError(EnhanceYourCalm, "frame or header block takes too long")
	}
	return nil
}

// rest is called before the reader waits: what its frames have asked for goes out.
func (c *Conn) rest() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.over {
		return errOver
	}
	c.flush()
	c.waiting = true
	c.timer.SetReadIdle(c.now, c.lim.Idle)
	return nil
}

// wake is called when the reader has waited.
func (c *Conn) wake(read bool) {
	if read {
		c.now = time.Now()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.waiting = false
	c.purse.refill(c.now)
}

// expired is asked when nothing came for the idle timeout, or the reader was
// interrupted. Streams under way time themselves.
func (c *Conn) expired() error {
	now := time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.over:
		return errOver
	case !c.partial.IsZero() && now.Sub(c.partial) >= c.lim.Idle:
		return connError(EnhanceYourCalm, "frame or header block takes too long")
	case len(c.streams) > 0 || now.Sub(c.quiet) < c.lim.Idle:
		c.now = now
		return nil
	}
	c.over = true
	return errOver
}

// inboxSize is the read buffer: the largest frame, and some more so that a frame
// is not always read in two pieces.
const inboxSize = 20 << 10

var inboxes = sync.Pool{New: func() any { b := make([]byte, inboxSize); return &b }}

// inbox is the read buffer, with unread bytes at mem[r:w].
type inbox struct {
	mem  *[]byte
	r, w int
	wait [frameHeaderSize]byte
}

func (in *inbox) bytes() []byte {
	if in.mem == nil {
		return nil
	}
	return (*in.mem)[in.r:in.w]
}

// read reads once. It waits without a buffer: a connection that has nothing to say
// costs no memory for one, whether there are streams or not.
func (in *inbox) read(nc net.Conn) (n int, err error) {
	if in.r == in.w {
		in.release()
		return in.await(nc)
	}
	if in.r > 0 {
		in.w = copy(*in.mem, in.bytes())
		in.r = 0
	}
	n, err = nc.Read((*in.mem)[in.w:])
	in.w += n
	return n, err
}

// await waits for the first bytes. TLS has them in memory of its own by then, so
// reading a few first costs little; package sock can read into a buffer that is
// taken only when there is something.
func (in *inbox) await(nc net.Conn) (n int, err error) {
	if s, ok := nc.(interface {
		ReadPooled(*sync.Pool) (*[]byte, int, error)
	}); ok {
		in.mem, n, err = s.ReadPooled(&inboxes)
		in.w = n
		return n, err
	}
	if n, err = nc.Read(in.wait[:]); n > 0 {
		in.mem = inboxes.Get().(*[]byte)
		in.w = copy(*in.mem, in.wait[:n])
	}
	return n, err
}

func (in *inbox) release() {
	if in.mem != nil {
		inboxes.Put(in.mem)
	}
	in.mem, in.r, in.w = nil, 0, 0
}
