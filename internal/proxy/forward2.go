package proxy

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"time"

	"github.com/albatross-lb/albatross/internal/http1"
	"github.com/albatross-lb/albatross/internal/http2"
	"github.com/albatross-lb/albatross/internal/snapshot"
	"github.com/albatross-lb/albatross/internal/upstream"
	"github.com/albatross-lb/albatross/lb"
)

// mismatch tells whether the request cannot be put to a target group of that
// protocol version (ALB answers 464): HTTP2 and GRPC groups take HTTP/2 only, GRPC
// groups POST only, and gRPC goes to no HTTP1 group.
func (e *exchange) mismatch(version lb.ProtocolVersion) bool {
	st, h2 := e.peer.(*stream)
	switch version {
	case lb.HTTP2:
		return !h2 || st.Protocol != nil
	case lb.GRPC:
		return !h2 || st.Protocol != nil || string(e.req.Method) != "POST"
	}
	kind, _ := e.req.Get(http1.ContentType)
	return h2 && hasPrefixFold(kind, "application/grpc")
}

// speaksHTTP2 tells whether the group's targets are spoken HTTP/2 to.
func speaksHTTP2(group *snapshot.TargetGroup) bool {
	v := group.Config.ProtocolVersion
	return v == lb.HTTP2 || v == lb.GRPC
}

// attempt2 makes one target serve the request over HTTP/2, stream to stream: both
// directions at once for as long as either lasts, trailers included. What the target has
// not looked at goes out to it again. An error means that the client has seen nothing of
// a final response yet.
func (e *exchange) attempt2() error {
	st := e.peer.(*stream)
	if e.group.Config.ProtocolVersion == lb.GRPC && len(e.tried) == 1 {
		e.rec.Type = "grpcs"
		e.counters.GRPCRequests.Add(1)
	}
	call := e.call(e.group, st)
	for tries := (repeats{until: time.Now().Add(upstream.ConnectTimeout)}); ; {
		up, err := e.openStream(call, st)
		if err == nil {
			err = e.roundTrip2(up, st)
		}
		if err == nil || !tries.again(err) {
			return err
		}
	}
}

// repeats bounds how often a request goes out to one target.
type repeats struct {
	until            time.Time
	refused, crowded int
}

const (
	// maxRefused is how often a request goes out to a target that refuses it each time,
	maxRefused = 3
	// maxCrowded is the same for one that serves others on the connection, and so may have
	// room on another.
	maxCrowded = 10
)

// staleError is a connection that has ended under a request which may go out again all the same.
type staleError struct{ error }

func (e *staleError) Unwrap() error { return e.error }

// again tells whether it is worth asking the same target once more. A target that has served
// others on the connection and has then ended that (nginx does after keepalive_requests) may do so
// several times before this request has its turn.
func (r *repeats) again(err error) bool {
	untouched := errors.As(err, new(*connectError)) && http2.Untouched(err)
	if !untouched && !errors.As(err, new(*staleError)) {
		return false
	}
	switch {
	case http2.LeftBehind(err):
	case http2.Crowded(err):
		r.crowded++
	default:
		r.refused++
	}
	return r.refused < maxRefused && r.crowded < maxCrowded && time.Now().Before(r.until)
}

// openStream begins the request on a connection that is there, or on a new one.
func (e *exchange) openStream(call *http2.Call, st *stream) (*http2.Stream, error) {
	t := e.target.Pool.Streams(e.listener.LoadBalancer.Attributes.IdleTimeout)
	up, err := t.Try(call)
	if up == nil && err == nil {
		up, err = e.awaitStream(t, call, st)
	}
	switch {
	case err == nil:
		return up, nil
	case st.Err() != nil:
		return nil, errClientGone
	case errors.Is(err, http2.ErrHeaderList):
		return nil, err
	case errors.Is(err, http2.ErrBusy):
		return nil, &connectError{err}
	}
	return nil, e.unconnected(err)
}

// awaitStream waits for a connection, for as long as the client is there and connecting may take.
func (e *exchange) awaitStream(t *http2.Transport, call *http2.Call, st *stream) (*http2.Stream, error) {
	ctx, cancel := context.WithTimeout(context.Background(), min(e.listener.LoadBalancer.Attributes.IdleTimeout, upstream.ConnectTimeout))
	defer cancel()
	if err := st.SetInterrupt(cancellation(cancel)); err != nil {
		return nil, err
	}
	defer st.SetInterrupt(nil)
	return t.Open(ctx, call)
}

// roundTrip2 asks the target and sends the response on.
func (e *exchange) roundTrip2(up *http2.Stream, st *stream) error {
	defer up.Release()
	up.Idle = e.listener.LoadBalancer.Attributes.IdleTimeout
	if st.SetInterrupt(interruption{up}) != nil {
		return errClientGone
	}
	defer st.SetInterrupt(nil)
	up.Tie(&e.moved) // up to its Release
	st.Tie(&e.moved)
	defer st.Tie(nil)
	e.active = time.Now()
	e.rec.RequestTime = e.active.Sub(e.start)
	e.upload.start(st, up, e.sent)
	defer func() { e.rec.Received += e.upload.stop(st) }()
	begun, err := e.head2(up)
	if err != nil {
		if e.upload.idle(err) {
			err = e.idleCause()
		}
		up.Reset(http2.Cancel)
		e.rec.Received += e.upload.stop(st)
		return e.cause2(err, up, st, begun)
	}
	e.upload.settled()
	e.figures.CountTarget(e.resp.Status)
	e.figures.ResponseTime.Observe(e.rec.TargetTime)
	e.body2(up, st)
	return nil
}

