package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestReadAB(t *testing.T) {
	report := `Complete requests:      1000
Failed requests:        3
   (Connect: 0, Receive: 0, Length: 3, Exceptions: 0)
Requests per second:    8142.50 [#/sec] (mean)
  98%      2
  99%      3
 100%      9 (longest request)
`
	r, err := readAB(report)
	if err != nil || r.requests != 1000 || r.failed != 3 || r.rate != 8142.5 || r.p99 != 3 {
		t.Errorf("got %+v, %v", r, err)
	}
	if r, _ := readAB(strings.Replace(report, "Requests per", "Non-2xx responses:      5\nRequests per", 1)); r.failed != 8 {
		t.Errorf("non-2xx are not counted: %+v", r)
	}
	if _, err := readAB("apr_socket_recv: Connection refused (111)"); err == nil {
		t.Error("no report is accepted as one")
	}
}

func TestReadWrk(t *testing.T) {
	report := "     90%  900.00us\n     99%    2.50ms\n  60082 requests in 2.00s, 9.11MB read\nRequests/sec:  29975.10\n"
	if r, err := readWrk(report); err != nil || r.requests != 60082 || r.failed != 0 || r.rate != 29975.1 || r.p99 != 2.5 {
		t.Errorf("got %+v, %v", r, err)
	}
	report += "  Socket errors: connect 1, read 2, write 3, timeout 4\n  Non-2xx or 3xx responses: 5\n"
	if r, _ := readWrk(report); r.failed != 15 {
		t.Errorf("failures are not counted: %+v", r)
	}
}

func TestReadArtillery(t *testing.T) {
	r, err := readArtillery([]byte(`{"aggregate":{"counters":{"http.requests":100,"http.codes.200":90,"http.codes.401":6,"errors.ECONNRESET":4,
		"vusers.created":100,"vusers.failed":4},"rates":{"http.request_rate":12},
		"summaries":{"http.response_time":{"min":1,"p99":7.9}}}}`))
	if err != nil || r.requests != 100 || r.failed != 14 || r.rate != 12 || r.p99 != 7.9 {
		t.Errorf("got %+v, %v", r, err)
	}
	if _, err := readArtillery([]byte(`{"aggregate":{"counters":{}}}`)); err == nil {
		t.Error("a report without requests is accepted")
	}
}

func TestFillIn(t *testing.T) {
	test := "# four minutes\nconfig:\n  target: 'http://$EXTERNAL_IP'\n  phases:\n    - duration: 60\n      arrivalRate: 10\n    - duration: 5\n"
	got := fillIn(test, "https://localhost:1", "T", 10)
	want := "# four minutes\nconfig:\n  http:\n    defaults:\n      headers:\n        Authorization: 'Bearer T'\n  target: 'https://localhost:1'\n" +
		"  phases:\n    - duration: 6\n      arrivalRate: 10\n    - duration: 1\n"
	if got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
	if got := fillIn(test, "http://localhost:1", "", 1); strings.Contains(got, "Bearer") || !strings.Contains(got, "duration: 60") {
		t.Errorf("without a token, at full length:\n%s", got)
	}
}

func TestTable(t *testing.T) {
	text, failed := table([]result{
		{scene: "HTTP", what: "curl /health", through: "albatross", requests: 1},
		{scene: "HTTP", what: "wrk", through: "nginx", requests: 10, failed: 2, rate: 1234.5, p99: 2.345},
	})
	want := "| HTTP | curl /health | albatross | 1 | 0 |  |  |\n| HTTP | wrk | nginx | 10 | 2 | 1234 | 2.35 ms |\n"
	if failed != 2 || !strings.HasSuffix(text, want) {
		t.Errorf("%d failed of\n%s", failed, text)
	}
	path := filepath.Join(t.TempDir(), "README.md")
	if err := os.WriteFile(path, []byte("before\n"+tableStart+"old\n"+tableEnd+"after\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second time it looks the same
		if err := replace(path, "new\n"); err != nil {
			t.Fatal(err)
		}
		if got, _ := os.ReadFile(path); string(got) != "before\n"+tableStart+"\nnew\n\n"+tableEnd+"after\n" {
			t.Errorf("%q", got)
		}
	}
	if err := os.WriteFile(path, []byte("no markers"), 0o600); err != nil {
		t.Fatal(err)
	}
	if replace(path, "x") == nil {
		t.Error("a document without marker lines was written")
	}
}

func TestSum(t *testing.T) {
	got := sum([]result{{requests: 10, rate: 5, p99: 3}, {requests: 20, failed: 1, rate: 7, p99: 1}, {requests: 30, rate: 6, p99: 2}})
	if got != (result{requests: 60, failed: 1, rate: 6, p99: 2}) {
		t.Errorf("%+v", got)
	}
}
