package snapshot

import (
	"bytes"
	"strconv"
	"strings"
)

// Redirect is a compiled redirect action.
type Redirect struct {
	Status int // 301 or 302
	parts  []part
}

// part is one piece of the Location header.
type part struct {
	literal string
	of      placeholder
}

type placeholder uint8

const (
	ofLiteral placeholder = iota
	ofProtocol
	ofHost
	ofPort
	ofPath
	ofQuery
)

var placeholders = []struct {
	name string
	of   placeholder
}{
	{"#{protocol}", ofProtocol}, {"#{host}", ofHost}, {"#{port}", ofPort}, {"#{path}", ofPath}, {"#{query}", ofQuery},
}

// compileTemplate cuts "https://#{host}:443/#{path}" at its placeholders.
func compileTemplate(template string) []part {
	var parts []part
	for template != "" {
		at, which := len(template), -1
		for i, p := range placeholders {
			if j := strings.Index(template, p.name); j >= 0 && j < at {
				at, which = j, i
			}
		}
		if at > 0 {
			parts = append(parts, part{literal: template[:at]})
		}
		if which < 0 {
			break
		}
		parts = append(parts, part{of: placeholders[which].of})
		template = template[at+len(placeholders[which].name):]
	}
	return parts
}

// Location writes the URL to go to. The default keeps the request's own protocol,
// host, port, path and query; the port is always written out, as ALB does it.
// #{host} is the host without a port, #{path} the path without its first slash; an
// empty query leaves no question mark behind.
func (r *Redirect) Location(dst []byte, protocol string, host []byte, port int, path, query []byte) []byte {
	start := len(dst)
	for _, p := range r.parts {
		switch p.of {
		case ofLiteral:
			dst = append(dst, p.literal...)
		case ofProtocol:
			dst = append(dst, protocol...)
		case ofHost:
			dst = append(dst, hostname(host)...)
		case ofPort:
			dst = strconv.AppendInt(dst, int64(port), 10)
		case ofPath:
			dst = append(dst, bytes.TrimPrefix(path, []byte("/"))...)
		case ofQuery:
			dst = append(dst, query...)
		}
	}
	if n := len(dst) - 1; n >= start && dst[n] == '?' {
		dst = dst[:n]
	}
	return dst
}

// hostname cuts the port off a host; an IPv6 address keeps its brackets.
func hostname(host []byte) []byte {
	if i := bytes.LastIndexByte(host, ':'); i >= 0 && bytes.IndexByte(host[i:], ']') < 0 {
		return host[:i]
	}
	return host
}

// Fixed is a compiled fixed-response action.
type Fixed struct {
	Status      int
	ContentType string
	Body        string
}
