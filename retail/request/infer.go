package request

import (
	"fmt"
	"strings"

	"github.com/albatross-lb/albatross/retail/model"
)

// Inference is a request of the Open Inference Protocol, version 2 (KServe, Triton, MLServer): the features stand in columns, one
// tensor each, not in rows.
//
//	{"id": "7", "inputs": [{"name": "store_id", "shape": [2], "datatype": "INT64", "data": [2, 5]}, ...],
//	 "outputs": [{"name": "prediction"}]}
type Inference struct {
	// ID is to be given back, as the JSON it was written with; nil for none.
	ID []byte
	// Outputs are the names asked for; nil for all.
	Outputs []string
	Rows    []model.Features
}

// maxOutputs is how many outputs a request may name.
const maxOutputs = 16

// datatypes are what a feature may be declared as.
var datatypes = [fieldCount]string{
	storeID: integers, productID: integers, date: " BYTES ", price: floats + integers[1:], promotion: integers + "BOOL ",
}

const (
	integers = " INT8 INT16 INT32 INT64 UINT8 UINT16 UINT32 UINT64 "
	floats   = " FP32 FP64 "
)

// Infer reads the body of POST /v2/models/retail/infer. Either there are errors or all rows are sound.
func Infer(body []byte) (Inference, []Error) {
	r, errs := open(body)
	if errs != nil {
		return Inference{}, errs
	}
	var in inference
	for first := true; r.more(first, '}'); first = false {
		switch string(r.key()) {
		case "id":
			in.id(r.value(1))
		case "inputs":
			in.inputs(&r)
		case "outputs":
			in.outputs(&r)
		default:
			r.value(1)
		}
	}
	if !r.end() {
		return Inference{}, r.mistake()
	}
	if len(in.errs) == 0 {
		in.rows()
	}
	return in.Inference, in.errs[:min(len(in.errs), maxErrors)]
}

// inference gathers a request and what is wrong with it.
type inference struct {
	Inference
	tensors [fieldCount]*tensor
	listed  bool
	errs    []Error
}

// tensor is one column.
type tensor struct {
	at   int // its place in inputs
	data []value
}

func (in *inference) wrong(msg, code string, loc ...any) {
	if len(in.errs) < maxErrors {
		in.errs = append(in.errs, Error{append([]any{"body"}, loc...), msg, code})
	}
}

func (in *inference) id(v value) {
	if v.kind == null { // as clients in Python write what is not there
		in.ID = nil
		return
	}
	if v.kind != text {
		in.wrong("Input should be a valid string", "string_type", "id")
		return
	}
	in.ID = v.raw
}

func (in *inference) inputs(r *reader) {
	in.listed, in.tensors = true, [fieldCount]*tensor{}
	if r.peek() != '[' {
		r.value(1)
		in.wrong("Input should be a valid list", "list_type", "inputs")
		return
	}
	r.take('[')
	at := 0
	for first := true; r.more(first, ']'); first = false {
		in.input(r, at)
		at++
	}
}

// input reads one tensor.
func (in *inference) input(r *reader, at int) {
	if r.peek() != '{' {
		r.value(2)
		in.wrong("Input should be a valid dictionary", "dict_type", "inputs", at)
		return
	}
	var name, datatype value
	var shape, data []value
	var listed bool
	r.take('{')
	for first := true; r.more(first, '}'); first = false {
		switch string(r.key()) {
		case "name":
			name = r.value(3)
		case "datatype":
			datatype = r.value(3)
		case "shape":
			shape, _ = r.flat(nil, 3)
		case "data":
			data, listed = r.flat(nil, 3)
		default:
			r.value(3)
		}
	}
	if r.err != nil {
		return
	}
	if name.kind != text {
		in.wrong("Field required", "missing", "inputs", at, "name")
		return
	}
	field := fieldNamed(string(unquote(name.raw)))
	if field < 0 { // as with other unknown fields, it is passed over
		return
	}
	if datatype.kind != text || !strings.Contains(datatypes[field], " "+string(unquote(datatype.raw))+" ") {
		in.wrong("Input should be one of"+strings.TrimRight(datatypes[field], " "), "enum", "inputs", at, "datatype")
	}
	if !listed {
		in.wrong("Input should be a valid list", "list_type", "inputs", at, "data")
	}
	if !fits(shape, len(data)) {
		in.wrong(fmt.Sprintf("Shape should be [%d] for the %d values of data", len(data), len(data)), "value_error", "inputs", at, "shape")
	}
	in.tensors[field] = &tensor{at: at, data: data}
}