// idleCause says whose fault it is that nothing moves while the client is waited for: the client's, as
// it owes the rest of a body; not where it may wait for an answer to what it has said, as in a call of gRPC.
func (e *exchange) idleCause() error {
	if e.grpc() {
		return errIdle
	}
	return errClientIdle
}

// interruption wakes up who waits for a target when its client has gone.
type interruption struct{ up *http2.Stream }

// Interrupt is called by the client's connection.
func (i interruption) Interrupt() { i.up.InterruptRead() }

// cancellation does the same for who waits for a connection.
type cancellation context.CancelFunc

// Interrupt is called by the client's connection.
func (c cancellation) Interrupt() { c() }

// call makes the head for the target out of the one that requestHead has written.
func (e *exchange) call(group *snapshot.TargetGroup, st *stream) *http2.Call {
	line, rest, _ := bytes.Cut(e.out, []byte("\r\n"))
	path := line[len(e.req.Method)+1 : len(line)-len(" HTTP/1.1")]
	host, lines, _ := bytes.Cut(rest, []byte("\r\n"))
	if end := bytes.Index(lines, []byte("\r\n\r\n")); end >= 0 {
		lines = lines[:end+2]
	}
	c := &http2.Call{Method: e.req.Method, Scheme: []byte("http"), Authority: bytes.TrimPrefix(host, []byte("Host: ")), Path: path, Lines: lines, End: st.EndStream}
	if group.Config.Protocol == lb.HTTPS {
		c.Scheme = []byte("https")
	}
	if group.Config.ProtocolVersion == lb.GRPC {
		c.Lines = append(bytes.Clone(lines), "te: trailers\r\n"...) // it is for one hop, and gRPC insists on it
	}
	return c
}

// head2 reads the final response's head and sends it on; interim ones, too. begun: something has come.
func (e *exchange) head2(up *http2.Stream) (begun bool, err error) {
	for {
		status, err := up.ReadHead()
		if err != nil {
			return begun, err
		}
		begun = true
		e.up.r, e.up.w = 0, 0
		head := http1.AppendStatusLine(nil, status, "")
		head = append(append(head, up.Lines()...), "\r\n"...)
		e.resp.Reset()
		if _, err := e.resp.Parse(head, http1.Limits{}, e.req.Method); err != nil {
			return begun, err
		}
		if status >= 200 {
			break
		}
		if err := e.interim(0); err != nil {
			return begun, err
		}
	}
	now := time.Now()
	e.rec.TargetTime = now.Sub(e.active)
	e.active = now
	e.rec.TargetStatus, e.rec.Status = e.resp.Status, e.resp.Status
	return begun, nil
}

// body2 sends the response on, as it comes.
func (e *exchange) body2(up *http2.Stream, st *stream) {
	err := e.open(e.responseLines(e.out[:0], false), up.EndStream)
	e.rec.ResponseTime = 0
	mem := buffers.Get().(*[]byte)
	defer buffers.Put(mem)
	for err == nil && !st.ended {
		st.Flush()
		var n int
		n, err = up.Read(*mem)
		switch {
		case err == nil:
			err = e.write((*mem)[:n], false)
		case err == io.EOF:
			st.ended = true
			if up.Trailer().Len() > 0 {
				err = st.WriteTrailers(up.Trailer().Lines())
			} else {
				err = st.WriteEnd(nil)
			}
		}
	}
	if err != nil {
		if e.upload.idle(err) {
			err = errIdle
		}
		cause := e.cause2(err, up, st, true)
		_, e.rec.ErrorReason = e.failure(cause)
		e.broken = e.faulty(cause)
		up.Reset(http2.Cancel)
		st.ended = true
		st.Reset(resetCode(err))
	}
}

// resetCode is what a client hears of a response that has broken off: what the target has said, unless that
// is about the connection to the target, or would tell the client that nothing has been done, or nothing is wrong.
func resetCode(err error) http2.ErrCode {
	var reset *http2.StreamError
	if !errors.As(err, &reset) || !reset.Remote {
		return http2.InternalError
	}
	switch reset.Code {
	case http2.NoError, http2.RefusedStream, http2.InadequateSecurity, http2.HTTP11Required:
		return http2.InternalError
	}
	return reset.Code
}

// cause2 says in the words of this package why a stream to a target failed. begun: something of a
// response has come.
func (e *exchange) cause2(err error, up *http2.Stream, st *stream, begun bool) error {
	whole := !begun && e.upload.whole()
	switch {
	case st.Err() != nil:
		return errClientGone
	case e.target.Ended.Load():
		return errDrained
	case whole && http2.Untouched(err):
		return &connectError{err}
	case whole && errors.Is(err, http2.ErrClosed) && up.ID() > 1 && idempotent(e.req.Method):
		return &staleError{err}
	case errors.Is(err, os.ErrDeadlineExceeded):
		return errIdle
	case e.expired(err):
		return errExpired
	}
	return err
}
