package lb

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// OneLine gives text as it may be printed in a line for people: what would begin another
// line, move the cursor or turn the direction of writing is escaped as in a Go string
// (\n, \x1b, \u202e). That is every character that is not printable in the sense of
// strconv.IsPrint, and every byte that is not UTF-8; other backslashes stay as they are,
// since regular expressions have many. Names and values come from files, clients and
// targets, so every line that a command prints passes through here once, as a whole.
func OneLine(text string) string {
	clean := true
	for _, r := range text {
		if r == utf8.RuneError || !strconv.IsPrint(r) {
			clean = false
			break
		}
	}
	if clean {
		return text
	}
	var b strings.Builder
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		if r != utf8.RuneError && strconv.IsPrint(r) {
			b.WriteString(text[i : i+size])
		} else {
			quoted := strconv.Quote(text[i : i+size])
			b.WriteString(quoted[1 : len(quoted)-1])
		}
		i += size
	}
	return b.String()
}
