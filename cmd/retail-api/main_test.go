package main

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/albatross-lb/albatross/retail/token"
)

// The test binary is the program when this variable is set, so that tests meet the real process: flags, environment, signals.
const asProgram = "RETAIL_API_TEST_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// program prepares the program with the environment given and nothing else.
func program(t *testing.T, env []string, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, args...)
	cmd.Env = append([]string{asProgram + "=1", "PATH=" + os.Getenv("PATH"), "GOCOVERDIR=" + t.TempDir()}, env...)
	return cmd
}

func TestRefusesToStart(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	short := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(short, []byte(strings.Repeat("x", 31)+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	long := secretVariable + "=" + strings.Repeat("x", 32)
	_, port, _ := net.SplitHostPort(taken.Addr().String())
	for _, test := range []struct {
		name string
		env  []string
		args []string
		code int
		has  []string
	}{
		{"no secret", nil, nil, 1, []string{"JWT_SECRET_KEY", "--jwt-secret-file", "--dev", "--auth=off"}},
		{"short secret", []string{secretVariable + "=your-secret-key"}, nil, 1, []string{"15 bytes, want 32"}},
		{"short secret even with --dev", []string{secretVariable + "=x"}, []string{"--dev"}, 1, []string{"1 bytes, want 32"}},
		{"short secret file", nil, []string{"serve", "--jwt-secret-file", short}, 1, []string{"31 bytes, want 32"}},
		{"no secret file", nil, []string{"--jwt-secret-file", short + "x"}, 1, []string{"reading the token secret"}},
		{"no users file", []string{long}, []string{"--users", short + "x"}, 1, []string{"reading the users file"}},
		{"bad users file", []string{long}, []string{"--users", short}, 1, []string{short, "line 1"}},
		{"taken port", nil, []string{"--auth=off", "--listen", taken.Addr().String()}, 1, []string{"port " + port + " is taken", "--listen"}},
		{"no port", nil, []string{"--auth=off", "--listen", "here"}, 1, []string{"--listen here"}},
		{"negative drain", nil, []string{"--auth=off", "--drain=-1s"}, 1, []string{"negative"}},
		{"unknown flag", nil, []string{"--bogus"}, 2, []string{"--bogus"}},
		{"unknown choice", nil, []string{"--auth=maybe"}, 2, []string{"--auth"}},
	} {
		out, err := program(t, test.env, test.args...).CombinedOutput()
		exit, ok := err.(*exec.ExitError)
		if !ok || exit.ExitCode() != test.code {
			t.Errorf("%s: %v, want exit code %d\n%s", test.name, err, test.code, out)
		}
		for _, part := range test.has {
			if !bytes.Contains(out, []byte(part)) {
				t.Errorf("%s: no %q in: %s", test.name, part, out)
			}
		}
	}
}

func TestHashPassword(t *testing.T) {
	cmd := program(t, nil, "hash-password", "--user", "ann")
	cmd.Stdin = strings.NewReader("correct horse\n")
	line, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	users, err := token.ReadUsers(bytes.NewReader(line))
	if err != nil {
		t.Fatal(err)
	}
	if ok, err := users.Check(t.Context(), "ann", "correct horse"); !ok || err != nil {
		t.Errorf("%s does not know its password: %v", line, err)
	}
	if out, err := program(t, nil, "hash-password").CombinedOutput(); err == nil {
		t.Errorf("an empty password was hashed: %s", out)
	}
}

// replica is a running program.
type replica struct {
	*exec.Cmd
	url    string
	stderr *bufio.Reader
}

var ready = regexp.MustCompile(`^retail-api: (\S+) serves model v\S+ on (http://127\.0\.0\.1:\d+)\n$`)

func start(t *testing.T, env []string, args ...string) *replica {
	t.Helper()
	r := &replica{Cmd: program(t, env, append(args, "--listen", "127.0.0.1:0")...)}
	pipe, err := r.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Process.Kill() })
	r.stderr = bufio.NewReader(pipe)
	for r.url == "" {
		line, err := r.stderr.ReadString('\n')
		if err != nil {
			t.Fatalf("waiting for it to serve: %v", err)
		}
		if found := ready.FindStringSubmatch(line); found != nil {
			r.url = found[2]
		}
	}
	return r
}

// end sends the signal and returns what the program still had to say.
func (r *replica) end(t *testing.T, signal os.Signal) string {
	t.Helper()
	if err := r.Process.Signal(signal); err != nil {
		t.Fatal(err)
	}
	rest, _ := io.ReadAll(r.stderr)
	if err := r.Wait(); err != nil {
		t.Errorf("after %v: %v\n%s", signal, err, rest)
	}
	return string(rest)
}

const question = `{"features": {"store_id": 1, "product_id": 123, "date": "2024-01-01", "price": 29.99, "promotion": 0}}`

func predict(t *testing.T, url, bearer string) (int, string) {
	t.Helper()
	r, err := http.NewRequest(http.MethodPost, url+"/predict", strings.NewReader(question))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	if bearer != "" {
		r.Header.Set("Authorization", "Bearer "+bearer)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, _ := io.ReadAll(answer.Body)
	return answer.StatusCode, string(body)
}

func TestServesWithAuthenticationOff(t *testing.T) {
	r := start(t, nil, "--auth=off", "--drain=0s", "--quiet", "--name=r7")
	status, body := predict(t, r.url, "")
	if status != 200 || !regexp.MustCompile(`^\{"prediction":\d+(\.\d+)?,"model_version":"v1\.0"\}$`).MatchString(body) {
		t.Errorf("%d %s", status, body)
	}
	if rest := r.end(t, syscall.SIGTERM); strings.Contains(rest, "/predict") || !strings.Contains(rest, "stopping") {
		t.Errorf("quiet, it still said: %s", rest)
	}
}

// Replicas that share a secret take each other's tokens.
func TestReplicasShareASecret(t *testing.T) {
	secret := secretVariable + "=" + strings.Repeat("x", 32)
	one := start(t, []string{secret, "RETAIL_DEV_PASSWORD=try me"}, "--dev", "--drain=0s")
	two := start(t, []string{secret}, "--drain=0s")
	stranger := start(t, nil, "--dev", "--drain=0s")

	answer, err := http.PostForm(one.url+"/token", url.Values{"username": {"demo"}, "password": {"try me"}})
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(answer.Body)
	answer.Body.Close()
	found := regexp.MustCompile(`^\{"access_token":"([^"]+)","token_type":"bearer"\}$`).FindSubmatch(body)
	if found == nil {
		t.Fatalf("%d %s", answer.StatusCode, body)
	}
	for _, test := range []struct {
		r      *replica
		bearer string
		status int
	}{{one, string(found[1]), 200}, {two, string(found[1]), 200}, {stranger, string(found[1]), 401}, {two, "", 401}} {
		if status, body := predict(t, test.r.url, test.bearer); status != test.status {
			t.Errorf("%d %s, want %d", status, body, test.status)
		}
	}
	if rest := one.end(t, syscall.SIGINT); !strings.Contains(rest, "user=demo") || !strings.Contains(rest, "path=/predict") {
		t.Errorf("the log does not say who predicted: %s", rest)
	}
	two.end(t, syscall.SIGTERM)
	stranger.end(t, syscall.SIGTERM)
}
