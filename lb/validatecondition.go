package lb

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
)

// conditionFaults says why c can never be told to hold or not to hold.
func conditionFaults(c Condition) (all faults) {
	if set := c.configs(); set != 1 {
		all.addf("condition %q carries %d configs; write exactly the one of its field", c.Field, set)
		return all
	}
	switch {
	case c.Field == HostHeader && c.HostHeader != nil:
		return valuesFaults(c.Field, c.HostHeader.Values, c.HostHeader.RegexValues)
	case c.Field == PathPattern && c.PathPattern != nil:
		return valuesFaults(c.Field, c.PathPattern.Values, c.PathPattern.RegexValues)
	case c.Field == HTTPHeader && c.HTTPHeader != nil:
		if !isToken(c.HTTPHeader.HTTPHeaderName) {
			all.addf("condition http-header has the header name %q; write a name such as X-Version", c.HTTPHeader.HTTPHeaderName)
		}
		return append(all, valuesFaults(c.Field, c.HTTPHeader.Values, c.HTTPHeader.RegexValues)...)
	case c.Field == RequestMethod && c.HTTPRequestMethod != nil:
		return methodFaults(c.HTTPRequestMethod)
	case c.Field == QueryString && c.QueryString != nil:
		if len(c.QueryString.Values) == 0 {
			all.addf("%s", noValues(c.Field))
		}
		return all
	case c.Field == SourceIP && c.SourceIP != nil:
		return sourceIPFaults(c.SourceIP)
	}
	all.addf("condition %q does not carry the config of its field; write one of host-header, path-pattern, http-header, http-request-method, query-string, source-ip, each with its own config", c.Field)
	return all
}

// configs counts the configs that c carries.
func (c *Condition) configs() int {
	n := 0
	for _, set := range []bool{c.HostHeader != nil, c.PathPattern != nil, c.HTTPHeader != nil,
		c.HTTPRequestMethod != nil, c.QueryString != nil, c.SourceIP != nil} {
		if set {
			n++
		}
	}
	return n
}

func noValues(f ConditionField) string {
	return fmt.Sprintf("condition %s has no values and could never hold; write at least one", f)
}

func valuesFaults(f ConditionField, values, regexes []string) (all faults) {
	switch {
	case len(values) > 0 && len(regexes) > 0:
		all.addf("condition %s has both values and regexValues; write one kind, and a second rule for the other", f)
	case len(values) == 0 && len(regexes) == 0:
		all.addf("%s", noValues(f))
	}
	for _, r := range regexes {
		if _, err := regexp.Compile(r); err != nil {
			all.addf("condition %s: %v; write a regular expression in RE2 syntax", f, err)
		}
	}
	return all
}

func methodFaults(m *ValuesConfig) (all faults) {
	switch {
	case len(m.RegexValues) > 0:
		all.addf("condition http-request-method takes no regexValues; write the methods as values")
	case len(m.Values) == 0:
		all.addf("%s", noValues(RequestMethod))
	}
	for _, v := range m.Values {
		if !isToken(v) {
			all.addf("condition http-request-method has the value %q; write a method such as GET", v)
		}
	}
	return all
}

func sourceIPFaults(s *ValuesConfig) (all faults) {
	switch {
	case len(s.RegexValues) > 0:
		all.addf("condition source-ip takes no regexValues; write ranges such as 10.0.0.0/8 as values")
	case len(s.Values) == 0:
		all.addf("%s", noValues(SourceIP))
	}
	for _, v := range s.Values {
		if _, err := netip.ParsePrefix(v); err == nil {
			continue
		}
		if addr, err := netip.ParseAddr(v); err == nil {
			all.addf("condition source-ip has the value %q, an address and not a range; write %s/%d", v, addr, addr.BitLen())
			continue
		}
		all.addf("condition source-ip has the value %q; write a range such as 10.0.0.0/8 or 2001:db8::/32", v)
	}
	return all
}

