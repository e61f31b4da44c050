package listener

import (
	"log/slog"
	"net"
	"syscall"
	"testing"

	"github.com/albatross-lb/albatross/internal/sock"
)

func TestAcceptedConnectionsInheritKeepAlive(t *testing.T) {
	conns := make(chan *sock.Conn, 1)
	s := New("127.0.0.1", func(a sock.Accepted, _ int) Session {
		c := a.Conn()
		conns <- c
		return closer{c}
	}, slog.New(slog.DiscardHandler))
	if problems := s.Bind(map[int]int{80: 0}); len(problems) > 0 {
		t.Fatal(problems)
	}
	defer s.Shutdown(t.Context())
	client, err := net.Dial("tcp", s.Address(80))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	c := <-conns
	defer c.Close()
	raw, err := c.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	raw.Control(func(fd uintptr) {
		for _, o := range [][3]int{{syscall.SOL_SOCKET, syscall.SO_KEEPALIVE, 1}, {syscall.IPPROTO_TCP, syscall.TCP_KEEPIDLE, 15}, {syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 1}} {
			if got, err := syscall.GetsockoptInt(int(fd), o[0], o[1]); got != o[2] || err != nil {
				t.Errorf("option %v is %d, %v", o, got, err)
			}
		}
	})
}

// closer is a Session of a connection that its test closes.
type closer struct{ c *sock.Conn }

func (closer) Serve()   {}
func (closer) Drain()   {}
func (s closer) Abort() { s.c.Close() }
