package proxy

import (
	"io"
	"net"
	"net/http"
	"testing"

	"github.com/albatross-lb/albatross/internal/sock"
)

// A session that had to leave its loop comes back after as many light requests in a row as that takes, and
// no sooner.
func TestToll(t *testing.T) {
	b := newBalancer(t, config(serve(t, func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		io.WriteString(w, r.URL.Path)
	})))
	c := b.dial()
	get(t, c.TCPConn, c.in, "/first")
	s := b.looped()
	rests := func() {
		t.Helper()
		await(t, "a session at rest", func() bool { return s.state.Load() == waiting || s.restsInLoop() })
	}
	rests()
	c.send("POST /heavy HTTP/1.1\nHost: x\nExpect: 100-continue\nContent-Length: 2\n\n")
	if r, _ := c.response("POST"); r.StatusCode != 100 {
		t.Fatal(r.Status)
	}
	c.send("ok")
	c.response("POST")
	rests()
	for light := range 2 { // twice firstToll
		if s.restsInLoop() {
			t.Errorf("back in its loop after %d light requests", light)
		}
		get(t, c.TCPConn, c.in, "/light")
		rests()
	}
	if !s.restsInLoop() {
		t.Error("not back in its loop after two light requests")
	}
}

// A target that closes its connection with its answer, so that the loop hears of both at once, is not asked on it again.
func TestLineClosedWithItsAnswer(t *testing.T) {
	accepted, ended := make(chan net.Conn, 1), make(chan struct{})
	defer close(ended)
	b := newBalancer(t, config(raw(t, func(c net.Conn) { accepted <- c; <-ended })))
	c := b.dial()
	s := &scene{t: t, b: b, c: c, s: b.looped(), accepted: accepted}
	c.send("GET / HTTP/1.1\nHost: x\n\n")
	s.asked()
	s.reaches(asking)
	pool := b.proxy.Snapshot().TargetGroups["shop/web:80"].Targets[0].Pool
	s.locked(func() {
		io.WriteString(s.target, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
		s.target.Close()
		await(t, "the answer", func() bool {
			n, errno := s.s.turn.line.Peek()
			return n > 0 && errno == 0
		})
		s.s.Answer(sock.Readable | sock.Ended)
		if n := pool.Idle(); n != 0 {
			t.Errorf("%d connections are at rest, which their target has closed", n)
		}
	})
	if _, body := c.response("GET"); body != "ok" {
		t.Errorf("got %q", body)
	}
}

// What may be followed by more than was asked for is looked at before it is used again.
func TestDoubtful(t *testing.T) {
	mem := make([]byte, 16)
	for _, c := range []struct {
		method       string
		status, read int
		want         bool
	}{
		{"GET", 200, 15, false},
		{"GET", 200, 16, true},
		{"HEAD", 200, 15, true},
		{"GET", 204, 15, true},
		{"GET", 304, 15, true},
	} {
		e := &exchange{}
		e.req.Method, e.resp.Status, e.up = []byte(c.method), c.status, buffer{mem: &mem, w: c.read}
		if got := e.doubtful(); got != c.want {
			t.Errorf("%s answered with %d, %d bytes read at a time: doubtful is %v", c.method, c.status, c.read, got)
		}
	}
}

// A session that is aborted before it has begun ends all the same.
func TestAbortedBeforeTheBeginning(t *testing.T) {
	for _, variants := range [][]variant{nil, {secured}} {
		b := newBalancer(t, config(serve(t, path)), variants...)
		b.mu.Lock()
		b.opened = func(s *Session) { s.Abort() }
		b.mu.Unlock()
		c := b.dial()
		if n, err := c.in.ReadByte(); err == nil {
			t.Errorf("got %q", n)
		} else if e, ok := err.(net.Error); ok && e.Timeout() {
			t.Error("the connection stays open")
		}
	}
}
