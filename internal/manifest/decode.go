package manifest

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"sort"
	"strings"

	kjson "sigs.k8s.io/json"
)

// mostDecoded bounds the search for all that is wrong with an object: as many bytes of
// JSON are read on the way.
const mostDecoded = 64 << 20

// decoding is one object on its way from JSON into its Go type. A value of the wrong type
// is told of and taken out, so that the next one is found, and what the rest says.
type decoding struct {
	text   []byte
	places []place
	is     reflect.Type
	secret bool // values are not shown
	json   bool // a value of an annotation, as encoding/json reads it; else YAML is spoken of
	read   int  // bytes so far
}

// decode gives a pointer to the object, without the values that cannot be read, whose
// fields are broken. strict are the fields that are not known or written twice. The value
// is nil where nothing of the object can be used.
func (p *parser) decode(d *decoding, before int) (value any, strict []error, broken []string) {
	origin := p.origin
	defer func() { p.origin = origin }()
	for d.read < mostDecoded || len(broken) == 0 {
		value, strict, err := d.try(d.text)
		if err == nil {
			return value, strict, broken
		}
		at := d.find(err)
		if at == 0 {
			p.origin = origin
			p.problem("", "the object cannot be read: %s", strings.TrimPrefix(err.Error(), "json: "))
			return nil, nil, nil
		}
		field := pathOf(d.places, at)
		p.origin.Line, broken = before+d.places[at].line, append(broken, field)
		p.problem(field, "%s", d.wrong(err, at))
		d.takeOut(at)
	}
	return nil, nil, nil
}

func (d *decoding) try(text []byte) (value any, strict []error, err error) {
	d.read += len(text)
	value = reflect.New(d.is).Interface()
	if d.json {
		return value, nil, json.Unmarshal(text, value)
	}
	strict, err = kjson.UnmarshalStrict(text, value)
	return value, strict, err
}

// find gives the place of the value that an error is about; 0 if it is none of them. The
// decoder tells of the first one, so that it is found by halves: the error is there in all
// beginnings of the object that are longer, and in none that are shorter. (The offset that
// encoding/json tells is of no use where a type reads itself: a port, a time, base64.)
func (d *decoding) find(err error) int {
	return sort.Search(len(d.places)-1, func(i int) bool {
		_, _, found := d.try(d.beginning(i + 1))
		return found != nil && found.Error() == err.Error()
	})
}

// beginning is the JSON up to a place, with null there and the ends of all that it is in.
func (d *decoding) beginning(at int) []byte {
	text := append(slices.Clone(d.text[:d.places[at].offset]), "null"...)
	for in := d.places[at].parent; in >= 0; in = d.places[in].parent {
		switch d.text[d.places[in].offset] {
		case '{':
			text = append(text, '}')
		case '[':
			text = append(text, ']')
		} // else it was taken out
	}
	return text
}

func (d *decoding) end(at int) int {
	start := d.places[at].offset
	reader := json.NewDecoder(bytes.NewReader(d.text[start:]))
	var value json.RawMessage
	if reader.Decode(&value) != nil { // cannot be: we have written it
		return start
	}
	return start + int(reader.InputOffset())
}

// takeOut puts null in place of a value. The places behind it move, those within it now
// stand where it stood.
func (d *decoding) takeOut(at int) {
	start, end := d.places[at].offset, d.end(at)
	moved := len("null") - (end - start)
	d.text = slices.Replace(d.text, start, end, []byte("null")...)
	for i := range d.places {
		switch p := &d.places[i]; {
		case p.offset >= end:
			p.offset += moved
		case p.offset > start:
			p.offset = start
		}
	}
}

// wrong says what is wrong with the value at a place, and what to write.
func (d *decoding) wrong(err error, at int) string {
	raw := ""
	if d.places[at].raw != "" && !d.secret {
		raw = shorten(d.places[at].raw)
	}
	if left := unfilled(raw); left != "" && !d.json {
		return left
	}
	var wrong *json.UnmarshalTypeError
	switch {
	case errors.As(err, &wrong):
		advice := d.kindInWords(wrong.Type)
		if wrong.Type.Kind() == reflect.String && raw != "" {
			advice += `, in quotes: "` + raw + `"`
		}
		if wrong.Value == "string" && raw != "" {
			raw = `"` + raw + `"`
		}
		return strings.TrimLeft(raw+" is ", " ") + d.foundInWords(wrong.Value) + "; write " + advice
	case raw == "":
		return "this cannot be read: " + strings.TrimPrefix(err.Error(), "json: ")
	}
	return raw + " cannot be read: " + strings.TrimPrefix(err.Error(), "json: ")
}

// kindInWords is a Go type in the words of YAML, or of JSON.
func (d *decoding) kindInWords(t reflect.Type) string {
	switch t.Kind() {
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "true or false"
	case reflect.Slice, reflect.Array:
		return d.list()
	case reflect.Map, reflect.Struct:
		return d.object()
	case reflect.Float32, reflect.Float64:
		return "a number"
	case reflect.Pointer:
		return d.kindInWords(t.Elem())
	}
	return "a whole number"
}

// foundInWords is encoding/json's word for a kind of value, likewise.
func (d *decoding) foundInWords(value string) string {
	number, literal := strings.CutPrefix(value, "number ")
	switch {
	case literal && strings.ContainsAny(number, ".eE"):
		return "no whole number"
	case literal:
		return "out of range"
	case value == "array":
		return d.list()
	case value == "bool":
		return "a boolean (true or false)"
	case value == "object":
		return d.object()
	}
	return "a " + value
}

func (d *decoding) list() string {
	if d.json {
		return "a list, [...]"
	}
	return "a list"
}

func (d *decoding) object() string {
	if d.json {
		return "an object, {...}"
	}
	return "an object of key: value lines"
}
