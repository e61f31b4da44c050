package request

import (
	"encoding/json"
	"errors"
	"unicode/utf8"
)

// maxDepth is how deeply a body may nest. A well-formed one needs four levels.
const maxDepth = 32

// kind is what a JSON value is.
type kind uint8

const (
	absent kind = iota
	null
	yes
	no
	number
	notFinite // NaN, Infinity, -Infinity: not JSON, but what Python's json.dumps writes for them
	text
	array
	object
)

// value is one JSON value: its kind and the bytes it was written with, quotes and brackets included.
type value struct {
	kind kind
	raw  []byte
}

// reader walks through a JSON text. The first mistake in the text stops it: err is set and every later call returns at
// once with nothing.
//
// It exists beside encoding/json because a refusal has to name every wrong field with its place, which needs the values
// before they are forced into types, and because it walks a request without allocating.
type reader struct {
	data []byte
	at   int
	err  error
}

var (
	errEnd      = errors.New("the text ends too early")
	errSyntax   = errors.New("unexpected character")
	errTrailing = errors.New("extra data after the value")
	errDepth    = errors.New("nested too deeply")
	errUTF8     = errors.New("not valid UTF-8")
	errEscape   = errors.New("invalid escape or control character in a string")
)

// newReader checks the encoding of data and returns a reader at its first value.
func newReader(data []byte) reader {
	r := reader{data: data}
	if !utf8.Valid(data) {
		for r.at < len(data) {
			c, n := utf8.DecodeRune(data[r.at:])
			if c == utf8.RuneError && n == 1 {
				break
			}
			r.at += n
		}
		r.err = errUTF8
		return r
	}
	r.space()
	return r
}

func (r *reader) fail(err error) {
	if r.err == nil {
		r.err = err
	}
}

func (r *reader) space() {
	for r.at < len(r.data) {
		switch r.data[r.at] {
		case ' ', '\t', '\n', '\r':
			r.at++
		default:
			return
		}
	}
}

// peek returns the next byte, or 0 at the end or after a mistake.
func (r *reader) peek() byte {
	if r.err != nil || r.at >= len(r.data) {
		return 0
	}
	return r.data[r.at]
}

// take passes over the byte c and the white space behind it, or fails.
func (r *reader) take(c byte) bool {
	if r.err != nil {
		return false
	}
	if r.at >= len(r.data) {
		r.fail(errEnd)
		return false
	}
	if r.data[r.at] != c {
		r.fail(errSyntax)
		return false
	}
	r.at++
	r.space()
	return true
}

// end reports whether the text ended well: without a mistake and without anything behind the value.
func (r *reader) end() bool {
	if r.err == nil && r.at < len(r.data) {
		r.fail(errTrailing)
	}
	return r.err == nil
}

// more steps to the next member of an array or object closed by the byte end, reporting whether there is one. first is
// true for the first call, behind the opening bracket.
func (r *reader) more(first bool, end byte) bool {
	if r.err != nil {
		return false
	}
	if r.peek() == end {
		r.take(end)
		return false
	}
	if first {
		return true
	}
	// Behind a comma has to stand a member: key and value refuse the closing bracket.
	return r.take(',')
}

// key reads a member's name and the colon behind it. The name is returned without quotes.
func (r *reader) key() []byte {
	v := r.string()
	r.take(':')
	if r.err != nil {
		return nil
	}
	return unquote(v.raw)
}

// value reads the next value, whatever it is. Arrays and objects are checked and passed over as a whole.
func (r *reader) value(depth int) value {
	switch c := r.peek(); {
	case r.err != nil:
		return value{}
	case c == '"':
		return r.string()
	case c == '{' || c == '[':
		return r.container(depth)
	case c == '-' || c >= '0' && c <= '9':
		return r.number()
	default:
		return r.word()
	}
}

func (r *reader) container(depth int) value {
	start, isObject := r.at, r.data[r.at] == '{'
	if depth >= maxDepth {
		r.fail(errDepth)
		return value{}
	}
	v := value{kind: array}
	end := byte(']')
	if isObject {
		v.kind, end = object, '}'
	}
	r.at++
	r.space()
	for first := true; r.more(first, end); first = false {
		if isObject {
			r.key()
		}
		r.value(depth + 1)
	}
	v.raw = r.data[start:r.at]
	return v
}

// words are the values that are written as words.
var words = [...]struct {
	text string
	kind kind
}{{"null", null}, {"true", yes}, {"false", no}, {"NaN", notFinite}, {"Infinity", notFinite}, {"-Infinity", notFinite}}

func (r *reader) word() value {
	rest := r.data[r.at:]
	for _, w := range words {
		if len(rest) >= len(w.text) && string(rest[:len(w.text)]) == w.text {
			r.at += len(w.text)
			r.space()
			return value{kind: w.kind, raw: rest[:len(w.text)]}
		}
	}
	if len(rest) == 0 {
		r.fail(errEnd)
	} else {
		r.fail(errSyntax)
	}
	return value{}
}

// number reads a number by the grammar of RFC 8259 section 6.
func (r *reader) number() value {
	start := r.at
	if r.data[r.at] == '-' {
		r.at++
		if r.peek() == 'I' {
			r.at--
			return r.word()
		}
	}
	if r.peek() == '0' {
		r.at++
	} else {
		r.digits()
	}
	if r.peek() == '.' {
		r.at++
		r.digits()
	}
	if c := r.peek(); c == 'e' || c == 'E' {
		r.at++
		if c := r.peek(); c == '+' || c == '-' {
			r.at++
		}
		r.digits()
	}
	v := value{kind: number, raw: r.data[start:r.at]}
	r.space()
	return v
}

// digits passes over one digit or more.
func (r *reader) digits() {
	start := r.at
	for c := r.peek(); c >= '0' && c <= '9'; c = r.peek() {
		r.at++
	}
	if r.at == start && r.at >= len(r.data) {
		r.fail(errEnd)
	} else if r.at == start {
		r.fail(errSyntax)
	}
}

// string reads a string by the grammar of RFC 8259 section 7.
func (r *reader) string() value {
	if r.err != nil {
		return value{}
	}
	if r.peek() != '"' {
		r.take('"') // says what is wrong
		return value{}
	}
	start := r.at
	for r.at++; r.at < len(r.data); r.at++ {
		switch c := r.data[r.at]; {
		case c == '"':
			r.at++
			v := value{kind: text, raw: r.data[start:r.at]}
			r.space()
			return v
		case c < ' ':
			r.fail(errEscape)
			return value{}
		case c == '\\':
			if !r.escape() {
				r.fail(errEscape)
				return value{}
			}
		}
	}
	r.fail(errEnd)
	return value{}
}

// escape steps onto the last byte of the escape that begins here.
func (r *reader) escape() bool {
	r.at++
	switch r.peek() {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return true
	case 'u':
		for range 4 {
			r.at++
			c := r.peek() | 0x20
			if !(c >= '0' && c <= '9' || c >= 'a' && c <= 'f') || r.peek() < '0' {
				return false
			}
		}
		return true
	}
	return false
}

// unquote returns what the string literal raw says.
func unquote(raw []byte) []byte {
	inner := raw[1 : len(raw)-1]
	for _, c := range inner {
		if c == '\\' {
			var s string
			if json.Unmarshal(raw, &s) != nil {
				return nil
			}
			return []byte(s)
		}
	}
	return inner
}
