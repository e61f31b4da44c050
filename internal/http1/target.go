package http1

import "bytes"

// requestLine is where the parts of a request line lie.
type requestLine struct {
	methodEnd, targetStart, targetEnd, versionStart, versionEnd uint32

	odd      bool // not as RFC 9112 section 3 has it; the target may need encoding
	bareLF   bool // ended by LF alone
	noTarget bool
}

func (l *requestLine) method(head []byte) []byte  { return head[:l.methodEnd] }
func (l *requestLine) version(head []byte) []byte { return head[l.versionStart:l.versionEnd] }
func (l *requestLine) target(head []byte) []byte  { return head[l.targetStart:l.targetEnd] }

// maxSkipped bounds the bytes of empty lines skipped in front of a request.
const maxSkipped = 8

// readLine reads the request line.
func (r *Request) readLine(buf []byte, lim *Limits) step {
	for r.scan.seen == 0 {
		n := emptyLine(buf, r.scan.skipped)
		if n == 0 || r.scan.skipped+n > maxSkipped {
			break
		}
		r.scan.skipped += n
	}
	head := buf[r.scan.skipped:]
	if len(head) == 1 && head[0] == '\r' {
		return short // it may be one more empty line
	}
	lf := bytes.IndexByte(head[r.scan.seen:], '\n')
	if lf < 0 {
		r.scan.seen = len(head)
		if len(head) > lim.Line+1 {
			return tooLong
		}
		return short
	}
	end := r.scan.seen + lf
	r.scan.next = end + 1
	r.scan.seen = 0
	r.scan.stage = atFields
	if end > 0 && head[end-1] == '\r' {
		end--
	} else {
		r.line.bareLF, r.scan.odd = true, true
	}
	if end > lim.Line {
		return tooLong
	}
	r.line.split(head[:end])
	return done
}

const versionLength = len("HTTP/1.1")

// split finds method, target and version: the first and the last word, and all
// between. The ordinary line is told by its end.
func (l *requestLine) split(line []byte) {
	m := tokenLength(line)
	v := len(line) - versionLength
	if m == 0 || m >= v-1 || line[m] != ' ' || line[v-1] != ' ' || !plainVersion(line[v:]) {
		l.splitOdd(line)
		return
	}
	l.set(m, m+1, v-1, v, len(line))
	l.odd = l.odd || !plainTarget(line[m+1:v-1])
}

func (l *requestLine) set(methodEnd, targetStart, targetEnd, versionStart, versionEnd int) {
	l.methodEnd, l.targetStart, l.targetEnd = uint32(methodEnd), uint32(targetStart), uint32(targetEnd)
	l.versionStart, l.versionEnd = uint32(versionStart), uint32(versionEnd)
}

// splitOdd cuts a line that is not as it should be. The method goes to the
// first SP. The version is the last word, blanks behind it included; a line with
// but two words has no version (HTTP/0.9), or no target if the second is one.
func (l *requestLine) splitOdd(line []byte) {
	l.odd = true
	m := bytes.IndexByte(line, ' ')
	if m < 0 {
		l.noTarget = true
		l.set(len(line), len(line), len(line), len(line), len(line))
		return
	}
	rest := line[m+1:]
	i, tail := len(rest)-1, true // tail: still in what trails the last word
	for i > 0 && (tail || rest[i] != ' ') {
		tail = tail && class[rest[i]]&tchar == 0
		i--
	}
	switch {
	case i >= 0 && rest[i] == ' ':
		l.noTarget = len(rest) == 1
		l.set(m, m+1, m+1+i, m+2+i, len(line))
	case i < 0 || bytes.HasPrefix(rest, []byte("HTTP/1.")):
		l.noTarget = true
		l.set(m, m+1, m+1, m+1, len(line))
	default:
		l.set(m, m+1, len(line), len(line), len(line))
	}
}

func plainVersion(v []byte) bool {
	return string(v[:7]) == "HTTP/1." && (v[7] == '1' || v[7] == '0')
}

