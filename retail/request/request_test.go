package request

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/albatross-lb/albatross/retail/model"
)

const documented = `{"features": {"store_id": 1, "product_id": 123, "date": "2024-01-01", "price": 29.99, "promotion": 0}}`

func features(t testing.TB, date string) model.Features {
	d, ok := model.ParseDate(date)
	if !ok {
		t.Fatal(date)
	}
	return model.Features{StoreID: 1, ProductID: 123, Date: d, Price: 29.99}
}

func TestPredict(t *testing.T) {
	plain := features(t, "2024-01-01")
	promoted := plain
	promoted.Promotion = true
	for body, want := range map[string]model.Features{
		documented: plain,
		" \t\r\n" + strings.ReplaceAll(documented, " ", "\n") + "\n":                           plain,
		strings.Replace(documented, `"promotion": 0`, `"promotion": 1`, 1):                     promoted,
		strings.Replace(documented, `"promotion": 0`, `"promotion": true`, 1):                  promoted,
		strings.Replace(documented, `"promotion": 0`, `"promotion": 1.0`, 1):                   promoted,
		strings.Replace(documented, `"promotion": 0`, `"promotion": false`, 1):                 plain,
		strings.Replace(documented, `"promotion": 0`, `"promotion": -0`, 1):                    plain,
		strings.Replace(documented, `123`, `1.23e2`, 1):                                        plain,
		strings.Replace(documented, `29.99`, `2999E-2`, 1):                                     plain,
		strings.Replace(documented, `2024`, `20\u0032\u0034`, 1):                               plain,
		strings.Replace(documented, `store_id`, `store\u005fid`, 1):                            plain,
		strings.Replace(documented, `{"store_id"`, `{"new": {"a": [null, {}]}, "store_id"`, 1): plain,
		strings.Replace(documented, `{"store_id"`, `{"store_id": "x", "store_id"`, 1):          plain,
		`{"id": 7, "features": 3, ` + documented[1:]:                                           plain,
	} {
		if got, errs := Predict([]byte(body)); errs != nil || got != want {
			t.Errorf("%s\n\tgot %+v %v, want %+v", body, got, errs, want)
		}
	}
}

// with returns the documented body with one field's value replaced, or the field dropped for an empty value.
func with(field, val string) string {
	fields := map[string]string{"store_id": "1", "product_id": "123", "date": `"2024-01-01"`, "price": "29.99", "promotion": "0"}
	fields[field] = val
	var parts []string
	for _, name := range fieldNames {
		if fields[name] != "" {
			parts = append(parts, fmt.Sprintf("%q:%s", name, fields[name]))
		}
	}
	return `{"features":{` + strings.Join(parts, ",") + `}}`
}

func TestPredictNamesTheField(t *testing.T) {
	huge := "1" + strings.Repeat("0", 400)
	for _, test := range []struct{ field, value, code string }{
		{"store_id", "", "missing"}, {"store_id", "null", "int_type"}, {"store_id", `"1"`, "int_type"}, {"store_id", "true", "int_type"},
		{"store_id", "[1]", "int_type"}, {"store_id", "{}", "int_type"}, {"store_id", "1.5", "int_from_float"},
		{"store_id", "0", "greater_than_equal"}, {"store_id", "-1", "greater_than_equal"}, {"store_id", "2147483648", "less_than_equal"},
		{"store_id", huge, "less_than_equal"}, {"store_id", "-" + huge, "greater_than_equal"}, {"store_id", "NaN", "int_type"}, {"store_id", "1e999", "less_than_equal"},
		{"product_id", "", "missing"}, {"product_id", "1e-400", "greater_than_equal"}, {"product_id", "0.1", "int_from_float"},
		{"date", "", "missing"}, {"date", "20240101", "date_type"}, {"date", "null", "date_type"}, {"date", `""`, "date_parsing"},
		{"date", `"01/02/2024"`, "date_parsing"}, {"date", `"2024-02-30"`, "date_parsing"}, {"date", `"2024-01-01T00:00:00"`, "date_parsing"},
		{"date", `"0000-01-01"`, "date_parsing"}, {"date", `"２０２４-01-01"`, "date_parsing"}, {"date", `"2024-01-01\u0000"`, "date_parsing"},
		{"price", "", "missing"}, {"price", `"29.99"`, "float_type"}, {"price", "null", "float_type"}, {"price", "false", "float_type"},
		{"price", "0", "greater_than"}, {"price", "-29.99", "greater_than"}, {"price", "1e-400", "greater_than"}, {"price", "1000000.01", "less_than_equal"},
		{"price", "NaN", "finite_number"}, {"price", "Infinity", "finite_number"}, {"price", "-Infinity", "finite_number"},
		{"price", "1e999", "finite_number"}, {"price", huge, "finite_number"},
		{"promotion", "", "missing"}, {"promotion", "2", "literal_error"}, {"promotion", "-1", "literal_error"}, {"promotion", "0.5", "literal_error"},
		{"promotion", `"1"`, "literal_error"}, {"promotion", "null", "literal_error"}, {"promotion", "NaN", "literal_error"},
	} {
		_, errs := Predict([]byte(with(test.field, test.value)))
		if len(errs) != 1 || errs[0].Type != test.code || !reflect.DeepEqual(errs[0].Loc, []any{"body", "features", test.field}) || errs[0].Msg == "" {
			t.Errorf("%s = %.40s: %+v, want %s", test.field, test.value, errs, test.code)
		}
	}
}

