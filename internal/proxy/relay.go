package proxy

import (
	"errors"
	"io"
	"os"
	"time"

	"github.com/albatross-lb/albatross/internal/http1"
	"github.com/albatross-lb/albatross/internal/upstream"
)

// relay sends the response whose head lies in e.up on to the client. It reports
// whether the target's connection can carry another request.
func (e *exchange) relay(c *upstream.Conn, head int, idle time.Duration) (reuse bool) {
	done, err := e.relayFirst(head)
	return e.relayRest(c, idle, done, err)
}

// relayFirst sends the head and what of the body is with it.
func (e *exchange) relayFirst(head int) (done bool, err error) {
	e.rec.Status = e.resp.Status
	if e.resp.Framing == http1.UntilClose || e.pump != nil && !e.pump.finished() {
		e.keep = false // the end of the connection is the end of the body; or the target did not wait for the request's end
	}
	e.answer.ResetAnswer(e.resp.Framing, e.resp.ContentLength)
	e.plain = e.resp.Framing == http1.Chunked && (e.req.Minor == 0 || e.h2) // neither knows chunks
	if e.plain && !e.h2 {
		e.keep = false
	}
	e.up.r += head
	if err = e.open(e.responseLines(e.out[:0], e.plain), e.answer.Done()); err != nil {
		return false, err
	}
	if done, err = e.take(e.plain); err != nil {
		if !e.h2 {
			return false, e.malformed(err)
		}
		return false, err
	}
	err = e.write(e.out, done)
	e.rec.ResponseTime = e.active.Sub(e.start) - e.rec.RequestTime - e.rec.TargetTime
	return done, err
}

// relayRest relays what has not come yet, and settles the response.
func (e *exchange) relayRest(c *upstream.Conn, idle time.Duration, done bool, err error) (reuse bool) {
	for err == nil && !done {
		if err = e.receiveBody(c, idle); err == nil {
			done, err = e.relayMore()
		}
	}
	return e.relayed(done, err)
}

// relayMore sends on what has been read of the body.
func (e *exchange) relayMore() (done bool, err error) {
	if !e.plain {
		return e.pass()
	}
	e.out = e.out[:0]
	if done, err = e.take(true); err == nil {
		err = e.write(e.out, done)
	}
	return done, err
}

// errAnswered means that the client has been sent another answer in place of the target's.
var errAnswered = errors.New("answered otherwise")

// malformed answers in place of a response whose body is malformed so early that nothing
// of it has gone out.
func (e *exchange) malformed(err error) error {
	reason := "TargetResponse"
	var bad *http1.Error
	if errors.As(err, &bad) {
		reason += bad.Reason
	}
	e.page(502, reason)
	return errAnswered
}

// open begins the response to the client: head is its head, end says that no body follows.
func (e *exchange) open(head []byte, end bool) error {
	e.rec.Sent += int64(len(head))
	e.peer.setWriteIdle(e.active, e.listener.LoadBalancer.Attributes.IdleTimeout)
	rest, err := e.peer.open(head, end)
	e.rec.Sent -= int64(len(rest)) // write counts it
	e.out = rest
	if err != nil {
		return &clientError{err}
	}
	return nil
}

// take appends to e.out what is at hand of the response's body.
func (e *exchange) take(plain bool) (done bool, err error) {
	p := e.up.bytes()
	var n int
	if plain {
		e.out, n, done, err = e.answer.Decode(e.out, p)
		e.up.r += n
		return done, err
	}
	n, done, err = e.answer.Scan(p)
	e.out = append(e.out, p[:n]...)
	e.up.r += n
	if err == nil && !done && n < len(p) {
		return e.mend()
	}
	return done, err
}

// mend appends to e.out what goes out in place of what is at hand of the body.
func (e *exchange) mend() (done bool, err error) {
	var n int
	e.out, n, done, err = e.answer.Mend(e.out, e.up.bytes())
	e.up.r += n
	return done, err
}

