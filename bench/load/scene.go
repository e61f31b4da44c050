package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// scene is one way to run the example.
type scene struct {
	name      string
	manifests string
	auth      string // on | off
	folder    string // for state and files
	token     string // "" where none is needed
}

// front is a load balancer that the tools speak to.
type front struct {
	name string
	url  string
	ca   string // file; "" for plain HTTP
}

// replicas is how many the example's runner starts.
const replicas = 3

// ports are the first of neighbouring ones: albatross's HTTP, HTTPS and admin API, the replicas, nginx's HTTP and HTTPS.
type ports int

const portCount = 3 + replicas + 2

func (p ports) api() int   { return int(p) + 3 }
func (p ports) nginx() int { return p.api() + replicas }

// play starts the example, runs every tool against it, and ends it. Where there are two fronts, a tool runs against one and
// then against the other before the next round or tool does.
func (s *scene) play(ctx context.Context, o options) ([]result, error) {
	fmt.Fprintln(os.Stderr, "starting:", s.name)
	fronts, stop, err := s.open(ctx, o)
	if err != nil {
		return nil, err
	}
	defer stop()
	var results []result
	for _, t := range tools(s, o) {
		r, err := t.compare(ctx, fronts, o.rounds)
		if err != nil {
			return nil, err
		}
		results = append(results, r...)
	}
	for i := range results {
		results[i].scene = s.name
	}
	return results, nil
}

// open starts the example, and nginx where it is asked for.
func (s *scene) open(ctx context.Context, o options) (fronts []front, stop func(), err error) {
	free, err := freePorts(portCount)
	if err != nil {
		return nil, nil, err
	}
	albatross, stopExample, err := s.start(ctx, o, free)
	if err != nil {
		return nil, nil, err
	}
	if s.auth == "on" { // of the same replicas, so good through nginx too
		if s.token, err = s.getToken(ctx, albatross); err != nil {
			stopExample()
			return nil, nil, fmt.Errorf("getting a token: %w", err)
		}
	}
	if o.albatrossToo() {
		fronts = append(fronts, albatross)
	}
	if !o.nginxToo() {
		return fronts, stopExample, nil
	}
	nginx, stopNginx, err := s.startNginx(ctx, free)
	if err != nil {
		stopExample()
		return nil, nil, err
	}
	return append(fronts, nginx), func() { stopNginx(); stopExample() }, nil
}

// start runs the example's runner until it says that all is ready.
func (s *scene) start(ctx context.Context, o options, base ports) (f front, stop func(), err error) {
	flags := []string{"--albatross", o.albatross, "--retail-api", o.api, "--manifests", s.manifests, "--auth", s.auth, "--state", s.folder, "--bind", "127.0.0.1"}
	for i, name := range []string{"--http", "--https", "--admin", "--api"} {
		flags = append(flags, name, strconv.Itoa(int(base)+i))
	}
	f = front{name: "albatross", url: fmt.Sprintf("http://localhost:%d", base)}
	if s.auth == "on" {
		f.url, f.ca = fmt.Sprintf("https://localhost:%d", base+1), filepath.Join(s.folder, "ca", "ca.pem")
	}
	command := exec.CommandContext(ctx, o.runner, flags...)
	command.Cancel = func() error { return command.Process.Signal(syscall.SIGTERM) }
	command.Stderr = os.Stderr
	out, err := command.StdoutPipe()
	if err != nil {
		return f, nil, err
	}
	if err := command.Start(); err != nil {
		return f, nil, err
	}
	stop = func() {
		command.Process.Signal(syscall.SIGTERM)
		command.Wait()
	}
	seen, err := readUntil(out, "Ctrl-C ends all of it.")
	if err != nil {
		stop()
		return f, nil, fmt.Errorf("starting the example: %w\n%s", err, seen)
	}
	go io.Copy(io.Discard, out)
	return f, stop, nil
}

func readUntil(from io.Reader, text string) (string, error) {
	var seen strings.Builder
	lines := bufio.NewReader(from)
	for {
		line, err := lines.ReadString('\n')
		seen.WriteString(line)
		if strings.Contains(line, text) {
			return seen.String(), nil
		}
		if err != nil {
			return seen.String(), err
		}
	}
}

// freePorts finds n neighbouring ports.
func freePorts(n int) (ports, error) {
search:
	for base := 18000; base < 19000; base += n {
		for port := base; port < base+n; port++ {
			l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
			if err != nil {
				continue search
			}
			l.Close()
		}
		return ports(base), nil
	}
	return 0, fmt.Errorf("no %d free ports from 18000 to 19000", n)
}

// getToken logs in as the runner's demo user, trusting the local authority.
func (s *scene) getToken(ctx context.Context, f front) (string, error) {
	password, err := os.ReadFile(filepath.Join(s.folder, "retail", "password"))
	if err != nil {
		return "", err
	}
	pem, err := os.ReadFile(f.ca)
	if err != nil {
		return "", err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	client := http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}
	form := url.Values{"username": {"demo"}, "password": {strings.TrimSpace(string(password))}}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, f.url+"/token", strings.NewReader(form.Encode()))
	if err != nil {
		return "", err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := client.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	var answer struct {
		Token string `json:"access_token"`
	}
	if err := json.NewDecoder(io.LimitReader(response.Body, 1<<20)).Decode(&answer); err != nil {
		return "", err
	}
	if answer.Token == "" {
		return "", fmt.Errorf("the answer is %s without a token", response.Status)
	}
	return answer.Token, nil
}
