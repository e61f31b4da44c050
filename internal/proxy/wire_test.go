package proxy

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/albatross-lb/albatross/lb"
)

func contextWithTimeout(d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), d)
}

// echo answers with the request as it arrived.
func echo(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	w.Header().Set("X-Seen-Host", r.Host)
	fmt.Fprintf(w, "%s %s %s\n", r.Method, r.RequestURI, r.Proto)
	r.Header.Write(w)
	fmt.Fprintf(w, "\n%s", body)
}

func TestForward(t *testing.T) {
	b := newBalancer(t, config(serve(t, echo)))
	c := b.dial()
	c.send("GET /a/b?c=d HTTP/1.1\nHost: Shop.Example:80\nX-Mine: 1\nConnection: X-Hop\nX-Hop: secret\nX-Forwarded-For: 192.0.2.1\nX-Forwarded-Proto: gopher\n\n")
	r, body := c.response("GET")
	if r.StatusCode != 200 || r.Header.Get("X-Seen-Host") != "Shop.Example" {
		t.Fatalf("status %d, host %q", r.StatusCode, r.Header.Get("X-Seen-Host"))
	}
	for _, want := range []string{"GET /a/b?c=d HTTP/1.1\n", "X-Mine: 1\r\n", "X-Forwarded-For: 192.0.2.1, 127.0.0.1\r\n", "X-Forwarded-Proto: http\r\n", "X-Forwarded-Port: 80\r\n", "X-Amzn-Trace-Id: Root=1-"} {
		if !strings.Contains(body, want) {
			t.Errorf("the target did not get %q:\n%s", want, body)
		}
	}
	if strings.Contains(body, "secret") || strings.Contains(body, "gopher") {
		t.Errorf("a hop-by-hop or forged field went through:\n%s", body)
	}
}

func TestTraceID(t *testing.T) {
	b := newBalancer(t, config(serve(t, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.Header.Get("X-Amzn-Trace-Id")) })))
	c := b.dial()
	for sent, want := range map[string]string{
		"Root=1-67891233-abcdef012345678912345678;CalledFrom=app": "Self=1-........-........................;Root=1-67891233-abcdef012345678912345678;CalledFrom=app",
		"Self=1-2-3;Root=1-67891233-abcdef012345678912345678":     "Self=1-........-........................;Root=1-67891233-abcdef012345678912345678",
		"CalledFrom=app": "Root=1-........-........................;CalledFrom=app",
	} {
		c.send("GET / HTTP/1.1\nHost: x\nX-Amzn-Trace-Id: %s\n\n", sent)
		_, got := c.response("GET")
		if len(got) != len(want) || !like(got, want) {
			t.Errorf("%q became %q, want %q", sent, got, want)
		}
	}
}

// like compares with '.' for any byte.
func like(got, want string) bool {
	for i := range want {
		if want[i] != '.' && got[i] != want[i] {
			return false
		}
	}
	return true
}

func TestKeepAliveAndPipelining(t *testing.T) {
	b := newBalancer(t, config(serve(t, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.URL.Path) })))
	c := b.dial()
	c.send("GET /1 HTTP/1.1\nHost: x\n\nPOST /2 HTTP/1.1\nHost: x\nContent-Length: 3\n\nabcHEAD /3 HTTP/1.1\nHost: x\n\nGET /4 HTTP/1.1\nHost: x\nConnection: close\n\n")
	for _, want := range []string{"/1", "/2", "", "/4"} {
		method := "GET"
		if want == "" {
			method = "HEAD"
		}
		if r, body := c.response(method); body != want || r.StatusCode != 200 {
			t.Fatalf("got %d %q, want %q", r.StatusCode, body, want)
		}
	}
	c.closed()
}

