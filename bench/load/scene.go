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

	url   string // what the tools use
	ca    string // file; "" for plain HTTP
	token string // "" where none is needed
}

// play starts the example, runs every tool against it, and ends it.
func (s *scene) play(ctx context.Context, o options) ([]result, error) {
	fmt.Fprintln(os.Stderr, "starting:", s.name)
	stop, err := s.start(ctx, o)
	if err != nil {
		return nil, err
	}
	defer stop()
	if s.auth == "on" {
		if s.token, err = s.getToken(ctx); err != nil {
			return nil, fmt.Errorf("getting a token: %w", err)
		}
	}
	var results []result
	for _, t := range tools(s, o) {
		fmt.Fprintln(os.Stderr, "  ", t.what)
		r, err := t.run(ctx, s)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", t.what, err)
		}
		r.scene, r.what = s.name, t.what
		results = append(results, r)
	}
	return results, nil
}

// start runs the example's runner until it says that all is ready.
func (s *scene) start(ctx context.Context, o options) (stop func(), err error) {
	base, err := freePorts(6)
	if err != nil {
		return nil, err
	}
	flags := []string{"--albatross", o.albatross, "--retail-api", o.api, "--manifests", s.manifests, "--auth", s.auth, "--state", s.folder, "--bind", "127.0.0.1"}
	for i, name := range []string{"--http", "--https", "--admin", "--api"} {
		flags = append(flags, name, strconv.Itoa(base+i))
	}
	s.url = fmt.Sprintf("http://localhost:%d", base)
	if s.auth == "on" {
		s.url, s.ca = fmt.Sprintf("https://localhost:%d", base+1), filepath.Join(s.folder, "ca", "ca.pem")
	}
	command := exec.CommandContext(ctx, o.runner, flags...)
	command.Cancel = func() error { return command.Process.Signal(syscall.SIGTERM) }
	command.Stderr = os.Stderr
	out, err := command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := command.Start(); err != nil {
		return nil, err
	}
	stop = func() {
		command.Process.Signal(syscall.SIGTERM)
		command.Wait()
	}
	seen, err := readUntil(out, "Ctrl-C ends all of it.")
	if err != nil {
		stop()
		return nil, fmt.Errorf("starting the example: %w\n%s", err, seen)
	}
	go io.Copy(io.Discard, out)
	return stop, nil
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
func freePorts(n int) (int, error) {
search:
	for base := 18000; base < 19000; base += n {
		for port := base; port < base+n; port++ {
			l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
			if err != nil {
				continue search
			}
			l.Close()
		}
		return base, nil
	}
	return 0, fmt.Errorf("no %d free ports from 18000 to 19000", n)
}

// getToken logs in as the runner's demo user, trusting the local authority.
func (s *scene) getToken(ctx context.Context) (string, error) {
	password, err := os.ReadFile(filepath.Join(s.folder, "retail", "password"))
	if err != nil {
		return "", err
	}
	pem, err := os.ReadFile(s.ca)
	if err != nil {
		return "", err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	client := http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}
	form := url.Values{"username": {"demo"}, "password": {strings.TrimSpace(string(password))}}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url+"/token", strings.NewReader(form.Encode()))
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
