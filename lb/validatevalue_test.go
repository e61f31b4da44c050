package lb

import (
	"strings"
	"testing"
)

// TestValueCharacters: what AWS's user guide allows in host and path values, and advice for what it does not.
func TestValueCharacters(t *testing.T) {
	for _, c := range []struct {
		field ConditionField
		value string
		want  []string // in one warning each; none: there is none
	}{
		{HostHeader, "shop.example.com", nil},
		{HostHeader, "*.Example.com", nil},
		{HostHeader, "shop?.example.xn--p1ai", nil},
		{HostHeader, "shop_1.example.com", []string{`AWS takes letters, digits and - . * ? in a host, and "shop_1.example.com" holds _`}},
		{HostHeader, "shop.example.com:8080", []string{"AWS takes no port in a host"}},
		{HostHeader, "https://shop.example.com/x", []string{`is a URL, which no request's host is; write "shop.example.com"`}},
		{HostHeader, "localhost", []string{"AWS takes hosts with at least one dot"}},
		{HostHeader, "*", []string{"AWS takes hosts with at least one dot"}},
		{HostHeader, "10.0.0.1", []string{"AWS takes letters alone behind the last dot"}},
		{HostHeader, "example.com.", []string{"AWS takes letters alone behind the last dot"}},
		{HostHeader, "www.example.*", []string{"AWS takes no wildcards behind the last dot"}},
		{HostHeader, "münchen.example.com", []string{"holds ü"}},
		{PathPattern, `/a/_-.$/~"'@:+&*?`, nil},
		{PathPattern, "*.png", nil},
		{PathPattern, "/api(/|$)(.*)", []string{`AWS takes letters, digits and _ - . $ / ~ " ' @ : + & * ? in a path, and "/api(/|$)(.*)" holds ( | ); a regular expression is written as regexValues`}},
		{PathPattern, "/v[0-9]+/.*", []string{"holds [ ]; a regular"}},
		{PathPattern, "/über", []string{"holds ü"}},
		{PathPattern, "/${PATH}", []string{`"/${PATH}" holds { }`}},
		{PathPattern, "/b c", []string{"holds a blank"}},
		{PathPattern, "/b%20c", []string{"holds %"}},
		{PathPattern, "/b\tc", []string{`holds \t`}},
		{PathPattern, "/d#e", []string{"holds #; clients do not send"}},
		{PathPattern, "/a?x=1", []string{`holds =; a query is not part of a path: write "/a"`}},
		{PathPattern, "api", []string{`matches no request, since every path starts with /; write "/api"`}},
		{PathPattern, "https://x.example.com/y", []string{`is a URL, and matches no request; write the path alone: "/y"`}},
		{PathPattern, "~* ^/f", []string{"matches no request", "holds a blank ^; a regular"}},
	} {
		condition := Condition{Field: c.field, PathPattern: &ValuesConfig{Values: []string{c.value}}}
		if c.field == HostHeader {
			condition = Condition{Field: c.field, HostHeader: &ValuesConfig{Values: []string{c.value}}}
		}
		v := validation{cfg: &Config{}, said: map[Problem]bool{}}
		v.conditionWarnings(&Rule{Priority: 1, Conditions: []Condition{condition}})
		if len(v.cfg.Warnings) != len(c.want) {
			t.Errorf("%s: %v, want %q", c.value, v.cfg.Warnings, c.want)
			continue
		}
		for i, want := range c.want {
			if !strings.Contains(v.cfg.Warnings[i].Text, want) {
				t.Errorf("%s: %v, want %q", c.value, v.cfg.Warnings[i], want)
			}
		}
	}
}

// A path of type Prefix is two values, and what is wrong with it is said once.
func TestValueCharactersOfPrefix(t *testing.T) {
	v := validation{cfg: &Config{}, said: map[Problem]bool{}}
	v.conditionWarnings(&Rule{Priority: 1, Conditions: []Condition{{Field: PathPattern, PathPattern: &ValuesConfig{Values: []string{"/b c", "/b c/*"}}}}})
	if len(v.cfg.Warnings) != 1 {
		t.Errorf("%v", v.cfg.Warnings)
	}
}
