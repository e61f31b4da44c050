package health

import (
	"fmt"
	"strings"
	"testing"
)

func TestParseMatcher(t *testing.T) {
	for _, test := range []struct {
		text     string
		pass     []int
		fail     []int
		parse    func(string) (Matcher, error)
		complain string // part of the error; "" where there is none
	}{
		{text: "200", pass: []int{200}, fail: []int{0, 199, 201, 302, 500, -1, 639, 640, 1 << 30}},
		{text: "200,302", pass: []int{200, 302}, fail: []int{201, 301}},
		{text: "200-399", pass: []int{200, 301, 399}, fail: []int{199, 400}},
		{text: "200-204, 301 ,404-404", pass: []int{200, 204, 301, 404}, fail: []int{205, 300, 403, 405}},
		{text: "499", pass: []int{499}},
		{text: "500", complain: "within 200-499"},
		{text: "199", complain: "within 200-499"},
		{text: "300-200", complain: "smaller code first"},
		{text: "200-599", complain: "within 200-499"},
		{text: "200-599", parse: ParseNetworkMatcher, pass: []int{200, 599}, fail: []int{600}},
		{text: "", complain: "a code or a range"},
		{text: "200,", complain: "a code or a range"},
		{text: "2xx", complain: "a code or a range"},
		{text: "+200", complain: "a code or a range"},
		{text: "0200", complain: "a code or a range"},
		{text: "200-", complain: "a code or a range"},
		{text: "200-201-202", complain: "a code or a range"},
		{text: "12", parse: ParseGRPCMatcher, pass: []int{12}, fail: []int{0, 11, 13}},
		{text: "0-99", parse: ParseGRPCMatcher, pass: []int{0, 99}, fail: []int{100}},
		{text: "100", parse: ParseGRPCMatcher, complain: "within 0-99"},
	} {
		t.Run(test.text, func(t *testing.T) {
			parse := test.parse
			if parse == nil {
				parse = ParseMatcher
			}
			m, err := parse(test.text)
			if test.complain != "" {
				if err == nil || !strings.Contains(err.Error(), test.complain) {
					t.Fatalf("error %v, want one with %q", err, test.complain)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			for _, code := range test.pass {
				if !m.Matches(code) {
					t.Errorf("%d does not match", code)
				}
			}
			for _, code := range test.fail {
				if m.Matches(code) {
					t.Errorf("%d matches", code)
				}
			}
		})
	}
}

func FuzzParseMatcher(f *testing.F) {
	for _, s := range []string{"200", "200,302", "200-399", " 200 , 404-410", "499-200", "-", ",", "200-", "\x00", "99999999999999999999"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		m, err := ParseMatcher(text)
		if err != nil {
			if m != (Matcher{}) {
				t.Fatal("an error with a matcher")
			}
			return
		}
		// What was read, written out code by code, is read as the same.
		var codes []string
		for code := range 700 {
			if m.Matches(code) {
				if code < 200 || code > 499 {
					t.Fatalf("%q matches %d", text, code)
				}
				codes = append(codes, fmt.Sprint(code))
			}
		}
		again, err := ParseMatcher(strings.Join(codes, ","))
		if err != nil || again != m {
			t.Fatalf("%q: %v read again differs: %v", text, codes, err)
		}
	})
}
