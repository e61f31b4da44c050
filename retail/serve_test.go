package retail

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// serve starts s on a free port; stop tells it to stop and done gives what Serve returned.
func serve(t *testing.T, s *Server, stop Stopping) (address string, cancel func(), done chan error) {
	t.Helper()
	s.Log = slog.New(slog.DiscardHandler)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done = make(chan error, 1)
	go func() { done <- s.Serve(ctx, l, stop) }()
	t.Cleanup(func() {
		cancel()
		l.Close() // ends a drain too
	})
	return l.Addr().String(), cancel, done
}

// open sends the head of a prediction and the first byte of its body, and returns once the server is reading on.
func open(t *testing.T, s *Server, address string) (net.Conn, *bufio.Reader) {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	head := "POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n"
	fmt.Fprintf(c, head, len(documented))
	r := bufio.NewReader(c)
	line, err := r.ReadString('\n') // the handler asks for the body by 100 Continue: so the request is in flight
	if err != nil || !strings.HasPrefix(line, "HTTP/1.1 100 ") {
		t.Fatalf("%q, %v", line, err)
	}
	if _, err := r.ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	io.WriteString(c, documented[:1])
	return c, r
}

// get asks over a connection of its own.
func get(address, path string) (status int, err error) {
	answer, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Get("http://" + address + path)
	if err != nil {
		return 0, err
	}
	answer.Body.Close()
	return answer.StatusCode, nil
}

// While draining, health checks fail and everything else is served.
func TestDrains(t *testing.T) {
	s, _ := newServer(t, false)
	address, cancel, done := serve(t, s, Stopping{Drain: time.Hour})
	for _, path := range []string{"/health", "/readyz", "/healthz", "/livez", "/model-info"} {
		if status, err := get(address, path); status != 200 {
			t.Errorf("%s: %d, %v; want 200", path, status, err)
		}
	}
	cancel()
	for !s.stopping.Load() {
		if _, err := get(address, "/livez"); err != nil {
			t.Fatal(err)
		}
	}
	for path, want := range map[string]int{"/health": 503, "/readyz": 503, "/healthz": 503, "/livez": 200, "/model-info": 200} {
		if status, err := get(address, path); status != want {
			t.Errorf("%s while stopping: %d, %v; want %d", path, status, err, want)
		}
	}
	select {
	case err := <-done:
		t.Errorf("Serve returned %v before the drain time was over", err)
	default:
	}
}

// After it, no new connections are taken, but the request in flight still gets its answer.
func TestStopsGracefully(t *testing.T) {
	s, _ := newServer(t, false)
	address, cancel, done := serve(t, s, Stopping{Drain: time.Millisecond, Grace: time.Minute})
	c, r := open(t, s, address)
	cancel()
	for {
		if _, err := get(address, "/livez"); err != nil {
			break
		}
	}
	select {
	case err := <-done:
		t.Fatalf("Serve returned %v while a request was in flight", err)
	default:
	}
	io.WriteString(c, documented[1:])
	answer, err := http.ReadResponse(r, nil)
	if err != nil || answer.StatusCode != 200 || !answer.Close {
		t.Fatalf("the request in flight was answered %v, %v", answer, err)
	}
	body, err := io.ReadAll(answer.Body)
	if err != nil || !strings.HasSuffix(string(body), `,"model_version":"v1.0"}`) {
		t.Errorf("the request in flight was answered %s, %v", body, err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestStopsWithoutMercyInTheEnd(t *testing.T) {
	s, _ := newServer(t, false)
	address, cancel, done := serve(t, s, Stopping{Grace: time.Millisecond})
	open(t, s, address)
	cancel()
	if err := <-done; err == nil || !strings.Contains(err.Error(), "requests in flight") {
		t.Errorf("Serve returned %v while a request never ended", err)
	}
}

func TestServeReportsABrokenListener(t *testing.T) {
	s, _ := newServer(t, false)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	if err := s.Serve(context.Background(), l, Stopping{}); err == nil || !strings.Contains(err.Error(), "serving on 127.0.0.1") {
		t.Errorf("Serve returned %v", err)
	}
}

func TestHeadsAreBounded(t *testing.T) {
	s, _ := newServer(t, false)
	address, cancel, done := serve(t, s, Stopping{Grace: time.Second})
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	go fmt.Fprintf(c, "GET /health HTTP/1.1\r\nHost: x\r\nX: %s\r\n\r\n", strings.Repeat("x", 2*maxHeaderBytes))
	answer, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil || answer.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("a large head: %v, %v", answer, err)
	}
	cancel()
	<-done
}
