package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/albatross-lb/albatross/test/ports"
)

// The tests run this test's own binary in place of both commands: a stand-in that
// takes the same flags, answers 200 to everything and dies when asked for /die.
func TestMain(m *testing.M) {
	if os.Getenv("STAND_IN") == "" {
		os.Exit(m.Run())
	}
	switch os.Args[1] {
	case "hash-password":
		io.Copy(io.Discard, os.Stdin)
		fmt.Println("$2a$10$hash")
	case "run":
		f := flag.NewFlagSet("run", flag.ExitOnError)
		ports := f.String("port-map", "", "")
		for _, name := range []string{"admin", "state", "bind", "drain"} {
			f.String(name, "", "")
		}
		f.Bool("dev", false, "")
		f.Parse(os.Args[2:])
		plain, _, _ := strings.Cut(strings.TrimPrefix(*ports, "80="), ",")
		standIn("127.0.0.1:"+plain, `level=WARN msg=warning at=ingress.yaml:5`, `level=INFO msg="configuration applied"`)
	default: // --listen ADDRESS ...
		standIn(os.Args[2], "serves on "+os.Args[2])
	}
}

func standIn(address string, lines ...string) {
	for _, line := range lines {
		fmt.Println(line)
	}
	http.HandleFunc("/say", func(http.ResponseWriter, *http.Request) { fmt.Println("said later") })
	http.HandleFunc("/die", func(http.ResponseWriter, *http.Request) { os.Exit(3) })
	http.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	fmt.Println(http.ListenAndServe(address, nil))
}

func freePorts(t *testing.T, n int) int {
	t.Helper()
	first, err := ports.Neighbours(n)
	if err != nil {
		t.Fatal(err)
	}
	return first
}

func standInOptions(t *testing.T) options {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("STAND_IN", "1")
	base := freePorts(t, 6)
	return options{albatross: self, api: self, manifests: "..", state: t.TempDir(), bind: "127.0.0.1",
		http: base, https: base + 1, admin: base + 2, base: base + 3, auth: "on"}
}

// running is one call of run, whose output is read line by line.
type running struct {
	t      *testing.T
	cancel context.CancelFunc
	result chan error
	lines  chan string
}

func start(t *testing.T, o options) *running {
	t.Helper()
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	r := &running{t: t, cancel: cancel, result: make(chan error, 1), lines: make(chan string, 1000)}
	go func() {
		r.result <- run(ctx, o, write)
		write.Close()
	}()
	go func() {
		defer close(r.lines)
		text := ""
		for buffer := make([]byte, 4096); ; {
			n, err := read.Read(buffer)
			text += string(buffer[:n])
			for {
				line, rest, whole := strings.Cut(text, "\n")
				if !whole {
					break
				}
				r.lines <- line
				text = rest
			}
			if err != nil {
				return
			}
		}
	}()
	return r
}

// until reads lines up to one that holds the text, and returns all it read.
func (r *running) until(text string) string {
	r.t.Helper()
	var seen strings.Builder
	for line := range r.lines {
		seen.WriteString(line + "\n")
		if strings.Contains(line, text) {
			return seen.String()
		}
	}
	r.t.Fatalf("output ended (%v) without %q:\n%s", <-r.result, text, seen.String())
	return ""
}

// over waits for the end and checks that nothing listens any more.
func (r *running) over(o options) error {
	r.t.Helper()
	var err error
	select {
	case err = <-r.result:
	case <-time.After(2 * time.Minute):
		r.t.Fatal("run does not end")
	}
	if taken := checkPorts(o); taken != nil {
		r.t.Errorf("after the run: %v", taken)
	}
	return err
}