func TestBodies(t *testing.T) {
	b := newBalancer(t, config(serve(t, func(w http.ResponseWriter, r *http.Request) {
		n, err := io.Copy(io.Discard, r.Body)
		fmt.Fprintf(w, "%d %v %v", n, r.TransferEncoding, err)
	})))
	c := b.dial()
	for _, size := range []int{0, 1, 1000, 15 << 10, 17 << 10, 300 << 10, 5 << 20} {
		c.send("POST / HTTP/1.1\nHost: x\nContent-Length: %d\n\n", size)
		c.Write(bytes.Repeat([]byte("x"), size))
		if _, body := c.response("POST"); body != fmt.Sprintf("%d [] <nil>", size) {
			t.Errorf("length %d arrived as %s", size, body)
		}
		c = b.reopen(c)
		c.send("POST / HTTP/1.1\nHost: x\nTransfer-Encoding: chunked\n\n")
		for left := size; left > 0; left -= 70 << 10 {
			n := min(left, 70<<10)
			c.send("%x\n%s\n", n, strings.Repeat("y", n))
		}
		c.send("0\n\n")
		if _, body := c.response("POST"); body != fmt.Sprintf("%d [chunked] <nil>", size) {
			t.Errorf("chunked %d arrived as %s", size, body)
		}
		c = b.reopen(c)
	}
}

// reopen gives a new connection: whether a streamed request leaves the old one open is a matter of timing.
func (b *balancer) reopen(c *client) *client {
	c.Close()
	return b.dial()
}

func TestResponses(t *testing.T) {
	big := strings.Repeat("0123456789", 1<<17)
	answers := map[string]string{
		"/length":  "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
		"/big":     fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(big), big),
		"/chunked": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\nX-Trailer: 1\r\n\r\n",
		"/close":   "HTTP/1.0 200 OK\r\n\r\nhello",
		"/204":     "HTTP/1.1 204 No Content\r\n\r\n",
		"/304":     "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n",
		"/hints":   "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
	}
	target := raw(t, func(c net.Conn) {
		in := bufio.NewReader(c)
		for {
			r, err := http.ReadRequest(in)
			if err != nil {
				return
			}
			answer := answers[r.URL.Path]
			io.WriteString(c, answer)
			if r.URL.Path == "/close" {
				return
			}
		}
	})
	b := newBalancer(t, config(target))
	for path, want := range map[string]string{"/length": "hello", "/big": big, "/chunked": "hello", "/close": "hello", "/204": "", "/304": "", "/hints": "ok"} {
		c := b.dial()
		c.send("GET %s HTTP/1.1\nHost: x\n\n", path)
		r, body := c.response("GET")
		if r.StatusCode == 103 {
			r, body = c.response("GET")
		}
		if body != want {
			t.Errorf("%s: got %d %.20q (%d bytes), want %.20q", path, r.StatusCode, body, len(body), want)
		}
		if path == "/chunked" && r.Trailer.Get("X-Trailer") != "1" {
			t.Errorf("the trailer was lost: %v", r.Trailer)
		}
		old := b.dial()
		old.send("GET %s HTTP/1.0\n\n", path)
		if r, body := old.response("GET"); body != want || len(r.TransferEncoding) > 0 {
			t.Errorf("%s by HTTP/1.0: got %d %.20q %v", path, r.StatusCode, body, r.TransferEncoding)
		}
		old.closed()
	}
}

func TestExpectContinue(t *testing.T) {
	b := newBalancer(t, config(serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/no" {
			http.Error(w, "no", 417)
			return
		}
		io.Copy(w, r.Body)
	})))
	c := b.dial()
	c.send("POST /yes HTTP/1.1\nHost: x\nExpect: 100-continue\nContent-Length: 5\n\n")
	if r, _ := c.response("POST"); r.StatusCode != 100 {
		t.Fatalf("got %d, want 100", r.StatusCode)
	}
	c.send("hello")
	if r, body := c.response("POST"); r.StatusCode != 200 || body != "hello" {
		t.Fatalf("got %d %q", r.StatusCode, body)
	}
	c = b.reopen(c)
	c.send("POST /no HTTP/1.1\nHost: x\nExpect: 100-continue\nContent-Length: 5\n\n")
	if r, _ := c.response("POST"); r.StatusCode != 417 || !r.Close {
		t.Fatalf("got %d, close %v; want 417 and the end of the connection", r.StatusCode, r.Close)
	}
	c.closed()
}

