package main

import (
	"context"
	"fmt"
	"net/http"
	"os/exec"
	"regexp"
	"strings"
)

// proxy is one load balancer of the comparison.
type proxy struct {
	name    string
	version string
	process *child
	// begin writes the configuration for the two addresses and starts the program.
	begin func(ctx context.Context, s *site, plain, secure string) (*child, error)

	plain, secure string // addresses
}

// open starts the proxy on free ports and makes sure that a request comes through.
func (p *proxy) open(ctx context.Context, s *site) (err error) {
	if p.plain, err = freeAddress(); err != nil {
		return err
	}
	if p.secure, err = freeAddress(); err != nil {
		return err
	}
	if p.process, err = p.begin(ctx, s, p.plain, p.secure); err != nil {
		return err
	}
	if err := p.process.await(ctx, p.plain, p.secure); err != nil {
		return err
	}
	response, err := http.Get(p.url("http"))
	if err != nil {
		return err
	}
	response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("it answers %s\n%s", response.Status, p.process.output)
	}
	return nil
}

func (p *proxy) url(scheme string) string {
	if scheme == "https" {
		return "https://" + p.secure + "/hello?from=bench"
	}
	return "http://" + p.plain + "/hello?from=bench"
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
