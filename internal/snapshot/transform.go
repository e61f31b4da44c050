package snapshot

import (
	"regexp"

	"github.com/albatross-lb/albatross/lb"
)

// Transform rewrites the URL (path and query, as they are sent) or the Host header of
// a request that is forwarded. Rules are chosen by the request as it came.
type Transform struct {
	Host     bool // of the Host header; else of the URL
	rewrites []rewrite
}

type rewrite struct {
	regex   *regexp.Regexp
	replace string
}

// group is $1 to $9 in a replacement, which Go's templates would read on into letters that follow.
var group = regexp.MustCompile(`\$([0-9])`)

// transforms compiles those of a rule. One that cannot be is reported, and its rule
// answers 500 as ALB does where a transform fails: what a target gets must never be
// something that its author did not mean.
func (b *builder) transforms(c *lb.Rule, origin lb.Origin, field string) []Transform {
	if c == nil {
		return nil
	}
	var all []Transform
	for _, t := range c.Transforms {
		config := t.URLRewrite
		if t.HostHeaderRewrite != nil {
			config = t.HostHeaderRewrite
		}
		if config == nil {
			continue
		}
		compiled := Transform{Host: t.HostHeaderRewrite != nil}
		for _, w := range config.Rewrites {
			regex, err := regexp.Compile(w.Regex)
			if err != nil {
				b.problem(origin, field, "transform %s: %v; its requests are answered with 500", t.Type, err)
				all = append(all, Transform{Host: compiled.Host, rewrites: []rewrite{{nil, ""}}})
				continue
			}
			compiled.rewrites = append(compiled.rewrites, rewrite{regex, group.ReplaceAllString(w.Replace, "$${$1}")})
		}
		all = append(all, compiled)
	}
	return all
}

// Apply appends what in becomes: its first match of the first rewrite that has one is
// replaced. ok is false where the transform could not be compiled. Without a match in
// passes through unchanged.
func (t *Transform) Apply(dst, in []byte) (out []byte, changed, ok bool) {
	for _, w := range t.rewrites {
		if w.regex == nil {
			return dst, false, false
		}
		if at := w.regex.FindSubmatchIndex(in); at != nil {
			dst = append(dst, in[:at[0]]...)
			dst = w.regex.Expand(dst, []byte(w.replace), in, at)
			return append(dst, in[at[1]:]...), true, true
		}
	}
	return append(dst, in...), false, true
}
