package proxy

import (
	"io"
	"net"
	"syscall"
	"time"
)

// link is a Session's socket as TLS sees it: Go's in a goroutine, while in a loop what is there
// now is all there is.
type link Session

// transport is what TLS is spoken over.
func (s *Session) transport() net.Conn { return (*link)(s) }

// errNothing says that nothing is there to be read now. TLS takes that for something passing.
var errNothing net.Error = nothing{}

type nothing struct{}

func (nothing) Error() string   { return "nothing to read yet" }
func (nothing) Timeout() bool   { return true }
func (nothing) Temporary() bool { return true }

// Read reads.
func (l *link) Read(p []byte) (int, error) {
	if l.sock != nil {
		return l.sock.Read(p)
	}
	t := &l.turn
	if !t.wire {
		return 0, errNothing
	}
	n, errno := t.polled.Recv(p)
	switch {
	case errno == syscall.EAGAIN:
		t.wire = false
		return 0, errNothing
	case errno != 0:
		return 0, errno
	case n == 0:
		return 0, io.EOF
	}
	t.wire = n == len(p) || t.last
	return n, nil
}

// Write sends.
func (l *link) Write(p []byte) (int, error) {
	if l.sock != nil {
		return l.sock.Write(p)
	}
	return (*Session)(l).sendNow(p)
}

// Close closes the socket.
func (l *link) Close() error {
	if l.sock != nil {
		return l.sock.Close()
	}
	l.turn.polled.Close(l.turn.reset)
	return nil
}

// LocalAddr is what the client has connected to.
func (l *link) LocalAddr() net.Addr { return net.TCPAddrFromAddrPort(l.accepted.Local()) }

// RemoteAddr is the client's.
func (l *link) RemoteAddr() net.Addr { return net.TCPAddrFromAddrPort(l.client) }

// Deadlines are for who waits, which nobody does in a loop.

// SetDeadline sets both.
func (l *link) SetDeadline(t time.Time) error {
	if l.sock == nil {
		return nil
	}
	return l.sock.SetDeadline(t)
}

// SetReadDeadline is that of reading.
func (l *link) SetReadDeadline(t time.Time) error {
	if l.sock == nil {
		return nil
	}
	return l.sock.SetReadDeadline(t)
}

// SetWriteDeadline is that of writing.
func (l *link) SetWriteDeadline(t time.Time) error {
	if l.sock == nil {
		return nil
	}
	return l.sock.SetWriteDeadline(t)
}

// What follows is for HTTP/2, which never is in a loop.

// SetReadIdle is sock.Conn's.
func (l *link) SetReadIdle(now time.Time, d time.Duration) { l.sock.SetReadIdle(now, d) }

// SetWriteIdle is sock.Conn's.
func (l *link) SetWriteIdle(now time.Time, d time.Duration) { l.sock.SetWriteIdle(now, d) }

// Interrupt is sock.Conn's.
func (l *link) Interrupt() { l.sock.Interrupt() }
