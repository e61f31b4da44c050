// Package request reads the bodies that clients send to the Retail Prediction API.
//
// A body is either understood as a whole or refused with a list of everything that is wrong with it, each item naming
// the field by its place in the body. The list has the shape FastAPI services answer with, which clients of such services
// already know how to read:
//
//	{"loc": ["body", "features", "price"], "msg": "Input should be greater than 0", "type": "greater_than"}
//
// Nothing a client sends makes the reader panic, recurse deeper than a fixed bound or hold on to more memory than
// the body itself; how long a body may be is for the caller to bound.
package request

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/albatross-lb/albatross/retail/model"
)

// The ranges of the fields.
const (
	MaxID    = math.MaxInt32 // store_id and product_id: 1 to MaxID
	MaxPrice = 1_000_000     // price: above 0, in US dollars
	MaxRows  = 10_000        // instances of one batch
)

// maxErrors is how many mistakes one answer lists.
const maxErrors = 100

// Error is one mistake in a body.
type Error struct {
	// Loc is the path to the wrong value: strings for fields, whole numbers for places in lists. For a text that is not
	// JSON it is "body" and the number of the byte at which that shows.
	Loc []any `json:"loc" nullable:"false" doc:"Path to the wrong value: field names and places in lists"`
	// Msg is for people, Type for programs; the types are those of pydantic.
	Msg  string `json:"msg" doc:"What is wrong, for people"`
	Type string `json:"type" doc:"What is wrong, for programs"`
}

// String says where the mistake is and what it is, for people: "body.inputs.3.datatype: Input should be one of FP32 FP64".
func (e Error) String() string {
	place := make([]string, len(e.Loc))
	for i, l := range e.Loc {
		place[i] = fmt.Sprint(l)
	}
	return strings.Join(place, ".") + ": " + e.Msg
}

// The fields of one question, in the order they are documented.
const (
	storeID = iota
	productID
	date
	price
	promotion
	fieldCount
)

var fieldNames = [fieldCount]string{"store_id", "product_id", "date", "price", "promotion"}

// Predict reads the body of POST /predict, {"features": {...}}. Either there are errors or the features are sound.
func Predict(body []byte) (model.Features, []Error) {
	var features value
	r, errs := open(body)
	if errs != nil {
		return model.Features{}, errs
	}
	var fields [fieldCount]value
	for first := true; r.more(first, '}'); first = false {
		if string(r.key()) != "features" {
			r.value(1)
			continue
		}
		fields = [fieldCount]value{} // of a repeated member the last one counts
		features = r.fields(&fields, 1)
	}
	if !r.end() {
		return model.Features{}, r.mistake()
	}
	switch features.kind {
	case object:
		return check(&fields, nil, "body", "features")
	case absent:
		return model.Features{}, []Error{missing("body", "features")}
	}
	return model.Features{}, []Error{notObject("body", "features")}
}

// Row is one instance of a batch: either there are errors or the features are sound.
type Row struct {
	Features model.Features
	Errors   []Error
}

// Batch reads the body of POST /batch-predict, {"instances": [{...}, ...]}. Errors of a row are the row's; those returned
// beside the rows are of the batch as a whole: a text that is no batch, too many rows, or not one row that is sound.
func Batch(body []byte) ([]Row, []Error) {
	r, errs := open(body)
	if errs != nil {
		return nil, errs
	}
	var b batch
	for first := true; r.more(first, '}'); first = false {
		if string(r.key()) != "instances" {
			r.value(1)
			continue
		}
		b = batch{rows: b.rows[:0], kind: array} // of a repeated member the last one counts
		if r.peek() != '[' {
			b.kind = r.value(1).kind
			continue
		}
		b.read(&r)
	}
	if !r.end() {
		return nil, r.mistake()
	}
	return b.rows, b.verdict()
}

// batch gathers the rows of a list.
type batch struct {
	rows  []Row
	kind  kind // of the list
	count int
	sound int
}

func (b *batch) read(r *reader) {
	r.take('[')
	for first := true; r.more(first, ']'); first = false {
		b.count++
		if b.count > MaxRows {
			r.value(2)
			continue
		}
		var fields [fieldCount]value
		var row Row
		if r.fields(&fields, 2).kind != object {
			row.Errors = []Error{notObject("body", "instances", b.count-1)}
		} else {
			row = checkRow(&fields, b.count-1)
		}
		if row.Errors == nil {
			b.sound++
		}
		b.rows = append(b.rows, row)
	}
}

func (b *batch) verdict() []Error {
	switch {
	case b.kind == absent:
		return []Error{missing("body", "instances")}
	case b.kind != array:
		return []Error{{[]any{"body", "instances"}, "Input should be a valid list", "list_type"}}
	case b.count == 0:
		return []Error{{[]any{"body", "instances"}, "List should have at least 1 item after validation, not 0", "too_short"}}
	case b.count > MaxRows:
		msg := fmt.Sprintf("List should have at most %d items after validation, not %d", MaxRows, b.count)
		return []Error{{[]any{"body", "instances"}, msg, "too_long"}}
	case b.sound > 0:
		return nil
	}
	var errs []Error
	for i := 0; i < len(b.rows) && len(errs) < maxErrors; i++ {
		errs = append(errs, b.rows[i].Errors...)
	}
	return errs[:min(len(errs), maxErrors)]
}

