package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// How many connections rest, and when their memory is read.
const (
	wanted = 20_000
	settle = 5 * time.Second
	minute = time.Minute
)

// idle compares the memory of connections at rest, in proxies started for it: one that has
// worked before has memory to spare.
func idle(s *site, proxies []*proxy) *work {
	w := &work{name: "idle", title: "Memory of an idle connection", what: "memory each", format: "%.2f KiB",
		aims: []aim{{"albatross, HTTP", "", 6}, {"albatross, HTTPS", "", 8}}, method: fmt.Sprintf("%d connections. Growth of VmRSS from before the first to %v after the last, "+
			"each with one request answered; and a minute later. Memory in the kernel is not in it.", s.resting(), settle)}
	w.figure = func(s sample) float64 { return s.value }
	for _, e := range entrants(proxies, "reverseproxy") {
		for _, scheme := range []string{"HTTP", "HTTPS"} {
			w.entrants = append(w.entrants, &entrant{proxy: e.proxy, label: e.label + ", " + scheme})
		}
	}
	w.play = func(ctx context.Context, o options, w *work) error {
		for _, scheme := range []string{"HTTP", "HTTPS"} {
			if err := rest(ctx, s, w, scheme, o.profile); err != nil {
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
	held   *child
	count  int
	before int64
	begun  time.Time
	sample sample
}

// rest goes through the proxies one by one and then, when its minute is over, to each again.
func rest(ctx context.Context, s *site, w *work, scheme, profiles string) error {
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
		if err := r.profile(ctx, profiles); err != nil {
			return err
		}
		w.add(r.entrant, r.sample)
		fmt.Fprintf(os.Stderr, "  a minute later "+w.format+"\n", r.sample.later)
	}
	return nil
}

func (r *rester) begin(ctx context.Context, s *site, scheme string) (err error) {
	fresh := *r.proxy
	fresh.connections, r.fresh = wanted+2000, &fresh
	if err := fresh.open(ctx, s); err != nil {
		return fmt.Errorf("starting it: %w", err)
	}
	// What the first few hundred bring up is not a connection's.
	warm, err := s.rest(ctx, r.fresh, scheme, 256)
	if err != nil {
		return err
	}
	warm.stop()
	if err := sleep(ctx, time.Second); err != nil {
		return err
	}
	if r.before, err = residentMemory(fresh.process.command.Process.Pid); err != nil {
		return err
	}
	r.count = s.resting()
	if r.held, err = s.rest(ctx, r.fresh, scheme, r.count); err != nil {
		return err
	}
	r.begun = time.Now()
	if err := sleep(ctx, settle); err != nil {
		return err
	}
	r.sample.value, err = r.each()
	return err
}

// profile keeps what albatross says about its memory while the connections rest, at last
// after a collection, which shows what they cannot do without.
func (r *rester) profile(ctx context.Context, folder string) error {
	if folder == "" || r.fresh.admin == "" {
		return nil
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	base := filepath.Join(folder, "idle-"+strings.ReplaceAll(r.label, ", ", "-"))
	for _, part := range [][2]string{{"/metrics", ".metrics"}, {"/debug/pprof/heap?gc=1", ".heap.pprof"}, {"/metrics", ".collected.metrics"}} {
		text, err := r.fresh.ask(ctx, part[0])
		if err != nil {
			return err
		}
		if err := os.WriteFile(base+part[1], text, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// each is the growth per connection, in KiB.
func (r *rester) each() (float64, error) {
	now, err := residentMemory(r.fresh.process.command.Process.Pid)
	return float64(now-r.before) / float64(r.count) / 1024, err
}

func (r *rester) end() {
	if r.held != nil {
		r.held.stop()
	}
	if r.fresh != nil && r.fresh.process != nil {
		r.fresh.process.stop()
	}
}

// resting is how many connections a proxy of one process can have, with room for those to the targets.
func (s *site) resting() int { return min(wanted, s.files-512) }

// rest starts a program that holds n connections to the proxy, and waits until it does.
func (s *site) rest(ctx context.Context, p *proxy, scheme string, n int) (*child, error) {
	if s.holder == "" {
		var err error
		if s.holder, err = s.build(ctx, "./bench/rest"); err != nil {
			return nil, err
		}
	}
	holder, err := s.start(s.holder, "-address", p.address(scheme), "-path", resource, "-n", strconv.Itoa(n), fmt.Sprintf("-tls=%t", scheme == "https"))
	if err != nil {
		return nil, err
	}
	for end := time.Now().Add(3 * time.Minute); ; {
		select {
		case <-holder.gone:
			return nil, fmt.Errorf("the connections ended: %v\n%s", holder.command.ProcessState, holder.output)
		case <-time.After(50 * time.Millisecond):
		}
		if strings.HasPrefix(holder.output.String(), "resting") {
			return holder, nil
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if time.Now().After(end) {
			return nil, fmt.Errorf("%d connections take longer than three minutes", n)
		}
	}
}
