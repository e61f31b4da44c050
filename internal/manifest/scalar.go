package manifest

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// scalar writes a plain value as kubectl reads it, which is by YAML 1.1: the reader
// underneath has rules of its own between 1.1 and 1.2.
func (e *encoder) scalar(n *yaml.Node) error {
	value, err := valueOf(n)
	if err != nil {
		return err
	}
	if text, ok := value.(string); ok {
		e.quote(text)
		return nil
	}
	text, err := json.Marshal(value)
	if err != nil { // .inf and .nan
		return fmt.Errorf("%s on line %d of the document is no number that JSON has; write a string, in quotes", n.Value, n.Line)
	}
	e.text = append(e.text, text...)
	return nil
}

// valueOf is what a plain value stands for: nil, a bool, an int64, uint64, float64 or string.
func valueOf(n *yaml.Node) (any, error) {
	tagged := n.Style&yaml.TaggedStyle != 0
	switch tag := n.ShortTag(); {
	case tag == "!!binary":
		text, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(n.Value), ""))
		if err != nil {
			return nil, fmt.Errorf("!!binary on line %d of the document: %w", n.Line, err)
		}
		return string(text), nil
	case tagged && tag == "!!float":
		if whole, ok := word(n.Value).(int64); ok {
			return float64(whole), nil
		}
		return word(n.Value), nil
	case tagged && (tag == "!!int" || tag == "!!bool" || tag == "!!null"):
		return word(n.Value), nil
	case tagged || n.Style != 0:
		return n.Value, nil
	}
	return word(n.Value), nil
}

var floatWord = regexp.MustCompile(`^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$`)

// word is what an unquoted word is in YAML 1.1 as go-yaml v2 has it (resolve.go there), which
// kubectl reads by. Dates stay strings.
func word(s string) any {
	if s == "" {
		return nil
	}
	switch c := s[0]; {
	case strings.IndexByte("yYnNtTfFoO~", c) >= 0:
		return namedWord(s)
	case c == '.' || c == '+' || c == '-' || c >= '0' && c <= '9':
		return numberWord(s)
	}
	return s
}

func namedWord(s string) any {
	first, rest := s[:1], s[1:]
	if rest != strings.ToLower(rest) && first+rest != strings.ToUpper(s) {
		return s
	}
	switch strings.ToLower(s) {
	case "~", "null":
		return nil
	case "y", "yes", "on", "true":
		return true
	case "n", "no", "off", "false":
		return false
	}
	return s
}

func numberWord(s string) any {
	switch strings.ToLower(strings.TrimLeft(s, "+-")) {
	case ".inf", ".nan":
		f, _ := strconv.ParseFloat(strings.Replace(s, ".", "", 1), 64)
		return f
	}
	if s[0] == '.' {
		if f, err := strconv.ParseFloat(s, 64); err == nil {
			return f
		}
		return s
	}
	plain := strings.ReplaceAll(s, "_", "")
	if i, err := strconv.ParseInt(plain, 0, 64); err == nil {
		return i
	}
	if u, err := strconv.ParseUint(plain, 0, 64); err == nil {
		return u
	}
	if floatWord.MatchString(plain) {
		if f, err := strconv.ParseFloat(plain, 64); err == nil {
			return f
		}
	}
	return s
}

// keyOf is a key of a mapping: a string, or what the word for a number or boolean is as one.
func keyOf(n *yaml.Node) (string, error) {
	if n.Kind != yaml.ScalarNode {
		return "", fmt.Errorf("a key on line %d of the document is no plain word; write a string", n.Line)
	}
	value, err := valueOf(n)
	if err != nil {
		return "", err
	}
	switch value := value.(type) {
	case string:
		return value, nil
	case nil:
		return "", fmt.Errorf("a key on line %d of the document is null; write a string, in quotes", n.Line)
	case float64:
		return strconv.FormatFloat(value, 'g', -1, 32), nil
	default:
		return fmt.Sprint(value), nil
	}
}
