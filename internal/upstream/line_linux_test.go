package upstream

import (
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/albatross-lb/albatross/internal/sock"
)

// answers is a user that tells of what it is told.
type answers chan uint32

func (a answers) Answer(events uint32) { a <- events }

// line opens one on a loop, with the target's side of it.
func line(t *testing.T, p *Pool, loop *sock.Loop, accepted chan net.Conn) (*Line, net.Conn) {
	t.Helper()
	user := make(answers, 8)
	l, err := p.NewLine(loop, user)
	if err != nil {
		t.Fatal(err)
	}
	if events := <-user; events&sock.Writable == 0 || events&sock.BrokenOff != 0 {
		t.Fatalf("events %x", events)
	}
	peer := <-accepted
	t.Cleanup(func() { peer.Close() })
	return l, peer
}

// locked does what a loop would while it tells its owners.
func locked(loop *sock.Loop, do func()) {
	loop.Lock()
	defer loop.Unlock()
	do()
}

// lent takes a line as loop would.
func lent(p *Pool, loop *sock.Loop, repeatable bool) (l *Line) {
	locked(loop, func() { l = p.Line(loop, make(answers, 8), time.Now(), repeatable) })
	return l
}

// goesTo insists that what is sent on l arrives at peer.
func goesTo(t *testing.T, l *Line, peer net.Conn) {
	t.Helper()
	l.Send([]byte("!"))
	peer.SetReadDeadline(time.Now().Add(time.Minute))
	if _, err := io.ReadFull(peer, make([]byte, 1)); err != nil {
		t.Error("it is another connection: ", err)
	}
}

// over insists that the connection has been closed.
func over(t *testing.T, peer net.Conn) {
	t.Helper()
	peer.SetReadDeadline(time.Now().Add(time.Minute))
	if _, err := peer.Read(make([]byte, 1)); err != io.EOF {
		t.Error("it is open: ", err)
	}
}

// unread waits for something to read.
func unread(l *Line) {
	for _, errno := l.Peek(); errno == syscall.EAGAIN; _, errno = l.Peek() {
		time.Sleep(time.Millisecond)
	}
}

// A loop's own lines come first, the one used last before the others, then those of other loops,
// then the connections of goroutines.
func TestLinesOrder(t *testing.T) {
	loops := sock.Loops()
	if len(loops) < 2 {
		t.Skip("there is one loop")
	}
	addr, accepted := target(t)
	p := NewPool(addr, false, NewWatch())
	old, oldPeer := line(t, p, loops[0], accepted)
	own, ownPeer := line(t, p, loops[0], accepted)
	other, otherPeer := line(t, p, loops[1], accepted)
	c := dial(t, p)
	peer := <-accepted
	now := time.Now()
	p.Put(0, c, now)
	locked(loops[1], func() { p.PutLine(other, now) })
	locked(loops[0], func() { p.PutLine(old, now); p.PutLine(own, now) })
	if p.Idle() != 4 {
		t.Errorf("%d are at rest", p.Idle())
	}
	var taken *Line // that was the other loop's
	for i, want := range []net.Conn{ownPeer, oldPeer, otherPeer, peer} {
		l := lent(p, loops[0], i%2 == 0)
		if l == nil {
			t.Fatalf("no line for turn %d", i)
		}
		defer locked(loops[0], func() { l.Close(false) })
		if want == otherPeer {
			taken = l
		}
		if l.Loop() != loops[0] || !l.Reused {
			t.Errorf("turn %d: it is not the loop's, or new", i)
		}
		goesTo(t, l, want)
	}
	if l := lent(p, loops[0], true); l != nil || p.Idle() != 0 {
		t.Errorf("one more line: %v; %d are at rest", l, p.Idle())
	}
	// The line that was another loop's is none of that one's any more, whatever it is about to be told of it: not even to
	// be closed.
	locked(loops[1], func() { other.Event(loops[1], nil, sock.Readable) })
	goesTo(t, taken, otherPeer)
}

// A line that its target has closed, or spoken on unasked, is closed when its loop hears of that.
func TestLinesAtRestAreWatched(t *testing.T) {
	loop := sock.Loops()[0]
	addr, accepted := target(t)
	p := NewPool(addr, false, NewWatch())
	closed, closedPeer := line(t, p, loop, accepted)
	noisy, noisyPeer := line(t, p, loop, accepted)
	locked(loop, func() { p.PutLine(closed, time.Now()); p.PutLine(noisy, time.Now()) })
	closedPeer.Close()
	noisyPeer.Write([]byte("HTTP/1.1 408 Request Timeout\r\n\r\n"))
	for closed.Loop() != nil || noisy.Loop() != nil {
		time.Sleep(time.Millisecond)
	}
	if l := lent(p, loop, true); l != nil {
		t.Error("one of them is lent")
	}
	if c := p.Get(0, time.Now(), true); c != nil {
		t.Error("a goroutine is lent one of them")
	}
}

