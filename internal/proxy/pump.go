package proxy

import (
	"errors"
	"os"
	"sync/atomic"
	"time"

	"github.com/albatross-lb/albatross/internal/http1"
	"github.com/albatross-lb/albatross/internal/upstream"
)

// pump sends the part of a request's body that is still to come, in a goroutine of
// its own, while the session waits for the response: a target may answer before it
// has read everything, or never read the rest. Back-pressure is the sockets' own:
// the pump reads from the client only what it has written to the target.
type pump struct {
	ended    chan struct{}
	moved    atomic.Int64 // when bytes last moved, Unix nanoseconds
	reading  atomic.Bool  // the client is waited for
	some     atomic.Bool  // something has come
	last     atomic.Bool  // what is being sent is the end of the body
	stop     atomic.Bool  // nobody needs the rest
	expects  bool         // the client waits for 100 Continue first
	received int64        // read after ended
	left     []byte       // what was read beyond the body's end
	mem      *[]byte
	client   error // what was wrong on the client's side
	upstream error // what was wrong on the target's
}

func startPump(e *exchange, c *upstream.Conn) *pump {
	p := &pump{ended: make(chan struct{}), mem: largeBuffers.Get().(*[]byte), expects: e.req.Expect100}
	p.moved.Store(time.Now().UnixNano())
	go p.run(e.peer, &e.body, c, e.listener.LoadBalancer.Attributes.IdleTimeout)
	return p
}

// run copies until the body ends or a side fails. Then the session, which may be
// waiting for a response that cannot come, is woken up.
func (p *pump) run(client peer, body *http1.Body, c *upstream.Conn, idle time.Duration) {
	defer close(p.ended)
	for {
		client.setReadIdle(time.Now(), idle)
		if p.stop.Load() { // the interruption may have come before, and its deadline be forgotten
			p.client = os.ErrDeadlineExceeded
			break
		}
		p.reading.Store(true)
		n, err := readSome(client, *p.mem)
		p.reading.Store(false)
		if err != nil {
			p.client = err
			break
		}
		p.some.Store(true)
		p.moved.Store(time.Now().UnixNano())
		used, done, err := body.Scan((*p.mem)[:n])
		p.received += int64(used)
		if err != nil {
			p.client = err
			break
		}
		c.Sock.SetWriteIdle(time.Now(), idle)
		p.last.Store(done)
		if _, err := c.Write((*p.mem)[:used]); err != nil {
			p.upstream = err // there may be a response all the same
			return
		}
		if done {
			p.left = (*p.mem)[used:n]
			return
		}
	}
	c.Sock.Interrupt()
}

func (p *pump) done() bool {
	select {
	case <-p.ended:
		return true
	default:
		return false
	}
}

// whole tells whether all of the body has been sent.
func (p *pump) whole() bool { return p.done() && p.client == nil && p.upstream == nil }

// lastWrite is how long the end of a body may take to be sent when the target has answered already.
const lastWrite = time.Second

// finished is whole for an answer that has just come. A target that has read all of the body may have answered before
// the pump could say that it has sent it. So the pump is waited for where it is sending the body's end, which takes no
// time if the target has that; one that has not, and answers all the same, is answered a moment later.
func (p *pump) finished() bool {
	if p.last.Load() && !p.done() {
		patience := time.NewTimer(lastWrite)
		defer patience.Stop()
		select {
		case <-p.ended:
		case <-patience.C:
		}
	}
	return p.whole()
}

// failed tells whether the body broke off on the client's side.
func (p *pump) failed() bool { return p.done() && p.client != nil }

func (p *pump) lastMoved() time.Time { return time.Unix(0, p.moved.Load()) }

// failure gives status and reason for a body that broke off.
func (p *pump) failure() (int, string) {
	var bad *http1.Error
	switch {
	case !p.done():
		return 408, "ClientIdle" // blamed by waitOn
	case errors.Is(p.client, os.ErrDeadlineExceeded) && !p.blame():
		return 504, "TargetIdle"
	case errors.As(p.client, &bad):
		return 400, bad.Reason
	case errors.Is(p.client, os.ErrDeadlineExceeded):
		return 408, "ClientIdle"
	}
	return 400, "ClientClosedInBody"
}

// blame tells whether it is the client that nothing comes from. One that waits for 100
// Continue has a reason to say nothing.
func (p *pump) blame() bool { return !p.expects || p.some.Load() }

// settle ends the pump at the end of the exchange. It reports whether the client's
// connection stands at the next request.
func (p *pump) settle(e *exchange) bool {
	if !p.done() {
		p.stop.Store(true)
		e.peer.interrupt()
		<-p.ended
		e.peer.resume()
	}
	e.rec.Received += p.received
	return p.whole()
}

// handBack gives the client's connection what was read beyond the body's end, once
// nothing refers to the request's head any more.
func (p *pump) handBack(e *exchange) {
	if p.whole() {
		e.in.r, e.in.w = 0, 0
		e.in.put(p.left)
	}
	largeBuffers.Put(p.mem)
}
