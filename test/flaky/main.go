// Command flaky runs the tests of each package many times beside processes that do nothing but keep the processors busy. A
// test that fails once in that is a bug to find: of the test, which hangs on how fast the machine is, or
// of what it tests.
//
// Each package's tests are built once and run in their folder. Some packages run side by side,
// since the slow ones mostly wait. The busy processes end with this one, whatever ends it: each reads its standard
// input, which is closed then.
package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// busyWord makes this program one of the busy processes.
const busyWord = "busy"

func main() {
	count := flag.Int("count", 30, "how often the tests of a package run")
	load := flag.Int("load", 4, "busy processes beside them")
	side := flag.Int("side", 3, "packages that run side by side")
	race := flag.Bool("race", false, "with the race detector")
	flag.Parse()
	if flag.Arg(0) == busyWord {
		beBusy()
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	r := runner{count: *count, race: *race}
	failed, err := r.run(ctx, *load, *side, flag.Args())
	if err != nil {
		fmt.Fprintln(os.Stderr, "flaky:", err)
		os.Exit(2)
	}
	if failed > 0 {
		fmt.Printf("%d packages failed\n", failed)
		os.Exit(1)
	}
}

// beBusy keeps a processor busy until standard input ends.
func beBusy() {
	go func() {
		io.Copy(io.Discard, os.Stdin) //nolint:errcheck // its end is what is waited for
		os.Exit(0)
	}()
	for n := 0; ; n++ {
	}
}

type runner struct {
	count int
	race  bool
	dir   string // of the test binaries
}

// run runs the packages and tells how many have failed.
func (r *runner) run(ctx context.Context, load, side int, patterns []string) (failed int, err error) {
	packages, err := list(ctx, patterns)
	if err != nil {
		return 0, err
	}
	if r.dir, err = os.MkdirTemp("", "albatross-flaky"); err != nil {
		return 0, err
	}
	defer os.RemoveAll(r.dir)
	for range load {
		end, err := startBusy()
		if err != nil {
			return 0, err
		}
		defer end()
	}
	queue := make(chan string)
	var workers sync.WaitGroup
	var mu sync.Mutex
	for range max(side, 1) {
		workers.Go(func() {
			for p := range queue {
				text, ok := r.test(ctx, p)
				mu.Lock()
				fmt.Print(text)
				if !ok {
					failed++
				}
				mu.Unlock()
			}
		})
	}
	for _, p := range packages {
		queue <- p
	}
	close(queue)
	workers.Wait()
	return failed, ctx.Err()
}

// list gives the folders of the packages that have tests.
func list(ctx context.Context, patterns []string) ([]string, error) {
	const format = `{{if or .TestGoFiles .XTestGoFiles}}{{.Dir}}{{end}}`
	command := exec.CommandContext(ctx, "go", append([]string{"list", "-f", format}, patterns...)...)
	command.Stderr = os.Stderr
	out, err := command.Output()
	if err != nil {
		return nil, fmt.Errorf("listing packages: %w", err)
	}
	return strings.Fields(string(out)), nil
}

// startBusy starts a busy process; what it returns ends it.
func startBusy() (end func(), err error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	command := exec.Command(self, busyWord)
	input, err := command.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := command.Start(); err != nil {
		return nil, fmt.Errorf("starting a busy process: %w", err)
	}
	return func() { input.Close(); command.Wait() }, nil
}

// test builds and runs the tests of one package, and tells what came of it.
func (r *runner) test(ctx context.Context, dir string) (text string, ok bool) {
	name, begin := dir, time.Now()
	if at, err := os.Getwd(); err == nil {
		if short, err := filepath.Rel(at, dir); err == nil {
			name = short
		}
	}
	binary := filepath.Join(r.dir, strings.ReplaceAll(name, string(filepath.Separator), "_")+".test")
	args := []string{"test", "-c", "-o", binary}
	if r.race {
		args = append(args, "-race")
	}
	build := exec.CommandContext(ctx, "go", append(args, ".")...)
	build.Dir = dir
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Sprintf("FAIL  %s: building its tests: %v\n%s", name, err, out), false
	}
	defer os.Remove(binary)
	run := exec.CommandContext(ctx, binary, fmt.Sprintf("-test.count=%d", r.count), "-test.timeout=2h")
	run.Dir, run.Cancel, run.WaitDelay = dir, func() error { return run.Process.Signal(syscall.SIGQUIT) }, 10*time.Second
	var out bytes.Buffer
	run.Stdout, run.Stderr = &out, &out
	err := run.Run()
	took := time.Since(begin).Round(time.Second)
	if err != nil {
		return fmt.Sprintf("FAIL  %-40s %d runs, %s: %v\n%s", name, r.count, took, err, last(out.Bytes())), false
	}
	return fmt.Sprintf("ok    %-40s %d runs, %s\n", name, r.count, took), true
}

// mostOutput is how much of a failed package's output is shown, in bytes.
const mostOutput = 64 << 10

func last(out []byte) []byte { return out[max(0, len(out)-mostOutput):] }
