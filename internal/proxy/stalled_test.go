package proxy

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/albatross-lb/albatross/lb"
)

// Streams that stand still must not hold up those that move (RFC 9113 section 5.2).

// beforeIdle is less than the idle timeout, which ends what stands still.
const beforeIdle = 30 * time.Second

// pouring is a body without an end until it is told to stop.
type pouring struct {
	sent atomic.Int64
	stop chan struct{}
}

func (p *pouring) Read(b []byte) (int, error) {
	select {
	case <-p.stop:
		return 0, io.EOF
	default:
		p.sent.Add(int64(len(b)))
		return len(b), nil
	}
}

// narrow2 speaks HTTP/2 to the balancer with windows of 64 KiB.
func narrow2(b *balancer) *http.Client {
	transport := &http.Transport{
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "tcp", b.addr())
		},
		ForceAttemptHTTP2: true,
		HTTP2:             &http.HTTP2Config{MaxReceiveBufferPerStream: 64 << 10},
	}
	b.t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// do gives the status and the body of an answer that must come before the idle timeout.
func do(t *testing.T, c *http.Client, method, path string, body io.Reader) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), beforeIdle)
	defer cancel()
	r, _ := http.NewRequestWithContext(ctx, method, "https://shop.example"+path, body)
	answer, err := c.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%d %s", answer.StatusCode, text)
}

// TestStalledUploads: an upload moves however many others of its client are not taken by the target.
func TestStalledUploads(t *testing.T) {
	const stalled = 50
	asked, release, stop := make(chan struct{}, stalled), make(chan struct{}), make(chan struct{})
	b := newBalancer(t, config(serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/unread" {
			asked <- struct{}{}
			<-release
			return
		}
		n, _ := io.Copy(io.Discard, r.Body)
		fmt.Fprint(w, n)
	})), secured)
	c := client2(b)
	var uploads sync.WaitGroup
	defer uploads.Wait()
	defer close(stop)
	defer close(release)
	var bodies []*pouring
	for range stalled {
		body := &pouring{stop: stop}
		bodies = append(bodies, body)
		uploads.Go(func() {
			if answer, err := c.Post("https://shop.example/unread", "text/plain", body); err == nil {
				answer.Body.Close()
			}
		})
	}
	for range stalled {
		<-asked
	}
	sent := func() (n int64) {
		for _, body := range bodies {
			n += body.sent.Load()
		}
		return n
	}
	for still := 0; still < 10; still++ { // until nothing of the others has moved during ten
		before := sent()
		if got := do(t, c, "POST", "/", strings.NewReader(strings.Repeat("x", 300_000))); got != "200 300000" {
			t.Fatalf("got %.100s", got)
		}
		if sent() != before {
			still = 0
		}
	}
}

// TestStalledDownloads: an answer moves however many others, which share the connection to the
// target, are not read by their clients.
func TestStalledDownloads(t *testing.T) {
	const stalled, size = 120, 300_000
	target := serve2(t, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, strings.Repeat("x", size)) })
	b := newBalancer(t, config2(lb.HTTP2, target), secured)
	slow, other := narrow2(b), narrow2(b)
	for range stalled {
		answer, err := slow.Get("https://shop.example/")
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
	}
	for _, c := range []*http.Client{slow, other} {
		for range 3 {
			if got := do(t, c, "GET", "/", nil); len(got) != len("200 ")+size {
				t.Fatalf("%d bytes came", len(got))
			}
		}
	}
}
