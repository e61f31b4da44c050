package proxy

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"syscall"
	"testing"
	"time"

	"github.com/albatross-lb/albatross/internal/sock"
)

// looped waits until an event loop has the session that was opened last.
func (b *balancer) looped() (s *Session) {
	b.t.Helper()
	await(b.t, "a session in an event loop", func() bool {
		s = b.last()
		return s != nil && s.looped()
	})
	return s
}

// told waits until what a client has sent is there, and has the session told of it by this goroutine,
// which has locked its loop.
func (s *Session) told(t testing.TB) {
	t.Helper()
	await(t, "what the client has sent", s.unreadNow)
	s.Event(nil, nil, sock.Readable)
}

// withheld is a connection whose writes can be kept back.
type withheld struct {
	net.Conn
	hold bool
	kept bytes.Buffer
}

func (w *withheld) Write(p []byte) (int, error) {
	if w.hold {
		return w.kept.Write(p)
	}
	return w.Conn.Write(p)
}

// dialTLS opens a client's connection by TLS.
func (b *balancer) dialTLS(cfg *tls.Config) (*tls.Conn, *withheld) {
	b.t.Helper()
	w := &withheld{Conn: b.dial().TCPConn}
	cfg.InsecureSkipVerify = true
	c := tls.Client(w, cfg)
	if err := c.Handshake(); err != nil {
		b.t.Fatal(err)
	}
	return c, w
}

// get asks for a path, and gives the answer's body, on a connection that stays open.
func get(t testing.TB, c net.Conn, in *bufio.Reader, path string) string {
	t.Helper()
	fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", path)
	r, err := http.ReadResponse(in, nil)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return string(body)
}

func path(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.URL.Path) }

// TLS 1.2 looks behind the data that it gives for an alert. When only a part of that has come, it says that it has
// to wait, with the data.
func TestDataBeforePartOfAnAlert(t *testing.T) {
	b := newBalancer(t, config(serve(t, path)), secured)
	c, w := b.dialTLS(&tls.Config{MaxVersion: tls.VersionTLS12})
	in := bufio.NewReader(c)
	if got := get(t, c, in, "/first"); got != "/first" {
		t.Fatal(got)
	}
	b.looped()
	w.hold = true
	io.WriteString(c, "GET /second HTTP/1.1\r\nHost: x\r\n\r\n")
	c.CloseWrite()
	c.SetDeadline(time.Now().Add(time.Minute)) // CloseWrite lets no more be written
	all := w.kept.Bytes()
	w.Conn.Write(all[:len(all)-1])
	r, err := http.ReadResponse(in, nil)
	if err != nil {
		t.Fatal(err)
	}
	if body, err := io.ReadAll(r.Body); string(body) != "/second" || err != nil {
		t.Errorf("got %q, %v", body, err)
	}
	w.Conn.Write(all[len(all)-1:])
	if rest, err := io.ReadAll(in); len(rest) > 0 || err != nil {
		t.Errorf("the connection goes on with %q, %v", rest, err)
	}
}

// An answer that ends with its connection, and breaks off, is not ended for a client of TLS in the way that it
// would take for its end.
func TestBrokenAnswerOverTLS(t *testing.T) {
	breakOff := make(chan struct{})
	b := newBalancer(t, config(raw(t, func(c net.Conn) {
		for in := bufio.NewReader(c); ; {
			r, err := http.ReadRequest(in)
			if err != nil {
				return
			}
			if r.URL.Path == "/broken" {
				io.WriteString(c, "HTTP/1.1 200 OK\r\n\r\nsome")
				<-breakOff
				c.(*net.TCPConn).SetLinger(0)
				return
			}
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
		}
	})), secured)
	c, _ := b.dialTLS(&tls.Config{})
	in := bufio.NewReader(c)
	get(t, c, in, "/")
	b.looped()
	io.WriteString(c, "GET /broken HTTP/1.1\r\nHost: x\r\n\r\n")
	r, err := http.ReadResponse(in, nil)
	if err != nil {
		t.Fatal(err)
	}
	some := make([]byte, 4)
	if _, err := io.ReadFull(r.Body, some); string(some) != "some" || err != nil {
		t.Fatalf("got %q, %v", some, err)
	}
	close(breakOff)
	if rest, err := io.ReadAll(r.Body); err == nil {
		t.Errorf("it ends as if it were whole, with %q", rest)
	}
}

// What a target has said by the time that it is heard of as connected is heard, too: there is no other event for it.
func TestTargetThatSpeaksFirst(t *testing.T) {
	spoken := make(chan struct{})
	b := newBalancer(t, config(raw(t, func(c net.Conn) {
		io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
		close(spoken)
		io.Copy(io.Discard, c)
	})))
	c := b.dial()
	s := b.looped()
	s.turn.lane.Lock()
	c.send("GET / HTTP/1.1\nHost: x\n\n")
	s.told(t)
	<-spoken
	await(t, "what the target has said", func() bool { n, _ := s.turn.line.Peek(); return n > 0 })
	s.Answer(syscall.EPOLLOUT | syscall.EPOLLIN)
	phase := s.turn.phase
	s.turn.lane.Unlock()
	if phase != resting {
		t.Errorf("phase %d", phase)
	}
	if _, body := c.response("GET"); body != "ok" {
		t.Errorf("got %q", body)
	}
}

// A session that no loop can wait for goes on in its goroutine.
func TestSessionThatNoLoopTakes(t *testing.T) {
	b := newBalancer(t, config(serve(t, path)))
	b.mu.Lock()
	b.opened = func(s *Session) { s.turn.lane = &lane{Loop: new(sock.Loop)} }
	b.mu.Unlock()
	c := b.dial()
	for range 3 {
		if got := get(t, c, c.in, "/"); got != "/" {
			t.Fatal(got)
		}
	}
	c.CloseWrite()
	c.closed()
	if b.last().looped() {
		t.Error("a loop has it")
	}
}

// restsInLoop tells whether an event loop has the session and it waits for a request.
func (s *Session) restsInLoop() bool {
	l := s.turn.lane
	if l == nil {
		return false
	}
	l.Lock()
	defer l.Unlock()
	return s.looped() && s.turn.phase == resting && s.e == nil
}
