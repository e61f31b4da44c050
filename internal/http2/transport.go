package http2

import (
	"cmp"
	"context"
	"errors"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Transport carries requests to one target over as few connections as will do: a
// second is opened only when the first has no room for another stream, or has had no
// window for what is to be sent for a while.
type Transport struct {
	connect func(ctx context.Context) (net.Conn, error)
	lim     Limits
	most    int // connections

	conns   atomic.Pointer[[]*Conn] // copied when changed
	waiters atomic.Int32
	events  atomic.Uint32 // that waiters should hear of
	wake    chan struct{} // lets one waiter look again
	ctx     context.Context
	cancel  context.CancelFunc
	running sync.WaitGroup

	mu      sync.Mutex
	dialing int
	dials   int // that have ended
	failure error
	ended   time.Time // the last dial; failure is its error
	closed  bool
}

// MaxConnections is how many connections a Transport may have if nobody says otherwise.
const MaxConnections = 256

// NewTransport gives a Transport that connects by dial, with TLS and ALPN h2 or in
// plaintext, and has at most so many connections that take requests; 0 means
// MaxConnections. dial's context ends with Close; how long a connection may take to be
// made is dial's own affair.
func NewTransport(dial func(ctx context.Context) (net.Conn, error), lim Limits, most int) *Transport {
	t := &Transport{connect: dial, lim: lim, most: most, wake: make(chan struct{}, 1)}
	if most == 0 {
		t.most = MaxConnections
	}
	t.conns.Store(new([]*Conn))
	t.ctx, t.cancel = context.WithCancel(context.Background())
	return t
}

// Errors of Open. Nothing was sent.
var (
	// ErrTransportClosed is the error of Open behind Close.
	ErrTransportClosed = errors.New("http2: transport closed")
	// ErrBusy: all connections that there may be have as many streams as they take.
	ErrBusy = errors.New("http2: no room for another stream, and no further connection may be made")
)

// Open begins a request on a connection that has room, or on a new one. It waits, as
// long as ctx lasts, for a connection to be made and for its target to say how many
// streams it takes. Where there may be no further connection it fails at once, with ErrBusy.
func (t *Transport) Open(ctx context.Context, call *Call) (*Stream, error) {
	if s, err := t.Try(call); s != nil || err != nil {
		return s, err
	}
	t.waiters.Add(1)
	defer t.leave()
	began := t.dialed()
	for {
		seen := t.events.Load()
		if s, err := t.Try(call); s != nil || err != nil {
			return s, err
		}
		again, err := t.more(began, seen)
		if err != nil {
			return t.resign(call, err)
		}
		if err := t.wait(ctx, again); err != nil {
			return nil, err
		}
	}
}

// Try begins the request on the first connection that has room. It gives nil where
// there is none: Open waits.
func (t *Transport) Try(call *Call) (*Stream, error) {
	for _, c := range *t.conns.Load() {
		switch s, err := c.Open(call); err {
		case nil:
			return s, nil
		case ErrNotOffered, ErrHeaderList:
			return nil, err
		}
	}
	return nil, nil
}

// resign begins the request where it may have to wait for a connection's window, as there
// is no further connection, for that reason.
func (t *Transport) resign(call *Call, reason error) (*Stream, error) {
	call.patient = true
	if s, err := t.Try(call); s != nil || err != nil {
		return s, err
	}
	return nil, reason
}

// wait waits until it is worth looking again: something has happened, or the time
// given has passed.
func (t *Transport) wait(ctx context.Context, again time.Duration) error {
	if again <= 0 {
		return nil
	}
	timer := time.NewTimer(again)
	defer timer.Stop()
	select {
	case <-t.wake:
	case <-timer.C:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	return nil
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
		t.events.Add(1)
		select {
		case t.wake <- struct{}{}:
		default:
		}
	}
}

func (t *Transport) dialed() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.dials
}

const (
	// redialAfter is how long after a dial that has brought no room none is made, as long as
	// there are other connections to wait for.
	redialAfter = time.Second
	// maxDialing is how many connections are made at a time.
	maxDialing = 8
	// untilWoken is longer than anybody waits.
	untilWoken = time.Hour
)

// more sees that connections are made if there are too few, and says for how long at most
// to wait for room. began is how many dials had ended when the caller began to wait,
// seen are the events before it looked last: what has happened since may have made room.
func (t *Transport) more(began int, seen uint32) (again time.Duration, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	have := t.count()
	coming := have.coming + t.dialing
	rest := redialAfter - time.Since(t.ended)
	vain := t.failure != nil || have.each == 0 // the last dial
	switch {
	case t.closed:
		return 0, ErrTransportClosed
	case t.events.Load() != seen:
		return 0, nil
	case t.dials != began && coming == 0 && vain:
		return 0, cmp.Or(t.failure, ErrBusy)
	case have.open > 0 && coming == 0 && vain && rest > 0:
		return rest, nil
	case coming == 0 && have.open >= t.most:
		return 0, ErrBusy
	}
	t.dialFor(int(t.waiters.Load()), have)
	return untilWoken, nil
}

// dialFor makes connections for so many streams that wait: one as long as it is not known
// how many each takes, or the last took none.
func (t *Transport) dialFor(waiters int, have census) {
	each := have.each
	if each <= 0 {
		each = waiters
	}
	for coming := have.coming + t.dialing; coming*each < waiters && coming < maxDialing && have.open+t.dialing < t.most; coming++ {
		t.dialing++
		t.running.Go(t.dial)
	}
}

// census is what is known of the connections.
type census struct {
	open   int // they take requests
	coming int // and their targets have not said how many, or they are ending without having taken any
	each   int // how many the newest takes of which that is known; -1: none
}

func (t *Transport) count() census {
	n := census{each: -1}
	for _, c := range *t.conns.Load() {
		c.mu.Lock()
		switch {
		case !c.open() && c.barren():
			n.coming++
		case !c.open():
		case c.greeted:
			n.open++
			n.each = c.places()
		default:
			n.open++
			n.coming++
		}
		c.mu.Unlock()
	}
	return n
}

// barren reports whether no stream has been opened.
func (c *Conn) barren() bool { return c.nextID == 1 }

// lesson is what the newest connection has learnt, which holds for the next as well.
func (t *Transport) lesson() lesson {
	conns := *t.conns.Load()
	if len(conns) == 0 {
		return lesson{}
	}
	c := conns[len(conns)-1]
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.lesson
}

// dial makes a connection and runs it until it ends.
func (t *Transport) dial() {
	nc, err := t.connect(t.ctx)
	t.mu.Lock()
	t.dialing--
	t.dials++
	made := time.Now()
	t.failure, t.ended = err, made
	if err != nil || t.closed {
		t.mu.Unlock()
		if nc != nil {
			nc.Close()
		}
		t.signal()
		return
	}
	c := NewClientConn(nc, t.lim)
	c.freed, c.lesson = t.signal, t.lesson()
	t.replace(nil, c)
	t.mu.Unlock()
	t.signal()
	c.Serve() //nolint:errcheck // each stream gets to know
	t.mu.Lock()
	if now := time.Now(); c.barren() && now.Sub(made) < redialAfter {
		t.failure, t.ended = errBarren, now // as good as none
	}
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
