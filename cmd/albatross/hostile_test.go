package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/albatross-lb/albatross/internal/explain"
	"github.com/albatross-lb/albatross/internal/manifest"
	"github.com/albatross-lb/albatross/lb"
)

// hostile would begin lines, move the cursor, turn the direction of writing or break UTF-8.
const hostile = "x\nFORGED\r\nFORGED\x1b[1GFORGED\u202eFORGED\u2028FORGED\u0085FORGED\u200b\x00\x7f\xffFORGED"

// TestHostileValues puts it behind every string of the examples' objects, one after the
// other, keys and values within JSON included: no line that check and explain print is forged.
func TestHostileValues(t *testing.T) {
	var manifests []byte
	files, _ := filepath.Glob("../../deploy/examples/*/*.yaml")
	files = append(files, "testdata/kinds.yaml") // what the examples have not
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		manifests = append(append(manifests, text...), "\n---\n"...)
	}
	read := func() []manifest.Object {
		objects, _ := manifest.Parse("f.yaml", manifests)
		return objects
	}
	total := 0
	for _, o := range read() {
		total += texts(reflect.ValueOf(o.Value), func(string) string { return "" }, -1)
	}
	if total < 200 {
		t.Fatalf("only %d strings were found", total)
	}
	for at := range total {
		objects, seen := read(), 0
		for _, o := range objects {
			seen += texts(reflect.ValueOf(o.Value), func(s string) string { return s + hostile }, at-seen)
		}
		looksRight(t, fmt.Sprint("string ", at), []int{0, 80}[at%2], objects, nil)
	}
	for i := range read() { // reading gives a name to the origin too
		objects := read()
		objects[i].Origin.Name += hostile
		looksRight(t, fmt.Sprint("name of object ", i), 0, objects, nil)
	}
}

// looksRight prints all that there is to print of objects, in lines of so many columns.
func looksRight(t *testing.T, what string, width int, objects []manifest.Object, unread []lb.Problem) {
	t.Helper()
	cfg := manifest.Build(objects, manifest.Options{})
	lb.Validate(cfg)
	snap, problems, err := inspect(cfg, inspection{})
	if err != nil {
		t.Fatal(err)
	}
	cfg.SetAside = append(cfg.SetAside, problems...)
	var out, data strings.Builder
	found := checked{objects: len(objects), translated: cfg, unread: unread,
		report: report{cfg: cfg, balancers: cfg.LoadBalancers, read: os.ReadFile, setAside: lb.Distinct(unread, cfg.SetAside), width: width}}
	for output, to := range map[string]io.Writer{"text": &out, "json": &data} {
		if err := found.print(to, output); err != nil {
			t.Fatal(err)
		}
	}
	printProblems(&out, "set aside", slices.Concat(unread, cfg.SetAside, cfg.Warnings, cfg.Notes), os.ReadFile)
	for _, s := range snap.Sockets {
		for _, host := range []string{"shop.example.com", "localhost"} {
			a, err := explain.Explain(snap, explain.Request{URL: fmt.Sprintf("%s://%s:%d/api/x", map[bool]string{true: "https", false: "http"}[s.Secure], host, s.Port), Method: hostile, Headers: []string{"X: " + hostile}})
			if err != nil {
				t.Fatal(err)
			}
			out.WriteString(a.String())
		}
	}
	forgesNothing(t, what, out.String())
	if !json.Valid([]byte(data.String())) {
		t.Errorf("%s: no JSON:\n%s", what, data.String())
	}
}

func forgesNothing(t *testing.T, what, printed string) {
	t.Helper()
	for line := range strings.Lines(printed) {
		line = strings.TrimSuffix(line, "\n")
		if strings.HasPrefix(strings.TrimSpace(line), "FORGED") && !strings.HasPrefix(line, "      ") || strings.ContainsFunc(line, func(r rune) bool { return !strconv.IsPrint(r) }) {
			t.Fatalf("%s: the line %q is forged in\n%s", what, line, printed)
		}
	}
}

