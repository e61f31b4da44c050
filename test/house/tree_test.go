package house

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

const module = "github.com/albatross-lb/albatross"

// root is the top of the repository, seen from this package's folder.
const root = "../.."

// pkg is what the tests need to know of one package of the module.
type pkg struct {
	Dir          string
	ImportPath   string
	Name         string
	GoFiles      []string
	TestGoFiles  []string
	XTestGoFiles []string
	Imports      []string
	TestImports  []string
	XTestImports []string
}

// room is the package's path inside the module: "lb", "internal/match".
func (p pkg) room() string { return inModule(p.ImportPath) }

// inModule cuts the module's path off; "" for a package that is not ours.
func inModule(importPath string) string {
	room, ours := strings.CutPrefix(importPath, module+"/")
	if !ours {
		return ""
	}
	return room
}

var listOnce = sync.OnceValues(list)

// packages lists every package of the module, by the go command.
func packages(t *testing.T) []pkg {
	t.Helper()
	all, err := listOnce()
	if err != nil {
		t.Fatalf("listing the packages of the module: %v", err)
	}
	return all
}

func list() ([]pkg, error) {
	command := exec.Command("go", "list", "-e", "-json", "./...")
	command.Dir = root
	command.Stderr = os.Stderr
	out, err := command.Output()
	if err != nil {
		return nil, err
	}
	var all []pkg
	for decoder := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		err := decoder.Decode(&p)
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
		all = append(all, p)
	}
}

// walk calls visit for every file of the repository that is text of ours: not
// what git keeps, what builds leave behind, or what node fetched.
func walk(t *testing.T, visit func(path string)) {
	t.Helper()
	passed := map[string]bool{".git": true, "bin": true, "state": true, ".cache": true, "node_modules": true, ".run": true}
	err := filepath.WalkDir(root, func(path string, entry os.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && path != root && passed[entry.Name()]:
			return filepath.SkipDir
		case entry.Type().IsRegular():
			visit(path)
		}
		return nil
	})
	if err != nil {
		t.Fatalf("walking the repository: %v", err)
	}
}
