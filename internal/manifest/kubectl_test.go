package manifest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// oddTexts are ways to write Services that are read differently by readers that differ. kubectl takes all of them.
var oddTexts = map[string]string{
	"keys twice":           "apiVersion: v1\nkind: Service\nmetadata: {name: x}\nmetadata: {name: z, labels: {a: b}}\nspec: {a: 1, b: {c: 1}, b: {d: 1}, l: [{e: 1, e: 2}]}\n",
	"keys twice in JSON":   `{"apiVersion":"v1","kind":"Service","metadata":{"name":"x"},"metadata":{"name":"z"},"spec":{"a":{"b":1},"a":{"c":[{"d":1,"d":2}]}}}`,
	"merged behind":        "apiVersion: v1\nkind: Service\nmetadata: {name: x}\nb: &b {k: 1, m: 2}\nspec:\n  k: own\n  <<: *b\n",
	"merged before":        "apiVersion: v1\nkind: Service\nmetadata: {name: x}\nb: &b {k: 1, m: 2}\nspec:\n  <<: *b\n  k: own\n",
	"merged list":          "apiVersion: v1\nkind: Service\nmetadata: {name: x}\nb: &b {k: 1, m: 2}\nc: &c {k: 5, <<: {o: 1}}\nspec: {<<: [*c, *b], m: own}\n",
	"words":                "apiVersion: v1\nkind: Service\nmetadata: {name: x}\nspec: [yes, No, ON, off, y, n, Y, True, FALSE, ~, null, Null, yEs, tRue, '', \"\", Off, nO]\n",
	"numbers":              "apiVersion: v1\nkind: Service\nmetadata: {name: x}\nspec: [1e3, 0o7, 017, 089, 0x1F, 1_000, .5, 5., +1, -0, 1:30, 1e+3, 0b11, -0b11, 80.0, 12345678901234567890, 123456789012345678901, 0.10, 1__0, _1, ., +, -., 1e, 0x, 1.2.3, 10.0.0.1/8]\n",
	"tags":                 "apiVersion: v1\nkind: Service\nmetadata: {name: x}\nspec: [!!str 1, !!binary aGk=, !foo 3, !!float 3, !!int 3, !!str yes, '<<', =]\n",
	"dates":                "apiVersion: v1\nkind: Service\nmetadata: {name: x}\nspec: [2001-01-01, 2001-01-01T00:00:00Z, 2001-1-1, \"2001-01-01\"]\n",
	"keys that are words":  "apiVersion: v1\nkind: Service\nmetadata: {name: x}\nspec: {yes: 1, 1: a, 0x10: b, 1.5: c, \"on\": d, '2': e}\n",
	"strings":              "apiVersion: v1\nkind: Service\nmetadata: {name: x}\nspec:\n  a: |\n    one\n     two\n\n  b: >-\n    one\n    two\n\n    three\n  c: \"\\x41\\u00e9\\n\"\n  d: 'it''s'\n  e: one\n    two\n  f: |2+\n     x\n\n",
	"Windows":              "apiVersion: v1\r\nkind: Service\r\nmetadata: {name: x}\r\nspec:\r\n  a: |\r\n    one\r\n    two\r\n---\r\napiVersion: v1\r\nkind: Service\r\nmetadata: {name: z}\r\n",
	"a mark":               "\ufeffapiVersion: v1\nkind: Service\nmetadata: {name: x}\n",
	"Latin-1":              "apiVersion: v1\nkind: Service\nmetadata: {name: x} # caf\xe9\nspec: {a: \"caf\xe9\"}\n",
	"UTF-16":               "\xff\xfe" + strings.ReplaceAll("{\"apiVersion\":\"v1\",\"kind\":\"Service\",\"metadata\":{\"name\":\"x\"}}\n", "", "\x00")[1:],
	"JSON lines":           `{"apiVersion":"v1","kind":"Service","metadata":{"name":"x"}}` + "\n" + `{"apiVersion":"v1","kind":"Service","metadata":{"name":"z"}}{"apiVersion":"v1","kind":"Service","metadata":{"name":"w"}}` + "\n",
	"JSON's escapes":       `{"apiVersion":"v1","kind":"Service","metadata":{"name":"x"},"spec":["\/","\ud83d\udea7","\ud83d","\u0000\b\f\n\r\t\"\\", 1e2, -0, 1.50, true, null, 12345678901234567890]}`,
	"JSON with tabs":       "\n\t{\n\t\"apiVersion\":\t\"v1\",\"kind\":\"Service\",\"metadata\":{\"name\":\"x\\ty\"}}\n",
	"comments and nothing": "# c\n---\n# d\n---\n\n---\napiVersion: v1 # e\nkind: Service\nmetadata: {name: x}\n--- # f\n---\n",
	"a List":               "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Service, metadata: {name: x}}\n- {apiVersion: v1, kind: Service, metadata: {name: z}, spec: {a: 1, a: 2}}\n",
	"a List twice":         "apiVersion: v1\nkind: List\nitems: [{apiVersion: v1, kind: Service, metadata: {name: x}}]\nitems: [{apiVersion: v1, kind: Service, metadata: {name: z}}]\n",
}

