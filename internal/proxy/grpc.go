package proxy

import (
	"errors"
	"math"
	"strconv"
	"time"

	"github.com/albatross-lb/albatross/internal/http1"
	"github.com/albatross-lb/albatross/internal/http2"
)

// gRPC status codes, as far as the load balancer gives any.
const (
	grpcCancelled         = 1
	grpcUnknown           = 2
	grpcDeadlineExceeded  = 4
	grpcPermissionDenied  = 7
	grpcResourceExhausted = 8
	grpcInternal          = 13
	grpcUnavailable       = 14
)

// errExpired: the target has given a call up whose deadline is over.
var errExpired = errors.New("target gave the call up at its deadline")

// grpc tells whether the request is a call of gRPC: application/grpc, and what may stand
// behind that; not gRPC-Web, whose errors stand in a body.
func (e *exchange) grpc() bool {
	const name = "application/grpc"
	kind, _ := e.req.Get(http1.ContentType)
	return e.h2 && hasPrefixFold(kind, name) && (len(kind) == len(name) || kind[len(name)] == '+' || kind[len(name)] == ';')
}

// trailersOnly answers a call of gRPC that could not be served in gRPC's own way: with a status in a
// head that is all of the response. ALB sends a page, out of which a client makes the same
// status (gRPC: HTTP to gRPC Status Code Mapping), and a message that quotes HTML. status is what
// anybody else would be answered with, and what is logged and counted.
func (e *exchange) trailersOnly(status int) {
	e.rec.Status = status
	e.active = time.Now()
	out := http1.AppendStatusLine(e.out[:0], 200, statusText(200))
	if e.listener.Attributes.Server {
		out = http1.AppendLine(out, "Server", serverName)
	}
	out = http1.AppendLine(out, "Date", string(date(e.start)))
	out = http1.AppendLine(out, "Content-Type", "application/grpc")
	out = http1.AppendIntLine(out, "Grpc-Status", int64(e.grpcStatus(status)))
	out = http1.AppendLine(out, "Grpc-Message", strconv.Itoa(status)+" "+statusText(status))
	out = append(append(out, e.listener.ResponseHeaders...), "\r\n"...)
	e.open(out, true) // a client that has left does not hear it
}

// grpcStatus is the gRPC status of a call that could not be served: where the target has reset its
// stream, the one for the code of that (gRPC over HTTP/2: Errors), else the one
// that clients make of the HTTP status.
func (e *exchange) grpcStatus(status int) int {
	var reset *http2.StreamError
	switch {
	case errors.Is(e.cause, errExpired):
		return grpcDeadlineExceeded
	case errors.As(e.cause, &reset) && reset.Remote:
		return grpcOfReset(reset.Code)
	case status == 502 || status == 503 || status == 504:
		return grpcUnavailable
	}
	return grpcUnknown
}

func grpcOfReset(code http2.ErrCode) int {
	switch code {
	case http2.RefusedStream:
		return grpcUnavailable
	case http2.Cancel:
		return grpcCancelled
	case http2.EnhanceYourCalm:
		return grpcResourceExhausted
	case http2.InadequateSecurity:
		return grpcPermissionDenied
	case http2.StreamClosed, http2.HTTP11Required:
		return grpcUnknown
	}
	return grpcInternal
}

// expired tells whether err is the target's CANCEL of a call whose deadline is over: that is how a
// server ends what its client has given up by then. The client's own clock has run for longer than ours.
func (e *exchange) expired(err error) bool {
	var reset *http2.StreamError
	if !errors.As(err, &reset) || !reset.Remote || reset.Code != http2.Cancel || !e.grpc() {
		return false
	}
	value, _ := e.peer.(*stream).Get("grpc-timeout")
	limit, ok := grpcTimeout(value)
	return ok && time.Since(e.start) >= limit
}

// grpcTimeout reads a grpc-timeout: at most eight digits and a unit.
func grpcTimeout(b []byte) (time.Duration, bool) {
	if len(b) < 2 || len(b) > 9 {
		return 0, false
	}
	n, err := strconv.ParseUint(string(b[:len(b)-1]), 10, 32)
	unit, known := map[byte]time.Duration{'H': time.Hour, 'M': time.Minute, 'S': time.Second, 'm': time.Millisecond,
		'u': time.Microsecond, 'n': time.Nanosecond}[b[len(b)-1]]
	if err != nil || !known {
		return 0, false
	}
	return time.Duration(min(n, uint64(math.MaxInt64/unit))) * unit, true
}
