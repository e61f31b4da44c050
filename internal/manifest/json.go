package manifest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"unicode/utf8"
)

// examples are values of the annotations in JSON, by the word before the first dot of their names.
var examples = map[string]string{
	"actions":               `{"type":"redirect","redirectConfig":{"protocol":"HTTPS","port":"443","statusCode":"HTTP_301"}}`,
	"conditions":            `[{"field":"http-header","httpHeaderConfig":{"httpHeaderName":"X-Stage","values":["next"]}}]`,
	"transforms":            `[{"type":"url-rewrite","urlRewriteConfig":{"rewrites":[{"regex":"^/api/","replace":"/"}]}}]`,
	"listen-ports":          `[{"HTTP":80},{"HTTPS":443}]`,
	"mutual-authentication": `[{"port":443,"mode":"passthrough"}]`,
	"auth-idp-cognito":      `{"userPoolARN":"arn:aws:cognito-idp:us-east-1:123456789012:userpool/pool","userPoolClientID":"client","userPoolDomain":"domain"}`,
	"auth-idp-oidc":         `{"issuer":"https://id.example.com","authorizationEndpoint":"https://id.example.com/authorize","tokenEndpoint":"https://id.example.com/token","userInfoEndpoint":"https://id.example.com/userinfo","secretName":"client"}`,
	"jwt-validation":        `{"jwksEndpoint":"https://id.example.com/keys","issuer":"https://id.example.com"}`,
}

// exampleOf is how a value of an annotation looks; "" if none is known.
func exampleOf(annotation string) string {
	family, _, _ := strings.Cut(annotation, ".")
	if example := examples[family]; example != "" {
		return "; write for example " + example
	}
	return ""
}

// json reads a value in JSON. Keys count without regard to case and unknown ones
// are passed over, as encoding/json does it. All that is wrong with it is told at once.
func (a annotations) json(name string, into any) (bool, error) {
	raw, ok := a.text(name)
	if !ok {
		return false, nil
	}
	err := json.Unmarshal([]byte(raw), into)
	if err == nil {
		return true, nil
	}
	if syntax := new(json.SyntaxError); errors.As(err, &syntax) {
		return true, a.faultf(name, "this is not valid JSON: %s%s", syntaxError(raw, syntax), exampleOf(name))
	}
	return true, a.wrongValues(name, raw, reflect.TypeOf(into).Elem())
}

// wrongValues tells of each value of the wrong type.
func (a annotations) wrongValues(name, raw string, is reflect.Type) error {
	d := decoding{text: []byte(raw), places: jsonPlaces([]byte(raw)), is: is, json: true}
	var errs []error
	for d.read < mostDecoded {
		_, _, err := d.try(d.text)
		if err == nil {
			break
		}
		at := d.find(err)
		if at == 0 {
			return a.faultf(name, "the value %s%s", d.wrong(err, 0), exampleOf(name))
		}
		errs = append(errs, a.faultf(name, "%s: %s", pathOf(d.places, at), d.wrong(err, at)))
		d.takeOut(at)
	}
	return errors.Join(errs...)
}

// syntaxError says where a value stops being JSON, and why.
func syntaxError(raw string, err *json.SyntaxError) string {
	at := min(max(int(err.Offset)-1, 0), len(raw))
	if err.Error() == "unexpected end of JSON input" {
		return unclosed(raw)
	}
	return position(raw, at) + ": " + syntaxReason(raw, at, err.Error())
}

// syntaxReason says why a text stops being JSON at a byte, where more is known than encoding/json says.
func syntaxReason(raw string, at int, text string) string {
	before := strings.TrimRight(raw[:at], " \t\r\n")
	switch {
	case at < len(raw) && raw[at] == '\'':
		return "a string stands in double quotes"
	case at < len(raw) && (raw[at] == '}' || raw[at] == ']') && strings.HasSuffix(before, ","):
		return "nothing follows the comma before " + raw[at:at+1]
	}
	return text
}

// position names a byte of a value: its line where there are several, and its column, both
// from 1 and in characters.
func position(raw string, at int) string {
	start := strings.LastIndexByte(raw[:at], '\n') + 1
	column := fmt.Sprintf("character %d", utf8.RuneCountInString(raw[start:at])+1)
	if !strings.Contains(strings.TrimSpace(raw), "\n") {
		return "at " + column
	}
	return fmt.Sprintf("at line %d of the value, %s", strings.Count(raw[:at], "\n")+1, column)
}

// unclosed says what is missing at the end of a value that ends too early.
func unclosed(raw string) string {
	var open []byte
	quoted := false
	for i := 0; i < len(raw); i++ {
		switch c := raw[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{':
			open = append(open, '}')
		case c == '[':
			open = append(open, ']')
		case (c == '}' || c == ']') && len(open) > 0:
			open = open[:len(open)-1]
		}
	}
	missing := ""
	if quoted {
		missing = `"`
	}
	for i := len(open) - 1; i >= 0; i-- {
		missing += string(open[i])
	}
	switch {
	case strings.TrimSpace(raw) == "":
		return "it is empty"
	case missing == "":
		return "it ends in the middle of a value"
	}
	return "it ends before it is closed, with " + shorten(missing) + " missing at its end"
}

// jsonPlaces lists the values in valid JSON.
func jsonPlaces(text []byte) []place {
	r := placeReader{text: text, decoder: json.NewDecoder(bytes.NewReader(text))}
	r.decoder.UseNumber()
	r.value(-1, "", -1)
	return r.places
}

type placeReader struct {
	text    []byte
	decoder *json.Decoder
	places  []place
}

// value reads one value; false where the text ends or is no JSON.
func (r *placeReader) value(parent int, key string, index int) bool {
	start := int(r.decoder.InputOffset())
	for start < len(r.text) && strings.IndexByte(" \t\r\n:,", r.text[start]) >= 0 {
		start++
	}
	self := len(r.places)
	r.places = append(r.places, place{offset: start, line: 1 + bytes.Count(r.text[:start], []byte("\n")), parent: parent, key: key, index: index})
	token, err := r.decoder.Token()
	if err != nil {
		return false
	}
	switch token := token.(type) {
	case json.Delim:
		for i := 0; r.decoder.More(); i++ {
			key, index := "", i
			if token == '{' {
				name, err := r.decoder.Token()
				if err != nil {
					return false
				}
				key, _ = name.(string)
				index = -1
			}
			if !r.value(self, key, index) {
				return false
			}
		}
		_, err = r.decoder.Token()
	default:
		r.places[self].raw = fmt.Sprint(token)
	}
	return err == nil
}
