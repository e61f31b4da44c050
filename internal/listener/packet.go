package listener

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"sync"
	"syscall"
)

// PacketSession serves one UDP socket: all flows of datagrams that come to a port.
type PacketSession interface {
	Session // Drain: begin no flow any more, and end when the last one has
	// Resume takes Drain back. It reports whether that was in time.
	Resume() bool
}

// Packets is the UDP sockets that are open, as a Set is those for TCP. Bind and Retain
// are used in the same order. The zero value is not usable: see NewPackets.
type Packets struct {
	address string
	open    func(c *net.UDPConn, port int) PacketSession
	log     *slog.Logger

	mu      sync.Mutex
	sockets map[int]*packetSocket // by port of the manifests, draining ones too
	running sync.WaitGroup
}

type packetSocket struct {
	bound   int
	conn    *net.UDPConn
	session PacketSession
	leaving bool
}

// NewPackets gives one without sockets. open makes the session for a socket that was
// bound for a port of the manifests.
func NewPackets(address string, open func(c *net.UDPConn, port int) PacketSession, log *slog.Logger) *Packets {
	return &Packets{address: address, open: open, log: log, sockets: map[int]*packetSocket{}}
}

// Bind opens what is not open yet, as Set.Bind.
func (p *Packets) Bind(wanted map[int]int) map[int]error {
	p.mu.Lock()
	defer p.mu.Unlock()
	problems := map[int]error{}
	for port, bound := range wanted {
		if k := p.sockets[port]; k != nil && k.bound == bound && k.session.Resume() {
			k.leaving = false
			continue
		}
		c, err := listenPackets(p.address, bound)
		if err != nil {
			problems[port] = err
			continue
		}
		if old := p.sockets[port]; old != nil {
			old.session.Drain()
		}
		k := &packetSocket{bound: bound, conn: c, session: p.open(c, port)}
		p.sockets[port] = k
		p.log.Info("listening", "port", port, "protocol", "udp", "address", c.LocalAddr().String())
		p.running.Go(func() {
			k.session.Serve()
			p.remove(port, k)
		})
	}
	return problems
}

func (p *Packets) remove(port int, k *packetSocket) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.sockets[port] == k {
		delete(p.sockets, port)
	}
}

func listenPackets(address string, port int) (*net.UDPConn, error) {
	c, err := net.ListenPacket("udp", net.JoinHostPort(address, strconv.Itoa(port)))
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("UDP port %d is taken by another process; stop it, or bind another port with --port-map", port)
	case errors.Is(err, syscall.EACCES):
		return nil, fmt.Errorf("UDP port %d may not be bound by this user; bind another one with --port-map, as in --port-map %d=%d", port, port, port+8000)
	case err != nil:
		return nil, fmt.Errorf("binding UDP port %d: %w; see --bind and --port-map", port, err)
	}
	return c.(*net.UDPConn), nil
}

// Retain drains the sockets whose port is not wanted any more.
func (p *Packets) Retain(wanted map[int]int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for port, k := range p.sockets {
		if _, ok := wanted[port]; !ok && !k.leaving {
			k.leaving = true
			k.session.Drain()
			p.log.Info("no longer listening", "port", port, "protocol", "udp")
		}
	}
}

// Address gives what a port of the manifests is bound to; "" if it is not.
func (p *Packets) Address(port int) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if k := p.sockets[port]; k != nil {
		return k.conn.LocalAddr().String()
	}
	return ""
}

// Shutdown drains all sockets until ctx is done, and then closes what is left.
func (p *Packets) Shutdown(ctx context.Context) {
	p.Retain(nil)
	ended := make(chan struct{})
	go func() { p.running.Wait(); close(ended) }()
	select {
	case <-ended:
		return
	case <-ctx.Done():
	}
	p.mu.Lock()
	for _, k := range p.sockets {
		k.session.Abort()
	}
	p.mu.Unlock()
	<-ended
}
