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
	for name, request := range map[string]string{
		"GET":  "GET /predict?store=1 HTTP/1.1\r\nHost: shop.example\r\nUser-Agent: bench\r\nAccept: */*\r\nX-Mine: 1\r\n\r\n",
		"POST": "POST /predict HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 12\r\n\r\n{\"store\": 1}",
	} {
		b.Run(name, func(b *testing.B) { exchanges1(b, request) })
	}
}

func exchanges1(b *testing.B, request string) {
	const answer = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 20\r\n\r\nhello from a target\n"
	balancer := newBalancer(b, config(raw(b, func(c net.Conn) {
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
	b.ReportAllocs()
	for b.Loop() {
		c.Write(sent)
		if _, err := io.ReadAtLeast(c.TCPConn, buf, len(answer)); err != nil {
			b.Fatal(err)
		}
	}
}
