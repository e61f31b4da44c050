package match

import (
	"fmt"
	"strings"

	"github.com/albatross-lb/albatross/lb"
)

// Verdict says of one rule whether it holds for a request, and why.
type Verdict struct {
	Index  int
	Rule   *lb.Rule
	Holds  bool
	Failed lb.Condition // the first condition that does not hold
	// Why in words: "path /docs/x is not /predict" where the rule does not hold,
	// "path /a/b is /a/*" where it does.
	Why string
}

// Explain gives the verdict on every rule up to and including the one that is taken,
// or on all of them where none is. It agrees with Find.
func (t *Table) Explain(r *Request) []Verdict {
	var s subject
	s.ask(r)
	defer s.release()
	var out []Verdict
	for i := range t.rules {
		v := t.rules[i].verdict(t.of[i], &s)
		v.Index = i
		out = append(out, v)
		if v.Holds {
			break
		}
	}
	return out
}

func (r *rule) verdict(of *lb.Rule, s *subject) Verdict {
	v := Verdict{Rule: of}
	if r.err != nil {
		v.Why = "the rule is set aside: " + r.err.Error()
		return v
	}
	var reasons []string
	for i := range r.conditions {
		c := &r.conditions[i]
		if !c.holds(s) {
			v.Failed, v.Why = of.Conditions[i], c.why(s, of.Conditions[i], false)
			return v
		}
		reasons = append(reasons, c.why(s, of.Conditions[i], true))
	}
	v.Holds, v.Why = true, strings.Join(reasons, ", ")
	if len(reasons) == 0 {
		v.Why = "it has no conditions"
	}
	return v
}

// why says how the request stands to a condition.
func (c *condition) why(s *subject, of lb.Condition, holds bool) string {
	subject, relation := c.subject(s), of.String()
	// lb.Condition says "<what> is <values>", "<what> matches regex <values>", ...;
	// the request's own value is put behind <what>.
	what := c.what()
	relation = strings.TrimPrefix(relation, what+" ")
	if !holds {
		relation = negate(relation)
	}
	if subject == "" {
		return what + " " + relation
	}
	return what + " " + subject + " " + relation
}

// what is how lb.Condition calls the part of the request.
func (c *condition) what() string {
	switch c.kind {
	case onHost:
		return "host"
	case onPath:
		return "path"
	case onHeader:
		return "header " + c.header
	case onMethod:
		return "method"
	case onQuery:
		return "query"
	}
	return "source address"
}

func negate(relation string) string {
	for _, p := range [][2]string{{"is ", "is not "}, {"matches ", "does not match "}, {"has ", "has no "}, {"in ", "is not in "}} {
		if rest, ok := strings.CutPrefix(relation, p[0]); ok {
			return p[1] + rest
		}
	}
	return "is not: " + relation
}

// maxShown bounds how much of a value is shown, in bytes.
const maxShown = 200

// subject is the request's own value, as a client sent it and safe to print.
func (c *condition) subject(s *subject) string {
	switch c.kind {
	case onHost:
		return show(s.name, "(none)")
	case onPath:
		return show(s.Path, "(none)")
	case onMethod:
		return show(s.Method, "(none)")
	case onQuery:
		return show(s.Query, "(none)")
	case onSource:
		return s.source.String()
	}
	var values []string
	if s.Headers != nil {
		s.Headers.Values(c.header, func(v []byte) bool {
			values = append(values, show(v, `""`))
			return len(values) < 8
		})
	}
	if len(values) == 0 {
		return "(absent)"
	}
	return strings.Join(values, ", ")
}

// show is the text itself where every byte is visible, else quoted.
func show(b []byte, none string) string {
	if len(b) == 0 {
		return none
	}
	cut := ""
	if len(b) > maxShown {
		b, cut = b[:maxShown], "..."
	}
	for _, c := range b {
		if c <= ' ' || c > '~' {
			return fmt.Sprintf("%q", b) + cut
		}
	}
	return string(b) + cut
}
