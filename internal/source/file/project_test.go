package file

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// tree writes files by their names.
func tree(t *testing.T, files map[string]string) {
	t.Helper()
	for name, text := range files {
		write(t, filepath.FromSlash(name), text)
	}
}

var kustomized = map[string]string{
	"base/kustomization.yaml":           "resources: [web.yaml]\nnamespace: shop\n",
	"base/web.yaml":                     objects("web"),
	"base/more.yaml":                    objects("more"),
	"overlays/prod/kustomization.yml":   "resources: [../../base]\npatches:\n- path: patch.yaml\n",
	"overlays/prod/patch.yaml":          objects("web"),
	"overlays/test/Kustomization":       "bases: [../../base]\nnamePrefix: test-\n",
	"plain/kustomization.yaml":          "resources: [a.yaml]\n",
	"plain/a.yaml":                      objects("a"),
	"other/b.yaml":                      objects("b"),
	"other/node_modules/c/package.json": "{",
}

// TestKustomizations: overlays and what they are made of are not read as they stand, and each overlay is told of.
func TestKustomizations(t *testing.T) {
	t.Chdir(t.TempDir())
	tree(t, kustomized)
	for _, c := range []struct{ path, served, told string }{
		{".", "more b a", "kubectl kustomize overlays/prod | albatross check -, kubectl kustomize overlays/test | albatross check -"},
		{"base", "more web", ""},
		{"overlays", "", "kubectl kustomize overlays/prod | albatross check -, kubectl kustomize overlays/test | albatross check -"},
		{"overlays/prod", "", "kubectl kustomize overlays/prod | albatross check -"},
		{"overlays/prod/patch.yaml", "web", ""}, // named
		{"plain", "a", ""},
	} {
		u := load(t, newSource([]string{c.path}, names))
		var told []string
		for _, p := range u.Problems {
			_, command, _ := strings.Cut(p.Text, "what comes of it: ")
			command, _, _ = strings.Cut(command, ", or")
			told = append(told, command)
		}
		if got := strings.Join(strings.Fields(served(u)), " "); got != c.served || strings.Join(told, ", ") != c.told {
			t.Errorf("%s: served %q, problems %v", c.path, got, u.Problems)
		}
	}
}

var chart = map[string]string{
	"chart/Chart.yaml":                  "apiVersion: v2\nname: c\n",
	"chart/values.yaml":                 "a: b\n",
	"chart/templates/web.yaml":          "{{- if .Values.a }}\napiVersion: v1\nkind: Service\n{{ end }}",
	"chart/templates/plain.yaml":        objects("{{ .Release.Name }}"),
	"chart/charts/sub/Chart.yaml":       "apiVersion: v2\nname: sub\n",
	"chart/charts/sub/templates/x.yaml": objects("x"),
	"chart/k8s/y.yaml":                  objects("w"),
	"repo/Chart.yaml":                   "apiVersion: v2\nname: no templates\n",
	"repo/k8s/z.yaml":                   objects("z"),
}

func TestCharts(t *testing.T) {
	t.Chdir(t.TempDir())
	tree(t, chart)
	u := load(t, newSource([]string{"."}, names))
	if got := strings.Join(strings.Fields(served(u)), " "); got != "w z" {
		t.Errorf("served %q", got)
	}
	if len(u.Problems) != 1 || !strings.Contains(u.Problems[0].String(), "chart/Chart.yaml: this is a Helm chart") || !strings.Contains(u.Problems[0].Text, "helm template chart | albatross check -") {
		t.Errorf("problems %v", u.Problems)
	}
}

// TestRender: the tools are asked, again where something has changed, and what they complain of is told.
func TestRender(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the tools here are shell scripts")
	}
	t.Chdir(t.TempDir())
	tree(t, kustomized)
	tree(t, chart)
	tools := t.TempDir()
	tool := func(name, script string) {
		do(t, os.WriteFile(filepath.Join(tools, name), []byte("#!/bin/sh\n"+script+"\n"), 0o755))
	}
	t.Setenv("PATH", tools+string(os.PathListSeparator)+os.Getenv("PATH"))
	tool("helm", `printf 'apiVersion: v1\nkind: Service\nmetadata: {name: %s-%s}\n' "$1" "$(cat "$2/values.yaml" | tr -d ': ')"`)
	tool("kubectl", `printf 'apiVersion: v1\nkind: Service\nmetadata: {name: %s-%s}\n' "$1" "$(basename "$2")"`)
	s := newSource([]string{"."}, names)
	s.Render = true
	u := load(t, s)
	if got, want := strings.Join(strings.Fields(served(u)), " "), "template-ab kustomize-prod kustomize-test kustomize-plain more w b z"; got != want || len(u.Problems) > 0 {
		t.Errorf("served %q, want %q; problems %v", got, want, u.Problems)
	}
	if data, err := s.ReadFile("<helm template chart>"); err != nil || !strings.Contains(string(data), "template-ab") {
		t.Errorf("%s, %v", data, err)
	}

	write(t, "chart/values.yaml", "a: longer")
	s.refresh(nothing, time.Now(), true)
	if !strings.Contains(served(s.update()), "template-alonger") {
		t.Errorf("after a change served %q", served(s.update()))
	}
	tool("helm", "echo 'Error: no such value' >&2; exit 1")
	write(t, "chart/values.yaml", "a: longest")
	s.refresh(nothing, time.Now(), true)
	u = s.update()
	if len(u.Problems) != 1 || !strings.Contains(u.Problems[0].Text, "Error: no such value; what was read there before is still served") || !strings.Contains(served(u), "template-alonger") {
		t.Errorf("served %q, problems %v", served(u), u.Problems)
	}

	s = newSource([]string{"chart"}, names)
	s.Render, s.MaxFileBytes = true, 3000
	tool("helm", "i=0; while [ $i -lt 1000 ]; do echo '# 1234567'; i=$((i+1)); done")
	if u := load(t, s); len(u.Problems) != 1 || !strings.Contains(u.Problems[0].Text, "larger than 3000 bytes") {
		t.Errorf("problems %v", u.Problems)
	}
	t.Setenv("PATH", "")
	s = newSource([]string{"chart"}, names)
	s.Render = true
	if u := load(t, s); len(u.Problems) != 1 || !strings.Contains(u.Problems[0].Text, "there is no helm here") {
		t.Errorf("problems %v", u.Problems)
	}
}
