package wire

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/albatross-lb/albatross/test/ports"
)

// fault is an albatross that serves the manifest of a fault that was found on the wire. Such manifests lie
// in the folder wire of ALBATROSS_CONFORMANCE, by default ../shared/conformance beside the repository.
type fault struct {
	t           *testing.T
	http, https string // addresses of ports 80 and 443 of the manifest
	admin       string
	process     *os.Process
	ended       chan error
}

// targetPort is how the manifests name their targets, of which there are at most a few.
var targetPort = regexp.MustCompile(`port: 22\d\d\d`)

// startFault serves a manifest with these targets in place of those that it names, in the order in which they
// are named. It skips the test where there is no such manifest.
func startFault(t *testing.T, name string, targets ...net.Addr) *fault {
	t.Helper()
	root := os.Getenv("ALBATROSS_CONFORMANCE")
	if root == "" {
		root = "../../../shared/conformance"
	}
	text, err := os.ReadFile(filepath.Join(root, "wire", name, "manifest.yaml"))
	if err != nil {
		t.Skipf("the case is not here (ALBATROSS_CONFORMANCE names its folder): %v", err)
	}
	return startFaultOf(t, string(text), targets...)
}

// startFaultOf is startFault for a manifest of the test's own.
func startFaultOf(t *testing.T, text string, targets ...net.Addr) *fault {
	t.Helper()
	next := 0
	manifest := targetPort.ReplaceAllStringFunc(text, func(string) string {
		port := targets[min(next, len(targets)-1)].(*net.TCPAddr).Port
		next++
		return fmt.Sprintf("port: %d", port)
	})
	first, err := ports.Neighbours(3)
	if err != nil {
		t.Fatal(err)
	}
	at := func(i int) string { return fmt.Sprintf("127.0.0.1:%d", first+i) }
	f := &fault{t: t, http: at(0), https: at(1), admin: at(2), ended: make(chan error, 1)}
	dir := t.TempDir()
	file := filepath.Join(dir, "manifest.yaml")
	if err := os.WriteFile(file, []byte(manifest), 0o644); err != nil {
		t.Fatal(err)
	}
	command := exec.Command(filepath.Join(world.dir, "albatross"), "run", "--bind", "127.0.0.1", "--admin", f.admin, "--dev", "--log-level", "error",
		"--port-map", fmt.Sprintf("80=%d,443=%d", first, first+1), "--state", filepath.Join(dir, "state"), file)
	command.Stderr = os.Stderr
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	f.process = command.Process
	go func() { f.ended <- command.Wait() }()
	t.Cleanup(func() { command.Process.Kill() })
	f.awaitReady()
	return f
}

func (f *fault) awaitReady() {
	f.t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(beat) {
		r, err := http.Get("http://" + f.admin + "/readyz")
		if err == nil {
			r.Body.Close()
			if r.StatusCode == http.StatusOK {
				return
			}
		}
		if time.Now().After(deadline) {
			f.t.Fatalf("albatross is not ready: %v", err)
		}
	}
}

// startOK starts a target that answers everything with "ok".
func startOK(t *testing.T) net.Addr {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "ok") })}
	go server.Serve(l) //nolint:errcheck // ends with the test
	t.Cleanup(func() { server.Close() })
	return l.Addr()
}

// isOK insists on an answer of "ok".
func isOK(t *testing.T, r *http.Response, body string) {
	t.Helper()
	if r.StatusCode != http.StatusOK || strings.TrimSpace(body) != "ok" {
		t.Errorf("got %s and %q", r.Status, body)
	}
}
