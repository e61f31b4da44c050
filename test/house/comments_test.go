package house

import (
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// leastSentences is what a package comment must have at least: what the package
// is, how it works, and why so.
const leastSentences = 3

func TestEveryPackageTellsItsStory(t *testing.T) {
	for _, p := range packages(t) {
		comment := packageComment(t, p)
		switch {
		case comment == "":
			t.Errorf("%s has no package comment", p.room())
		case p.Name != "main" && !strings.HasPrefix(comment, "Package "+p.Name+" "):
			t.Errorf("%s: the package comment should start with %q", p.room(), "Package "+p.Name)
		case sentences(comment) < leastSentences:
			t.Errorf("%s: the package comment has %d sentences; say in at least %d what the package is, how it works and why so",
				p.room(), sentences(comment), leastSentences)
		}
	}
}

// packageComment is the longest comment above a package clause of the package.
func packageComment(t *testing.T, p pkg) string {
	t.Helper()
	longest := ""
	for _, name := range slices.Concat(p.GoFiles, p.TestGoFiles, p.XTestGoFiles) {
		file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, name), nil, parser.ParseComments|parser.PackageClauseOnly)
		if err != nil {
			t.Errorf("reading the package comment of %s: %v", p.room(), err)
			continue
		}
		if text := file.Doc.Text(); len(text) > len(longest) {
			longest = text
		}
	}
	return longest
}

var sentenceEnd = regexp.MustCompile(`[.:;?!)](\s|$)`)

func sentences(comment string) int { return len(sentenceEnd.FindAllString(comment, -1)) }
