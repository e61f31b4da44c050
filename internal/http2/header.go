package http2

import "bytes"

// Sizes of a request's header, as ALB has them. What a field counts is what RFC
// 9113 section 10.5.1 says: name, value and 32.
const (
	headerListSize = 64 << 10
	fieldSize      = 16 << 10 // of one header line, and of :path
	fieldCount     = 1000     // not an ALB quota: it bounds our own memory
	trailersSize   = 16 << 10 // of a trailer section
)

// Header is the fields of a request, a response or a trailer section. They are
// kept as the text of HTTP/1.1 header lines, "name: value\r\n" with the name in
// lower case, in the order they came; crumbs of the cookie are joined (RFC 9113
// section 8.2.3).
//
// All fields have been checked: names are tokens without upper case, values hold
// no NUL, CR or LF and no blanks around, and there is none that speaks of the
// connection (RFC 9113 section 8.2).
type Header struct {
	text   []byte // values of pseudo-fields, then lines
	lines  int    // where the lines begin
	fields []field
	pseudo [pseudoCount]span
	host   []byte // value of host, where there is no :authority

	kind      headerKind
	size      int // by RFC 9113 section 10.5.1
	malformed string
	tooLarge  string
	length    int64 // content-length; -1 without
	cookie    bool  // there is one
	torn      bool  // crumbs of the cookie do not lie side by side
}

// field is one line, as offsets into Header.text. The value lies between nameEnd+2 and end-2.
type field struct {
	start, nameEnd, end uint32
	id                  nameID
}

type span struct {
	start, end uint32
	set        bool
}

type headerKind uint8

const (
	requestHeader headerKind = iota
	responseHeader
	trailerHeader
)

// Pseudo-fields, as places in Header.pseudo.
const (
	pseudoMethod = iota
	pseudoScheme
	pseudoAuthority
	pseudoPath
	pseudoProtocol
	pseudoStatus
	pseudoCount
)

// Len gives the number of fields.
func (h *Header) Len() int { return len(h.fields) }

// Name gives the name of field i.
func (h *Header) Name(i int) []byte {
	f := &h.fields[i]
	return h.text[f.start:f.nameEnd]
}

// Value gives the value of field i.
func (h *Header) Value(i int) []byte {
	f := &h.fields[i]
	return h.text[f.nameEnd+2 : f.end-2]
}

// Get gives the value of the first field of that name, which is in lower case.
func (h *Header) Get(name string) ([]byte, bool) {
	for i := range h.fields {
		if string(h.Name(i)) == name {
			return h.Value(i), true
		}
	}
	return nil, false
}

// Lines gives all fields as HTTP/1.1 header lines, each ended by CRLF.
func (h *Header) Lines() []byte { return h.text[h.lines:] }

// kept bounds what a Header keeps of its memory for the next use.
const keptText, keptFields = 4 << 10, 64

// reset begins a header of a kind.
func (h *Header) reset(kind headerKind) {
	text, fields, host := h.text[:0], h.fields[:0], h.host[:0]
	if cap(text) > keptText {
		text = nil
	}
	if cap(fields) > keptFields {
		fields = nil
	}
	if cap(host) > keptText {
		host = nil
	}
	*h = Header{text: text, fields: fields, host: host, kind: kind, length: -1}
}

// held is how many bytes the peer makes us keep with this header.
func (h *Header) held() int { return len(h.text) + len(h.host) + len(h.fields)*16 }

// add takes a decoded field. Nothing is kept after the first flaw, nor over a limit.
func (h *Header) add(f *decodedField) {
	if h.malformed != "" || h.tooLarge != "" {
		return
	}
	h.size += len(f.name) + len(f.value) + entryOverhead
	limit := headerListSize
	switch h.kind {
	case responseHeader:
		limit = responseSize
	case trailerHeader:
		limit = trailersSize
	}
	switch {
	case !f.valid:
		h.malformed = "field with an invalid name or value"
	case f.id == namePath && len(f.value) > fieldSize:
		h.tooLarge = "RequestLineTooLong"
	case h.size > limit, len(f.name)+len(": ")+len(f.value) > fieldSize:
		h.tooLarge = "HeaderTooLong"
	case len(h.fields) >= fieldCount:
		h.tooLarge = "TooManyHeaders"
	case f.name[0] == ':':
		h.addPseudo(f)
	case h.check(f):
		h.addLine(f)
	}
}

