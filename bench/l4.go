package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

// Layer 4 is compared with HAProxy in TCP mode, with and without its use of splice(2).
// The work is this program's own, on both ends: bytes through a few connections, to
// the client and to the target, and connections that ask once and end. Neither writes
// a log. The proxies run from the beginning and take turns, as in the other tables.

// l4Proxy is one load balancer of that comparison.
type l4Proxy struct {
	name, version string
	address       string
	process       *child
	begin         func(ctx context.Context, s *site, p *l4Proxy, target string) (*child, error)
}

// l4Work is one kind of load, with how much of it makes a round.
type l4Work struct {
	short      string // what --work calls it, behind layer4-
	name, unit string
	amount     int
	run        func(address string, amount int) error
}

func l4Works() []l4Work {
	return []l4Work{
		{"down", "bytes to the client", "CPU per GiB", 2 << 30, func(a string, n int) error { return transfer(a, 'd', n) }},
		{"up", "bytes to the target", "CPU per GiB", 2 << 30, func(a string, n int) error { return transfer(a, 'u', n) }},
		{"connections", "connections", "CPU per connection", 20000, connections},
		{"questions", "questions on open connections", "CPU per question", 100000, questions},
	}
}

// perUnit is CPU time in the unit of the work: milliseconds per GiB, else microseconds.
func (w l4Work) perUnit(busy time.Duration) float64 {
	if w.unit == "CPU per GiB" {
		return busy.Seconds() * 1e3 / (float64(w.amount) / (1 << 30))
	}
	return busy.Seconds() * 1e6 / float64(w.amount)
}

// withoutLayer4 takes the works of layer 4 out of a list of works: layer4, which is all
// of them, or one by one layer4-connections and the like.
func withoutLayer4(works string) (others string, layer4 []l4Work) {
	list := strings.Split(works, ",")
	for _, w := range l4Works() {
		if slices.Contains(list, "layer4") || slices.Contains(list, "layer4-"+w.short) {
			layer4 = append(layer4, w)
		}
	}
	rest := slices.DeleteFunc(list, func(name string) bool {
		return name == "layer4" || slices.ContainsFunc(layer4, func(w l4Work) bool { return name == "layer4-"+w.short })
	})
	return strings.Join(rest, ","), layer4
}

// l4Fleet is HAProxy in both ways, albatross, and the other builds of albatross that --newer names.
func l4Fleet(newer string) []*l4Proxy {
	proxies := []*l4Proxy{l4HAProxy("haproxy", ""), l4HAProxy("haproxy, splice", "option splice-auto"), l4Albatross("albatross", "")}
	for item := range strings.SplitSeq(newer, ",") {
		if program, ok := strings.CutPrefix(item, "albatross="); ok {
			proxies = append(proxies, l4Albatross("albatross-"+filepath.Base(program), program))
		}
	}
	return proxies
}

// layer4 measures the works and gives the table.
func layer4(ctx context.Context, s *site, works []l4Work, o options) (string, error) {
	target, stop, err := l4Target()
	if err != nil {
		return "", err
	}
	defer stop()
	proxies := l4Fleet(o.newer)
	for _, p := range proxies {
		if p.address, err = freeAddress(); err != nil {
			return "", err
		}
		if p.process, err = p.begin(ctx, s, p, target); err != nil {
			return "", fmt.Errorf("starting %s: %w", p.name, err)
		}
		if err := p.process.await(ctx, p.address); err != nil {
			return "", fmt.Errorf("starting %s: %w", p.name, err)
		}
	}
	var b strings.Builder
	fmt.Fprintf(&b, "Layer 4: %d cores, median of %d rounds.\n\n", runtime.NumCPU(), o.rounds)
	b.WriteString("| layer 4 | proxy | version | CPU | to haproxy | lowest to highest | wall clock |\n|---|---|---|---|---|---|---|\n")
	for _, w := range works {
		rows, err := w.measure(ctx, proxies, o.rounds)
		if err != nil {
			return "", err
		}
		b.WriteString(rows)
	}
	return b.String(), nil
}

// l4Sample is one proxy in one round.
type l4Sample struct {
	cpu  float64
	took time.Duration
}

func (w l4Work) measure(ctx context.Context, proxies []*l4Proxy, rounds int) (string, error) {
	samples := map[*l4Proxy][]l4Sample{}
	for _, p := range proxies {
		if err := w.run(p.address, max(w.amount/20, 1)); err != nil { // warm
			return "", fmt.Errorf("%s through %s: %w\n%s", w.name, p.name, err, p.process.output)
		}
	}
	for round := range rounds {
		for i := range proxies {
			if err := ctx.Err(); err != nil {
				return "", err
			}
			p := proxies[(i+round)%len(proxies)]
			one, err := w.once(p)
			if err != nil {
				return "", fmt.Errorf("%s through %s: %w\n%s", w.name, p.name, err, p.process.output)
			}
			samples[p] = append(samples[p], one)
			fmt.Fprintf(os.Stderr, "round %d %-30s %-16s %8.2f %s %v\n", round+1, w.name, p.name, one.cpu, w.unit, one.took.Round(time.Millisecond))
		}
	}
	return w.rows(proxies, samples), nil
}

func (w l4Work) once(p *l4Proxy) (l4Sample, error) {
	pid := p.process.command.Process.Pid
	before, err := cpuTime(pid)
	if err != nil {
		return l4Sample{}, err
	}
	began := time.Now()
	if err := w.run(p.address, w.amount); err != nil {
		return l4Sample{}, err
	}
	took := time.Since(began)
	after, err := cpuTime(pid)
	return l4Sample{w.perUnit(after - before), took}, err
}

func (w l4Work) rows(proxies []*l4Proxy, samples map[*l4Proxy][]l4Sample) string {
	var b strings.Builder
	unit, first := "us", 0.0
	if w.unit == "CPU per GiB" {
		unit = "ms"
	}
	for i, p := range proxies {
		cpu := l4Median(samples[p], func(s l4Sample) float64 { return s.cpu })
		if i == 0 {
			first = cpu
		}
		low := slices.MinFunc(samples[p], func(a, b l4Sample) int { return int(1000 * (a.cpu - b.cpu)) })
		high := slices.MaxFunc(samples[p], func(a, b l4Sample) int { return int(1000 * (a.cpu - b.cpu)) })
		took := l4Median(samples[p], func(s l4Sample) float64 { return s.took.Seconds() })
		fmt.Fprintf(&b, "| %s, %s | %s | %s | %.1f %s | %.2f | %.1f-%.1f | %.2f s |\n", w.name, w.unit, p.name, p.version, cpu, unit, cpu/first, low.cpu, high.cpu, took)
	}
	return b.String()
}

func l4Median(samples []l4Sample, figure func(l4Sample) float64) float64 {
	values := make([]float64, len(samples))
	for i, s := range samples {
		values[i] = figure(s)
	}
	slices.Sort(values)
	return (values[(len(values)-1)/2] + values[len(values)/2]) / 2
}
