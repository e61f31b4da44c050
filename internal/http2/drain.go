package http2

import (
	"encoding/binary"
	"errors"
	"io"
	"time"
)

// goingAway is where a connection stands on its way to the end (RFC 9113 section 6.8).
type goingAway struct {
	state goingState
	said  uint32 // the last id, as we have said it
	peer  bool   // the peer has sent GOAWAY
	timer *time.Timer
}

type goingState uint8

const (
	staying   goingState = iota
	announced            // GOAWAY with the highest id: streams on their way are still served
	last                 // GOAWAY with the last id that is served
)

const (
	// lastAfter is when the last id is said although the peer has not answered our PING.
	lastAfter = time.Second
	// farewell bounds what comes after the last frame: sending it, and reading on so
	// that the peer can read it before the reset that closing with unread bytes sends.
	farewell      = 500 * time.Millisecond
	farewellBytes = 1 << 20
)

// drainPing measures one round trip: when it is answered, the peer has seen the
// first GOAWAY, and what it had sent before is here.
var drainPing = [8]byte{'d', 'r', 'a', 'i', 'n', 'i', 'n', 'g'}

// Drain ends the connection without losing a request: the peer is told to open no
// more streams, those that it has opened until it knows are served, and then the
// connection closes. It may be called from any goroutine, and again.
func (c *Conn) Drain() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.going.state != staying || c.failed {
		return
	}
	if c.handler == nil { // we open no more streams: that is all
		c.going.state = last
		c.settle()
		return
	}
	c.going.state = announced
	b := appendGoAway(c.out.open(), maxID, NoError, "")
	c.out.b = appendPing(b, 0, drainPing)
	c.going.timer = time.AfterFunc(lastAfter, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.sayLast()
		c.flush()
	})
	c.flush()
}

// sayLast tells the peer which stream is the last to be served.
func (c *Conn) sayLast() {
	if c.going.state != announced || c.failed {
		return
	}
	c.going.state, c.going.said = last, c.lastID
	c.out.b = appendGoAway(c.out.open(), c.lastID, NoError, "")
	c.settle()
}

// settle ends the connection when it is going away and no stream is left.
func (c *Conn) settle() {
	if len(c.streams) == 0 && (c.going.state == last || c.going.peer) {
		c.stopReader()
	}
	c.gone.Broadcast()
}

// stopReader makes the reader end.
func (c *Conn) stopReader() {
	c.over = true
	if c.waiting {
		c.timer.Interrupt()
	}
}

// Abort closes the connection under whatever is going on.
func (c *Conn) Abort() {
	c.mu.Lock()
	c.stopReader()
	c.failStreams()
	c.mu.Unlock()
	raw(c.nc).Close()
}

// goAway is the peer's.
func (c *Conn) goAway(f *frame) error {
	switch {
	case f.id != 0:
		return connError(ProtocolError, "GOAWAY on a stream")
	case len(f.payload) < 8:
		return connError(FrameSizeError, "GOAWAY of a wrong size")
	}
	lastID := binary.BigEndian.Uint32(f.payload) & maxID
	code := ErrCode(binary.BigEndian.Uint32(f.payload[4:]))
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.purse.spendNoise(noiseOfSettings, "GOAWAY"); err != nil {
		return err
	}
	c.going.peer = true
	if c.handler == nil {
		c.refuseAbove(lastID)
		c.changed()
	}
	if code != NoError && len(c.streams) == 0 {
		return &ConnError{Code: code, Reason: string(f.payload[8:min(len(f.payload), 264)]), Remote: true}
	}
	c.settle()
	return nil
}

// failStreams tells all streams that the connection has ended.
func (c *Conn) failStreams() {
	c.failed = true
	if c.handler == nil {
		c.out.discard() // or what is unsent might be sent yet
	}
	for _, s := range c.streams {
		err := ErrClosed
		if c.handler == nil && s.batch >= c.out.sent {
			err = errUnsent
		}
		s.lose(err)
	}
	c.out.written.Broadcast()
	c.gone.Broadcast()
}

// end says good-bye, closes the socket and waits for the handlers.
func (c *Conn) end(err error) {
	c.mu.Lock()
	if c.going.timer != nil {
		c.going.timer.Stop()
	}
	if c.past.timer != nil {
		c.past.timer.Stop()
	}
	if c.settingsDue != nil {
		c.settingsDue.Stop()
	}
	broken := c.failed
	if c.handler == nil {
		c.stopWriter()
		c.failStreams()
	}
	code, reason, say := farewellOf(err)
	switch {
	case !say || broken:
	case c.going.state != last:
		c.out.b = appendGoAway(c.out.open(), c.lastID, code, reason)
	case code != NoError: // the last id must not go up (RFC 9113 section 6.8)
		c.out.b = appendGoAway(c.out.open(), c.going.said, code, reason)
	}
	if c.handler != nil {
		c.failStreams()
	}
	c.nc.SetWriteDeadline(time.Now().Add(farewell)) //nolint:errcheck // fails only when closed
	c.flush()
	for c.out.writing {
		c.out.written.Wait()
	}
	broken = broken || c.out.err != nil
	if c.out.err == nil {
		c.out.err = ErrClosed
	}
	c.mu.Unlock()
	if !broken && !errors.Is(err, io.EOF) {
		c.linger()
	}
	c.nc.Close()
	c.in.release()
	c.mu.Lock()
	for len(c.streams) > 0 {
		c.gone.Wait()
	}
	c.dismiss(len(c.workers.idle))
	if c.workers.armed {
		c.workers.timer.Stop()
	}
	c.mu.Unlock()
}

// stopWriter ends a client's writer, so that it is known what has been sent.
func (c *Conn) stopWriter() {
	c.over = true
	c.out.discard()
	c.nc.SetWriteDeadline(time.Now().Add(farewell)) //nolint:errcheck // fails only when closed
	for c.out.writing {
		c.out.written.Wait()
	}
	if c.out.sent == 0 { // not even a preface
		c.out.err = ErrClosed
	}
}

// farewellOf gives what GOAWAY says after err; say is false where nobody would hear it.
func farewellOf(err error) (code ErrCode, reason string, say bool) {
	var fault *ConnError
	switch {
	case errors.As(err, &fault):
		return fault.Code, fault.Reason, !fault.Remote
	case errors.Is(err, errOver):
		return NoError, "", true
	}
	return 0, "", false
}

// linger closes our side and reads on until the peer has closed its own.
func (c *Conn) linger() {
	if t, ok := c.nc.(interface{ CloseWrite() error }); ok {
		t.CloseWrite() //nolint:errcheck // the peer may have gone
	}
	socket := raw(c.nc)
	if t, ok := socket.(interface{ CloseWrite() error }); ok && socket != c.nc {
		t.CloseWrite() //nolint:errcheck // as above
	}
	socket.SetReadDeadline(time.Now().Add(farewell)) //nolint:errcheck // fails only when closed
	mem := inboxes.Get().(*[]byte)
	defer inboxes.Put(mem)
	for left := farewellBytes; left > 0; {
		n, err := socket.Read(*mem)
		if err != nil {
			return
		}
		left -= n
	}
}
