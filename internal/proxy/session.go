package proxy

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"runtime"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/albatross-lb/albatross/internal/certs"
	"github.com/albatross-lb/albatross/internal/http2"
	"github.com/albatross-lb/albatross/internal/metrics"
	"github.com/albatross-lb/albatross/internal/snapshot"
	"github.com/albatross-lb/albatross/internal/sock"
)

// Session is one client's connection.
type Session struct {
	proxy    *Proxy
	accepted sock.Accepted
	sock     *sock.Conn // nil in an event loop
	conn     net.Conn   // sock, or TLS over it
	port     int        // as the manifests have it
	secure   bool
	shard    uint32 // of counters and idle target connections
	client   netip.AddrPort
	traceID  string // conn_trace_id of the access log and the connection log
	logged   bool   // the connection log has its line
	tls      *tlsInfo

	in       buffer    // what the client sent and nobody has read yet
	e        *exchange // that an event loop has under way
	began    time.Time
	quiet    time.Time // when the last exchange ended
	counted  *metrics.LoadBalancer
	first    *snapshot.Listener // whose a connection without a request is
	state    atomic.Int32
	draining atomic.Bool // the connection ends with the next response
	leaving  atomic.Bool // and does not wait for a next request
	aborted  atomic.Bool
	streams  atomic.Pointer[http2.Conn] // of a client that speaks HTTP/2
	ended    func()                     // tells that it has ended
	turn     turn
}

// States of a Session, so that CloseIdle interrupts only one that waits for a request.
const (
	busy int32 = iota
	waiting
	interrupting
	interrupted
)

const (
	// handshakeTimeout bounds a client's TLS handshake.
	handshakeTimeout = 10 * time.Second
	// lingerTimeout and lingerBytes bound what is read and thrown away behind the
	// last response, so that the client can read it before the reset that closing
	// with unread bytes sends (RFC 9112 section 9.6).
	lingerTimeout = 2 * time.Second
	lingerBytes   = 1 << 20
)

// Serve is Begin for those who wait for the end.
func (s *Session) Serve() {
	ended := make(chan struct{})
	s.Begin(func() { close(ended) })
	<-ended
}

// Begin serves the connection from now on, and closes it; ended is called at its end. It goes to an
// event loop where it may, else to a goroutine.
func (s *Session) Begin(ended func()) {
	s.ended = ended
	s.began = time.Now()
	s.quiet = s.began
	socket := s.socket()
	switch {
	case socket == nil || !s.admit(socket):
		s.end()
	case !s.enter():
		s.goOn(s.proceed)
	}
}

// socket is what the connection has come to; nil when its port is no longer served.
func (s *Session) socket() *snapshot.Socket {
	snap := s.proxy.current.Load()
	if snap == nil || snap.Sockets[s.port] == nil || snap.Sockets[s.port].Secure != s.secure {
		return nil
	}
	return snap.Sockets[s.port]
}

// admit takes the connection into the books, unless it may not be.
func (s *Session) admit(socket *snapshot.Socket) bool {
	if len(socket.Listeners) == 1 {
		s.count(socket.Listeners[0].LoadBalancer.Metrics)
	}
	if !socket.Allows(s.client.Addr()) {
		socket.Listeners[0].LoadBalancer.Metrics.Shard(s.shard).RejectedConnections.Add(1)
		return false
	}
	if !s.secure {
		s.first = socket.Listeners[0]
	}
	if s.first != nil && len(socket.Listeners) == 1 {
		s.logPlain(s.first)
	}
	return true
}

// goOn has a goroutine go on with the connection. what reports whether a loop has it again.
func (s *Session) goOn(what func() (looped bool)) {
	if s.sock == nil {
		s.adopt()
	}
	go s.carry(what)
}

// carry goes on with the connection, and ends it unless a loop has it again.
func (s *Session) carry(what func() (looped bool)) {
	looped := false
	defer func() {
		if !looped {
			s.end()
		}
	}()
	defer s.contain()
	looped = what()
}

// adopt gives the connection to Go's poller.
func (s *Session) adopt() {
	s.sock = s.accepted.Conn()
	if s.conn == nil { // else it is TLS, which finds out by itself
		s.conn = s.sock
	}
}