// What the loop has not been told of yet counts only for a request that must not be
// repeated, and on a line that is in doubt.
func TestLinesAreLookedAt(t *testing.T) {
	loop := sock.Loops()[0]
	addr, accepted := target(t)
	p := NewPool(addr, false, NewWatch())
	for _, c := range []struct{ repeatable, doubtful, lent bool }{{true, false, true}, {false, false, false}, {true, true, false}} {
		l, peer := line(t, p, loop, accepted)
		locked(loop, func() {
			peer.Close()
			unread(l)
			l.Doubtful = c.doubtful
			p.PutLine(l, time.Now())
			got := p.Line(loop, make(answers, 8), time.Now(), c.repeatable)
			if (got == l) != c.lent {
				t.Errorf("repeatable %v, doubtful %v: lent %v", c.repeatable, c.doubtful, got == l)
			}
			l.Close(false)
		})
	}
	l, _ := line(t, p, loop, accepted) // and what is as it was left is lent however much it is looked at
	locked(loop, func() {
		l.Doubtful = true
		p.PutLine(l, time.Now())
		if p.Line(loop, make(answers, 8), time.Now(), false) != l {
			t.Error("a good line is not lent")
		}
		l.Close(false)
	})
}

func TestLinesCloseIdleAndClose(t *testing.T) {
	loop := sock.Loops()[0]
	addr, accepted := target(t)
	p := NewPool(addr, false, NewWatch())
	p.CloseIdle(time.Time{}) // before there is any
	old, oldPeer := line(t, p, loop, accepted)
	young, youngPeer := line(t, p, loop, accepted)
	out, outPeer := line(t, p, loop, accepted)
	now := time.Now()
	locked(loop, func() { p.PutLine(old, now.Add(-time.Minute)); p.PutLine(young, now) })
	p.CloseIdle(now.Add(-time.Second))
	over(t, oldPeer)
	if p.Idle() != 1 {
		t.Errorf("%d are at rest, want the young one", p.Idle())
	}
	p.Close()
	over(t, youngPeer)
	goesTo(t, out, outPeer) // whoever has it goes on
	locked(loop, func() { p.PutLine(out, now) })
	over(t, outPeer)
	if p.Idle() != 0 {
		t.Errorf("%d are at rest in a closed pool", p.Idle())
	}
}

// No more than maxIdle are kept.
func TestLinesThatAreTooMany(t *testing.T) {
	loop := sock.Loops()[0]
	addr, accepted := target(t)
	p := NewPool(addr, false, NewWatch())
	defer p.Close()
	l, peer := line(t, p, loop, accepted)
	at := p.looped.of(loop)
	locked(loop, func() {
		at.idle = make([]*Line, maxIdle-1, maxIdle+1)
		for i := range at.idle {
			at.idle[i] = new(Line)
		}
		p.PutLine(l, time.Now())
		if l.Loop() != loop {
			t.Error("the last that there is room for is closed")
		}
		p.Line(loop, make(answers, 8), time.Now(), true)
		at.idle = append(at.idle, new(Line))
		p.PutLine(l, time.Now())
	})
	over(t, peer)
}

// A goroutine that finds nothing of its own takes a line, which is a connection from then on.
func TestGetTakesLines(t *testing.T) {
	loop := sock.Loops()[0]
	addr, accepted := target(t)
	p := NewPool(addr, false, NewWatch())
	l, peer := line(t, p, loop, accepted)
	locked(loop, func() { p.PutLine(l, time.Now()) })
	c := p.Get(3, time.Now(), false)
	if c == nil || !c.Reused || !c.Plain() || l.Loop() != nil || p.Idle() != 0 {
		t.Fatalf("got %+v; the line's loop is %v", c, l.Loop())
	}
	defer c.Close()
	peer.Write([]byte("answer"))
	b := make([]byte, 6)
	if _, err := io.ReadFull(c, b); string(b) != "answer" || err != nil {
		t.Errorf("read %q, %v", b, err)
	}
	p.Put(3, c, time.Now())
	if p.Idle() != 1 || p.Get(3, time.Now(), false) != c {
		t.Error("it is not kept")
	}
}

