package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// What only albatross is asked: how it grows with rules, and what it allocates.

func ours(proxies []*proxy) *proxy {
	i := slices.IndexFunc(proxies, func(p *proxy) bool { return p.name == "albatross" })
	if i < 0 {
		return nil
	}
	return proxies[i]
}

// rules compares albatross with itself.
func rules(s *site, proxies []*proxy) *work {
	w := &work{name: "rules", title: "100 rules instead of 1", load: wrk(64, "http"),
		method: "HTTP/1.1 as above, with 99 rules by path before the one that holds; the ratio is to 1 rule."}
	one := ours(proxies)
	if one == nil {
		return w
	}
	many := albatross(100)
	many.connections = ordinaryConnections
	w.entrants = []*entrant{{proxy: one, label: "1 rule"}, {proxy: many, label: "albatross"}}
	w.aims = []aim{{"albatross", "1 rule", 1.03}}
	w.play = func(ctx context.Context, o options, w *work) error {
		if err := many.open(ctx, s); err != nil {
			return fmt.Errorf("starting albatross with 100 rules: %w", err)
		}
		defer many.process.stop()
		w.play = nil
		return w.do(ctx, o)
	}
	return w
}

// allocations counts heap allocations per request, as Go's runtime does.
func allocations(proxies []*proxy) *work {
	w := &work{name: "allocs", title: "Heap allocations of albatross per request", what: "allocations", format: "%.4f",
		method: "go_memstats_mallocs_total before and after, less what as long a time without requests brings."}
	w.figure = func(s sample) float64 { return s.value }
	p := ours(proxies)
	if p == nil {
		return w
	}
	w.entrants = []*entrant{{proxy: p, label: "albatross"}, {proxy: p, label: "HTTPS"}, {proxy: p, label: "HTTP/2"}}
	w.aims = []aim{{"albatross", "", 0.005}}
	loads := []loader{wrk(64, "http"), wrk(64, "https"), h2load(8, 10)}
	w.load = func(ctx context.Context, e *entrant, d time.Duration) (sample, error) {
		idle, err := mallocsDuring(ctx, p, func() error { return sleep(ctx, d) })
		if err != nil {
			return sample{}, err
		}
		var s sample
		busy, err := mallocsDuring(ctx, p, func() (err error) {
			s, err = loads[slices.Index(w.entrants, e)](ctx, e, d)
			return err
		})
		s.value = (busy - idle) / s.done
		return s, err
	}
	return w
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// mallocsDuring is how many heap objects albatross allocates meanwhile. Asking costs the same each time.
func mallocsDuring(ctx context.Context, p *proxy, f func() error) (float64, error) {
	before, err := mallocs(ctx, p)
	if err != nil {
		return 0, err
	}
	if err := f(); err != nil {
		return 0, err
	}
	after, err := mallocs(ctx, p)
	return after - before, err
}

func mallocs(ctx context.Context, p *proxy) (float64, error) {
	text, err := p.ask(ctx, "/metrics")
	if err != nil {
		return 0, err
	}
	_, rest, found := strings.Cut(string(text), "\ngo_memstats_mallocs_total ")
	if !found {
		return 0, fmt.Errorf("no go_memstats_mallocs_total in %s/metrics", p.admin)
	}
	line, _, _ := strings.Cut(rest, "\n")
	return strconv.ParseFloat(line, 64)
}

// ask gets something from the admin API.
func (p *proxy) ask(ctx context.Context, path string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.admin+path, nil)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("asking for %s: %s", path, response.Status)
	}
	return io.ReadAll(response.Body)
}
