package wire

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

	"golang.org/x/net/http2"
)

// client2 speaks HTTP/2 to an address, whatever is asked for, and counts its connections.
func client2(t *testing.T, address string) (c *http.Client, dialled *atomic.Int32) {
	dialled = new(atomic.Int32)
	transport := &http2.Transport{
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
		DialTLSContext: func(ctx context.Context, _, _ string, config *tls.Config) (net.Conn, error) {
			dialled.Add(1)
			return (&tls.Dialer{Config: config}).DialContext(ctx, "tcp", address)
		},
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}, dialled
}

// pouring is a body without an end, which knows how much of it has been sent.
type pouring struct {
	sent atomic.Int64
	stop chan struct{}
}

func (e *pouring) Read(p []byte) (int, error) {
	select {
	case <-e.stop:
		return 0, io.EOF
	default:
	}
	e.sent.Add(int64(len(p)))
	return len(p), nil
}

// unread starts a target that answers uploads with their size, those to /unread only when it
// is released: until then nothing of them is read.
func unread(t *testing.T) (at net.Addr, asked, release chan struct{}) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	asked, release = make(chan struct{}, 100), make(chan struct{})
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/unread" {
			asked <- struct{}{}
			<-release
		}
		n, _ := io.Copy(io.Discard, r.Body)
		fmt.Fprint(w, n)
	})}
	go server.Serve(l) //nolint:errcheck // ends with the test
	t.Cleanup(func() { server.Close() })
	return l.Addr(), asked, release
}

// beforeIdle is less than the idle timeout, which ends what is stalled.
const beforeIdle = 30 * time.Second

// TestFaultStalledUploads: an upload moves however many others of its connection do not.
func TestFaultStalledUploads(t *testing.T) {
	t.Parallel()
	for _, stalled := range []int{2, 20} {
		t.Run(fmt.Sprint(stalled), func(t *testing.T) {
			t.Parallel()
			at, asked, release := unread(t)
			c, dialled := client2(t, startFault(t, "06-h2-two-stalled-uploads-stall-all", at).https)
			post := func(ctx context.Context, path string, body io.Reader) (string, error) {
				r, _ := http.NewRequestWithContext(ctx, "POST", "https://localhost"+path, body)
				answer, err := c.Do(r)
				if err != nil {
					return "", err
				}
				defer answer.Body.Close()
				text, err := io.ReadAll(answer.Body)
				return answer.Status + " " + string(text), err
			}
			small := func() {
				ctx, cancel := context.WithTimeout(t.Context(), beforeIdle)
				defer cancel()
				if got, err := post(ctx, "/", strings.NewReader(strings.Repeat("x", 100_000))); got != "200 OK 100000" || err != nil {
					t.Fatalf("an upload beside %d stalled ones: %q, %v", stalled, got, err)
				}
			}
			small()
			var bodies []*pouring
			var uploads sync.WaitGroup
			defer uploads.Wait()
			stop := make(chan struct{})
			defer close(release)
			defer close(stop)
			for range stalled {
				body := &pouring{stop: stop}
				bodies = append(bodies, body)
				uploads.Go(func() {
					if got, err := post(t.Context(), "/unread", body); err == nil && got != fmt.Sprint("200 OK ", body.sent.Load()) {
						t.Errorf("of %d bytes: %s", body.sent.Load(), got)
					}
				})
				<-asked
			}
			sent := func() (n int64) {
				for _, body := range bodies {
					n += body.sent.Load()
				}
				return n
			}
			for still := 0; still < 10; still++ { // until nothing of the others has moved during ten uploads
				before := sent()
				small()
				if sent() != before {
					still = 0
				}
			}
			if n := dialled.Load(); n != 1 {
				t.Errorf("%d connections", n)
			}
		})
	}
}

// TestFaultBodyWithGet: a body with GET, as in Elasticsearch's _search, costs no connection.
func TestFaultBodyWithGet(t *testing.T) {
	t.Parallel()
	at, _, _ := unread(t)
	c, dialled := client2(t, startFault(t, "09-h2-get-with-body-goaway", at).https)
	for _, method := range []string{"GET", "DELETE", "POST"} {
		for i := range 200 {
			r, _ := http.NewRequest(method, "https://localhost/", io.LimitReader(&pouring{}, 100))
			if r.ContentLength = 100; i%2 == 0 {
				r.ContentLength = -1
			}
			answer, err := c.Do(r)
			if err != nil {
				t.Fatalf("%s %d: %v", method, i, err)
			}
			text, err := io.ReadAll(answer.Body)
			answer.Body.Close()
			if answer.StatusCode != 200 || string(text) != "100" || err != nil {
				t.Fatalf("%s %d: %s, %q, %v", method, i, answer.Status, text, err)
			}
		}
	}
	if n := dialled.Load(); n != 1 {
		t.Errorf("%d connections", n)
	}
}
