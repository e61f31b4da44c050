package main

import (
	"context"
	"encoding/json"
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

// result is what one tool reports.
type result struct {
	scene, what, through string
	requests, failed     int
	rate                 float64 // requests per second
	p99                  float64 // milliseconds; 0 where the tool does not say
}

// tool is one run of one program.
type tool struct {
	what string
	long bool // one round has to do
	run  func(ctx context.Context, f front) (result, error)
}

const prediction = `{"features": {"store_id": 1, "product_id": 123, "date": "2024-01-01", "price": 29.99, "promotion": 0}}`

// wrk sends POST requests by a script only.
const wrkScript = `wrk.method = "POST"
wrk.body = '` + prediction + `'
wrk.headers["Content-Type"] = "application/json"
`

func tools(s *scene, o options) []tool {
	data, script := filepath.Join(s.folder, "data.json"), filepath.Join(s.folder, "predict.lua")
	wrk := []string{"-t1", "-c32", "--latency", fmt.Sprintf("-d%ds", o.seconds)}
	all := []tool{
		{"curl /health", false, func(ctx context.Context, f front) (result, error) { return curl(ctx, f, "/health") }},
		{"curl /docs/", false, func(ctx context.Context, f front) (result, error) { return curl(ctx, f, "/docs/") }},
		{"ab -n 1000 -c 10 /healthz", false, func(ctx context.Context, f front) (result, error) {
			return s.ab(ctx, f, "/healthz", "-n", "1000", "-c", "10")
		}},
		{"ab -n 1000 -c 10 -p data.json /predict", false, func(ctx context.Context, f front) (result, error) {
			if err := os.WriteFile(data, []byte(prediction), 0o600); err != nil {
				return result{}, err
			}
			return s.ab(ctx, f, "/predict", "-n", "1000", "-c", "10", "-p", data, "-T", "application/json")
		}},
		{"wrk -c32 /healthz", false, func(ctx context.Context, f front) (result, error) { return s.wrk(ctx, f, "/healthz", wrk...) }},
		{"wrk -c32 /predict", false, func(ctx context.Context, f front) (result, error) {
			if err := os.WriteFile(script, []byte(wrkScript), 0o600); err != nil {
				return result{}, err
			}
			return s.wrk(ctx, f, "/predict", append(wrk, "-s", script)...)
		}},
	}
	if o.file != "" {
		all = append(all, tool{"artillery " + filepath.Base(o.file), true, func(ctx context.Context, f front) (result, error) { return s.artillery(ctx, f, o) }})
	}
	return all
}

// compare runs the tool against each front, in rounds.
func (t tool) compare(ctx context.Context, fronts []front, rounds int) ([]result, error) {
	if t.long {
		rounds = 1
	}
	all := make([][]result, len(fronts))
	for range rounds {
		for i, f := range fronts {
			fmt.Fprintln(os.Stderr, "  ", t.what, "through", f.name)
			r, err := t.run(ctx, f)
			if err != nil {
				return nil, fmt.Errorf("%s through %s: %w", t.what, f.name, err)
			}
			all[i] = append(all[i], r)
		}
	}
	var results []result
	for i, f := range fronts {
		r := sum(all[i])
		r.what, r.through = t.what, f.name
		results = append(results, r)
	}
	return results, nil
}

// sum adds up what rounds counted; of what they measured it gives the median.
func sum(rounds []result) (all result) {
	var rates, p99s []float64
	for _, r := range rounds {
		all.requests, all.failed = all.requests+r.requests, all.failed+r.failed
		rates, p99s = append(rates, r.rate), append(p99s, r.p99)
	}
	slices.Sort(rates)
	slices.Sort(p99s)
	all.rate, all.p99 = rates[len(rates)/2], p99s[len(p99s)/2]
	return all
}

// output runs a program and gives what it prints; an exit code other than 0 is an error.
func output(ctx context.Context, environment []string, name string, args ...string) (string, error) {
	command := exec.CommandContext(ctx, name, args...)
	command.Env = append(os.Environ(), environment...)
	out, err := command.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("running %s: %w\n%s", name, err, out)
	}
	return string(out), nil
}

// curl makes one request; any other code than 2xx or 3xx, and any certificate that is not the authority's, is a failure.
func curl(ctx context.Context, f front, path string) (result, error) {
	args := []string{"-sS", "--fail", "-o", os.DevNull, f.url + path}
	if f.ca != "" {
		args = append(args, "--cacert", f.ca)
	}
	_, err := output(ctx, nil, "curl", args...)
	return result{requests: 1}, err
}

func (s *scene) ab(ctx context.Context, f front, path string, args ...string) (result, error) {
	if s.token != "" {
		args = append(args, "-H", "Authorization: Bearer "+s.token)
	}
	out, err := output(ctx, nil, "ab", append(args, f.url+path)...)
	if err != nil {
		return result{}, err
	}
	return readAB(out)
}

