package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// sample is what one proxy did in one round.
type sample struct {
	requests int
	rate     float64       // requests per second, by wrk
	p50, p99 time.Duration // latency, by wrk
	busy     time.Duration // user and system time of the proxy's processes
}

// cpu is microseconds of CPU per request.
func (s sample) cpu() float64 { return s.busy.Seconds() * 1e6 / float64(s.requests) }

// load runs wrk against the proxy and reads its CPU time before and after.
func load(ctx context.Context, p *proxy, scheme string, connections int, d time.Duration) (sample, error) {
	before, err := cpuTime(p.process.command.Process.Pid)
	if err != nil {
		return sample{}, err
	}
	// wrk takes whole seconds.
	seconds := max(1, int(d.Round(time.Second).Seconds()))
	out, err := exec.CommandContext(ctx, "wrk", "-t1", fmt.Sprintf("-c%d", connections), fmt.Sprintf("-d%ds", seconds), "--latency", p.url(scheme)).CombinedOutput()
	if err != nil {
		return sample{}, fmt.Errorf("running wrk against %s: %w\n%s", p.name, err, out)
	}
	after, err := cpuTime(p.process.command.Process.Pid)
	if err != nil {
		return sample{}, err
	}
	s, err := readWrk(string(out))
	if err != nil {
		return s, fmt.Errorf("%s by %s: %w\n%s", p.name, scheme, err, out)
	}
	s.busy = after - before
	return s, nil
}

var (
	wrkRequests = regexp.MustCompile(`(\d+) requests in`)
	wrkRate     = regexp.MustCompile(`Requests/sec:\s+([\d.]+)`)
	wrkP50      = regexp.MustCompile(`(?m)^\s+50%\s+([\d.]+[a-z]+)`)
	wrkP99      = regexp.MustCompile(`(?m)^\s+99%\s+([\d.]+[a-z]+)`)
	wrkErrors   = regexp.MustCompile(`(?m)^\s*(Non-2xx.*|Socket errors.*)$`)
)

// readWrk takes wrk's report apart. Any failed request is an error: a proxy that
// answers wrongly is not compared.
func readWrk(out string) (s sample, err error) {
	if failed := wrkErrors.FindString(out); failed != "" {
		return s, errors.New(strings.TrimSpace(failed))
	}
	field := func(pattern *regexp.Regexp) string {
		match := pattern.FindStringSubmatch(out)
		if match == nil {
			err = errors.Join(err, fmt.Errorf("no %s in wrk's report", pattern))
			return "0"
		}
		return match[1]
	}
	s.requests, _ = strconv.Atoi(field(wrkRequests))
	s.rate, _ = strconv.ParseFloat(field(wrkRate), 64)
	s.p50, _ = time.ParseDuration(field(wrkP50))
	s.p99, _ = time.ParseDuration(field(wrkP99))
	if err == nil && s.requests == 0 {
		err = errors.New("no request came through")
	}
	return s, err
}

// tick is the unit of /proc/<pid>/stat: USER_HZ is 100 on every Linux that matters (man 5 proc).
const tick = 10 * time.Millisecond

// cpuTime is the user and system time of a process and its children so far.
func cpuTime(pid int) (time.Duration, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, fmt.Errorf("reading CPU time: %w", err)
	}
	total, err := statTime(string(text))
	if err != nil {
		return 0, fmt.Errorf("reading CPU time of %d: %w", pid, err)
	}
	children, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	if err != nil {
		return 0, err
	}
	for _, file := range children {
		list, err := os.ReadFile(file)
		if err != nil {
			return 0, fmt.Errorf("reading CPU time: %w", err)
		}
		for _, field := range strings.Fields(string(list)) {
			child, err := strconv.Atoi(field)
			if err != nil {
				return 0, err
			}
			more, err := cpuTime(child)
			if err != nil {
				return 0, err
			}
			total += more
		}
	}
	return total, nil
}

// statTime reads fields 14 and 15. The second field, the name, may hold anything, but ends with the last parenthesis.
func statTime(stat string) (time.Duration, error) {
	_, rest, found := cutLast(stat, ")")
	fields := strings.Fields(rest)
	if !found || len(fields) < 13 {
		return 0, fmt.Errorf("%q is no stat line", stat)
	}
	user, err1 := strconv.ParseInt(fields[11], 10, 64)
	system, err2 := strconv.ParseInt(fields[12], 10, 64)
	return time.Duration(user+system) * tick, errors.Join(err1, err2)
}

func cutLast(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

// median of the rounds by one figure.
func median(samples []sample, figure func(sample) float64) float64 {
	values := make([]float64, len(samples))
	for i, s := range samples {
		values[i] = figure(s)
	}
	slices.Sort(values)
	middle := len(values) / 2
	if len(values)%2 == 0 {
		return (values[middle-1] + values[middle]) / 2
	}
	return values[middle]
}
