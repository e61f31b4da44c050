package script

import (
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// toldPattern finds in the log what is told of one object: the problem is quoted where it has to be.
var toldPattern = regexp.MustCompile(`(?m)^.* msg=("set aside"|"not read"|warning|note) .*problem=("(?:[^"\\]|\\.)*"|\S+)$`)

// agrees runs check as the albatross is running, and compares what the two say: the summary, and
// every problem, warning and note.
func agrees(ts *testscript.TestScript, neg bool, args []string) {
	w := worldOf(ts)
	if neg || len(args) > 0 || w.albatross == nil {
		ts.Fatalf("usage: agrees, after albatross")
	}
	flags := slices.Clone(w.albatross.command.Args[2:])
	for _, own := range []string{"--bind", "--admin"} {
		at := slices.Index(flags, own)
		flags = slices.Delete(flags, at, at+2)
	}
	if !slices.Contains(flags, "--dev") {
		flags = append([]string{"--no-dev"}, flags...)
	}
	check := exec.Command(filepath.Join(binaries, "albatross"), append([]string{"check", "-q"}, flags...)...)
	check.Dir = ts.MkAbs(".")
	out, err := check.Output()
	if _, said := err.(*exec.ExitError); err != nil && !said {
		ts.Check(err)
	}
	text := strings.TrimSpace(string(out))
	ts.Logf("[check]\n%s", text)
	summary := text[strings.LastIndexByte(text, '\n')+1:]
	log := ""
	for deadline := time.Now().Add(patience); !strings.Contains(log, `"configuration applied"`); time.Sleep(beat) {
		if log = ts.ReadFile("albatross.err"); time.Now().After(deadline) {
			ts.Fatalf("nothing was applied:\n%s", log)
		}
	}
	if !strings.Contains(log, "summary="+strconv.Quote(summary)) {
		ts.Fatalf("run does not say %q:\n%s", summary, log)
	}
	told := toldPattern.FindAllStringSubmatch(log, -1)
	for _, m := range told {
		problem, err := strconv.Unquote(m[2])
		if err != nil {
			problem = m[2]
		}
		if !strings.Contains(text, ": "+problem) {
			ts.Fatalf("run says, and check does not: %s", problem)
		}
	}
	if lines := strings.Count("\n"+text, "\n  "); lines != len(told) {
		ts.Fatalf("check tells of %d problems, warnings and notes, run of %d:\n%s", lines, len(told), log)
	}
}
