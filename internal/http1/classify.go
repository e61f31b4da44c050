package http1

import "bytes"

// Tier grades how far a request departs from the standard, as AWS's desync
// mitigation does.
type Tier uint8

const (
	Compliant  Tier = iota // as RFC 9112 has it
	Acceptable             // flawed, but every parser finds the same end
	Ambiguous              // parsers may find different ends
	Severe                 // malformed, or made to confuse parsers
)

var tierNames = [...]string{"Compliant", "Acceptable", "Ambiguous", "Severe"}

// String gives AWS's word, as in the access log's field "classification".
func (t Tier) String() string {
	if int(t) < len(tierNames) {
		return tierNames[t]
	}
	return ""
}

// Reason is why a request is not Compliant.
type Reason uint8

const (
	ReasonCompliant Reason = iota

	GetHeadZeroContentLength // Acceptable
	NonCompliantHeader
	NonCompliantVersion
	SpaceInURI

	AmbiguousURI // Ambiguous
	BothTeClPresent
	DuplicateContentLength
	EmptyHeader
	SuspiciousHeader
	UndefinedContentLengthSemantics
	UndefinedTransferEncodingSemantics

	BadContentLength // Severe
	BadHeader
	BadMethod
	BadTransferEncoding
	BadURI
	BadVersion
	MultipleContentLength
	MultipleTransferEncodingChunked
	reasons
)

var reasonNames = [reasons]string{
	"Compliant",
	"GetHeadZeroContentLength", "NonCompliantHeader", "NonCompliantVersion", "SpaceInUri",
	"AmbiguousUri", "BothTeClPresent", "DuplicateContentLength", "EmptyHeader", "SuspiciousHeader",
	"UndefinedContentLengthSemantics", "UndefinedTransferEncodingSemantics",
	"BadContentLength", "BadHeader", "BadMethod", "BadTransferEncoding", "BadUri", "BadVersion",
	"MultipleContentLength", "MultipleTransferEncodingChunked",
}

// String gives AWS's word, as in the access log's field "classification_reason".
func (r Reason) String() string {
	if r < reasons {
		return reasonNames[r]
	}
	return ""
}

// Tier is the tier that the reason always goes with.
func (r Reason) Tier() Tier {
	switch {
	case r == ReasonCompliant:
		return Compliant
	case r < AmbiguousURI:
		return Acceptable
	case r < BadContentLength:
		return Ambiguous
	}
	return Severe
}

// Classification is the verdict of desync mitigation on one request.
type Classification struct {
	Tier   Tier
	Reason Reason
}

// raise takes the reason if it weighs more than the one found so far: of equals
// the first stays.
func (c *Classification) raise(r Reason) {
	if t := r.Tier(); t > c.Tier {
		*c = Classification{t, r}
	}
}

// HeaderLine is one header field of a request to classify.
type HeaderLine struct{ Name, Value []byte }

// ClassifyRequest grades a request that has been cut up already. version is the
// whole word (HTTP/1.1), empty for HTTP/0.9. Requests of HTTP/2 and later are
// always Compliant: their framing does not depend on fields.
func ClassifyRequest(method, uri, version []byte, headers []HeaderLine) Classification {
	j := newJudge(method, version)
	for _, h := range headers {
		j.header(h.Name, h.Value)
	}
	return j.verdict(uri)
}

// ClassifyRaw grades the head at the beginning of raw, up to its empty line or
// to the end. Unlike [Request.Parse] it refuses nothing and minds no limits.
//
// What only the wire shows is graded too: a line folded onto the next, or one
// without a colon, is a BadHeader; a line ended by LF alone a NonCompliantHeader;
// a request line without a target an AmbiguousUri.
func ClassifyRaw(raw []byte) Classification {
	const most = 1 << 30
	lim := Limits{Line: most, Field: most, Head: most, Fields: most}
	whole := append(bytes.Clone(raw), "\r\n\r\n"...)
	var r Request
	if r.readLine(whole, &lim) != done || r.readFields(whole[r.scan.skipped:], &lim) != done {
		return Classification{Severe, BadMethod}
	}
	return r.classify()
}

// classify runs all rules over a head that was read.
func (r *Request) classify() Classification {
	j := newJudge(r.line.method(r.Raw), r.line.version(r.Raw))
	if r.line.bareLF || r.scan.bareEnd {
		j.found.raise(NonCompliantHeader)
	}
	if r.line.noTarget {
		j.found.raise(AmbiguousURI)
	}
	for i := range r.Fields {
		f := &r.Fields[i]
		if f.Flags&(folded|noColon) != 0 {
			j.found.raise(BadHeader)
			continue
		}
		if f.Flags&Rewrite != 0 {
			j.found.raise(NonCompliantHeader)
		}
		j.header(r.Name(f), r.Value(f))
	}
	return j.verdict(r.line.target(r.Raw))
}

// judge gathers what the rules say of one request. The framing fields are
// judged in a second round, after all names and values: that order decides
// which of several reasons of one tier is told.
type judge struct {
	method, version []byte
	found           Classification // of names and values
	te, cl          Classification // of Transfer-Encoding and Content-Length values
	hasTE, hasCL    bool
	chunked         bool   // the last coding was chunked
	length          uint64 // the first length that could be read
	hasLength       bool
}

