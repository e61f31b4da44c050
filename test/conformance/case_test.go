package conformance_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// scratch is a folder that goes when the tests end.
var scratch string

// binary is the albatross that the cases run, built once in the life of the process.
var binary = sync.OnceValues(func() (string, error) {
	path := filepath.Join(scratch, "albatross")
	if out, err := exec.Command("go", "build", "-o", path, "../../cmd/albatross").CombinedOutput(); err != nil {
		return "", errors.New(string(out))
	}
	return path, nil
})

func TestMain(m *testing.M) {
	var err error
	if scratch, err = os.MkdirTemp("", "albatross-cases"); err != nil {
		fmt.Fprintln(os.Stderr, "conformance:", err)
		os.Exit(1)
	}
	code := m.Run()
	os.RemoveAll(scratch)
	os.Exit(code)
}

// outcome is what a command printed, and its exit code.
type outcome struct {
	stdout, stderr string
	code           int
}

// inCase runs albatross in the folder of a case, so that the files it names have short
// paths. It skips the test where the folder is absent.
func inCase(t *testing.T, name string, args ...string) outcome {
	t.Helper()
	return inFolder(t, filepath.Join(caseFolder(t, "cases"), name), "", args...)
}

// inFolder runs albatross in a folder, with the text on its standard input.
func inFolder(t *testing.T, folder, input string, args ...string) outcome {
	t.Helper()
	if _, err := os.Stat(folder); err != nil {
		t.Skipf("the case is not here: %v", err)
	}
	path, err := binary()
	if err != nil {
		t.Fatalf("building albatross: %v", err)
	}
	var stdout, stderr bytes.Buffer
	cmd := exec.Command(path, args...)
	cmd.Dir, cmd.Stdin, cmd.Stdout, cmd.Stderr = folder, strings.NewReader(input), &stdout, &stderr
	var exit *exec.ExitError
	if err := cmd.Run(); err != nil && !errors.As(err, &exit) {
		t.Fatalf("running albatross %s: %v", strings.Join(args, " "), err)
	}
	return outcome{stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()}
}

// says fails the test unless every one of the texts is in what was printed on stdout.
func (o outcome) says(t *testing.T, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if !strings.Contains(o.stdout, text) {
			t.Errorf("nothing says %q in:\n%s%s", text, o.stdout, o.stderr)
		}
	}
}

// saysNot fails the test if any of the texts is in what was printed on stdout.
func (o outcome) saysNot(t *testing.T, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if strings.Contains(o.stdout, text) {
			t.Errorf("%q is in:\n%s", text, o.stdout)
		}
	}
}
