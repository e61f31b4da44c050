// Package sock is a TCP connection with little between the caller and the kernel.
//
// A load balancer's request is four socket calls: read and write on the client's
// side, write and read on the target's. Everything else must fit in two or three
// microseconds, so what surrounds those calls counts. Conn keeps Go's network
// poller (a goroutine waits, no thread does) but issues the calls itself, through
// syscall.RawConn: sockets are non-blocking, so the calls never block, and on
// Linux they go without the scheduler's hand-off that a possibly blocking system
// call needs (sock_linux.go; elsewhere sock_unix.go uses the ordinary calls).
//
// Two more things come from being this close. ReadPooled waits for data while
// holding no buffer, so an idle connection costs no memory for one. Closed looks
// whether the peer has hung up without reading anything; a Watch does so for many at once.
//
// On Linux there is a closer way yet, for those who do not wait: a Loop tells of events on many
// descriptors, and who owns one does there and then what can be done (Polled). It carries HTTP/1.1 and
// layer 4 as long as nothing has to be waited for; Adopt and Detach take a connection from the one way to the
// other. A Seat is in between: a goroutine waits, for a socket that package os never knows.
//
// Deadlines are coarse on purpose: SetIdle re-arms a timer only when the one set
// before would expire noticeably early, so that a busy connection does not touch
// a timer for every request.
package sock

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// TCPConn is what a Conn is made of: a *net.TCPConn, or on Linux the connection of Connect.
type TCPConn interface {
	net.Conn
	CloseWrite() error
	SetLinger(seconds int) error
	SetReadBuffer(bytes int) error
	SetWriteBuffer(bytes int) error
	SyscallConn() (syscall.RawConn, error)
}

// Conn is a TCP connection. Like any net.Conn it allows one reader and one writer at a time.
type Conn struct {
	TCPConn
	raw      syscall.RawConn
	watched  *watched // nil: no Watch has it
	attended atomic.Bool

	in      []byte // where the read in progress puts its bytes
	inErr   error
	inN     int
	pool    *sync.Pool // of *[]byte, for ReadPooled
	pooled  *[]byte
	out     []byte // what the write in progress still has to send
	outErr  error
	readFn  func(fd uintptr) bool // doRead, made once: what a read is to do stands in reading
	writeFn func(fd uintptr) bool
	peekFn  func(fd uintptr) // doPeek; nil before the first look
	reading reading
	sent    bool // all of out has gone in the WriteThenRead in progress
	peek    [1]byte
	closed  bool
	moved   bool // the write in progress has sent something since it last had to wait
	waited  bool // a write has had to wait since Waited was asked last

	readUntil, writeUntil time.Time     // deadlines as they are set now
	writeIdle             time.Duration // what SetWriteIdle was told last
}

// New wraps c. Nagle's algorithm is already off, as net does it.
func New(c *net.TCPConn) (*Conn, error) { return wrap(c) }

func wrap(c TCPConn) (*Conn, error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return nil, err
	}
	s := &Conn{TCPConn: c, raw: raw}
	s.readFn, s.writeFn = s.doRead, s.doWrite
	s.Attend(true)
	return s, nil
}

// attended counts the sockets that goroutines wait for, or may.
var attended atomic.Int32

// Attend tells whether a goroutine waits for the connection, or may: it does from the beginning,
// until it says otherwise or closes it.
func (c *Conn) Attend(on bool) {
	if c.attended.Swap(on) != on {
		if on {
			attended.Add(1)
		} else {
			attended.Add(-1)
		}
	}
}

// reading is what the read in progress does once there may be something to read.
type reading uint8

const (
	into   reading = iota // read into c.in
	pooled                // read into a buffer of c.pool
	turn                  // send c.out first, and then read into c.in
	ready                 // see that there is something
)

// read waits in the poller until there was something for how to do.
func (c *Conn) read(how reading) error {
	c.reading = how
	return c.raw.Read(c.readFn)
}

func (c *Conn) doRead(fd uintptr) bool {
	switch c.reading {
	case pooled:
		return c.doReadPooled(fd)
	case turn:
		return c.doTurn(fd)
	case ready:
		_, errno := recv(fd, c.peek[:], peekFlags)
		return errno != syscall.EAGAIN
	}
	return c.doReadInto(fd)
}

// Read reads up to len(p) bytes; io.EOF when the peer has closed its side.
func (c *Conn) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	c.in, c.inN, c.inErr = p, 0, nil
	err := c.read(into)
	c.in = nil
	return c.readResult(err)
}

