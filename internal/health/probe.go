package health

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/albatross-lb/albatross/lb"
)

// Probe is one question to one target. It is comparable: two targets' probes are
// the same question if they are equal.
type Probe struct {
	Addr     netip.AddrPort     // where to: the target's address with the health check's port
	Protocol lb.Protocol        // HTTP, HTTPS; any other is a TCP connect
	Version  lb.ProtocolVersion // HTTP1 (or "") | HTTP2 | GRPC
	Path     string             // path and query, fit to be written into a request line
	Matcher  Matcher
	// ProxyHeader: targets expect a header of the PROXY protocol (version 2) first.
	ProxyHeader bool
	Timeout     time.Duration // for connecting, asking and the answer together
}

// Result is the answer to a Probe. The zero value is a pass.
type Result struct {
	// Reason the probe failed: Target.ResponseCodeMismatch, Target.Timeout,
	// Target.FailedHealthChecks or Elb.InternalError; NoReason for a pass.
	Reason lb.HealthReason
	// Code is the HTTP status or gRPC status that the target answered; -1 where
	// there was none and for a TCP connect.
	Code int
	// Err is the cause in detail, for logs.
	Err error
}

// Passed tells whether the target passed.
func (r Result) Passed() bool { return r.Reason == lb.NoReason }

// Prober asks targets. It must give up when ctx ends, which it does at p.Timeout,
// and is called by many goroutines at once.
type Prober interface {
	Probe(ctx context.Context, p Probe) Result
}

// descriptions are the words that DescribeTargetHealth has for reason codes.
var descriptions = map[lb.HealthReason]string{
	lb.RegistrationInProgress: "Target registration is in progress",
	lb.InitialHealthChecking:  "Initial health checks in progress",
	lb.ELBInternalError:       "Health checks failed due to an internal error",
	lb.ResponseCodeMismatch:   "Health checks failed with these codes: [%d]",
	lb.TargetTimeout:          "Request timed out",
	lb.FailedHealthChecks:     "Health checks failed",
	lb.NotRegistered:          "Target is not registered to the target group",
	lb.NotInUse:               "Target group is not configured to receive traffic from the load balancer",
	lb.DeregistrationProgress: "Target deregistration is in progress",
	lb.HealthCheckDisabled:    "Health checks are disabled",
}

// verdict is the TargetHealth of a state for a reason.
func verdict(state lb.HealthState, reason lb.HealthReason) lb.TargetHealth {
	return lb.TargetHealth{State: state, Reason: reason, Description: descriptions[reason]}
}

// failed is the TargetHealth of an unhealthy target by its last failure.
func failed(r Result) lb.TargetHealth {
	h := verdict(lb.Unhealthy, r.Reason)
	if r.Reason == lb.ResponseCodeMismatch {
		h.Description = fmt.Sprintf(h.Description, r.Code)
	}
	return h
}

// mismatch is a pass, or a failure with the code, by the matcher.
func mismatch(m Matcher, code int) Result {
	if m.Matches(code) {
		return Result{Code: code}
	}
	return Result{Reason: lb.ResponseCodeMismatch, Code: code, Err: fmt.Errorf("answered %d", code)}
}

// failure sorts an error of connecting or asking into its reason.
func failure(err error) Result {
	reason := lb.FailedHealthChecks
	var timeout net.Error
	switch {
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE), errors.Is(err, syscall.ENOBUFS),
		errors.Is(err, syscall.ENOMEM), errors.Is(err, syscall.EADDRNOTAVAIL):
		reason = lb.ELBInternalError
	case errors.Is(err, context.Canceled):
		reason = lb.ELBInternalError // we are closing; nothing was learnt of the target
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded),
		errors.As(err, &timeout) && timeout.Timeout():
		reason = lb.TargetTimeout
	}
	return Result{Reason: reason, Code: -1, Err: err}
}

// requestTarget makes a configured path fit for a request line: it begins with a
// slash, and a byte that would end the line or split it is percent-encoded.
func requestTarget(path string) string {
	if !strings.HasPrefix(path, "/") {
		path = "/" + path
	}
	unfit := func(c byte) bool { return c <= ' ' || c == 0x7f || c == '#' }
	var b strings.Builder
	for i := 0; i < len(path); i++ {
		if c := path[i]; unfit(c) {
			b.WriteString("%" + strings.ToUpper(strconv.FormatUint(uint64(c)|0x100, 16)[1:]))
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}
