package main

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const wrkReport = `Running 2s test @ http://127.0.0.1:1234/
  1 threads and 64 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     1.80ms    2.20ms  34.60ms   94.70%
    Req/Sec    41.68k     3.77k   47.05k    65.00%
  Latency Distribution
     50%    1.30ms
     75%    1.59ms
     90%    2.71ms
     99%   12.58ms
  82938 requests in 2.01s, 11.15MB read
Requests/sec:  41262.43
Transfer/sec:      5.55MB
`

func TestReadWrk(t *testing.T) {
	s, err := readWrk(wrkReport)
	want := sample{done: 82938, rate: 41262.43, p50: 1300 * time.Microsecond, p99: 12580 * time.Microsecond}
	if err != nil || s != want {
		t.Errorf("got %+v, %v; want %+v", s, err, want)
	}
	s.busy = 829380 * time.Microsecond
	if cpu(s) != 10 {
		t.Errorf("%v us a request, want 10", cpu(s))
	}
	for _, line := range []string{"  Non-2xx or 3xx responses: 7\n", "  Socket errors: connect 0, read 3, write 0, timeout 0\n"} {
		if _, err := readWrk(wrkReport + line); err == nil || err.Error() != strings.TrimSpace(line) {
			t.Errorf("with %q: %v", line, err)
		}
	}
	if _, err := readWrk("unable to connect"); err == nil {
		t.Error("a report without figures is accepted")
	}
}

const abReport = `Server Hostname:        127.0.0.1
Complete requests:      5021
Failed requests:        0
Requests per second:    1004.11 [#/sec] (mean)
Percentage of the requests served within a certain time (ms)
  50%     61
  99%    102
 100%    113 (longest request)
`

func TestReadAB(t *testing.T) {
	s, err := readAB(abReport)
	if want := (sample{done: 5021, rate: 1004.11, p50: 61 * time.Millisecond, p99: 102 * time.Millisecond}); err != nil || s != want {
		t.Errorf("got %+v, %v; want %+v", s, err, want)
	}
	if _, err := readAB(strings.Replace(abReport, "Failed requests:        0", "Failed requests:        1", 1)); err == nil {
		t.Error("a failed request is accepted")
	}
	if _, err := readAB(abReport + "Non-2xx responses:      3\n"); err == nil {
		t.Error("an answer other than 2xx is accepted")
	}
}

const h2Report = `Application protocol: h2
finished in 2.00s, 41234.50 req/s, 4.05MB/s
requests: 82469 total, 82549 started, 82469 done, 82469 succeeded, 0 failed, 0 errored, 0 timeout
status codes: 82477 2xx, 0 3xx, 0 4xx, 0 5xx
`

func TestReadH2load(t *testing.T) {
	s, err := readH2load(h2Report)
	if want := (sample{done: 82469, rate: 41234.5}); err != nil || s != want {
		t.Errorf("got %+v, %v; want %+v", s, err, want)
	}
	for was, is := range map[string]string{"protocol: h2": "protocol: http/1.1", " 0 failed": " 2 failed", "82477 2xx": "80000 2xx"} {
		if _, err := readH2load(strings.Replace(h2Report, was, is, 1)); err == nil {
			t.Errorf("%q is accepted", is)
		}
	}
}

func TestSummary(t *testing.T) {
	one, two := &entrant{proxy: &proxy{}, label: "nginx"}, &entrant{proxy: &proxy{}, label: "albatross"}
	w := &work{title: "Work", figure: func(s sample) float64 { return s.value }, format: "%.1f us", entrants: []*entrant{one, two},
		aims:    []aim{{"albatross", "nginx", 0.9}, {"albatross", "haproxy", 1}, {"albatross", "", 7}},
		samples: map[*entrant][]sample{one: {{value: 10}, {value: 20}, {value: 10}}, two: {{value: 8}, {value: 19}, {value: 7}}}}
	var b strings.Builder
	w.summary(&b)
	if want := "| Work | 8.0 us | 0.80 (0.70-0.95) | - | 0.90 of nginx; at most 7.0 us | met; missed |\n"; b.String() != want {
		t.Errorf("got  %swant %s", b.String(), want)
	}
}

func TestStatTime(t *testing.T) {
	line := "1234 (a) name (x)) S 1 1234 1234 0 -1 4194560 500 0 0 0 250 75 9 9 20 0 5 0 100 1000 200"
	if got, err := statTime(line); err != nil || got != 3250*time.Millisecond {
		t.Errorf("got %v, %v; want 3.25s", got, err)
	}
	if _, err := statTime("1234 (name) S 1"); err == nil {
		t.Error("half a line is accepted")
	}
}

func TestCPUTimeGrows(t *testing.T) {
	before, err := cpuTime(os.Getpid())
	if os.IsNotExist(err) {
		t.Skip("no /proc here")
	}
	for x, end := 0.0, time.Now().Add(10*time.Second); time.Now().Before(end); x = math.Sqrt(x + 1) {
		if after, err := cpuTime(os.Getpid()); err != nil || after > before {
			return
		}
	}
	t.Errorf("ten seconds of work do not show; before %v, error %v", before, err)
}

func TestMedian(t *testing.T) {
	rate := func(s sample) float64 { return s.rate }
	if got := median([]sample{{rate: 3}, {rate: 100}, {rate: 2}}, rate); got != 3 {
		t.Errorf("of three: %v", got)
	}
	if got := median([]sample{{rate: 3}, {rate: 100}, {rate: 2}, {rate: 5}}, rate); got != 4 {
		t.Errorf("of four: %v", got)
	}
}

func TestReplaceTable(t *testing.T) {
	path := filepath.Join(t.TempDir(), "README.md")
	for _, table := range []string{"first", "second"} {
		if table == "first" {
			os.WriteFile(path, []byte("above\n"+tableStart+tableEnd+"below\n"), 0o600)
		}
		if err := replaceTable(path, table); err != nil {
			t.Fatal(err)
		}
	}
	got, _ := os.ReadFile(path)
	if want := "above\n" + tableStart + "\nsecond\n" + tableEnd + "below\n"; string(got) != want {
		t.Errorf("got %q, want %q", got, want)
	}
	os.WriteFile(path, []byte("no markers"), 0o600)
	if replaceTable(path, "x") == nil {
		t.Error("a document without markers is accepted")
	}
}
