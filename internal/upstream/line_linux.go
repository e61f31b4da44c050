package upstream

import (
	"errors"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/albatross-lb/albatross/internal/sock"
)

// Line is a plaintext connection to a target that an event loop waits on, lent to one
// request at a time. While it is at rest, who holds the lock of its lines may take it.
type Line struct {
	sock.Polled
	Reused   bool // it has carried a request before
	Doubtful bool // it is to be looked at before it carries another

	pool *Pool
	used time.Time // when it was put back
	user User      // nil: it is at rest
}

// User is who a Line is lent to.
type User interface {
	// Answer is called, by the loop, when something has come about on the line.
	Answer(events uint32)
}

// lines are those at rest of one loop.
type lines struct {
	mu   sync.Mutex
	idle []*Line
	_    [64]byte // on cache lines of their own
}

// looped is what a Pool has for event loops, by their number, since the first line.
type looped struct{ made atomic.Pointer[[]lines] }

func (p *looped) all() []lines {
	all := p.made.Load()
	if all == nil {
		first := make([]lines, len(sock.Loops()))
		p.made.CompareAndSwap(nil, &first)
		all = p.made.Load()
	}
	return *all
}

func (p *looped) of(loop *sock.Loop) *lines { return &p.all()[loop.Number] }

// Line lends a connection at rest that its target has not closed as far as can be seen, or
// gives nil. Loops hear of what comes on connections at rest, and what was heard counts for a
// request that may be repeated; for others the connection is looked at once more. The loop's own
// come first, then those of other loops, and of goroutines.
func (p *Pool) Line(loop *sock.Loop, user User, now time.Time, repeatable bool) *Line {
	all := p.looped.all()
	own := &all[loop.Number]
	if l := own.take(repeatable, func(l *Line) { l.user = user }); l != nil {
		return l
	}
	for i := 1; i < len(all); i++ {
		other := &all[(loop.Number+i)%len(all)]
		fd := -1
		if l := other.take(repeatable, func(l *Line) { fd = l.Release() }); l != nil {
			return p.enter(fd, loop, user, true)
		}
	}
	if c := p.atRest(uint32(loop.Number), now, repeatable); c != nil {
		if fd, err := c.Sock.Detach(); err == nil {
			return p.enter(fd, loop, user, true)
		}
	}
	return nil
}

// take takes the line that was used last; with does what makes it someone's.
func (at *lines) take(repeatable bool, with func(*Line)) *Line {
	at.mu.Lock()
	defer at.mu.Unlock()
	for n := len(at.idle); n > 0; n-- {
		l := at.idle[n-1]
		at.idle[n-1] = nil
		at.idle = at.idle[:n-1]
		if repeatable && !l.Doubtful || l.alive() {
			l.Reused = true
			with(l)
			return l
		}
		l.Close(false)
	}
	return nil
}

// enter makes a line of a descriptor; nil if the loop cannot wait on it.
func (p *Pool) enter(fd int, loop *sock.Loop, user User, reused bool) *Line {
	l := &Line{pool: p, user: user, Reused: reused}
	if err := loop.Enter(&l.Polled, fd, l, true); err != nil {
		sock.CloseFD(fd, false)
		return nil
	}
	return l
}

// NewLine begins to open a connection: it is open when its first event is not that it has broken off.
func (p *Pool) NewLine(loop *sock.Loop, user User) (*Line, error) {
	fd, err := sock.BeginConnect(p.at, nil)
	if err != nil {
		return nil, err
	}
	if l := p.enter(fd, loop, user, false); l != nil {
		return l, nil
	}
	return nil, errNoRoom
}

var errNoRoom = errors.New("no room for another descriptor to wait on")

// Event is called by the loop. On a line at rest, whatever comes is an end, or what nobody has asked for.
func (l *Line) Event(loop *sock.Loop, _ *sock.Polled, events uint32) {
	if user := l.told(loop, events); user != nil {
		user.Answer(events)
	}
}

// told gives the user to be told. A line that another has taken meanwhile has none, and is closed by nobody.
func (l *Line) told(loop *sock.Loop, events uint32) User {
	at := l.pool.looped.of(loop)
	at.mu.Lock()
	defer at.mu.Unlock()
	if l.user == nil && events&sock.Readable != 0 {
		l.Close(false) // nothing, of one that was taken
		at.idle = slices.DeleteFunc(at.idle, func(other *Line) bool { return other == l })
	}
	return l.user
}

func (l *Line) alive() bool {
	_, errno := l.Peek()
	return errno == syscall.EAGAIN
}

// PutLine takes a line back whose answer has been read to its end.
func (p *Pool) PutLine(l *Line, now time.Time) {
	at := p.looped.of(l.Loop())
	at.mu.Lock()
	defer at.mu.Unlock()
	l.user, l.used = nil, now
	if p.closed.Load() || len(at.idle) >= maxIdle { // Close sets closed before it asks for the lock
		l.Close(false)
		return
	}
	at.idle = append(at.idle, l)
}

// line lends one as a connection for a goroutine.
func (p *looped) line(repeatable bool) *Conn {
	if p.made.Load() == nil {
		return nil
	}
	all := p.all()
	for i := range all {
		var c *Conn
		if all[i].take(repeatable, func(l *Line) { c = l.Conn() }) != nil {
			return c
		}
	}
	return nil
}

// Conn gives the line to Go's poller, for goroutines: it is no Line any more.
func (l *Line) Conn() *Conn {
	fd := l.Release()
	sock.KeepAlive(fd) //nolint:errcheck // goroutines wait long; without it, until their time is up
	s := sock.Adopt(fd, l.pool.at, netip.AddrPort{})
	l.pool.watch.Add(s)
	return &Conn{Conn: s, Sock: s, Reused: l.Reused, pool: l.pool}
}

// Finish gives a line that is being opened to Go's poller. What it returns waits until it is open.
func (l *Line) Finish() func(deadline time.Time) (*Conn, error) {
	p, fd := l.pool, l.Release()
	sock.KeepAlive(fd) //nolint:errcheck // as in Conn
	return func(deadline time.Time) (*Conn, error) {
		s, err := sock.Finish(fd, p.at, deadline)
		if err != nil {
			return nil, &net.OpError{Op: "dial", Net: "tcp", Addr: net.TCPAddrFromAddrPort(p.at), Err: err}
		}
		p.watch.Add(s)
		return &Conn{Conn: s, Sock: s, pool: p}, nil
	}
}

// closeIdle closes lines that were put back before the given time; all of them for the zero time.
func (p *looped) closeIdle(before time.Time) {
	p.each(func(at *lines) {
		var old []*Line
		at.idle, old = parted(at.idle, func(l *Line) bool { return before.IsZero() || l.used.Before(before) })
		for _, l := range old {
			l.Close(false)
		}
	})
}

func (p *looped) idle() (n int) {
	p.each(func(at *lines) { n += len(at.idle) })
	return n
}

func (p *looped) each(do func(at *lines)) {
	if p.made.Load() == nil {
		return
	}
	all := p.all()
	for i := range all {
		all[i].mu.Lock()
		do(&all[i])
		all[i].mu.Unlock()
	}
}
