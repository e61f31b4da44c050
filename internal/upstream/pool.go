// Package upstream keeps connections to targets: it dials them, lends them out one
// request at a time and takes them back for reuse.
//
// Each target has a Pool. Idle connections are kept in shards, so that two cores
// that serve different clients do not wait for each other's lock, and each shard
// gives the connection used last first: it is the one least likely to have been
// closed by the target, and the rest can age out. A connection that comes out of a
// Pool is looked at once more (sock.Conn.Closed) when its target could have closed
// it meanwhile. If the request may be repeated, it is enough that nothing had come a quarter of a
// millisecond ago: whoever watches idle connections in an event loop hears of what happens
// to them no sooner. Either the connection was in use until then, or a look at all connections
// at once (sock.Watch) tells. What goes wrong between the look and the request is
// the proxy's to repeat or to report.
//
// Event loops have connections of their own, Lines, each known to the one loop that hears what comes
// on it. A loop takes its own first, then those of other loops and of goroutines, and a
// goroutine takes a Line when there is no Conn, so that no connection is opened while one is at rest.
package upstream

import (
	"context"
	"crypto/tls"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/albatross-lb/albatross/internal/http2"
	"github.com/albatross-lb/albatross/internal/sock"
)

const (
	// ConnectTimeout is how long a target may take to accept a connection, TLS
	// included (ALB answers 504 after 10 s, 502 for a TLS handshake).
	ConnectTimeout = 10 * time.Second
	// shards of idle connections a target; a power of two.
	shards = 8
	// Fresh is for how long a connection put back need not be looked at, and what is known of it is new enough.
	Fresh = time.Millisecond / 4
	// maxIdle connections are kept in one shard; more are closed when they come back.
	maxIdle = 256
)

// Conn is a connection to a target, lent to one request at a time.
type Conn struct {
	net.Conn            // what to read and write: the socket, or TLS over it
	Sock     *sock.Conn // the socket underneath
	Reused   bool       // it has carried a request before
	Doubtful bool       // it is to be looked at before it carries another

	pool *Pool
	used time.Time // when it was put back
}

// Watch hears of what comes on connections at rest, of any number of pools.
type Watch = sock.Watch

// NewWatch gives one, or nil where the system has none.
func NewWatch() *Watch { return sock.NewWatch() }

// Pool keeps the connections to one target.
type Pool struct {
	// MaxHTTP2 is how many connections of HTTP/2 the target may have that take requests; 0
	// means http2.MaxConnections. It is set before the pool is used.
	MaxHTTP2 int

	at     netip.AddrPort
	addr   string      // the same
	secure *tls.Config // nil: plaintext
	watch  *Watch      // hears of what comes on connections at rest; nil: each is looked at
	closed atomic.Bool
	shards [shards]shard
	looped looped

	once    sync.Once
	streams atomic.Pointer[http2.Transport] // of a target that is spoken HTTP/2 to
}

type shard struct {
	mu   sync.Mutex
	idle []*Conn
	_    [64]byte // shards on cache lines of their own
}

// NewPool makes a pool for a target; secure asks for TLS without verifying the
// target's certificate, as ALB does it. Pools share a watch, which may be nil.
func NewPool(addr netip.AddrPort, secure bool, watch *Watch) *Pool {
	p := &Pool{at: addr, addr: addr.String(), watch: watch}
	if secure {
		p.secure = &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS10} // ALB does not verify targets
	}
	return p
}

// Get lends an idle connection that its target has not closed as far as can be seen, or
// nil. For a request that may be repeated, what was seen within a quarter of a millisecond before
// now counts as seen.
func (p *Pool) Get(at uint32, now time.Time, repeatable bool) *Conn {
	if c := p.atRest(at, now, repeatable); c != nil {
		return c
	}
	return p.looped.line(repeatable)
}

