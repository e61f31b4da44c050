package http1

import "strconv"

// AppendField appends the field as it should be forwarded: its name and value as
// sent, CRLF at the end.
func (h *Head) AppendField(dst []byte, f *Field) []byte {
	return AppendLine(dst, h.Name(f), h.Value(f))
}

// AppendFields appends the header lines that may be forwarded and that drop does not
// name, in runs as they stand in Raw. drop is asked about every field once, in order.
func (h *Head) AppendFields(dst []byte, drop func(f *Field) bool) []byte {
	from := -1
	for i := range h.Fields {
		f := &h.Fields[i]
		left := drop(f) || f.Flags&(Drop|Hop) != 0
		if !left && f.Flags&Rewrite == 0 {
			if from < 0 {
				from = i
			}
			continue
		}
		if from >= 0 {
			dst = append(dst, h.Lines(&h.Fields[from], &h.Fields[i-1])...)
			from = -1
		}
		if !left {
			dst = h.AppendField(dst, f)
		}
	}
	if from >= 0 {
		dst = append(dst, h.Lines(&h.Fields[from], &h.Fields[len(h.Fields)-1])...)
	}
	return dst
}

// AppendLine appends a header line: "name: value" and CRLF.
func AppendLine[N, V string | []byte](dst []byte, name N, value V) []byte {
	dst = append(dst, name...)
	dst = append(dst, ": "...)
	dst = append(dst, value...)
	return append(dst, "\r\n"...)
}

// AppendIntLine appends a header line whose value is a decimal number.
func AppendIntLine(dst []byte, name string, value int64) []byte {
	dst = append(dst, name...)
	dst = append(dst, ": "...)
	dst = strconv.AppendInt(dst, value, 10)
	return append(dst, "\r\n"...)
}

// AppendFraming appends the line that announces the body; none for NoBody and
// UntilClose.
func AppendFraming(dst []byte, f Framing, length int64) []byte {
	switch f {
	case Length:
		return AppendIntLine(dst, "Content-Length", length)
	case Chunked:
		return append(dst, "Transfer-Encoding: chunked\r\n"...)
	}
	return dst
}

// AppendStatusLine appends the status line of an HTTP/1.1 response.
func AppendStatusLine[R string | []byte](dst []byte, status int, reason R) []byte {
	dst = append(dst, "HTTP/1.1 "...)
	dst = strconv.AppendInt(dst, int64(status), 10)
	dst = append(dst, ' ')
	dst = append(dst, reason...)
	return append(dst, "\r\n"...)
}

// AppendRequestLine appends the request line for a target: the method, the
// origin form of what was asked for, HTTP/1.1.
func (r *Request) AppendRequestLine(dst []byte) []byte {
	dst = append(dst, r.Method...)
	dst = append(dst, ' ')
	dst = r.AppendTarget(dst)
	return append(dst, " HTTP/1.1\r\n"...)
}

// AppendTarget appends the origin form of the target: path and query. Blanks and
// control characters, which would split the request line, are percent-encoded;
// all else stays as sent.
func (r *Request) AppendTarget(dst []byte) []byte {
	if !r.line.odd {
		if !r.Absolute {
			return append(dst, r.Target...)
		}
		return appendQuery(append(dst, r.Path...), r.Query)
	}
	dst = AppendEncoded(dst, r.Path)
	if r.Query != nil {
		dst = AppendEncoded(append(dst, '?'), r.Query)
	}
	return dst
}

func appendQuery(dst, query []byte) []byte {
	if query == nil {
		return dst
	}
	return append(append(dst, '?'), query...)
}

// AppendEncoded appends b with blanks and control characters percent-encoded.
func AppendEncoded(dst, b []byte) []byte {
	const hex = "0123456789ABCDEF"
	for _, c := range b {
		if c <= ' ' || c == 0x7f {
			dst = append(dst, '%', hex[c>>4], hex[c&15])
		} else {
			dst = append(dst, c)
		}
	}
	return dst
}

// AppendChunk appends one chunk with its payload; nothing for an empty payload,
// which would end the body.
func AppendChunk(dst, payload []byte) []byte {
	if len(payload) == 0 {
		return dst
	}
	dst = strconv.AppendInt(dst, int64(len(payload)), 16)
	dst = append(dst, "\r\n"...)
	dst = append(dst, payload...)
	return append(dst, "\r\n"...)
}

// LastChunk ends a chunked body that has no trailers.
const LastChunk = "0\r\n\r\n"
