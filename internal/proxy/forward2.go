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
// directions at once for as long as either lasts, trailers included. An error means
// that the client has seen nothing of a response yet.
func (e *exchange) attempt2() error {
	group, st := e.group, e.peer.(*stream)
	idle := e.listener.LoadBalancer.Attributes.IdleTimeout
	ctx, cancel := context.WithTimeout(context.Background(), min(idle, upstream.ConnectTimeout))
	up, err := e.target.Pool.Streams(idle).Open(ctx, e.call(group, st))
	cancel()
	if err != nil {
		return e.unconnected(err)
	}
	defer up.Release()
	up.Idle = idle
	st.SetInterrupt(interruption{up})
	defer st.SetInterrupt(nil)
	e.active = time.Now()
	e.rec.RequestTime = e.active.Sub(e.start)
	if group.Config.ProtocolVersion == lb.GRPC {
		e.rec.Type = "grpcs"
		e.counters.GRPCRequests.Add(1)
	}
	upload := startUpload(st, up, e.sent)
	defer func() { e.rec.Received += upload.settle(st) }()
	if err := e.head2(up); err != nil {
		up.Reset(http2.Cancel)
		return e.cause2(err, st)
	}
	e.figures.CountTarget(e.resp.Status)
	e.figures.ResponseTime.Observe(e.rec.TargetTime)
	e.body2(up, st)
	return nil
}

// interruption wakes up who waits for a target when its client has gone.
type interruption struct{ up *http2.Stream }

// Interrupt is called by the client's connection.
func (i interruption) Interrupt() { i.up.InterruptRead() }

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

// head2 reads the final response's head and sends it on; interim ones, too.
func (e *exchange) head2(up *http2.Stream) error {
	for {
		status, err := up.ReadHead()
		if err != nil {
			return err
		}
		e.up.r, e.up.w = 0, 0
		head := http1.AppendStatusLine(nil, status, "")
		head = append(append(head, up.Lines()...), "\r\n"...)
		e.resp.Reset()
		if _, err := e.resp.Parse(head, http1.Limits{}, e.req.Method); err != nil {
			return err
		}
		if status >= 200 {
			break
		}
		if err := e.interim(0); err != nil {
			return err
		}
	}
	now := time.Now()
	e.rec.TargetTime = now.Sub(e.active)
	e.active = now
	e.rec.TargetStatus, e.rec.Status = e.resp.Status, e.resp.Status
	return nil
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
		cause := e.cause2(err, st)
		_, e.rec.ErrorReason = e.failure(cause)
		e.broken = e.faulty(cause)
		up.Reset(http2.Cancel)
		e.peer.abort(false)
	}
}

// cause2 says in the words of this package why a stream to a target failed.
func (e *exchange) cause2(err error, st *stream) error {
	switch {
	case st.Err() != nil:
		return errClientGone
	case e.target.Ended.Load():
		return errDrained
	case http2.Untouched(err) && st.EndStream: // nothing of a body is lost that another target would need
		return &connectError{err}
	case errors.Is(err, os.ErrDeadlineExceeded):
		return errIdle
	}
	return err
}

// upload sends a request's body to the target while the response is waited for.
type upload struct {
	ended chan struct{}
	n     int64
}

// startUpload begins with the part of the body that has been read already.
func startUpload(st *stream, up *http2.Stream, sent []byte) *upload {
	u := &upload{}
	if st.EndStream {
		return u
	}
	u.ended = make(chan struct{})
	go u.run(st, up, sent)
	return u
}

func (u *upload) run(st *stream, up *http2.Stream, sent []byte) {
	defer close(u.ended)
	mem := buffers.Get().(*[]byte)
	defer buffers.Put(mem)
	up.Flush()
	if _, err := up.Write(sent); err != nil {
		return // the response tells why
	}
	for {
		n, err := st.Stream.Read(*mem)
		u.n += int64(n)
		switch {
		case err == nil:
			if _, err := up.Write((*mem)[:n]); err != nil {
				return // the response tells why
			}
		case err == io.EOF && st.Trailer().Len() > 0:
			up.WriteTrailers(st.Trailer().Lines())
			return
		case err == io.EOF:
			up.WriteEnd(nil)
			return
		default:
			up.Reset(http2.Cancel)
			return
		}
	}
}

// settle ends the upload and gives how many bytes it has received.
func (u *upload) settle(st *stream) int64 {
	if u.ended == nil {
		return 0
	}
	st.InterruptRead()
	<-u.ended
	return u.n
}
