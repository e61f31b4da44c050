package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// proxy is one load balancer of the comparison.
type proxy struct {
	name    string
	version string
	process *child
	// begin writes the configuration for what is below and starts the program.
	begin func(ctx context.Context, s *site, p *proxy) (*child, error)

	connections   int    // from clients, at most
	plain, secure string // addresses
	admin         string // address of albatross's admin API, "" for the others
}

// fleet makes the proxies that are named: nginx, haproxy, reverseproxy and albatross, and one
// for each NAME=PROGRAM, which is called by both.
func fleet(names, newer string) ([]*proxy, error) {
	makers := map[string]func(program string) *proxy{
		"nginx": nginx, "haproxy": haproxy, "albatross": albatross(1),
		"reverseproxy": func(string) *proxy { return reverseProxy() },
	}
	var proxies []*proxy
	for item := range strings.SplitSeq(names+","+newer, ",") {
		if item == "" {
			continue
		}
		name, program, other := strings.Cut(item, "=")
		make := makers[name]
		if make == nil {
			return nil, fmt.Errorf("unknown proxy %q: there are nginx, haproxy, reverseproxy and albatross", name)
		}
		p := make(program)
		if base := filepath.Base(program); other && strings.HasPrefix(base, name) && base != name {
			p.name = base
		} else if other {
			p.name += "-" + base
		}
		p.connections = ordinaryConnections
		proxies = append(proxies, p)
	}
	return proxies, nil
}

const ordinaryConnections = 8192

// open starts the proxy on free ports and makes sure that a request comes through by either.
func (p *proxy) open(ctx context.Context, s *site) (err error) {
	if p.plain, err = freeAddress(); err != nil {
		return err
	}
	if p.secure, err = freeAddress(); err != nil {
		return err
	}
	if p.process, err = p.begin(ctx, s, p); err != nil {
		return err
	}
	if err := p.process.await(ctx, p.plain, p.secure); err != nil {
		return err
	}
	for _, scheme := range []string{"http", "https"} {
		if err := p.answers(ctx, scheme); err != nil {
			return fmt.Errorf("by %s: %w\n%s", scheme, err, p.process.output)
		}
	}
	return nil
}

func (p *proxy) answers(ctx context.Context, scheme string) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	// The certificate is the comparison's own.
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, p.url(scheme), nil)
	if err != nil {
		return err
	}
	response, err := transport.RoundTrip(request)
	if err != nil {
		return err
	}
	response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("it answers %s", response.Status)
	}
	return nil
}

// resource is what all requests for the small answer name.
const resource = "/hello?from=bench"

func (p *proxy) url(scheme string) string { return scheme + "://" + p.address(scheme) + resource }

func (p *proxy) address(scheme string) string {
	if scheme == "https" {
		return p.secure
	}
	return p.plain
}

var versionNumber = regexp.MustCompile(`\d+\.\d+[^\s,]*`) // 1.22.1, 2.6.12-1+deb12u4

// versionOf finds the version number in what a command prints.
func versionOf(command string, args ...string) string {
	out, _ := exec.Command(command, args...).CombinedOutput()
	return versionNumber.FindString(string(out))
}

// serverLines gives one line for each target.
func serverLines(targets []string, line func(i int, address string) string) string {
	var b strings.Builder
	for i, t := range targets {
		b.WriteString(line(i+1, t) + "\n")
	}
	return b.String()
}