// open starts on a body that has to be an object; the reader returned stands behind its bracket.
func open(body []byte) (reader, []Error) {
	r := newReader(body)
	if r.err == nil && r.at >= len(r.data) {
		return r, []Error{missing("body")}
	}
	if r.err == nil && r.peek() == '{' {
		r.take('{')
		return r, nil
	}
	r.value(0)
	if !r.end() {
		return r, r.mistake()
	}
	return r, []Error{notObject("body")}
}

// mistake is the answer to a text that is not JSON.
func (r *reader) mistake() []Error {
	return []Error{{[]any{"body", r.at}, "JSON decode error: " + r.err.Error(), "json_invalid"}}
}

// fields reads one object, keeping the values of the fields it knows and passing over others.
func (r *reader) fields(to *[fieldCount]value, depth int) value {
	if r.peek() != '{' {
		return r.value(depth)
	}
	r.take('{')
	for first := true; r.more(first, '}'); first = false {
		name := r.key()
		v := r.value(depth + 1)
		for i, known := range fieldNames {
			if string(name) == known {
				to[i] = v
			}
		}
	}
	return value{kind: object}
}

// checkRow checks one row of a batch. Its place is written down only where there is a mistake: an index in an any allocates.
func checkRow(v *[fieldCount]value, row int) Row {
	f, errs := check(v, nil)
	for i := range errs {
		errs[i].Loc = append([]any{"body", "instances", row}, errs[i].Loc...)
	}
	return Row{f, errs}
}

// check makes features of the values and appends what is wrong with them to errs.
func check(v *[fieldCount]value, errs []Error, loc ...any) (model.Features, []Error) {
	var f model.Features
	var wrong [fieldCount]complaint
	f.StoreID, wrong[storeID] = id(v[storeID])
	f.ProductID, wrong[productID] = id(v[productID])
	f.Date, wrong[date] = day(v[date])
	f.Price, wrong[price] = dollars(v[price])
	f.Promotion, wrong[promotion] = flag(v[promotion])
	for i, c := range wrong {
		if v[i].kind == absent {
			c = complaint{"Field required", "missing"}
		}
		if c != (complaint{}) {
			place := append(append([]any{}, loc...), fieldNames[i])
			errs = append(errs, Error{place, c.msg, c.code})
		}
	}
	return f, errs
}

// complaint is a mistake without its place.
type complaint struct{ msg, code string }

func id(v value) (int64, complaint) {
	if v.kind != number {
		return 0, complaint{"Input should be a valid integer", "int_type"}
	}
	if n, ok := digits(v.raw); ok {
		return n, complaint{}
	}
	n, err := strconv.ParseFloat(string(v.raw), 64) // 5.0 and 5e0 are integers too
	switch {
	case err == nil && n != math.Trunc(n):
		return 0, complaint{"Input should be a valid integer, got a number with a fractional part", "int_from_float"}
	case n < 1:
		return 0, complaint{"Input should be greater than or equal to 1", "greater_than_equal"}
	case n > MaxID:
		return 0, complaint{"Input should be less than or equal to " + strconv.Itoa(MaxID), "less_than_equal"}
	}
	return int64(n), complaint{}
}

// digits reads what almost every id is: nine digits at most, for 1 and more.
func digits(raw []byte) (n int64, ok bool) {
	if len(raw) > 9 {
		return 0, false
	}
	for _, c := range raw {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = 10*n + int64(c-'0')
	}
	return n, n > 0
}

func day(v value) (model.Date, complaint) {
	if v.kind != text {
		return 0, complaint{"Input should be a valid date", "date_type"}
	}
	d, ok := model.ParseDate(unquote(v.raw))
	if !ok {
		return 0, complaint{"Input should be a valid date in the format YYYY-MM-DD", "date_parsing"}
	}
	return d, complaint{}
}

func dollars(v value) (float64, complaint) {
	if v.kind == notFinite {
		return 0, complaint{"Input should be a finite number", "finite_number"}
	}
	if v.kind != number {
		return 0, complaint{"Input should be a valid number", "float_type"}
	}
	n, err := strconv.ParseFloat(string(v.raw), 64)
	switch {
	case n <= 0:
		return 0, complaint{"Input should be greater than 0", "greater_than"}
	case err != nil:
		return 0, complaint{"Input should be a finite number", "finite_number"}
	case n > MaxPrice:
		return 0, complaint{"Input should be less than or equal to " + strconv.Itoa(MaxPrice), "less_than_equal"}
	}
	return n, complaint{}
}

func flag(v value) (bool, complaint) {
	switch v.kind {
	case yes, no:
		return v.kind == yes, complaint{}
	case number:
		if n, err := strconv.ParseFloat(string(v.raw), 64); err == nil && (n == 0 || n == 1) {
			return n == 1, complaint{}
		}
	}
	return false, complaint{"Input should be 0 or 1", "literal_error"}
}

func missing(loc ...any) Error { return Error{loc, "Field required", "missing"} }

func notObject(loc ...any) Error {
	return Error{loc, "Input should be a valid dictionary or object to extract fields from", "model_attributes_type"}
}
