package proxy

import (
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/albatross-lb/albatross/internal/snapshot"
)

func TestChallengeComesBeforeTheRules(t *testing.T) {
	target := serve(t, func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "the target's") })
	b := newBalancer(t, config(target))
	b.proxy.AnswerChallenges(func(host, token string) (string, bool) {
		return "proof of " + token, host == "a.example:80" && token == "tok"
	})
	for _, c := range []struct{ method, host, path, want string }{
		{"GET", "a.example:80", "/.well-known/acme-challenge/tok", "proof of tok"},
		{"GET", "a.example:80", "/.well-known/acme-challenge/tok2", "the target's"},
		{"GET", "b.example", "/.well-known/acme-challenge/tok", "the target's"},
		{"POST", "a.example:80", "/.well-known/acme-challenge/tok", "the target's"},
		{"GET", "a.example:80", "/.well-known/acme-challenge", "the target's"},
		{"GET", "a.example:80", "/x/.well-known/acme-challenge/tok", "the target's"},
		{"GET", "a.example:80", "/", "the target's"},
	} {
		conn := b.dial()
		conn.send("%s %s HTTP/1.1\nHost: %s\nContent-Length: 0\n\n", c.method, c.path, c.host)
		r, body := conn.response(c.method)
		if r.StatusCode != 200 || body != c.want {
			t.Errorf("%s %s at %s: %s %q, want %q", c.method, c.path, c.host, r.Status, body, c.want)
		}
		conn.send("GET /after HTTP/1.1\nHost: c.example\n\n")
		if _, body := conn.response("GET"); body != "the target's" {
			t.Errorf("the next request on the connection gets %q", body)
		}
	}
}

// TestNothingIsServedBehindAChallenge: a handshake that proves a host to an authority is
// not the listener's own, so that its connection must be good for nothing else.
func TestNothingIsServedBehindAChallenge(t *testing.T) {
	b := newBalancer(t, config(serve(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "secret") })), secured)
	next, socket := *b.proxy.Snapshot(), *b.proxy.Snapshot().Sockets[80]
	next.Sockets = map[int]*snapshot.Socket{80: &socket}
	own := socket.TLS.Clone()
	shown, err := own.GetCertificate(&tls.ClientHelloInfo{})
	if err != nil {
		t.Fatal(err)
	}
	socket.TLS = &tls.Config{GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		if len(hello.SupportedProtos) == 1 && hello.SupportedProtos[0] == "acme-tls/1" {
			return &tls.Config{Certificates: []tls.Certificate{*shown}, NextProtos: []string{"acme-tls/1"}}, nil
		}
		return own, nil
	}}
	b.proxy.Swap(&next)
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		c, err := tls.Dial("tcp", b.addr(), &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"acme-tls/1"}, MaxVersion: version})
		if err != nil {
			t.Fatalf("the authority cannot shake hands: %v", err)
		}
		c.SetDeadline(time.Now().Add(time.Minute))
		fmt.Fprint(c, "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n")
		if got, _ := io.ReadAll(c); len(got) > 0 {
			t.Errorf("served behind the challenge: %q", got)
		}
		c.Close()
	}
	c, err := tls.Dial("tcp", b.addr(), &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"http/1.1"}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprint(c, "GET / HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n")
	if got, _ := io.ReadAll(c); !strings.Contains(string(got), "secret") {
		t.Errorf("anybody else gets %q", got)
	}
}
