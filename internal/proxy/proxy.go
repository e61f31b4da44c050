// Package proxy serves one request at a time on one client's connection: it reads
// the request, takes the snapshot once, finds the rule, chooses a target, streams
// both ways and leaves a record behind.
//
// A Session is one client's connection. Its work goes in straight lines: wait, read a
// head, serve, and again. All that a request needs is in an exchange, which begins when the first
// byte is there and ends when the response is out; between requests a Session holds no buffers.
//
// Who runs those lines depends on whether they have to wait. On Linux a plaintext
// Session lives in an event loop (sock.Loop). When its client's socket tells of a request, the
// loop works on it up to the write that asks the target, and turns to others; when the
// target's socket tells of the answer, it works on from there (turn_linux.go and ask_linux.go: the
// same exchange, cut where it waits). That is what nginx and HAProxy do, and it is why a request costs
// four system calls and no scheduling, and a connection at rest three quarters of a kilobyte. A loop must not
// wait, so whatever would is handed over to a goroutine, at the point where it is: a
// client or a target that takes a second, a body of unknown or great length, more than a buffer at
// a time, HTTP/2, WebSockets, TLS handshakes, targets that speak TLS, any trouble. The goroutine goes
// on in code that may block, and gives the Session back once its requests are light again.
// Everything that is hard is there once, in plain sequence, and the loop has only the ordinary case.
// TLS is crypto/tls in either place, over a connection that in a loop never blocks (link).
//
// A second goroutine exists only while a request's body is larger than the buffer (pump) or
// while a tunnel runs.
//
// What is sent on is what was received: header lines are copied in runs, around
// those that this hop owns, and bodies pass as the bytes they came in, followed by
// a scanner that knows where they end (package http1).
//
// Trouble is told to the client as ALB tells it: the same status codes for the same
// causes, with the same pages, and a word for the cause in the access log. A target
// that cannot be reached is passed over for another within the same request as long
// as nothing of the request can have reached it.
package proxy

import (
	"crypto/rand"
	"encoding/hex"
	"sync/atomic"

	"github.com/albatross-lb/albatross/internal/balance"
	"github.com/albatross-lb/albatross/internal/snapshot"
	"github.com/albatross-lb/albatross/internal/sock"
)

// Proxy serves clients by the snapshot that is current when a request begins.
type Proxy struct {
	current atomic.Pointer[snapshot.Snapshot]
	cookies *balance.Cookies
	shards  atomic.Uint32

	challenges atomic.Pointer[func(host, token string) (string, bool)] // nil: nobody orders certificates
}

// New gives a Proxy without a snapshot: every connection is closed until Swap.
// cookies seals the stickiness cookies.
func New(cookies *balance.Cookies) *Proxy { return &Proxy{cookies: cookies} }

// Swap puts a snapshot into service for all requests that begin from now on.
func (p *Proxy) Swap(s *snapshot.Snapshot) { p.current.Store(s) }

// Snapshot gives the one in service; nil before the first Swap.
func (p *Proxy) Snapshot() *snapshot.Snapshot { return p.current.Load() }

// NewSession gives the session of a connection that was accepted on a port of the
// manifests. Begin or Serve runs it.
func (p *Proxy) NewSession(a sock.Accepted, port int) *Session {
	s := &Session{proxy: p, accepted: a, port: port, shard: p.shards.Add(1), tls: &plaintext, client: a.Remote()}
	if snap := p.current.Load(); snap != nil && snap.Sockets[port] != nil {
		s.secure = snap.Sockets[port].Secure
	}
	if !s.assign() {
		s.adopt()
	}
	var id [16]byte
	rand.Read(id[:])
	s.traceID = "TID_" + hex.EncodeToString(id[:])
	return s
}
