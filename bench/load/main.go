// Command load uses the example as its users would, with the tools they use (curl,
// ab, wrk, artillery), and fails when a single request fails.
//
// It does so twice. First the short way: the Service-only manifests, plain HTTP, replicas that
// want no token. Then `make run`'s manifests: HTTPS, with the local authority trusted
// and not switched off, and a token for every prediction. Each time it starts the
// example's own runner on free ports and ends it afterwards; what it counts comes from
// each tool's own report, so that nobody can be more lenient here than the tool is.
//
// With --through albatross,nginx every tool runs a second time through nginx, which stands before the same replicas and
// takes turns with albatross; --write bench/README.md puts the table there.
//
// Artillery takes its test from artillery.yml beside this file, or from the file named
// by --artillery-file (a target http://$EXTERNAL_IP in it is replaced). Its phases take
// four minutes each time; --speed 10 makes them ten times shorter.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"
)

type options struct {
	runner, albatross, api string // binaries
	service, ingress       string // folders of manifests
	file                   string // artillery's test
	speed                  int    // its phases take 1/speed of their time
	seconds                int    // of each wrk run
	rounds                 int    // of ab and wrk
	through                string // fronts
	write                  string // document
}

func (o options) albatrossToo() bool {
	return slices.Contains(strings.Split(o.through, ","), "albatross")
}
func (o options) nginxToo() bool { return slices.Contains(strings.Split(o.through, ","), "nginx") }

func main() {
	var o options
	flag.StringVar(&o.runner, "run", "bin/retail-run", "the example's runner")
	flag.StringVar(&o.albatross, "albatross", "bin/albatross", "the load balancer's `binary`")
	flag.StringVar(&o.api, "retail-api", "bin/retail-api", "the API's `binary`")
	flag.StringVar(&o.service, "service", "deploy/examples/retail-service", "`folder` of the manifests served without tokens, by HTTP")
	flag.StringVar(&o.ingress, "ingress", "deploy/examples/retail", "`folder` of the manifests served with tokens, by HTTPS")
	flag.StringVar(&o.file, "artillery-file", "bench/load/artillery.yml", "artillery's test; \"\" leaves artillery out")
	flag.IntVar(&o.speed, "speed", 1, "how much faster artillery's phases pass")
	flag.IntVar(&o.seconds, "seconds", 5, "how long wrk runs each time")
	flag.IntVar(&o.rounds, "rounds", 1, "how often ab and wrk run; the table has their medians")
	flag.StringVar(&o.through, "through", "albatross", "`load balancers` to go through: albatross, nginx, or both with a comma")
	flag.StringVar(&o.write, "write", "", "`file` whose load table, between its two marker lines, is replaced")
	flag.Parse()
	if !o.albatrossToo() && !o.nginxToo() {
		fmt.Fprintf(os.Stderr, "load: --through is %q: write albatross, nginx or albatross,nginx\n", o.through)
		os.Exit(2)
	}
	o.rounds, o.speed = max(o.rounds, 1), max(o.speed, 1)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "load:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) error {
	folder, err := os.MkdirTemp("", "load")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	var all []result
	for _, s := range []scene{
		{name: "Service, HTTP, no token", manifests: o.service, auth: "off"},
		{name: "Ingress, HTTPS, token", manifests: o.ingress, auth: "on"},
	} {
		s.folder = filepath.Join(folder, s.auth)
		results, err := s.play(ctx, o)
		if err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		all = append(all, results...)
	}
	text, failed := table(all)
	fmt.Print(text)
	if failed > 0 {
		return errors.New("requests failed")
	}
	if o.write == "" {
		return nil
	}
	return replace(o.write, fmt.Sprintf("%d cores, %s; ab and wrk (%d s): median of %d rounds; artillery's phases at %d times their pace.\n\n%s",
		runtime.NumCPU(), time.Now().UTC().Format("2 January 2006"), o.seconds, o.rounds, o.speed, text))
}

// table is the results as Markdown.
func table(all []result) (text string, failed int) {
	var b strings.Builder
	b.WriteString("| where | what | through | requests | failed | requests/s | 99% within |\n|---|---|---|---|---|---|---|\n")
	for _, r := range all {
		rate, p99 := "", ""
		if r.rate > 0 {
			rate = fmt.Sprintf("%.0f", r.rate)
		}
		if r.p99 > 0 {
			p99 = fmt.Sprintf("%.3g ms", r.p99)
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %d | %d | %s | %s |\n", r.scene, r.what, r.through, r.requests, r.failed, rate, p99)
		failed += r.failed
	}
	return b.String(), failed
}

// The lines between which a document holds the table.
const (
	tableStart = "<!-- load: start -->\n"
	tableEnd   = "<!-- load: end -->\n"
)

// replace puts text between the marker lines of a document.
func replace(path, text string) error {
	old, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	before, rest, found := strings.Cut(string(old), tableStart)
	_, after, closed := strings.Cut(rest, tableEnd)
	if !found || !closed {
		return fmt.Errorf("%s has no lines %q and %q", path, tableStart, tableEnd)
	}
	return os.WriteFile(path, []byte(before+tableStart+"\n"+text+"\n"+tableEnd+after), 0o644)
}