func newJudge(method, version []byte) judge {
	if len(trim(version)) == 0 {
		version = http09
	}
	return judge{method: method, version: version}
}

var (
	http09 = []byte("HTTP/0.9")
	http10 = []byte("HTTP/1.0")
	http2  = []byte("HTTP/2")
)

// header judges one field's name and value, and remembers it where it is, or
// looks like, a framing field.
func (j *judge) header(name, value []byte) {
	te, cl := resemble(name, transferEncoding), distant
	if te == distant {
		cl = resemble(name, contentLength)
	}
	bad := anyOf(name, fatal) || anyOf(value, fatal)
	switch {
	case bad:
		j.found.raise(BadHeader)
	case !allOf(name, tchar) || anyOf(value, control):
		j.found.raise(NonCompliantHeader)
	}
	bare := trim(name)
	switch {
	case len(bare) == 0 || bare[0] == ':':
		j.found.raise(EmptyHeader)
		return
	case te == same:
		j.transferEncoding(value)
	case cl == same:
		j.contentLength(value)
	case bad:
	case te == similar:
		j.found.raise(SuspiciousHeader)
		j.transferEncoding(value)
	case cl == similar:
		j.found.raise(SuspiciousHeader)
		j.contentLength(value)
	}
}

// transferEncoding judges one list of codings. Two chunked in a row, also over
// two fields, and codings outside the registry are Severe.
func (j *judge) transferEncoding(value []byte) {
	j.hasTE = true
	elements(value, func(element []byte) bool {
		if i := bytes.IndexByte(element, ';'); i >= 0 {
			element = trim(element[:i])
		}
		chunked := EqualFold(element, "chunked")
		switch {
		case chunked && j.chunked:
			j.te.raise(MultipleTransferEncodingChunked)
		case !chunked && !registeredCoding(element):
			j.te.raise(BadTransferEncoding)
		}
		j.chunked = chunked
		return true
	})
}

func registeredCoding(name []byte) bool {
	return EqualFold(name, "gzip") || EqualFold(name, "deflate") || EqualFold(name, "compress") || EqualFold(name, "identity")
}

// contentLength judges one Content-Length value: blanks around it are allowed,
// digits and a number of 64 bits asked for. An empty one counts as 0 here;
// Parse refuses it.
func (j *judge) contentLength(value []byte) {
	j.hasCL = true
	var n uint64
	for _, c := range trim(value) {
		d := uint64(c) - '0'
		if d > 9 || n > (1<<64-1-d)/10 {
			j.cl.raise(BadContentLength)
			return
		}
		n = n*10 + d
	}
	switch {
	case !j.hasLength:
		j.length, j.hasLength = n, true
	case j.length != n:
		j.cl.raise(MultipleContentLength)
	default:
		j.cl.raise(DuplicateContentLength)
	}
}

// verdict adds what framing, method, version and target give, in this order.
func (j *judge) verdict(uri []byte) Classification {
	if bytes.Compare(j.version, http2) >= 0 {
		return Classification{}
	}
	j.framing()
	if !allOf(j.method, tchar) {
		j.found.raise(BadMethod)
	}
	j.protocol()
	j.uri(uri)
	return j.found
}

// framing adds the second round. Before HTTP/1.1 there was no
// Transfer-Encoding, before HTTP/1.0 no Content-Length: their values are not
// looked at then.
func (j *judge) framing() {
	switch {
	case !j.hasTE && !j.hasCL:
		return
	case j.hasTE && bytes.Compare(j.version, http10) <= 0:
		j.found.raise(UndefinedTransferEncodingSemantics)
		return
	case j.hasCL && bytes.Compare(j.version, http10) < 0:
		j.found.raise(UndefinedContentLengthSemantics)
		return
	}
	j.found.raise(j.te.Reason)
	j.found.raise(j.cl.Reason)
	if string(j.method) == "GET" || string(j.method) == "HEAD" {
		if j.hasTE {
			j.found.raise(UndefinedTransferEncodingSemantics)
		}
		if j.hasLength && j.length == 0 {
			j.found.raise(GetHeadZeroContentLength)
		} else if j.hasLength {
			j.found.raise(UndefinedContentLengthSemantics)
		}
	}
	if j.hasTE && j.hasLength {
		j.found.raise(BothTeClPresent)
	}
}

// protocol judges the version: HTTP/1.0 and 1.1 are compliant, HTTP/0.9, other
// minors of 1 and blanks around it tolerable.
func (j *judge) protocol() {
	v := trim(j.version)
	switch {
	case bytes.Equal(v, http09):
		j.found.raise(NonCompliantVersion)
	case len(v) != 8 || string(v[:7]) != "HTTP/1." || v[7] < '0' || v[7] > '9':
		j.found.raise(BadVersion)
	case len(v) != len(j.version) || v[7] > '1':
		j.found.raise(NonCompliantVersion)
	}
}

// uri judges the target byte by byte. Bytes above 0x7f and characters RFC 3986
// wants encoded are let be.
func (j *judge) uri(uri []byte) {
	if plainTarget(uri) {
		return
	}
	for _, c := range uri {
		switch {
		case class[c]&fatal != 0:
			j.found.raise(BadURI)
		case c == ' ':
			j.found.raise(SpaceInURI)
		case c < ' ' || c == 0x7f:
			j.found.raise(AmbiguousURI)
		}
	}
}
