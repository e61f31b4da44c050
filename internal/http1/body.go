package http1

import "math"

// Body follows a message's body as it streams by: it finds the end, and checks
// all that frames it. What passes can be forwarded to the byte, for it is
// spelled in the one way that every parser reads alike (RFC 9112 section 7.1):
// chunk sizes of hexadecimal digits only, with nothing between them and the ';'
// or CRLF; CRLF and no bare CR or LF; extensions and trailers without control
// characters and bounded; no trailer that steers framing, routing or identity.
// That holds for clients to the letter; of a target more is taken, but not passed on: see Mend.
//
// The zero Body is that of a message without one.
type Body struct {
	framing Framing
	state   bodyState
	digits  uint8  // of the chunk size
	nameLen uint8  // of the trailer's name, as far as kept in name
	ext     uint16 // bytes of the chunk extension
	trailer uint16 // bytes of the trailer section
	left    int64  // of the body, or of the chunk
	name    [longestName]byte
	lines   []byte // of the trailer section, as Decode has met them

	// Of an answer:
	loose   bool
	skip    bool  // the line at hand is left out
	section int32 // bytes of the trailer section, all of them
	kept    int   // bytes of lines that are whole
}

const (
	// maxDigits bounds a chunk size with its leading zeros.
	maxDigits = 16
	// maxExtension bounds one chunk's extension, in bytes.
	maxExtension = 256
	// maxTrailer bounds the trailer section, in bytes.
	maxTrailer = 16 << 10
	// longestName is how much of a trailer's name is kept: more than the
	// longest known field name, so that a longer one is Other.
	longestName = 32
)

type bodyState uint8

const (
	bodyDone bodyState = iota
	bodyFailed
	inLength // left bytes more
	inClose  // all that comes
	inSize   // digits of a chunk size
	inExtension
	sizeLF
	inData // left bytes more of the chunk
	dataCR
	dataLF
	trailerStart // a trailer, or the last line
	inName
	inValue
	trailerLF
	lastLF
)

// Reset begins a body. length matters to Length only.
func (b *Body) Reset(f Framing, length int64) {
	b.framing, b.left, b.state, b.loose, b.kept = f, length, bodyDone, false, 0
	switch {
	case f == Chunked:
		b.startSize()
		b.trailer, b.lines = 0, nil
	case f == UntilClose:
		b.state = inClose
	case f == Length && length > 0:
		b.state = inLength
	}
}

func (b *Body) startSize() {
	b.state, b.left, b.digits, b.ext = inSize, 0, 0, 0
}

// Done reports whether the whole body has passed. A body of UntilClose never is:
// the connection's end is its end.
func (b *Body) Done() bool { return b.state == bodyDone }

// Framing gives what Reset was told.
func (b *Body) Framing() Framing { return b.framing }

// Short reports whether every reader knows by the framing that the body is not whole, if
// nothing comes any more: RFC 9112 section 8. Behind the last chunk some no longer look.
func (b *Body) Short() bool {
	switch b.state {
	case inLength, inData, dataCR, dataLF:
		return true
	case inSize, inExtension, sizeLF:
		return b.left > 0 || b.digits == 0
	}
	return false
}

// Scan takes the next bytes of the connection and tells how many of them belong
// to this message, chunk framing and trailers included. done: the message ends
// behind them. On an error, an *Error with status 400, the first n bytes are
// still well; after it the body stays failed. Of an answer, fewer than all bytes may be
// taken although the message goes on: the next ones are Mend's.
func (b *Body) Scan(p []byte) (n int, done bool, err error) {
	_, n, done, err = b.run(nil, p, scanning)
	return n, done, err
}

// Decode does what Scan does, and appends the payload alone to dst: for a
// client of HTTP/1.0 or HTTP/2, which know no chunks. Trailers are left to Trailers.
func (b *Body) Decode(dst, p []byte) (out []byte, n int, done bool, err error) {
	return b.run(dst, p, decoding)
}

// task is what run is to do with the bytes it takes.
type task uint8

const (
	scanning task = iota // leave them where they are
	decoding             // append the payload
	mending              // append what goes out in their place
)

func (b *Body) run(dst, p []byte, t task) (out []byte, n int, done bool, err error) {
	for n < len(p) && b.state != bodyDone {
		switch b.state {
		case inLength, inData, inClose:
			m := b.payload(len(p) - n)
			if t != scanning {
				dst = append(dst, p[n:n+m]...)
			}
			n += m
		case bodyFailed:
			return dst, n, false, &Error{Status: 400, Reason: "BadBody"}
		default:
			var reason string
			if b.loose && b.irregular(p[n]) {
				if t == scanning {
					return dst, n, false, nil
				}
				dst, reason = b.mendTo(dst, p[n], t)
			} else {
				if t != scanning {
					dst = b.keep(dst, p[n], t)
				}
				reason = b.step(p[n])
			}
			if reason != "" {
				b.state = bodyFailed
				return dst, n, false, &Error{Status: 400, Reason: reason}
			}
			n++
		}
	}
	return dst, n, b.state == bodyDone, nil
}

