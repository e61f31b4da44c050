package request

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/albatross-lb/albatross/retail/model"
)

// columns is a sound request for two rows.
const columns = `{"id":"a\"7","inputs":[
	{"name":"store_id","shape":[2],"datatype":"INT64","data":[2,5]},
	{"name":"product_id","shape":[2,1],"datatype":"INT32","data":[[1],[11]],"parameters":{"x":1}},
	{"name":"date","shape":[2],"datatype":"BYTES","data":["2024-01-01","2024-06-03"]},
	{"name":"price","shape":[2],"datatype":"FP64","data":[2.99,4.49]},
	{"name":"promotion","shape":[2],"datatype":"BOOL","data":[false,true]},
	{"name":"mood","shape":[1],"datatype":"FP32","data":[1]}
],"outputs":[{"name":"prediction"},{"name":"low","parameters":{}}],"parameters":{}}`

func TestInfer(t *testing.T) {
	in, errs := Infer([]byte(columns))
	january, _ := model.ParseDate("2024-01-01")
	june, _ := model.ParseDate("2024-06-03")
	want := []model.Features{
		{StoreID: 2, ProductID: 1, Date: january, Price: 2.99}, {StoreID: 5, ProductID: 11, Date: june, Price: 4.49, Promotion: true},
	}
	if errs != nil || !slices.Equal(in.Rows, want) || string(in.ID) != `"a\"7"` || !slices.Equal(in.Outputs, []string{"prediction", "low"}) {
		t.Errorf("%+v, %v", in, errs)
	}
}

func TestInferRefuses(t *testing.T) {
	for _, test := range []struct{ old, new, loc, code string }{
		{`"id":"a\"7"`, `"id":7`, "[body id]", "string_type"},
		{`[2,5]`, `[2]`, "[body inputs 0 shape]", "value_error"},
		{`"shape":[2],"datatype":"INT64","data":[2,5]`, `"shape":[1],"datatype":"INT64","data":[2]`, "[body inputs 1 data]", "value_error"},
		{`[2,5]`, `[2,0]`, "[body inputs 0 data 1 store_id]", "greater_than_equal"},
		{`2.99`, `NaN`, "[body inputs 3 data 0 price]", "finite_number"},
		{`"2024-06-03"`, `"2024-06-31"`, "[body inputs 2 data 1 date]", "date_parsing"},
		{`"FP64"`, `"BYTES"`, "[body inputs 3 datatype]", "enum"},
		{`"FP64"`, `"FP"`, "[body inputs 3 datatype]", "enum"},
		{`"name":"price"`, `"name":"prize"`, "[body inputs price]", "missing"},
		{`"name":"price"`, `"nome":"price"`, "[body inputs 3 name]", "missing"},
		{`"data":[2.99,4.49]`, `"data":{}`, "[body inputs 3 data]", "list_type"},
		{`"inputs":[`, `"inputs":{},"x":[`, "[body inputs]", "list_type"},
		{`"inputs":[`, `"x":[`, "[body inputs]", "missing"},
		{`"inputs":[`, `"inputs":[7,`, "[body inputs 0]", "dict_type"},
		{`{"name":"low","parameters":{}}`, `{}`, "[body outputs 1 name]", "missing"},
		{`"outputs":[`, `"outputs":7,"x":[`, "[body outputs]", "list_type"},
		{`[2,5]`, "[" + strings.Repeat("[", 100), "[body 120]", "json_invalid"},
	} {
		body := strings.Replace(columns, test.old, test.new, 1)
		if body == columns {
			t.Fatalf("%s is not there", test.old)
		}
		in, errs := Infer([]byte(body))
		if len(errs) == 0 || errs[0].Type != test.code || fmt.Sprint(errs[0].Loc) != test.loc && test.code != "json_invalid" {
			t.Errorf("%s for %s: %+v, %+v, want %s at %s", test.new, test.old, in, errs, test.code, test.loc)
		}
	}
	for _, body := range []string{"", "[]", "{", `{"inputs":[`, `{"inputs":[{"data":[[`, `{"outputs":[{"name":`} {
		if _, errs := Infer([]byte(body)); len(errs) == 0 {
			t.Errorf("%q was taken", body)
		}
	}
}

func TestInferIsBounded(t *testing.T) {
	ones := strings.Repeat("1,", MaxRows) + "1"
	body := fmt.Sprintf(`{"inputs":[{"name":"store_id","shape":[%d],"datatype":"INT64","data":[%s]}]}`, MaxRows+1, ones)
	if _, errs := Infer([]byte(body)); len(errs) == 0 || errs[0].Type != "value_error" {
		t.Errorf("%d rows: %v", MaxRows+1, errs[0])
	}
	if _, errs := Infer([]byte(`{"inputs":[` + strings.Repeat("7,", 1000) + `7]}`)); len(errs) > maxErrors {
		t.Errorf("%d errors, want %d at most", len(errs), maxErrors)
	}
}

func FuzzInfer(f *testing.F) {
	f.Add([]byte(columns))
	f.Add([]byte(`{"inputs":[{"name":"price","shape":[1,1],"datatype":"FP64","data":[[NaN]]}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		in, errs := Infer(body)
		if errs == nil && (len(in.Rows) == 0 || len(in.Rows) > MaxRows) {
			t.Fatalf("%q was read as %d rows", body, len(in.Rows))
		}
		for _, e := range errs {
			if len(e.Loc) == 0 || e.Loc[0] != "body" || e.Msg == "" || e.Type == "" {
				t.Fatalf("%q: an error without a place: %+v", body, e)
			}
		}
	})
}