// TestHostileFiles: what cannot be read, names of files and objects, and errors are one line each.
func TestHostileFiles(t *testing.T) {
	name := "a\nFORGED\x1b.yaml"
	for _, text := range []string{
		"kind: \"Ingress\\nFORGED\\e\"\nmetadata: {name: \"x\\nFORGED\"}\n",
		"apiVersion: \"v1\\nFORGED\"\nkind: Service\nmetadata: {name: \"x\\nFORGED\"}\n",
		"apiVersion: v1\nkind: Service\nmetadata: {name: \"x\\nFORGED\", \"odd\\nFORGED\": 1, annotations: {\"a\\nFORGED\": [\"\\nFORGED\"]}}\nspec: {ports: [{port: \"\\nFORGED\"}]}\n",
		"a: \"\nFORGED\n", "kind: [\n", "\x1bFORGED: {", "apiVersion: v1\nkind: \"\\nFORGEDList\"\nitems: [1]\n",
	} {
		objects, problems := manifest.Parse(name, []byte(text))
		looksRight(t, text, 80, objects, problems)
	}
	for _, args := range [][]string{
		{"check", name}, {"explain", "http://x/\nFORGED", name}, {"explain", "\x1bFORGED\n", t.TempDir()}, {"check", "--FORGED\nFORGED", "x"},
		{"nothing\nFORGED"}, {"explain", "--from", "\nFORGED", "http://x/", t.TempDir()}, {"classify", name}, {"check", "-l", "\nFORGED", "../../deploy/examples/shop"},
		{"explain", "-H", "\nFORGED", "http://shop.example.com/", "../../deploy/examples/shop"},
	} {
		var out, failed strings.Builder
		Main(args, strings.NewReader(""), &out, &failed)
		forgesNothing(t, fmt.Sprint(args), out.String())
	}
}

// texts counts the strings in a value and replaces the one with the number at, which counts
// from 0; in strings that are JSON those within it count too.
func texts(v reflect.Value, replace func(string) string, at int) (n int) {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			return 0
		}
		return texts(v.Elem(), replace, at)
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Field(i).CanSet() {
				n += texts(v.Field(i), replace, at-n)
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			n += texts(v.Index(i), replace, at-n)
		}
	case reflect.Map:
		keys := v.MapKeys()
		slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
		for _, key := range keys {
			newKey, value := reflect.New(key.Type()).Elem(), reflect.New(v.Type().Elem()).Elem()
			newKey.Set(key)
			value.Set(v.MapIndex(key))
			n += texts(newKey, replace, at-n)
			n += texts(value, replace, at-n)
			v.SetMapIndex(key, reflect.Value{})
			v.SetMapIndex(newKey, value)
		}
	case reflect.String:
		if n == at {
			v.SetString(replace(v.String()))
		}
		n++
		if s := v.String(); strings.HasPrefix(s, "[") || strings.HasPrefix(s, "{") {
			var inner any
			if json.Unmarshal([]byte(s), &inner) != nil {
				return n
			}
			holder := reflect.ValueOf(&inner).Elem()
			n += innerTexts(holder, replace, at-n)
			if data, err := json.Marshal(inner); err == nil {
				v.SetString(string(data))
			}
		}
	}
	return n
}

// innerTexts is texts for what JSON decodes to.
func innerTexts(v reflect.Value, replace func(string) string, at int) (n int) {
	switch inner := v.Interface().(type) {
	case string:
		if at == 0 {
			v.Set(reflect.ValueOf(replace(inner)))
		}
		return 1
	case []any:
		for i := range inner {
			n += innerTexts(reflect.ValueOf(&inner[i]).Elem(), replace, at-n)
		}
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(inner)) {
			value := inner[key]
			n += innerTexts(reflect.ValueOf(&value).Elem(), replace, at-n)
			inner[key] = value
		}
	}
	return n
}
