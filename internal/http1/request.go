package http1

// Request is the head of a request. Its slices alias the buffer given to Parse
// and live as long as that buffer's content does.
type Request struct {
	Head
	Method, Target []byte // as sent; Target without blanks around it
	// Path and Query are the parts of the target, also of an absolute one. Path
	// is "*" for OPTIONS *. Query has no '?', and is nil where there is none.
	Path, Query []byte
	// Host is the host asked for: the authority of an absolute target, else the
	// Host field (RFC 9112 section 3.2.2). Empty only for HTTP/1.0 or if sent so.
	Host          []byte
	Minor         int  // 0 or 1 of HTTP/1.x; higher ones count as 1
	HasVersion    bool // Minor was read: false where a request was refused before, or for its version
	Absolute      bool // the target is a whole URI
	Framing       Framing
	ContentLength int64 // of the body; 0 without one, -1 where it is chunked
	// KeepAlive: the client's connection may serve another request after this
	// one, by version, Connection, and Close.
	KeepAlive bool
	Expect100 bool   // the client waits for 100 Continue
	Upgrade   []byte // the Upgrade field, where Connection lists it
	Class     Classification
	// Close: desync mitigation wants both connections, the client's and the
	// target's, closed behind this exchange.
	Close bool
	// WriteFraming: the head's framing lines are all flagged Drop; write one with
	// [AppendFraming].
	WriteFraming bool
	// Clean: Raw is such that it could be forwarded to the byte. No field is
	// flagged Drop or Rewrite, and the request line is as RFC 9112 has it.
	Clean bool

	line requestLine
}

// Reset forgets what was read. The next Parse begins a new request.
func (r *Request) Reset() {
	r.Head.reset()
	*r = Request{Head: r.Head}
}

// Parse reads a request's head from the beginning of buf. It returns the head's
// length, and 0 without an error as long as buf does not hold all of it: call it
// again when there is more, with the earlier bytes in the same places (the
// buffer itself may have moved). Empty lines in front are skipped and counted
// (RFC 9112 section 2.2). After a head or an error, Parse begins anew.
//
// Errors are *Error: 400 malformed, over a limit or refused by the mode; 405
// for TRACE and CONNECT; 414 request line too long; 501 for transfer codings
// other than chunked (ALB takes no other, and identity only in front of it);
// 505 for versions other than HTTP/1.x. For the log, Method and Target are set if
// the request line was read, and Get finds the fields that were.
func (r *Request) Parse(buf []byte, lim Limits) (n int, err error) {
	if r.scan.stage == atEnd {
		r.Reset()
	}
	lim.fill(defaultRequestHead)
	n, refused := r.parse(buf, &lim)
	if refused != nil {
		if r.scan.stage != atEnd {
			r.Raw, r.scan.stage = buf[r.scan.skipped:], atEnd
		}
		return 0, refused
	}
	return n, nil
}

func (r *Request) parse(buf []byte, lim *Limits) (int, *Error) {
	if r.scan.stage == atStart {
		got := r.readLine(buf, lim)
		if first := buf[r.scan.skipped:]; len(first) > 1 && class[first[0]]&tchar == 0 {
			return 0, &Error{400, BadMethod.String(), Classification{Severe, BadMethod}}
		}
		switch got {
		case short:
			return 0, nil
		case tooLong:
			return 0, &Error{Status: 414, Reason: "RequestLineTooLong"}
		}
		if err := r.version(buf[r.scan.skipped:]); err != nil {
			return 0, err
		}
	}
	switch r.readFields(buf[r.scan.skipped:], lim) {
	case short:
		return 0, nil
	case tooLong:
		r.parts(buf[r.scan.skipped:])
		return 0, &Error{Status: 400, Reason: "HeaderTooLong"}
	case tooMany:
		r.parts(buf[r.scan.skipped:])
		return 0, &Error{Status: 400, Reason: "TooManyHeaders"}
	}
	r.parts(r.Raw)
	if err := r.conclude(lim); err != nil {
		return 0, err
	}
	return r.scan.skipped + len(r.Raw), nil
}

// parts sets Method and Target from the request line.
func (r *Request) parts(head []byte) {
	r.Method, r.Target = r.line.method(head), r.line.target(head)
}

// version refuses other protocols as soon as the request line is there: their
// heads may not end with an empty line.
func (r *Request) version(head []byte) *Error {
	minor, other, ok := httpMinor(trim(r.line.version(head)))
	if ok {
		r.Minor, r.HasVersion = minor, true
		return nil
	}
	r.parts(head)
	j := newJudge(r.Method, r.line.version(head))
	err := &Error{400, BadVersion.String(), j.verdict(r.Target)}
	if other {
		err.Status, err.Reason = 505, "UnsupportedVersion"
	}
	return err
}

// summary is what one walk over the fields has found.
type summary struct {
	options
	hosts, lengths, codings int
	odd                     bool
	torn                    bool // a field that steers the request is folded
}

// walk looks at every field once and picks up what steers the request.
func (r *Request) walk() (s summary) {
	s.odd = r.scan.odd || r.line.odd
	for i := range r.Fields {
		f := &r.Fields[i]
		switch f.ID {
		case Other:
			switch {
			case f.Flags&folded != 0:
				s.torn = r.tear(i) || s.torn
			case f.nameEnd-f.start >= uint32(len(contentLength)) && imitates(r.Name(f)):
				f.Flags |= Drop
				s.odd = true
			}
		case Host:
			s.hosts++
			r.Host = r.Value(f)
		case Connection:
			f.Flags |= Hop
			s.options.add(r.Value(f))
		case ContentLength:
			s.lengths++
		case TransferEncoding:
			s.codings++
		case Expect:
			r.Expect100 = r.Minor == 1 && EqualFold(r.Value(f), "100-continue")
		case Upgrade:
			f.Flags |= Hop
			r.Upgrade = r.Value(f)
		case KeepAlive, ProxyConnection, TE, HTTP2Settings:
			f.Flags |= Hop
		}
	}
	return s
}

