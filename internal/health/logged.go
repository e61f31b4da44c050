package health

import (
	"errors"

	"github.com/albatross-lb/albatross/lb"
)

// What can be wrong with a gRPC response: it does not say how the call went, or not by a number.
var (
	errNoStatus  = errors.New("without a gRPC status")
	errOddStatus = errors.New("with a gRPC status that is no number")
)

// LogType is what the health check log calls a probe of this kind (AWS: Health check logs):
// http, https, h2 or grpc; empty for a TCP connect, which such a log does not have.
func (p Probe) LogType() string {
	switch {
	case p.Protocol != lb.HTTP && p.Protocol != lb.HTTPS:
		return ""
	case p.Version == lb.GRPC:
		return "grpc"
	case p.Version == lb.HTTP2:
		return "h2"
	case p.Protocol == lb.HTTPS:
		return "https"
	}
	return "http"
}

// LogReason is the error reason code that the health check log gives for a failed probe, empty
// for a pass (AWS: Health check logs, error reason codes). AWS has no word for a
// connection that is refused, for a TLS handshake that goes wrong or for an answer that is
// not one: they are ConnectionReset here, the connection having ended before a valid response.
func (r Result) LogReason(p Probe) string {
	switch r.Reason {
	case lb.NoReason:
		return ""
	case lb.ELBInternalError:
		return "InternalError"
	case lb.TargetTimeout:
		return "TimedOut"
	case lb.ResponseCodeMismatch:
		return mismatchReason(r, p)
	}
	switch {
	case errors.Is(r.Err, errNoStatus):
		return "GRPCStatusHeaderEmpty"
	case errors.Is(r.Err, errOddStatus):
		return "GRPCUnexpectedStatus"
	}
	return "ConnectionReset"
}

func mismatchReason(r Result, p Probe) string {
	switch {
	case p.Version == lb.GRPC:
		return "GRPCUnexpectedStatus"
	case r.Code >= 500:
		return "TargetError"
	}
	return "ResponseCodeMismatch"
}
