package manifest

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
)

// TestParseProblems: each error names the line, the object and the field, and
// leaves the other documents alone.
func TestParseProblems(t *testing.T) {
	const good = "---\n{apiVersion: v1, kind: Namespace, metadata: {name: good}}\n"
	for _, c := range []struct{ name, text, want string }{
		{"syntax", "a: b\n---\nkind: X\n  apiVersion: v1\n", "f.yaml:4: this is not valid YAML: mapping values are not allowed in this context"},
		{"tab", "kind: Service\n\tapiVersion: v1\n", "f.yaml:2: this is not valid YAML: found a tab character that violates indentation"},
		{"no kind", "apiVersion: v1\nmetadata: {name: x}\n", "f.yaml:1: x: kind: the object has no kind; write for example kind: Ingress"},
		{"no version", "# comment\n\nkind: Ingress\nmetadata: {name: x}\n", "f.yaml:3: Ingress x: apiVersion: the Ingress has no apiVersion; write apiVersion: networking.k8s.io/v1"},
		{"old version", "apiVersion: extensions/v1beta1\nkind: Ingress\nmetadata: {name: x}\n", "f.yaml:1: Ingress x: apiVersion: extensions/v1beta1 is not read for an Ingress (it went with Kubernetes 1.22); write apiVersion: networking.k8s.io/v1"},
		{"left of a template", "apiVersion: v1\nkind: Service\nmetadata: {name: x}\nspec:\n  ports:\n  - port: ${PORT}\n", "f.yaml:6: Service default/x: spec.ports[0].port: it holds ${PORT}, which is still to be filled in; do that first, for example by envsubst < FILE"},
		{"no name", "apiVersion: v1\nkind: Service\nspec: {}\n", "f.yaml:1: Service: metadata.name: the Service has no name; write metadata.name"},
		{"scalar", "just text\n", "f.yaml:1: this document is not a Kubernetes object; write apiVersion, kind and metadata"},
		{"number for text", "apiVersion: v1\nkind: Service\nmetadata:\n  name: x\n  annotations:\n    a: '1'\n    b: 20\n",
			`f.yaml:7: Service default/x: metadata.annotations.b: 20 is a number; write a string, in quotes: "20"`},
		{"boolean word for text", "apiVersion: v1\nkind: Service\nmetadata:\n  name: x\n  annotations: {alb.ingress.kubernetes.io/x: yes}\n",
			`f.yaml:5: Service default/x: metadata.annotations[alb.ingress.kubernetes.io/x]: yes is a boolean (true or false); write a string, in quotes: "yes"`},
		{"text for number", "apiVersion: v1\nkind: Service\nmetadata: {name: x, namespace: ns}\nspec:\n  ports:\n  - port: 80\n  - port: eighty\n",
			`f.yaml:7: Service ns/x: spec.ports[1].port: "eighty" is a string; write a whole number`},
		{"list for object", "apiVersion: v1\nkind: Service\nmetadata: {name: x}\nspec:\n- a\n",
			"f.yaml:5: Service default/x: spec: is a list; write an object of key: value lines"},
		{"in a list", "kind: List\napiVersion: v1\nitems:\n- {apiVersion: v1, kind: Service, metadata: {name: a}, spec: {ports: 1}}\n- {apiVersion: v1, kind: Service, metadata: {name: b}}\n",
			"f.yaml:4: Service default/a: spec.ports: 1 is a number; write a list"},
		{"base64", "apiVersion: v1\nkind: Secret\nmetadata: {name: x}\ndata: {a: '%'}\n", "f.yaml:4: Secret default/x: data.a: this cannot be read: illegal base64 data at input byte 0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			objects, problems := Parse("f.yaml", []byte(c.text+good))
			if len(problems) != 1 || problems[0].String() != c.want {
				t.Errorf("problems %v\nwant %s", problems, c.want)
			}
			if len(objects) == 0 || objects[len(objects)-1].Origin.Name != "good" {
				t.Errorf("the good document is lost: %v", objects)
			}
		})
	}
}

func TestParseLines(t *testing.T) {
	text := "\xef\xbb\xbf%YAML 1.1\n---\n# first\napiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n--- # second\n\napiVersion: v1\nkind: Namespace\nmetadata: {name: b}\n...\n---\n---\nnull\n--- {apiVersion: v1, kind: Namespace, metadata: {name: c}}\n"
	objects, problems := Parse("f", []byte(text))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	got := ""
	for _, o := range objects {
		got += fmt.Sprintf("%s:%d ", o.Origin.Name, o.Origin.Line)
	}
	if got != "a:4 b:9 c:16 " {
		t.Errorf("got %s", got)
	}
}

