package manifest

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
	kjson "sigs.k8s.io/json"

	"github.com/albatross-lb/albatross/lb"
)

// Parse reads the objects of one file: YAML with any number of documents, or
// JSON; lists (kind List, IngressList, ...) count as their items. file is used in
// origins only. A document or object that cannot be read is a Problem with its
// line, and the others of the file are returned all the same.
func Parse(file string, data []byte) ([]Object, []lb.Problem) {
	var p parser
	for _, doc := range splitDocuments(data) {
		p.origin = lb.Origin{File: file, Line: doc.line}
		p.document(doc)
	}
	return p.objects, p.problems
}

// document is one YAML document and the line of the file that it begins in.
type document struct {
	text []byte
	line int
}

// splitDocuments cuts a stream at its `---` lines by itself, because the YAML
// reader gives up a whole stream at the first error in it.
func splitDocuments(data []byte) []document {
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	var docs []document
	current := document{line: 1}
	line := 0
	for text := range bytes.Lines(data) {
		line++
		if isMarker(text, "---") {
			docs = append(docs, current)
			current = document{line: line, text: append([]byte("   "), text[3:]...)}
			continue
		}
		if isMarker(text, "...") {
			docs = append(docs, current)
			current = document{line: line + 1}
			continue
		}
		if bytes.HasPrefix(text, []byte("%")) && len(bytes.TrimSpace(current.text)) == 0 {
			text = []byte("\n") // a directive: it says nothing that matters here
		}
		current.text = append(current.text, text...)
	}
	return append(docs, current)
}

func isMarker(line []byte, marker string) bool {
	if !bytes.HasPrefix(line, []byte(marker)) {
		return false
	}
	rest := line[len(marker):]
	return len(rest) == 0 || strings.IndexByte(" \t\r\n", rest[0]) >= 0
}

// parser gathers what the documents of a file hold.
type parser struct {
	origin   lb.Origin // of what is being read
	objects  []Object
	problems []lb.Problem
}

func (p *parser) problem(field, format string, args ...any) {
	p.problems = append(p.problems, lb.Problem{Origin: p.origin, Field: field, Text: fmt.Sprintf(format, args...)})
}

func (p *parser) document(doc document) {
	root, err := readYAML(doc.text)
	if err != nil {
		line, text := yamlError(err)
		p.origin.Line = doc.line + max(line-1, 0)
		if left := unfilled(string(doc.text)); left != "" {
			text += "; " + left
		}
		p.problem("", "this is not valid YAML: %s", text)
		return
	}
	if root == nil || root.ShortTag() == "!!null" {
		return
	}
	p.node(root, doc.line-1, "", "")
}

// readYAML gives the value of a document; nil for an empty one.
func readYAML(text []byte) (node *yaml.Node, err error) {
	defer func() { // the reader has had panics on broken input
		if r := recover(); r != nil {
			node, err = nil, fmt.Errorf("yaml: %v", r)
		}
	}()
	if trimmed := bytes.TrimSpace(text); len(trimmed) > 0 && trimmed[0] == '{' {
		text = bytes.ReplaceAll(text, []byte("\t"), []byte(" ")) // JSON indented by tabs, which YAML forbids
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(text, &doc); err != nil {
		return nil, err
	}
	if doc.Kind != yaml.DocumentNode || len(doc.Content) == 0 {
		return nil, nil
	}
	return doc.Content[0], nil
}

var yamlLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?(.*)`)

// yamlError takes line (1-based, 0 if unknown) and text from an error of the YAML reader.
func yamlError(err error) (int, string) {
	match := yamlLine.FindStringSubmatch(err.Error())
	if match == nil {
		return 0, err.Error()
	}
	line, _ := strconv.Atoi(match[1])
	return line, match[2]
}

// node reads one object. kind and apiVersion are given for the items of a typed
// list, which need not say them again.
func (p *parser) node(n *yaml.Node, before int, apiVersion, kind string) {
	p.origin.Line = before + n.Line
	p.origin.Kind, p.origin.Namespace, p.origin.Name = "", "", ""
	n = resolve(n)
	if n.Kind == yaml.SequenceNode { // another tool's file
		p.objects = append(p.objects, Object{Origin: p.origin})
		return
	}
	if n.Kind != yaml.MappingNode {
		p.problem("", "this document is not a Kubernetes object; write apiVersion, kind and metadata")
		return
	}
	if v := scalar(n, "apiVersion"); v != "" {
		apiVersion = v
	}
	if v := scalar(n, "kind"); v != "" {
		kind = v
	}
	metadata := child(n, "metadata")
	p.origin.Kind = kind
	p.origin.Name, p.origin.Namespace = scalar(metadata, "name"), scalar(metadata, "namespace")
	if items := child(n, "items"); strings.HasSuffix(kind, "List") && items != nil && items.Kind == yaml.SequenceNode {
		p.list(items, before, apiVersion, strings.TrimSuffix(kind, "List"))
		return
	}
	switch {
	case apiVersion == "" && kind == "":
		p.objects = append(p.objects, Object{Origin: p.origin}) // another tool's file
	case kind == "":
		p.problem("kind", "the object has no kind; write for example kind: Ingress")
	case apiVersion == "":
		p.problem("apiVersion", "the %s %s no apiVersion; write %s", kind, verb(kind, "has", "have"), versionOf(kind))
	default:
		p.object(n, before, apiVersion, kind)
	}
}

func (p *parser) list(items *yaml.Node, before int, apiVersion, kind string) {
	if kind == "" { // kind List: each item says its own
		apiVersion = ""
	}
	for _, item := range items.Content {
		p.node(item, before, apiVersion, kind)
	}
}

// object decodes an object of a known kind, and notes any other.
func (p *parser) object(n *yaml.Node, before int, apiVersion, kind string) {
	k, known := kinds[kind]
	if !known || !k.has(apiVersion) && !ofKubernetes(apiVersion) {
		p.objects = append(p.objects, Object{Origin: p.origin})
		return
	}
	if !slices.Contains(k.versions, apiVersion) {
		p.oldVersion(n, before, apiVersion, k)
		return
	}
	if p.origin.Name == "" {
		p.problem("metadata.name", "the %s %s no name; write metadata.name", kind, verb(kind, "has", "have"))
		return
	}
	if k.namespaced && p.origin.Namespace == "" {
		p.origin.Namespace = "default"
	}
	text, places, err := toJSON(n)
	if err != nil {
		p.problem("", "%s", err)
		return
	}
	value, strict, broken := p.decode(&decoding{text: text, places: places, is: k.is, secret: kind == "Secret"}, before)
	if value == nil {
		return
	}
	object := Object{Origin: p.origin, Value: value, Broken: broken}
	for _, err := range strict {
		object.Warnings = append(object.Warnings, lb.Problem{Origin: p.origin, Field: strictField(err),
			Text: strictText(err, kind, k.is)})
	}
	p.validate(&object, places)
	settle(value)
	p.objects = append(p.objects, object)
}

func strictField(err error) string {
	var field kjson.FieldError
	if errors.As(err, &field) {
		return field.FieldPath()
	}
	return ""
}

func strictText(err error, kind string, is reflect.Type) string {
	if strings.HasPrefix(err.Error(), "duplicate field") {
		return "the key is written twice; the last one counts"
	}
	text, field := "there is no such field; it has no effect", strictField(err)
	if now := formerly(kind, field); now != "" {
		return text + now
	}
	if near := fieldNear(is, field); near != "" {
		text += "; did you mean " + near + "?"
	}
	return text
}
