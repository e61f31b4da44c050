package manifest

import (
	"encoding/json"
	"errors"
	"slices"
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

// toJSON gives a value as JSON, where each value of it stands, and those of them whose keys are
// written more than once.
func toJSON(n *yaml.Node) (text []byte, places []place, twice []int, err error) {
	e := encoder{budget: mostNodes, seen: map[*yaml.Node]bool{}}
	err = e.value(n, -1, "", -1, 0)
	return e.text, e.places, e.twice, err
}

type encoder struct {
	text   []byte
	places []place
	twice  []int               // places whose keys are written more than once
	seen   map[*yaml.Node]bool // mappings that have been told of in twice; aliases lead to them again
	budget int                 // mapping keys that may still be looked at
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
		if entry.twice && !e.seen[n] {
			e.twice = append(e.twice, len(e.places))
		}
		if err := e.value(entry.value, self, entry.key, -1, depth+1); err != nil {
			return err
		}
	}
	e.text = append(e.text, '}')
	e.seen[n] = true
	return nil
}

// entry is one key of a mapping.
type entry struct {
	key   string
	value *yaml.Node
	own   bool // written there, not merged in
	twice bool // written there more than once
}

// entriesOf lists the keys of a mapping. Of a key that is there more than once, the last value
// replaces those before it as a whole, as it does for kubectl
// (https://github.com/kubernetes/kubernetes/issues/89303); what is merged in by `<<` counts where it
// stands. budget bounds the keys looked at on the way, since merges may refer to merges.
func entriesOf(n *yaml.Node, budget *int, depth int) ([]entry, error) {
	if *budget -= 1 + len(n.Content)/2; *budget < 0 || depth > mostDepth {
		return nil, errors.New("merge keys (<<) unfold to too much")
	}
	all := make([]entry, 0, len(n.Content)/2)
	at := make(map[string]int, len(n.Content)/2)
	set := func(e entry) {
		if i, there := at[e.key]; there {
			e.twice = e.own && all[i].own
			all[i] = e
			return
		}
		at[e.key] = len(all)
		all = append(all, e)
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := resolve(n.Content[i]), n.Content[i+1]
		if key.Kind == yaml.ScalarNode && key.ShortTag() == "!!merge" {
			merged, err := mergedEntries(value, budget, depth+1)
			if err != nil {
				return nil, err
			}
			for _, e := range merged {
				set(entry{key: e.key, value: e.value})
			}
			continue
		}
		name, err := keyOf(key)
		if err != nil {
			return nil, err
		}
		set(entry{key: name, value: value, own: true})
	}
	return all, nil
}

// mergedEntries lists what a merge key brings; of a list, the first objects beat those behind them.
func mergedEntries(value *yaml.Node, budget *int, depth int) ([]entry, error) {
	wrong := errors.New("a merge key (<<) takes an object, or a list of them")
	switch value = resolve(value); value.Kind {
	case yaml.MappingNode:
		return entriesOf(value, budget, depth)
	case yaml.SequenceNode:
		var all []entry
		for _, item := range slices.Backward(value.Content) {
			if item = resolve(item); item.Kind != yaml.MappingNode {
				return nil, wrong
			}
			more, err := entriesOf(item, budget, depth)
			if err != nil {
				return nil, err
			}
			all = append(all, more...)
		}
		return all, nil
	}
	return nil, wrong
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
	value, _ := childOf(n, key)
	return value
}

// childOf is child, and tells whether the key is there more than once.
func childOf(n *yaml.Node, key string) (value *yaml.Node, twice bool) {
	if n == nil || n.Kind != yaml.MappingNode {
		return nil, false
	}
	budget := mostNodes
	entries, err := entriesOf(n, &budget, 0)
	if err != nil {
		return nil, false
	}
	for _, e := range entries {
		if e.key == key {
			return resolve(e.value), e.twice
		}
	}
	return nil, false
}

// scalar is the text under a key of a mapping; "" if there is none.
func scalar(n *yaml.Node, key string) string {
	if c := child(n, key); c != nil && c.Kind == yaml.ScalarNode && c.ShortTag() != "!!null" {
		return c.Value
	}
	return ""
}
