package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// wrk loads with kept-alive connections of HTTP/1.1. It takes whole seconds.
func wrk(connections int, scheme string) loader {
	return func(ctx context.Context, e *entrant, d time.Duration) (sample, error) {
		out, err := output(ctx, "wrk", "-t1", fmt.Sprintf("-c%d", connections), "-d"+wholeSeconds(d)+"s", "--timeout", "10s", "--latency", e.url(scheme))
		if err != nil {
			return sample{}, err
		}
		return read(readWrk, out)
	}
}

// ab loads with a new connection for each request. It offers no TLS session to resume.
func ab(connections int, scheme string) loader {
	return func(ctx context.Context, e *entrant, d time.Duration) (sample, error) {
		out, err := output(ctx, "ab", "-q", "-f", "TLS1.3", "-c", strconv.Itoa(connections), "-t", wholeSeconds(d), "-n", "10000000", e.url(scheme))
		if err != nil {
			return sample{}, err
		}
		return read(readAB, out)
	}
}

// h2load loads by HTTP/2 over TLS, with so many streams under way on each connection.
func h2load(connections, streams int) loader {
	return func(ctx context.Context, e *entrant, d time.Duration) (sample, error) {
		out, err := output(ctx, "h2load", "-t1", fmt.Sprintf("-c%d", connections), fmt.Sprintf("-m%d", streams), "-D"+wholeSeconds(d), e.url("https"))
		if err != nil {
			return sample{}, err
		}
		return read(readH2load, out)
	}
}

func wholeSeconds(d time.Duration) string {
	return strconv.Itoa(max(1, int(d.Round(time.Second).Seconds())))
}

// output runs a program with some minutes to end by itself.
func output(ctx context.Context, program string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, program, args...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("running %s: %w\n%s", program, err, out)
	}
	return string(out), nil
}

func read(reader func(string) (sample, error), out string) (sample, error) {
	s, err := reader(out)
	if err == nil && s.done == 0 {
		err = errors.New("no request came through")
	}
	if err != nil {
		err = fmt.Errorf("%w\n%s", err, out)
	}
	return s, err
}

// fields finds figures in a report; the first that is missing is the error.
type fields struct {
	report string
	err    error
}

func (f *fields) text(pattern *regexp.Regexp) string {
	match := pattern.FindStringSubmatch(f.report)
	if match == nil {
		f.err = errors.Join(f.err, fmt.Errorf("no %s in the report", pattern))
		return "0"
	}
	return match[1]
}

func (f *fields) number(pattern *regexp.Regexp) float64 {
	n, err := strconv.ParseFloat(f.text(pattern), 64)
	f.err = errors.Join(f.err, err)
	return n
}

func (f *fields) time(pattern *regexp.Regexp, unit string) time.Duration {
	d, err := time.ParseDuration(f.text(pattern) + unit)
	f.err = errors.Join(f.err, err)
	return d
}

var (
	wrkRequests = regexp.MustCompile(`(\d+) requests in`)
	wrkRate     = regexp.MustCompile(`Requests/sec:\s+([\d.]+)`)
	wrkP50      = regexp.MustCompile(`(?m)^\s+50%\s+([\d.]+[a-z]+)`)
	wrkP99      = regexp.MustCompile(`(?m)^\s+99%\s+([\d.]+[a-z]+)`)
	wrkErrors   = regexp.MustCompile(`(?m)^\s*(Non-2xx.*|Socket errors.*)$`)

	abRequests = regexp.MustCompile(`Complete requests:\s+(\d+)`)
	abFailed   = regexp.MustCompile(`Failed requests:\s+(\d+)`)
	abRate     = regexp.MustCompile(`Requests per second:\s+([\d.]+)`)
	abP50      = regexp.MustCompile(`(?m)^\s+50%\s+(\d+)$`)
	abP99      = regexp.MustCompile(`(?m)^\s+99%\s+(\d+)$`)

	h2Protocol = regexp.MustCompile(`Application protocol: (\S+)`)
	h2Done     = regexp.MustCompile(`requests: .* (\d+) succeeded`)
	h2Failed   = regexp.MustCompile(`succeeded, (\d+) failed`)
	h2OK       = regexp.MustCompile(`status codes: (\d+) 2xx`)
	h2Rate     = regexp.MustCompile(`finished in .*, ([\d.]+) req/s`)
)

// readWrk takes wrk's report apart. Any failed request is an error: a proxy that
// answers wrongly is not compared.
func readWrk(out string) (s sample, err error) {
	if failed := wrkErrors.FindString(out); failed != "" {
		return s, errors.New(strings.TrimSpace(failed))
	}
	f := fields{report: out}
	s.done, s.rate = f.number(wrkRequests), f.number(wrkRate)
	s.p50, s.p99 = f.time(wrkP50, ""), f.time(wrkP99, "")
	return s, f.err
}

func readAB(out string) (s sample, err error) {
	f := fields{report: out}
	s.done, s.rate = f.number(abRequests), f.number(abRate)
	s.p50, s.p99 = f.time(abP50, "ms"), f.time(abP99, "ms")
	if failed := f.number(abFailed); failed > 0 || strings.Contains(out, "Non-2xx") {
		f.err = errors.Join(f.err, errors.New("requests failed"))
	}
	return s, f.err
}

// readH2load has no quantiles to read; requests under way when the time is up count as
// neither done nor failed.
func readH2load(out string) (s sample, err error) {
	f := fields{report: out}
	s.done, s.rate = f.number(h2Done), f.number(h2Rate)
	if f.number(h2Failed) > 0 || f.number(h2OK) < s.done {
		f.err = errors.Join(f.err, errors.New("requests failed"))
	}
	if p := f.text(h2Protocol); p != "h2" {
		f.err = errors.Join(f.err, fmt.Errorf("it speaks %s, not HTTP/2", p))
	}
	return s, f.err
}
