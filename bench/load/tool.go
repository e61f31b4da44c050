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
	"strconv"
	"strings"
)

// result is what one tool reports.
type result struct {
	scene, what      string
	requests, failed int
	rate             float64 // requests per second
}

// tool is one run of one program.
type tool struct {
	what string
	run  func(ctx context.Context, s *scene) (result, error)
}

const prediction = `{"features": {"store_id": 1, "product_id": 123, "date": "2024-01-01", "price": 29.99, "promotion": 0}}`

// wrk sends POST requests by a script only.
const wrkScript = `wrk.method = "POST"
wrk.body = '` + prediction + `'
wrk.headers["Content-Type"] = "application/json"
`

func tools(s *scene, o options) []tool {
	data, script := filepath.Join(s.folder, "data.json"), filepath.Join(s.folder, "predict.lua")
	wrk := []string{"-t1", "-c32", fmt.Sprintf("-d%ds", o.seconds)}
	all := []tool{
		{"curl /health", func(ctx context.Context, s *scene) (result, error) { return curl(ctx, s, "/health") }},
		{"curl /docs/", func(ctx context.Context, s *scene) (result, error) { return curl(ctx, s, "/docs/") }},
		{"ab -n 1000 -c 10 /healthz", func(ctx context.Context, s *scene) (result, error) {
			return ab(ctx, s, "/healthz", "-n", "1000", "-c", "10")
		}},
		{"ab -n 1000 -c 10 -p data.json /predict", func(ctx context.Context, s *scene) (result, error) {
			if err := os.WriteFile(data, []byte(prediction), 0o600); err != nil {
				return result{}, err
			}
			return ab(ctx, s, "/predict", "-n", "1000", "-c", "10", "-p", data, "-T", "application/json")
		}},
		{"wrk -c32 /healthz", func(ctx context.Context, s *scene) (result, error) { return wrkRun(ctx, s, "/healthz", wrk...) }},
		{"wrk -c32 /predict", func(ctx context.Context, s *scene) (result, error) {
			if err := os.WriteFile(script, []byte(wrkScript), 0o600); err != nil {
				return result{}, err
			}
			return wrkRun(ctx, s, "/predict", append(wrk, "-s", script)...)
		}},
	}
	if o.file != "" {
		all = append(all, tool{"artillery " + filepath.Base(o.file), func(ctx context.Context, s *scene) (result, error) { return artillery(ctx, s, o) }})
	}
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
func curl(ctx context.Context, s *scene, path string) (result, error) {
	args := []string{"-sS", "--fail", "-o", os.DevNull, s.url + path}
	if s.ca != "" {
		args = append(args, "--cacert", s.ca)
	}
	_, err := output(ctx, nil, "curl", args...)
	return result{requests: 1}, err
}

func ab(ctx context.Context, s *scene, path string, args ...string) (result, error) {
	if s.token != "" {
		args = append(args, "-H", "Authorization: Bearer "+s.token)
	}
	out, err := output(ctx, nil, "ab", append(args, s.url+path)...)
	if err != nil {
		return result{}, err
	}
	return readAB(out)
}

func wrkRun(ctx context.Context, s *scene, path string, args ...string) (result, error) {
	if s.token != "" {
		args = append(args, "-H", "Authorization: Bearer "+s.token)
	}
	out, err := output(ctx, nil, "wrk", append(args, s.url+path)...)
	if err != nil {
		return result{}, err
	}
	return readWrk(out)
}

// artillery fills in the test file and reads the JSON report.
func artillery(ctx context.Context, s *scene, o options) (result, error) {
	text, err := os.ReadFile(o.file)
	if err != nil {
		return result{}, err
	}
	test, report := filepath.Join(s.folder, "artillery.yml"), filepath.Join(s.folder, "artillery.json")
	if err := os.WriteFile(test, []byte(fillIn(string(text), s, o.speed)), 0o600); err != nil {
		return result{}, err
	}
	binary, err := exec.LookPath("artillery")
	if err != nil {
		binary = ".cache/artillery/node_modules/.bin/artillery"
	}
	environment := []string{"ARTILLERY_DISABLE_TELEMETRY=true"}
	if s.ca != "" {
		environment = append(environment, "NODE_EXTRA_CA_CERTS="+s.ca)
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
func fillIn(test string, s *scene, speed int) string {
	test = strings.ReplaceAll(test, "http://$EXTERNAL_IP", s.url)
	if s.token != "" {
		test = configLine.ReplaceAllLiteralString(test, "config:\n  http:\n    defaults:\n      headers:\n        Authorization: 'Bearer "+s.token+"'\n")
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
	return result{requests: int(complete), failed: int(failed + wrong), rate: rate}, errors.Join(err, err2, err3)
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
	return result{requests: int(requests), failed: failed, rate: rate}, errors.Join(err, err2)
}

// readArtillery counts as failed every request without a 2xx answer and every user that did not come through.
func readArtillery(data []byte) (result, error) {
	var report struct {
		Aggregate struct {
			Counters map[string]int
			Rates    map[string]float64
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
	return result{requests: c["http.requests"], failed: c["http.requests"] - good + c["vusers.failed"], rate: report.Aggregate.Rates["http.request_rate"]}, nil
}

func figure(text, pattern string) (float64, error) {
	match := regexp.MustCompile(pattern).FindStringSubmatch(text)
	if match == nil {
		return 0, fmt.Errorf("no %s in:\n%s", pattern, text)
	}
	return strconv.ParseFloat(match[1], 64)
}