// httpMinor reads a version. ok: it is HTTP/1.x, minor 0 or (for all higher) 1.
// other: it is another version of HTTP; none at all is HTTP/0.9.
func httpMinor(v []byte) (minor int, other, ok bool) {
	switch {
	case len(v) == 0:
		return 0, true, false
	case len(v) == versionLength && string(v[:7]) == "HTTP/1." && isDigit(v[7]):
		return min(int(v[7]-'0'), 1), false, true
	case len(v) > 5 && string(v[:5]) == "HTTP/" && isDigit(v[5]) && v[5] != '1':
		return 0, len(v) == 6 || len(v) == 8 && v[6] == '.' && isDigit(v[7]), false
	}
	return 0, false, false
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

var (
	slash    = []byte("/")
	asterisk = []byte("*")
)

// target reads the request target (RFC 9112 section 3.2) and settles the host.
func (r *Request) target(s *summary) *Error {
	if r.line.odd {
		r.Target = bytes.Trim(r.Target, " ")
		if anyOf(r.Target, fatal) {
			return r.refuse(400, BadURI.String())
		}
	}
	switch {
	case s.hosts > 1:
		return r.refuse(400, "MultipleHost")
	case s.hosts == 0 && r.Minor == 1:
		return r.refuse(400, "MissingHost")
	}
	t := r.Target
	switch {
	case bytes.IndexByte(t, '#') >= 0:
		// No form of a target has a fragment. Targets cut it off where our rules would take it for part of the
		// path, and so pass by a rule for that path (CVE-2023-45539, CVE-2021-32779).
		return r.refuse(400, "BadTarget")
	case len(t) > 0 && t[0] == '/':
		r.Path, r.Query = cutQuery(t)
	case len(t) == 1 && t[0] == '*' && string(r.Method) == "OPTIONS":
		r.Path = t
	case !r.absolute(t):
		return r.refuse(400, "BadTarget")
	}
	if !validHost(r.Host) {
		return r.refuse(400, "BadHost")
	}
	return nil
}

// absolute reads an http or https URI. Its authority replaces the Host field; it
// may not be empty (RFC 9110 section 4.2) nor carry user information (4.2.4).
func (r *Request) absolute(t []byte) bool {
	colon := bytes.IndexByte(t, ':')
	if colon < 0 || !EqualFold(t[:colon], "http") && !EqualFold(t[:colon], "https") || !bytes.HasPrefix(t[colon:], []byte("://")) {
		return false
	}
	rest := t[colon+3:]
	end := bytes.IndexAny(rest, "/?")
	if end < 0 {
		end = len(rest)
	}
	if end == 0 {
		return false
	}
	r.Absolute, r.Host = true, rest[:end]
	r.Path, r.Query = cutQuery(rest[end:])
	switch {
	case len(r.Path) > 0:
	case r.Query == nil && string(r.Method) == "OPTIONS":
		r.Path = asterisk // RFC 9112 section 3.2.4
	default:
		r.Path = slash
	}
	return true
}

// cutQuery cuts a target at its first '?'.
func cutQuery(t []byte) (path, query []byte) {
	if q := bytes.IndexByte(t, '?'); q >= 0 {
		return t[:q], t[q+1:]
	}
	return t, nil
}

// validHost reports whether h is a host with an optional port (RFC 9110 section
// 7.2), or empty. Hosts are compared with rules and sent on, so anything that
// could be read in two ways is out.
func validHost(h []byte) bool {
	if len(h) == 0 {
		return true
	}
	name, port := h, []byte(nil)
	if h[0] == '[' {
		end := bytes.IndexByte(h, ']')
		if end < 0 {
			return false
		}
		name, port = h[1:end], h[end+1:]
	} else if colon := bytes.IndexByte(h, ':'); colon >= 0 {
		name, port = h[:colon], h[colon:]
	}
	if len(name) == 0 || !allOf(name, hostish) {
		return false
	}
	for i, c := range port {
		if i == 0 && c != ':' || i > 0 && !isDigit(c) {
			return false
		}
	}
	return len(port) <= len(":65535")
}