func (s *scene) wrk(ctx context.Context, f front, path string, args ...string) (result, error) {
	if s.token != "" {
		args = append(args, "-H", "Authorization: Bearer "+s.token)
	}
	out, err := output(ctx, nil, "wrk", append(args, f.url+path)...)
	if err != nil {
		return result{}, err
	}
	return readWrk(out)
}

// artillery fills in the test file and reads the JSON report.
func (s *scene) artillery(ctx context.Context, f front, o options) (result, error) {
	text, err := os.ReadFile(o.file)
	if err != nil {
		return result{}, err
	}
	test, report := filepath.Join(s.folder, "artillery.yml"), filepath.Join(s.folder, "artillery.json")
	if err := os.WriteFile(test, []byte(fillIn(string(text), f.url, s.token, o.speed)), 0o600); err != nil {
		return result{}, err
	}
	binary, err := exec.LookPath("artillery")
	if err != nil {
		binary = ".cache/artillery/node_modules/.bin/artillery"
	}
	environment := []string{"ARTILLERY_DISABLE_TELEMETRY=true"}
	if f.ca != "" {
		environment = append(environment, "NODE_EXTRA_CA_CERTS="+f.ca)
	}
	if _, err := output(ctx, environment, binary, "run", "--output", report, test); err != nil {
		return result{}, err
	}
	data, err := os.ReadFile(report)
	if err != nil {
		return result{}, err
	}
	return readArtillery(data)
}

var (
	phaseDuration = regexp.MustCompile(`(duration:\s*)(\d+)`)
	configLine    = regexp.MustCompile(`(?m)^config:\n`)
)

// fillIn puts the target and the token into artillery's test and shortens its phases.
func fillIn(test, url, token string, speed int) string {
	test = strings.ReplaceAll(test, "http://$EXTERNAL_IP", url)
	if token != "" {
		test = configLine.ReplaceAllLiteralString(test, "config:\n  http:\n    defaults:\n      headers:\n        Authorization: 'Bearer "+token+"'\n")
	}
	return phaseDuration.ReplaceAllStringFunc(test, func(field string) string {
		parts := phaseDuration.FindStringSubmatch(field)
		seconds, _ := strconv.Atoi(parts[2])
		return parts[1] + strconv.Itoa(max(1, seconds/speed))
	})
}

func readAB(out string) (r result, err error) {
	complete, err := figure(out, `Complete requests:\s+(\d+)`)
	failed, err2 := figure(out, `Failed requests:\s+(\d+)`)
	rate, err3 := figure(out, `Requests per second:\s+([\d.]+)`)
	wrong, _ := figure(out, `Non-2xx responses:\s+(\d+)`) // the line is there only if there are any
	p99, _ := figure(out, `\b99%\s+(\d+)`)
	return result{requests: int(complete), failed: int(failed + wrong), rate: rate, p99: p99}, errors.Join(err, err2, err3)
}

func readWrk(out string) (result, error) {
	requests, err := figure(out, `(\d+) requests in`)
	rate, err2 := figure(out, `Requests/sec:\s+([\d.]+)`)
	wrong, _ := figure(out, `Non-2xx or 3xx responses: (\d+)`)
	failed := int(wrong)
	for _, kind := range []string{"connect", "read", "write", "timeout"} {
		n, _ := figure(out, `Socket errors:.*\b`+kind+` (\d+)`)
		failed += int(n)
	}
	return result{requests: int(requests), failed: failed, rate: rate, p99: milliseconds(out)}, errors.Join(err, err2)
}

// milliseconds reads wrk's 99th percentile, which comes in us, ms or s.
func milliseconds(out string) float64 {
	match := regexp.MustCompile(`\b99%\s+([\d.]+(?:us|ms|s))\b`).FindStringSubmatch(out)
	if match == nil {
		return 0
	}
	d, _ := time.ParseDuration(match[1])
	return d.Seconds() * 1000
}

// readArtillery counts as failed every request without a 2xx answer and every user that did not come through.
func readArtillery(data []byte) (result, error) {
	var report struct {
		Aggregate struct {
			Counters  map[string]int
			Rates     map[string]float64
			Summaries map[string]struct{ P99 float64 }
		}
	}
	if err := json.Unmarshal(data, &report); err != nil {
		return result{}, fmt.Errorf("reading artillery's report: %w", err)
	}
	c := report.Aggregate.Counters
	good := 0
	for name, n := range c {
		if strings.HasPrefix(name, "http.codes.2") {
			good += n
		}
	}
	if c["http.requests"] == 0 || c["vusers.created"] == 0 {
		return result{}, errors.New("artillery's report has no requests")
	}
	return result{
		requests: c["http.requests"], failed: c["http.requests"] - good + c["vusers.failed"], rate: report.Aggregate.Rates["http.request_rate"],
		p99: report.Aggregate.Summaries["http.response_time"].P99,
	}, nil
}

// figure reads the number that the pattern's group matches.
func figure(text, pattern string) (float64, error) {
	match := regexp.MustCompile(pattern).FindStringSubmatch(text)
	if match == nil {
		return 0, fmt.Errorf("no %s in:\n%s", pattern, text)
	}
	return strconv.ParseFloat(match[1], 64)
}
