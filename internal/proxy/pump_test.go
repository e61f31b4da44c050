package proxy

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/albatross-lb/albatross/lb"
)

// TestUploadsCostNoConnection: a target that answers as soon as it has the end of a body, and not before, costs
// neither the client's connection nor its own.
func TestUploadsCostNoConnection(t *testing.T) {
	for _, secure := range []bool{false, true} {
		for _, length := range []bool{false, true} {
			t.Run(fmt.Sprintf("secure=%v/length=%v", secure, length), func(t *testing.T) {
				t.Parallel()
				var opened atomic.Int32
				target := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					n, _ := io.Copy(io.Discard, r.Body)
					fmt.Fprint(w, n)
				}))
				target.Config.ConnState = func(_ net.Conn, s http.ConnState) {
					if s == http.StateNew {
						opened.Add(1)
					}
				}
				cfg := config("127.0.0.1:1")
				var variants []variant
				if secure {
					target.StartTLS()
					cfg.TargetGroups["shop/web:80"].Protocol = lb.HTTPS
					variants = append(variants, secured)
				} else {
					target.Start()
				}
				defer target.Close()
				cfg.TargetGroups["shop/web:80"].Targets[0].Addr = config(target.Listener.Addr().String()).TargetGroups["shop/web:80"].Targets[0].Addr
				b := newBalancer(t, cfg, variants...)
				uploads(t, b, secure, length)
				if n := opened.Load(); n != 1 {
					t.Errorf("%d connections to the target were opened", n)
				}
			})
		}
	}
}

// uploads sends bodies of several sizes, one after the other on one connection.
func uploads(t *testing.T, b *balancer, secure, length bool) {
	var c net.Conn
	plain := b.dial()
	c, in := net.Conn(plain.TCPConn), plain.in
	if secure {
		c = tls.Client(c, &tls.Config{InsecureSkipVerify: true})
		in.Reset(c)
	}
	body := bytes.Repeat([]byte("x"), 100_000)
	for i := range 500 {
		size := []int{10_000, 17_000, 30_000, 100_000}[i%4]
		r, err := http.NewRequest("POST", "http://x/", bytes.NewReader(body[:size]))
		if err != nil {
			t.Fatal(err)
		}
		if !length {
			r.ContentLength = -1
		}
		if err := r.Write(c); err != nil {
			t.Fatal(err)
		}
		response, err := http.ReadResponse(in, r)
		if err != nil {
			t.Fatalf("upload %d: %v", i, err)
		}
		if text, _ := io.ReadAll(response.Body); string(text) != fmt.Sprint(size) {
			t.Fatalf("upload %d of %d bytes: %s, %q", i, size, response.Status, text)
		}
		if response.Close {
			t.Fatalf("upload %d of %d bytes costs the connection", i, size)
		}
	}
}
