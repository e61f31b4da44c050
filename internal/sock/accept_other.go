//go:build !linux

package sock

import (
	"net"
	"net/netip"
)

// Acceptor takes the connections of a listening socket.
type Acceptor struct{ *net.TCPListener }

// NewAcceptor takes l over.
func NewAcceptor(l *net.TCPListener) (*Acceptor, error) { return &Acceptor{l}, nil }

// Accept waits for a connection; net.ErrClosed after Close.
func (a *Acceptor) Accept() (Accepted, error) {
	c, err := a.AcceptTCP()
	return Accepted{c}, err
}

// Accepted is a connection that is to be closed, or made a Conn of.
type Accepted struct{ conn *net.TCPConn }

// Conn gives the connection.
func (a Accepted) Conn() *Conn {
	c, _ := New(a.conn) // an open socket has a RawConn
	return c
}

// Close closes it.
func (a Accepted) Close() { a.conn.Close() }

// Crowded reports whether it is the last one for now: clients have used up their share of descriptors.
func (a Accepted) Crowded() bool { return Crowded() }

// Remote is the client's address.
func (a Accepted) Remote() netip.AddrPort { return unmapped(a.conn.RemoteAddr()) }

// Local is what the client has connected to.
func (a Accepted) Local() netip.AddrPort { return unmapped(a.conn.LocalAddr()) }

func unmapped(a net.Addr) netip.AddrPort {
	at := a.(*net.TCPAddr).AddrPort()
	return netip.AddrPortFrom(at.Addr().Unmap(), at.Port())
}
