package sock

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/albatross-lb/albatross/test/ports"
)

func TestConnect(t *testing.T) {
	for _, address := range []string{"127.0.0.1:0", "[::1]:0"} {
		l, err := net.Listen("tcp", address)
		if err != nil {
			t.Skip(err)
		}
		defer l.Close()
		addr := netip.MustParseAddrPort(l.Addr().String())
		c, err := Connect(addr, time.Now().Add(time.Minute))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		peer, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		defer peer.Close()
		if c.RemoteAddr().String() != addr.String() || c.LocalAddr().String() != peer.RemoteAddr().String() {
			t.Errorf("%v -> %v, want %v -> %v", c.LocalAddr(), c.RemoteAddr(), peer.RemoteAddr(), addr)
		}
		if _, err := c.Write([]byte("hello")); err != nil {
			t.Fatal(err)
		}
		c.CloseWrite()
		if got, err := io.ReadAll(peer); string(got) != "hello" || err != nil {
			t.Errorf("%q, %v", got, err)
		}
		peer.Write([]byte("bye"))
		buf := make([]byte, 8)
		if n, err := c.Read(buf); string(buf[:n]) != "bye" || err != nil {
			t.Errorf("%q, %v", buf[:n], err)
		}
		c.SetReadDeadline(time.Now().Add(time.Millisecond))
		if _, err := c.Read(buf); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("a read past its deadline: %v", err)
		}
		c.Close()
		if _, err := c.Write([]byte("x")); err == nil {
			t.Error("a closed connection takes bytes")
		}
	}
}

func TestConnectLinger(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c, err := Connect(netip.MustParseAddrPort(l.Addr().String()), time.Now().Add(time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	peer, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer peer.Close()
	c.SetLinger(0)
	c.Close()
	if _, err := io.ReadAll(peer); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("the peer sees %v, want a reset", err)
	}
}

func TestConnectRefused(t *testing.T) {
	addr, release, err := ports.Refusing()
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	if _, err := Connect(addr, time.Now().Add(time.Minute)); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("%v, want it refused", err)
	}
}

// A backlog that is full answers no SYN: the deadline ends the wait.
func TestConnectDeadline(t *testing.T) {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(fd)
	if err := errors.Join(syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}), syscall.Listen(fd, 0)); err != nil {
		t.Fatal(err)
	}
	name, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	addr := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), uint16(name.(*syscall.SockaddrInet4).Port))
	began, late := time.Now(), 0
	var all sync.WaitGroup
	errs := make(chan error, 8)
	for range cap(errs) {
		all.Go(func() {
			c, err := Connect(addr, began.Add(200*time.Millisecond))
			if err == nil {
				defer c.Close()
			}
			errs <- err
		})
	}
	all.Wait()
	for range cap(errs) {
		if err := <-errs; errors.Is(err, os.ErrDeadlineExceeded) {
			late++
		}
	}
	if took := time.Since(began); late == 0 || took > time.Minute {
		t.Errorf("%d of %d were late, after %v", late, cap(errs), took)
	}
}

func BenchmarkConnect(b *testing.B) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			io.Copy(io.Discard, c)
			c.Close()
		}
	}()
	addr := netip.MustParseAddrPort(l.Addr().String())
	b.ReportAllocs()
	for b.Loop() {
		c, err := Connect(addr, time.Now().Add(time.Second))
		if err != nil {
			b.Fatal(err)
		}
		c.SetLinger(0)
		c.Close()
	}
}