// contain keeps a mistake of ours in serving one connection from ending the process
// and with it all others.
func (s *Session) contain() {
	if fault := recover(); fault != nil {
		slog.Error("serving a connection: panic", "port", s.port, "panic", fault, "stack", string(debug.Stack()))
	}
}

// proceed serves requests until the connection ends, or goes to an event loop.
func (s *Session) proceed() (looped bool) {
	if s.secure && s.tls == &plaintext {
		if socket := s.socket(); socket == nil || !s.handshake(socket) {
			return false
		}
	}
	if s.tls.h2 {
		s.serveHTTP2()
		return false
	}
	for s.next() {
		if s.enterAgain() {
			return true
		}
	}
	return false
}

// count enters the connection into a load balancer's figures.
func (s *Session) count(m *metrics.LoadBalancer) {
	s.counted = m
	shard := m.Shard(s.shard)
	shard.NewConnections.Add(1)
	shard.ActiveConnections.Add(1)
}

// end closes the connection.
func (s *Session) end() {
	s.in.release()
	if s.first != nil {
		s.logPlain(s.first)
	}
	s.shut()
	if s.counted != nil {
		s.counted.Shard(s.shard).ActiveConnections.Add(-1)
	}
	s.ended()
}

func (s *Session) handshake(socket *snapshot.Socket) bool {
	c := tls.Server(s.transport(), socket.TLS)
	c.SetDeadline(s.began.Add(handshakeTimeout))
	defer c.SetDeadline(time.Time{})
	if s.aborted.Load() {
		return false
	}
	var chosen certs.Chosen
	err := c.HandshakeContext(certs.WithChosen(context.Background(), &chosen))
	l := socket.Listener([]byte(chosen.ServerName))
	if s.counted == nil {
		s.count(l.LoadBalancer.Metrics)
	}
	s.logTLS(l, c, err)
	if err != nil {
		l.LoadBalancer.Metrics.Shard(s.shard).ClientTLSErrors.Add(1)
		return false
	}
	s.conn = c
	if c.ConnectionState().NegotiatedProtocol == challengeProtocol {
		// All has been said. Nothing may be asked on such a connection: its handshake
		// was none of the listener's, with the client certificates that one may demand.
		return false
	}
	s.tls = newTLSInfo(c)
	s.tls.agree(socket.Listener([]byte(s.tls.sni)), c)
	if chosen.Certificate != nil {
		s.tls.cert = chosen.Certificate.Ref
	}
	return true
}

// next serves one request. It reports whether the connection can serve another.
func (s *Session) next() bool {
	idle := s.idleTimeout()
	if idle == 0 || s.e == nil && len(s.in.bytes()) == 0 && !s.wait(idle) {
		return false
	}
	e := s.e // begun by an event loop
	if s.e = nil; e == nil {
		e = newExchange(s, s, &s.in)
	}
	return s.after(e, e.serve(idle))
}

// after ends an exchange. It reports whether the connection can serve another.
func (s *Session) after(e *exchange, keep bool) bool {
	s.weigh(e)
	over := e.over()
	e.release()
	if !keep {
		if !over || s.unread() {
			s.linger()
		}
		return false
	}
	if len(s.in.bytes()) == 0 {
		s.in.release()
	}
	return true
}

// idleTimeout is that of the load balancer the connection has come to; 0 when its
// port is no longer served.
func (s *Session) idleTimeout() time.Duration {
	socket := s.socket()
	if socket == nil {
		return 0
	}
	return socket.Listeners[0].LoadBalancer.Attributes.IdleTimeout
}

// wait waits for the first bytes of a request, for at most the idle timeout and as
// long as the session may be idle.
func (s *Session) wait(idle time.Duration) bool {
	s.state.Store(waiting)
	if s.leaving.Load() {
		s.settle()
		if _, unread := s.sock.Closed(); !unread {
			return false
		}
		return s.receive(idle) == nil
	}
	err := s.receive(idle)
	if s.settle() && errors.Is(err, os.ErrDeadlineExceeded) {
		// Interrupted by CloseIdle. What arrived in that moment is still served.
		if _, unread := s.sock.Closed(); unread {
			err = s.receive(idle)
		}
	}
	return err == nil
}

