package http1

import "bytes"

// Response is the head of a response. Its slices alias the buffer given to Parse.
type Response struct {
	Head
	Minor         int // 0 or 1 of HTTP/1.x; higher ones count as 1
	Status        int // 100-999
	Reason        []byte
	Framing       Framing
	ContentLength int64  // as announced, also where no body follows; -1 if not
	KeepAlive     bool   // the target keeps the connection after this response
	Upgrade       []byte // the Upgrade field, where Connection lists it
	// WriteFraming: the head's framing lines are all flagged Drop; write one with
	// [AppendFraming].
	WriteFraming bool
	// Clean: no field is flagged Drop or Rewrite, and all line ends are CRLF.
	Clean bool

	doubtful               bool // the connection is not to be used again
	reasonStart, reasonEnd uint32
}

// Reset forgets what was read. The next Parse begins a new response.
func (r *Response) Reset() {
	r.Head.reset()
	*r = Response{Head: r.Head}
}

// Parse reads a response's head from the beginning of buf, the answer to a
// request of the given method, which decides with the status whether a body
// follows (RFC 9112 section 6.3). It is called and returns as [Request.Parse]
// does. An interim response (1xx) is a response of its own: Parse again for the
// next.
//
// A target is held to the standard more than a client, since a flaw here is a
// defect and not a dialect: all errors are *Error with status 502. Forgiven is
// what nginx and HAProxy both take, as long as every reader finds the same end of the
// message: line ends of LF alone, fields that merely repeat, blanks in the status line, and framing
// fields that RFC 9112 section 6.3 has an answer for. Where it says that the message is suspicious,
// the connection is not used again.
func (r *Response) Parse(buf []byte, lim Limits, requestMethod []byte) (n int, err error) {
	if r.scan.stage == atEnd {
		r.Reset()
	}
	lim.fill(defaultResponseHead)
	n, reason := r.parse(buf, &lim, requestMethod)
	if reason != "" {
		if r.scan.stage != atEnd {
			r.Raw, r.scan.stage = buf, atEnd
		}
		return 0, &Error{Status: 502, Reason: reason}
	}
	return n, nil
}

func (r *Response) parse(buf []byte, lim *Limits, method []byte) (n int, reason string) {
	if r.scan.stage == atStart {
		got, ok := r.readLine(buf, lim)
		switch {
		case !ok:
			return 0, "BadStatusLine"
		case got == tooLong:
			return 0, "StatusLineTooLong"
		case got == short:
			return 0, ""
		}
	}
	switch r.readFields(buf, lim) {
	case short:
		return 0, ""
	case tooLong:
		return 0, "HeaderTooLong"
	case tooMany:
		return 0, "TooManyHeaders"
	}
	r.Reason = r.Raw[r.reasonStart:r.reasonEnd]
	return len(r.Raw), r.conclude(method)
}

// readLine reads the status line (RFC 9112 section 4); ok is false for what is
// none. Its first bytes are looked at as soon as they are there, so that a target
// which does not speak HTTP is told at once.
func (r *Response) readLine(buf []byte, lim *Limits) (got step, ok bool) {
	const version = "HTTP/1."
	if n := min(len(buf), len(version)); string(buf[:n]) != version[:n] {
		return short, false
	}
	lf := bytes.IndexByte(buf[r.scan.seen:], '\n')
	if lf < 0 {
		r.scan.seen = len(buf)
		if len(buf) > lim.Line+1 {
			return tooLong, true
		}
		return short, true
	}
	end := r.scan.seen + lf
	r.scan.next, r.scan.seen, r.scan.stage = end+1, 0, atFields
	if end > 0 && buf[end-1] == '\r' {
		end--
	} else {
		r.scan.odd, r.scan.bareEnd = true, true
	}
	if end > lim.Line {
		return tooLong, true
	}
	return done, r.statusLine(buf[:end])
}

// statusLine reads "HTTP/1.x SP 3DIGIT [SP reason]"; there may be several blanks before the status.
func (r *Response) statusLine(line []byte) bool {
	if len(line) < 12 || !isDigit(line[7]) || line[8] != ' ' {
		return false
	}
	r.Minor = min(int(line[7]-'0'), 1)
	at := 9
	for at < len(line) && line[at] == ' ' {
		at++
	}
	if len(line) < at+3 {
		return false
	}
	for _, c := range line[at : at+3] {
		if !isDigit(c) {
			return false
		}
		r.Status = r.Status*10 + int(c-'0')
	}
	r.reasonStart, r.reasonEnd = uint32(len(line)), uint32(len(line))
	if rest := line[at+3:]; len(rest) > 0 {
		if rest[0] != ' ' || anyOf(rest, fatal) {
			return false
		}
		r.reasonStart = uint32(at + 4)
	}
	return r.Status >= 100
}