func TestParseTypes(t *testing.T) {
	text := `
apiVersion: v1
kind: ServiceList
items:
- metadata: {name: defaults}
  spec: {ports: [{port: 80}, {port: 81, targetPort: web}]}
- &base
  metadata: {name: base, namespace: ns, annotations: &notes {a: "1"}}
- <<: *base
  metadata: {name: merged, annotations: {<<: *notes, b: "2"}}
---
{
	"apiVersion": "networking.k8s.io/v1",
	"kind": "Ingress",
	"metadata": {"name": "json"}
}
---
apiVersion: networking.internal.knative.dev/v1alpha1
kind: Ingress
metadata: {name: another-makers}
`
	objects, problems := Parse("f", []byte(text))
	if len(problems) > 0 || len(objects) != 5 {
		t.Fatal(problems, objects)
	}
	s := objects[0].Value.(*corev1.Service)
	if s.Namespace != "default" || s.Spec.Type != "ClusterIP" || s.Spec.Ports[0].TargetPort.IntVal != 80 || s.Spec.Ports[1].TargetPort.StrVal != "web" || s.Spec.Ports[0].Protocol != "TCP" {
		t.Errorf("defaults: %+v", s)
	}
	if a := objects[2].Value.(*corev1.Service).Annotations; a["a"] != "1" || a["b"] != "2" {
		t.Errorf("merge keys: %v", a)
	}
	if _, ok := objects[3].Value.(*networkingv1.Ingress); !ok || objects[3].Origin.Line != 12 {
		t.Errorf("JSON: %+v", objects[3])
	}
	if objects[4].Value != nil || objects[4].Origin.Kind != "Ingress" {
		t.Errorf("another maker's kind: %+v", objects[4])
	}
}

// TestParseAllAtOnce: of an object's values all that cannot be read are told at once, and
// its unknown fields. Of a Secret no value is shown.
func TestParseAllAtOnce(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       []string
	}{
		{"Ingress", `
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: web
  annotations:
    alb.ingress.kubernetes.io/group.order: 10
    alb.ingress.kubernetes.io/group.name: No
    alb.ingress.kubernetes.io/healthcheck-port: 8080
spec:
  ingressClassName: alb
  rulez: []
  rules:
  - host: [a, b]
    http:
      paths:
      - {path: 7, pathType: Prefix, backend: {service: {name: web, port: {number: "80"}}}}
`, []string{
			`7: metadata.annotations[alb.ingress.kubernetes.io/group.order]: 10 is a number; write a string, in quotes: "10"`,
			`8: metadata.annotations[alb.ingress.kubernetes.io/group.name]: No is a boolean (true or false); write a string, in quotes: "No"`,
			`9: metadata.annotations[alb.ingress.kubernetes.io/healthcheck-port]: 8080 is a number; write a string, in quotes: "8080"`,
			`14: spec.rules[0].host: is a list; write a string`,
			`17: spec.rules[0].http.paths[0].path: 7 is a number; write a string, in quotes: "7"`,
			`17: spec.rules[0].http.paths[0].backend.service.port.number: "80" is a string; write a whole number`,
			`2: spec.rulez: there is no such field; it has no effect; did you mean rules?`,
		}},
		{"IngressClassParams", `
apiVersion: elbv2.k8s.aws/v1beta1
kind: IngressClassParams
metadata: {name: alb}
spec:
  sheme: internal
  loadBalancerName: 12
  inboundCIDRs: 10.0.0.0/8
  minimumLoadBalancerCapacity: {capacityUnits: many}
`, []string{
			`7: spec.loadBalancerName: 12 is a number; write a string, in quotes: "12"`,
			`8: spec.inboundCIDRs: "10.0.0.0/8" is a string; write a list`,
			`9: spec.minimumLoadBalancerCapacity.capacityUnits: "many" is a string; write a whole number`,
			`2: spec.sheme: there is no such field; it has no effect; did you mean scheme?`,
		}},
		{"EndpointSlice", `
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: web, labels: {kubernetes.io/service-name: 1}}
addressType: IPv4
ports: {port: 80}
endpoints:
- addresses: 127.0.0.1
- {addresses: [127.0.0.1], conditions: {ready: "true"}, adresses: x}
`, []string{
			`4: metadata.labels[kubernetes.io/service-name]: 1 is a number; write a string, in quotes: "1"`,
			`6: ports: is an object of key: value lines; write a list`,
			`8: endpoints[0].addresses: "127.0.0.1" is a string; write a list`,
			`9: endpoints[1].conditions.ready: "true" is a string; write true or false`,
			`2: endpoints[1].adresses: there is no such field; it has no effect; did you mean addresses?`,
		}},
		{"TargetGroupBinding", `
apiVersion: elbv2.k8s.aws/v1beta1
kind: TargetGroupBinding
metadata: {name: web}
spec: {targetGroupARN: 1, multiClusterTargetGroup: "yes", serviceRef: {name: web, port: [80]}, target: x}
`, []string{
			`5: spec.targetGroupARN: 1 is a number; write a string, in quotes: "1"`,
			`5: spec.multiClusterTargetGroup: "yes" is a string; write true or false`,
			`5: spec.serviceRef.port: is a list; write a whole number`,
			`2: spec.target: there is no such field; it has no effect`,
		}},
		{"Service", `
apiVersion: v1
kind: Service
metadata: {name: web, creationTimestamp: today}
spec: {ports: [{port: eighty, targetPort: true}, {port: 81, targetPort: 8081.5}], sessionAffinityConfig: {clientIP: {timeoutSeconds: 1h}}}
`, []string{
			`4: metadata.creationTimestamp: today cannot be read: parsing time "today" as "2006-01-02T15:04:05Z07:00": cannot parse "today" as "2006"`,
			`5: spec.ports[0].port: "eighty" is a string; write a whole number`,
			`5: spec.ports[0].targetPort: true is a boolean (true or false); write a whole number`,
			`5: spec.ports[1].targetPort: 8081.5 is no whole number; write a whole number`,
			`5: spec.sessionAffinityConfig.clientIP.timeoutSeconds: "1h" is a string; write a whole number`,
		}},
		{"Secret", `
apiVersion: v1
kind: Secret
metadata: {name: web}
stringData: {a: 123456}
data:
  b: "%hush"
`, []string{
			`5: stringData.a: is a number; write a string`,
			`7: data.b: this cannot be read: illegal base64 data at input byte 0`,
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			objects, problems := Parse("f", []byte(c.text))
			var got []string
			for _, p := range problems {
				got = append(got, fmt.Sprintf("%d: %s: %s", p.Origin.Line, p.Field, p.Text))
			}
			for _, o := range objects {
				for _, p := range o.Warnings {
					got = append(got, fmt.Sprintf("%d: %s: %s", p.Origin.Line, p.Field, p.Text))
				}
			}
			slices.Sort(got)
			slices.Sort(c.want)
			if !slices.Equal(got, c.want) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(c.want, "\n"))
			}
			if cfg := Build(objects, Options{}); len(cfg.LoadBalancers)+len(cfg.TargetGroups)+len(cfg.SetAside) > 0 {
				t.Errorf("something comes of it: %v", describe(cfg, nil))
			}
		})
	}
}