// ReadPooled waits for data, takes a buffer from pool only when there is some, and
// reads into it from the start. The caller owns the buffer when n > 0.
func (c *Conn) ReadPooled(pool *sync.Pool) (buf *[]byte, n int, err error) {
	c.pool, c.inN, c.inErr = pool, 0, nil
	err = c.read(pooled)
	buf, c.pooled, c.pool = c.pooled, nil, nil
	n, err = c.readResult(err)
	return buf, n, err
}

// WaitReadable waits until there is something to read, if only the end, and reads nothing.
func (c *Conn) WaitReadable() error { return c.read(ready) }

func (c *Conn) readResult(err error) (int, error) {
	switch {
	case err != nil:
		return 0, err
	case c.inErr != nil:
		return 0, &net.OpError{Op: "read", Net: "tcp", Err: c.inErr}
	case c.inN == 0:
		return 0, io.EOF
	}
	return c.inN, nil
}

func (c *Conn) doReadInto(fd uintptr) bool {
	c.watched.forget()
	n, errno := recv(fd, c.in, 0)
	if errno == syscall.EAGAIN {
		return false
	}
	c.keep(n, errno)
	return true
}

func (c *Conn) doReadPooled(fd uintptr) bool {
	c.watched.forget()
	buf := c.pool.Get().(*[]byte)
	n, errno := recv(fd, *buf, 0)
	if errno != 0 || n == 0 {
		c.pool.Put(buf)
		if errno == syscall.EAGAIN {
			return false
		}
		c.keep(n, errno)
		return true
	}
	c.pooled, c.inN = buf, n
	return true
}

func (c *Conn) keep(n int, errno syscall.Errno) {
	c.inN = n
	if errno != 0 {
		c.inN, c.inErr = 0, errno
	}
}

// Write sends all of p.
func (c *Conn) Write(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	c.out, c.outErr, c.moved = p, nil, false
	err := c.raw.Write(c.writeFn)
	for err != nil && c.goesOn(err) {
		err = c.raw.Write(c.writeFn)
	}
	sent := len(p) - len(c.out)
	c.out = nil
	if err == nil && c.outErr != nil {
		err = &net.OpError{Op: "write", Net: "tcp", Err: c.outErr}
	}
	return sent, err
}

func (c *Conn) doWrite(fd uintptr) bool {
	for len(c.out) > 0 {
		n, errno := send(fd, c.out)
		if errno == syscall.EAGAIN {
			c.waitOn()
			return false
		}
		if errno != 0 {
			c.outErr = errno
			return true
		}
		c.out = c.out[n:]
		c.moved = true
	}
	return true
}

// waitOn gives a write that has moved on the whole idle time again: a slow reader is
// not an idle one.
func (c *Conn) waitOn() {
	c.waited = true
	if c.moved && c.writeIdle > 0 {
		c.SetWriteIdle(time.Now(), c.writeIdle)
	}
	c.moved = false
}

// goesOn is asked when a write has waited for the idle time. Linux calls a socket writable
// when a third of its buffer is free, which may be megabytes: a peer that reads, but slowly,
// can need longer for that. So the kernel is asked when the peer has last taken
// something, and the idle time counts from there.
func (c *Conn) goesOn(err error) bool {
	if c.writeIdle == 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
		return false
	}
	ago, known := c.lastTaken()
	if !known || ago >= c.writeIdle {
		return false
	}
	c.writeUntil = time.Now().Add(c.writeIdle - ago)
	return c.TCPConn.SetWriteDeadline(c.writeUntil) == nil
}

// Waited reports whether a Write had to wait for the peer since Waited was last asked: then
// more time has gone by than writing takes.
func (c *Conn) Waited() bool {
	waited := c.waited
	c.waited = false
	return waited
}

// WriteThenRead sends p and waits for the answer to it, of which it reads what is
// there into buf. It saves the read that a Read always tries before it waits: here
// the wait is armed before p goes out, so that no answer can be missed, and there is
// nothing to read before. It is for connections on which the peer speaks only when
// it is spoken to. When the socket takes only a part of p, it returns at once with
// sent < len(p) and no error, and the caller goes on with Write and Read.
func (c *Conn) WriteThenRead(p, buf []byte) (sent, n int, err error) {
	c.out, c.outErr, c.sent = p, nil, false
	c.in, c.inN, c.inErr = buf, 0, nil
	err = c.read(turn)
	sent = len(p) - len(c.out)
	c.out, c.in = nil, nil
	switch {
	case c.outErr != nil:
		return sent, 0, &net.OpError{Op: "write", Net: "tcp", Err: c.outErr}
	case err == nil && sent < len(p):
		return sent, 0, nil
	}
	n, err = c.readResult(err)
	return sent, n, err
}