// TestInterruptedEarly: a Ctrl-C before anything runs is no error either.
func TestInterruptedEarly(t *testing.T) {
	o := standInOptions(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := run(ctx, o, os.Stdout); err != nil {
		t.Errorf("run was interrupted and says: %v", err)
	}
	if taken := checkPorts(o); taken != nil {
		t.Errorf("after the run: %v", taken)
	}
}

func TestRunTwice(t *testing.T) {
	o := standInOptions(t)
	passwords := map[string]bool{}
	for range 2 {
		r := start(t, o)
		text := r.until("Ctrl-C ends all of it.")
		for _, want := range []string{"/health", "/token", "/predict", fmt.Sprint(o.admin), filepath.Join(o.state, "retail", "run.log")} {
			if !strings.Contains(text, want) {
				t.Errorf("no %q in:\n%s", want, text)
			}
		}
		if strings.Contains(text, "albatross |") || strings.Contains(text, "api-1 ") {
			t.Errorf("what is said on the way there is shown:\n%s", text)
		}
		get(fmt.Sprintf("http://127.0.0.1:%d/say", o.http))
		if text := r.until("albatross | said later"); strings.Contains(text, "WARN") {
			t.Errorf("what was said on the way there is shown later:\n%s", text)
		}
		log, err := os.ReadFile(filepath.Join(o.state, "retail", "run.log"))
		for _, want := range []string{"albatross | level=WARN msg=warning at=ingress.yaml:5\n", "api-1     | serves on", "albatross | said later\n"} {
			if err != nil || strings.Count(string(log), want) != 1 {
				t.Errorf("%q is not once in the log: %v\n%s", want, err, log)
			}
		}
		_, after, _ := strings.Cut(text, "password=")
		password, _, _ := strings.Cut(after, "'")
		passwords[password] = true
		r.cancel()
		if err := r.over(o); err != nil {
			t.Errorf("stopped by its user: %v", err)
		}
	}
	if len(passwords) != 1 || passwords[""] {
		t.Errorf("the second run has another password: %v", passwords)
	}
	for _, name := range []string{"jwt-secret", "password", "users", "run.log"} {
		info, err := os.Stat(filepath.Join(o.state, "retail", name))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v %v: want mode 0600", name, info.Mode(), err)
		}
	}
}

func get(url string) {
	if response, err := http.Get(url); err == nil {
		response.Body.Close()
	}
}

func TestDeathOfTheLoadBalancerEndsAll(t *testing.T) {
	o := standInOptions(t)
	r := start(t, o)
	r.until("Ctrl-C ends all of it.")
	get(fmt.Sprintf("http://127.0.0.1:%d/die", o.http))
	if err := r.over(o); err == nil || !strings.Contains(err.Error(), "albatross ended: exit status 3") {
		t.Errorf("got %v", err)
	}
}

func TestDeathOfAReplicaIsTold(t *testing.T) {
	o := standInOptions(t)
	r := start(t, o)
	r.until("Ctrl-C ends all of it.")
	get(fmt.Sprintf("http://127.0.0.1:%d/die", o.base+1))
	r.until("api-2 ended (exit status 3)")
	r.until(fmt.Sprintf("--listen 127.0.0.1:%d", o.base+1))
	r.cancel()
	if err := r.over(o); err != nil {
		t.Error(err)
	}
}

func TestDeathBeforeReadyIsAnError(t *testing.T) {
	o := standInOptions(t)
	o.api = failing(t)
	o.auth = "off"
	r := start(t, o)
	r.until("| cannot do it")
	err := r.over(o)
	if err == nil || !strings.Contains(err.Error(), "ended before all was ready") {
		t.Errorf("got %v", err)
	}
}

// failing is a program that says why it fails.
func failing(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "failing")
	if err := os.WriteFile(file, []byte("#!/bin/sh\necho cannot do it\nexit 1\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestTakenPortIsNamed(t *testing.T) {
	o := standInOptions(t)
	for _, test := range []struct {
		port           int
		flag, variable string
	}{
		{o.http, "--http", "HTTP="}, {o.https, "--https", "HTTPS="}, {o.admin, "--admin", "ADMIN="}, {o.base + 2, "--api", "API="},
	} {
		listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", test.port))
		if err != nil {
			t.Fatal(err)
		}
		err = run(t.Context(), o, os.Stdout)
		listener.Close()
		for _, want := range []string{fmt.Sprintf("port %d is taken", test.port), test.flag, "make run " + test.variable} {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("port %d: %v: want %q", test.port, err, want)
			}
		}
	}
	o.admin = o.http
	if err := checkPorts(o); err == nil || !strings.Contains(err.Error(), "twice") {
		t.Errorf("one port for two: %v", err)
	}
}

