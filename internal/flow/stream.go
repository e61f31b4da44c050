package flow

import (
	"context"
	"crypto/tls"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/albatross-lb/albatross/internal/certs"
	"github.com/albatross-lb/albatross/internal/metrics"
	"github.com/albatross-lb/albatross/internal/snapshot"
	"github.com/albatross-lb/albatross/internal/sock"
	"github.com/albatross-lb/albatross/lb"
)

// handshakeTimeout bounds a client's TLS handshake.
const handshakeTimeout = 10 * time.Second

// Stream is one TCP connection of a client, and the one to its target.
type Stream struct {
	carrier *Carrier
	network *snapshot.Network
	number  uint32
	kind    metrics.FlowKind
	client  netip.AddrPort
	local   netip.AddrPort // what the client connected to
	began   time.Time
	tls     tlsInfo

	from, to side
	up, down way
	ways     sync.WaitGroup
	halves   atomic.Int32 // ways that have come to the end of their data
	drained  atomic.Int64 // Unix ns; 0: not

	mu     sync.Mutex // guards what follows, which the sweeper looks at, too
	group  *snapshot.TargetGroup
	target *snapshot.Target
	over   bool
	cause  cause
	seen   seen
}

// side is one of the two connections of a Stream.
type side struct {
	sock   *sock.Conn
	conn   net.Conn // sock, or TLS over it
	secure bool
}

// cause is why a flow ended.
type cause int

const (
	finished cause = iota // both sides have said all they had to
	clientReset
	targetReset
	elbReset
)

// NewStream gives the flow of a connection that was accepted for a listener. Serve runs it.
func (c *Carrier) NewStream(conn *sock.Conn, n *snapshot.Network) *Stream {
	s := &Stream{carrier: c, network: n, number: c.number.Add(1), began: time.Now()}
	s.from = side{sock: conn, conn: conn}
	s.client, s.local = addrPort(conn.RemoteAddr()), addrPort(conn.LocalAddr())
	if n.Config.Protocol == lb.TLS {
		s.kind = metrics.TLSFlow
	}
	s.up = way{stream: s, from: &s.from, to: &s.to, broken: [2]cause{clientReset, targetReset}}
	s.down = way{stream: s, from: &s.to, to: &s.from, broken: [2]cause{targetReset, clientReset}}
	return s
}

func addrPort(a net.Addr) netip.AddrPort {
	switch a := a.(type) {
	case *net.TCPAddr:
		return unmapped(a.AddrPort())
	case *net.UDPAddr:
		return unmapped(a.AddrPort())
	}
	return netip.AddrPort{}
}

func unmapped(a netip.AddrPort) netip.AddrPort { return netip.AddrPortFrom(a.Addr().Unmap(), a.Port()) }

func (s *Stream) figures() *metrics.NetworkShard { return s.network.Metrics.Shard(s.number) }

// Serve carries the flow until it ends, and closes both connections.
func (s *Stream) Serve() {
	if !s.network.Allows(s.client.Addr()) || !s.carrier.enter() {
		s.figures().RejectedFlows.Add(1)
		s.end(elbReset)
		return
	}
	figures := s.figures()
	figures.NewFlows[s.kind].Add(1)
	figures.ActiveFlows[s.kind].Add(1)
	s.seen.moved = s.began
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
	s.ways.Go(s.down.carry)
	s.up.carry()
	s.ways.Wait()
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
	s.carrier.leave()
	s.mu.Lock()
	s.count()
	if s.target != nil {
		s.target.Load.End()
	}
	ended := s.cause
	s.mu.Unlock()
	figures := s.figures()
	figures.ActiveFlows[s.kind].Add(-1)
	switch ended {
	case clientReset:
		figures.ClientResets.Add(1)
	case targetReset:
		figures.TargetResets.Add(1)
	case elbReset:
		figures.ELBResets.Add(1)
	}
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
	for _, c := range [...]*sock.Conn{s.from.sock, s.to.sock} {
		if c == nil {
			continue
		}
		if why != finished {
			c.SetLinger(0) //nolint:errcheck // fails only when closed
		}
		c.Close()
	}
}

// Drain marks the flow as one whose port is no longer served: it may go on for as long
// as its target group lets targets drain.
func (s *Stream) Drain() { s.drained.CompareAndSwap(0, time.Now().UnixNano()) }

// Abort resets the flow now.
func (s *Stream) Abort() { s.end(elbReset) }
