package main

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"
)

// The lines between which a document holds the table as measured.
const (
	tableStart = "<!-- table: start -->\n"
	tableEnd   = "<!-- table: end -->\n"
)

// report writes one Markdown table for each scheme.
func report(o options, proxies []*proxy, results map[string]map[string][]sample) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d cores, %d connections, median of %d rounds of %s.\n", runtime.NumCPU(), o.connections, o.rounds, o.duration)
	for _, scheme := range strings.Split(o.schemes, ",") {
		fmt.Fprintf(&b, "\n| %s | version | CPU per request | to %s | lowest to highest | requests/s | p50 | p99 |\n", strings.ToUpper(scheme), proxies[0].name)
		b.WriteString("|---|---|---|---|---|---|---|---|\n")
		first := median(results[scheme][proxies[0].name], sample.cpu)
		for _, p := range proxies {
			samples := results[scheme][p.name]
			cpu := median(samples, sample.cpu)
			low, high := extent(samples)
			fmt.Fprintf(&b, "| %s | %s | %.1f us | %.2f | %.1f-%.1f | %.0f | %s | %s |\n", p.name, p.version, cpu, cpu/first, low, high,
				median(samples, func(s sample) float64 { return s.rate }),
				medianTime(samples, func(s sample) time.Duration { return s.p50 }),
				medianTime(samples, func(s sample) time.Duration { return s.p99 }))
		}
	}
	return b.String()
}

func extent(samples []sample) (low, high float64) {
	low, high = samples[0].cpu(), samples[0].cpu()
	for _, s := range samples {
		low, high = min(low, s.cpu()), max(high, s.cpu())
	}
	return low, high
}

func medianTime(samples []sample, figure func(sample) time.Duration) string {
	return fmt.Sprintf("%.2f ms", median(samples, func(s sample) float64 { return figure(s).Seconds() * 1000 }))
}

// replaceTable puts the report between the two marker lines of a document.
func replaceTable(path, table string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("writing the table: %w", err)
	}
	before, rest, found := strings.Cut(string(text), tableStart)
	_, after, found2 := strings.Cut(rest, tableEnd)
	if !found || !found2 {
		return fmt.Errorf("writing the table: %s has no lines %q and %q", path, strings.TrimSpace(tableStart), strings.TrimSpace(tableEnd))
	}
	return os.WriteFile(path, []byte(before+tableStart+"\n"+table+"\n"+tableEnd+after), 0o644)
}
