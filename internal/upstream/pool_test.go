package upstream

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
	"time"

	"github.com/albatross-lb/albatross/test/ports"
)

// target accepts connections and hands them out.
func target(t *testing.T) (netip.AddrPort, chan net.Conn) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	accepted := make(chan net.Conn, 8)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			accepted <- c
		}
	}()
	return netip.MustParseAddrPort(l.Addr().String()), accepted
}

func dial(t *testing.T, p *Pool) *Conn {
	t.Helper()
	c, err := p.Dial(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func TestConnectionsAreReused(t *testing.T) {
	addr, _ := target(t)
	p := NewPool(addr, false, NewWatch())
	if p.Get(0, time.Now(), false) != nil {
		t.Fatal("a new pool has a connection")
	}
	first, second := dial(t, p), dial(t, p)
	now := time.Now()
	p.Put(3, first, now)
	p.Put(3, second, now)
	if got := p.Get(3, now, false); got != second || !got.Reused {
		t.Error("the connection used last does not come first")
	}
	if got := p.Get(5, now, false); got != first { // from another shard
		t.Error("a connection in another shard is not found")
	}
	if p.Idle() != 0 {
		t.Errorf("%d connections are left", p.Idle())
	}
}

func TestDeadConnectionsAreNotLent(t *testing.T) {
	addr, accepted := target(t)
	p := NewPool(addr, false, NewWatch())
	closed, noisy := dial(t, p), dial(t, p)
	(<-accepted).Close()
	io.WriteString(<-accepted, "HTTP/1.1 408 Request Timeout\r\n\r\n") // unasked
	for _, c := range []*Conn{closed, noisy} {
		for gone, unread := c.Sock.Closed(); !gone && !unread; gone, unread = c.Sock.Closed() { // it is on its way
		}
		p.Put(0, c, time.Now())
	}
	if c := p.Get(0, time.Now(), false); c != nil {
		t.Error("a connection that its target has closed, or spoken on unasked, was lent")
	}
}

// TestFreshConnections: only a request that may be repeated gets a connection unseen, and
// only one that was just put back.
func TestFreshConnections(t *testing.T) {
	addr, accepted := target(t)
	p, now := NewPool(addr, false, NewWatch()), time.Now()
	for _, c := range []struct {
		age        time.Duration
		repeatable bool
		lent       bool
	}{{0, true, true}, {Fresh - 1, true, true}, {Fresh, true, false}, {0, false, false}} {
		dead := dial(t, p)
		(<-accepted).Close()
		dead.Sock.WaitReadable()
		p.Put(0, dead, now.Add(-c.age))
		if lent := p.Get(0, now, c.repeatable) == dead; lent != c.lent {
			t.Errorf("put back %v ago, repeatable %v: lent %v", c.age, c.repeatable, lent)
		}
	}
}

// TestRestedConnections: of those at rest for longer, only such are lent that are as they were left.
func TestRestedConnections(t *testing.T) {
	addr, accepted := target(t)
	p, begin := NewPool(addr, false, NewWatch()), time.Now()
	good, doubtful, closed, noisy := dial(t, p), dial(t, p), dial(t, p), dial(t, p)
	<-accepted
	io.WriteString(<-accepted, "HTTP/1.1 200 OK\r\n\r\n")
	(<-accepted).Close()
	io.WriteString(<-accepted, "HTTP/1.1 200 OK\r\n\r\n")
	for _, c := range []*Conn{doubtful, closed, noisy} {
		c.Sock.WaitReadable()
	}
	doubtful.Doubtful = true
	for _, c := range []*Conn{good, closed, noisy} {
		p.Put(0, c, begin)
	}
	now := begin.Add(Fresh) // no longer fresh, whatever time this test has taken
	p.Put(0, doubtful, now)
	if p.Get(0, now, true) != good || p.Idle() != 0 {
		t.Errorf("the only good one is not lent; %d are left", p.Idle())
	}
}

func TestCloseIdleAndClose(t *testing.T) {
	addr, accepted := target(t)
	p := NewPool(addr, false, NewWatch())
	old, young, lent := dial(t, p), dial(t, p), dial(t, p)
	now := time.Now()
	p.Put(0, old, now.Add(-time.Minute))
	p.Put(0, young, now)
	p.CloseIdle(now.Add(-time.Second))
	if p.Idle() != 1 {
		t.Errorf("%d connections are left, want the young one", p.Idle())
	}
	p.Close()
	p.Put(0, lent, now)
	if p.Idle() != 0 {
		t.Error("a closed pool keeps a connection")
	}
	for range 3 { // all are closed
		if _, err := (<-accepted).Read(make([]byte, 1)); err == nil {
			t.Error("a connection is still open")
		}
	}
}

func TestTLS(t *testing.T) {
	s := httptest.NewUnstartedServer(http.NotFoundHandler())
	s.EnableHTTP2 = true
	s.StartTLS()
	t.Cleanup(s.Close)
	addr := netip.MustParseAddrPort(s.Listener.Addr().String())
	c := dial(t, NewPool(addr, true, NewWatch())) // its certificate is nobody's: targets are not verified
	if c.Plain() {
		t.Error("TLS counts as plain")
	}
	plain, accepted := target(t)
	go func() { io.WriteString(<-accepted, "220 mail\r\n") }()
	if _, err := NewPool(plain, true, NewWatch()).Dial(context.Background()); !errors.As(err, new(*TLSError)) {
		t.Errorf("a target without TLS: %v", err)
	}
	conn, err := NewPool(addr, true, NewWatch()).connectHTTP2(context.Background())
	if err != nil {
		t.Fatal("HTTP/2 over TLS:", err)
	}
	conn.Close()
	old := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(old.Close)
	if _, err := NewPool(netip.MustParseAddrPort(old.Listener.Addr().String()), true, nil).connectHTTP2(context.Background()); !errors.As(err, new(*TLSError)) {
		t.Errorf("a target without HTTP/2: %v", err)
	}
}

func TestRefused(t *testing.T) {
	addr, release, err := ports.Refusing()
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	if _, err := NewPool(addr, false, NewWatch()).Dial(context.Background()); err == nil || errors.As(err, new(*TLSError)) {
		t.Errorf("Dial of a closed port: %v", err)
	}
}
