package proxy

import (
	"bytes"
	"strconv"

	"github.com/albatross-lb/albatross/internal/http1"
	"github.com/albatross-lb/albatross/internal/snapshot"
)

// maxForwardedFor is the number of addresses in X-Forwarded-For above which ALB answers 463.
const maxForwardedFor = 30

// requestHead writes into e.out what goes to a target: the head, and behind it the
// part of the body that is at hand. It reports false when X-Forwarded-For is too long.
func (e *exchange) requestHead(group *snapshot.TargetGroup) bool {
	attributes := &e.listener.LoadBalancer.Attributes
	out := e.appendRequestLine(e.out[:0])
	out = e.appendHost(out)
	out, ok := e.appendForwardedFor(out)
	if !ok {
		return false
	}
	if e.socket.Secure {
		out = append(out, "X-Forwarded-Proto: https\r\n"...)
	} else {
		out = append(out, "X-Forwarded-Proto: http\r\n"...)
	}
	out = http1.AppendIntLine(out, "X-Forwarded-Port", int64(e.listener.PublicPort))
	out = http1.AppendLine(out, "X-Amzn-Trace-Id", e.rec.TraceID)
	if attributes.TLSVersionAndCipher && e.s.tls.version != "" {
		out = http1.AppendLine(out, e.requestHeaderName("X-Amzn-Tls-Version"), e.s.tls.version)
		out = http1.AppendLine(out, e.requestHeaderName("X-Amzn-Tls-Cipher-Suite"), e.s.tls.cipher)
	}
	out = append(out, e.s.tls.mutual...)
	out = e.appendFields(out)
	if e.upgrade() {
		out = append(out, "Connection: Upgrade\r\nUpgrade: websocket\r\n"...)
	}
	if e.req.WriteFraming {
		out = http1.AppendFraming(out, e.req.Framing, e.req.ContentLength)
	}
	out = append(out, "\r\n"...)
	e.out = append(out, e.sent...)
	return true
}

// upgrade tells whether the client asks for a WebSocket, the one protocol that ALB
// upgrades to: a tunnel of another, h2c above all, would lead requests past the rules.
func (e *exchange) upgrade() bool { return http1.EqualFold(e.req.Upgrade, "websocket") }

func (e *exchange) requestHeaderName(name string) string {
	if renamed, ok := e.listener.Attributes.RequestHeaders[name]; ok {
		return renamed
	}
	return name
}

// appendHost writes the Host line. Unless the header is to be preserved, the default
// port of the protocol is cut off, and the port of a listener on another one is added
// where there is none.
func (e *exchange) appendHost(out []byte) []byte {
	host, made := e.targetHost()
	if made || e.listener.LoadBalancer.Attributes.PreserveHostHeader {
		return http1.AppendLine(out, "Host", host)
	}
	standard, suffix := 80, ":80"
	if e.socket.Secure {
		standard, suffix = 443, ":443"
	}
	out = append(out, "Host: "...)
	switch {
	case bytes.HasSuffix(host, []byte(suffix)) && hasPort(host):
		out = append(out, host[:len(host)-len(suffix)]...)
	case len(host) > 0 && e.listener.Port != standard && !hasPort(host):
		out = append(append(out, host...), ':')
		out = strconv.AppendInt(out, int64(e.listener.Port), 10)
	default:
		out = append(out, host...)
	}
	return append(out, "\r\n"...)
}

// appendForwardedFor writes X-Forwarded-For by routing.http.xff_header_processing.mode.
func (e *exchange) appendForwardedFor(out []byte) (_ []byte, ok bool) {
	attributes := &e.listener.LoadBalancer.Attributes
	if attributes.XFFMode == "remove" {
		return out, true
	}
	addresses := 0
	start := len(out)
	out = append(out, "X-Forwarded-For: "...)
	empty := len(out)
	for i := range e.req.Fields {
		f := &e.req.Fields[i]
		if f.ID != http1.XForwardedFor || f.Flags&http1.Drop != 0 {
			continue
		}
		value := e.req.Value(f)
		if len(value) == 0 {
			continue
		}
		addresses += 1 + bytes.Count(value, []byte(","))
		if len(out) > empty {
			out = append(out, ", "...)
		}
		out = append(out, value...)
	}
	if addresses > maxForwardedFor {
		return out, false
	}
	if attributes.XFFMode == "append" {
		if len(out) > empty {
			out = append(out, ", "...)
		}
		out = e.appendClient(out, attributes.XFFClientPort)
	}
	if len(out) == empty {
		return out[:start], true
	}
	return append(out, "\r\n"...), true
}

// appendClient writes the client's address; with its port as ip:port, IPv6 in brackets.
func (e *exchange) appendClient(out []byte, port bool) []byte {
	if port {
		return e.s.client.AppendTo(out)
	}
	return e.s.client.Addr().AppendTo(out)
}

// appendFields copies the client's other lines, without those that this hop owns or
// that may not go on.
func (e *exchange) appendFields(out []byte) []byte {
	dropUnusual := e.listener.LoadBalancer.Attributes.DropInvalidHeaderFields
	whole := e.body.Done() // there is nothing to wait for: what was expected is here, or was never to come
	unusual := false
	out = e.req.AppendFields(out, func(f *http1.Field) bool {
		switch {
		case f.Flags&http1.Unusual != 0:
			unusual = true
			return dropUnusual || e.forged(e.req.Name(f))
		case f.ID == http1.Other:
			return e.forged(e.req.Name(f))
		case f.ID == http1.Expect:
			return whole
		}
		return owned(f.ID)
	})
	switch {
	case !unusual:
	case dropUnusual:
		e.counters.DroppedInvalidHeaderRequests.Add(1)
	default:
		e.counters.ForwardedInvalidHeaderRequests.Add(1)
	}
	return out
}

// forged tells whether a field that is not known by its id has a name under which the
// load balancer tells targets of clients' certificates and TLS.
func (e *exchange) forged(name []byte) bool {
	for _, renamed := range e.listener.Attributes.RequestHeaders {
		if http1.EqualFold(name, renamed) {
			return true
		}
	}
	return hasPrefixFold(name, "x-amzn-mtls-")
}

// owned are the fields that requestHead writes itself, and those by which a client
// could pass for the load balancer.
func owned(id http1.FieldID) bool {
	switch id {
	case http1.Host, http1.XForwardedFor, http1.XForwardedProto, http1.XForwardedPort, http1.XAmznTraceID,
		http1.XAmznTLSVersion, http1.XAmznTLSCipherSuite,
		http1.XAmznOIDCData, http1.XAmznOIDCIdentity, http1.XAmznOIDCAccessToken:
		return true
	}
	return false
}
