package match

import (
	"regexp/syntax"
	"slices"
	"strings"
	"unicode/utf8"
)

// A place says where something is filed: under the whole text, or under the text that
// it starts or ends with. The zero place is met by every request.
type place struct {
	kind placeKind
	text string
}

type placeKind uint8

const (
	startsWith placeKind = iota
	endsWith
	equal
)

// An index finds every value filed under a place that a key belongs to.
type index[V any] struct {
	equal   map[string]V
	longest int // of the texts in equal
	starts  *tree[V]
	ends    *tree[V]
}

// change replaces the value at a place by what f makes of it.
func (x *index[V]) change(p place, f func(V) V) {
	if p.kind == equal {
		if x.equal == nil {
			x.equal = map[string]V{}
		}
		x.longest = max(x.longest, len(p.text))
		x.equal[p.text] = f(x.equal[p.text])
		return
	}
	which := &x.starts
	if p.kind == endsWith {
		which = &x.ends
	}
	if *which == nil {
		*which = &tree[V]{back: p.kind == endsWith}
	}
	n := (*which).at(p.text)
	n.value, n.set = f(n.value), true
}

// whole gives the value filed under the whole key.
func (x *index[V]) whole(key []byte) (v V, ok bool) {
	if len(key) > x.longest {
		return v, false
	}
	v, ok = x.equal[string(key)]
	return v, ok
}

// paths files rules, by their place in a bucket and in ascending order, under what they say about the path.
type paths struct{ index[[]int32] }

func (p *paths) file(at place, rule int32) {
	p.change(at, func(rules []int32) []int32 {
		if n := len(rules); n > 0 && rules[n-1] == rule {
			return rules
		}
		return append(rules, rule)
	})
}

// frequency counts how many patterns share a place, so that a pattern with text on both
// sides of its stars is filed where fewer others are.
type frequency map[place]int

func (f frequency) count(c *condition) {
	if c == nil {
		return
	}
	for i := range c.patterns {
		p := &c.patterns[i]
		if p.exact() {
			continue
		}
		f[place{startsWith, p.prefix()}]++
		f[place{endsWith, p.suffix()}]++
	}
}

// places says where a condition's rule is to be filed. No condition: at the zero place.
func (f frequency) places(c *condition) []place {
	if c == nil {
		return []place{{}}
	}
	var out []place
	for i := range c.patterns {
		out = append(out, f.place(&c.patterns[i]))
	}
	for _, re := range c.regexes {
		at := place{}
		if c.kind == onPath { // a folding expression may match letters beyond ASCII
			at.text = anchored(re.String())
		}
		out = append(out, at)
	}
	slices.SortFunc(out, func(a, b place) int {
		if a.kind != b.kind {
			return int(a.kind) - int(b.kind)
		}
		return strings.Compare(a.text, b.text)
	})
	return slices.Compact(out)
}

func (f frequency) place(p *pattern) place {
	if p.exact() {
		return place{equal, string(p.head.text)}
	}
	start, end := place{startsWith, p.prefix()}, place{endsWith, p.suffix()}
	if end.text == "" || start.text != "" && f[start] <= f[end] {
		return start
	}
	return end
}

// anchored is the literal text that everything the expression matches starts with, as
// far as that can be seen from its first terms: "/api/" for "^/api/(.*)$".
func anchored(expr string) string {
	re, err := syntax.Parse(expr, syntax.Perl)
	if err != nil || re.Op != syntax.OpConcat || re.Sub[0].Op != syntax.OpBeginText {
		return ""
	}
	next := re.Sub[1]
	if next.Op != syntax.OpLiteral || next.Flags&syntax.FoldCase != 0 {
		return ""
	}
	text := next.Rune
	for i, r := range text {
		if r >= utf8.RuneSelf { // U+FFFD would also match bytes that are not UTF-8
			text = text[:i]
			break
		}
	}
	return string(text)
}
