package main

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/albatross-lb/albatross/retail/model"
)

func TestEncodeKeepsWhatItWrites(t *testing.T) {
	a := &model.LinearFile{
		Papers: model.Papers{Version: "v1", Kind: "a [1,\n2] b", Evaluations: []model.Evaluation{{Name: "x", Rows: 3, Errors: []model.Errors{{MAPE: 1.5}, {MAPE: -2}}}, {Name: "9,"}}},
		Coefficients: model.Coefficients{
			Season: []float64{-1, 2e-9}, Cells: [][]float64{{1, -2}, {3}, {}}, Stores: []model.Store{{ID: 1}, {ID: 2, Effect: -0.5}},
		},
	}
	text, err := encode(a)
	if err != nil {
		t.Fatal(err)
	}
	back := &model.LinearFile{}
	if err := json.Unmarshal(text, back); err != nil || !reflect.DeepEqual(a, back) {
		t.Errorf("%+v came back as %+v (%v)", a, back, err)
	}
	for _, line := range []string{`"season": [-1,2e-9],`, "   [1,-2],\n   [3],\n"} {
		if !strings.Contains(string(text), line) {
			t.Errorf("no %q in %s", line, text)
		}
	}
}