func TestEarlyAnswerToAnEndlessBody(t *testing.T) {
	b := newBalancer(t, config(raw(t, func(c net.Conn) {
		http.ReadRequest(bufio.NewReader(c))
		io.WriteString(c, "HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno")
		io.ReadAll(io.LimitReader(c, 1)) // and never reads on
	})))
	c := b.dial()
	c.send("POST / HTTP/1.1\nHost: x\nContent-Length: 1000000000\n\n")
	c.Write(make([]byte, 1<<20))
	if r, body := c.response("POST"); r.StatusCode != 403 || body != "no" || !r.Close {
		t.Fatalf("got %d %q, close %v", r.StatusCode, body, r.Close)
	}
}

func TestUpgrade(t *testing.T) {
	b := newBalancer(t, config(raw(t, func(c net.Conn) {
		in := bufio.NewReader(c)
		r, err := http.ReadRequest(in)
		if err != nil || r.Header.Get("Upgrade") != "websocket" || !strings.EqualFold(r.Header.Get("Connection"), "upgrade") {
			fmt.Fprintf(c, "HTTP/1.1 400 Bad\r\nContent-Length: 0\r\n\r\n")
			return
		}
		io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nhi")
		io.Copy(c, in)
	})))
	c := b.dial()
	c.send("GET /chat HTTP/1.1\nHost: x\nConnection: keep-alive, Upgrade\nUpgrade: websocket\n\nearly")
	r, err := http.ReadResponse(c.in, nil)
	if err != nil || r.StatusCode != 101 || r.Header.Get("Upgrade") != "websocket" {
		t.Fatalf("got %v, %v", r, err)
	}
	buf := make([]byte, 7)
	if io.ReadFull(c.in, buf); string(buf) != "hiearly" {
		t.Fatalf("got %q", buf)
	}
	c.send("more")
	if io.ReadFull(c.in, buf[:4]); string(buf[:4]) != "more" {
		t.Fatalf("got %q", buf[:4])
	}
	c.Close()
	if log := b.log(); !strings.HasPrefix(log, "ws ") || !strings.Contains(log, " 101 101 ") {
		t.Errorf("log: %s", log)
	}
}

func TestTargetThatRefusesIsPassedOver(t *testing.T) {
	good := serve(t, func(w http.ResponseWriter, r *http.Request) { io.Copy(w, r.Body) })
	b := newBalancer(t, config(unused(t), unused(t), good))
	c := b.dial()
	for range 6 {
		c.send("POST / HTTP/1.1\nHost: x\nContent-Length: 5\n\nhello")
		if r, body := c.response("POST"); r.StatusCode != 200 || body != "hello" {
			t.Fatalf("got %d %q", r.StatusCode, body)
		}
	}
}

func TestIdleConnectionClosedByTarget(t *testing.T) {
	closeIdle := make(chan chan struct{}, 1)
	b := newBalancer(t, config(raw(t, func(c net.Conn) {
		if r, err := http.ReadRequest(bufio.NewReader(c)); err == nil {
			body, _ := io.ReadAll(r.Body)
			fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
		}
		done := <-closeIdle
		c.Close() // without a word that it would
		close(done)
	})))
	c := b.dial()
	for range 3 {
		c.send("POST / HTTP/1.1\nHost: x\nContent-Length: 5\n\nhello")
		if r, body := c.response("POST"); r.StatusCode != 200 || body != "hello" {
			t.Fatalf("got %d %q", r.StatusCode, body)
		}
		done := make(chan struct{})
		closeIdle <- done
		<-done
	}
}

