package http1

import (
	"bytes"
	"iter"
)

// Head is the part of a message before its body.
type Head struct {
	// Raw goes from the first byte of the start line to the end of the empty
	// line. It aliases the buffer given to Parse.
	Raw    []byte
	Fields []Field

	scan scan
}

// scan is where the reading of a head stands between two calls. Places count
// from the first byte of the start line.
type scan struct {
	skipped int   // empty lines before the start line, in bytes
	next    int   // start of the first line not read yet
	seen    int   // no line end between next and here
	stage   stage // what stands at next
	odd     bool  // something met so far is not as it should be
	bareEnd bool  // the start line or the empty line ends with LF alone
}

type stage uint8

const (
	atStart stage = iota
	atFields
	atEnd
)

// keptFields is how many fields a reused Head keeps room for. A head with more
// gives its memory back.
const keptFields = 256

func (h *Head) reset() {
	fields := h.Fields[:0]
	if cap(fields) > keptFields {
		fields = nil
	}
	*h = Head{Fields: fields}
}

// Name gives the field's name as it was sent.
func (h *Head) Name(f *Field) []byte { return h.Raw[f.start:f.nameEnd] }

// Value gives the field's value without the blanks around it.
func (h *Head) Value(f *Field) []byte { return h.Raw[f.valueStart:f.valueEnd] }

// Line gives the field's whole line, line end included.
func (h *Head) Line(f *Field) []byte { return h.Raw[f.start:f.end] }

// Lines gives the lines from one field to another, both included, as they
// stand in Raw: a run that is copied whole.
func (h *Head) Lines(from, to *Field) []byte { return h.Raw[from.start:to.end] }

// Get gives the value of the first field of that id which may be forwarded.
func (h *Head) Get(id FieldID) ([]byte, bool) {
	for i := range h.Fields {
		if f := &h.Fields[i]; f.ID == id && f.Flags&Drop == 0 {
			return h.Value(f), true
		}
	}
	return nil, false
}

// Values yields the values of all fields of that name, in any case, except those
// flagged Drop, until yield returns false.
func (h *Head) Values(name string, yield func(value []byte) bool) {
	for i := range h.Fields {
		f := &h.Fields[i]
		if f.Flags&Drop == 0 && EqualFold(h.Name(f), name) && !yield(h.Value(f)) {
			return
		}
	}
}

// ConnectionTokens yields the options that all Connection fields list.
// Case is as sent; empty elements are left out.
func (h *Head) ConnectionTokens() iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		more := true
		for i := range h.Fields {
			if f := &h.Fields[i]; f.ID == Connection && more {
				elements(h.Value(f), func(token []byte) bool {
					more = len(token) == 0 || yield(token)
					return more
				})
			}
		}
	}
}

// ConnectionHas reports whether any Connection field lists the option.
func (h *Head) ConnectionHas(option string) bool {
	for token := range h.ConnectionTokens() {
		if EqualFold(token, option) {
			return true
		}
	}
	return false
}

// What a step of reading came to.
type step uint8

const (
	short   step = iota // the buffer ends first
	done                // the part was read
	tooLong             // a line or the head is over its limit
	tooMany             // too many fields
)

// readFields reads header lines from where the scan stands up to the empty line.
func (h *Head) readFields(buf []byte, lim *Limits) step {
	for {
		pos := h.scan.next
		if h.scan.seen > pos {
			lf := bytes.IndexByte(buf[h.scan.seen:], '\n')
			if lf < 0 {
				return h.short(buf, lim)
			}
		}
		size := emptyLine(buf, pos)
		if size > 0 {
			return h.finish(buf, pos+size, size == 1, lim)
		}
		if !h.plainField(buf, pos) && !h.oddField(buf, pos) {
			return h.short(buf, lim)
		}
		last := &h.Fields[len(h.Fields)-1]
		switch {
		case int(last.end)-pos-2 > lim.Field, int(last.end) > lim.Head:
			return tooLong
		case len(h.Fields) > lim.Fields:
			return tooMany
		}
		h.scan.next = int(last.end)
	}
}