func (c *Conn) doTurn(fd uintptr) bool {
	if c.sent {
		return c.doReadInto(fd)
	}
	done := c.doWrite(fd)
	c.sent = len(c.out) == 0
	return !done || c.outErr != nil // else wait for the answer
}

// Closed tells, without waiting and without reading anything, whether the peer has
// closed or reset the connection. Unread says that there are bytes to read.
// It must not be called while a Read is in progress.
func (c *Conn) Closed() (closed, unread bool) {
	c.inN, c.closed = 0, false
	c.watched.forget()
	if c.peekFn == nil { // most connections never need it
		c.peekFn = c.doPeek
	}
	if err := c.raw.Control(c.peekFn); err != nil {
		return true, false
	}
	if c.inN > 0 {
		c.watched.remember()
	}
	return c.closed, c.inN > 0
}

func (c *Conn) doPeek(fd uintptr) {
	n, errno := recv(fd, c.peek[:], peekFlags)
	switch {
	case errno == syscall.EAGAIN:
	case errno != 0 || n == 0:
		c.closed = true
	default:
		c.inN = n
	}
}

// Quiet tells that nothing has come, as far as is known from a look at all connections of its Watch that
// was taken after since and at most d before now; it takes one if need be. False means that it is not
// known: ask Closed. A peer's end or reset that has been heard of is never forgotten.
func (c *Conn) Quiet(since, now time.Time, d time.Duration) bool {
	return c.watched.quiet(since, now, d)
}

// Close closes the connection.
func (c *Conn) Close() error {
	c.watched.remove()
	c.Attend(false)
	return c.TCPConn.Close()
}

// SetReadIdle makes a Read that starts now fail with os.ErrDeadlineExceeded after d,
// give or take an eighth.
func (c *Conn) SetReadIdle(now time.Time, d time.Duration) {
	if rearm(&c.readUntil, now, d) {
		c.TCPConn.SetReadDeadline(c.readUntil) //nolint:errcheck // fails only when closed: the Read says so
	}
}

// SetWriteIdle is SetReadIdle for Write: for each time that the peer takes nothing, however
// long all of them take together.
func (c *Conn) SetWriteIdle(now time.Time, d time.Duration) {
	c.writeIdle = d
	if rearm(&c.writeUntil, now, d) {
		c.TCPConn.SetWriteDeadline(c.writeUntil) //nolint:errcheck // as above
	}
}

// rearm sets *until to d from now, and a bit, unless it already is between d and a bit more away.
func rearm(until *time.Time, now time.Time, d time.Duration) bool {
	left := until.Sub(now)
	if left >= d && left <= d+d/4 {
		return false
	}
	*until = now.Add(d + d/8)
	return true
}

// Interrupt makes a Read in progress, and any later one, fail at once with os.ErrDeadlineExceeded.
// It may be called from another goroutine than the reader's.
func (c *Conn) Interrupt() {
	c.TCPConn.SetReadDeadline(time.Unix(1, 0)) //nolint:errcheck // fails only when closed
}

// ResetDeadlines forgets what SetReadIdle and Interrupt set.
func (c *Conn) ResetDeadlines() {
	c.readUntil, c.writeUntil, c.writeIdle = time.Time{}, time.Time{}, 0
	c.TCPConn.SetDeadline(time.Time{}) //nolint:errcheck // fails only when closed
}

// SetReadDeadline and its siblings keep the coarse deadlines in step with exact ones.
func (c *Conn) SetReadDeadline(t time.Time) error {
	c.readUntil = t
	return c.TCPConn.SetReadDeadline(t)
}

// SetWriteDeadline sets an exact deadline.
func (c *Conn) SetWriteDeadline(t time.Time) error {
	c.writeUntil, c.writeIdle = t, 0
	return c.TCPConn.SetWriteDeadline(t)
}

// SetDeadline sets both exact deadlines.
func (c *Conn) SetDeadline(t time.Time) error {
	c.readUntil, c.writeUntil, c.writeIdle = t, t, 0
	return c.TCPConn.SetDeadline(t)
}
