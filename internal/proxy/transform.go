package proxy

import (
	"bytes"

	"github.com/albatross-lb/albatross/internal/snapshot"
)

// rewritten is what transforms have made of the request for its target; nil parts
// are as the client sent them.
type rewritten struct {
	uri, host []byte
}

// transform applies a rule's transforms. It reports false where one fails: it could
// not be compiled, or makes what is no URL or no host (ALB answers 500).
func (e *exchange) transform(all []snapshot.Transform) bool {
	if len(all) == 0 {
		return true
	}
	e.rec.TransformStatus = "TransformFailure"
	for i := range all {
		t := &all[i]
		in := e.req.Host
		if !t.Host {
			in = e.req.AppendTarget(nil)
		}
		out, changed, ok := t.Apply(nil, in)
		switch {
		case !ok, changed && !acceptable(out, t.Host):
			return false
		case !changed:
		case t.Host:
			e.made.host, e.rec.TransformedHost = out, out
		default:
			e.made.uri, e.rec.TransformedURI = out, out
		}
	}
	e.rec.TransformStatus = "TransformSuccess"
	return true
}

// longestMade bounds what a transform makes, as the request line is bounded.
const longestMade = 16 << 10

// acceptable tells whether a transform has made a host, or a path and query in origin form.
func acceptable(made []byte, host bool) bool {
	if len(made) == 0 || len(made) > longestMade {
		return false
	}
	for _, c := range made {
		if c <= ' ' || c == 0x7f || host && (c == '/' || c == '@' || c == '?' || c == '#' || c == '\\') {
			return false
		}
	}
	return host || made[0] == '/'
}

// appendRequestLine writes the request line for the target.
func (e *exchange) appendRequestLine(out []byte) []byte {
	if e.made.uri == nil {
		return e.req.AppendRequestLine(out)
	}
	uri, _, _ := bytes.Cut(e.made.uri, []byte("#"))
	out = append(append(out, e.req.Method...), ' ')
	return append(append(out, uri...), " HTTP/1.1\r\n"...)
}

// targetHost gives the Host header for the target before the port is settled.
func (e *exchange) targetHost() (host []byte, made bool) {
	if e.made.host != nil {
		return e.made.host, true
	}
	return e.req.Host, false
}
