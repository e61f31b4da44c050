package house

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"
)

// Lengths that deserve a second look. Some things are long and clear; so these
// are named in the log and fail nothing.
const (
	longFile     = 500 // lines
	longFunction = 90  // lines
)

func TestLengthReport(t *testing.T) {
	files, functions, over45 := 0, 0, 0
	walk(t, func(path string) {
		if filepath.Ext(path) != ".go" {
			return
		}
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Errorf("reading %s: %v", path, err)
			return
		}
		files++
		if lines := set.Position(file.End()).Line; lines > longFile && !strings.HasSuffix(path, "_test.go") {
			t.Logf("%s has %d lines", path, lines)
		}
		for _, declaration := range file.Decls {
			function, ok := declaration.(*ast.FuncDecl)
			if !ok {
				continue
			}
			functions++
			lines := set.Position(function.End()).Line - set.Position(function.Pos()).Line + 1
			if lines > 45 {
				over45++
			}
			if lines > longFunction {
				t.Logf("%s: %s has %d lines", set.Position(function.Pos()), function.Name.Name, lines)
			}
		}
	})
	t.Logf("%d files, %d functions, %d of them over 45 lines", files, functions, over45)
	if functions == 0 {
		t.Error("found no function at all: the report looks into the wrong folder")
	}
}
