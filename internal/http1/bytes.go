package http1

import (
	"encoding/binary"
	"math/bits"
)

// Byte classes. The names follow RFC 9110 section 5.6.2 and RFC 9112.
const (
	tchar   uint8 = 1 << iota // may stand in a field name or method
	control                   // may not stand in a field value: CTL but HTAB
	fatal                     // NUL, CR, LF: never inside a name or value
	alnum                     // ASCII letter or digit
	plain                     // what ALB allows in a field name: alnum and '-'
	hostish                   // may stand in a host: RFC 3986 reg-name, or IPv6 address
)

// class gives the classes of each byte.
var class = func() (t [256]uint8) {
	for i := range t {
		c := byte(i)
		letter := 'a' <= c|0x20 && c|0x20 <= 'z'
		digit := '0' <= c && c <= '9'
		if letter || digit {
			t[i] |= tchar | alnum | plain | hostish
		}
		if c < ' ' && c != '\t' || c == 0x7f {
			t[i] |= control
		}
	}
	for _, c := range []byte("!#$%&'*+-.^_`|~") {
		t[c] |= tchar
	}
	t['-'] |= plain
	for _, c := range []byte("-._~%!$&'()*+,;=:") {
		t[c] |= hostish
	}
	for _, c := range []byte("\x00\r\n") {
		t[c] |= fatal
	}
	return t
}()

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// below marks, in the high bit of each byte of x, the bytes smaller than n
// (1..128) or equal to DEL. Only the lowest mark is exact, which is all that a
// search from the left needs.
func below(x, n uint64) uint64 {
	del := x ^ ones*0x7f
	return ((x-ones*n)&^x | (del-ones)&^del) & highs
}

// indexControl returns the place of the first byte of b at or after i that may
// not stand in a field value, or len(b).
func indexControl(b []byte, i int) int {
	for i+8 <= len(b) {
		m := below(binary.LittleEndian.Uint64(b[i:]), 0x20)
		if m == 0 {
			i += 8
			continue
		}
		i += bits.TrailingZeros64(m) >> 3
		if b[i] != '\t' {
			return i
		}
		i++
	}
	for ; i < len(b); i++ {
		if class[b[i]]&control != 0 {
			return i
		}
	}
	return i
}

// tokenLength gives how many bytes at the beginning of b are tchar.
func tokenLength(b []byte) int {
	for i, c := range b {
		if class[c]&tchar == 0 {
			return i
		}
	}
	return len(b)
}

// plainTarget reports whether b has neither blanks nor control characters.
func plainTarget(b []byte) bool {
	i := 0
	for ; i+8 <= len(b); i += 8 {
		if below(binary.LittleEndian.Uint64(b[i:]), 0x21) != 0 {
			return false
		}
	}
	for ; i < len(b); i++ {
		if b[i] <= ' ' || b[i] == 0x7f {
			return false
		}
	}
	return true
}

// allOf reports whether every byte of b is of the class.
func allOf(b []byte, of uint8) bool {
	for _, c := range b {
		if class[c]&of == 0 {
			return false
		}
	}
	return true
}

// anyOf reports whether some byte of b is of the class.
func anyOf(b []byte, of uint8) bool {
	for _, c := range b {
		if class[c]&of != 0 {
			return true
		}
	}
	return false
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' }

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c | 0x20
	}
	return c
}

// trim cuts optional white space (OWS: SP and HTAB) from both ends.
func trim(b []byte) []byte {
	for len(b) > 0 && isBlank(b[0]) {
		b = b[1:]
	}
	for len(b) > 0 && isBlank(b[len(b)-1]) {
		b = b[:len(b)-1]
	}
	return b
}

// EqualFold reports whether b equals s but for the case of ASCII letters.
// Unlike bytes.EqualFold it knows no Unicode: U+017F is not an s here.
func EqualFold[S string | []byte](b []byte, s S) bool {
	if len(b) != len(s) {
		return false
	}
	for i, c := range b {
		if c != s[i] && lower(c) != lower(s[i]) {
			return false
		}
	}
	return true
}

// elements yields the elements of a comma-separated list, trimmed, empty ones
// included, until yield returns false.
func elements(value []byte, yield func([]byte) bool) {
	for start, i := 0, 0; i <= len(value); i++ {
		if i == len(value) || value[i] == ',' {
			if !yield(trim(value[start:i])) {
				return
			}
			start = i + 1
		}
	}
}
