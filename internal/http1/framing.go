package http1

import "math"

// Framing is how the end of a message's body is found: RFC 9112 section 6.3.
type Framing uint8

const (
	NoBody     Framing = iota // the message ends with its head
	Length                    // ContentLength bytes follow
	Chunked                   // chunks and trailers follow: RFC 9112 section 7.1
	UntilClose                // responses only: all up to the connection's end
)

var framingNames = [...]string{"none", "length", "chunked", "close"}

func (f Framing) String() string {
	if int(f) < len(framingNames) {
		return framingNames[f]
	}
	return ""
}

// parseLength reads a Content-Length: digits only, up to 2^63-1. plain says that
// it has no needless zero in front, so that no reader can take it for octal.
func parseLength(value []byte) (n int64, plain, ok bool) {
	if len(value) == 0 {
		return 0, false, false
	}
	for _, c := range value {
		d := int64(c) - '0'
		if d < 0 || d > 9 || n > (math.MaxInt64-d)/10 {
			return 0, false, false
		}
		n = n*10 + d
	}
	return n, len(value) == 1 || value[0] != '0', true
}

// codings is what the Transfer-Encoding fields of a message list, together.
type codings struct {
	fields   int  // how many fields
	chunked  int  // how often chunked is listed
	last     bool // chunked is the last
	params   bool // chunked with parameters, which RFC 9112 section 7.1 knows none of
	identity bool // identity, obsolete since RFC 7230
	other    bool // some coding the load balancer does not take: 501
	bad      bool // not a coding at all
	listed   int  // elements,
	blank    int  // of which so many are empty
}

func (c *codings) add(value []byte) {
	c.fields++
	elements(value, func(element []byte) bool {
		name := element
		for i, b := range element {
			if b == ';' {
				name = trim(element[:i])
				c.params = true
				break
			}
		}
		c.last = false
		if c.listed++; len(element) == 0 {
			c.blank++
		}
		switch {
		case EqualFold(name, "chunked"):
			c.chunked++
			c.last = true
		case EqualFold(name, "identity"):
			c.identity = true
		case len(name) > 0 && allOf(name, tchar):
			c.other = true
		default:
			c.bad = true
		}
		return true
	})
}

// plain reports whether the fields are one line that says chunked and no more.
func (c *codings) plain() bool {
	return c.fields == 1 && c.chunked == 1 && c.last && !c.params && !c.identity && !c.other && !c.bad
}

// empty reports whether the fields list nothing at all.
func (c *codings) empty() bool { return c.fields > 0 && c.blank == c.listed }

// flag sets flags on all fields of an id.
func (h *Head) flag(id FieldID, flags Flags) {
	for i := range h.Fields {
		if h.Fields[i].ID == id {
			h.Fields[i].Flags |= flags
		}
	}
}

// codings adds up the Transfer-Encoding fields.
func (h *Head) codings() (c codings) {
	for i := range h.Fields {
		if f := &h.Fields[i]; f.ID == TransferEncoding {
			c.add(h.Value(f))
		}
	}
	return c
}

// length reads all Content-Length fields. They must agree; all but one plainly
// written are flagged Drop, kept tells whether that one remains. reason is ""
// when all is well.
func (h *Head) length() (n int64, kept bool, reason string) {
	first := true
	for i := range h.Fields {
		f := &h.Fields[i]
		if f.ID != ContentLength {
			continue
		}
		v, plain, ok := parseLength(h.Value(f))
		switch {
		case !ok:
			return 0, false, BadContentLength.String()
		case !first && v != n:
			return 0, false, MultipleContentLength.String()
		case f.Flags&Drop != 0:
		case plain && !kept:
			kept = true
		default:
			f.Flags |= Drop
		}
		n, first = v, false
	}
	return n, kept, ""
}
