//go:build unix

package file

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// TestNamedPipes are read where they are named, and not where they are found.
func TestNamedPipes(t *testing.T) {
	dir := t.TempDir()
	pipe := filepath.Join(dir, "pipe.yaml")
	do(t, syscall.Mkfifo(pipe, 0o600))
	go os.WriteFile(pipe, []byte(objects("a")), 0o600)
	if u := load(t, newSource([]string{pipe}, names)); served(u) != "a" || len(u.Problems) > 0 {
		t.Errorf("served %q, problems %v", served(u), u.Problems)
	}
	if u := load(t, newSource([]string{dir}, names)); len(u.Problems) != 1 {
		t.Errorf("problems %v", u.Problems)
	}
}
