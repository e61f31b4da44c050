package flow

import (
	"errors"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/albatross-lb/albatross/internal/metrics"
	"github.com/albatross-lb/albatross/internal/snapshot"
	"github.com/albatross-lb/albatross/internal/sock"
	"github.com/albatross-lb/albatross/lb"
)

// Flow is one TCP connection of a client, and the one to its target, as the listener sees it.
type Flow interface {
	Serve()
	Drain()
	Abort()
}

// Open gives the flow of a connection that was accepted for a listener: a relay where no TLS
// is spoken and the system has event loops, else a Stream.
func (c *Carrier) Open(a sock.Accepted, n *snapshot.Network) Flow {
	if r := c.relay(a, n); r != nil {
		return r
	}
	return c.stream(a, n)
}

// cause is why a flow ended.
type cause int

const (
	finished cause = iota // both sides have said all they had to
	clientReset
	targetReset
	elbReset
)

// The two ways of a flow's bytes.
const (
	up   = iota // from the client to the target
	down        // back
)

// flow is what is known of a TCP connection, whoever carries it.
type flow struct {
	carrier *Carrier
	network *snapshot.Network
	number  uint32
	kind    metrics.FlowKind
	client  netip.AddrPort
	local   netip.AddrPort // what the client connected to
	began   time.Time
	carried [2]atomic.Int64 // bytes, by way
	drained atomic.Int64    // Unix ns; 0: not

	mu     sync.Mutex // guards what follows, which the sweeper looks at, too
	group  *snapshot.TargetGroup
	target *snapshot.Target
	over   bool
	cause  cause
	seen   seen
}

func (f *flow) open(c *Carrier, a sock.Accepted, n *snapshot.Network) {
	f.carrier, f.network, f.number, f.began = c, n, c.number.Add(1), time.Now()
	f.client, f.local = a.Remote(), a.Local()
	if n.Config.Protocol == lb.TLS {
		f.kind = metrics.TLSFlow
	}
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

func (f *flow) figures() *metrics.NetworkShard { return f.network.Metrics.Shard(f.number) }

// admit takes the flow into the books, unless it may not be.
func (f *flow) admit() bool {
	figures := f.figures()
	if !f.network.Allows(f.client.Addr()) || !f.carrier.enter() {
		figures.RejectedFlows.Add(1)
		return false
	}
	figures.NewFlows[f.kind].Add(1)
	figures.ActiveFlows[f.kind].Add(1)
	f.seen.moved = f.began
	return true
}

// settle takes it out again. It is called with f.mu held.
func (f *flow) settle() {
	f.carrier.leave()
	f.count()
	if f.target != nil {
		f.target.Load.End()
	}
	figures := f.figures()
	figures.ActiveFlows[f.kind].Add(-1)
	switch f.cause {
	case clientReset:
		figures.ClientResets.Add(1)
	case targetReset:
		figures.TargetResets.Add(1)
	case elbReset:
		figures.ELBResets.Add(1)
	}
}

// mostAttempts bounds the targets that are tried for one flow.
const mostAttempts = 4

// choose gives the index of a target that is not in tried, -1 where there is none.
func (f *flow) choose(g *snapshot.TargetGroup, tried []int) int {
	return choose(g, clientHash(f.client.Addr()), tupleHash(tcpProtocol, f.client, f.local), tried)
}

// choose gives the index of a target for a flow: by the client's address where clients
// stick, else by the five-tuple.
func choose(g *snapshot.TargetGroup, client, tuple uint64, tried []int) int {
	if g.Attributes.KeepsClients() {
		return g.Balance.Kept(client, tried)
	}
	return g.Balance.Hashed(tuple, tried)
}

// join gives the flow to a target that has taken the connection. It is called with f.mu held.
func (f *flow) join(group *snapshot.TargetGroup, target *snapshot.Target) {
	if group.Balance.FailsOpen() {
		f.figures().UnhealthyRouting.Add(1)
	}
	target.Load.Begin()
	f.group, f.target = group, target
}

func (f *flow) countFailure(err error) {
	figures := f.figures()
	figures.TargetConnectionErrors.Add(1)
	var inTLS tlsError
	switch {
	case errors.As(err, &inTLS):
		figures.TargetTLSErrors.Add(1)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		figures.PortAllocationErrors.Add(1)
	}
}

// Drain marks the flow as one whose port is no longer served: it may go on for as long
// as its target group lets targets drain.
func (f *flow) Drain() { f.drained.CompareAndSwap(0, time.Now().UnixNano()) }