// A line that is not open yet can be waited for by a goroutine.
func TestFinish(t *testing.T) {
	loop := sock.Loops()[0]
	addr, accepted := target(t)
	p := NewPool(addr, false, NewWatch())
	var finish func(time.Time) (*Conn, error)
	locked(loop, func() {
		l, err := p.NewLine(loop, make(answers, 8))
		if err != nil {
			t.Fatal(err)
		}
		finish = l.Finish()
	})
	c, err := finish(time.Now().Add(time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	(<-accepted).Close()
	over(t, c)
	c.Close()
}

// asker asks a target again and again, in a loop, as a session does.
type asker struct {
	t      *testing.T
	p      *Pool
	loop   *sock.Loop
	random *rand.Rand
	line   *Line
	open   bool // it is connected
	sent   byte
	left   int
	over   func()
}

// next asks, on a line that is at rest or on a new one.
func (a *asker) next() {
	if a.left--; a.left < 0 {
		a.over()
		return
	}
	if a.line = a.p.Line(a.loop, a, time.Now(), a.random.IntN(2) == 0); a.line != nil {
		a.ask()
		return
	}
	a.open = false
	var err error
	if a.line, err = a.p.NewLine(a.loop, a); err != nil {
		a.t.Error(err)
		a.over()
	}
}

func (a *asker) ask() {
	a.open = true
	a.sent = byte(a.random.Uint32())
	a.line.Send([]byte{a.sent}) // what goes wrong will be heard of
}

func (a *asker) Answer(events uint32) {
	if !a.open && events&sock.Writable != 0 {
		a.ask()
	}
	if events&sock.Readable == 0 {
		return
	}
	b := make([]byte, 2)
	n, errno := a.line.Recv(b)
	switch {
	case errno == syscall.EAGAIN:
		return
	case n == 1 && b[0] == a.sent && events&sock.Ended == 0 && a.random.IntN(16) > 0:
		a.p.PutLine(a.line, time.Now())
	case n == 1 && b[0] == a.sent || n <= 0: // enough of it, or closed by the target
		a.line.Close(a.random.IntN(2) == 0)
	default:
		a.t.Errorf("read %v, %v, after %d was sent", b[:max(n, 0)], errno, a.sent)
		a.line.Close(false)
	}
	a.next()
}

// Loops and goroutines take each other's connections, which a target closes now and then, and
// each gets the answers to what it has asked.
func TestLinesUnderPressure(t *testing.T) {
	var open atomic.Int64
	addr := echoing(t, &open)
	p := NewPool(addr, false, NewWatch())
	var all sync.WaitGroup
	for i := range 8 {
		loop := sock.Loops()[i%len(sock.Loops())]
		a := &asker{t: t, p: p, loop: loop, random: rand.New(rand.NewPCG(uint64(i), 1)), left: 1000, over: all.Done}
		all.Add(1)
		locked(loop, a.next)
	}
	for i := range 4 {
		all.Go(func() {
			random := rand.New(rand.NewPCG(uint64(i), 2))
			for range 500 {
				if random.IntN(64) == 0 {
					p.CloseIdle(time.Now().Add(-time.Millisecond))
				}
				c := p.Get(uint32(i), time.Now(), random.IntN(2) == 0)
				if c == nil {
					var err error
					if c, err = p.Dial(t.Context()); err != nil {
						continue // the target may be that quick to reset it
					}
				}
				b := []byte{byte(random.Uint32()), 0}
				c.Write(b[:1])
				n, err := c.Read(b[1:])
				switch {
				case n == 1 && b[1] == b[0]:
					p.Put(uint32(i), c, time.Now())
				case err != nil:
					c.Close()
				default:
					t.Errorf("read %v after %d was sent", b[1:], b[0])
				}
			}
		})
	}
	all.Wait()
	p.Close()
	for end := time.Now().Add(time.Minute); open.Load() > 0; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d connections are left", open.Load())
		}
	}
}

// echoing is a target that answers with the byte that it is sent, and closes a connection now and then.
func echoing(t *testing.T, open *atomic.Int64) netip.AddrPort {
	addr, accepted := target(t)
	go func() {
		for number := uint64(0); ; number++ {
			var c net.Conn
			select {
			case c = <-accepted:
			case <-t.Context().Done():
				return
			}
			open.Add(1)
			go func() {
				defer open.Add(-1)
				defer c.Close()
				random, b := rand.New(rand.NewPCG(number, 3)), make([]byte, 1)
				for random.IntN(32) > 0 {
					if _, err := c.Read(b); err != nil {
						return
					}
					c.Write(b)
				}
				if random.IntN(2) == 0 {
					c.(*net.TCPConn).SetLinger(0)
				}
			}()
		}
	}()
	return addr
}
