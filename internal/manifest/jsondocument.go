package manifest

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// readJSON gives the values of a text in JSON (RFC 8259) that follow each other, as nodes
// with their lines, how many bytes they take, and where the text stops being JSON.
func readJSON(text []byte) (values []*yaml.Node, read int, fault *syntaxFault) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	line := 1 // at the end of what was read
	for {
		var raw json.RawMessage
		err := decoder.Decode(&raw)
		if errors.Is(err, io.EOF) {
			return values, len(text), nil
		}
		if err != nil {
			return values, read, jsonFault(text, read, err)
		}
		start := int(decoder.InputOffset()) - len(raw)
		line += bytes.Count(text[read:start], []byte("\n"))
		read = start + len(raw)
		reader := &jsonReader{text: raw, line: line, decoder: json.NewDecoder(bytes.NewReader(raw))}
		reader.decoder.UseNumber()
		value, err := reader.value(0)
		if err != nil {
			return values, start, &syntaxFault{"JSON", reader.line, err.Error()}
		}
		values = append(values, value)
		line += bytes.Count(raw, []byte("\n"))
	}
}

// jsonFault says where in a text what follows its first bytes stops being JSON.
func jsonFault(text []byte, read int, err error) *syntaxFault {
	at := len(bytes.TrimRight(text, " \t\n"))
	why := err.Error()
	if syntax := new(json.SyntaxError); errors.As(err, &syntax) {
		at = min(max(read, int(syntax.Offset)-1), len(text))
		why = syntaxReason(string(text), at, why)
	} else {
		why = unclosed(string(text[read:]))
	}
	return &syntaxFault{"JSON", 1 + bytes.Count(text[:at], []byte("\n")), why}
}

// jsonReader makes nodes of one value that is valid JSON.
type jsonReader struct {
	text    []byte
	decoder *json.Decoder
	at      int // bytes of text whose lines are counted
	line    int // of the document, there
}

var errDeep = errors.New("the object is too deep")

// value reads the next value; depth is how many others it is in.
func (r *jsonReader) value(depth int) (*yaml.Node, error) {
	if depth > mostDepth {
		return nil, errDeep
	}
	n := &yaml.Node{Line: r.next()}
	token, err := r.decoder.Token()
	if err != nil {
		return nil, err
	}
	if open, ok := token.(json.Delim); ok {
		return n, r.content(n, open, depth)
	}
	n.Kind = yaml.ScalarNode
	switch token := token.(type) {
	case string:
		n.Tag, n.Value, n.Style = "!!str", token, yaml.DoubleQuotedStyle
	case json.Number:
		n.Tag, n.Value = "!!int", token.String()
		if strings.ContainsAny(n.Value, ".eE") {
			n.Tag = "!!float"
		}
	case bool:
		n.Tag, n.Value = "!!bool", strconv.FormatBool(token)
	default:
		n.Tag, n.Value = "!!null", "null"
	}
	return n, nil
}

// content reads what is in an object or a list, and its end.
func (r *jsonReader) content(n *yaml.Node, open json.Delim, depth int) error {
	n.Kind, n.Tag = yaml.SequenceNode, "!!seq"
	if open == '{' {
		n.Kind, n.Tag = yaml.MappingNode, "!!map"
	}
	for r.decoder.More() { // the keys of an object are values, too
		item, err := r.value(depth + 1)
		if err != nil {
			return err
		}
		n.Content = append(n.Content, item)
	}
	_, err := r.decoder.Token()
	return err
}

// next is the line that the next value begins in.
func (r *jsonReader) next() int {
	end := int(r.decoder.InputOffset())
	for end < len(r.text) && strings.IndexByte(" \t\r\n:,", r.text[end]) >= 0 {
		end++
	}
	r.line += bytes.Count(r.text[r.at:end], []byte("\n"))
	r.at = end
	return r.line
}
