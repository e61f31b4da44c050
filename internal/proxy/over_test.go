package proxy

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

// A client that asks for the end of its connection is not waited for. Where it could still lose the answer
// by what it goes on to send, that is read and thrown away.
func TestWhoIsNotWaitedFor(t *testing.T) {
	more := make(chan bool)
	b := newBalancer(t, config(serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/more" {
			more <- true // is to be sent
			<-more       // has been
		}
		io.WriteString(w, strings.Repeat("x", len(r.URL.Query().Get("x"))*firstFlight))
	})))
	for name, c := range map[string]struct {
		request string
		waited  bool
	}{
		"HTTP/1.0":             {"GET / HTTP/1.0\n\n", false},
		"Connection: close":    {"GET / HTTP/1.1\nHost: h\nConnection: close\n\n", false},
		"with a body":          {"POST / HTTP/1.0\nContent-Length: 3\n\nabc", false},
		"more than its body":   {"POST / HTTP/1.0\nContent-Length: 3\n\nabc\n", true},
		"more while it waits":  {"GET /more HTTP/1.0\n\n", true},
		"a long answer":        {"GET /?x=x HTTP/1.0\n\n", true},
		"an answer of our own": {"GET / HTTP/1.1\n\n", true},
	} {
		client := b.dial()
		client.send("%s", c.request)
		if strings.Contains(c.request, "/more") {
			<-more
			client.send("more")
			more <- true
		}
		if _, err := io.ReadAll(client.in); err != nil {
			t.Errorf("%s: reading the answer: %v", name, err)
		}
		// What a socket that is closed receives, it answers by a reset, after which no write succeeds.
		var err error
		for range 1000 {
			if _, err = client.Write([]byte("x")); err != nil {
				break
			}
		}
		if waited := err == nil; waited != c.waited {
			t.Errorf("%s: waited for is %v, want %v", name, waited, c.waited)
		}
	}
}