// conditionWarnings names what AWS would refuse of the conditions of r, or what can
// hold for no request.
func (v *validation) conditionWarnings(r *Rule) {
	values, wildcards := 0, 0
	for i, c := range r.Conditions {
		many := c.HTTPHeader != nil || c.QueryString != nil
		if !many && slices.ContainsFunc(r.Conditions[:i], func(before Condition) bool { return before.Field == c.Field }) {
			v.warn(r.Origin, r.field(), "AWS takes one condition %s a rule, and this one has several", c.Field)
		}
		if c.HTTPHeader != nil && len(c.HTTPHeader.HTTPHeaderName) > 40 {
			v.warn(r.Origin, r.field(), "AWS takes at most 40 characters in the name of a header, and %.32q... has %d", c.HTTPHeader.HTTPHeaderName, len(c.HTTPHeader.HTTPHeaderName))
		}
		patterns := c.patterns()
		if values += max(len(patterns), 1); c.QueryString != nil { // a pair is one value
			values += len(c.QueryString.Values) - len(patterns)
		}
		for _, p := range patterns {
			wildcards += strings.Count(p, "*") + strings.Count(p, "?")
			if len(p) > 128 {
				v.warn(r.Origin, r.field(), "AWS takes at most 128 characters in a value of condition %s, and %.32q... has %d", c.Field, p, len(p))
			}
		}
		v.hostWarnings(r, c.HostHeader)
		v.pathWarnings(r, c.PathPattern)
		if c.HTTPRequestMethod != nil {
			v.methodWarnings(r, c.HTTPRequestMethod.Values)
		}
	}
	if values > quotaConditionValues {
		v.warn(r.Origin, r.field(), "AWS takes at most %d condition values a rule, and this one has %d", quotaConditionValues, values)
	}
	if wildcards > quotaWildcards {
		v.warn(r.Origin, r.field(), "AWS takes at most %d wildcards a rule, and this one has %d", quotaWildcards, wildcards)
	}
}

func (v *validation) methodWarnings(r *Rule, methods []string) {
	for _, m := range methods {
		if len(m) > 40 {
			v.warn(r.Origin, r.field(), "AWS takes at most 40 characters in a method, and %.32q... has %d", m, len(m))
		}
		if upper := strings.ToUpper(m); upper != m {
			v.warn(r.Origin, r.field(), "methods are compared with regard to case: %q is not %s; write %s", m, upper, upper)
		}
	}
}

// patterns are the values of c, whatever its kind.
func (c *Condition) patterns() []string {
	switch {
	case c.HostHeader != nil:
		return c.HostHeader.all()
	case c.PathPattern != nil:
		return c.PathPattern.all()
	case c.HTTPHeader != nil:
		return slices.Concat(c.HTTPHeader.Values, c.HTTPHeader.RegexValues)
	case c.HTTPRequestMethod != nil:
		return c.HTTPRequestMethod.Values
	case c.SourceIP != nil:
		return c.SourceIP.Values
	case c.QueryString != nil:
		var list []string
		for _, kv := range c.QueryString.Values {
			list = append(list, kv.Value)
			if kv.Key != "" {
				list = append(list, kv.Key)
			}
		}
		return list
	}
	return nil
}

// all are values and regular expressions; a condition has one kind of them.
func (v *ValuesConfig) all() []string {
	if len(v.RegexValues) == 0 {
		return v.Values
	}
	return slices.Concat(v.Values, v.RegexValues)
}

// transformsFaults says why a request cannot be rewritten as asked.
func transformsFaults(transforms []Transform) (all faults) {
	for i, t := range transforms {
		config := t.URLRewrite
		switch t.Type {
		case "url-rewrite":
		case "host-header-rewrite":
			config = t.HostHeaderRewrite
		default:
			all.addf("transform type is %q; write url-rewrite or host-header-rewrite", t.Type)
			continue
		}
		if config == nil || len(config.Rewrites) == 0 {
			all.addf("transform %s has no rewrites; write at least one regex and its replacement", t.Type)
			continue
		}
		if slices.ContainsFunc(transforms[:i], func(before Transform) bool { return before.Type == t.Type }) {
			all.addf("a rule has two transforms of type %s; write both as rewrites of one", t.Type)
		}
		for _, r := range config.Rewrites {
			if _, err := regexp.Compile(r.Regex); err != nil {
				all.addf("transform %s: %v; write a regular expression in RE2 syntax", t.Type, err)
			}
		}
	}
	return all
}

// isToken tells whether s can be a method or a header name (RFC 9110 section 5.6.2).
func isToken(s string) bool {
	for i := range len(s) {
		c := s[i]
		alnum := '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z'
		if !alnum && !strings.ContainsRune("!#$%&'*+-.^_`|~", rune(c)) {
			return false
		}
	}
	return s != ""
}
