package match

import (
	"bytes"
	"fmt"
)

// A pattern is a condition value with the wildcards `*` (any run of bytes, also none)
// and `?` (exactly one byte). It is cut at its stars into segments of fixed length;
// the first is anchored at the start, the last at the end, and those between are
// found from left to right, each at the first place where it fits. That is enough,
// for a segment's length does not depend on the text, and it needs no backtracking:
// the time is linear in the text whatever the pattern.
type pattern struct {
	star    bool
	head    segment
	middle  []segment
	tail    segment
	minimum int // no shorter text matches
}

// A segment is a run of literal bytes and `?` between two stars.
type segment struct {
	text []byte
	any  []bool // any[i]: text[i] was an unescaped `?`; nil: there is none
	bits *[256][segmentWords]uint64
}

const segmentWords = 2

// maxSegment bounds a run between two stars that holds a `?`. AWS bounds the
// whole pattern to 128 characters.
const maxSegment = 64 * segmentWords

// reading tells how a kind of condition reads its patterns.
type reading struct {
	fold bool // without regard to ASCII case
	// escape: a backslash takes the meaning from a following `*`, `?` or backslash. ALB documents
	// this for query strings only (API QueryStringConditionConfig); host and path
	// patterns may not hold a backslash at all, and in header values it stands for itself.
	escape bool
}

// compilePattern reads one value.
func compilePattern(value string, s reading) (pattern, error) {
	var p pattern
	var segments []segment
	var now segment
	for i := 0; i < len(value); i++ {
		c := value[i]
		switch {
		case s.escape && c == '\\' && i+1 < len(value) && isSpecial(value[i+1]):
			i++
			now.add(value[i], false)
		case c == '*':
			segments = append(segments, now)
			now = segment{}
		case s.fold:
			now.add(lower[c], c == '?')
		default:
			now.add(c, c == '?')
		}
	}
	segments = append(segments, now)
	p.head = segments[0]
	if last := len(segments) - 1; last > 0 {
		p.star, p.tail = true, segments[last]
		for _, m := range segments[1:last] {
			if err := m.prepare(); err != nil {
				return p, fmt.Errorf("pattern %q: %w", value, err)
			}
			if len(m.text) > 0 {
				p.middle = append(p.middle, m)
			}
		}
	}
	for _, part := range segments {
		p.minimum += len(part.text)
	}
	return p, nil
}

func isSpecial(c byte) bool { return c == '*' || c == '?' || c == '\\' }

func (s *segment) add(c byte, any bool) {
	if any && s.any == nil {
		s.any = make([]bool, len(s.text), len(s.text)+8)
	}
	s.text = append(s.text, c)
	if s.any != nil {
		s.any = append(s.any, any)
	}
}

// prepare makes a segment ready for find: where it holds a `?`, by the bit masks of
// the shift-and algorithm (Baeza-Yates and Gonnet 1992), which reads each byte of the text once.
func (s *segment) prepare() error {
	if s.any == nil {
		return nil
	}
	if len(s.text) > maxSegment {
		return fmt.Errorf("the part between two * holds a ? and more than %d characters", maxSegment)
	}
	s.bits = new([256][segmentWords]uint64)
	for i, c := range s.text {
		word, bit := i/64, uint64(1)<<(i%64)
		if !s.any[i] {
			s.bits[c][word] |= bit
			continue
		}
		for b := range s.bits {
			s.bits[b][word] |= bit
		}
	}
	return nil
}

// matches tells whether the whole of b is as the pattern says. For a folding pattern b is lower case already.
func (p *pattern) matches(b []byte) bool {
	if len(b) < p.minimum || !p.head.fits(b) {
		return false
	}
	if !p.star {
		return len(b) == p.minimum
	}
	end := len(b) - len(p.tail.text)
	if !p.tail.fits(b[end:]) {
		return false
	}
	b = b[len(p.head.text):end]
	for i := range p.middle {
		at := p.middle[i].find(b)
		if at < 0 {
			return false
		}
		b = b[at+len(p.middle[i].text):]
	}
	return true
}

// fits tells whether b, which is long enough, starts with the segment.
func (s *segment) fits(b []byte) bool {
	b = b[:len(s.text)]
	if s.any == nil {
		return string(b) == string(s.text)
	}
	for i, c := range s.text {
		if b[i] != c && !s.any[i] {
			return false
		}
	}
	return true
}

// find is the first place in b where the segment fits, or -1.
func (s *segment) find(b []byte) int {
	if s.any == nil {
		return bytes.Index(b, s.text)
	}
	last := len(s.text) - 1
	word, bit := last/64, uint64(1)<<(last%64)
	var state [segmentWords]uint64
	for i, c := range b {
		mask := &s.bits[c]
		state[1] = (state[1]<<1 | state[0]>>63) & mask[1]
		state[0] = (state[0]<<1 | 1) & mask[0]
		if state[word]&bit != 0 {
			return i - last
		}
	}
	return -1
}

// exact tells whether the pattern stands for one text only, namely p.head.text.
func (p *pattern) exact() bool { return !p.star && p.head.any == nil }

// prefix is the literal text that everything the pattern matches starts with.
func (p *pattern) prefix() string {
	for i, any := range p.head.any {
		if any {
			return string(p.head.text[:i])
		}
	}
	return string(p.head.text)
}

// suffix is the literal text that everything the pattern matches ends with.
func (p *pattern) suffix() string {
	s := &p.tail
	if !p.star {
		s = &p.head
	}
	for i := len(s.any) - 1; i >= 0; i-- {
		if s.any[i] {
			return string(s.text[i+1:])
		}
	}
	return string(s.text)
}

// lower maps ASCII letters to lower case and every other byte to itself.
var lower = func() (t [256]byte) {
	for i := range t {
		t[i] = byte(i)
		if 'A' <= i && i <= 'Z' {
			t[i] = byte(i) + 'a' - 'A'
		}
	}
	return t
}()

// appendLower appends b in lower case to dst.
func appendLower(dst, b []byte) []byte {
	for _, c := range b {
		dst = append(dst, lower[c])
	}
	return dst
}
