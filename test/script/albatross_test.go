package script

import (
	"compress/gzip"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// patience bounds every wait; the longest is for a target that has to fail its
// health check twice, five seconds apart, on a machine with ten times more to do than it can.
const patience = 2 * time.Minute

// beat is how often something awaited is looked at.
const beat = 20 * time.Millisecond

// process is the albatross of a script.
type process struct {
	command *exec.Cmd
	gone    chan struct{}
}

func albatross(ts *testscript.TestScript, neg bool, args []string) {
	w := worldOf(ts)
	if neg || w.albatross != nil {
		ts.Fatalf("usage: albatross [FLAG...], once until end")
	}
	out, err := os.Create(ts.MkAbs("albatross.out"))
	ts.Check(err)
	defer out.Close()
	problems, err := os.Create(ts.MkAbs("albatross.err"))
	ts.Check(err)
	defer problems.Close()
	args = append([]string{"run", "--bind", "127.0.0.1",
		"--port-map", fmt.Sprintf("80=%s,443=%s,81=%s", ts.Getenv("HTTP"), ts.Getenv("HTTPS"), ts.Getenv("ALT")),
		"--admin", "127.0.0.1:" + ts.Getenv("ADMIN"), "--state", ts.MkAbs("state")}, args...)
	command := exec.Command(filepath.Join(binaries, "albatross"), append(args, "manifests")...)
	command.Dir = ts.MkAbs(".")
	command.Stdout, command.Stderr = out, problems
	ts.Check(command.Start())
	p := &process{command: command, gone: make(chan struct{})}
	go func() {
		command.Wait()
		close(p.gone)
	}()
	w.albatross = p
	if err := p.awaitReady("http://127.0.0.1:" + ts.Getenv("ADMIN") + "/readyz"); err != nil {
		ts.Fatalf("starting albatross: %v\n%s", err, ts.ReadFile("albatross.err"))
	}
}

func (p *process) awaitReady(url string) error {
	deadline := time.Now().Add(patience)
	for {
		response, err := http.Get(url)
		if err == nil {
			response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return nil
			}
			err = fmt.Errorf("%s answers %s", url, response.Status)
		}
		if time.Now().After(deadline) {
			return err
		}
		select {
		case <-p.gone:
			return fmt.Errorf("it ended: %v", p.command.ProcessState)
		case <-time.After(beat):
		}
	}
}

func (p *process) kill() {
	p.command.Process.Kill()
	<-p.gone
}

func end(ts *testscript.TestScript, neg bool, args []string) {
	w := worldOf(ts)
	if neg || len(args) > 0 || w.albatross == nil {
		ts.Fatalf("usage: end, after albatross")
	}
	p := w.albatross
	w.albatross = nil
	ts.Check(p.command.Process.Signal(syscall.SIGTERM))
	select {
	case <-p.gone:
	case <-time.After(patience):
		p.kill()
		ts.Fatalf("albatross does not end on SIGTERM\n%s", ts.ReadFile("albatross.err"))
	}
	if !p.command.ProcessState.Success() {
		ts.Fatalf("albatross ended with %v\n%s", p.command.ProcessState, ts.ReadFile("albatross.err"))
	}
}

func signal(ts *testscript.TestScript, neg bool, args []string) {
	w := worldOf(ts)
	if neg || len(args) != 1 || args[0] != "HUP" || w.albatross == nil {
		ts.Fatalf("usage: signal HUP, after albatross")
	}
	ts.Check(w.albatross.command.Process.Signal(syscall.SIGHUP))
}

// states waits until the admin API counts the targets as given: healthy=2 unhealthy=1.
func states(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: states STATE=COUNT...")
	}
	want := strings.Join(args, " ")
	url := "http://127.0.0.1:" + ts.Getenv("ADMIN") + "/target-health"
	for deadline := time.Now().Add(patience); ; time.Sleep(beat) {
		response, err := http.Get(url)
		ts.Check(err)
		body, err := io.ReadAll(response.Body)
		response.Body.Close()
		ts.Check(err)
		if got := countStates(string(body)); got == want {
			io.WriteString(ts.Stdout(), string(body))
			return
		} else if time.Now().After(deadline) {
			ts.Fatalf("the targets are %s, not %s:\n%s", got, want, body)
		}
	}
}

var statePattern = regexp.MustCompile(`"State": "([a-z]+)"`)

// countStates is "healthy=2 unhealthy=1", sorted.
func countStates(body string) string {
	counts := map[string]int{}
	for _, match := range statePattern.FindAllStringSubmatch(body, -1) {
		counts[match[1]]++
	}
	var words []string
	for state, n := range counts {
		words = append(words, fmt.Sprintf("%s=%d", state, n))
	}
	slices.Sort(words)
	return strings.Join(words, " ")
}

// put writes a file whole, with variables replaced.
func put(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: put FILE TO")
	}
	text := os.Expand(ts.ReadFile(args[0]), ts.Getenv)
	ts.Check(os.MkdirAll(filepath.Dir(ts.MkAbs(args[1])), 0o755))
	ts.Check(writeWhole(ts.MkAbs(args[1]), text))
}

func edit(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: edit FILE OLD NEW")
	}
	text := ts.ReadFile(args[0])
	if !strings.Contains(text, args[1]) {
		ts.Fatalf("%s does not contain %q", args[0], args[1])
	}
	ts.Check(writeWhole(ts.MkAbs(args[0]), strings.ReplaceAll(text, args[1], args[2])))
}

func await(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: await REGEXP FILE")
	}
	pattern, err := regexp.Compile("(?m)" + args[0])
	ts.Check(err)
	for deadline := time.Now().Add(patience); ; {
		text, err := os.ReadFile(ts.MkAbs(args[1]))
		if err == nil && pattern.Match(text) {
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("%s: nothing matches %s (%v):\n%s", args[1], args[0], err, text)
		}
		time.Sleep(beat)
	}
}

// logs prints the unpacked logs, each after a line with its path in the state folder.
func logs(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) > 0 {
		ts.Fatalf("usage: logs")
	}
	state := ts.MkAbs("state")
	ts.Check(filepath.WalkDir(state, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".log.gz") {
			return err
		}
		file, err := os.Open(path)
		if err != nil {
			return err
		}
		defer file.Close()
		unpacked, err := gzip.NewReader(file)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		name, _ := filepath.Rel(state, path)
		fmt.Fprintf(ts.Stdout(), "file %s\n", filepath.ToSlash(name))
		_, err = io.Copy(ts.Stdout(), unpacked)
		return err
	}))
}