// settle ends the state of waiting. It reports whether CloseIdle has interrupted it.
func (s *Session) settle() bool {
	if s.state.CompareAndSwap(waiting, busy) {
		return false
	}
	for s.state.Load() != interrupted {
		runtime.Gosched() // CloseIdle is just about to say so
	}
	s.state.Store(busy)
	s.sock.ResetDeadlines()
	return true
}

// receive reads once. In plaintext no buffer is held while waiting.
func (s *Session) receive(idle time.Duration) error {
	s.in.release()
	now := s.quiet // the end of the last exchange
	s.sock.SetReadIdle(now, idle)
	if s.secure {
		return s.receiveTLS(now, idle)
	}
	mem, n, err := s.sock.ReadPooled(&buffers)
	if err != nil {
		return err
	}
	s.in = buffer{mem: mem, w: n}
	return nil
}

// restAfter is how long a TLS connection may hold its buffer while it waits.
const restAfter = time.Second

// receiveTLS reads once through TLS, which needs a buffer to read into. A connection
// that has been quiet for a while gives it up and waits for the socket alone.
func (s *Session) receiveTLS(now time.Time, idle time.Duration) error {
	if idle > restAfter {
		s.sock.SetReadIdle(now, restAfter)
		err := s.in.fill(s.conn)
		if !errors.Is(err, os.ErrDeadlineExceeded) || s.state.Load() != waiting {
			return err
		}
		s.in.release()
		s.sock.SetReadIdle(now, idle)
		if err := s.sock.WaitReadable(); err != nil {
			return err
		}
	}
	return s.in.fill(s.conn)
}

// Drain closes the connection behind the response under way. Where none is, the client is answered once
// more, and told that this was the last time; over HTTP/2 it is told at once (GOAWAY). It may be called
// from any goroutine, and again.
func (s *Session) Drain() {
	s.draining.Store(true)
	if c := s.streams.Load(); c != nil {
		c.Drain()
	}
}

// CloseIdle is Drain, but a connection that waits for a request is closed now. It may be called from any
// goroutine, and again.
func (s *Session) CloseIdle() {
	s.leaving.Store(true)
	s.Drain()
	if s.closeIdleLooped() {
		return
	}
	if s.state.CompareAndSwap(waiting, interrupting) {
		s.sock.Interrupt()
		s.state.Store(interrupted)
	}
}

// Abort closes the connection under whatever is going on.
func (s *Session) Abort() {
	s.aborted.Store(true)
	if c := s.streams.Load(); c != nil {
		c.Abort()
		return
	}
	s.cutOff()
}

// unread tells whether something is there that nobody has read. Closing would then reset the connection.
func (s *Session) unread() bool {
	closed, unread := s.sock.Closed()
	return unread && !closed
}

// linger reads on behind the last response until the client has closed, too.
func (s *Session) linger() {
	if t, ok := s.conn.(*tls.Conn); ok {
		s.sock.SetWriteDeadline(time.Now().Add(lingerTimeout))
		t.CloseWrite()
	}
	s.sock.CloseWrite()
	s.sock.SetReadDeadline(time.Now().Add(lingerTimeout))
	mem := buffers.Get().(*[]byte)
	defer buffers.Put(mem)
	for left := lingerBytes; left > 0; {
		n, err := s.sock.Read(*mem)
		if err != nil {
			return
		}
		left -= n
	}
}

// firstFlight is what TCP sends without waiting for the peer (RFC 6928: ten segments).
const firstFlight = 10 * 1220

// over tells that the client wants its connection to end with this exchange, has said all
// that it has to say, and has been sent an answer that leaves with the end at once: then nothing
// that it may still send, close_notify mostly, can keep the answer from it, and nobody needs
// to linger (RFC 9112 section 9.6 is about clients that go on).
func (e *exchange) over() bool {
	return e.head > 0 && !e.req.KeepAlive && e.body.Done() && e.pump == nil && len(e.in.bytes()) == 0 &&
		e.rec.ErrorReason == "" && e.rec.Status != 101 && e.rec.Sent <= firstFlight
}
