package manifest

import (
	"errors"
	"testing"

	"github.com/albatross-lb/albatross/lb"
)

const manyObjects = `# a comment
apiVersion: v1
kind: Service
metadata: {name: one}
spec:
  type: NodePort
---
apiVersion: v1
kind: List
items:
- apiVersion: networking.k8s.io/v1
  kind: Ingress
  metadata:
    name: two
    annotations:
      alb.ingress.kubernetes.io/actions.a: |
        {"type": "forward"}
      alb.ingress.kubernetes.io/scheme: internal
      alb.ingress.kubernetes.io/scheme: internet-facing
      alb.ingress.kubernetes.io/load-balancer-attributes: idle_timeout.timeout_seconds=x
  spec:
    rules:
    - host: a.example.com
      http:
        paths:
        - path: /a
        - path: /b
          pathType: Wrong
- {apiVersion: v1, kind: Service, metadata: {name: three}}
`

func TestLocate(t *testing.T) {
	read := func(file string) ([]byte, error) {
		if file != "all.yaml" {
			return nil, errors.New("there is no such file")
		}
		return []byte(manyObjects), nil
	}
	one, two, three := lb.Origin{File: "all.yaml", Line: 2, Name: "one"}, lb.Origin{File: "all.yaml", Line: 11, Name: "two"}, lb.Origin{File: "all.yaml", Line: 29, Name: "three"}
	gone, other := two, lb.Origin{File: "none.yaml", Line: 2, Name: "one"}
	gone.Name = "another"
	for _, c := range []struct {
		origin lb.Origin
		field  string
		want   int
	}{
		{one, "spec.type", 6},
		{one, "metadata.name", 4},
		{one, "", 2},
		{one, "listener HTTP:80", 2},
		{one, "spec.ports[0].port", 5}, // not there: the key above it
		{two, "metadata.annotations[alb.ingress.kubernetes.io/actions.a]", 16},
		{two, "metadata.annotations[alb.ingress.kubernetes.io/scheme]", 19}, // the last one counts
		{two, "spec.rules[0].http.paths[1].pathType", 28},
		{two, "spec.rules[0].http.paths[0]", 26},
		{two, "spec.rules[0].http.paths[2]", 25},
		{two, "spec.rules[x].host", 22},
		{two, "spec.rules (as its class has it)", 22},
		{two, "attributes[idle_timeout.timeout_seconds]", 20},
		{two, "attributes[other]", 11},
		{two, "scheme", 18},
		{three, "attributes[idle_timeout.timeout_seconds]", 29},
		{two, "spec.rules[0", 23},
		{three, "metadata.name", 29},
		{gone, "spec.rules", 11}, // another object stands there now
		{other, "spec.type", 2},
		{lb.Origin{}, "spec.type", 0},
	} {
		got := Locate([]lb.Problem{{Origin: c.origin, Field: c.field}}, read)
		if len(got) != 1 || got[0].Origin.Line != c.want {
			t.Errorf("%s %q: %+v, want line %d", c.origin, c.field, got, c.want)
		}
	}
}

// FuzzLocate: whatever an object and a field look like, a line of the file comes out.
func FuzzLocate(f *testing.F) {
	f.Add(manyObjects, 11, "two", "spec.rules[0].http.paths[1].pathType")
	f.Add("a: &a [*a]\n", 1, "", "a[0][0]")
	f.Add("a:\r [0]", 1, "", "a.0")
	f.Add("[", 1, "", "[")
	f.Fuzz(func(t *testing.T, text string, line int, name, field string) {
		problem := lb.Problem{Origin: lb.Origin{File: "f", Line: line, Name: name}, Field: field}
		got := Locate([]lb.Problem{problem}, func(string) ([]byte, error) { return []byte(text), nil })[0].Origin.Line
		if got != line && (got < 1 || got > len(text)+1) /* YAML has more ends of lines than one */ {
			t.Errorf("line %d of %q", got, text)
		}
	})
}
