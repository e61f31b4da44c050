package main

import (
	"strings"
	"testing"
)

func TestReadAB(t *testing.T) {
	report := `Complete requests:      1000
Failed requests:        3
   (Connect: 0, Receive: 0, Length: 3, Exceptions: 0)
Requests per second:    8142.50 [#/sec] (mean)
`
	r, err := readAB(report)
	if err != nil || r.requests != 1000 || r.failed != 3 || r.rate != 8142.5 {
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
	report := "  60082 requests in 2.00s, 9.11MB read\nRequests/sec:  29975.10\n"
	if r, err := readWrk(report); err != nil || r.requests != 60082 || r.failed != 0 || r.rate != 29975.1 {
		t.Errorf("got %+v, %v", r, err)
	}
	report += "  Socket errors: connect 1, read 2, write 3, timeout 4\n  Non-2xx or 3xx responses: 5\n"
	if r, _ := readWrk(report); r.failed != 15 {
		t.Errorf("failures are not counted: %+v", r)
	}
}

func TestReadArtillery(t *testing.T) {
	r, err := readArtillery([]byte(`{"aggregate":{"counters":{"http.requests":100,"http.codes.200":90,"http.codes.401":6,"errors.ECONNRESET":4,
		"vusers.created":100,"vusers.failed":4},"rates":{"http.request_rate":12}}}`))
	if err != nil || r.requests != 100 || r.failed != 14 || r.rate != 12 {
		t.Errorf("got %+v, %v", r, err)
	}
	if _, err := readArtillery([]byte(`{"aggregate":{"counters":{}}}`)); err == nil {
		t.Error("a report without requests is accepted")
	}
}

func TestFillIn(t *testing.T) {
	test := "# four minutes\nconfig:\n  target: 'http://$EXTERNAL_IP'\n  phases:\n    - duration: 60\n      arrivalRate: 10\n    - duration: 5\n"
	got := fillIn(test, &scene{url: "https://localhost:1", token: "T"}, 10)
	want := "# four minutes\nconfig:\n  http:\n    defaults:\n      headers:\n        Authorization: 'Bearer T'\n  target: 'https://localhost:1'\n" +
		"  phases:\n    - duration: 6\n      arrivalRate: 10\n    - duration: 1\n"
	if got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
	if got := fillIn(test, &scene{url: "http://localhost:1"}, 1); strings.Contains(got, "Bearer") || !strings.Contains(got, "duration: 60") {
		t.Errorf("without a token, at full length:\n%s", got)
	}
}