// TestParseBomb: aliases of aliases must not unfold for ever.
func TestParseBomb(t *testing.T) {
	bomb := "apiVersion: v1\nkind: Service\nmetadata: {name: x}\na0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
	merge := "apiVersion: v1\nkind: Service\nm0: &m0 {k: v}\n"
	for i := 1; i < 12; i++ {
		ref := fmt.Sprintf("*a%d", i-1)
		bomb += fmt.Sprintf("a%d: &a%d [%s]\n", i, i, strings.TrimSuffix(strings.Repeat(ref+", ", 10), ", "))
		ref = fmt.Sprintf("*m%d", i-1)
		merge += fmt.Sprintf("m%d: &m%d {<<: [%s]}\n", i, i, strings.TrimSuffix(strings.Repeat(ref+", ", 10), ", "))
	}
	if _, problems := Parse("f", []byte(bomb)); len(problems) != 1 {
		t.Error("the aliases unfolded")
	}
	if _, problems := Parse("f", []byte(merge+"metadata: {<<: *m11, name: x}\n")); len(problems) == 0 {
		t.Error("the merge keys unfolded")
	}
}

func FuzzParse(f *testing.F) {
	files, _ := filepath.Glob("testdata/*.txtar")
	for _, file := range files {
		if text, err := os.ReadFile(file); err == nil {
			f.Add(text)
		}
	}
	f.Add([]byte("a: &a [*a]\n---\n{<<: 1}\n--- |\n x\n"))
	for _, text := range oddTexts {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		ParseAny("f", text)
		ReadKustomization(text)
		objects, problems := Parse("f", text)
		for _, o := range objects {
			if o.Origin.Line < 1 || o.Value != nil && o.Origin.Name == "" {
				t.Fatalf("%+v", o)
			}
		}
		for _, p := range problems {
			if p.Text == "" || p.Origin.File != "f" {
				t.Fatalf("%+v", p)
			}
		}
		cfg := Build(objects, Options{})
		checkWhole(t, cfg)
	})
}
