package manifest

import (
	"slices"
	"strings"
	"testing"
)

// TestJSONFaults: what is wrong with JSON in an annotation is said in JSON's words, with the
// place in the value, and all wrong values at once.
func TestJSONFaults(t *testing.T) {
	for _, c := range []struct {
		annotation, value string
		want              []string
	}{
		{"actions.x", `{"type": "forward"`, []string{`this is not valid JSON: it ends before it is closed, with } missing at its end; write for example {"type":`}},
		{"actions.x", `{"type": "forw`, []string{`with "} missing at its end`}},
		{"actions.x", `{"type"`, []string{`with } missing at its end`}},
		{"actions.x", ``, []string{`this is not valid JSON: it is empty; write for example {"type"`}},
		{"actions.x", `-`, []string{`at character 1: invalid character ' ' in numeric literal`}},
		{"actions.x", `{'type': 'forward'}`, []string{`at character 2: a string stands in double quotes`}},
		{"actions.x", "{\n  \"type\": \"forward\",\n}\n", []string{`at line 3 of the value, character 1: nothing follows the comma before }`}},
		{"actions.x", `{"type": forward}`, []string{`at character 11: invalid character 'o' in literal`}},
		{"actions.x", `type: forward`, []string{`at character 2: invalid character 'y' in literal true`}},
		{"conditions.x", `{"field":"source-ip"}`, []string{`the value is an object, {...}; write a list, [...]; write for example [{"field":`}},
		{"listen-ports", `{"HTTP":80}`, []string{`the value is an object, {...}; write a list, [...]; write for example [{"HTTP":80},{"HTTPS":443}]`}},
		{"listen-ports", `80`, []string{`the value 80 is a number; write a list, [...]`}},
		{"listen-ports", `[{"HTTP":"80"},{"HTTPS":443.5},{"HTTPS":99999999999}]`, []string{
			`[0].HTTP: "80" is a string; write a whole number`,
			`[1].HTTPS: 443.5 is no whole number; write a whole number`,
			`[2].HTTPS: 99999999999 is out of range; write a whole number`,
		}},
		{"actions.x", `{"type":"forward","forwardConfig":{"targetGroups":[{"serviceName":1,"weight":"90"},{"serviceName":"x","servicePort":[80]}],"targetGroupStickinessConfig":true}}`, []string{
			`forwardConfig.targetGroups[0].serviceName: 1 is a number; write a string, in quotes: "1"`,
			`forwardConfig.targetGroups[0].weight: "90" is a string; write a whole number`,
			`forwardConfig.targetGroups[1].servicePort: is a list, [...]; write a whole number`,
			`forwardConfig.targetGroupStickinessConfig: true is a boolean (true or false); write an object, {...}`,
		}},
		{"auth-idp-oidc", `{"issuer":1,"ISSUER":2}`, []string{`issuer: 1 is a number`, `ISSUER: 2 is a number`}},
	} {
		into := map[string]any{"actions.x": new(actionWords), "conditions.x": new([]int), "listen-ports": new([]map[string]int32), "auth-idp-oidc": new(oidcWords)}[c.annotation]
		ok, err := annotations{"", map[string]string{c.annotation: c.value}}.json(c.annotation, into)
		faults := each(err)
		for _, want := range c.want {
			if !slices.ContainsFunc(faults, func(err error) bool { return strings.Contains(err.Error(), want) }) {
				t.Errorf("%s: %s: nothing says %q: %v", c.annotation, c.value, want, faults)
			}
		}
		if !ok || len(faults) != len(c.want) {
			t.Errorf("%s: %s: %v", c.annotation, c.value, faults)
		}
	}
}

// TestExamples: what a message advises to write can be read.
func TestExamples(t *testing.T) {
	for family, example := range examples {
		annotation := family
		if slices.Contains(ingressFamilies, family+".") {
			annotation += ".web"
		}
		for _, f := range annotated(t, [2]string{annotation, example}).SetAside {
			if strings.Contains(f.Field, annotation) {
				t.Errorf("%s: %v", example, f)
			}
		}
	}
}

// TestUnknownKeys: keys in JSON that nobody reads are told, with what they may be meant for.
func TestUnknownKeys(t *testing.T) {
	for _, c := range []struct{ annotation, value, want string }{
		{"actions.act", `{"type":"forward","forwardConfig":{"targetGroups":[{"serviceName":"web","servicePort":80,"wieght":5}]}}`, "forwardConfig.targetGroups[0].wieght: there is no such key, and it has no effect; did you mean weight?"},
		{"actions.act", `{"Type":"forward","forwardConfig":{"targetGroupStickinesConfig":{},"targetGroups":[{"serviceName":"web","servicePort":80}]}}`, "forwardConfig.targetGroupStickinesConfig: there is no such key, and it has no effect; did you mean targetGroupStickinessConfig?"},
		{"conditions.web", `[{"field":"source-ip","sourceIpConfig":{"values":["10.0.0.0/8"],"zzz":1}}]`, "[0].sourceIpConfig.zzz: there is no such key, and it has no effect"},
		{"auth-idp-oidc", `{"issuer":"x","authenticationRequestExtraParams":{"anything":"goes"}}`, ""},
		{"actions.act", `{"type":"forward","FORWARDCONFIG":{"TargetGroups":[{"SERVICENAME":"web","servicePort":80}]}}`, ""},
	} {
		var said []string
		for _, p := range annotated(t, [2]string{c.annotation, c.value}).Warnings {
			if strings.Contains(p.Text, "there is no such key") {
				said = append(said, p.Text)
			}
		}
		if got := strings.Join(said, "\n"); got != c.want {
			t.Errorf("%s: %s: %q, want %q", c.annotation, c.value, got, c.want)
		}
	}
	for family := range examples {
		if inJSON[family] == nil && family != "listen-ports" {
			t.Errorf("%s is in JSON and not looked at", family)
		}
	}
}
