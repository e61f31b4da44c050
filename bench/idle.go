package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/albatross-lb/albatross/bench/client"
)

// How many connections rest, and when their memory is read.
const (
	resting = 20_000
	settle  = 5 * time.Second
	minute  = time.Minute
)

// idle compares the memory of connections at rest, in proxies started for it: one that has
// worked before has memory to spare.
func idle(s *site, proxies []*proxy) *work {
	w := &work{name: "idle", title: "Memory of an idle connection, 20,000 of them", what: "memory each", format: "%.2f KiB",
		aims: []aim{{"albatross, HTTP", "", 6}, {"albatross, HTTPS", "", 8}}, method: fmt.Sprintf("Growth of VmRSS from before the first to %v after the last, "+
			"each with one request answered; and a minute later. Memory in the kernel is not in it.", settle)}
	w.figure = func(s sample) float64 { return s.value }
	for _, p := range proxies {
		for _, scheme := range []string{"HTTP", "HTTPS"} {
			w.entrants = append(w.entrants, &entrant{proxy: p, label: p.name + ", " + scheme})
		}
	}
	w.play = func(ctx context.Context, _ options, w *work) error {
		for _, scheme := range []string{"HTTP", "HTTPS"} {
			if err := rest(ctx, s, w, scheme); err != nil {
				return err
			}
		}
		return nil
	}
	return w
}

// rester is a proxy with its connections at rest.
type rester struct {
	*entrant
	fresh  *proxy
	held   *client.Idle
	before int64
	begun  time.Time
	sample sample
}

// rest goes through the proxies one by one and then, when its minute is over, to each again.
func rest(ctx context.Context, s *site, w *work, scheme string) error {
	var all []*rester
	defer func() {
		for _, r := range all {
			r.end()
		}
	}()
	for _, e := range w.entrants {
		if !strings.HasSuffix(e.label, ", "+scheme) {
			continue
		}
		r := &rester{entrant: e}
		all = append(all, r)
		if err := r.begin(ctx, s, strings.ToLower(scheme)); err != nil {
			return fmt.Errorf("%s: %w", e.label, err)
		}
	}
	for _, r := range all {
		if err := sleep(ctx, time.Until(r.begun.Add(settle+minute))); err != nil {
			return err
		}
		var err error
		if r.sample.later, err = r.each(); err != nil {
			return err
		}
		w.add(r.entrant, r.sample)
		fmt.Fprintf(os.Stderr, "  a minute later "+w.format+"\n", r.sample.later)
	}
	return nil
}

func (r *rester) begin(ctx context.Context, s *site, scheme string) (err error) {
	fresh := *r.proxy
	fresh.connections, r.fresh = resting+2000, &fresh
	if err := fresh.open(ctx, s); err != nil {
		return fmt.Errorf("starting it: %w", err)
	}
	request := fmt.Appendf(nil, "GET %s HTTP/1.1\r\nHost: %s\r\n\r\n", resource, fresh.address(scheme))
	// What the first few hundred bring up is not a connection's.
	first, err := client.Rest(ctx, fresh.address(scheme), scheme == "https", request, 256)
	if err != nil {
		return err
	}
	first.Close()
	if err := sleep(ctx, time.Second); err != nil {
		return err
	}
	if r.before, err = residentMemory(fresh.process.command.Process.Pid); err != nil {
		return err
	}
	if r.held, err = client.Rest(ctx, fresh.address(scheme), scheme == "https", request, resting); err != nil {
		return err
	}
	r.begun = time.Now()
	if err := sleep(ctx, settle); err != nil {
		return err
	}
	r.sample.value, err = r.each()
	return err
}

// each is the growth per connection, in KiB.
func (r *rester) each() (float64, error) {
	now, err := residentMemory(r.fresh.process.command.Process.Pid)
	return float64(now-r.before) / resting / 1024, err
}

func (r *rester) end() {
	if r.held != nil {
		r.held.Close()
	}
	if r.fresh != nil && r.fresh.process != nil {
		r.fresh.process.stop()
	}
}