func TestAdjustedManifests(t *testing.T) {
	o := options{manifests: "..", state: t.TempDir(), base: 9001}
	folder, err := adjusted(o)
	if err != nil {
		t.Fatal(err)
	}
	read := func(folder string) string {
		text, err := os.ReadFile(filepath.Join(folder, "endpointslices.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	want := strings.NewReplacer("port: 8001", "port: 9001", "port: 8002", "port: 9002", "port: 8003", "port: 9003").Replace(read(".."))
	if got := read(folder); got != want || got == read("..") {
		t.Errorf("adjusted slices:\n%s", got)
	}
	if _, err := os.Stat(filepath.Join(folder, "ingress.yaml")); err != nil {
		t.Error(err)
	}
	o.base = manifestBase
	if folder, err := adjusted(o); folder != ".." || err != nil {
		t.Errorf("with the manifests' own ports: %s, %v", folder, err)
	}
}

func TestMovePortsLeavesOthers(t *testing.T) {
	for in, want := range map[string]string{
		"  port: 8002\n":         "  port: 9102\n",
		"- port: 8003":           "- port: 9103",
		"  port: 80\n":           "  port: 80\n",
		"  targetPort: 8001\n":   "  targetPort: 8001\n",
		"  # port: 8001 is ours": "  # port: 8001 is ours",
	} {
		if got := movePorts(in, 9101); got != want {
			t.Errorf("movePorts(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestUsage(t *testing.T) {
	for _, args := range [][]string{{"extra"}, {"--auth", "maybe"}, {"--http", "x"}} {
		if _, err := parse(args); err == nil {
			t.Errorf("%v is accepted", args)
		}
	}
}

// TestTheRealThing runs the example as `make run` does, with the real binaries, and
// does what the printed lines propose.
func TestTheRealThing(t *testing.T) {
	if testing.Short() {
		t.Skip("builds both binaries")
	}
	binaries := t.TempDir()
	build := exec.Command("go", "build", "-o", binaries+string(filepath.Separator), "./cmd/albatross", "./cmd/retail-api")
	build.Dir = "../../../.."
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building: %v\n%s", err, out)
	}
	base := freePorts(t, 6)
	o := options{albatross: filepath.Join(binaries, "albatross"), api: filepath.Join(binaries, "retail-api"), manifests: "..", state: t.TempDir(),
		bind: "127.0.0.1", http: base, https: base + 1, admin: base + 2, base: base + 3, auth: "on"}
	r := start(t, o)
	text := r.until("Ctrl-C ends all of it.")
	_, after, _ := strings.Cut(text, "password=")
	password, _, _ := strings.Cut(after, "'")
	c := client(t, filepath.Join(o.state, "ca", "ca.pem"))

	url := fmt.Sprintf("https://localhost:%d", o.https)
	if body := c.ask("GET", url+"/health", "", "", 200); !strings.Contains(body, `"status":"healthy"`) {
		t.Errorf("health: %s", body)
	}
	c.ask("POST", url+"/predict", "application/json", prediction, 401)
	body := c.ask("POST", url+"/token", "application/x-www-form-urlencoded", "username="+user+"&password="+password, 200)
	_, after, _ = strings.Cut(body, `"access_token":"`)
	c.token, _, _ = strings.Cut(after, `"`)
	if body := c.ask("POST", url+"/predict", "application/json", prediction, 200); !strings.Contains(body, `"prediction":`) {
		t.Errorf("prediction: %s", body)
	}
	if body := c.ask("GET", url+"/docs/", "", "", 200); !strings.Contains(body, "<html") {
		t.Errorf("docs: %.200s", body)
	}
	c.ask("GET", fmt.Sprintf("http://localhost:%d/predict", o.http), "", "", 301)
	c.ask("GET", fmt.Sprintf("http://127.0.0.1:%d/target-health", o.admin), "", "", 200)
	r.cancel()
	if err := r.over(o); err != nil {
		t.Error(err)
	}
}

// asker sends requests, with its token once it has one.
type asker struct {
	http.Client
	t     *testing.T
	token string
}

func client(t *testing.T, ca string) *asker {
	t.Helper()
	pem, err := os.ReadFile(ca)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}
	t.Cleanup(transport.CloseIdleConnections)
	return &asker{t: t, Client: http.Client{Transport: transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// ask sends one request, expects a status code and gives the body.
func (a *asker) ask(method, url, contentType, body string, want int) string {
	a.t.Helper()
	r, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		a.t.Fatal(err)
	}
	r.Header.Set("Content-Type", contentType)
	if a.token != "" {
		r.Header.Set("Authorization", "Bearer "+a.token)
	}
	response, err := a.Do(r)
	if err != nil {
		a.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != want {
		a.t.Errorf("%s %s: %s, %v, want %d: %s", method, url, response.Status, err, want, text)
	}
	return string(text)
}
