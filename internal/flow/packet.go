package flow

import (
	"errors"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/albatross-lb/albatross/internal/metrics"
	"github.com/albatross-lb/albatross/internal/snapshot"
)

const (
	// maxDatagram is the longest payload that UDP has.
	maxDatagram = 65535
	// drainIdle is after how much silence a flow ends when its port is drained.
	drainIdle = 5 * time.Second
	// crowdedIdle is the idle time where more than half of the flows there may be are open.
	crowdedIdle = 15 * time.Second
)

var datagrams = sync.Pool{New: func() any { b := make([]byte, maxDatagram); return &b }}

// Port is one UDP socket with the flows of the datagrams that come to it.
type Port struct {
	carrier *Carrier
	conn    *net.UDPConn
	port    int // of the manifests
	local   netip.AddrPort

	mu       sync.Mutex
	flows    map[tuple]*packetFlow
	draining bool
	closed   bool
	answers  sync.WaitGroup
}

// tuple tells the flows of a port apart. The local address counts where the socket has several.
type tuple struct {
	client netip.AddrPort
	local  netip.Addr
}

// NewPort gives the session of a socket that was bound for a port of the manifests.
func (c *Carrier) NewPort(conn *net.UDPConn, port int) *Port {
	p := &Port{carrier: c, conn: conn, port: port, local: addrPort(conn.LocalAddr()), flows: map[tuple]*packetFlow{}}
	if p.local.Addr().IsUnspecified() {
		if err := tellLocal(conn); err != nil {
			c.opts.Log.Warn("answers by UDP leave from the address that the host prefers", "port", port, "error", err)
		}
	}
	return p
}

// Serve takes datagrams in until the socket is closed.
func (p *Port) Serve() {
	p.carrier.watch(p)
	defer p.end()
	mem, control := make([]byte, maxProxyHeader+maxDatagram), make([]byte, controlSize)
	room := mem[maxProxyHeader:]
	for {
		n, controlled, _, from, err := p.conn.ReadMsgUDPAddrPort(room, control)
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil:
			time.Sleep(time.Millisecond) // short of memory, mostly
			continue
		}
		if f := p.flow(from, control[:controlled]); f != nil {
			f.send(mem, n)
		}
	}
}

// flow gives the flow of a datagram, a new one if there is none; nil: it is dropped.
func (p *Port) flow(from netip.AddrPort, control []byte) *packetFlow {
	t := tuple{client: from, local: localOf(control)}
	p.mu.Lock()
	defer p.mu.Unlock()
	if f := p.flows[t]; f != nil || p.draining {
		return f
	}
	current := p.carrier.opts.Snapshot()
	if current == nil || current.Packets[p.port] == nil {
		return nil
	}
	f := p.begin(current.Packets[p.port], t, control)
	if f != nil {
		p.flows[t] = f
	}
	return f
}

// begin finds a target for a new flow.
func (p *Port) begin(n *snapshot.Network, t tuple, control []byte) *packetFlow {
	f := &packetFlow{port: p, network: n, number: p.carrier.number.Add(1), tuple: t, client: unmapped(t.client), local: p.local, moved: time.Now()}
	figures := f.figures()
	if t.local.IsValid() {
		f.local = netip.AddrPortFrom(t.local.Unmap(), p.local.Port())
		f.control = answerControl(control)
	}
	if !n.Allows(f.client.Addr()) || !p.carrier.enter() {
		figures.RejectedFlows.Add(1)
		return nil
	}
	if err := f.connect(); err != nil {
		figures.TargetConnectionErrors.Add(1)
		p.carrier.leave()
		return nil
	}
	figures.NewFlows[metrics.UDPFlow].Add(1)
	figures.ActiveFlows[metrics.UDPFlow].Add(1)
	p.answers.Go(f.answer)
	return f
}

// sweep ends flows that are idle or whose target is no longer fit.
func (p *Port) sweep(now time.Time, current *snapshot.Snapshot) {
	idle := p.carrier.opts.PacketIdle
	if p.carrier.Active() > p.carrier.opts.MaxFlows/2 {
		idle = min(idle, crowdedIdle)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.draining || current == nil || current.Packets[p.port] == nil {
		idle = min(idle, drainIdle)
	}
	for t, f := range p.flows {
		if f.stale(now, current, idle) {
			delete(p.flows, t)
			f.end()
		}
	}
	p.closeIfDone()
}

// closeIfDone closes the socket of a drained port with its last flow. p.mu is held.
func (p *Port) closeIfDone() {
	if p.draining && len(p.flows) == 0 && !p.closed {
		p.closed = true
		p.conn.Close()
	}
}

// Drain lets no flow begin any more and closes the socket once the last one has been silent for a while.
func (p *Port) Drain() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.draining = true
	p.closeIfDone()
}

// Resume takes Drain back, unless the socket is closed already.
func (p *Port) Resume() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.closed {
		p.draining = false
	}
	return !p.closed
}

// Abort ends all flows and closes the socket now.
func (p *Port) Abort() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.draining = true
	for t, f := range p.flows {
		delete(p.flows, t)
		f.end()
	}
	p.closeIfDone()
}

// end is the last of the session.
func (p *Port) end() {
	p.carrier.unwatch(p)
	p.Abort()
	p.answers.Wait()
}