// atRest is Get without those that event loops have.
func (p *Pool) atRest(at uint32, now time.Time, repeatable bool) *Conn {
	for i := range uint32(shards) {
		s := &p.shards[(at+i)%shards]
		for {
			s.mu.Lock()
			n := len(s.idle)
			if n == 0 {
				s.mu.Unlock()
				break
			}
			c := s.idle[n-1]
			s.idle[n-1] = nil
			s.idle = s.idle[:n-1]
			s.mu.Unlock()
			if repeatable && c.quiet(now) || c.alive() {
				c.Reused = true
				c.Sock.Attend(true)
				return c
			}
			c.Close()
		}
	}
	return nil
}

// CloseWrite tells the target that nothing more will come.
func (c *Conn) CloseWrite() error {
	if t, ok := c.Conn.(*tls.Conn); ok {
		return t.CloseWrite()
	}
	return c.Sock.CloseWrite()
}

// Plain tells whether the connection is TCP and nothing over it.
func (c *Conn) Plain() bool { return c.pool.secure == nil }

// quiet tells that the target has said nothing until a quarter of a millisecond ago, as far as can be known.
func (c *Conn) quiet(now time.Time) bool {
	return !c.Doubtful && (now.Sub(c.used) < Fresh || c.Sock.Quiet(c.used, now, Fresh))
}

// alive looks whether the target has closed the connection. Bytes that nobody asked
// for make a plaintext connection unusable; TLS has records of its own.
func (c *Conn) alive() bool {
	closed, unread := c.Sock.Closed()
	return !closed && (!unread || c.pool.secure != nil)
}

// Dial opens a new connection, within ConnectTimeout.
func (p *Pool) Dial(ctx context.Context) (*Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, ConnectTimeout)
	defer cancel()
	s, err := p.connect(ctx)
	if err != nil {
		return nil, err
	}
	p.watch.Add(s)
	c := &Conn{Conn: s, Sock: s, pool: p}
	if p.secure != nil {
		if c.Conn, err = p.handshake(ctx, s, p.secure); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// TLSError is a failed TLS handshake with a target, which ALB answers with 502.
type TLSError struct{ error }

func (e *TLSError) Unwrap() error { return e.error }

// Put takes a connection back whose last response has been read to its end, as far as
// there was anything to read at the time given.
func (p *Pool) Put(at uint32, c *Conn, now time.Time) {
	if p.closed.Load() {
		c.Close()
		return
	}
	c.used = now
	c.Sock.Attend(false)
	s := &p.shards[at%shards]
	s.mu.Lock()
	if len(s.idle) >= maxIdle {
		s.mu.Unlock()
		c.Close()
		return
	}
	s.idle = append(s.idle, c)
	s.mu.Unlock()
	if p.closed.Load() { // closed between the look and the append
		p.CloseIdle(time.Time{})
	}
}

// CloseIdle closes connections that were put back before the given time; all of them for the zero time.
func (p *Pool) CloseIdle(before time.Time) {
	for i := range p.shards {
		s := &p.shards[i]
		var old []*Conn
		s.mu.Lock()
		s.idle, old = parted(s.idle, func(c *Conn) bool { return before.IsZero() || c.used.Before(before) })
		s.mu.Unlock()
		for _, c := range old {
			c.Close()
		}
	}
	p.looped.closeIdle(before)
}

// parted takes out of all, in its memory, those that out holds of.
func parted[T any](all []*T, out func(*T) bool) (kept, gone []*T) {
	kept = all[:0]
	for _, c := range all {
		if out(c) {
			gone = append(gone, c)
		} else {
			kept = append(kept, c)
		}
	}
	clear(all[len(kept):])
	return kept, gone
}

// Close closes the idle connections, and those of HTTP/2 with the streams on them;
// others lent out are closed as they come back.
func (p *Pool) Close() {
	p.closed.Store(true)
	p.CloseIdle(time.Time{})
	p.closeStreams()
}

// Idle counts the connections at rest.
func (p *Pool) Idle() int {
	n := 0
	for i := range p.shards {
		p.shards[i].mu.Lock()
		n += len(p.shards[i].idle)
		p.shards[i].mu.Unlock()
	}
	return n + p.looped.idle()
}
