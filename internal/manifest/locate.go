package manifest

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/albatross-lb/albatross/lb"
)

// Locate gives problems with the line of the field that each speaks of in place of the
// line of its object, for who is going to read them: objects keep one line only,
// since ten thousand of them are kept and few have problems. So it reads the files
// again, by read. Where a file has changed meanwhile, cannot be read, or has no
// such field, the nearest that is there stays: the key above it, or the object's line.
func Locate(problems []lb.Problem, read func(file string) ([]byte, error)) []lb.Problem {
	located := slices.Clone(problems)
	files := map[string][]document{}
	for i := range located {
		p := &located[i]
		if p.Origin.File == "" || p.Origin.Line == 0 || p.Field == "" {
			continue
		}
		docs, known := files[p.Origin.File]
		if !known {
			if data, err := read(p.Origin.File); err == nil {
				docs = splitDocuments(data)
			}
			files[p.Origin.File] = docs
		}
		p.Origin.Line = lineOf(docs, p)
	}
	return located
}

// lineOf is the line of a problem's field in the documents of its file.
func lineOf(docs []document, p *lb.Problem) int {
	at, _ := slices.BinarySearchFunc(docs, p.Origin.Line+1, func(d document, line int) int { return d.line - line })
	if at == 0 {
		return p.Origin.Line
	}
	doc := docs[at-1]
	values, _ := doc.read()
	var object *yaml.Node
	for _, v := range values {
		object = cmp.Or(object, objectAt(v, p.Origin.Line-doc.line+1, p.Origin.Name))
	}
	if object == nil {
		return p.Origin.Line
	}
	if line := cmp.Or(fieldLine(object, p.Field), annotationLine(object, p.Field)); line > 0 {
		return doc.line - 1 + line
	}
	return p.Origin.Line
}

// annotationLine is the line of the annotation that a field comes from which is no path in
// the object: that of an attribute, attributes[idle_timeout.timeout_seconds], is in the
// value of one, any other is the end of an annotation's name; 0 if there is none.
func annotationLine(object *yaml.Node, field string) int {
	notes := child(child(object, "metadata"), "annotations")
	if notes == nil || notes.Kind != yaml.MappingNode {
		return 0
	}
	attribute, isAttribute := strings.CutPrefix(field, "attributes[")
	attribute = strings.TrimSuffix(attribute, "]")
	for i := 0; i+1 < len(notes.Content); i += 2 {
		key, value := notes.Content[i], resolve(notes.Content[i+1])
		if isAttribute && strings.Contains(value.Value, attribute+"=") || !isAttribute && strings.HasSuffix(key.Value, "/"+field) {
			return key.Line
		}
	}
	return 0
}

// objectAt is the object of a name that begins in a line of its document: the document itself, or an item of a list.
func objectAt(n *yaml.Node, line int, name string) *yaml.Node {
	items := child(n, "items")
	if n.Line == line && (items == nil || items.Kind != yaml.SequenceNode) && scalar(child(n, "metadata"), "name") == name {
		return n
	}
	if items == nil {
		return nil
	}
	for _, item := range items.Content {
		if found := objectAt(item, line, name); found != nil {
			return found
		}
	}
	return nil
}

// fieldLine follows a path such as spec.rules[0].host as far as it goes, and gives the line
// of the key or item it ends at; 0 if not even its first word is there. What stands in
// parentheses behind the path is for people.
func fieldLine(n *yaml.Node, path string) (line int) {
	if plain, _, remark := strings.Cut(path, " ("); remark && !strings.Contains(plain, "[") {
		path = plain
	}
	for path != "" {
		var step string
		step, path = nextStep(path)
		key, value := entryOf(resolve(n), step)
		if value == nil {
			break
		}
		line, n = key.Line, value
	}
	return line
}

// entryOf is what a step leads to, and where that is written: at a mapping's key, the last
// one where it is there twice, since that one counts; or as an item of a list.
func entryOf(n *yaml.Node, step string) (key, value *yaml.Node) {
	switch n.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			if n.Content[i].Value == step {
				key, value = n.Content[i], n.Content[i+1]
			}
		}
	case yaml.SequenceNode:
		if i, err := strconv.Atoi(step); err == nil && i >= 0 && i < len(n.Content) {
			key, value = n.Content[i], n.Content[i]
		}
	}
	return key, value
}

// nextStep cuts the first step off a path: a word, or what stands in brackets.
func nextStep(path string) (step, rest string) {
	if bracketed, ok := strings.CutPrefix(path, "["); ok {
		step, rest, _ = strings.Cut(bracketed, "]")
		return step, strings.TrimPrefix(rest, ".")
	}
	end := strings.IndexAny(path, ".[")
	if end < 0 {
		return path, ""
	}
	return path[:end], strings.TrimPrefix(path[end:], ".")
}