// fits reports whether a shape is that of a column of n values: [n] or [n,1].
func fits(shape []value, n int) bool {
	if len(shape) != 1 && (len(shape) != 2 || string(shape[1].raw) != "1") {
		return false
	}
	return string(shape[0].raw) == fmt.Sprint(n)
}

func fieldNamed(name string) int {
	for i, known := range fieldNames {
		if name == known {
			return i
		}
	}
	return -1
}

// flat reads a list and appends its values to dst; values of lists within it stand in a row, as the protocol has it. Beyond
// MaxRows+1 values none are kept.
func (r *reader) flat(dst []value, depth int) ([]value, bool) {
	if r.peek() != '[' {
		r.value(depth)
		return dst, false
	}
	if depth >= maxDepth {
		r.fail(errDepth)
		return dst, false
	}
	r.take('[')
	for first := true; r.more(first, ']'); first = false {
		if r.peek() == '[' {
			dst, _ = r.flat(dst, depth+1)
			continue
		}
		if v := r.value(depth + 1); len(dst) <= MaxRows {
			dst = append(dst, v)
		}
	}
	return dst, true
}

func (in *inference) outputs(r *reader) {
	in.Outputs = nil
	if r.peek() != '[' {
		if r.value(1).kind == null {
			return
		}
		in.wrong("Input should be a valid list", "list_type", "outputs")
		return
	}
	r.take('[')
	in.Outputs = []string{}
	for first := true; r.more(first, ']'); first = false {
		var name value
		if r.peek() != '{' {
			r.value(2)
		} else {
			r.take('{')
			for first := true; r.more(first, '}'); first = false {
				if string(r.key()) == "name" {
					name = r.value(3)
				} else {
					r.value(3)
				}
			}
		}
		switch {
		case r.err != nil:
		case name.kind != text:
			in.wrong("Field required", "missing", "outputs", len(in.Outputs), "name")
		case len(in.Outputs) == maxOutputs:
			in.wrong(fmt.Sprintf("List should have at most %d items", maxOutputs), "too_long", "outputs")
		default:
			in.Outputs = append(in.Outputs, string(unquote(name.raw)))
		}
	}
}

// rows makes rows of the columns.
func (in *inference) rows() {
	if !in.listed {
		in.errs = append(in.errs, missing("body", "inputs"))
		return
	}
	n := -1
	for field, t := range in.tensors {
		switch {
		case t == nil:
			in.wrong("Field required", "missing", "inputs", fieldNames[field])
		case len(t.data) == 0 || len(t.data) > MaxRows:
			in.wrong(fmt.Sprintf("List should have 1 to %d items", MaxRows), "value_error", "inputs", t.at, "data")
		case n >= 0 && len(t.data) != n:
			in.wrong(fmt.Sprintf("List should have %d items, as the other inputs, not %d", n, len(t.data)), "value_error", "inputs", t.at, "data")
		default:
			n = len(t.data)
		}
	}
	if len(in.errs) > 0 {
		return
	}
	in.Rows = make([]model.Features, n)
	for row := range n {
		var fields [fieldCount]value
		for i, t := range in.tensors {
			fields[i] = t.data[row]
		}
		f, errs := check(&fields, nil)
		for _, e := range errs {
			t := in.tensors[fieldNamed(e.Loc[0].(string))]
			in.wrong(e.Msg, e.Type, "inputs", t.at, "data", row, e.Loc[0])
		}
		in.Rows[row] = f
	}
}
