package http2

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
)

// Request is the head of a request. Its slices live as long as the stream's handler runs.
type Request struct {
	Header
	Method, Scheme []byte
	// Authority is :authority, or the host field in its place; empty where there is neither.
	Authority []byte
	Path      []byte // with the query, as sent; nil for CONNECT
	Protocol  []byte // of an extended CONNECT (RFC 8441), else nil
	// ContentLength is -1 where the request does not announce it, and 0 where it ends
	// with its head.
	ContentLength int64
	// EndStream: the head is all of the request; no body and no trailers follow.
	EndStream bool
	// TooLarge tells which limit the head is over, as http1 names it: HeaderTooLong,
	// TooManyHeaders or RequestLineTooLong; else it is empty. The request is
	// incomplete then, and should be refused by an answer.
	TooLarge string
}

// conclude takes over what the header block had and checks that it makes a
// request (RFC 9113 section 8.3.1, RFC 8441 section 4). reason is empty if it does.
func (r *Request) conclude(endStream, extended bool) (reason string) {
	h := &r.Header
	if h.malformed != "" {
		return h.malformed
	}
	h.mend()
	r.Method, r.Scheme, r.Path = h.get(pseudoMethod), h.get(pseudoScheme), h.get(pseudoPath)
	r.Authority, r.Protocol = h.get(pseudoAuthority), h.get(pseudoProtocol)
	if r.Authority == nil {
		r.Authority = h.host
	}
	r.EndStream, r.ContentLength, r.TooLarge = endStream, h.length, h.tooLarge
	if r.TooLarge != "" {
		return ""
	}
	if endStream {
		if r.ContentLength > 0 {
			return "content-length without a body"
		}
		r.ContentLength = 0
	}
	if !validMethod(r.Method) {
		return ":method is missing or wrong"
	}
	if bytes.IndexByte(r.Authority, '@') >= 0 || !allOf(r.Authority, targetByte) {
		return ":authority is wrong"
	}
	return r.checkTarget(extended)
}

func (r *Request) checkTarget(extended bool) (reason string) {
	connect := string(r.Method) == "CONNECT"
	switch {
	case connect && r.Protocol == nil:
		if r.Scheme != nil || r.Path != nil || len(r.Authority) == 0 { // RFC 9113 section 8.5
			return "CONNECT with the wrong pseudo-fields"
		}
		return ""
	case r.Protocol != nil && (!connect || !extended || !validMethod(r.Protocol)):
		return ":protocol out of place"
	case !validScheme(r.Scheme):
		return ":scheme is missing or wrong"
	case len(r.Path) == 0 || !allOf(r.Path, targetByte):
		return ":path is missing or wrong"
	case r.Path[0] != '/' && (string(r.Path) != "*" || string(r.Method) != "OPTIONS"):
		return ":path is wrong"
	}
	return ""
}

// AppendHead appends the request as an HTTP/1.1 head: request line, Host, the
// fields, and Transfer-Encoding: chunked for a body whose length is not
// announced; for HTTP/2 needs no framing fields, but HTTP/1.1 does. The body is
// then to be sent in chunks.
//
// An extended CONNECT for websocket becomes a GET with Upgrade and a fresh
// Sec-WebSocket-Key (RFC 8441 section 5); its answer of 101 becomes 200.
func (r *Request) AppendHead(dst []byte) []byte {
	switch {
	case r.Protocol != nil:
		dst = append(dst, "GET "...)
		dst = append(dst, r.Path...)
	case r.Path == nil:
		dst = append(append(dst, r.Method...), ' ')
		dst = append(dst, r.Authority...)
	default:
		dst = append(append(dst, r.Method...), ' ')
		dst = append(dst, r.Path...)
	}
	dst = append(dst, " HTTP/1.1\r\n"...)
	if len(r.Authority) > 0 {
		dst = append(append(dst, "Host: "...), r.Authority...)
		dst = append(dst, "\r\n"...)
	}
	dst = append(dst, r.Lines()...)
	switch {
	case r.Protocol != nil:
		dst = r.appendUpgrade(dst)
	case r.ContentLength < 0:
		dst = append(dst, "Transfer-Encoding: chunked\r\n"...)
	}
	return append(dst, "\r\n"...)
}

func (r *Request) appendUpgrade(dst []byte) []byte {
	dst = append(append(dst, "Connection: Upgrade\r\nUpgrade: "...), r.Protocol...)
	if _, has := r.Get("sec-websocket-key"); has || string(r.Protocol) != "websocket" {
		return append(dst, "\r\n"...)
	}
	var key [16]byte
	rand.Read(key[:]) //nolint:errcheck // never fails
	dst = append(dst, "\r\nSec-WebSocket-Key: "...)
	dst = base64.StdEncoding.AppendEncode(dst, key[:])
	return append(dst, "\r\n"...)
}
