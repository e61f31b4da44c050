package manifest

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"

	"github.com/albatross-lb/albatross/lb"
)

const twice = "the key is written twice; the last one counts"

// TestKeysWrittenTwice: the last one replaces the first as a whole, wherever it is, and is told of.
func TestKeysWrittenTwice(t *testing.T) {
	const in = `
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: web
  annotations: {a: "1", b: "2"}
  annotations: {b: "3", b: "4"}
spec:
  defaultBackend: {service: {name: gone}}
spec:
  rules:
  - host: a.example.com
    host: b.example.com
    http: {paths: [{path: /a, pathType: Exact, backend: {service: {name: a, port: {number: 80}}}}]}
    http: {paths: [{path: /b, backend: {service: {name: b, port: {name: web}}}}]}
  - {host: c.example.com, http: {paths: [{path: /c}, {path: /d}], paths: [{pathType: Prefix}]}}
`
	inJSON := `{"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {"name": "web", "annotations": {"a": "1", "b": "2"},
		"annotations": {"b": "3", "b": "4"}}, "spec": {"defaultBackend": {"service": {"name": "gone"}}}, "spec": {"rules": [
		{"host": "a.example.com", "host": "b.example.com", "http": {"paths": [{"path": "/a", "pathType": "Exact", "backend": {"service": {"name": "a", "port": {"number": 80}}}}]},
		 "http": {"paths": [{"path": "/b", "backend": {"service": {"name": "b", "port": {"name": "web"}}}}]}},
		{"host": "c.example.com", "http": {"paths": [{"path": "/c"}, {"path": "/d"}], "paths": [{"pathType": "Prefix"}]}}]}}`
	inList := "apiVersion: v1\nkind: List\nitems:\n- " + strings.ReplaceAll(strings.TrimSpace(in), "\n", "\n  ")
	for name, text := range map[string]string{"YAML": in, "JSON": inJSON, "List": inList} {
		t.Run(name, func(t *testing.T) {
			objects, problems := Parse("f", []byte(text))
			if len(objects) != 1 || len(problems) > 0 {
				t.Fatal(objects, problems)
			}
			i := objects[0].Value.(*networkingv1.Ingress)
			if len(i.Annotations) != 1 || i.Annotations["b"] != "4" || i.Spec.DefaultBackend != nil {
				t.Errorf("annotations %v, default %v", i.Annotations, i.Spec.DefaultBackend)
			}
			first, second := i.Spec.Rules[0], i.Spec.Rules[1]
			path := first.HTTP.Paths[0]
			if first.Host != "b.example.com" || len(first.HTTP.Paths) != 1 || path.PathType != nil || path.Backend.Service.Port != (networkingv1.ServiceBackendPort{Name: "web"}) {
				t.Errorf("first rule %+v", first)
			}
			if len(second.HTTP.Paths) != 1 || second.HTTP.Paths[0].Path != "" {
				t.Errorf("second rule %+v", second)
			}
			var told []string
			for _, p := range objects[0].Warnings {
				if p.Text == twice {
					told = append(told, p.Field)
				}
			}
			if want := "metadata.annotations metadata.annotations.b spec spec.rules[0].host spec.rules[0].http spec.rules[1].http.paths"; strings.Join(told, " ") != want {
				t.Errorf("told of %q", told)
			}
		})
	}
}

// TestKeysWrittenTwiceElsewhere: what merge keys and aliases bring is no second writing, and
// a list of items that is discarded takes objects with it.
func TestKeysWrittenTwiceElsewhere(t *testing.T) {
	objects, problems := Parse("f", []byte(`
apiVersion: v1
kind: Service
metadata: &m {name: web, labels: &l {a: "1", a: "2"}, annotations: {<<: [{a: "4"}, *l], b: "3"}}
spec: {selector: *l}
`))
	if len(problems) > 0 || len(objects) != 1 {
		t.Fatal(problems, objects)
	}
	s := objects[0].Value.(*corev1.Service)
	if s.Labels["a"] != "2" || s.Spec.Selector["a"] != "2" || s.Annotations["a"] != "4" || s.Annotations["b"] != "3" {
		t.Errorf("%v %v %v", s.Labels, s.Spec.Selector, s.Annotations)
	}
	w := slices.DeleteFunc(objects[0].Warnings, func(p lb.Problem) bool { return p.Text != twice })
	if len(w) != 1 || w[0].Field != "metadata.labels.a" {
		t.Errorf("warnings %v", w)
	}
	_, problems = Parse("f", []byte("apiVersion: v1\nkind: List\nitems: [{apiVersion: v1, kind: Service, metadata: {name: a}}]\nitems: []\n"))
	if len(problems) != 1 || !strings.Contains(problems[0].String(), "items: the key is written twice") {
		t.Errorf("problems %v", problems)
	}
}

