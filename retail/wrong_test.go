package retail

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// Whatever stands in a field, it is named, and nothing is the service's own fault. Every field meets every wrong value, in
// a question, in a batch and in tensors.
func TestWrongInputTable(t *testing.T) {
	s, _ := newServer(t, false)
	sound := map[string]string{"store_id": "2", "product_id": "1", "date": `"2024-01-01"`, "price": "2.99", "promotion": "0"}
	deep := strings.Repeat(`{"a":`, 10_000) + "1" + strings.Repeat("}", 10_000)
	everywhere := map[string]string{
		"null": "null", "text": `"x"`, "empty text": `""`, "list": "[1]", "object": `{"a":1}`, "NaN": "NaN", "Infinity": "Infinity", "-Infinity": "-Infinity",
		"huge": "1e999", "negative": "-1", "long": strings.Repeat("9", 4000), "control characters": `"\u0000\u001f"`, "half a surrogate": `"\ud800"`,
	}
	of := map[string]map[string]string{
		"store_id":   {"zero": "0", "fraction": "1.5", "above": "2147483648", "true": "true"},
		"product_id": {"zero": "0", "fraction": "1.5", "above": "2147483648", "true": "true"},
		"date":       {"number": "20240101", "no day": `"2024-02-30"`, "no month": `"2024-13-01"`, "another form": `"01/01/2024"`, "with time": `"2024-01-01T00:00:00Z"`, "year 0": `"0000-01-01"`},
		"price":      {"zero": "0", "above": "1000001", "tiny": "1e-999", "true": "true"},
		"promotion":  {"two": "2", "half": "0.5"},
	}
	body := func(changed, value string) string {
		var members []string
		for _, name := range []string{"store_id", "product_id", "date", "price", "promotion"} {
			v := sound[name]
			if name == changed {
				v = value
			}
			if v != "" {
				members = append(members, fmt.Sprintf("%q:%s", name, v))
			}
		}
		return "{" + strings.Join(members, ",") + "}"
	}
	check := func(what, path, text, names string) {
		t.Helper()
		w := ask(s, "POST", path, text)
		var answer struct {
			Detail []struct {
				Loc       []any
				Msg, Type string
			}
		}
		if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil || w.Code != http.StatusUnprocessableEntity || len(answer.Detail) == 0 {
			t.Errorf("%s to %s: %d %.300s", what, path, w.Code, w.Body)
			return
		}
		if loc := fmt.Sprint(answer.Detail[0].Loc); answer.Detail[0].Msg == "" || answer.Detail[0].Type == "" || !strings.Contains(loc, names) {
			t.Errorf("%s to %s: %+v does not name %s", what, path, answer.Detail[0], names)
		}
	}
	every := func(field, what, value string) {
		t.Helper()
		row := body(field, value)
		check(what+" "+field, "/predict", `{"features":`+row+`}`, "features "+field)
		check(what+" "+field, "/batch-predict", `{"instances":[`+row+`]}`, "instances 0 "+field)
		if value != "" && value[0] != '[' { // tensors hold lists in lists
			check(what+" "+field, "/v2/models/retail/infer", tensors(sound, field, value), field)
		}
	}
	for field := range sound {
		every(field, "missing", "")
		for what, value := range everywhere {
			every(field, what, value)
		}
		for what, value := range of[field] {
			every(field, what, value)
		}
		for _, path := range []string{"/predict", "/batch-predict", "/v2/models/retail/infer"} {
			check("deep "+field, path, `{"features":`+strings.Replace(body(field, "DEEP"), "DEEP", deep[:15_000], 1), "body")
		}
	}
	for _, path := range []string{"/predict", "/batch-predict", "/v2/models/retail/infer"} {
		for what, text := range map[string]string{
			"empty": "", "spaces": " \n", "null": "null", "list": "[]", "text": `"x"`, "number": "1", "half": `{"features":`, "twice": "{}{}", "not UTF-8": "{\"\xff\":1}",
			"UTF-16": "{\x00}\x00", "byte order mark": "\xef\xbb\xbf{}", "nested lists": strings.Repeat("[", 10_000), "XML": "<a/>", "comment": "{/**/}",
		} {
			check(what, path, text, "body")
		}
		for _, contentType := range []string{"", "text/plain", "text/json", "application/xml", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/jsonx"} {
			w := ask(s, "POST", path, `{}`, "Content-Type", contentType)
			if w.Code != 422 || !strings.Contains(w.Body.String(), `["header","content-type"]`) {
				t.Errorf("Content-Type %q to %s: %d %s", contentType, path, w.Code, w.Body)
			}
		}
	}
	// A field nobody knows is passed over, as documented.
	if w := ask(s, "POST", "/predict", `{"mood":1,"features":`+strings.TrimSuffix(body("", ""), "}")+`,"mood":{"a":[1]}}}`); w.Code != 200 {
		t.Errorf("an unknown field: %d %s", w.Code, w.Body)
	}
}

// tensors is a request for one row in columns, with one value changed.
func tensors(sound map[string]string, changed, value string) string {
	types := map[string]string{"store_id": "INT64", "product_id": "INT64", "date": "BYTES", "price": "FP64", "promotion": "INT64"}
	var inputs []string
	for name, v := range sound {
		if name == changed {
			v = value
		}
		inputs = append(inputs, fmt.Sprintf(`{"name":%q,"shape":[1],"datatype":%q,"data":[%s]}`, name, types[name], v))
	}
	return `{"inputs":[` + strings.Join(inputs, ",") + `]}`
}
