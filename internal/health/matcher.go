package health

import (
	"fmt"
	"strconv"
	"strings"
)

// Matcher is a set of response codes that count as a pass.
type Matcher struct {
	bits [10]uint64 // one bit a code, 0-639
}

// Matches tells whether code is in the set.
func (m Matcher) Matches(code int) bool {
	return code >= 0 && code < len(m.bits)*64 && m.bits[code/64]&(1<<(code%64)) != 0
}

func (m *Matcher) add(code int) { m.bits[code/64] |= 1 << (code % 64) }

// ParseMatcher reads an HTTP matcher of an application load balancer: codes and
// ranges from 200 to 499, separated by commas ("200", "200,302", "200-399").
func ParseMatcher(text string) (Matcher, error) { return parseMatcher(text, 200, 499) }

// ParseGRPCMatcher reads a matcher of gRPC status codes, 0 to 99.
func ParseGRPCMatcher(text string) (Matcher, error) { return parseMatcher(text, 0, 99) }

// ParseNetworkMatcher reads an HTTP matcher of a network load balancer's target
// group, which may go up to 599.
func ParseNetworkMatcher(text string) (Matcher, error) { return parseMatcher(text, 200, 599) }

func parseMatcher(text string, low, high int) (Matcher, error) {
	var m Matcher
	for item := range strings.SplitSeq(text, ",") {
		first, last, err := parseCodes(item)
		if err == nil && (first < low || last > high || first > last) {
			err = fmt.Errorf("must be within %d-%d, the smaller code first", low, high)
		}
		if err != nil {
			return Matcher{}, fmt.Errorf("matcher %q: %q: %w", text, strings.TrimSpace(item), err)
		}
		for code := first; code <= last; code++ {
			m.add(code)
		}
	}
	return m, nil
}

// parseCodes reads "200" or "200-299".
func parseCodes(item string) (first, last int, err error) {
	from, to, isRange := strings.Cut(strings.Trim(item, " \t"), "-")
	if first, err = parseCode(from); err != nil {
		return 0, 0, err
	}
	if !isRange {
		return first, first, nil
	}
	last, err = parseCode(to)
	return first, last, err
}

// parseCode reads one code of at most three digits; strconv alone would take a sign.
func parseCode(s string) (int, error) {
	n, err := strconv.ParseUint(s, 10, 16)
	if err != nil || len(s) > 3 {
		return 0, fmt.Errorf("a code or a range of codes is needed, such as 200 or 200-299")
	}
	return int(n), nil
}
