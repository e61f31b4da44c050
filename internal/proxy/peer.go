package proxy

import (
	"crypto/tls"
	"io"
	"time"
)

// peer is the client's side of one exchange: a connection of HTTP/1.1, or a stream
// of HTTP/2. What an exchange reads and writes is HTTP/1.1 as it stands on the
// wire; a peer that speaks otherwise translates.
type peer interface {
	// Read gives what follows of the request behind the part that is in the
	// exchange's buffer: chunk framing included where the request has it.
	io.Reader
	// open begins the final response, whose head stands in head; end says that no
	// body follows. It returns what of head is still to be sent, with the first of the body.
	open(head []byte, end bool) ([]byte, error)
	// interim sends a whole 1xx response.
	interim(head []byte) error
	// send sends more of the response; end says that it is the last of it, and
	// trailers are the lines of a trailer section that is not in p.
	send(p []byte, end bool, trailers []byte) (int, error)
	// waited reports whether sending has had to wait for the client since it was asked last.
	waited() bool
	// closeSend tells the client, in a tunnel, that no more will come.
	closeSend() error
	// abort breaks a response off so that no client can take that for its end. short: its
	// framing tells as much.
	abort(short bool)
	// gone looks, without reading, whether the client has left.
	gone() bool

	setReadIdle(now time.Time, d time.Duration)
	setWriteIdle(now time.Time, d time.Duration)
	// interrupt makes a Read under way fail with os.ErrDeadlineExceeded, resume lets later ones work again.
	interrupt()
	resume()
}

// A Session is the peer of its exchanges. In an event loop it has no sock, and no conn unless that is TLS.

// Read reads from the client.
func (s *Session) Read(p []byte) (int, error) { return s.conn.Read(p) }

// send writes to the client. HTTP/1.1's framing is in what is written.
func (s *Session) send(p []byte, _ bool, _ []byte) (int, error) {
	if s.conn == nil {
		return s.sendNow(p)
	}
	return s.conn.Write(p)
}

// open leaves the head to go out with the first of the body in one write.
func (s *Session) open(head []byte, _ bool) ([]byte, error) { return head, nil }

func (s *Session) waited() bool { return s.sock != nil && s.sock.Waited() }

func (s *Session) interim(head []byte) error {
	_, err := s.conn.Write(head)
	return err
}

func (s *Session) closeSend() error {
	if t, ok := s.conn.(*tls.Conn); ok {
		return t.CloseWrite()
	}
	return s.sock.CloseWrite()
}

// abort resets the connection, unless its end will do, which follows and takes nothing away
// of what is on its way to the client.
func (s *Session) abort(short bool) {
	if short || s.resetLooped() {
		return
	}
	s.sock.SetLinger(0)
	s.sock.Close()
}

func (s *Session) gone() bool { return s.sock.HungUp() }

func (s *Session) setReadIdle(now time.Time, d time.Duration) { s.sock.SetReadIdle(now, d) }

func (s *Session) setWriteIdle(now time.Time, d time.Duration) {
	if s.sock != nil { // an event loop does not wait
		s.sock.SetWriteIdle(now, d)
	}
}

func (s *Session) interrupt() { s.sock.Interrupt() }
func (s *Session) resume()    { s.sock.ResetDeadlines() }
