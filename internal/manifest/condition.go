package manifest

import (
	"errors"
	"fmt"
	"strings"

	"github.com/albatross-lb/albatross/lb"
)

// readConditions reads the annotation conditions.<name>. A condition on a field
// that is not known is dropped, as AWS's controller does it, which makes the rule
// wider than its author thinks: hence a warning.
func (b *builder) readConditions(m *member, backend string) ([]lb.Condition, error) {
	annotation := "conditions." + backend
	var all []lb.Condition
	if _, err := m.notes.json(annotation, &all); err != nil {
		return nil, err
	}
	kept := all[:0]
	var errs []error
	for i, c := range all {
		known, wrong := checkCondition(c)
		if wrong != "" {
			errs = append(errs, m.notes.faultf(annotation, "condition %d (%s): %s", i+1, c.Field, wrong))
			continue
		}
		if !known {
			b.warnOnce(m.origin, m.notes.field(annotation), fmt.Sprintf("condition %d looks at %q, which is not known, and is dropped: the rule holds for more requests than it seems; did you mean %s?",
				i+1, c.Field, lb.Nearest(string(c.Field), conditionFields)))
			continue
		}
		kept = append(kept, c)
	}
	return kept, errors.Join(errs...)
}

var conditionFields = []string{string(lb.HostHeader), string(lb.PathPattern), string(lb.HTTPHeader),
	string(lb.RequestMethod), string(lb.QueryString), string(lb.SourceIP)}

// checkCondition tells whether the field is known, and what is wrong with its config.
func checkCondition(c lb.Condition) (known bool, wrong string) {
	switch c.Field {
	case lb.HostHeader:
		return true, checkPatterns("hostHeaderConfig", c.HostHeader)
	case lb.PathPattern:
		return true, checkPatterns("pathPatternConfig", c.PathPattern)
	case lb.HTTPHeader:
		if c.HTTPHeader == nil {
			return true, "httpHeaderConfig is missing"
		}
		return true, checkPatterns("httpHeaderConfig", &lb.ValuesConfig{Values: c.HTTPHeader.Values, RegexValues: c.HTTPHeader.RegexValues})
	case lb.RequestMethod:
		return true, checkValues("httpRequestMethodConfig", c.HTTPRequestMethod)
	case lb.SourceIP:
		return true, checkValues("sourceIPConfig", c.SourceIP)
	case lb.QueryString:
		return true, checkQuery(c.QueryString)
	}
	return false, ""
}

func checkPatterns(config string, v *lb.ValuesConfig) string {
	switch {
	case v == nil:
		return config + " is missing"
	case len(v.Values) == 0 && len(v.RegexValues) == 0:
		return config + " needs values or regexValues"
	case len(v.Values) > 0 && len(v.RegexValues) > 0:
		return config + " takes either values or regexValues, not both"
	}
	return ""
}

func checkValues(config string, v *lb.ValuesConfig) string {
	switch {
	case v == nil:
		return config + " is missing"
	case len(v.Values) == 0:
		return "the values of " + config + " cannot be empty"
	}
	return ""
}

func checkQuery(q *lb.QueryStringConfig) string {
	if q == nil {
		return "queryStringConfig is missing"
	}
	if len(q.Values) == 0 {
		return "the values of queryStringConfig cannot be empty"
	}
	for _, pair := range q.Values {
		if pair.Value == "" {
			return "a value of queryStringConfig cannot be empty; write * for any"
		}
	}
	return ""
}

// conditionsOf puts the conditions of a rule together: those of the annotation as
// written, then the host with the hosts of the annotation behind it, then the path
// likewise. A rule without any holds for all paths.
func conditionsOf(host string, paths, pathRegexes []string, annotated []lb.Condition) ([]lb.Condition, error) {
	var all []lb.Condition
	var hosts, hostRegexes []string
	if host != "" {
		hosts = append(hosts, host)
	}
	for _, c := range annotated {
		switch c.Field {
		case lb.HostHeader:
			hosts, hostRegexes = append(hosts, c.HostHeader.Values...), append(hostRegexes, c.HostHeader.RegexValues...)
		case lb.PathPattern:
			paths, pathRegexes = append(paths, c.PathPattern.Values...), append(pathRegexes, c.PathPattern.RegexValues...)
		default:
			all = append(all, only(c))
		}
	}
	var errs []error
	if len(hosts) > 0 && len(hostRegexes) > 0 {
		errs = append(errs, faultf("", "the host condition has both values (%s) and regexValues (%s); a host of the rule and a regular expression of the annotation do not go together", strings.Join(hosts, ", "), strings.Join(hostRegexes, ", ")))
	}
	if len(paths) > 0 && len(pathRegexes) > 0 {
		errs = append(errs, faultf("", "the path condition has both values (%s) and regexValues (%s); write either patterns or regular expressions", strings.Join(paths, ", "), strings.Join(pathRegexes, ", ")))
	}
	if len(hosts)+len(hostRegexes) > 0 {
		all = append(all, lb.Condition{Field: lb.HostHeader, HostHeader: &lb.ValuesConfig{Values: hosts, RegexValues: hostRegexes}})
	}
	if len(all) == 0 && len(paths)+len(pathRegexes) == 0 {
		paths = []string{"/*"}
	}
	if len(paths)+len(pathRegexes) > 0 {
		all = append(all, lb.Condition{Field: lb.PathPattern, PathPattern: &lb.ValuesConfig{Values: paths, RegexValues: pathRegexes}})
	}
	return all, errors.Join(errs...)
}

// only keeps the config that belongs to the condition's field.
func only(c lb.Condition) lb.Condition {
	kept := lb.Condition{Field: c.Field}
	switch c.Field {
	case lb.HTTPHeader:
		kept.HTTPHeader = c.HTTPHeader
	case lb.RequestMethod:
		kept.HTTPRequestMethod = &lb.ValuesConfig{Values: c.HTTPRequestMethod.Values}
	case lb.SourceIP:
		kept.SourceIP = &lb.ValuesConfig{Values: c.SourceIP.Values}
	case lb.QueryString:
		kept.QueryString = c.QueryString
	}
	return kept
}
