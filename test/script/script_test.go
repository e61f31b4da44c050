package script

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/albatross-lb/albatross/test/ports"
)

const root = "../.."

// binaries is the folder of what TestMain built.
var binaries string

func TestMain(m *testing.M) { os.Exit(buildAndRun(m)) }

func buildAndRun(m *testing.M) int {
	folder, err := os.MkdirTemp("", "albatross-script")
	if err != nil {
		fmt.Fprintln(os.Stderr, "script:", err)
		return 1
	}
	defer os.RemoveAll(folder)
	binaries = folder
	args := []string{"build", "-o", folder + string(filepath.Separator)}
	if raceDetector {
		args = append(args, "-race")
	}
	build := exec.Command("go", append(args, "./cmd/albatross", "./cmd/retail-api")...)
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "script: building: %v\n%s", err, out)
		return 1
	}
	// Scripts wait more than they compute: let more of them run at once than there are cores.
	flag.Parse()
	if parallel := flag.Lookup("test.parallel"); parallel != nil && parallel.Value.String() == parallel.DefValue {
		flag.Set("test.parallel", "8")
	}
	return m.Run()
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		Setup:               setUp,
		UpdateScripts:       os.Getenv("UPDATE") != "",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Condition:           condition,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"target":     targets,
			"tell":       tell,
			"service":    service,
			"albatross":  albatross,
			"end":        end,
			"signal":     signal,
			"request":    request,
			"arrived":    arrived,
			"busy":       busy,
			"states":     states,
			"eventually": eventually,
			"spread":     spread,
			"load":       load,
			"unload":     unload,
			"raw":        raw,
			"put":        put,
			"selfsigned": selfSigned,
			"clientcert": clientCertificate,
			"edit":       edit,
			"await":      await,
			"logs":       logs,
			"agrees":     agrees,
			"exits":      exits,

			"datagram-target": datagramTarget,
			"datagram":        datagram,
		},
	})
}

// world is what one script has started.
type world struct {
	targets   map[string]*target
	albatross *process
	later     map[string]chan string // what requests sent in the background came to
	load      *loading               // nil without load
}

type worldKey struct{}

func worldOf(ts *testscript.TestScript) *world { return ts.Value(worldKey{}).(*world) }

func setUp(env *testscript.Env) error {
	w := &world{targets: map[string]*target{}, later: map[string]chan string{}}
	env.Values[worldKey{}] = w
	env.Defer(func() {
		if w.load != nil {
			w.load.end()
		}
		if w.albatross != nil {
			w.albatross.kill()
		}
		for _, t := range w.targets {
			t.down()
		}
	})
	for _, name := range []string{"HTTP", "HTTPS", "ALT", "ADMIN"} {
		port, err := ports.Free()
		if err != nil {
			return err
		}
		env.Setenv(name, strconv.Itoa(port))
	}
	acceptance, err := filepath.Abs(filepath.Join(root, "..", "shared", "acceptance"))
	if err != nil {
		return err
	}
	examples, err := filepath.Abs(filepath.Join(root, "deploy", "examples"))
	if err != nil {
		return err
	}
	if given := os.Getenv("ALBATROSS_ACCEPTANCE"); given != "" {
		acceptance = given
	}
	env.Setenv("ACCEPTANCE", acceptance)
	env.Setenv("EXAMPLES", examples)
	env.Setenv("PATH", binaries+string(os.PathListSeparator)+env.Getenv("PATH"))
	return os.MkdirAll(filepath.Join(env.WorkDir, "manifests"), 0o755)
}

// condition knows [acceptance]: the folder of acceptance manifests is there.
func condition(name string) (bool, error) {
	if name != "acceptance" {
		return false, fmt.Errorf("unknown condition %q", name)
	}
	folder := os.Getenv("ALBATROSS_ACCEPTANCE")
	if folder == "" {
		folder = filepath.Join(root, "..", "shared", "acceptance")
	}
	_, err := os.Stat(folder)
	return err == nil, nil
}

// exits runs a command that must end with the exit code given.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	if err != nil {
		exit, ok := err.(*exec.ExitError)
		if !ok {
			ts.Fatalf("running %s: %v", args[1], err)
		}
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("%s exited with %d, want %d", strings.Join(args[1:], " "), got, want)
	}
}

// TestScriptsGoOn: stop is a command of the language, which ends a script and passes it whatever
// comes after. Ours of old had that name, and was never called.
func TestScriptsGoOn(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d scripts: %v", len(files), err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		commands, _, _ := strings.Cut(string(text), "\n-- ")
		for line := range strings.Lines(commands) {
			if words := strings.Fields(line); len(words) > 0 && words[0] == "stop" {
				t.Errorf("%s: stop ends the script here; write end, which ends albatross", file)
			}
		}
	}
}