// mendTo is mend, which leaves dst as it is where only the payload is wanted.
func (b *Body) mendTo(dst []byte, c byte, t task) (out []byte, reason string) {
	if t == mending {
		return b.mend(dst, c)
	}
	_, reason = b.mend(nil, c)
	return dst, reason
}

// keep takes down a byte of framing that is as it should be: it goes out as it is, or is one of a trailer.
func (b *Body) keep(dst []byte, c byte, t task) []byte {
	switch {
	case t == mending:
		return append(dst, c)
	case b.inTrailers(c):
		b.lines = append(b.lines, c)
	}
	return dst
}

// inTrailers tells whether the next byte belongs to a trailer line.
func (b *Body) inTrailers(next byte) bool {
	switch b.state {
	case inName, inValue, trailerLF:
		return true
	}
	return b.state == trailerStart && next != '\r'
}

// Trailers gives the lines of the trailer section, line ends included, that Decode
// has met; nil where there are none.
func (b *Body) Trailers() []byte { return b.lines }

// payload takes up to n bytes of payload and moves on behind the last.
func (b *Body) payload(n int) int {
	if b.state == inClose {
		return n
	}
	if int64(n) < b.left {
		b.left -= int64(n)
		return n
	}
	n = int(b.left)
	b.left = 0
	if b.state == inData {
		b.state = dataCR
	} else {
		b.state = bodyDone
	}
	return n
}

// step takes one byte of chunk framing. It returns what is wrong with it.
func (b *Body) step(c byte) (reason string) {
	switch b.state {
	case inSize:
		return b.size(c)
	case inExtension:
		b.ext++
		switch {
		case c == '\r':
			b.state = sizeLF
		case class[c]&control != 0 || b.ext > maxExtension:
			return "BadChunkExtension"
		}
	case sizeLF:
		if c != '\n' {
			return "BadChunkSize"
		}
		b.state = inData
		if b.left == 0 {
			b.state = trailerStart
		}
	case dataCR:
		if c != '\r' {
			return "BadChunkEnd"
		}
		b.state = dataLF
	case dataLF:
		if c != '\n' {
			return "BadChunkEnd"
		}
		b.startSize()
	case lastLF:
		if c != '\n' {
			return "BadTrailer"
		}
		b.state = bodyDone
	default:
		return b.trailers(c)
	}
	return ""
}

// size takes one byte of a chunk size or what follows it.
func (b *Body) size(c byte) (reason string) {
	var d int64
	switch {
	case isDigit(c):
		d = int64(c - '0')
	case 'a' <= c|0x20 && c|0x20 <= 'f':
		d = int64(c|0x20-'a') + 10
	case b.digits > 0 && c == '\r':
		b.state = sizeLF
		return ""
	case b.digits > 0 && c == ';':
		b.state = inExtension
		return ""
	default:
		return "BadChunkSize"
	}
	if b.digits == maxDigits || b.left > math.MaxInt64>>4 {
		return "BadChunkSize"
	}
	b.digits++
	b.left = b.left<<4 | d
	return ""
}

// trailers takes one byte of the trailer section.
func (b *Body) trailers(c byte) (reason string) {
	const bad = "BadTrailer"
	if b.trailer++; b.trailer > maxTrailer {
		return bad
	}
	switch b.state {
	case trailerStart:
		b.nameLen = 0
		if c == '\r' {
			b.state = lastLF
			return ""
		}
		b.state = inName
		return b.trailerName(c)
	case inName:
		return b.trailerName(c)
	case inValue:
		switch {
		case c == '\r':
			b.state = trailerLF
		case class[c]&control != 0:
			return bad
		}
	case trailerLF:
		if c != '\n' {
			return bad
		}
		b.state = trailerStart
	}
	return ""
}

// trailerName takes one byte of a trailer's name or the colon behind it.
func (b *Body) trailerName(c byte) (reason string) {
	switch {
	case class[c]&tchar != 0:
		if b.nameLen < longestName {
			b.name[b.nameLen] = c
			b.nameLen++
		}
	case c == ':' && b.nameLen > 0 && trailerAllowed(b.name[:b.nameLen]):
		b.state = inValue
	default:
		return "BadTrailer"
	}
	return ""
}

// trailerAllowed reports whether a field may stand in the trailer section. RFC
// 9110 section 6.5.1 forbids those that steer framing, routing, authentication
// and the reading of the body; those are among the known ones.
func trailerAllowed(name []byte) bool {
	id := LookupField(name)
	return (id == Other || id == Date) && !imitates(name)
}
