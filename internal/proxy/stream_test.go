package proxy

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/net/http2"

	"github.com/albatross-lb/albatross/internal/certs"
	"github.com/albatross-lb/albatross/internal/snapshot"
	"github.com/albatross-lb/albatross/lb"
)

// secured turns the listener into HTTPS with a certificate of a local CA.
func secured(t testing.TB, cfg *lb.Config) (*lb.Config, func(*snapshot.Options)) {
	ca, err := certs.OpenCA(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	l := cfg.LoadBalancers[0].Listeners[0]
	l.Protocol, l.SSLPolicy = lb.HTTPS, "ELBSecurityPolicy-TLS13-1-2-2021-06"
	return cfg, func(o *snapshot.Options) { o.Certificate = ca.Issue }
}

// client2 speaks HTTP/2 to the balancer.
func client2(b *balancer) *http.Client {
	transport := &http2.Transport{
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
		DialTLSContext: func(ctx context.Context, _, _ string, cfg *tls.Config) (net.Conn, error) {
			return (&tls.Dialer{Config: cfg}).DialContext(ctx, "tcp", b.addr())
		},
	}
	b.t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

func TestHTTP2(t *testing.T) {
	target := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Trailer", "X-Sum")
		n, err := io.Copy(io.Discard, r.Body)
		w.Header().Set("X-Seen", fmt.Sprintf("%s %s %s %d %v %v", r.Method, r.Host, r.Header.Get("X-Forwarded-Proto"), n, r.TransferEncoding, err))
		w.Header().Set("X-Sum", r.Trailer.Get("X-Sent"))
		io.WriteString(w, strings.Repeat("z", int(n)))
	})
	b := newBalancer(t, config(target), secured)
	c := client2(b)
	for _, size := range []int{0, 1, 20 << 10, 300 << 10} {
		for _, announced := range []bool{true, false} {
			r, _ := http.NewRequest("POST", "https://shop.example/x?y", bytes.NewReader(make([]byte, size)))
			coding := "[]"
			if !announced {
				r.Body = io.NopCloser(r.Body)
				r.ContentLength = -1
				r.Trailer = http.Header{"X-Sent": {"yes"}}
				coding = "[chunked]"
			}
			response, err := c.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(response.Body)
			if want := fmt.Sprintf("POST shop.example:80 https %d %s <nil>", size, coding); response.Header.Get("X-Seen") != want || len(body) != size || err != nil {
				t.Errorf("size %d: seen %q, want %q; %d bytes back, %v", size, response.Header.Get("X-Seen"), want, len(body), err)
			}
			if !announced && response.Trailer.Get("X-Sum") != "yes" {
				t.Errorf("size %d: trailers %v", size, response.Trailer)
			}
		}
	}
	for path, status := range map[string]int{"/": 200} {
		response, err := c.Head("https://shop.example" + path)
		if err != nil || response.StatusCode != status {
			t.Errorf("HEAD %s: %v, %v", path, response, err)
		}
	}
	c.CloseIdleConnections()
	if log := b.log(); !strings.Contains(log, `"POST https://shop.example:80/x?y HTTP/2.0"`) || !strings.HasPrefix(log, "h2 ") {
		t.Errorf("log: %.300s", log)
	}
}

func TestHTTP2Pages(t *testing.T) {
	b := newBalancer(t, config(unused(t)), secured)
	c := client2(b)
	response, err := c.Get("https://shop.example/")
	if err != nil {
		t.Fatal(err)
	}
	if body, _ := io.ReadAll(response.Body); response.StatusCode != 502 || !strings.Contains(string(body), "<h1>502 Bad Gateway</h1>") {
		t.Errorf("got %d %q", response.StatusCode, body)
	}
	r, _ := http.NewRequest("GET", "https://shop.example/", nil)
	r.Header.Set("X-Forwarded-For", strings.Repeat("192.0.2.1, ", 30)+"192.0.2.2")
	if response, err = c.Do(r); err != nil || response.StatusCode != 463 {
		t.Errorf("got %v, %v, want 463", response, err)
	}
}

// TestHTTP2TargetBreaksOff: a body that ends early must not look whole.
func TestHTTP2TargetBreaksOff(t *testing.T) {
	b := newBalancer(t, config(raw(t, func(c net.Conn) {
		c.Read(make([]byte, 4096))
		io.WriteString(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
	})), secured)
	response, err := client2(b).Get("https://shop.example/")
	if err != nil {
		t.Fatal(err)
	}
	if body, err := io.ReadAll(response.Body); err == nil {
		t.Errorf("a body that broke off ended well with %q", body)
	}
}

// TestHTTP2HeadBeforeBody: a head does not wait for a body that takes its time.
func TestHTTP2HeadBeforeBody(t *testing.T) {
	release := make(chan struct{})
	b := newBalancer(t, config(serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.(http.Flusher).Flush()
		<-release
		io.WriteString(w, "late")
	})), secured)
	response, err := client2(b).Get("https://shop.example/")
	if err != nil {
		t.Fatal(err)
	}
	close(release) // only now: the head was here before
	if body, err := io.ReadAll(response.Body); string(body) != "late" || err != nil {
		t.Errorf("got %q, %v", body, err)
	}
}

// TestHTTP2BodyOfAnyMethod: HTTP/2's frames say where a request ends, so a body of a method that
// seldom has one does not cost the connection, in any mode, and is what the target gets.
func TestHTTP2BodyOfAnyMethod(t *testing.T) {
	for _, mode := range []string{"monitor", "defensive", "strictest"} {
		t.Run(mode, func(t *testing.T) {
			seen := make(chan string, 1)
			cfg := config(serve(t, func(w http.ResponseWriter, r *http.Request) {
				body, err := io.ReadAll(r.Body)
				seen <- fmt.Sprintf("%s %s %d %v %v", r.Method, body, r.ContentLength, r.TransferEncoding, err)
			}))
			cfg.LoadBalancers[0].Attributes["routing.http.desync_mitigation_mode"] = mode
			b := newBalancer(t, cfg, secured)
			var opened atomic.Int32
			b.mu.Lock()
			b.opened = func(*Session) { opened.Add(1) }
			b.mu.Unlock()
			c := client2(b)
			for _, method := range []string{"GET", "HEAD", "DELETE", "OPTIONS", "POST"} {
				for _, size := range []int{0, 100, 40 << 10} {
					for _, announced := range []bool{true, false} {
						content := strings.Repeat("x", size)
						r, _ := http.NewRequest(method, "https://shop.example/", io.NopCloser(strings.NewReader(content)))
						want := fmt.Sprintf("%s %s -1 [chunked] <nil>", method, content)
						if r.ContentLength = -1; announced && size > 0 {
							r.ContentLength = int64(size)
							want = fmt.Sprintf("%s %s %d [] <nil>", method, content, size)
						}
						response, err := c.Do(r)
						if err != nil {
							t.Fatalf("%s of %d bytes: %v", method, size, err)
						}
						response.Body.Close()
						if response.StatusCode != 200 {
							t.Fatalf("%s of %d bytes: %s", method, size, response.Status)
						}
						if got := <-seen; got != want {
							t.Errorf("the target got %.60q, want %.60q", got, want)
						}
					}
				}
			}
			if n := opened.Load(); n != 1 {
				t.Errorf("%d connections", n)
			}
			if log := b.log(); strings.Contains(log, "Ambiguous") || strings.Contains(log, "Acceptable") {
				t.Errorf("log: %.600s", log)
			}
		})
	}
}
