package flow

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"syscall"
	"time"

	"github.com/albatross-lb/albatross/internal/snapshot"
	"github.com/albatross-lb/albatross/internal/sock"
)

var (
	background  = context.Background()
	errNoTarget = errors.New("no target may be chosen")
)

// dial opens a stream's connection to a target, from the client's address where it is to be kept.
func (s *Stream) dial(group *snapshot.TargetGroup, target *snapshot.Target, deadline time.Time) (*sock.Conn, error) {
	if !s.carrier.opts.Transparent {
		return sock.Connect(target.Addr, deadline)
	}
	c, err := dialFrom(s.carrier.sourcesOf(group, s.client, target.Addr), func(from netip.AddrPort) (net.Conn, error) {
		d := net.Dialer{Deadline: deadline, KeepAlive: -1}
		if from.IsValid() {
			d.LocalAddr, d.Control = net.TCPAddrFromAddrPort(from), transparent
		}
		return d.DialContext(background, "tcp", target.Addr.String())
	})
	if err != nil {
		return nil, err
	}
	return sock.New(c.(*net.TCPConn))
}

// dial opens a flow's socket towards its target, likewise.
func (f *packetFlow) dial() (*net.UDPConn, error) {
	c, err := dialFrom(f.port.carrier.sourcesOf(f.group, f.client, f.target.Addr), func(from netip.AddrPort) (net.Conn, error) {
		var d net.Dialer
		if from.IsValid() {
			d.LocalAddr, d.Control = net.UDPAddrFromAddrPort(from), transparent
		}
		return d.DialContext(background, "udp", f.target.Addr.String())
	})
	if err != nil {
		return nil, err
	}
	return c.(*net.UDPConn), nil
}

// dialFrom tries the sources one after the other as long as they are in use. Without
// any, the host chooses.
func dialFrom[C any](sources []netip.AddrPort, dial func(from netip.AddrPort) (C, error)) (C, error) {
	if len(sources) == 0 {
		return dial(netip.AddrPort{})
	}
	var c C
	var err error
	for _, from := range sources {
		if c, err = dial(from); err == nil || !errors.Is(err, syscall.EADDRINUSE) && !errors.Is(err, syscall.EADDRNOTAVAIL) {
			return c, err
		}
	}
	return c, err
}
