package wire

import (
	"bufio"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/albatross-lb/albatross/test/ports"
)

const root = "../.."

// beat is how often something awaited is looked at.
const beat = 20 * time.Millisecond

// world is the one albatross of this run and what stands around it.
var world struct {
	dir       string
	scenarios []*scenario
	places    []*place
	admin     string // base URL of the admin API
	health    int    // port that answers every health check with 200
	command   *exec.Cmd
	gone      chan struct{} // closed when albatross has ended
	logs      logBook
}

// atEnd is what else must end when all tests have.
var atEnd []func()

func TestMain(m *testing.M) {
	flag.Parse()
	if flag.Lookup("test.fuzz").Value.String() == "" { // else it is the number of workers, each with its own albatross
		flag.Set("test.parallel", "32") // cases wait more than they work
	}
	code, err := runWorld(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "wire:", err)
		code = 1
	}
	os.Exit(code)
}

func runWorld(m *testing.M) (code int, err error) {
	if world.dir, err = os.MkdirTemp("", "albatross-wire"); err != nil {
		return 1, err
	}
	defer os.RemoveAll(world.dir)
	if world.scenarios, err = loadScenarios(); err != nil {
		return 1, err
	}
	if err := writeManifests(); err != nil {
		return 1, err
	}
	if err := startAlbatross(); err != nil {
		if world.command != nil && world.command.Process != nil {
			world.command.Process.Kill()
		}
		return 1, err
	}
	code = m.Run()
	for _, end := range atEnd {
		end()
	}
	if err := endAlbatross(); err != nil {
		return 1, err
	}
	return code, nil
}

func writeManifests() error {
	var err error
	if world.health, err = ports.Free(); err != nil {
		return err
	}
	health, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", world.health))
	if err != nil {
		return err
	}
	go http.Serve(health, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	if err := os.Mkdir(filepath.Join(world.dir, "manifests"), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(world.dir, "manifests", "login.yaml"), []byte(login), 0o644); err != nil {
		return err
	}
	for i, s := range world.scenarios {
		if _, err := newPlace(fmt.Sprintf("case-%d", i), s.settings); err != nil {
			return err
		}
	}
	for name, settings := range extraPlaces {
		if _, err := newPlace(name, settings); err != nil {
			return err
		}
	}
	return nil
}

// startAlbatross builds the binary, with the race detector where the test has it,
// starts it, and waits until every target is healthy.
func startAlbatross() error {
	binary := filepath.Join(world.dir, "albatross")
	args := []string{"build", "-o", binary}
	if raceDetector {
		args = append(args, "-race")
	}
	build := exec.Command("go", append(args, "./cmd/albatross")...)
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("building: %w\n%s", err, out)
	}
	admin, err := ports.Free()
	if err != nil {
		return err
	}
	world.admin = fmt.Sprintf("http://127.0.0.1:%d", admin)
	world.command = exec.Command(binary, "run", "--bind", "127.0.0.1", "--admin", fmt.Sprintf("127.0.0.1:%d", admin), "--dev",
		"--state", filepath.Join(world.dir, "state"), "--access-log", "stdout", "--log-level", "error", "--drain", "2s", filepath.Join(world.dir, "manifests"))
	out, err := world.command.StdoutPipe()
	if err != nil {
		return err
	}
	world.command.Stderr = os.Stderr
	if err := world.command.Start(); err != nil {
		return err
	}
	world.gone = make(chan struct{})
	go func() {
		in := bufio.NewScanner(out)
		in.Buffer(nil, 1<<20)
		for in.Scan() {
			world.logs.add(in.Text())
		}
		world.command.Wait()
		close(world.gone)
	}()
	return awaitHealthy()
}

func awaitHealthy() error {
	for deadline := time.Now().Add(patience); ; time.Sleep(beat) {
		states, err := targetStates()
		waiting := ""
		for _, p := range world.places {
			if p.healthy() && states[p.targetPort] != "healthy" {
				waiting = p.name
			}
		}
		if err == nil && waiting == "" {
			return nil
		}
		select {
		case <-world.gone:
			return fmt.Errorf("albatross ended: %v", world.command.ProcessState)
		default:
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("waiting for the targets to be healthy: %v, %s is not; %s", err, waiting, setAside())
		}
	}
}

// setAside is what albatross says about manifests that it does not serve.
func setAside() string {
	r, err := http.Get(world.admin + "/set-aside")
	if err != nil {
		return err.Error()
	}
	defer r.Body.Close()
	text, _ := io.ReadAll(r.Body)
	return string(text)
}

// endAlbatross looks at what all cases have left behind, and ends the process: it must
// exit with 0, which it does not where the race detector has found something.
func endAlbatross() error {
	leak := awaitNoConnections()
	world.command.Process.Signal(syscall.SIGTERM)
	select {
	case <-world.gone:
	case <-time.After(2 * patience):
		world.command.Process.Kill()
		return fmt.Errorf("albatross does not end on SIGTERM")
	}
	if !world.command.ProcessState.Success() {
		return fmt.Errorf("albatross ended with %v", world.command.ProcessState)
	}
	if leak != nil {
		return leak
	}
	return world.logs.surplus()
}

// awaitNoConnections: all clients have gone, so no session may be left.
func awaitNoConnections() error {
	for deadline := time.Now().Add(patience); ; time.Sleep(beat) {
		counters, err := scrape()
		if err != nil {
			return err
		}
		var open []string
		for _, p := range world.places {
			if n := counters.of(p.name, "active_connection_count"); n != 0 {
				open = append(open, fmt.Sprintf("%s: %v", p.title(), n))
			}
		}
		if len(open) == 0 {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("connections are still open although their clients have gone: %s", strings.Join(open, ", "))
		}
	}
}
