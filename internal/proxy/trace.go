package proxy

import (
	"bytes"
	"math/rand/v2"
	"strconv"

	"github.com/albatross-lb/albatross/internal/http1"
)

const hexDigits = "0123456789abcdef"

func appendHex(dst []byte, v uint64, digits int) []byte {
	for i := digits - 1; i >= 0; i-- {
		dst = append(dst, hexDigits[v>>(4*i)&15])
	}
	return dst
}

// traceID makes the X-Amzn-Trace-Id to send on. Without one from the client it is
// Root=1-<8 hex digits of the time>-<24 hex digits>, the first 12 of them the connection's. A client's with a Root keeps all
// of its fields, and gets a Self in front in place of any that it had; one without a
// Root gets the Root in front (ALB user guide, request tracing).
func (e *exchange) traceID() {
	value, _ := e.req.Get(http1.XAmznTraceID)
	start := len(e.scratch)
	out := e.scratch
	field := "Root="
	if hasTraceField(value, "Root=") {
		field = "Self="
	}
	out = append(out, field...)
	out = append(out, "1-"...)
	out = appendHex(out, uint64(e.start.Unix()), 8)
	out = append(out, '-')
	out = append(out, e.s.traceTag()...)
	out = appendHex(out, rand.Uint64(), 12)
	for rest := value; len(rest) > 0; {
		var part []byte
		part, rest = cutTrace(rest)
		if len(part) > 0 && !(field == "Self=" && hasPrefixFold(part, "Self=")) {
			out = append(append(out, ';'), part...)
		}
	}
	e.scratch = out
	e.rec.TraceID = out[start:len(out):len(out)]
}

// traceTag is what the trace ids of one connection's requests have in common: 12 hex
// digits of its conn_trace_id. They tell requests of one connection and cost nothing to
// make.
func (s *Session) traceTag() string { return s.traceID[len("TID_"):][:12] }

func cutTrace(value []byte) (part, rest []byte) {
	part, rest, _ = bytes.Cut(value, []byte(";"))
	return bytes.TrimSpace(part), rest
}

func hasTraceField(value []byte, field string) bool {
	for len(value) > 0 {
		var part []byte
		if part, value = cutTrace(value); hasPrefixFold(part, field) {
			return true
		}
	}
	return false
}

func hasPrefixFold(b []byte, prefix string) bool {
	return len(b) >= len(prefix) && http1.EqualFold(b[:len(prefix)], prefix)
}

// url writes what the access log shows of the request line:
// scheme://host:port/path?query, with the port that the client came to.
func (e *exchange) url() {
	start := len(e.scratch)
	out := e.scratch
	if e.socket.Secure {
		out = append(out, "https://"...)
	} else {
		out = append(out, "http://"...)
	}
	if len(e.req.Host) == 0 {
		out = append(out, '-')
	}
	out = append(out, e.req.Host...)
	if !hasPort(e.req.Host) {
		out = append(out, ':')
		out = strconv.AppendInt(out, int64(e.listener.PublicPort), 10)
	}
	if e.req.Path != nil {
		out = append(out, e.req.Path...)
		if e.req.Query != nil {
			out = append(append(out, '?'), e.req.Query...)
		}
	} else if string(e.req.Method) == "CONNECT" || len(e.req.Target) == 0 { // CONNECT's target is the host
		out = append(out, '-')
	} else {
		out = append(out, e.req.Target...)
	}
	e.scratch = out
	e.rec.URL = out[start:len(out):len(out)]
}

// hasPort: a colon behind the last bracket of an IPv6 address, or any.
func hasPort(host []byte) bool {
	i := bytes.LastIndexByte(host, ':')
	return i >= 0 && bytes.IndexByte(host[i:], ']') < 0
}
