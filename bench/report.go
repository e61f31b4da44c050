package main

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"
)

// The lines between which a document holds the tables as measured.
const (
	tableStart = "<!-- table: start -->\n"
	tableEnd   = "<!-- table: end -->\n"
)

// report writes one Markdown table that says how albatross compares, and one for each work.
func report(o options, list []*work) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d cores, %s, %s; median of %d rounds of %s.\n\n", runtime.NumCPU(), kernel(), time.Now().UTC().Format("2 January 2006"), o.rounds, o.duration)
	b.WriteString("| work | figure of albatross | to nginx | to HAProxy | aim | |\n|---|---|---|---|---|---|\n")
	for _, w := range list {
		w.summary(&b)
	}
	for _, w := range list {
		fmt.Fprintf(&b, "\n### %s\n\n%s\n\n", w.title, w.method)
		w.table(&b)
	}
	return b.String()
}

// kernel names the kernel's release.
func kernel() string {
	text, err := os.ReadFile("/proc/sys/kernel/osrelease")
	if err != nil {
		return runtime.GOOS
	}
	return "Linux " + strings.TrimSpace(string(text))
}

// summary has a line for each entrant of albatross that has an aim.
func (w *work) summary(b *strings.Builder) {
	for _, label := range w.aimed() {
		of := w.samplesOf(label)
		if of == nil {
			continue
		}
		suffix := strings.TrimPrefix(label, "albatross")
		title := w.title + suffix
		fmt.Fprintf(b, "| %s | "+w.format+" | %s | %s |", title, median(of, w.figure), w.ratioCell(of, "nginx"+suffix), w.ratioCell(of, "haproxy"+suffix))
		var aims, met []string
		for _, a := range w.aims {
			if a.of != label {
				continue
			}
			if by := w.samplesOf(a.versus); a.versus != "" && by == nil {
				continue
			}
			text, ok := w.judge(of, a)
			aims = append(aims, text)
			met = append(met, map[bool]string{true: "met", false: "missed"}[ok])
		}
		fmt.Fprintf(b, " %s | %s |\n", strings.Join(aims, "; "), strings.Join(met, "; "))
	}
}

func (w *work) aimed() (labels []string) {
	for _, a := range w.aims {
		if !slices.Contains(labels, a.of) {
			labels = append(labels, a.of)
		}
	}
	return labels
}

// judge says in words what the aim is, and whether the median reaches it.
func (w *work) judge(of []sample, a aim) (string, bool) {
	if a.versus == "" {
		return fmt.Sprintf("at most "+w.format, a.most), median(of, w.figure) <= a.most
	}
	ratio := middle(ratios(of, w.samplesOf(a.versus), w.figure))
	text := fmt.Sprintf("%.2f of %s", a.most, a.versus)
	if !strings.HasPrefix(a.versus, "nginx") && !strings.HasPrefix(a.versus, "haproxy") || strings.Contains(a.versus, ",") {
		text = fmt.Sprintf("%s (is %.2f)", text, ratio)
	}
	return text, ratio <= a.most
}

func (w *work) samplesOf(label string) []sample {
	for _, e := range w.entrants {
		if e.label == label {
			return w.samples[e]
		}
	}
	return nil
}

// ratioCell is the median of the rounds' ratios, with the lowest and the highest.
func (w *work) ratioCell(of []sample, label string) string {
	by := w.samplesOf(label)
	if by == nil {
		return "-"
	}
	values := ratios(of, by, w.figure)
	if len(values) == 1 {
		return fmt.Sprintf("%.2f", values[0])
	}
	return fmt.Sprintf("%.2f (%.2f-%.2f)", middle(values), slices.Min(values), slices.Max(values))
}

// table has a line for each entrant, and the columns that the work has figures for.
func (w *work) table(b *strings.Builder) {
	first := w.entrants[0]
	has := func(figure func(sample) float64) bool {
		return slices.ContainsFunc(w.entrants, func(e *entrant) bool { return median(w.samples[e], figure) > 0 })
	}
	rate, p50, p99, later := func(s sample) float64 { return s.rate }, func(s sample) float64 { return s.p50.Seconds() * 1000 },
		func(s sample) float64 { return s.p99.Seconds() * 1000 }, func(s sample) float64 { return s.later }
	columns := []struct {
		head, format string
		figure       func(sample) float64
		shown        bool
	}{
		{"CPU per request", "%.1f us", cpu, w.name == "latency"}, {w.per + "/s", "%.0f", rate, has(rate)},
		{"p50", "%.2f ms", p50, has(p50)}, {"p99", "%.2f ms", p99, has(p99) && w.name != "latency"}, {"a minute later", w.format, later, has(later)},
	}
	fmt.Fprintf(b, "| | version | %s | to %s | lowest to highest |", w.what, first.label)
	rule := "\n|---|---|---|---|---|"
	for _, c := range columns {
		if c.shown {
			fmt.Fprintf(b, " %s |", c.head)
			rule += "---|"
		}
	}
	b.WriteString(rule + "\n")
	for _, e := range w.entrants {
		samples := w.samples[e]
		low, high := extent(samples, w.figure)
		number := strings.Fields(w.format)[0]
		fmt.Fprintf(b, "| %s | %s | "+w.format+" | %s | "+number+"-"+number+" |", e.label, e.version, median(samples, w.figure), w.ratioCell(samples, first.label), low, high)
		for _, c := range columns {
			if c.shown {
				fmt.Fprintf(b, " "+c.format+" |", median(samples, c.figure))
			}
		}
		b.WriteString("\n")
	}
}

func extent(samples []sample, figure func(sample) float64) (low, high float64) {
	low, high = figure(samples[0]), figure(samples[0])
	for _, s := range samples {
		low, high = min(low, figure(s)), max(high, figure(s))
	}
	return low, high
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
