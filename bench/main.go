// Command bench compares load balancers doing the same work on this machine: nginx
// and HAProxy as Debian ships them, Go's httputil.ReverseProxy, and albatross.
//
// The work: three targets that answer 85 bytes at next to no cost, 64 kept-alive
// connections of one wrk thread, round robin, kept-alive connections to the
// targets, X-Forwarded-For, -Proto and -Port, an access log with what an ALB logs,
// two workers or threads; the same again over HTTPS (one ECDSA P-256 certificate,
// TLS 1.3 with AES-128-GCM everywhere, handshakes done once). Nothing is pinned:
// wrk, targets and the proxy share the cores, as they would in a small machine.
//
// What counts most is CPU time per request: user and system time of the proxy's
// processes from /proc/<pid>/stat over the run, divided by wrk's count of requests.
// Unlike requests per second it does not move with what wrk and the targets
// leave over. The proxies all run from the beginning, and rounds are interleaved,
// each starting with another proxy, so that a slow minute of the machine hits
// everybody; the median of the rounds counts. Everything is on loopback
// and is ended, by its process id, at the end.
//
// It needs Linux, wrk, and for each proxy its program; `make bench` sees to them.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"
)

type options struct {
	rounds      int
	duration    time.Duration
	warmup      time.Duration
	connections int
	only        string
	schemes     string
	albatross   string
	write       string
}

func main() {
	var o options
	flag.IntVar(&o.rounds, "rounds", 5, "`number` of interleaved rounds")
	flag.DurationVar(&o.duration, "duration", 5*time.Second, "how long one proxy is loaded in one round")
	flag.DurationVar(&o.warmup, "warmup", time.Second, "load before the first round, not measured")
	flag.IntVar(&o.connections, "connections", 64, "`number` of kept-alive client connections")
	flag.StringVar(&o.only, "only", "nginx,haproxy,reverseproxy,albatross", "`proxies` to compare")
	flag.StringVar(&o.schemes, "schemes", "http,https", "`schemes` to compare")
	flag.StringVar(&o.albatross, "albatross", "", "albatross `binary` (default: build it)")
	flag.StringVar(&o.write, "write", "", "`file` whose table, between its two marker lines, is replaced")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) error {
	if runtime.GOOS != "linux" {
		return errors.New("CPU time per process is read from /proc, which only Linux has")
	}
	if _, err := exec.LookPath("wrk"); err != nil {
		return fmt.Errorf("looking for the load generator: %w", err)
	}
	proxies, err := choose(o.only)
	if err != nil {
		return err
	}
	folder, err := os.MkdirTemp("", "bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	site := &site{folder: folder, albatross: o.albatross}
	defer site.stop()
	if err := site.open(ctx); err != nil {
		return err
	}
	for _, p := range proxies {
		fmt.Fprintf(os.Stderr, "starting %s\n", p.name)
		if err := p.open(ctx, site); err != nil {
			return fmt.Errorf("starting %s: %w", p.name, err)
		}
	}
	results, err := measureAll(ctx, o, proxies)
	if err != nil {
		return err
	}
	text := report(o, proxies, results)
	fmt.Print(text)
	if o.write != "" {
		return replaceTable(o.write, text)
	}
	return nil
}

func choose(only string) ([]*proxy, error) {
	all := []*proxy{nginx(), haproxy(), reverseProxy(), albatross()}
	var chosen []*proxy
	for _, name := range strings.Split(only, ",") {
		i := slices.IndexFunc(all, func(p *proxy) bool { return p.name == name })
		if i < 0 {
			return nil, fmt.Errorf("unknown proxy %q: there are nginx, haproxy, reverseproxy and albatross", name)
		}
		chosen = append(chosen, all[i])
	}
	return chosen, nil
}

// measureAll loads each proxy by each scheme once a round. results are by scheme, then proxy, then round.
func measureAll(ctx context.Context, o options, proxies []*proxy) (map[string]map[string][]sample, error) {
	results := map[string]map[string][]sample{}
	for _, scheme := range strings.Split(o.schemes, ",") {
		results[scheme] = map[string][]sample{}
		for _, p := range proxies {
			if _, err := load(ctx, p, scheme, o.connections, o.warmup); err != nil {
				return nil, err
			}
		}
		for round := range o.rounds {
			for i := range proxies {
				p := proxies[(i+round)%len(proxies)]
				s, err := load(ctx, p, scheme, o.connections, o.duration)
				if err != nil {
					return nil, err
				}
				results[scheme][p.name] = append(results[scheme][p.name], s)
				fmt.Fprintf(os.Stderr, "round %d %-5s %-12s %5.1f us/request %7.0f requests/s p50 %v p99 %v\n",
					round+1, scheme, p.name, s.cpu(), s.rate, s.p50, s.p99)
			}
		}
	}
	return results, nil
}

// site is what all proxies share: a folder, the targets, a certificate.
type site struct {
	folder    string
	targets   []string // addresses
	cert, key string   // PEM files
	albatross string   // binary, "" to build it
	children  []*child
}

func (s *site) path(name string) string { return filepath.Join(s.folder, name) }

func (s *site) open(ctx context.Context) error {
	var err error
	if s.cert, s.key, err = makeCertificate(s.folder); err != nil {
		return fmt.Errorf("making a certificate: %w", err)
	}
	for range 3 {
		address, err := freeAddress()
		if err != nil {
			return err
		}
		s.targets = append(s.targets, address)
	}
	binary, err := s.build(ctx, "./bench/target")
	if err != nil {
		return err
	}
	if _, err = s.start(binary, s.targets...); err != nil {
		return err
	}
	for _, address := range s.targets {
		if err := awaitListener(ctx, address); err != nil {
			return fmt.Errorf("starting the targets: %w", err)
		}
	}
	return nil
}

// build compiles a program of this module into the folder.
func (s *site) build(ctx context.Context, program string) (string, error) {
	binary := s.path(filepath.Base(program) + ".exe")
	command := exec.CommandContext(ctx, "go", "build", "-o", binary, program)
	if out, err := command.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building %s: %w\n%s", program, err, out)
	}
	return binary, nil
}

func (s *site) stop() {
	for _, c := range slices.Backward(s.children) {
		c.stop()
	}
}
