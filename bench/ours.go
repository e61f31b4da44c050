package main

import (
	"context"
	"errors"
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
	many := albatross(100)("")
	many.connections = ordinaryConnections
	w.entrants = []*entrant{{proxy: one, label: "1 rule"}, {proxy: many, label: "albatross"}}
	w.aims = []aim{{"albatross", "1 rule", 1.03}}
	w.play = func(ctx context.Context, o options, w *work) error {
		if err := many.open(ctx, s); err != nil {
			return fmt.Errorf("starting albatross with 100 rules: %w", err)
		}
		w.play = nil
		return w.do(ctx, o)
	}
	return w
}

// allocations counts heap allocations per request, as Go's runtime does.
func allocations(proxies []*proxy) *work {
	w := &work{name: "allocs", title: "Heap allocations of albatross per request", what: "allocations", format: "%.3f",
		method: "Growth of go_memstats_mallocs_total in the midst of a load, less what as long a time without requests brings, by the growth of albatross's " +
			"count of requests. Asking allocates some thousand objects, not always as many: a few hundredths are none."}
	w.figure = func(s sample) float64 { return s.value }
	p := ours(proxies)
	if p == nil {
		return w
	}
	w.entrants = []*entrant{{proxy: p, label: "albatross"}, {proxy: p, label: "HTTPS"}, {proxy: p, label: "HTTP/2"}}
	w.aims = []aim{{"albatross", "", 0.05}}
	loads := []loader{wrk(64, "http"), wrk(64, "https"), h2load(8, 10)}
	w.load = func(ctx context.Context, e *entrant, d time.Duration) (sample, error) {
		return allocationsUnder(ctx, e, loads[slices.Index(w.entrants, e)], d)
	}
	return w
}

// allocationsUnder loads for a second more on either side of what it looks at, so that
// connections are neither made nor ended meanwhile.
func allocationsUnder(ctx context.Context, e *entrant, load loader, d time.Duration) (s sample, err error) {
	idle, err := countsDuring(ctx, e.proxy, d)
	if err != nil {
		return s, err
	}
	ended := make(chan error, 1)
	go func() {
		_, err := load(ctx, e, d+2*time.Second)
		ended <- err
	}()
	if err := sleep(ctx, time.Second); err != nil {
		return s, err
	}
	busy, err := countsDuring(ctx, e.proxy, d)
	if err := errors.Join(err, <-ended); err != nil {
		return s, err
	}
	s.done = busy.requests - idle.requests
	s.rate, s.value = s.done/d.Seconds(), (busy.allocations-idle.allocations)/s.done
	return s, nil
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// counts are those of albatross's own metrics.
type counts struct{ allocations, requests float64 }

// countsDuring is how much they grow meanwhile. Asking costs the same each time.
func countsDuring(ctx context.Context, p *proxy, d time.Duration) (grown counts, err error) {
	before, err := p.counts(ctx)
	if err != nil {
		return grown, err
	}
	if err := sleep(ctx, d); err != nil {
		return grown, err
	}
	after, err := p.counts(ctx)
	return counts{after.allocations - before.allocations, after.requests - before.requests}, err
}

func (p *proxy) counts(ctx context.Context) (c counts, err error) {
	text, err := p.ask(ctx, "/metrics")
	if err != nil {
		return c, err
	}
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		name, _, _ = strings.Cut(name, "{")
		into := map[string]*float64{"go_memstats_mallocs_total": &c.allocations, "albatross_received_requests_total": &c.requests}[name]
		if into == nil {
			continue
		}
		n, err := strconv.ParseFloat(value, 64)
		if err != nil {
			return c, fmt.Errorf("reading %s: %w", name, err)
		}
		*into += n
	}
	return c, nil
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
