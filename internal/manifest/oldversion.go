package manifest

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/albatross-lb/albatross/lb"
)

// gone are versions of Kubernetes' API that no cluster serves any more, and the version of
// Kubernetes that they went with (kubernetes.io, Deprecated API Migration Guide).
var gone = map[string]string{
	"extensions/v1beta1": "1.22", "networking.k8s.io/v1beta1": "1.22", "discovery.k8s.io/v1beta1": "1.25",
}

// former are fields that people write by an older version's name, or by that of another
// kind, and what to write, by kind and the end of their path.
var former = map[string][]struct{ field, now string }{
	"Ingress": {
		{".serviceName", "since networking.k8s.io/v1 it is service.name, in service: {name: <name>, port: {number: <number>}}"},
		{".servicePort", "since networking.k8s.io/v1 it is service.port.number, or service.port.name for a name, in service: {name: <name>, port: {number: <number>}}"},
		{"spec.backend", "since networking.k8s.io/v1 it is spec.defaultBackend, with service: {name: <name>, port: {number: <number>}}"},
	},
	"EndpointSlice": {
		{".topology", "since discovery.k8s.io/v1 it is zone and nodeName"},
		{".ip", "write addresses: [<IP address>]"},
		{".targetPort", "write port"},
		{"spec", "an EndpointSlice has none: write addressType, ports and endpoints at the top"},
		{"subsets", "that is of Endpoints: write endpoints and ports"},
		{"addresses", "write endpoints: [{addresses: [<IP address>]}]"},
	},
}

// formerly says what to write for a field by another name; "" if it is none.
func formerly(kind, field string) string {
	for _, f := range former[kind] {
		if field == f.field || strings.HasPrefix(f.field, ".") && strings.HasSuffix(field, f.field) {
			return "; " + f.now
		}
	}
	return ""
}

// oldVersion says that an object's version is not read, and all that has to change with it.
func (p *parser) oldVersion(n *yaml.Node, before int, apiVersion string, k kind) {
	is := "is not read for " + lb.WithArticle(p.origin.Kind)
	if went := gone[apiVersion]; went != "" {
		is += " (it went with Kubernetes " + went + ")"
	}
	var changes []change
	if p.origin.Kind == "Ingress" {
		changes = ingressChanges(n)
	}
	var wants []string
	for _, what := range []string{wantsService, wantsDefault, wantsPathType} {
		if slices.ContainsFunc(changes, func(c change) bool { return c.what == what }) {
			wants = append(wants, what)
		}
	}
	with := ""
	if len(wants) > 0 {
		with = ", which wants " + strings.Join(wants, ", and ")
	}
	p.problem("apiVersion", "%s %s; write apiVersion: %s%s", apiVersion, is, k.newest(apiVersion), with)
	origin := p.origin
	for _, c := range changes[:min(len(changes), mostChanges)] {
		p.origin.Line = before + c.line
		p.problem(c.field, "%s", c.text)
	}
	p.origin = origin
}

const mostChanges = 50

// What networking.k8s.io/v1 wants of an Ingress that older versions did not.
const (
	wantsService  = "backend.service.name and backend.service.port.number (or name) in place of backend.serviceName and servicePort"
	wantsDefault  = "spec.defaultBackend in place of spec.backend"
	wantsPathType = "pathType in every path"
)

// change is one place that has to change.
type change struct {
	what, field, text string
	line              int
}

// ingressChanges finds what has to change in an Ingress of an older version.
func ingressChanges(n *yaml.Node) (all []change) {
	spec := child(n, "spec")
	if backend := child(spec, "backend"); backend != nil {
		line := keyLine(spec, "backend")
		all = append(all, change{wantsDefault, "spec.backend", "write defaultBackend: " + backendNow(backend), line})
	}
	rules := child(spec, "rules")
	for i, rule := range itemsOf(rules) {
		for j, path := range itemsOf(child(child(rule, "http"), "paths")) {
			field := fmt.Sprintf("spec.rules[%d].http.paths[%d]", i, j)
			if child(path, "pathType") == nil {
				all = append(all, change{wantsPathType, field, "pathType is missing; write pathType: ImplementationSpecific, which is what a path without one was, or Prefix or Exact", path.Line})
			}
			if backend := child(path, "backend"); child(backend, "serviceName") != nil || child(backend, "servicePort") != nil {
				all = append(all, change{wantsService, field + ".backend", "write backend: " + backendNow(backend), keyLine(path, "backend")})
			}
		}
	}
	return all
}

// backendNow is a backend of an older version as it is written now.
func backendNow(backend *yaml.Node) string {
	name, port := scalar(backend, "serviceName"), scalar(backend, "servicePort")
	if name == "" {
		name = "<name>"
	}
	of := "name: " + port
	if port == "" {
		of = "number: <number>"
	} else if strings.Trim(port, "0123456789") == "" {
		of = "number: " + port
	}
	return "{service: {name: " + shorten(name) + ", port: {" + shorten(of) + "}}}"
}

// itemsOf are the items of a list; none for anything else.
func itemsOf(n *yaml.Node) (items []*yaml.Node) {
	if n == nil || n.Kind != yaml.SequenceNode {
		return nil
	}
	for _, item := range n.Content {
		items = append(items, resolve(item))
	}
	return items
}

func keyLine(n *yaml.Node, key string) int {
	if at, _ := entryOf(resolve(n), key); at != nil {
		return at.Line
	}
	return n.Line
}

// ofKubernetes tells whether a version is one of Kubernetes' own groups, so that a kind in it
// is none of another maker's.
func ofKubernetes(apiVersion string) bool {
	group, _, grouped := strings.Cut(apiVersion, "/")
	return !grouped || !strings.Contains(group, ".") || strings.HasSuffix(group, ".k8s.io")
}
