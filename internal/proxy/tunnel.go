package proxy

import (
	"errors"
	"io"
	"os"
	"sync/atomic"
	"time"

	"github.com/albatross-lb/albatross/internal/upstream"
)

// tunnel passes bytes both ways after a 101 until both sides are done, nothing has
// moved for the idle timeout, or the target's deregistration delay is over.
func (e *exchange) tunnel(c *upstream.Conn, head int) {
	defer c.Close()
	e.keep = false
	e.rec.Status = 101
	e.rec.Type = "ws"
	if e.socket.Secure {
		e.rec.Type = "wss"
	}
	if e.open(e.responseLines(e.out[:0], false), false) != nil || e.write(e.out, false) != nil {
		return
	}
	e.rec.ResponseTime = e.active.Sub(e.start) - e.rec.RequestTime - e.rec.TargetTime
	e.up.r += head
	if rest := e.up.bytes(); len(rest) > 0 && e.write(rest, false) != nil {
		return
	}
	idle := e.listener.LoadBalancer.Attributes.IdleTimeout
	t := &tunnel{e: e, c: c, idle: idle}
	t.moved.Store(time.Now().UnixNano())
	done := make(chan int64)
	go func() { done <- t.upward() }()
	e.rec.Sent += t.downward()
	e.rec.Received += <-done
}

// tunnel is the two directions of an upgraded connection.
type tunnel struct {
	e     *exchange
	c     *upstream.Conn
	idle  time.Duration
	moved atomic.Int64
	over  atomic.Bool
}

// stop ends both directions.
func (t *tunnel) stop() {
	t.over.Store(true)
	t.e.peer.interrupt()
	t.c.Sock.Interrupt()
}

// upward copies from the client to the target, first what was read with the request.
func (t *tunnel) upward() (n int64) {
	client := t.e.peer
	first := t.e.in.bytes()[t.e.head+len(t.e.sent):]
	if p := t.e.pump; p != nil { // the rest of the request's body goes first
		<-p.ended
		first = p.left
	}
	if len(first) > 0 {
		if _, err := t.c.Write(first); err != nil {
			t.stop()
			return 0
		}
	}
	return int64(len(first)) + t.copy(client, t.c.Write, t.c.CloseWrite, client.setReadIdle, t.c.Sock.SetWriteIdle)
}

// downward copies from the target to the client.
func (t *tunnel) downward() int64 {
	client := t.e.peer
	send := func(p []byte) (int, error) { return client.send(p, false, nil) }
	return t.copy(t.c, send, client.closeSend, t.c.Sock.SetReadIdle, client.setWriteIdle)
}

// copy passes on what one side sends until that side is done, which is passed on, too:
// the other may still finish. Anything else that ends it ends both directions.
func (t *tunnel) copy(from io.Reader, write func([]byte) (int, error), done func() error, readIdle, writeIdle func(time.Time, time.Duration)) (total int64) {
	mem := buffers.Get().(*[]byte)
	defer buffers.Put(mem)
	for {
		readIdle(time.Now(), min(tick, t.idle))
		n, err := readSome(from, *mem)
		now := time.Now()
		switch {
		case err == nil:
			t.moved.Store(now.UnixNano())
		case err == io.EOF && done() == nil:
			return total
		case errors.Is(err, os.ErrDeadlineExceeded) && !t.over.Load() && !t.e.target.Ended.Load() &&
			now.Sub(time.Unix(0, t.moved.Load())) < t.idle:
			continue
		default:
			t.stop()
			return total
		}
		writeIdle(now, t.idle)
		n, err = write((*mem)[:n])
		total += int64(n)
		if err != nil {
			t.stop()
			return total
		}
	}
}
