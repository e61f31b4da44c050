package house

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
)

// machinePath finds folders that exist on one person's machine only: home
// folders, and the work folders people clone into.
var machinePath = regexp.MustCompile(`(^|[\s"'` + "`" + `(=:,])/(home|Users|root|work|workspace|private/tmp)/[A-Za-z.]`)

func TestNoPathOfOneMachine(t *testing.T) {
	kinds := []string{".go", ".md", ".yaml", ".yml", ".sh", ".txtar", ".txt", ".html", ".R", ""}
	walk(t, func(path string) {
		if !slices.Contains(kinds, filepath.Ext(path)) {
			return
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Errorf("reading %s: %v", path, err)
		}
		for number, line := range bytes.Split(text, []byte("\n")) {
			if found := machinePath.Find(line); found != nil {
				t.Errorf("%s:%d names a folder of one machine (%q): write it relative to the repository", path, number+1, found)
			}
		}
	})
}
