package sock

import (
	"errors"
	"net"
	"testing"
)

// An accepted connection knows both ends' addresses, also where the socket is bound to all of the host's.
func TestAccept(t *testing.T) {
	for _, address := range []string{"127.0.0.1:0", "0.0.0.0:0", "[::1]:0", "[::]:0"} {
		l, err := net.Listen("tcp", address)
		if err != nil {
			t.Skip(err)
		}
		a, err := NewAcceptor(l.(*net.TCPListener))
		if err != nil {
			t.Fatal(err)
		}
		peer, err := net.Dial("tcp", a.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		got, err := a.Accept()
		if err != nil {
			t.Fatal(err)
		}
		if got.Remote().String() != peer.LocalAddr().String() || got.Local().String() != peer.RemoteAddr().String() {
			t.Errorf("%s: %v -> %v, want %v -> %v", address, got.Remote(), got.Local(), peer.LocalAddr(), peer.RemoteAddr())
		}
		c := got.Conn()
		if c.RemoteAddr().String() != peer.LocalAddr().String() || c.LocalAddr().String() != peer.RemoteAddr().String() {
			t.Errorf("%s: %v -> %v as a net.Conn", address, c.RemoteAddr(), c.LocalAddr())
		}
		c.Close()
		peer.Close()
		ended := make(chan error)
		go func() { _, err := a.Accept(); ended <- err }()
		a.Close()
		if err := <-ended; !errors.Is(err, net.ErrClosed) {
			t.Errorf("Accept after Close: %v", err)
		}
	}
}