func TestFailures(t *testing.T) {
	for name, test := range map[string]struct {
		target func(net.Conn)
		want   int
		reason string
	}{
		"closes without an answer": {func(c net.Conn) { http.ReadRequest(bufio.NewReader(c)) }, 502, "TargetClosed"},
		"resets": {func(c net.Conn) {
			http.ReadRequest(bufio.NewReader(c))
			c.(*net.TCPConn).SetLinger(0)
		}, 502, "TargetReset"},
		"speaks something else": {func(c net.Conn) { io.WriteString(c, "220 mail ready\r\n"); io.ReadAll(c) }, 502, "TargetResponse"},
		"sends too long a header": {func(c net.Conn) {
			io.WriteString(c, "HTTP/1.1 200 OK\r\nX: "+strings.Repeat("x", 40<<10)+"\r\n\r\n")
			io.ReadAll(c)
		}, 502, "TargetResponseHeaderTooLong"},
		"upgrades unasked": {func(c net.Conn) {
			io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n")
			io.ReadAll(c)
		}, 502, "TargetResponseUnexpectedUpgrade"},
		"says contradictions": {func(c net.Conn) {
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!")
			io.ReadAll(c)
		}, 502, "TargetResponse"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBalancer(t, config(raw(t, test.target)))
			c := b.dial()
			c.send("GET / HTTP/1.1\nHost: x\n\n")
			r, body := c.response("GET")
			if r.StatusCode != test.want || r.Header.Get("Server") != "awselb/2.0" || !strings.Contains(body, "<h1>502 Bad Gateway</h1>") {
				t.Errorf("got %d from %q: %q", r.StatusCode, r.Header.Get("Server"), body)
			}
			if log := b.log(); !strings.Contains(log, test.reason) {
				t.Errorf("the log does not say %s: %s", test.reason, log)
			}
		})
	}
}

func TestNoTargets(t *testing.T) {
	b := newBalancer(t, config())
	c := b.dial()
	c.send("GET / HTTP/1.1\nHost: x\n\n")
	if r, _ := c.response("GET"); r.StatusCode != 503 {
		t.Fatalf("got %d, want 503", r.StatusCode)
	}
}

func TestRefused(t *testing.T) {
	b := newBalancer(t, config(serve(t, echo)))
	for request, want := range map[string]int{
		"GET / HTTP/1.1\n\n":                                                                               400, // no Host
		"GET / HTTP/3.0\nHost: x\n\n":                                                                      505,
		"TRACE / HTTP/1.1\nHost: x\n\n":                                                                    405,
		"GET /" + strings.Repeat("x", 17<<10) + " HTTP/1.1\nHost: x\n\n":                                   414,
		"GET / HTTP/1.1\nHost: x\nX: " + strings.Repeat("x", 17<<10) + "\n\n":                              400,
		"POST / HTTP/1.1\nHost: x\nTransfer-Encoding: gzip, chunked\n\n":                                   501,
		"POST / HTTP/1.1\nHost: x\nContent-Length: 5\nContent-Length: 6\n\nhello!":                         400,
		"POST / HTTP/1.1\nHost: x\nTransfer-Encoding: chunked\n\n5;a\x01=b\nhello\n0\n\n":                  400,
		"GET / HTTP/1.1\nHost: x\nX-Forwarded-For: " + strings.Repeat("192.0.2.1, ", 30) + "192.0.2.2\n\n": 463,
	} {
		c := b.dial()
		c.send("%s", request)
		r, _ := c.response("GET")
		if r.StatusCode != want {
			t.Errorf("%.60q: got %d, want %d", request, r.StatusCode, want)
		}
	}
}

func TestHTTP2GroupsNeedHTTP2(t *testing.T) {
	cfg := config(serve(t, echo))
	cfg.TargetGroups["shop/web:80"].ProtocolVersion = lb.GRPC
	b := newBalancer(t, cfg)
	c := b.dial()
	c.send("GET / HTTP/1.1\nHost: x\n\n")
	if r, _ := c.response("GET"); r.StatusCode != 464 {
		t.Fatalf("got %d, want 464", r.StatusCode)
	}
}
