package proxy

import (
	"io"
	"net"
	"testing"
)

// BenchmarkExchange is one keep-alive request after another through real sockets. The
// client and the target run in this process, too, and allocate nothing: allocations
// that it shows are the balancer's. In the steady state there are none.
func BenchmarkExchange(b *testing.B) {
	for name, request := range plainRequests {
		b.Run(name, func(b *testing.B) {
			turn := exchanges1(b, request)
			b.ReportAllocs()
			for b.Loop() {
				turn()
			}
		})
	}
}

// TestExchangeAllocatesNothing: once a connection and its target's are warm, a request costs no allocation. What
// goes on beside the requests (the log being written out) is far from one for each.
func TestExchangeAllocatesNothing(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	for name, request := range plainRequests {
		turn := exchanges1(t, request)
		for range 100 {
			turn()
		}
		if n := testing.AllocsPerRun(500, turn); n != 0 {
			t.Errorf("%s: %v allocations a request", name, n)
		}
	}
}

var plainRequests = map[string]string{
	"GET":  "GET /predict?store=1 HTTP/1.1\r\nHost: shop.example\r\nUser-Agent: bench\r\nAccept: */*\r\nX-Mine: 1\r\n\r\n",
	"POST": "POST /predict HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 12\r\n\r\n{\"store\": 1}",
}

// exchanges1 gives what sends the request on a connection that is kept and takes the answer.
func exchanges1(t testing.TB, request string) (turn func()) {
	const answer = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 20\r\n\r\nhello from a target\n"
	balancer := newBalancer(t, config(raw(t, func(c net.Conn) {
		buf, reply := make([]byte, 4096), []byte(answer)
		for {
			if _, err := c.Read(buf); err != nil {
				return
			}
			c.Write(reply)
		}
	})))
	c := balancer.dial()
	sent, buf := []byte(request), make([]byte, 4096)
	return func() {
		c.Write(sent)
		if _, err := io.ReadAtLeast(c.TCPConn, buf, len(answer)); err != nil {
			t.Fatal(err)
		}
	}
}
