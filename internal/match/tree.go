package match

import "strings"

// A tree is a radix tree that finds every stored text which a key starts with (or,
// where back is set, ends with), from the shortest to the longest, in time linear in
// the longest one. Texts are stored whole; there is no removal.
type tree[V any] struct {
	back bool
	root node[V]
}

// A node's label lies between its parent and itself, in the order of the text in either direction.
type node[V any] struct {
	label    string
	heads    string // the first byte of each child's label; the last one where back is set
	children []*node[V]
	value    V
	set      bool
}

// at gives the place of a text's value, making it where it is not there yet.
func (t *tree[V]) at(text string) *node[V] {
	n := &t.root
	for text != "" {
		i := strings.IndexByte(n.heads, t.edge(text))
		if i < 0 {
			child := &node[V]{label: text}
			n.heads += string([]byte{t.edge(text)})
			n.children = append(n.children, child)
			return child
		}
		child := n.children[i]
		common := t.common(child.label, text)
		if common < len(child.label) {
			child = t.split(child, common)
			n.children[i] = child
		}
		n, text = child, t.rest(text, common)
	}
	return n
}

// split puts a node for the first length bytes of n's label between n and its parent.
func (t *tree[V]) split(n *node[V], length int) *node[V] {
	below := t.rest(n.label, length)
	upper := &node[V]{children: []*node[V]{n}, heads: string([]byte{t.edge(below)})}
	if t.back {
		upper.label = n.label[len(n.label)-length:]
	} else {
		upper.label = n.label[:length]
	}
	n.label = below
	return upper
}

func (t *tree[V]) edge(s string) byte {
	if t.back {
		return s[len(s)-1]
	}
	return s[0]
}

func (t *tree[V]) rest(s string, length int) string {
	if t.back {
		return s[:len(s)-length]
	}
	return s[length:]
}

func (t *tree[V]) common(a, b string) int {
	n := 0
	for n < len(a) && n < len(b) {
		x, y := a[n], b[n]
		if t.back {
			x, y = a[len(a)-1-n], b[len(b)-1-n]
		}
		if x != y {
			break
		}
		n++
	}
	return n
}

// A walk goes down a tree along a key.
type walk[V any] struct {
	n    *node[V]
	key  []byte
	back bool
}

// walk begins at the empty text, which every key starts with. A nil tree has no nodes.
func (t *tree[V]) walk(key []byte) walk[V] {
	if t == nil {
		return walk[V]{}
	}
	return walk[V]{n: &t.root, key: key, back: t.back}
}

// next gives the value of the next longer text that the key starts with.
func (w *walk[V]) next() (v V, ok bool) {
	for w.n != nil {
		here := w.n
		w.descend()
		if here.set {
			return here.value, true
		}
	}
	return v, false
}

func (w *walk[V]) descend() {
	n, end := w.n, len(w.key)
	w.n = nil
	if end == 0 || n.heads == "" {
		return
	}
	edge := w.key[0]
	if w.back {
		edge = w.key[end-1]
	}
	i := strings.IndexByte(n.heads, edge)
	if i < 0 {
		return
	}
	child := n.children[i]
	length := len(child.label)
	switch {
	case length > end:
		return
	case w.back:
		if string(w.key[end-length:]) != child.label {
			return
		}
		w.key = w.key[:end-length]
	default:
		if string(w.key[:length]) != child.label {
			return
		}
		w.key = w.key[length:]
	}
	w.n = child
}