// TestAsKubectlReads compares what is read of odd YAML and JSON with what kubectl reads of it: of each text
// of oddTexts, and of random ones.
func TestAsKubectlReads(t *testing.T) {
	if _, err := exec.LookPath("kubectl"); err != nil {
		t.Skip("there is no kubectl here (Debian: kubernetes-client), which this compares with")
	}
	for name, text := range oddTexts {
		t.Run(name, func(t *testing.T) {
			if wrong, err := compareWithKubectl(t, text); wrong != "" || err != nil {
				t.Error(wrong, err)
			}
		})
	}
	const seed = 20240607
	random := rand.New(rand.NewPCG(seed, 1))
	compared := 0
	for i := range 8 {
		var docs []string
		for range 25 {
			docs = append(docs, randomService(random))
		}
		wrong, err := compareWithKubectl(t, strings.Join(docs, "---\n"))
		if wrong == "" && err == nil {
			compared += len(docs)
			continue
		}
		for _, doc := range docs { // which of them is it
			wrong, err := compareWithKubectl(t, doc)
			if wrong != "" {
				t.Errorf("seed %d, file %d:\n%s\n%s", seed, i, doc, wrong)
			}
			if err == nil {
				compared++
			}
		}
	}
	if t.Logf("seed %d: %d random texts compared", seed, compared); compared < 100 {
		t.Errorf("kubectl takes %d of 200 random texts only", compared)
	}
}

// compareWithKubectl says where what is read of a text differs from what kubectl reads. What it refuses is
// an error, and may be read here.
func compareWithKubectl(t *testing.T, text string) (wrong string, err error) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "f.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("kubectl", "label", "--local", "-f", file, "-o", "json", "read=so")
	cmd.Env = append(os.Environ(), "KUBECONFIG="+os.DevNull)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", errors.New(stderr.String())
	}
	theirs := decodeAll(t, out)
	ours, err := readGeneric(text)
	if err != nil {
		return err.Error(), nil
	}
	for _, o := range theirs {
		if m, ok := o["metadata"].(map[string]any); ok {
			labels, _ := m["labels"].(map[string]any)
			if delete(labels, "read"); len(labels) == 0 {
				delete(m, "labels")
			}
		}
	}
	if !reflect.DeepEqual(ours, theirs) {
		here, _ := json.Marshal(ours)
		there, _ := json.Marshal(theirs)
		return fmt.Sprintf("read    %s\nkubectl %s", here, there), nil
	}
	return "", nil
}

func decodeAll(t *testing.T, text []byte) (all []map[string]any) {
	t.Helper()
	decoder := json.NewDecoder(bytes.NewReader(text))
	for {
		var o map[string]any
		switch err := decoder.Decode(&o); {
		case errors.Is(err, io.EOF):
			return all
		case err != nil:
			t.Fatalf("%v in %s", err, text)
		}
		all = append(all, o)
	}
}

// readGeneric gives the objects of a text without a Go type.
func readGeneric(text string) (all []map[string]any, err error) {
	for _, doc := range splitDocuments([]byte(text)) {
		values, fault := doc.read()
		if fault != nil {
			return nil, fault
		}
		for _, v := range values {
			data, _, _, err := toJSON(v)
			if err != nil {
				return nil, err
			}
			var o map[string]any
			if err := json.Unmarshal(data, &o); err != nil {
				return nil, err
			}
			items, isList := o["items"].([]any)
			for _, item := range items {
				o, _ := item.(map[string]any)
				all = append(all, o)
			}
			if !isList {
				all = append(all, o)
			}
		}
	}
	return all, nil
}

// randomService is a Service in YAML or JSON with odd values, keys written twice, aliases and merge keys.
func randomService(random *rand.Rand) string {
	words := []string{"yes", "no", "on", "y", "~", "null", "1", "0x1f", "010", "1e3", ".5", "-1.0", "1_0", "2001-02-03", "'yes'", `"1"`, `"a\tb"`, "plain text", "a:b", "10.0.0.0/8",
		"'it''s'", "!!str 1", "é", "-", "a#b", "true", "FALSE", "0o17", "0b1", "1:20", "<<"}
	keys := []string{"a", "b", "c", "yes", "1", "on", `"a"`}
	var value func(depth int) string
	value = func(depth int) string {
		if depth > 3 || random.IntN(3) == 0 {
			if w := words[random.IntN(len(words))]; w != "-" {
				return w
			}
			return "'-'"
		}
		var parts []string
		list := random.IntN(2) == 0
		for range random.IntN(4) {
			switch {
			case list:
				parts = append(parts, value(depth+1))
			case random.IntN(6) == 0:
				parts = append(parts, []string{"<<: *m", "<<: [*n, *m]"}[random.IntN(2)])
			default:
				parts = append(parts, keys[random.IntN(len(keys))]+": "+value(depth+1))
			}
		}
		if list {
			return "[" + strings.Join(parts, ", ") + "]"
		}
		return "{" + strings.Join(parts, ", ") + "}"
	}
	head := "apiVersion: v1\nkind: Service\nmetadata: {name: x}\nm: &m {a: m, b: m}\nn: &n {b: n, c: n}\n"
	return head + "spec: " + value(0) + "\nstatus:\n  k: " + value(1) + "\n  k: " + value(1) + "\n  l:\n  - " + value(2) + "\n  - " + value(2) + "\n"
}
