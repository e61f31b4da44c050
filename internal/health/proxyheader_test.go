package health

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"net/netip"
	"testing"
	"time"

	"github.com/albatross-lb/albatross/lb"
)

// A target that expects the PROXY protocol is asked with a header that names no client.
func TestProbeWithProxyHeader(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			head := make([]byte, 16)
			if _, err := io.ReadFull(c, head); err == nil && string(head) == noClient {
				if _, err := http.ReadRequest(bufio.NewReader(c)); err == nil {
					io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
				}
			}
			c.Close()
		}
	}()
	p := Probe{Addr: netip.MustParseAddrPort(l.Addr().String()), Protocol: lb.HTTP, Path: "/", Matcher: matcherOf(Group{Check: &lb.HealthCheck{}}), Timeout: time.Minute}
	for _, with := range []bool{true, false} {
		p.ProxyHeader = with
		ctx, cancel := context.WithTimeout(t.Context(), p.Timeout)
		if r := new(NetProber).Probe(ctx, p); r.Passed() != with {
			t.Errorf("with a header %v: %+v", with, r)
		}
		cancel()
	}
}