// finish ends the head behind its empty line.
func (h *Head) finish(buf []byte, end int, bareLF bool, lim *Limits) step {
	if end > lim.Head {
		return tooLong
	}
	if bareLF {
		h.scan.odd, h.scan.bareEnd = true, true
	}
	h.Raw = buf[:end]
	h.scan.stage = atEnd
	return done
}

// short notes that there is no whole line at next, and how far that was seen.
func (h *Head) short(buf []byte, lim *Limits) step {
	h.scan.seen = len(buf)
	if len(buf)-h.scan.next > lim.Field+1 || len(buf) > lim.Head {
		return tooLong
	}
	return short
}

// emptyLine gives the length of the line end at pos, 0 if there is none.
func emptyLine(buf []byte, pos int) int {
	switch {
	case pos+1 < len(buf) && buf[pos] == '\r' && buf[pos+1] == '\n':
		return 2
	case pos < len(buf) && buf[pos] == '\n':
		return 1
	}
	return 0
}

// plainField reads the line at pos if it is whole and without any fault: a
// token, a colon, a value without control characters, CRLF. It reports whether
// it was; if not, nothing has changed.
func (h *Head) plainField(buf []byte, pos int) bool {
	nameEnd := pos + tokenLength(buf[pos:])
	if nameEnd == pos || nameEnd >= len(buf) || buf[nameEnd] != ':' {
		return false
	}
	i := nameEnd + 1
	for i < len(buf) && isBlank(buf[i]) {
		i++
	}
	start := i
	i = indexControl(buf, i)
	if i+1 >= len(buf) || buf[i] != '\r' || buf[i+1] != '\n' {
		return false
	}
	end := i
	for end > start && isBlank(buf[end-1]) {
		end--
	}
	id := LookupField(buf[pos:nameEnd])
	var flags Flags
	if id == Other && !ValidFieldName(buf[pos:nameEnd]) {
		flags = Unusual
	}
	h.Fields = append(h.Fields, Field{
		ID:         id,
		Flags:      flags,
		start:      uint32(pos),
		nameEnd:    uint32(nameEnd),
		valueStart: uint32(start),
		valueEnd:   uint32(end),
		end:        uint32(i + 2),
	})
	return true
}

// oddField reads the line at pos whatever is wrong with it, up to its LF. It
// reports whether the line is whole.
func (h *Head) oddField(buf []byte, pos int) bool {
	lf := bytes.IndexByte(buf[pos:], '\n')
	if lf < 0 {
		return false
	}
	h.scan.odd = true
	f := Field{start: uint32(pos), end: uint32(pos + lf + 1)}
	end := pos + lf
	if end > pos && buf[end-1] == '\r' {
		end--
	} else {
		f.Flags |= Rewrite
	}
	line := buf[pos:end]
	colon := bytes.IndexByte(line, ':')
	switch {
	case isBlank(line[0]) && h.afterField():
		f.Flags |= Drop | folded
	case colon < 0:
		f.Flags |= Drop | noColon
	}
	if f.Flags&Drop != 0 {
		f.nameEnd = f.start
		f.valueStart, f.valueEnd = f.start, uint32(end)
		h.Fields = append(h.Fields, f)
		return true
	}
	h.Fields = append(h.Fields, oddPair(buf, f, pos+colon, end))
	return true
}

// oddPair cuts the line of f, which ends at end, at its colon.
func oddPair(buf []byte, f Field, colon, end int) Field {
	name, value := buf[f.start:colon], trim(buf[colon+1:end])
	for end > colon+1 && isBlank(buf[end-1]) {
		end--
	}
	f.nameEnd, f.valueEnd = uint32(colon), uint32(end)
	f.valueStart = f.valueEnd - uint32(len(value))
	switch {
	case len(name) > 0 && allOf(name, tchar):
		f.ID = LookupField(name)
		if !ValidFieldName(name) {
			f.Flags |= Unusual
		}
	case len(name) > 0 && isBlank(name[0]):
		f.Flags |= Drop | leading
	default:
		f.Flags |= Drop
	}
	if anyOf(value, fatal) {
		f.Flags |= Drop
	}
	return f
}

// afterField reports whether a line that begins with a blank continues a field.
// Lines that begin so before the first field do not: RFC 9112 section 2.2.
func (h *Head) afterField() bool {
	n := len(h.Fields)
	return n > 0 && h.Fields[n-1].Flags&leading == 0
}
