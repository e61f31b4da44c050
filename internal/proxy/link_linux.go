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
	t := &l.turn
	if l.sock != nil {
		n, err := l.sock.Read(p)
		t.records.pass(p[:n])
		return n, err
	}
	if t.seat != nil {
		n, err := t.seat.Recv(p)
		t.records.pass(p[:n])
		return n, err
	}
	if !t.wire {
		t.records.whole = 0
		return 0, errNothing
	}
	n, errno := t.polled.Recv(p)
	switch {
	case errno == syscall.EAGAIN:
		t.wire, t.records.whole = false, 0
		return 0, errNothing
	case errno != 0:
		return 0, errno
	case n == 0:
		return 0, io.EOF
	}
	t.wire = n == len(p) || t.last
	t.records.pass(p[:n])
	return n, nil
}

// records follows what TLS has been given, record by record (RFC 8446 section 5.1), to tell whether it
// has kept something back. When it asks for more than there is, it has used all that was whole.
type records struct {
	left  int // bytes to come of the record under way
	head  [recordHead]byte
	have  int // bytes of head that are there
	whole int // records that have ended since TLS last asked in vain
}

// recordHead is the length of a record's head, which ends with the length of the rest.
const recordHead = 5

func (r *records) pass(p []byte) {
	for len(p) > 0 {
		if r.have < recordHead {
			n := copy(r.head[r.have:], p)
			r.have += n
			p = p[n:]
			if r.have == recordHead {
				r.left = int(r.head[3])<<8 | int(r.head[4])
			}
		}
		n := min(r.left, len(p))
		r.left -= n
		p = p[n:]
		if r.left == 0 && r.have == recordHead {
			r.have = 0
			r.whole++
		}
	}
}

// single tells that TLS was given one record, and nothing of another.
func (r *records) single() bool { return r.whole == 1 && r.have == 0 }

// Write sends.
func (l *link) Write(p []byte) (int, error) {
	switch s := (*Session)(l); {
	case s.sock != nil:
		return s.sock.Write(p)
	case s.turn.seat != nil:
		return s.turn.seat.Send(p)
	case s.looped():
		return s.sendNow(p)
	}
	return 0, net.ErrClosed
}

// Close closes the socket.
func (l *link) Close() error {
	switch s := (*Session)(l); {
	case s.sock != nil:
		return s.sock.Close()
	case s.looped():
		s.turn.polled.Close(s.turn.reset)
	case s.turn.seat != nil:
		s.accepted.Close()
	}
	return nil
}

// LocalAddr is what the client has connected to.
func (l *link) LocalAddr() net.Addr { return net.TCPAddrFromAddrPort(l.accepted.Local()) }

// RemoteAddr is the client's.
func (l *link) RemoteAddr() net.Addr { return net.TCPAddrFromAddrPort(l.client) }

// Deadlines are for who waits, which nobody does in a loop.

// SetDeadline sets both.
func (l *link) SetDeadline(t time.Time) error {
	switch {
	case l.turn.seat != nil:
		l.turn.seat.SetDeadline(t)
	case l.sock != nil:
		return l.sock.SetDeadline(t)
	}
	return nil
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
