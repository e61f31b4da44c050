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

	"golang.org/x/net/http2"
)

// TestTargetEndsConnections: targets that are nginx with its defaults, so that each connection ends after a thousand requests, cost
// no client an answer.
func TestTargetEndsConnections(t *testing.T) {
	for targets := 1; targets <= 2; targets++ {
		t.Run(fmt.Sprint(targets, " targets"), func(t *testing.T) {
			var addrs []net.Addr
			for range targets {
				n, err := startNginx("", " http2")
				if err != nil {
					t.Fatal(err)
				}
				if n == nil {
					t.Skip("nginx is not installed")
				}
				t.Cleanup(n.stop)
				addr, err := net.ResolveTCPAddr("tcp", n.addr)
				if err != nil {
					t.Fatal(err)
				}
				addrs = append(addrs, addr)
			}
			f := startFault(t, "03-h2-target-goaway-502", addrs...)
			for _, size := range []int{0, 100} {
				if bad := f.flood(30, 5000, size); bad != 0 {
					t.Errorf("%d of 5000 requests with bodies of %d bytes were not answered with 200", bad, size)
				}
			}
		})
	}
}

// flood has clients, each on a connection of its own, make requests without a pause, and counts those that fail.
func (f *fault) flood(clients, requests, size int) int32 {
	var made, bad atomic.Int32
	var wg sync.WaitGroup
	for range clients {
		wg.Go(func() {
			transport := &http2.Transport{
				TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
				DialTLSContext: func(ctx context.Context, _, _ string, c *tls.Config) (net.Conn, error) {
					return (&tls.Dialer{Config: c}).DialContext(ctx, "tcp", f.https)
				},
			}
			defer transport.CloseIdleConnections()
			client := &http.Client{Transport: transport}
			for made.Add(1) <= int32(requests) {
				r, err := client.Post("https://"+f.https+"/", "text/plain", strings.NewReader(strings.Repeat("x", size)))
				if err == nil {
					_, err = io.Copy(io.Discard, r.Body)
					r.Body.Close()
				}
				if err != nil || r.StatusCode != http.StatusOK {
					bad.Add(1)
				}
			}
		})
	}
	wg.Wait()
	return bad.Load()
}
