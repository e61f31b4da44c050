package house

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestDependenciesAreExplained compares the modules that our packages import
// with the list in docs/dependencies.md: both ways, so that neither a new
// dependency nor a forgotten line goes unseen.
func TestDependenciesAreExplained(t *testing.T) {
	used := modulesInUse(t)
	explained := matches(t, "docs/dependencies.md", `(?m)^- `+"`([^`]+)`")
	for _, m := range used {
		if !slices.Contains(explained, m) {
			t.Errorf("%s is imported but has no line in docs/dependencies.md: say why it is there", m)
		}
	}
	for _, m := range explained {
		if !slices.Contains(used, m) {
			t.Errorf("docs/dependencies.md explains %s, which nothing imports: take the line out", m)
		}
	}
}

// TestDirectMeansImported compares go.mod's direct requirements with what is imported.
func TestDirectMeansImported(t *testing.T) {
	used := modulesInUse(t)
	for _, m := range matches(t, "go.mod", `(?m)^\s*(?:require )?([a-z][^\s]*\.[^\s]*/?[^\s]*) v[^\s]+$`) {
		if !slices.Contains(used, m) {
			t.Errorf("go.mod requires %s directly, which nothing imports: run go mod tidy", m)
		}
	}
}

// modulesInUse are the modules of go.mod that a package or a test of ours imports itself.
func modulesInUse(t *testing.T) []string {
	t.Helper()
	required := matches(t, "go.mod", `(?m)^\s*(?:require )?([a-z][^\s]*) v[^\s]+`)
	var used []string
	for _, p := range packages(t) {
		for _, imported := range slices.Concat(p.Imports, p.TestImports, p.XTestImports) {
			if m := moduleOf(imported, required); m != "" && !slices.Contains(used, m) {
				used = append(used, m)
			}
		}
	}
	slices.Sort(used)
	return used
}

// moduleOf finds the required module that holds a package: the longest that is its path or a folder above it.
func moduleOf(importPath string, required []string) string {
	longest := ""
	for _, m := range required {
		if (importPath == m || strings.HasPrefix(importPath, m+"/")) && len(m) > len(longest) {
			longest = m
		}
	}
	return longest
}

// matches gives the first group of each match of the pattern in a file of the repository.
func matches(t *testing.T, path, pattern string) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, path))
	if err != nil {
		t.Fatalf("reading %s: %v", path, err)
	}
	var found []string
	for _, match := range regexp.MustCompile(pattern).FindAllStringSubmatch(string(text), -1) {
		found = append(found, match[1])
	}
	if len(found) == 0 && path != "go.mod" {
		t.Fatalf("%s: nothing looks like %s", path, pattern)
	}
	return found
}
