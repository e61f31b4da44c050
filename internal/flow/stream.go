package flow

import (
	"context"
	"crypto/tls"
	"time"

	"github.com/albatross-lb/albatross/internal/certs"
	"github.com/albatross-lb/albatross/internal/metrics"
	"github.com/albatross-lb/albatross/internal/snapshot"
	"github.com/albatross-lb/albatross/internal/sock"
)

// handshakeTimeout bounds a client's TLS handshake.
const handshakeTimeout = 10 * time.Second

// Stream is a flow that goroutines carry from its beginning: one that speaks TLS on either
// side, and any where the system has no event loops.
type Stream struct {
	flow
	pair
	tls tlsInfo
}

func (c *Carrier) stream(a sock.Accepted, n *snapshot.Network) *Stream {
	s := &Stream{}
	s.open(c, a, n)
	s.init(&s.flow, s.end)
	conn := a.Conn()
	s.from = side{sock: conn, conn: conn}
	return s
}

// Serve carries the flow until it ends, and closes both connections.
func (s *Stream) Serve() {
	if !s.admit() {
		s.end(elbReset)
		return
	}
	s.carrier.watch(s)
	defer s.leave()
	if s.kind == metrics.TLSFlow && !s.handshake() {
		s.end(finished)
		return
	}
	if !s.connect() {
		s.end(elbReset)
		return
	}
	s.carry()
	s.end(finished)
}

// handshake speaks TLS with the client.
func (s *Stream) handshake() bool {
	if s.network.TLS == nil {
		return false
	}
	s.from.sock.SetDeadline(s.began.Add(handshakeTimeout)) //nolint:errcheck // fails only when closed
	c := tls.Server(s.from.sock, s.network.TLS)
	var chosen certs.Chosen
	err := c.HandshakeContext(certs.WithChosen(context.Background(), &chosen))
	s.tls.note(c, &chosen, err, time.Since(s.began))
	if err != nil {
		s.figures().ClientTLSErrors.Add(1)
		return false
	}
	s.from.sock.ResetDeadlines()
	s.from.conn, s.from.secure = c, true
	return true
}

// leave takes the flow out of the books.
func (s *Stream) leave() {
	s.carrier.unwatch(s)
	s.mu.Lock()
	s.settle()
	s.mu.Unlock()
	if s.kind == metrics.TLSFlow {
		s.log()
	}
}

// end closes both connections, once. Whatever broke off is told to both sides by a reset.
func (s *Stream) end(why cause) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over {
		return
	}
	s.over, s.cause = true, why
	s.close(why != finished)
}

// Abort resets the flow now.
func (s *Stream) Abort() { s.end(elbReset) }
