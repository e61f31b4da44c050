package lb

import (
	"fmt"
	"strings"
)

// ConditionField says what part of a request a condition looks at.
type ConditionField string

const (
	HostHeader    ConditionField = "host-header"
	PathPattern   ConditionField = "path-pattern"
	HTTPHeader    ConditionField = "http-header"
	RequestMethod ConditionField = "http-request-method"
	QueryString   ConditionField = "query-string"
	SourceIP      ConditionField = "source-ip"
)

// Condition holds when any one of its values does. Exactly the config that
// belongs to Field is set.
//
// Matching, by the ALB user guide: host names and header values are compared
// without regard to case, paths and query strings (keys and values: without regard
// to case) as documented at each config; `*` stands for any run of characters,
// `?` for exactly one, in every kind but method and source-ip.
type Condition struct {
	Field             ConditionField     `json:"field"`
	HostHeader        *ValuesConfig      `json:"hostHeaderConfig,omitempty"`  // case-insensitive; a port in Host is not compared
	PathPattern       *ValuesConfig      `json:"pathPatternConfig,omitempty"` // case-sensitive, path only, without the query
	HTTPHeader        *HTTPHeaderConfig  `json:"httpHeaderConfig,omitempty"`  // name and values case-insensitive
	HTTPRequestMethod *ValuesConfig      `json:"httpRequestMethodConfig,omitempty"`
	QueryString       *QueryStringConfig `json:"queryStringConfig,omitempty"` // case-insensitive
	SourceIP          *ValuesConfig      `json:"sourceIPConfig,omitempty"`    // CIDRs; the peer's address, never X-Forwarded-For
}

// ValuesConfig is a list of patterns, or of regular expressions; never both.
type ValuesConfig struct {
	Values      []string `json:"values,omitempty"`
	RegexValues []string `json:"regexValues,omitempty"`
}

// HTTPHeaderConfig looks at every value of one header.
type HTTPHeaderConfig struct {
	HTTPHeaderName string   `json:"httpHeaderName"`
	Values         []string `json:"values,omitempty"`
	RegexValues    []string `json:"regexValues,omitempty"`
}

// QueryStringConfig looks at the key=value pairs of the query.
type QueryStringConfig struct {
	Values []KeyValue `json:"values"`
}

// KeyValue matches one pair; without a Key any key will do.
type KeyValue struct {
	Key   string `json:"key,omitempty"`
	Value string `json:"value"`
}

// String says the condition in words: `host is a.example.com or *.b.example.com`.
func (c Condition) String() string {
	either := func(values, regexes []string) string {
		if len(regexes) > 0 {
			return "matches regex " + strings.Join(regexes, " or ")
		}
		return "is " + strings.Join(values, " or ")
	}
	switch {
	case c.HostHeader != nil:
		return "host " + either(c.HostHeader.Values, c.HostHeader.RegexValues)
	case c.PathPattern != nil:
		return "path " + either(c.PathPattern.Values, c.PathPattern.RegexValues)
	case c.HTTPHeader != nil:
		return "header " + c.HTTPHeader.HTTPHeaderName + " " + either(c.HTTPHeader.Values, c.HTTPHeader.RegexValues)
	case c.HTTPRequestMethod != nil:
		return "method " + either(c.HTTPRequestMethod.Values, nil)
	case c.SourceIP != nil:
		return "source address in " + strings.Join(c.SourceIP.Values, " or ")
	case c.QueryString != nil:
		pairs := make([]string, len(c.QueryString.Values))
		for i, kv := range c.QueryString.Values {
			pairs[i] = kv.Value
			if kv.Key != "" {
				pairs[i] = kv.Key + "=" + kv.Value
			}
		}
		return "query has " + strings.Join(pairs, " or ")
	}
	return fmt.Sprintf("%s (no values)", c.Field)
}
