package manifest

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"slices"
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
	return parse(file, data, func([]byte) bool { return false })
}

// ParseAny is Parse for a file of which it is not known whether it is a manifest. What is
// plainly another tool's is an Object without a kind, and no Problem even if it is neither YAML nor JSON.
func ParseAny(file string, data []byte) ([]Object, []lb.Problem) {
	return parse(file, data, looksForeign)
}

func parse(file string, data []byte, foreign func(text []byte) bool) ([]Object, []lb.Problem) {
	text := toText(data)
	p := parser{foreign: foreign(text)}
	for _, doc := range splitDocuments(text) {
		p.origin = lb.Origin{File: file, Line: doc.line}
		p.document(doc)
	}
	return p.objects, p.problems
}

// parser gathers what the documents of a file hold.
type parser struct {
	foreign  bool   // the file looks like another tool's
	template string // what is said of {{ in the document; "": there is none
	read     int    // values that were looked at as objects

	origin   lb.Origin // of what is being read
	objects  []Object
	problems []lb.Problem
}

func (p *parser) problem(field, format string, args ...any) {
	p.problems = append(p.problems, lb.Problem{Origin: p.origin, Field: field, Text: fmt.Sprintf(format, args...)})
}

func (p *parser) document(doc document) {
	if doc.wrong != "" && !p.foreign {
		p.problem("", "%s", doc.wrong)
	}
	values, fault := doc.read()
	p.template = ""
	if bytes.Contains(doc.text, []byte("{{")) {
		p.template = unfilled(string(doc.text))
	}
	for _, v := range values {
		p.node(v, doc.line-1, "", "")
	}
	if fault == nil {
		return
	}
	p.origin = lb.Origin{File: p.origin.File, Line: doc.line - 1 + fault.line}
	if p.foreign {
		p.passOver()
		return
	}
	text := fault.Error()
	if left := unfilled(string(doc.text)); left != "" {
		text += "; " + left
	}
	p.problem("", "%s", text)
}

// passOver is for what is no Kubernetes object.
func (p *parser) passOver() { p.objects = append(p.objects, Object{Origin: p.origin}) }

// node reads one object. kind and apiVersion are given for the items of a typed
// list, which need not say them again.
func (p *parser) node(n *yaml.Node, before int, apiVersion, kind string) {
	p.origin.Line = before + n.Line
	p.origin.Kind, p.origin.Namespace, p.origin.Name = "", "", ""
	n = resolve(n)
	if p.read++; p.read > mostNodes {
		return // aliases of lists
	}
	if n.Kind != yaml.MappingNode {
		p.noObject(n)
		return
	}
	if p.template != "" && !p.foreign && isTemplate(n, 0) {
		p.problem("", "this is a template: %s", p.template)
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
	if items, twice := childOf(n, "items"); strings.HasSuffix(kind, "List") && items != nil && items.Kind == yaml.SequenceNode {
		if twice {
			p.problem("items", "the key is written twice; the last one counts, and the objects of the other are not read; put all into one")
		}
		p.list(items, before, apiVersion, strings.TrimSuffix(kind, "List"))
		return
	}
	_, ours := kinds[kind]
	switch {
	case kind == "" && (apiVersion == "" || metadata == nil && child(n, "spec") == nil): // a Chart.yaml, say
		p.passOver()
	case kind == "":
		p.problem("kind", "the object has no kind; write for example kind: Ingress")
	case apiVersion == "" && !ours:
		p.passOver()
	case apiVersion == "":
		p.problem("apiVersion", "the %s %s no apiVersion; write %s", kind, verb(kind, "has", "have"), versionOf(kind))
	default:
		p.object(n, before, apiVersion, kind)
	}
}

// noObject is for a list or a word where an object was expected.
func (p *parser) noObject(n *yaml.Node) {
	switch {
	case n.Kind == yaml.SequenceNode && hasObjects(n):
		p.problem("", "this is a list of objects, which kubectl does not take either; part them by --- lines, or write them as items of a kind: List")
	case n.Kind == yaml.SequenceNode, p.foreign:
		p.passOver()
	default:
		p.problem("", "this document is not a Kubernetes object; write apiVersion, kind and metadata")
	}
}

// hasObjects tells whether a list has Kubernetes objects in it.
func hasObjects(list *yaml.Node) bool {
	return slices.ContainsFunc(list.Content, func(item *yaml.Node) bool {
		item = resolve(item)
		return scalar(item, "apiVersion") != "" && scalar(item, "kind") != ""
	})
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
		p.passOver()
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
	text, places, twice, err := toJSON(n)
	if err != nil {
		p.problem("", "%s", err)
		return
	}
	value, strict, broken := p.decode(&decoding{text: text, places: places, is: k.is, secret: kind == "Secret"}, before)
	if value == nil {
		return
	}
	object := Object{Origin: p.origin, Value: value, Broken: broken}
	for _, at := range twice {
		object.Warnings = append(object.Warnings, lb.Problem{Origin: p.origin, Field: pathOf(places, at), Text: "the key is written twice; the last one counts"})
	}
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
	text, field := "there is no such field; it has no effect", strictField(err)
	if now := formerly(kind, field); now != "" {
		return text + now
	}
	if near := fieldNear(is, field); near != "" {
		text += "; did you mean " + near + "?"
	}
	return text
}