// tear drops the field that the folded line i continues, for half a value is
// worse than none. It reports whether the request can't be read without it.
func (r *Request) tear(i int) bool {
	for i--; i > 0 && r.Fields[i].Flags&folded != 0; i-- {
	}
	f := &r.Fields[i]
	f.Flags |= Drop
	return f.ID == ContentLength || f.ID == TransferEncoding || f.ID == Host || f.ID == Connection
}

// conclude works out what the head means, once it is whole.
func (r *Request) conclude(lim *Limits) *Error {
	s := r.walk()
	if !s.upgrade || r.Minor == 0 {
		r.Upgrade = nil
	}
	coded, bad := r.frame(&s, lim.Framed)
	if err := r.refusal(lim.Mode, &coded); err != nil {
		return err
	}
	if bad != nil {
		bad.Class = r.Class
		return bad
	}
	if s.torn {
		return r.refuse(400, BadHeader.String())
	}
	if err := r.method(); err != nil {
		return err
	}
	if err := r.target(&s); err != nil {
		return err
	}
	if s.others > 0 {
		if s.others > maxOptions {
			return r.refuse(400, "TooManyConnectionOptions")
		}
		r.flagNamed()
	}
	if s.odd {
		r.clean()
	}
	r.Close = r.mustClose(lim.Mode, &s)
	r.KeepAlive = s.persistent(r.Minor) && !r.Close
	return nil
}

func (r *Request) refuse(status int, reason string) *Error {
	return &Error{status, reason, r.Class}
}

// frame finds the body's framing, flags what may not be forwarded of it, and
// classifies the request where anything calls for it. framed is Limits.Framed.
func (r *Request) frame(s *summary, framed bool) (coded codings, err *Error) {
	r.Clean = true
	ordinary := !s.odd
	switch {
	case s.codings > 0:
		coded = r.Head.codings()
		ordinary = ordinary && s.lengths == 0 && r.Minor == 1 && coded.plain()
		err = r.frameChunked(&coded)
	case s.lengths > 0:
		var reason string
		var kept bool
		r.Framing = Length
		r.ContentLength, kept, reason = r.Head.length()
		r.WriteFraming = !kept
		ordinary = ordinary && s.lengths == 1 && kept
		if reason != "" {
			err = &Error{Status: 400, Reason: reason}
		}
	}
	if ordinary && (r.Framing == NoBody || !r.bodyless()) {
		return coded, err
	}
	s.odd = true
	if !framed {
		r.Class = r.classify()
	}
	return coded, err
}

// frameChunked takes Transfer-Encoding over any Content-Length (RFC 9112
// section 6.3). Only the plain line goes on; others are written anew.
func (r *Request) frameChunked(coded *codings) *Error {
	r.Framing, r.ContentLength = Chunked, -1
	r.flag(ContentLength, Drop)
	if !coded.plain() || r.Minor == 0 { // some take no notice of it in HTTP/1.0
		r.flag(TransferEncoding, Drop)
		r.WriteFraming = true
	}
	switch {
	case coded.bad:
		return &Error{Status: 400, Reason: BadTransferEncoding.String()}
	case coded.other:
		return &Error{Status: 501, Reason: "UnsupportedTransferEncoding"}
	case coded.chunked > 1:
		return &Error{Status: 400, Reason: MultipleTransferEncodingChunked.String()}
	case !coded.last:
		return &Error{Status: 400, Reason: "UndefinedLength"}
	}
	return nil
}

// refusal is what the mode says to the classification. A well-formed coding
// that is not known is told apart from a broken one: 501.
func (r *Request) refusal(mode Mode, coded *codings) *Error {
	pass := Ambiguous
	switch mode {
	case Strictest:
		pass = Compliant
	case Monitor:
		pass = Severe
	}
	switch {
	case r.Class.Tier <= pass:
		return nil
	case r.Class.Reason == BadTransferEncoding && coded.other && !coded.bad:
		return r.refuse(501, "UnsupportedTransferEncoding")
	}
	return r.refuse(400, r.Class.Reason.String())
}

// bodyless: a body of GET or HEAD has no defined meaning (RFC 9110 section 9.3).
func (r *Request) bodyless() bool {
	return string(r.Method) == "GET" || string(r.Method) == "HEAD"
}

func (r *Request) method() *Error {
	switch string(r.Method) {
	case "TRACE", "CONNECT":
		return r.refuse(405, "MethodNotAllowed")
	}
	if r.line.odd && !allOf(r.Method, tchar) {
		return r.refuse(400, BadMethod.String())
	}
	return nil
}

// clean works out Clean where something is odd.
func (r *Request) clean() {
	r.Clean = !r.line.odd && !r.line.bareLF && !r.WriteFraming && !r.scan.bareEnd
	for i := range r.Fields {
		if r.Fields[i].Flags&(Drop|Rewrite) != 0 {
			r.Clean = false
		}
	}
}

// mustClose tells whether the connections end with this exchange. Defensive
// mode asks it for everything Ambiguous. Where another parser could have found
// another end, no mode goes on to read a next request (RFC 9112 section 6.1).
func (r *Request) mustClose(mode Mode, s *summary) bool {
	switch {
	case r.Class.Tier < Ambiguous:
		return false
	case mode != Monitor, r.Class.Tier == Severe, r.Class.Reason == SuspiciousHeader:
		return true
	}
	return s.codings > 0 && (s.lengths > 0 || r.Minor == 0)
}