func TestPredictRefusesOtherTexts(t *testing.T) {
	deep := strings.Repeat(`[`, 100000)
	for _, test := range []struct{ body, code, loc string }{
		{"", "missing", "[body]"}, {"  \n", "missing", "[body]"},
		{"null", "model_attributes_type", "[body]"}, {"[]", "model_attributes_type", "[body]"}, {`"x"`, "model_attributes_type", "[body]"}, {"7", "model_attributes_type", "[body]"},
		{"{}", "missing", "[body features]"}, {`{"feature":{}}`, "missing", "[body features]"},
		{`{"features":null}`, "model_attributes_type", "[body features]"}, {`{"features":[]}`, "model_attributes_type", "[body features]"},
		{`{"features":"x"}`, "model_attributes_type", "[body features]"},
		{documented[:len(documented)-1] + `,"features":7}`, "model_attributes_type", "[body features]"},
		{"{", "json_invalid", "[body 1]"}, {`{"features":}`, "json_invalid", "[body 12]"}, {documented + "x", "json_invalid", fmt.Sprintf("[body %d]", len(documented))},
		{documented[:len(documented)-1], "json_invalid", fmt.Sprintf("[body %d]", len(documented)-1)},
		{`{"features":{"price":01}}`, "json_invalid", "[body 22]"}, {`{"features":{"price":1.}}`, "json_invalid", "[body 23]"},
		{`{"features":{"price":.5}}`, "json_invalid", "[body 21]"}, {`{"features":{"price":+1}}`, "json_invalid", "[body 21]"}, {`{"features":{"price":1,}}`, "json_invalid", "[body 23]"},
		{`{"features":{"a":"` + "\n" + `"}}`, "json_invalid", "[body 18]"}, {`{"features":{"a":"\x"}}`, "json_invalid", "[body 19]"}, {`{'features':1}`, "json_invalid", "[body 1]"},
		{"{\"features\":\"\xff\"}", "json_invalid", "[body 13]"}, {"\xef\xbb\xbf{}", "json_invalid", "[body 0]"}, {"\xff\xfe{\x00}\x00", "json_invalid", "[body 0]"},
		{deep, "json_invalid", "[body 32]"}, {`{"features":` + deep, "json_invalid", "[body 43]"}, {`{"x":{"x":` + deep, "json_invalid", "[body 40]"},
		{"store_id=1&price=3", "json_invalid", "[body 0]"}, {"\x00", "json_invalid", "[body 0]"},
	} {
		_, errs := Predict([]byte(test.body))
		if len(errs) != 1 || errs[0].Type != test.code || fmt.Sprint(errs[0].Loc) != test.loc {
			t.Errorf("%.60q: %+v, want %s at %s", test.body, errs, test.code, test.loc)
		}
	}
}

