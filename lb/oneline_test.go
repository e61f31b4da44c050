package lb

import (
	"strconv"
	"testing"
	"unicode/utf8"
)

func TestOneLine(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"", ""},
		{"plain: Zürich, 東京 \\d+ \"x\"", "plain: Zürich, 東京 \\d+ \"x\""},
		{"a\nb\rc\td", `a\nb\rc\td`},
		{"\x1b[2J\x7f\x00", `\x1b[2J\x7f\x00`},
		{"\u0085\u2028\u2029", `\u0085\u2028\u2029`},
		{"\u202eevil\u2066\u200f\u200b\ufeff\u00ad", `\u202eevil\u2066\u200f\u200b\ufeff\u00ad`},
		{"a\u00a0b\u3000", `a\u00a0b\u3000`},
		{"\xff\xc3(", `\xff\xc3(`},
		{"\ufffd", "\ufffd"},
		{"\U000e0041", `\U000e0041`},
	} {
		if got := OneLine(c.text); got != c.want {
			t.Errorf("%q is %q, want %q", c.text, got, c.want)
		}
	}
}

func FuzzOneLine(f *testing.F) {
	f.Add("a\n\x1b\u202e\xff")
	f.Fuzz(func(t *testing.T, text string) {
		line := OneLine(text)
		for _, r := range line {
			if !strconv.IsPrint(r) {
				t.Fatalf("%q holds %U", line, r)
			}
		}
		if !utf8.ValidString(line) || OneLine(line) != line {
			t.Fatalf("%q", line)
		}
	})
}
