package listener

import (
	"context"
	"io"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"testing"

	"github.com/albatross-lb/albatross/internal/sock"
)

// session answers one byte with its port and ends when it is told to.
type session struct {
	conn  *sock.Conn
	port  int
	drain chan struct{}
}

func (s *session) Serve() {
	defer s.conn.Close()
	s.conn.Write([]byte(strconv.Itoa(s.port)))
	<-s.drain
}

func (s *session) Drain() {
	select {
	case <-s.drain:
	default:
		close(s.drain)
	}
}

func (s *session) Abort() { s.Drain() }

func newSet(t *testing.T) *Set {
	s := New("127.0.0.1", func(c sock.Accepted, port int) Session { return &session{c.Conn(), port, make(chan struct{})} }, slog.New(slog.DiscardHandler))
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		s.Shutdown(ctx)
	})
	return s
}

func connect(t *testing.T, address string) (net.Conn, string) {
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	buf := make([]byte, 8)
	n, err := c.Read(buf)
	if err != nil {
		t.Fatal(err)
	}
	return c, string(buf[:n])
}

func TestSocketsComeStayAndGo(t *testing.T) {
	s := newSet(t)
	if problems := s.Bind(map[int]int{80: 0, 443: 0}); len(problems) > 0 {
		t.Fatal(problems)
	}
	stays, goes := s.Address(80), s.Address(443)
	_, port := connect(t, stays)
	old, _ := connect(t, goes)
	if port != "80" {
		t.Errorf("a connection to port 80 was served as %s", port)
	}
	wanted := map[int]int{80: 0, 8080: 0}
	if problems := s.Bind(wanted); len(problems) > 0 {
		t.Fatal(problems)
	}
	s.Retain(wanted)
	if s.Address(80) != stays {
		t.Error("a port that stays was bound anew")
	}
	if _, err := io.ReadAll(old); err != nil { // its session was drained
		t.Error(err)
	}
	if _, err := net.Dial("tcp", goes); err == nil {
		t.Error("a port that is gone still accepts")
	}
	connect(t, s.Address(8080))
}

func TestTakenPortNamesPortAndFlag(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	port := taken.Addr().(*net.TCPAddr).Port
	problem := newSet(t).Bind(map[int]int{80: port})[80]
	if problem == nil || !strings.Contains(problem.Error(), strconv.Itoa(port)) || !strings.Contains(problem.Error(), "--port-map") {
		t.Errorf("binding a taken port: %v", problem)
	}
}

func TestShutdownWaitsThenAborts(t *testing.T) {
	s := New("127.0.0.1", func(c sock.Accepted, port int) Session {
		return stubborn{&session{c.Conn(), port, make(chan struct{})}}
	}, slog.New(slog.DiscardHandler))
	s.Bind(map[int]int{80: 0})
	connect(t, s.Address(80))
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if left := s.Shutdown(ctx); left != 1 {
		t.Errorf("Shutdown closed %d connections, want 1", left)
	}
}

// stubborn does not end by itself.
type stubborn struct{ *session }

func (stubborn) Drain()   {}
func (s stubborn) Abort() { s.session.Drain() }

// faulty panics for the first connection.
type faulty struct{ *session }

func (f faulty) Serve() {
	defer f.conn.Close()
	panic("a mistake")
}

// TestPanicCostsOneConnection: what goes wrong in one connection leaves the others alone.
func TestPanicCostsOneConnection(t *testing.T) {
	first := true
	s := New("127.0.0.1", func(c sock.Accepted, port int) Session {
		served := &session{c.Conn(), port, make(chan struct{})}
		if first {
			first = false
			return faulty{served}
		}
		return served
	}, slog.New(slog.DiscardHandler))
	s.Bind(map[int]int{80: 0})
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		s.Shutdown(ctx)
	})
	c, err := net.Dial("tcp", s.Address(80))
	if err != nil {
		t.Fatal(err)
	}
	if rest, _ := io.ReadAll(c); len(rest) > 0 {
		t.Errorf("got %q", rest)
	}
	connect(t, s.Address(80))
}

// keeper notes what it is told, and ends when it may not be idle.
type keeper struct {
	*session
	told chan string
}

func (k keeper) Drain()     { k.told <- "drain" }
func (k keeper) CloseIdle() { k.told <- "close idle"; k.session.Drain() }

// TestShutdownLeavesIdleConnectionsForAWhile: their clients may be about to ask.
func TestShutdownLeavesIdleConnectionsForAWhile(t *testing.T) {
	told := make(chan string, 3)
	s := New("127.0.0.1", func(c sock.Accepted, port int) Session {
		return keeper{&session{c.Conn(), port, make(chan struct{})}, told}
	}, slog.New(slog.DiscardHandler))
	s.Bind(map[int]int{80: 0})
	connect(t, s.Address(80))
	s.IdleGrace = 0
	if left := s.Shutdown(t.Context()); left != 0 {
		t.Errorf("Shutdown had to close %d connections", left)
	}
	if first, second := <-told, <-told; first != "drain" || second != "close idle" {
		t.Errorf("the session was told to %s and then to %s", first, second)
	}
}

// TestGonePortClosesIdleConnections: there is nothing left that their clients could be answered with.
func TestGonePortClosesIdleConnections(t *testing.T) {
	told := make(chan string, 3)
	s := New("127.0.0.1", func(c sock.Accepted, port int) Session {
		return keeper{&session{c.Conn(), port, make(chan struct{})}, told}
	}, slog.New(slog.DiscardHandler))
	s.Bind(map[int]int{80: 0})
	connect(t, s.Address(80))
	s.Retain(nil)
	if first := <-told; first != "close idle" {
		t.Errorf("the session was told to %s", first)
	}
	s.Shutdown(t.Context())
}
