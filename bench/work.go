package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/albatross-lb/albatross/bench/client"
)

// work is one row of the comparison: something each entrant does in every round.
type work struct {
	name, title string
	method      string // how it is measured, for the table's foot
	what        string // the figure, as the head of its column
	format      string // of the figure
	figure      func(sample) float64
	per         string // what rate counts
	entrants    []*entrant
	aims        []aim
	load        loader
	// play replaces rounds of load where the work has an order of its own.
	play func(ctx context.Context, o options, w *work) error

	samples map[*entrant][]sample
}

// aim is what the figure of one entrant is to be at most, as a part of another's; or, with no
// other, as it is.
type aim struct {
	of, versus string
	most       float64
}

// entrant is a proxy doing a work, perhaps in one of several ways.
type entrant struct {
	*proxy
	label string
	path  string // of the request; "" for that of the small answer
}

func (e *entrant) url(scheme string) string {
	return scheme + "://" + e.address(scheme) + cmp.Or(e.path, resource)
}

func entrants(proxies []*proxy, without ...string) (list []*entrant) {
	for _, p := range proxies {
		if !slices.Contains(without, p.name) {
			list = append(list, &entrant{proxy: p, label: p.name})
		}
	}
	return list
}

// The works in the order in which they are done; "" and 0 stand for what most have in common.
func works(s *site, proxies []*proxy) []*work {
	few := entrants(proxies, "reverseproxy")
	list := []*work{
		{name: "http", title: "HTTP/1.1, 64 connections", load: wrk(64, "http"), entrants: ways(entrants(proxies), resource, "access log packed", "/packed"+resource), aims: []aim{{"albatross", "nginx", 0.95}, {"albatross", "haproxy", 0.85}},
			method: "wrk, one thread."},
		{name: "conns1000", title: "HTTP/1.1, 1,000 connections", load: wrk(1000, "http"), entrants: few, aims: []aim{{"albatross", "nginx", 1}, {"albatross", "haproxy", 0.9}},
			method: "wrk, one thread."},
		{name: "https", title: "HTTPS, 64 connections kept alive", load: wrk(64, "https"), entrants: entrants(proxies), aims: []aim{{"albatross", "nginx", 0.9}},
			method: "wrk, one thread; handshakes are part of it, 64 in all."},
		{name: "tlsnew", title: "A new HTTPS connection for each request", load: ab(64, "https"), entrants: few, aims: []aim{{"albatross", "nginx", 1.1}},
			method: "ab, 64 connections at a time, TLS 1.3, ECDSA P-256, X25519; it offers no session to resume, and asks by HTTP/1.0, so that the proxy closes."},
		{name: "h2", title: "HTTP/2 over TLS, 8 connections of 10 streams", load: h2load(8, 10), entrants: entrants(proxies), aims: []aim{{"albatross", "nginx", 1.2}, {"albatross", "haproxy", 1.1}},
			method: "h2load, one thread; HTTP/1.1 to the targets."},
		{name: "body-down", title: "1 MiB from the target", what: "CPU per MiB", per: "MiB", load: bodies(client.Download), entrants: ways(few, "/mib", "proxy_buffering off", "/stream/mib"),
			aims: []aim{{"albatross", "nginx", 1}}, method: "64 connections, one download after the other on each."},
		{name: "body-up", title: "1 MiB to the target", what: "CPU per MiB", per: "MiB", load: bodies(client.Upload), entrants: ways(few, "/mib", "proxy_request_buffering off", "/stream/mib"),
			aims: []aim{{"albatross", "nginx, proxy_request_buffering off", 1}}, method: "64 connections, one upload after the other on each."},
		latency(few),
		rules(s, proxies),
		idle(s, proxies),
		allocations(proxies),
	}
	for _, w := range list {
		w.samples = map[*entrant][]sample{}
		if w.what == "" {
			w.what = "CPU per request"
		}
		if w.per == "" {
			w.per = "requests"
		}
		if w.figure == nil {
			w.figure, w.format = cpu, "%.1f us"
		}
	}
	return list
}

// chosen are the works that are named, and done in their own order.
func chosen(all []*work, names string) ([]*work, error) {
	wanted := strings.Split(names, ",")
	for _, name := range wanted {
		if !slices.ContainsFunc(all, func(w *work) bool { return w.name == name }) {
			return nil, fmt.Errorf("unknown work %q", name)
		}
	}
	return slices.DeleteFunc(all, func(w *work) bool { return !slices.Contains(wanted, w.name) || len(w.entrants) == 0 }), nil
}

// do goes through the rounds, each beginning with another entrant.
func (w *work) do(ctx context.Context, o options) error {
	if w.play != nil {
		return w.play(ctx, o, w)
	}
	load := timed(w.load)
	for _, e := range w.entrants {
		if _, err := load(ctx, e, o.warmup); err != nil {
			return err
		}
	}
	for round := range o.rounds {
		for i := range w.entrants {
			e := w.entrants[(i+round)%len(w.entrants)]
			s, err := load(ctx, e, o.duration)
			if err != nil {
				return err
			}
			w.add(e, s)
		}
	}
	return nil
}

func (w *work) add(e *entrant, s sample) {
	w.samples[e] = append(w.samples[e], s)
	fmt.Fprintf(os.Stderr, "%-9s round %d %-36s "+w.format+" %9.0f %s/s p50 %v p99 %v\n", w.name, len(w.samples[e]), e.label, w.figure(s), s.rate, w.per, s.p50, s.p99)
}

// ways are the entrants of a work for which nginx is set up in two ways, told apart by the path.
func ways(list []*entrant, path, other, otherPath string) (all []*entrant) {
	for _, e := range list {
		all = append(all, &entrant{proxy: e.proxy, label: e.label, path: path})
		if strings.HasPrefix(e.name, "nginx") {
			all = append(all, &entrant{proxy: e.proxy, label: e.label + ", " + other, path: otherPath})
		}
	}
	return all
}

func bodies(request func(address, path string) []byte) loader {
	return func(ctx context.Context, e *entrant, d time.Duration) (sample, error) {
		start := time.Now()
		done, err := client.Repeat(ctx, e.plain, request(e.plain, e.path), 64, d)
		return sample{done: float64(done), rate: float64(done) / time.Since(start).Seconds()}, err
	}
}