const (
	jsonA = `{"apiVersion":"v1","kind":"Service","metadata":{"name":"a"}}`
	jsonB = "{\n  \"apiVersion\": \"v1\",\n  \"kind\": \"Service\",\n  \"metadata\": {\n    \"name\": \"b\"\n  }\n}"
	yamlC = "apiVersion: v1\nkind: Service\nmetadata: {name: c}\n"
)

// TestWhatIsRead: the objects of a text with their lines, and its problems, whatever stands behind the first.
func TestWhatIsRead(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"lines", jsonA + "\n" + jsonB + "\n" + jsonA, "a:1 b:2 a:9"},
		{"side by side", jsonA + jsonB + " " + jsonA, "a:1 b:1 a:7"},
		{"parted", jsonA + "\n---\n" + jsonB + "\n---\n" + yamlC, "a:1 b:3 c:11"},
		{"YAML behind JSON", jsonA + "\n" + yamlC, "a:1 c:2"},
		{"a comment behind JSON", jsonA + " # the end\n# of it\n", "a:1"},
		{"many and YAML", jsonA + jsonB + "\n---\n" + yamlC, "a:1 b:1 c:9"},
		{"tabs", "{\n\t\"apiVersion\": \"v1\",\n\t\"kind\":\t\"Service\",\n\t\"metadata\": {\"name\": \"x\\ty\"}\n}", "x\ty:1"},
		{"YAML in braces", "{apiVersion: v1, kind: Service, metadata: {name: x,},}\n", "x:1"},
		{"JSON that is not closed", jsonA + "\n{\"apiVersion\": \"v1\", \"kind\": [\n", "a:1 | 2: this is not valid JSON: it ends before it is closed, with ]} missing at its end"},
		{"a brace too many", jsonA + "\n}\n", "a:1 | 2: this is not valid JSON: invalid character '}' looking for beginning of value"},
		{"a comma too many", "{\"apiVersion\": \"v1\",\n \"kind\": \"Service\",\n \"metadata\": {\"name\" \"x\"}}", "| 3: this is not valid JSON: invalid character '\"' after object key"},
		{"a comma between", jsonA + ",\n" + jsonB, "a:1 | 1: this is not valid JSON: invalid character ',' looking for beginning of value"},
		{"words behind", jsonA + "\nabc\n", "a:1 | 2: this is not valid JSON: invalid character 'a' looking for beginning of value"},
		{"content behind ---", "--- {apiVersion: v1, kind: Service, metadata: {name: x}}\n--- # c\n" + yamlC, "x:1 c:3"},
		{"behind ...", yamlC + "...\n" + yamlC + "...\n", "c:1 c:5"},
		{"directives", "# c\n%YAML 1.1\n---\n" + yamlC + "...\n# d\n%TAG ! tag:x,2000:\n---\n" + yamlC, "c:4 c:11"},
		{"no separator", yamlC + "-----\n" + yamlC, "c:1 c:5 | 4: \"-----\" is no line between two documents; write --- alone"},
		{"a word behind ---", yamlC + "---x: 1\n" + yamlC, "c:1 c:5 | 4: \"---x: 1\" is no line between two documents; write --- alone"},
		{"old ends of lines", strings.ReplaceAll(yamlC+"---\n"+yamlC, "\n", "\r"), "c:1 c:5"},
		{"Windows", strings.ReplaceAll(yamlC+"---\n"+yamlC, "\n", "\r\n"), "c:1 c:5"},
		{"a list of objects", "- {apiVersion: v1, kind: Service, metadata: {name: x}}\n", "| 1: this is a list of objects, which kubectl does not take either; part them by --- lines, or write them as items of a kind: List"},
		{"a string in quotes", yamlC + "---\n\"x\"\n", "c:1 | 5: this document is not a Kubernetes object; write apiVersion, kind and metadata"},
		{"broken behind good", yamlC + "---\na: [\n", "c:1 | 5: this is not valid YAML: did not find expected node content"},
	} {
		t.Run(c.name, func(t *testing.T) {
			objects, problems := Parse("f", []byte(c.text))
			if got := readOf(objects, problems); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

func readOf(objects []Object, problems []lb.Problem) string {
	var got []string
	for _, o := range objects {
		got = append(got, fmt.Sprintf("%s:%d", o.Origin.Name, o.Origin.Line))
	}
	for _, p := range problems {
		got = append(got, fmt.Sprintf("| %d: %s", p.Origin.Line, p.Text))
	}
	return strings.Join(got, " ")
}

// TestJSONIsReadAsJSON: escapes and numbers of RFC 8259, which YAML has not, and lines.
func TestJSONIsReadAsJSON(t *testing.T) {
	text := `{
  "apiVersion": "networking.k8s.io\/v1", "kind": "Ingress",
  "metadata": {"name": "web", "annotations": {
    "\u0061": "\/ \ud83d\udea7 \" \\ \b\f\n\r\t", "yes": "no", "<<": "1e3"
  }},
  "spec": {"rules": [{"http": {"paths": [{
    "backend": {"service": {"name": 7, "port": {"number": 8e1}}}
  }]}}]}
}`
	objects, problems := Parse("f.json", []byte(text))
	if got := readOf(objects, problems); got != `web:1 | 7: 7 is a number; write a string, in quotes: "7"` {
		t.Fatal(got)
	}
	i := objects[0].Value.(*networkingv1.Ingress)
	if a := i.Annotations; len(a) != 3 || a["a"] != "/ 🚧 \" \\ \b\f\n\r\t" || a["yes"] != "no" || a["<<"] != "1e3" {
		t.Errorf("%q", a)
	}
	if n := i.Spec.Rules[0].HTTP.Paths[0].Backend.Service.Port.Number; n != 80 {
		t.Errorf("port %d", n)
	}
	read := func(string) ([]byte, error) { return []byte(jsonA + "\n" + text), nil }
	at := Locate([]lb.Problem{{Origin: lb.Origin{File: "f.json", Line: 2, Name: "web"}, Field: "spec.rules[0].http.paths[0].backend"}}, read)
	if at[0].Origin.Line != 8 {
		t.Errorf("the field is said to be in line %d", at[0].Origin.Line)
	}
	deep := `{"apiVersion":"v1","kind":"Service","metadata":{"name":"x"},"a":` + strings.Repeat("[", 5000) + strings.Repeat("]", 5000) + "}"
	if _, problems := Parse("f", []byte(deep)); len(problems) != 1 {
		t.Errorf("deep: %v", problems)
	}
}

// TestEncodings: those that kubectl takes.
func TestEncodings(t *testing.T) {
	const text = "# 🚧\napiVersion: v1\nkind: Service\nmetadata:\n  name: x\n  annotations: {a: é🚧}\n"
	wide := func(order binary.AppendByteOrder) []byte {
		var data []byte
		for _, u := range utf16.Encode([]rune("\ufeff" + text)) {
			data = order.AppendUint16(data, u)
		}
		return data
	}
	for name, data := range map[string][]byte{
		"UTF-8": []byte(text), "with a byte order mark": []byte("\ufeff" + text), "UTF-16LE": wide(binary.LittleEndian), "UTF-16BE": wide(binary.BigEndian),
		"Latin-1 in a comment": append([]byte("# \xe9\n"), text...),
	} {
		objects, problems := Parse("f", data)
		if len(problems) > 0 || len(objects) != 1 || objects[0].Value.(*corev1.Service).Annotations["a"] != "é🚧" {
			t.Errorf("%s: %v %v", name, objects, problems)
		}
	}
	for _, odd := range []string{"\xff\xfe", "\xfe\xff\x00", "\xff\xfe\x00\xd8", "\xff\xfe\x00\xd8a\x00", "\xfe\xff\xdc\x00"} {
		Parse("f", []byte(odd))
	}
}

// TestOtherTools: their files are passed over whether they are YAML or JSON or neither.
func TestOtherTools(t *testing.T) {
	for name, text := range map[string]string{
		"Chart.yaml":          "apiVersion: v2\nname: c\nversion: 1.0.0\n",
		"Chart.yaml, old":     "apiVersion: v1\nname: c\nversion: 1.0.0\n",
		"docker-compose":      "version: '3'\nservices: {a: {image: b}}\n",
		"compose with merges": "x-a: &a {image: b}\nservices:\n  c: {<<: *a}\n",
		"tsconfig.json":       "{\n  // comments\n  \"compilerOptions\": { \"strict\": true, },\n}\n",
		"tasks.json":          "{\n  // c\n  \"tasks\": [{\"group\": {\"kind\": \"build\"}}]\n}\n",
		"package.json":        `{"name":"x","version":"1.0.0"}`,
		"a string":            `"just a string"`,
		"a number":            "17\n",
		"a list":              `["\ud83d\udea7", 1]`,
		"vault":               "$ANSIBLE_VAULT;1.1;AES256\n6638\n3362\n",
		"playbook":            "- hosts: all\n  tasks:\n  - name: \"{{ x }}\"\n",
		"CloudFormation":      "Resources:\n  B: {Type: AWS::S3::Bucket, Properties: {BucketName: !Sub \"${AWS::StackName}-b\"}}\n",
		"mkdocs":              "markdown_extensions:\n  - pymdownx.emoji: {emoji_index: !!python/name:material.emoji.twemoji}\n",
		"Drone":               "kind: pipeline\ntype: docker\nname: default\nsteps: []\n",
		"Grafana":             "apiVersion: 1\ndatasources: []\n",
		"a template":          "{% if x %}\nname: {{ y }}\n{% endif %}\n",
		"lines of JSON":       "{\"a\": 1}\n{\"b\": 2}\n",
		"OpenAPI":             "openapi: 3.0.0\npaths:\n  /a: {get: {responses: {200: {description: x}}}}\n",
		"Terraform state":     `{"version": 4, "resources": [{"mode": "managed", "type": "aws_lb"}]}`,
		"a binary":            "\x00\x01\x02",
		"a broken one":        "a: [\n",
	} {
		objects, problems := ParseAny(name, []byte(text))
		if len(problems) > 0 || slices.ContainsFunc(objects, func(o Object) bool { return o.Value != nil }) {
			t.Errorf("%s: %v %v", name, objects, problems)
		}
		if cfg := Build(objects, Options{}); len(cfg.Notes) > 1 || len(cfg.Warnings)+len(cfg.SetAside) > 0 {
			t.Errorf("%s: %v", name, describe(cfg, nil))
		}
	}
}

// TestBrokenManifests: what is meant for Kubernetes is no other tool's file because it is broken.
func TestBrokenManifests(t *testing.T) {
	for text, want := range map[string]string{
		"apiVersion: v1\nkind: [\n":             "this is not valid YAML",
		"kind: Ingress\nmetadata\n":             "this is not valid YAML",
		"{\"kind\": \"Service\",\n// c\n}":      "has no apiVersion",
		"kind: Service\nmetadata: {name: x}\n":  "has no apiVersion",
		"apiVersion: v1\nmetadata: {name: x}\n": "has no kind",
		"{{- if .Values.on -}}\napiVersion: v1\nkind: Service\nmetadata:\n  name: {{ include \"x\" . }}\n{{- end }}\n": "this is not valid YAML: did not find expected node content; it holds {{",
		"apiVersion: v1\nkind: Service\nmetadata:\n  name: {{ .Release.Name }}\n":                                      "it holds {{",
		"apiVersion: v1\nkind: Service\nmetadata: {name: x}\nspec:\n  ports: [{port: {{ .Values.port }}}]\n":           "it holds {{",
	} {
		_, problems := ParseAny("f", []byte(text))
		if len(problems) != 1 || !strings.Contains(problems[0].Text, want) {
			t.Errorf("%q: %v", text, problems)
		}
	}
}

// TestForeignFilesAreCounted: a repository has many, and one line says so.
func TestForeignFilesAreCounted(t *testing.T) {
	var objects []Object
	for i := range 7 {
		objects = append(objects, Object{Origin: lb.Origin{File: fmt.Sprintf("f%d", i), Line: 1}}, Object{Origin: lb.Origin{File: fmt.Sprintf("f%d", i), Line: 4}})
	}
	for n, want := range map[int]string{0: "", 2: "f0:1: this is no Kubernetes object; passed over",
		4:  "2 files hold what is no Kubernetes object; passed over: f0, f1",
		14: "7 files hold what is no Kubernetes object; passed over: f0, f1, f2, f3, f4 and 2 more"} {
		got := ""
		for _, p := range Build(objects[:n], Options{}).Notes {
			got += p.String()
		}
		if got != want {
			t.Errorf("%d: %q", n, got)
		}
	}
}
