package http2

// Byte classes.
const (
	tokenByte  uint8 = 1 << iota // RFC 9110 section 5.6.2, but for upper case
	upperByte                    // an upper-case letter, a token byte elsewhere
	valueByte                    // may stand in a field value: RFC 9110 section 5.5
	targetByte                   // may stand in :path: neither blank nor control character
)

var class = func() (t [256]uint8) {
	for i := range t {
		c := byte(i)
		switch {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9':
			t[i] |= tokenByte
		case 'A' <= c && c <= 'Z':
			t[i] |= upperByte
		}
		if c > ' ' && c != 0x7f {
			t[i] |= targetByte
		}
		if c != 0 && c != '\r' && c != '\n' {
			t[i] |= valueByte
		}
	}
	for _, c := range []byte("!#$%&'*+-.^_`|~") {
		t[c] |= tokenByte
	}
	return t
}()

func allOf(b []byte, of uint8) bool {
	for _, c := range b {
		if class[c]&of == 0 {
			return false
		}
	}
	return true
}

// validName: a token in lower case, with a colon in front for pseudo-fields (RFC
// 9113 section 8.2.1, which allows to refuse more than it lists).
func validName(name []byte) bool {
	if len(name) > 0 && name[0] == ':' {
		name = name[1:]
	}
	return len(name) > 0 && allOf(name, tokenByte)
}

// validValue: no NUL, CR or LF, and no blanks around (RFC 9113 section 8.2.1).
func validValue(value []byte) bool {
	n := len(value)
	if n > 0 && (isBlank(value[0]) || isBlank(value[n-1])) {
		return false
	}
	return allOf(value, valueByte)
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' }

func validMethod(b []byte) bool { return len(b) > 0 && allOf(b, tokenByte|upperByte) }

// validScheme: RFC 3986 section 3.1, in either case.
func validScheme(b []byte) bool {
	for i, c := range b {
		letter := 'a' <= c|0x20 && c|0x20 <= 'z'
		other := '0' <= c && c <= '9' || c == '+' || c == '-' || c == '.'
		if !letter && (i == 0 || !other) {
			return false
		}
	}
	return len(b) > 0
}
