// Command load uses the example as its users would, with the tools they use (curl,
// ab, wrk, artillery), and fails when a single request fails.
//
// It does so twice. First the short way: the Service-only manifests, plain HTTP, replicas that
// want no token. Then `make run`'s manifests: HTTPS, with the local authority trusted
// and not switched off, and a token for every prediction. Each time it starts the
// example's own runner on free ports and ends it afterwards; what it counts comes from
// each tool's own report, so that nobody can be more lenient here than the tool is.
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
	"syscall"
)

type options struct {
	runner, albatross, api string // binaries
	service, ingress       string // folders of manifests
	file                   string // artillery's test
	speed                  int    // its phases take 1/speed of their time
	seconds                int    // of each wrk run
}

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
	flag.Parse()
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
	failed := 0
	fmt.Println("| where | what | requests | failed | requests/s |\n|---|---|---|---|---|")
	for _, r := range all {
		fmt.Printf("| %s | %s | %d | %d | %.0f |\n", r.scene, r.what, r.requests, r.failed, r.rate)
		failed += r.failed
	}
	if failed > 0 {
		return errors.New("requests failed")
	}
	return nil
}
