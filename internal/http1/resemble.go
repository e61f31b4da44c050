package http1

// likeness of a field name to one of the two that decide framing.
type likeness uint8

const (
	distant likeness = iota
	similar          // another spelling that some parser might take for it
	same             // equal but for case
)

const (
	transferEncoding = "transfer-encoding"
	contentLength    = "content-length"
)

// imitates reports whether a name that is neither Transfer-Encoding nor
// Content-Length is similar to one. It is cheap for names that are not: those
// are shorter or begin with another letter.
func imitates(name []byte) bool {
	if len(name) < len(contentLength) {
		return false
	}
	if c := name[0] | 0x20; class[name[0]]&alnum != 0 && c != 't' && c != 'c' {
		return false
	}
	return resemble(name, transferEncoding) == similar || resemble(name, contentLength) == similar
}

// resemble compares a name with a known one in lower case, as a parser would
// that cleans names before it looks at them: one that trims, drops control
// characters, takes any sign for a hyphen, or folds case by Unicode. Two names
// are similar if after such cleaning their letters are the same.
//
// The known name is walked along. Between letters, control characters and
// blanks of the name are skipped; at its hyphen, everything up to the next
// letter or digit, whatever the hyphen was replaced by. A name that ends early
// is distant, unless it breaks off before a tail without letters or digits.
func resemble(name []byte, known string) likeness {
	if len(name) < len(known) {
		return distant
	}
	i := skipTo(name, 0, isAlnum)
	exact := len(name) == len(known) // then there is no room for anything skipped
	for k := 0; k < len(known); k++ {
		if i == len(name) {
			return distant
		}
		n := matches(name[i:], known[k])
		if n == 0 {
			if known[k] != '-' {
				break
			}
			n, exact = 1, false
		}
		if known[k] == '-' {
			i = skipTo(name, i+n, isAlnum)
		} else {
			i = skipTo(name, i+n, isVisible)
		}
	}
	switch {
	case i == len(name) && exact:
		return same
	case skipTo(name, i, isAlnum) == len(name):
		return similar
	}
	return distant
}

// matches gives how many bytes of b stand for the letter c: 1 for itself in
// either case, 2 for U+017F and U+0131, which upper-casing turns into S and I
// (no other characters turn into letters of these names), 0 for none.
func matches(b []byte, c byte) int {
	switch {
	case lower(b[0]) == c:
		return 1
	case len(b) < 2:
		return 0
	case c == 's' && b[0] == 0xc5 && b[1] == 0xbf, c == 'i' && b[0] == 0xc4 && b[1] == 0xb1:
		return 2
	}
	return 0
}

func isAlnum(c byte) bool   { return class[c]&alnum != 0 }
func isVisible(c byte) bool { return c > ' ' }

// skipTo gives the place of the first byte at or after i that is wanted.
func skipTo(b []byte, i int, wanted func(byte) bool) int {
	for i < len(b) && !wanted(b[i]) {
		i++
	}
	return i
}
