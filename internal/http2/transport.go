package http2

import (
	"context"
	"errors"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Transport carries requests to one target over as few connections as will do: a
// second is opened only when the first has no room for another stream.
type Transport struct {
	connect func(ctx context.Context) (net.Conn, error)
	lim     Limits
	most    int // connections

	conns   atomic.Pointer[[]*Conn] // copied when changed
	dials   atomic.Int32            // that have ended
	waiters atomic.Int32
	wake    chan struct{} // lets one waiter look again
	ctx     context.Context
	cancel  context.CancelFunc
	running sync.WaitGroup

	mu       sync.Mutex
	dialing  bool
	closed   bool
	failure  error // of the last dial
	failedAt time.Time
}

// NewTransport gives a Transport that connects by dial, with TLS and ALPN h2 or in
// plaintext, and has at most so many connections; 0 means 8. Requests that find no
// room wait. dial's context ends with Close; how long a connection may take to be
// made is dial's own affair.
func NewTransport(dial func(ctx context.Context) (net.Conn, error), lim Limits, most int) *Transport {
	t := &Transport{connect: dial, lim: lim, most: most, wake: make(chan struct{}, 1)}
	if most == 0 {
		t.most = 8
	}
	t.conns.Store(new([]*Conn))
	t.ctx, t.cancel = context.WithCancel(context.Background())
	return t
}

// ErrTransportClosed is the error of Open behind Close.
var ErrTransportClosed = errors.New("http2: transport closed")

// Open begins a request on a connection that has room, or on a new one. It waits,
// as long as ctx lasts, for a connection to be made or for a place to become free.
func (t *Transport) Open(ctx context.Context, call *Call) (*Stream, error) {
	if s, err := t.try(call); s != nil || err != nil {
		return s, err
	}
	t.waiters.Add(1)
	defer t.leave()
	for {
		seen := t.dials.Load()
		if s, err := t.try(call); s != nil || err != nil {
			return s, err
		}
		if err := t.more(seen); err != nil {
			return nil, err
		}
		select {
		case <-t.wake:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
		if err := t.failedSince(seen); err != nil {
			return nil, err
		}
	}
}

// try begins the request on the first connection that has room.
func (t *Transport) try(call *Call) (*Stream, error) {
	for _, c := range *t.conns.Load() {
		switch s, err := c.Open(call); err {
		case nil:
			return s, nil
		case ErrNotOffered:
			return nil, err
		}
	}
	return nil, nil
}

// leave ends a wait; the next waiter looks, too.
func (t *Transport) leave() {
	t.waiters.Add(-1)
	t.signal()
}

// signal lets one waiter look again, if there is any. It takes no lock: connections
// call it under theirs.
func (t *Transport) signal() {
	if t.waiters.Load() > 0 {
		select {
		case t.wake <- struct{}{}:
		default:
		}
	}
}

// redialAfter is how long after a failed dial none is made as long as there are
// other connections to wait for.
const redialAfter = time.Second

// more sees that another connection is made, if there may be one. seen is the
// number of dials before the caller looked for room: if one has ended since, there
// may be room now, and the caller is to look again.
func (t *Transport) more(seen int32) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := t.count()
	switch {
	case t.closed:
		return ErrTransportClosed
	case t.dials.Load() != seen:
		t.signal()
	case t.dialing, n >= t.most, n > 0 && t.failure != nil && time.Since(t.failedAt) < redialAfter:
	default:
		t.dialing = true
		t.running.Go(t.dial)
	}
	return nil
}

// count gives the number of connections that take requests.
func (t *Transport) count() (n int) {
	for _, c := range *t.conns.Load() {
		c.mu.Lock()
		if c.open() {
			n++
		}
		c.mu.Unlock()
	}
	return n
}

// failedSince gives the error of a dial that ended after seen, if there is no
// connection to wait for instead.
func (t *Transport) failedSince(seen int32) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case t.closed:
		return ErrTransportClosed
	case t.dials.Load() != seen && t.failure != nil && t.count() == 0:
		return t.failure
	}
	return nil
}

// dial makes a connection and runs it until it ends.
func (t *Transport) dial() {
	nc, err := t.connect(t.ctx)
	t.mu.Lock()
	t.dialing, t.failure, t.failedAt = false, err, time.Now()
	if err != nil || t.closed {
		t.dials.Add(1)
		t.mu.Unlock()
		if nc != nil {
			nc.Close()
		}
		t.signal()
		return
	}
	c := NewClientConn(nc, t.lim)
	c.freed = t.signal
	t.replace(nil, c)
	t.dials.Add(1)
	t.mu.Unlock()
	t.signal()
	c.Serve() //nolint:errcheck // each stream gets to know
	t.mu.Lock()
	t.replace(c, nil)
	t.mu.Unlock()
	t.signal()
}

// replace changes the list of connections.
func (t *Transport) replace(out, in *Conn) {
	conns := slices.DeleteFunc(slices.Clone(*t.conns.Load()), func(c *Conn) bool { return c == out })
	if in != nil {
		conns = append(conns, in)
	}
	t.conns.Store(&conns)
}

// Drain lets streams under way end and closes the connections behind them. Requests
// that come after it get new connections.
func (t *Transport) Drain() {
	for _, c := range *t.conns.Load() {
		c.Drain()
	}
}

// Close ends all connections and waits until they are gone, and with them all
// streams: each must be released.
func (t *Transport) Close() {
	t.mu.Lock()
	t.closed = true
	t.cancel()
	conns := *t.conns.Load()
	t.mu.Unlock()
	for _, c := range conns {
		c.Abort()
	}
	t.signal()
	t.running.Wait()
}