// pass sends what is at hand of the response's body straight from where it was read to.
func (e *exchange) pass() (done bool, err error) {
	p := e.up.bytes()
	n, done, err := e.answer.Scan(p)
	if n > 0 {
		if failed := e.write(p[:n], done); failed != nil {
			return false, failed
		}
	}
	e.up.r += n
	if err != nil || done || n == len(p) {
		return done, err
	}
	e.out = e.out[:0]
	if done, err = e.mend(); len(e.out) > 0 || done {
		if failed := e.write(e.out, done); failed != nil {
			return false, failed
		}
	}
	return done, err
}

// clientError is trouble on the client's side of a relay.
type clientError struct{ error }

func (e *clientError) Unwrap() error { return e.error }

// receiveBody reads more of the response's body, into a larger buffer when there is
// much to come.
func (e *exchange) receiveBody(c *upstream.Conn, idle time.Duration) error {
	e.up.r, e.up.w = 0, 0
	if len(*e.up.mem) < largeSize {
		e.up.grow()
	}
	if e.target.Ended.Load() {
		return errDrained
	}
	return e.receive(c, idle)
}

// relayed settles a response that has been sent, or has failed on the way.
func (e *exchange) relayed(done bool, err error) (reuse bool) {
	if err == nil && done {
		clean := len(e.up.bytes()) == 0 // more than was asked for: that connection is not to be trusted
		return clean && e.resp.KeepAlive && (e.pump == nil || e.pump.whole()) && !e.req.Close && !e.target.Ended.Load()
	}
	if err == errAnswered {
		return false
	}
	if errors.Is(err, io.EOF) && e.resp.Framing == http1.UntilClose {
		e.write(nil, true) // that was its end
		return false
	}
	e.keep = false
	short := e.answer.Short() && (e.req.Minor > 0 || e.resp.Framing == http1.Length)
	var client *clientError
	switch {
	case errors.As(err, &client), errors.Is(err, errClientGone):
		e.rec.ErrorReason, short = "ClientClosed", false // who does not read is not waited for
	case errors.Is(err, errIdle), errors.Is(err, os.ErrDeadlineExceeded):
		e.rec.ErrorReason, e.broken = "TargetIdle", true
	case errors.Is(err, errDrained):
		e.rec.ErrorReason = "DeregistrationDelayElapsed"
	default:
		e.rec.ErrorReason, e.broken = "TargetResponseIncomplete", true
	}
	// The head is out: all that is left is to break off in a way that no client can
	// take for the end of the body.
	e.peer.abort(short)
	return false
}

// responseLines writes the response's head for the client: the target's own lines in
// runs, without those that belong to its connection.
func (e *exchange) responseLines(out []byte, plain bool) []byte {
	out = http1.AppendStatusLine(out, e.resp.Status, e.resp.Reason)
	out = e.resp.AppendFields(out, func(f *http1.Field) bool {
		return plain && f.ID == http1.TransferEncoding || e.replaced(f)
	})
	if e.resp.WriteFraming && !plain {
		out = http1.AppendFraming(out, e.resp.Framing, e.resp.ContentLength)
	}
	out = append(out, e.listener.ResponseHeaders...)
	out = e.sticky.appendCookies(out, e)
	if e.resp.Status == 101 {
		out = append(out, "Connection: Upgrade\r\nUpgrade: "...)
		out = append(append(out, e.resp.Upgrade...), "\r\n"...)
	} else {
		out = e.appendConnection(out, false)
	}
	return append(out, "\r\n"...)
}

// replaced tells whether the listener's attributes put another line in place of the target's.
func (e *exchange) replaced(f *http1.Field) bool {
	l := e.listener
	if f.ID == http1.Server {
		return !l.Attributes.Server
	}
	for _, name := range l.ReplacedHeaders {
		if http1.EqualFold(e.resp.Name(f), name) {
			return true
		}
	}
	return false
}
