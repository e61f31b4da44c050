package manifest

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Bounds on what one object may unfold to; aliases make small files large.
const (
	mostNodes = 400_000
	mostDepth = 200
)

// place is where a value of an object stands: its offset in the JSON and its line in the document.
type place struct {
	offset, line int
	parent       int // index of the place it is in; -1 at the top
	key          string
	index        int    // in a list; -1 in an object
	raw          string // a scalar as it is written
}

// pathOf names a place as Kubernetes does: spec.rules[0].host.
func pathOf(places []place, at int) string {
	p := places[at]
	switch {
	case p.parent < 0:
		return ""
	case p.index >= 0:
		return pathOf(places, p.parent) + "[" + strconv.Itoa(p.index) + "]"
	case strings.ContainsAny(p.key, "./"):
		return pathOf(places, p.parent) + "[" + p.key + "]"
	case places[p.parent].parent < 0:
		return p.key
	}
	return pathOf(places, p.parent) + "." + p.key
}

// toJSON gives a YAML value as JSON, and where each value of it stands.
func toJSON(n *yaml.Node) ([]byte, []place, error) {
	e := encoder{budget: mostNodes}
	err := e.value(n, -1, "", -1, 0)
	return e.text, e.places, err
}

type encoder struct {
	text   []byte
	places []place
	budget int // mapping keys that may still be looked at
}

func (e *encoder) value(n *yaml.Node, parent int, key string, index, depth int) error {
	if len(e.places) >= mostNodes || depth > mostDepth {
		return errors.New("the object is too large or too deep; aliases may unfold to more than it seems")
	}
	self := len(e.places)
	e.places = append(e.places, place{len(e.text), n.Line, parent, key, index, resolve(n).Value})
	switch n = resolve(n); n.Kind {
	case yaml.MappingNode:
		return e.mapping(n, self, depth)
	case yaml.SequenceNode:
		return e.sequence(n, self, depth)
	}
	return e.scalar(n)
}

func (e *encoder) sequence(n *yaml.Node, self, depth int) error {
	e.text = append(e.text, '[')
	for i, item := range n.Content {
		if i > 0 {
			e.text = append(e.text, ',')
		}
		if err := e.value(item, self, "", i, depth+1); err != nil {
			return err
		}
	}
	e.text = append(e.text, ']')
	return nil
}

func (e *encoder) mapping(n *yaml.Node, self, depth int) error {
	entries, err := entriesOf(n, &e.budget, 0)
	if err != nil {
		return err
	}
	e.text = append(e.text, '{')
	for i, entry := range entries {
		if i > 0 {
			e.text = append(e.text, ',')
		}
		e.quote(entry.key)
		e.text = append(e.text, ':')
		if err := e.value(entry.value, self, entry.key, -1, depth+1); err != nil {
			return err
		}
	}
	e.text = append(e.text, '}')
	return nil
}

// entry is one key of a mapping.
type entry struct {
	key   string
	value *yaml.Node
}

// entriesOf lists the keys of a mapping, those merged in by `<<` behind its own.
// budget bounds the keys looked at on the way, since merges may refer to merges.
func entriesOf(n *yaml.Node, budget *int, depth int) ([]entry, error) {
	if *budget -= 1 + len(n.Content)/2; *budget < 0 || depth > mostDepth {
		return nil, errors.New("merge keys (<<) unfold to too much")
	}
	var own, merged []entry
	has := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := resolve(n.Content[i]), n.Content[i+1]
		if key.Kind != yaml.ScalarNode {
			return nil, fmt.Errorf("a key on line %d of the document is no plain word; write a string", key.Line)
		}
		if key.ShortTag() == "!!merge" {
			more, err := mergedEntries(value, budget, depth+1)
			if err != nil {
				return nil, err
			}
			merged = append(merged, more...)
			continue
		}
		has[key.Value] = true
		own = append(own, entry{key.Value, value})
	}
	for _, m := range merged {
		if !has[m.key] {
			has[m.key] = true
			own = append(own, m)
		}
	}
	return own, nil
}

func mergedEntries(value *yaml.Node, budget *int, depth int) ([]entry, error) {
	switch value = resolve(value); value.Kind {
	case yaml.MappingNode:
		return entriesOf(value, budget, depth)
	case yaml.SequenceNode:
		var all []entry
		for _, item := range value.Content {
			if item = resolve(item); item.Kind != yaml.MappingNode {
				break
			}
			more, err := entriesOf(item, budget, depth)
			if err != nil {
				return nil, err
			}
			all = append(all, more...)
		}
		return all, nil
	}
	return nil, errors.New("a merge key (<<) takes an object, or a list of them")
}

// scalar writes a plain value. Words that YAML 1.1 takes for booleans are
// booleans, as they are for kubectl.
func (e *encoder) scalar(n *yaml.Node) error {
	switch n.ShortTag() {
	case "!!null":
		e.text = append(e.text, "null"...)
		return nil
	case "!!bool", "!!int", "!!float":
		var v any
		if n.Decode(&v) == nil {
			if text, err := json.Marshal(v); err == nil {
				e.text = append(e.text, text...)
				return nil
			}
		}
	case "!!str":
		if word, ok := oldBoolean(n.Value); ok && n.Style == 0 {
			e.text = strconv.AppendBool(e.text, word)
			return nil
		}
	}
	e.quote(n.Value)
	return nil
}

// oldBoolean reads a boolean of YAML 1.1: in lower case, in capitals, or with the first letter one.
func oldBoolean(s string) (value, ok bool) {
	rest := s[min(1, len(s)):]
	if rest != strings.ToLower(rest) && s != strings.ToUpper(s) {
		return false, false
	}
	switch strings.ToLower(s) {
	case "y", "yes", "on":
		return true, true
	case "n", "no", "off":
		return false, true
	}
	return false, false
}

func (e *encoder) quote(s string) {
	text, err := json.Marshal(s)
	if err != nil {
		text = []byte(`""`)
	}
	e.text = append(e.text, text...)
}

// resolve follows an alias to what it stands for.
func resolve(n *yaml.Node) *yaml.Node {
	for n.Kind == yaml.AliasNode && n.Alias != nil {
		n = n.Alias
	}
	return n
}

// child is the value under a key of a mapping; nil if there is none.
func child(n *yaml.Node, key string) *yaml.Node {
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	budget := mostNodes
	entries, err := entriesOf(n, &budget, 0)
	if err != nil {
		return nil
	}
	for _, e := range entries {
		if e.key == key {
			return resolve(e.value)
		}
	}
	return nil
}

// scalar is the text under a key of a mapping; "" if there is none.
func scalar(n *yaml.Node, key string) string {
	if c := child(n, key); c != nil && c.Kind == yaml.ScalarNode && c.ShortTag() != "!!null" {
		return c.Value
	}
	return ""
}
