package proxy

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"testing"
)

// TestBodyBehindHead: a target that sends a body to HEAD all the same must not have it taken for the answer to the next
// request, however soon that comes. The body is in our socket by then.
func TestBodyBehindHead(t *testing.T) {
	said, sent := make(chan struct{}), make(chan struct{})
	b := newBalancer(t, config(raw(t, func(c net.Conn) {
		in := bufio.NewReader(c)
		for {
			r, err := http.ReadRequest(in)
			if err != nil {
				return
			}
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n")
			if r.Method == "HEAD" {
				<-said
				io.WriteString(c, "evil")
				sent <- struct{}{}
				continue
			}
			io.WriteString(c, "good")
		}
	})))
	c := b.dial()
	for range 100 {
		c.send("HEAD / HTTP/1.1\nHost: a\n\n")
		head, err := http.ReadResponse(c.in, &http.Request{Method: "HEAD"})
		if err != nil {
			t.Fatal(err)
		}
		said <- struct{}{}
		<-sent
		c.send("GET / HTTP/1.1\nHost: a\n\n")
		answer, err := http.ReadResponse(c.in, nil)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(answer.Body)
		if head.StatusCode != 200 || answer.StatusCode != 200 || string(body) != "good" || err != nil {
			t.Fatalf("%d, then %d %q, %v", head.StatusCode, answer.StatusCode, body, err)
		}
	}
}
