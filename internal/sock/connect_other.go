//go:build !linux

package sock

import (
	"context"
	"net"
	"net/netip"
	"time"
)

// Connect opens a TCP connection, by the deadline.
func Connect(addr netip.AddrPort, deadline time.Time) (*Conn, error) {
	d := net.Dialer{Deadline: deadline, KeepAlive: -1}
	c, err := d.DialContext(context.Background(), "tcp", addr.String())
	if err != nil {
		return nil, err
	}
	return New(c.(*net.TCPConn))
}
