package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// patience is how long everything may take to answer for the first time.
const patience = 30 * time.Second

// endpoints is where the example is to be had.
type endpoints struct {
	plain  string // http://localhost:8080
	secure string // https://localhost:8443; "" where the manifests have no HTTPS listener
	ca     string // file of the certificate authority that signed for secure
}

// waitReady polls each replica and then the load balancer, until all answer and have said
// that they do, or one of them has ended.
func waitReady(ctx context.Context, o options, g *group) (endpoints, error) {
	where, err := waitAnswers(ctx, o, g)
	for _, p := range g.processes {
		if err != nil {
			break
		}
		err = g.awaitBegun(ctx, p)
	}
	return where, err
}

// awaitBegun waits for the line that ends a process's start: behind it come only lines
// about what happens later.
func (g *group) awaitBegun(ctx context.Context, p *process) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	select {
	case <-p.begun:
		return nil
	case e := <-g.ended:
		return endedEarly(e)
	case <-ctx.Done():
		return fmt.Errorf("waiting %s for %s to say %q: %w", patience, p.name, p.ready, ctx.Err())
	}
}

func endedEarly(p *process) error {
	return fmt.Errorf("%s ended before all was ready: %s", p.name, p.verdict())
}

func waitAnswers(ctx context.Context, o options, g *group) (endpoints, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	where := endpoints{plain: fmt.Sprintf("http://localhost:%d", o.http), ca: filepath.Join(o.state, "ca", "ca.pem")}
	for i := range replicas {
		url := fmt.Sprintf("http://127.0.0.1:%d/readyz", o.base+i)
		if _, err := g.poll(ctx, url, "", http.StatusOK); err != nil {
			return where, err
		}
	}
	// The HTTP listener serves, or sends everything to the HTTPS one.
	code, err := g.poll(ctx, where.plain+"/health", "", http.StatusOK, http.StatusMovedPermanently)
	if err != nil || code == http.StatusOK {
		return where, err
	}
	where.secure = fmt.Sprintf("https://localhost:%d", o.https)
	_, err = g.poll(ctx, where.secure+"/health", where.ca, http.StatusOK)
	return where, err
}

// poll asks for a URL until one of the codes comes back, which it returns.
func (g *group) poll(ctx context.Context, url, ca string, want ...int) (int, error) {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		code, err := ask(ctx, url, ca)
		for _, w := range want {
			if code == w {
				return code, nil
			}
		}
		if err == nil {
			err = fmt.Errorf("answered %d", code)
		}
		select {
		case p := <-g.ended:
			return 0, endedEarly(p)
		case <-ctx.Done():
			return 0, fmt.Errorf("waiting %s for %s: %w", patience, url, err)
		case <-tick.C:
		}
	}
}

// ask makes one request, follows no redirect and gives the status code.
func ask(ctx context.Context, url, ca string) (int, error) {
	transport := &http.Transport{DisableKeepAlives: true}
	if ca != "" {
		pem, err := os.ReadFile(ca)
		if err != nil {
			return 0, err
		}
		roots := x509.NewCertPool()
		roots.AppendCertsFromPEM(pem)
		transport.TLSClientConfig = &tls.Config{RootCAs: roots}
	}
	client := http.Client{Transport: transport, Timeout: 5 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, err
	}
	response, err := client.Do(request)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	_, err = io.Copy(io.Discard, io.LimitReader(response.Body, 1<<20))
	return response.StatusCode, err
}

// prediction is the request of the example.
const prediction = `{"features": {"store_id": 1, "product_id": 123, "date": "2024-01-01", "price": 29.99, "promotion": 0}}`

// welcome says where everything is and what to try.
func welcome(o options, where endpoints, s secrets) string {
	var b strings.Builder
	url, curl := where.plain, "curl"
	fmt.Fprintf(&b, "\nThree replicas behind one load balancer, configured by %s\n\n", s.manifests)
	fmt.Fprintf(&b, "  http    %s\n", where.plain)
	if where.secure != "" {
		url, curl = where.secure, "curl --cacert "+where.ca
		fmt.Fprintf(&b, "  https   %s\n  CA file %s\n", where.secure, where.ca)
	}
	fmt.Fprintf(&b, "  docs    %s/docs\n  admin   http://127.0.0.1:%d/\n  log     %s\n\nTry:\n\n", url, o.admin, s.log)
	fmt.Fprintf(&b, "  %s %s/health\n", curl, url)
	bearer := ""
	if o.auth == "on" {
		bearer = ` -H "Authorization: Bearer $TOKEN"`
		fmt.Fprintf(&b, "  TOKEN=$(%s -s -d 'username=%s' -d 'password=%s' %s/token | sed 's/.*\"access_token\": *\"\\([^\"]*\\)\".*/\\1/')\n",
			curl, user, s.password, url)
	}
	fmt.Fprintf(&b, "  %s%s -H 'Content-Type: application/json' -d '%s' %s/predict\n", curl, bearer, prediction, url)
	b.WriteString("\nCtrl-C ends all of it.\n\n")
	return b.String()
}