// conclude works out what the head means, once it is whole.
func (r *Response) conclude(method []byte) (reason string) {
	var o options
	lengths, coded, bad := r.walk(&o)
	switch {
	case bad:
		return BadHeader.String()
	case o.others > maxOptions:
		return "TooManyConnectionOptions"
	case o.others > 0:
		r.flagNamed()
	}
	if !o.upgrade {
		r.Upgrade = nil
	}
	if reason = r.frame(method, lengths, coded); reason != "" {
		return reason
	}
	r.Clean = true
	if r.scan.odd {
		r.clean()
	}
	r.KeepAlive = o.persistent(r.Minor) && r.Framing != UntilClose && !r.doubtful
	return ""
}

// walk looks at every field once and picks up what steers the response.
func (r *Response) walk(o *options) (lengths int, coded codings, bad bool) {
	for i := range r.Fields {
		f := &r.Fields[i]
		bad = bad || f.Flags&Drop != 0
		switch f.ID {
		case Other:
			if f.nameEnd-f.start >= uint32(len(contentLength)) && imitates(r.Name(f)) {
				f.Flags |= Drop
				r.scan.odd = true
			}
		case Connection:
			f.Flags |= Hop
			o.add(r.Value(f))
		case ContentLength:
			lengths++
		case TransferEncoding:
			coded.add(r.Value(f))
		case Upgrade:
			f.Flags |= Hop
			r.Upgrade = r.Value(f)
		case KeepAlive, ProxyConnection:
			f.Flags |= Hop
		case Location:
			// No URI has any, and browsers leave some of them out: /<tab>/host/ leads to another host.
			bad = bad || anyOf(r.Value(f), control) || bytes.IndexByte(r.Value(f), '\t') >= 0
		}
	}
	return lengths, coded, bad
}

// frame finds the body's framing by RFC 9112 section 6.3. Lengths that differ and codings other
// than chunked are refused. Both framing fields at once, and Transfer-Encoding from an HTTP/1.0 target,
// are taken as chunked, for the last time on this connection (section 6.1).
func (r *Response) frame(method []byte, lengths int, coded codings) (reason string) {
	r.ContentLength = -1
	var kept bool
	if coded.fields > 0 {
		switch {
		case coded.empty():
			r.leaveOut(TransferEncoding)
			coded = codings{}
		case coded.bad, coded.other, coded.chunked != 1, !coded.last:
			return BadTransferEncoding.String()
		case lengths > 0:
			r.leaveOut(ContentLength)
			lengths = 0
		}
		r.doubtful = r.doubtful || r.Minor == 0
	}
	if lengths > 0 {
		if r.ContentLength, kept, reason = r.lengthOf(); reason != "" {
			return reason
		}
		r.scan.odd = r.scan.odd || lengths > 1 || !kept
	}
	switch {
	case r.Status < 200 || r.Status == 204:
		// These have no framing fields (RFC 9110 section 8.6); a parser that
		// believed one would wait for a body. A target that announces one may send it.
		if lengths+coded.fields > 0 {
			r.doubtful = r.doubtful || r.Status == 204 && r.ContentLength != 0
			r.flag(ContentLength, Drop)
			r.flag(TransferEncoding, Drop)
			r.scan.odd = true
			r.ContentLength = -1
		}
		return ""
	case coded.fields > 0:
		r.Framing = Chunked
		if !coded.plain() {
			r.flag(TransferEncoding, Drop)
			r.WriteFraming, r.scan.odd = true, true
		}
	case lengths > 0:
		r.Framing, r.WriteFraming = Length, !kept
	default:
		r.Framing = UntilClose
	}
	if r.Status == 304 || string(method) == "HEAD" {
		r.Framing = NoBody
	}
	return ""
}

// leaveOut drops a framing field that means nothing. Who sends one may have meant another end of the message.
func (r *Response) leaveOut(id FieldID) {
	r.flag(id, Drop)
	r.scan.odd, r.doubtful = true, true
}

// lengthOf is Head.length, for one field that lists the same length several times as well (RFC 9110 section 8.6).
func (r *Response) lengthOf() (n int64, kept bool, reason string) {
	for i := range r.Fields {
		if f := &r.Fields[i]; f.ID == ContentLength {
			if one, ok := agreed(r.Value(f)); ok {
				f.valueEnd = f.valueStart + uint32(one)
				f.Flags |= Rewrite
				r.scan.odd = true
			}
		}
	}
	return r.length()
}

// agreed gives the length of the first element of a list whose elements are all the same; ok is false where there is
// but one element, or they differ.
func agreed(list []byte) (n int, ok bool) {
	comma := bytes.IndexByte(list, ',')
	if comma < 0 {
		return 0, false
	}
	first := trim(list[:comma])
	if ok = len(first) > 0 && list[0] != ' ' && list[0] != '\t'; !ok {
		return 0, false
	}
	elements(list, func(element []byte) bool {
		ok = bytes.Equal(element, first)
		return ok
	})
	return len(first), ok
}

// clean works out Clean where something is odd.
func (r *Response) clean() {
	r.Clean = !r.scan.bareEnd && !r.WriteFraming
	for i := range r.Fields {
		if r.Fields[i].Flags&(Drop|Rewrite) != 0 {
			r.Clean = false
		}
	}
}
