package match

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"slices"

	"github.com/albatross-lb/albatross/lb"
)

// A condition holds when any one of its values does.
type condition struct {
	kind     kind
	patterns []pattern        // host (lower case), path, header (lower case)
	regexes  []*regexp.Regexp // host, path, header
	header   string           // name
	pairs    []pair
	methods  []string
	sources  []netip.Prefix
}

// A kind is lb.ConditionField in a form that is quick to tell apart.
type kind uint8

const (
	onHost kind = iota + 1
	onPath
	onHeader
	onMethod
	onQuery
	onSource
)

var kinds = map[lb.ConditionField]kind{lb.HostHeader: onHost, lb.PathPattern: onPath, lb.HTTPHeader: onHeader,
	lb.RequestMethod: onMethod, lb.QueryString: onQuery, lb.SourceIP: onSource}

// A pair is one key=value of a query condition.
type pair struct {
	anyKey     bool
	key, value pattern
}

var (
	errNoValues   = errors.New("it has no values; write at least one, or leave the condition out")
	errBothValues = errors.New("it has values and regexValues; write one of them")
)

// maxRegexInput bounds what a regular expression reads, in bytes: no request line and
// no header is longer (16 KiB each), and none holds for a longer text.
const maxRegexInput = 16 << 10

func compileCondition(c lb.Condition) (condition, error) {
	out := condition{kind: kinds[c.Field]}
	var err error
	switch {
	case out.kind == onHost && c.HostHeader != nil:
		err = out.text(c.HostHeader.Values, c.HostHeader.RegexValues, reading{fold: true})
	case out.kind == onPath && c.PathPattern != nil:
		err = out.text(c.PathPattern.Values, c.PathPattern.RegexValues, reading{})
	case out.kind == onHeader && c.HTTPHeader != nil:
		if out.header = c.HTTPHeader.HTTPHeaderName; out.header == "" {
			return out, errors.New("it names no header; write httpHeaderName")
		}
		err = out.text(c.HTTPHeader.Values, c.HTTPHeader.RegexValues, reading{fold: true})
	case out.kind == onMethod && c.HTTPRequestMethod != nil:
		if len(c.HTTPRequestMethod.RegexValues) > 0 {
			return out, errors.New("methods have no regular expressions; write values")
		}
		if out.methods = c.HTTPRequestMethod.Values; len(out.methods) == 0 {
			err = errNoValues
		}
	case out.kind == onQuery && c.QueryString != nil:
		err = out.query(c.QueryString.Values)
	case out.kind == onSource && c.SourceIP != nil:
		err = out.cidrs(c.SourceIP.Values)
	case out.kind != 0:
		err = errNoValues
	default:
		err = errors.New("ALB knows host-header, path-pattern, http-header, http-request-method, query-string and source-ip")
	}
	return out, err
}

// text reads patterns or regular expressions. A regular expression matches when any
// part of the text does (ALB's own examples anchor with ^ and $), and without regard
// to case wherever patterns do: for hosts and headers "the match evaluation is not
// case-sensitive", for paths it is.
func (c *condition) text(values, regexes []string, s reading) error {
	switch {
	case len(values) == 0 && len(regexes) == 0:
		return errNoValues
	case len(values) > 0 && len(regexes) > 0:
		return errBothValues
	}
	for _, v := range values {
		p, err := compilePattern(v, s)
		if err != nil {
			return err
		}
		c.patterns = append(c.patterns, p)
	}
	for _, expr := range regexes {
		re, err := regexp.Compile(expr)
		if err == nil && s.fold {
			re, err = regexp.Compile("(?i)" + expr)
		}
		if err != nil {
			return fmt.Errorf("regex %q: %w", expr, err)
		}
		c.regexes = append(c.regexes, re)
	}
	return nil
}