// addPseudo takes a pseudo-field: each at most once, before all others, and only
// those of the message's kind (RFC 9113 section 8.3).
func (h *Header) addPseudo(f *decodedField) {
	place := pseudoCount
	switch f.id {
	case nameMethod:
		place = pseudoMethod
	case nameScheme:
		place = pseudoScheme
	case nameAuthority:
		place = pseudoAuthority
	case namePath:
		place = pseudoPath
	case nameProtocol:
		place = pseudoProtocol
	case nameStatus:
		place = pseudoStatus
	}
	wanted := requestHeader
	if place == pseudoStatus {
		wanted = responseHeader
	}
	switch {
	case place == pseudoCount || h.kind != wanted:
		h.malformed = "pseudo-field that does not belong here"
	case h.pseudo[place].set:
		h.malformed = "pseudo-field twice"
	case len(h.fields) > 0 || len(h.host) > 0:
		h.malformed = "pseudo-field behind others"
	default:
		start := len(h.text)
		h.text = append(h.text, f.value...)
		h.pseudo[place] = span{uint32(start), uint32(len(h.text)), true}
		h.lines = len(h.text)
	}
}

// check looks at fields that steer the message. It reports whether the field is kept as a line.
func (h *Header) check(f *decodedField) bool {
	switch f.id {
	case nameConnection, nameKeepAlive, nameProxyConnection, nameTransferEncoding, nameUpgrade:
		h.malformed = "field of the connection" // RFC 9113 section 8.2.2
	case nameTE:
		if string(f.value) != "trailers" {
			h.malformed = "te other than trailers"
		}
	case nameContentLength:
		n := parseLength(f.value)
		if n < 0 || h.length >= 0 && h.length != n {
			h.malformed = "content-length is wrong"
		}
		h.length = n
	case nameHost:
		return h.kind != requestHeader || h.checkHost(f.value)
	}
	return h.malformed == ""
}

// checkHost holds host against :authority, or takes it in its place (RFC 9113 section 8.3.1).
func (h *Header) checkHost(value []byte) bool {
	switch authority := h.pseudo[pseudoAuthority]; {
	case authority.set:
		if !bytes.EqualFold(h.text[authority.start:authority.end], value) {
			h.malformed = "host differs from :authority"
		}
	case len(h.host) > 0, len(value) == 0:
		h.malformed = "host twice or empty"
	default:
		h.host = append(h.host, value...)
	}
	return false
}

func (h *Header) addLine(f *decodedField) {
	if f.id == nameCookie && h.kind == requestHeader {
		if n := len(h.fields); n > 0 && h.fields[n-1].id == nameCookie { // "; " joins the crumbs
			h.text = append(h.text[:len(h.text)-2], "; "...)
			h.text = append(append(h.text, f.value...), "\r\n"...)
			h.fields[n-1].end = uint32(len(h.text))
			return
		}
		h.torn = h.torn || h.cookie
		h.cookie = true
	}
	start := len(h.text)
	h.text = append(append(h.text, f.name...), ": "...)
	h.text = append(append(h.text, f.value...), "\r\n"...)
	h.fields = append(h.fields, field{uint32(start), uint32(start + len(f.name)), uint32(len(h.text)), f.id})
}

// mend joins crumbs of the cookie that came with other fields between them: they
// move to the end.
func (h *Header) mend() {
	if !h.torn {
		return
	}
	var lines, cookie []byte
	fields := h.fields[:0]
	for _, f := range h.fields {
		if f.id == nameCookie {
			if cookie != nil {
				cookie = append(cookie, "; "...)
			}
			cookie = append(cookie, h.text[f.nameEnd+2:f.end-2]...)
			continue
		}
		start := uint32(h.lines + len(lines))
		lines = append(lines, h.text[f.start:f.end]...)
		fields = append(fields, field{start, start + f.nameEnd - f.start, start + f.end - f.start, f.id})
	}
	h.fields, h.torn, h.cookie = fields, false, false
	h.text = append(h.text[:h.lines], lines...)
	h.addLine(&decodedField{name: []byte("cookie"), value: cookie, id: nameCookie})
}

// get gives a pseudo-field's value; nil where there is none.
func (h *Header) get(place int) []byte {
	s := h.pseudo[place]
	if !s.set {
		return nil
	}
	return h.text[s.start:s.end:s.end]
}

// parseLength reads a content-length; -1 if it is none.
func parseLength(b []byte) (n int64) {
	if len(b) == 0 || len(b) > 18 {
		return -1
	}
	for _, c := range b {
		if c < '0' || c > '9' {
			return -1
		}
		n = n*10 + int64(c-'0')
	}
	return n
}