func TestPredictListsEveryMistake(t *testing.T) {
	_, errs := Predict([]byte(`{"features":{"store_id":"x","price":-1}}`))
	var got []string
	for _, e := range errs {
		got = append(got, fmt.Sprint(e.Loc[2], " ", e.Type))
	}
	want := []string{"store_id int_type", "product_id missing", "date missing", "price greater_than", "promotion missing"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	text, err := json.Marshal(errs[0])
	if err != nil || string(text) != `{"loc":["body","features","store_id"],"msg":"Input should be a valid integer","type":"int_type"}` {
		t.Errorf("an error is written as %s (%v)", text, err)
	}
}

func TestBatch(t *testing.T) {
	row := documented[len(`{"features": `) : len(documented)-1]
	list := func(rows ...string) string { return `{"instances":[` + strings.Join(rows, ",") + `]}` }
	many := func(n int) string { return list(strings.Split(strings.Repeat(row+"|", n-1)+row, "|")...) }
	for _, n := range []int{1, 2, MaxRows} {
		rows, errs := Batch([]byte(many(n)))
		if errs != nil || len(rows) != n || rows[n-1].Features != features(t, "2024-01-01") || rows[n-1].Errors != nil {
			t.Errorf("%d rows: %d rows, %v", n, len(rows), errs)
		}
	}
	for _, test := range []struct{ body, code, loc string }{
		{`{}`, "missing", "[body instances]"}, {`[]`, "model_attributes_type", "[body]"}, {list(), "too_short", "[body instances]"},
		{`{"instances":{}}`, "list_type", "[body instances]"}, {`{"instances":null}`, "list_type", "[body instances]"},
		{many(MaxRows + 1), "too_long", "[body instances]"}, {list("7"), "model_attributes_type", "[body instances 0]"},
		{list(strings.Replace(row, "29.99", "0", 1)), "greater_than", "[body instances 0 price]"},
		{list(row, ""), "json_invalid", fmt.Sprintf("[body %d]", len(list(row, ""))-2)},
		{list(row, strings.Repeat("[", 50)), "json_invalid", fmt.Sprintf("[body %d]", len(list(row))-1+maxDepth-2)},
	} {
		rows, errs := Batch([]byte(test.body))
		if len(errs) != 1 || errs[0].Type != test.code || fmt.Sprint(errs[0].Loc) != test.loc {
			t.Errorf("%.60q: %d rows, %+v, want %s at %s", test.body, len(rows), errs, test.code, test.loc)
		}
	}
	rows, errs := Batch([]byte(list("7", row, strings.Replace(row, "29.99", "0", 1))))
	if errs != nil || len(rows) != 3 || rows[1].Errors != nil || rows[1].Features != features(t, "2024-01-01") ||
		len(rows[0].Errors) != 1 || fmt.Sprint(rows[0].Errors[0].Loc) != "[body instances 0]" ||
		len(rows[2].Errors) != 1 || fmt.Sprint(rows[2].Errors[0].Loc) != "[body instances 2 price]" {
		t.Errorf("one sound row between two wrong ones: %+v, %v", rows, errs)
	}
	_, errs = Predict([]byte(documented[:len(documented)-1] + `,"features":{}}`))
	if len(errs) != fieldCount {
		t.Errorf("the last of two members counts, and is empty: %v", errs)
	}
	three := strings.Repeat(`{"store_id":1,"product_id":1},`, 999) + "{}"
	if _, errs := Batch([]byte(list(three))); len(errs) != maxErrors {
		t.Errorf("a thousand rows with three mistakes give %d errors, want %d", len(errs), maxErrors)
	}
	if _, errs := Batch([]byte(list(strings.Split(strings.Repeat("{}|", 999)+"{}", "|")...))); len(errs) != maxErrors {
		t.Errorf("a thousand wrong rows give %d errors, want %d", len(errs), maxErrors)
	}
}

func TestPredictDoesNotAllocate(t *testing.T) {
	body := []byte(documented)
	if n := testing.AllocsPerRun(100, func() { Predict(body) }); n != 0 {
		t.Errorf("%v allocations, want none", n)
	}
}

// FuzzPredict holds the reader against encoding/json: what one accepts as JSON the other has to accept too, but for
// the depth, the encoding and Python's NaN.
func FuzzPredict(f *testing.F) {
	for _, seed := range []string{documented, with("price", "NaN"), with("date", `"\u00e9\n"`), `{"instances":[{},{}]}`, `[[1e5,-0.5E-3,"\\"],null,true]`, "{\"a\":\"\xff\"}"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		got, errs := Predict(body)
		if errs == nil {
			if got.StoreID < 1 || got.ProductID < 1 || !(got.Price > 0 && got.Price <= MaxPrice) {
				t.Fatalf("%q was read as %+v", body, got)
			}
		}
		for _, e := range errs {
			if len(e.Loc) == 0 || e.Loc[0] != "body" || e.Msg == "" || e.Type == "" {
				t.Fatalf("%q: an error without a place: %+v", body, e)
			}
		}
		refused := len(errs) > 0 && errs[0].Type == "json_invalid"
		if valid := json.Valid(body); valid == refused {
			reason := ""
			if refused {
				reason = errs[0].Msg
			}
			lenient := !valid && (len(bytes.TrimSpace(body)) == 0 || bytes.Contains(body, []byte("NaN")) || bytes.Contains(body, []byte("Infinity")))
			strict := valid && (strings.HasSuffix(reason, errDepth.Error()) || strings.HasSuffix(reason, errUTF8.Error()))
			if !lenient && !strict {
				t.Fatalf("%q: valid JSON: %v, refused: %v", body, valid, errs)
			}
		}
		if rows, errs := Batch(body); errs == nil && (len(rows) == 0 || len(rows) > MaxRows || math.IsNaN(rows[0].Features.Price)) {
			t.Fatalf("%q was read as %d rows", body, len(rows))
		}
	})
}

func BenchmarkPredict(b *testing.B) {
	body := []byte(documented)
	b.ReportAllocs()
	for b.Loop() {
		Predict(body)
	}
}