func (c *condition) query(values []lb.KeyValue) error {
	if len(values) == 0 {
		return errNoValues
	}
	for _, kv := range values {
		p := pair{anyKey: kv.Key == ""}
		var err error
		if p.key, err = compilePattern(kv.Key, reading{fold: true, escape: true}); err != nil {
			return err
		}
		if p.value, err = compilePattern(kv.Value, reading{fold: true, escape: true}); err != nil {
			return err
		}
		c.pairs = append(c.pairs, p)
	}
	return nil
}

func (c *condition) cidrs(values []string) error {
	if len(values) == 0 {
		return errNoValues
	}
	for _, v := range values {
		p, err := netip.ParsePrefix(v)
		if err != nil {
			return fmt.Errorf("%q is not a CIDR; write one such as 192.0.2.0/24 or 2001:db8::/32", v)
		}
		if p.Addr().Is4In6() && p.Bits() >= 96 {
			p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
		}
		c.sources = append(c.sources, p.Masked())
	}
	return nil
}

// values counts what there is to be filed by. No condition is filed once.
func (c *condition) values() int {
	if c == nil {
		return 1
	}
	return len(c.patterns) + len(c.regexes)
}

// exact tells whether all values stand for one text each.
func (c *condition) exact() bool {
	return len(c.regexes) == 0 && !slices.ContainsFunc(c.patterns, func(p pattern) bool { return !p.exact() })
}

// holds tells whether any value of the condition does.
func (c *condition) holds(s *subject) bool {
	switch c.kind {
	case onHost:
		host, ok := s.folded.get()
		return ok && (anyPattern(c.patterns, host) || anyRegex(c.regexes, s.name))
	case onPath:
		return anyPattern(c.patterns, s.Path) || anyRegex(c.regexes, s.Path)
	case onHeader:
		return c.headerHolds(s)
	case onMethod:
		for _, m := range c.methods {
			if string(s.Method) == m {
				return true
			}
		}
	case onQuery:
		return c.queryHolds(s)
	case onSource:
		for _, p := range c.sources {
			if p.Contains(s.source) {
				return true
			}
		}
	}
	return false
}

func anyPattern(patterns []pattern, text []byte) bool {
	for i := range patterns {
		if patterns[i].matches(text) {
			return true
		}
	}
	return false
}

func anyRegex(regexes []*regexp.Regexp, text []byte) bool {
	if len(text) > maxRegexInput {
		return false
	}
	for _, re := range regexes {
		if re.Match(text) {
			return true
		}
	}
	return false
}

// headerHolds looks at every value: "if the same header appears multiple times in the
// request, we search them in order until a match is found" (API HttpHeaderConditionConfig).
func (c *condition) headerHolds(s *subject) bool {
	if s.Headers == nil {
		return false
	}
	n := s.takeNotes()
	n.condition, n.found = c, false
	s.Headers.Values(c.header, n.look)
	return n.found
}

func (c *condition) valueHolds(n *notes, value []byte) bool {
	if len(c.regexes) > 0 {
		return anyRegex(c.regexes, value)
	}
	n.value = appendLower(n.value[:0], value)
	return anyPattern(c.patterns, n.value)
}

// queryHolds looks at every key=value between the `&`. Nothing is percent-decoded:
// ALB says of the condition's values that "any character can be percentage encoded",
// so they are written as they come over the wire. A key without `=` has the empty value.
func (c *condition) queryHolds(s *subject) bool {
	n := s.takeNotes()
	if !n.folded {
		n.query, n.folded = appendLower(n.query[:0], s.Query), true
	}
	for rest := n.query; len(rest) > 0; {
		var one []byte
		one, rest, _ = bytes.Cut(rest, ampersand)
		if len(one) == 0 {
			continue
		}
		key, value, _ := bytes.Cut(one, equals)
		for i := range c.pairs {
			p := &c.pairs[i]
			if (p.anyKey || p.key.matches(key)) && p.value.matches(value) {
				return true
			}
		}
	}
	return false
}

var ampersand, equals = []byte("&"), []byte("=")
