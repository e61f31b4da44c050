package http1

import "bytes"

// What a target's chunked answer may have beyond the one spelling that every parser reads alike: blanks
// behind a chunk's size, extensions of any length, lines that end in LF alone, and any trailer section.
// nginx and HAProxy take all of it, so an answer is not thrown away for it. But it is not passed on either: Scan
// stops in front of it, and Mend writes what goes out in its place. Where the message ends is
// never in doubt: all of them read these the same way.

// maxLooseTrailer bounds what is read of an answer's trailer section, in bytes; what is kept is bounded by maxTrailer.
const maxLooseTrailer = 256 << 10

// maxLooseExtension bounds an extension that is left out.
const maxLooseExtension = 16 << 10

// ResetAnswer is Reset for a target's answer, which is read with tolerance: see Mend.
func (b *Body) ResetAnswer(f Framing, length int64) {
	b.Reset(f, length)
	b.loose, b.skip, b.section = f == Chunked, false, 0
}

// Mend takes the bytes of an answer where Scan has stopped in front of some that cannot go out as they are, and
// appends to dst what can: the payload in chunks, without extensions, and trailers that may be ones.
func (b *Body) Mend(dst, p []byte) (out []byte, n int, done bool, err error) {
	return b.run(dst, p, mending)
}

// irregular reports whether the next byte of framing is one that Mend must take.
func (b *Body) irregular(c byte) bool {
	switch b.state {
	case inSize:
		return b.digits > 0 && (c == ' ' || c == '\t' || c == '\n') || b.digits == maxDigits && b.left == 0 && c == '0'
	case inExtension:
		return b.skip || c == '\n' || b.ext == maxExtension || c != '\r' && class[c]&control != 0
	case dataCR:
		return c == '\n'
	}
	return b.state >= trailerStart
}

// mend takes one such byte, and appends what goes out in its place.
func (b *Body) mend(dst []byte, c byte) ([]byte, string) {
	switch {
	case b.state >= trailerStart:
		return b.mendTrailers(dst, c)
	case b.state == dataCR: // LF alone
		b.startSize()
		return append(dst, "\r\n"...), ""
	case c == '\n': // of a size, or of what is behind it
		b.state, b.skip = sizeLF, false
		return append(dst, "\r\n"...), b.step(c)
	case c == '\r' && b.state == inExtension:
		b.state, b.skip = sizeLF, false
		return append(dst, c), ""
	case b.state == inSize && c == '0': // one more zero in front
		return dst, ""
	}
	b.state, b.skip = inExtension, true
	if b.ext++; b.ext > maxLooseExtension {
		return dst, "BadChunkExtension"
	}
	return dst, ""
}

// mendTrailers takes one byte of the trailer section, which is kept until it is whole.
func (b *Body) mendTrailers(dst []byte, c byte) ([]byte, string) {
	if b.section++; b.section > maxLooseTrailer {
		return dst, "BadTrailer"
	}
	if c != '\n' {
		if len(b.lines) < maxTrailer {
			b.lines = append(b.lines, c)
		} else {
			b.skip = true // this line does not fit
		}
		return dst, ""
	}
	line := bytes.TrimSuffix(b.lines[b.kept:], []byte("\r"))
	switch {
	case len(line) == 0 && !b.skip:
		b.lines = b.lines[:b.kept]
		b.state = bodyDone
		return append(append(dst, b.lines...), "\r\n"...), ""
	case b.skip || !goodTrailer(line):
		b.lines, b.skip = b.lines[:b.kept], false
	default:
		b.lines = append(b.lines[:b.kept+len(line)], "\r\n"...)
		b.kept = len(b.lines)
	}
	return dst, ""
}

// goodTrailer reports whether a line of a trailer section is a field that may be there (RFC 9110 section 6.5.1: others
// are ignored). A continuation of the line before (obs-fold) is none, and what it continues is kept without it.
func goodTrailer(line []byte) bool {
	colon := bytes.IndexByte(line, ':')
	return colon > 0 && allOf(line[:colon], tchar) && trailerAllowed(line[:min(colon, longestName)]) && !anyOf(line[colon:], control)
}
