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
	"runtime"
	"syscall"
	"time"
)

type options struct {
	rounds    int
	duration  time.Duration
	warmup    time.Duration
	work      string
	only      string
	newer     string
	albatross string
	profile   string
	write     string
}

func main() {
	var o options
	flag.IntVar(&o.rounds, "rounds", 5, "`number` of interleaved rounds")
	flag.DurationVar(&o.duration, "duration", 5*time.Second, "how long one proxy is loaded in one round")
	flag.DurationVar(&o.warmup, "warmup", time.Second, "load before the first round, not measured")
	flag.StringVar(&o.work, "work", "http,conns1000,https,tlsnew,h2,body-down,body-up,latency,rules,idle,allocs,layer4", "`works` to compare; layer4 is layer4-down, layer4-up, layer4-connections and layer4-questions")
	flag.StringVar(&o.only, "only", "nginx,haproxy,reverseproxy,albatross", "`proxies` to compare")
	flag.StringVar(&o.newer, "newer", "", "other `builds` to compare as well, such as nginx=PROGRAM,haproxy=PROGRAM,albatross=PROGRAM")
	flag.StringVar(&o.albatross, "albatross", "", "albatross `binary` (default: build it)")
	flag.StringVar(&o.profile, "profile", "", "`folder` for profiles, taken in one more round after those that count")
	flag.StringVar(&o.write, "write", "", "`file` whose tables, between its two marker lines, are replaced")
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
	others, flows := withoutLayer4(o.work)
	o.work = others
	for _, program := range []string{"wrk", "ab", "h2load"} {
		if _, err := exec.LookPath(program); err != nil {
			return fmt.Errorf("looking for the load generators: %w", err)
		}
	}
	proxies, err := fleet(o.only, o.newer)
	if err != nil {
		return err
	}
	site, err := newSite(ctx, o.albatross)
	if err != nil {
		return err
	}
	defer site.close()
	if o.work == "" {
		text, err := layer4(ctx, site, flows, o)
		fmt.Print(text)
		return err
	}
	list, err := chosen(works(site, proxies), o.work)
	if err != nil {
		return err
	}
	for _, p := range proxies {
		fmt.Fprintf(os.Stderr, "starting %s\n", p.name)
		if err := p.open(ctx, site); err != nil {
			return fmt.Errorf("starting %s: %w", p.name, err)
		}
	}
	for _, w := range list {
		if err := w.do(ctx, o); err != nil {
			return fmt.Errorf("%s: %w", w.name, err)
		}
		if o.profile == "" {
			continue
		}
		if err := w.profile(ctx, o.profile, o.duration); err != nil {
			return err
		}
	}
	text := report(o, list)
	if len(flows) > 0 {
		more, err := layer4(ctx, site, flows, o)
		if err != nil {
			return fmt.Errorf("layer4: %w", err)
		}
		text += "\n" + more
	}
	fmt.Print(text)
	if o.write != "" {
		return replaceTable(o.write, text)
	}
	return nil
}
