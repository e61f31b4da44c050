package accesslog

import (
	"net/netip"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/albatross-lb/albatross/lb"
)

// athena is AWS's own expression for these lines (Amazon Athena user guide, Create the table
// for ALB connection logs).
var athena = regexp.MustCompile(`^([^ ]*) ([^ ]*) ([0-9]*) ([0-9]*) ([A-Za-z0-9.-]*) ([^ ]*) ([-.0-9]*) "([^"]*)" ([^ ]*) ([^ ]*) ([^ ]*) ?([^ ]*)?( .*)?$`)

func TestConnectionLine(t *testing.T) {
	mutual := ConnectionRecord{
		Time: time.Date(2026, 10, 4, 17, 5, 15, 514_108_999, time.UTC), Client: netip.MustParseAddrPort("203.0.113.1:36280"), Port: 443,
		Protocol: "TLSv1.2", Cipher: "ECDHE-RSA-AES128-GCM-SHA256", KeyExchange: "x25519", Handshake: 4036 * time.Millisecond, Status: "Success",
		LeafSubject: "CN=amazondomains.com,O=endEntity,L=Seattle,ST=Washington,C=US", LeafSerial: "FEF257372D5C14D4",
		LeafValidity: "NotBefore=2023-09-21T22:43:21Z;NotAfter=2026-06-17T22:43:21Z", ConnTraceID: "TID_3180a73013c8ca4bac2f731159d4b0fe",
		LoadBalancer: "app/a/1", Node: "10.0.0.250",
	}
	failed := mutual
	failed.Status = "Failed:ClientCertUntrusted"
	plain := ConnectionRecord{Time: mutual.Time, Client: netip.MustParseAddrPort("[2001:db8::1]:5"), Port: 80, ConnTraceID: "TID_1", LoadBalancer: "app/a/1"}
	odd := failed
	odd.LeafSubject, odd.LeafSerial = `CN=a "b" \2C `+strings.Repeat("x", 2000), strings.Repeat("A", 200)
	const cert = `"CN=amazondomains.com,O=endEntity,L=Seattle,ST=Washington,C=US" NotBefore=2023-09-21T22:43:21Z;NotAfter=2026-06-17T22:43:21Z FEF257372D5C14D4 `
	for name, c := range map[string]struct {
		record ConnectionRecord
		want   string
	}{
		"mutual": {mutual, `2026-10-04T17:05:15.514108Z 203.0.113.1 36280 443 TLSv1.2 ECDHE-RSA-AES128-GCM-SHA256 4.036 ` + cert +
			`Success TID_3180a73013c8ca4bac2f731159d4b0fe x25519 app/a/1 10.0.0.250`},
		"failed": {failed, `2026-10-04T17:05:15.514108Z 203.0.113.1 36280 443 TLSv1.2 ECDHE-RSA-AES128-GCM-SHA256 - ` + cert +
			`Failed:ClientCertUntrusted TID_3180a73013c8ca4bac2f731159d4b0fe x25519 app/a/1 10.0.0.250`},
		"plain": {plain, `2026-10-04T17:05:15.514108Z 2001:db8::1 5 80 - - - "-" - - - TID_1 - app/a/1 -`},
		"odd": {odd, `2026-10-04T17:05:15.514108Z 203.0.113.1 36280 443 TLSv1.2 ECDHE-RSA-AES128-GCM-SHA256 - "CN=a \x22b\x22 \x5C2C ` +
			strings.Repeat("x", 1024-len(`CN=a "b" \2C `)) + `" NotBefore=2023-09-21T22:43:21Z;NotAfter=2026-06-17T22:43:21Z ` + strings.Repeat("A", 64) +
			` Failed:ClientCertUntrusted TID_3180a73013c8ca4bac2f731159d4b0fe x25519 app/a/1 10.0.0.250`},
	} {
		got := string(c.record.AppendTo(nil))
		if got != c.want+"\n" {
			t.Errorf("%s: got  %swant %s", name, got, c.want)
		}
		fields := athena.FindStringSubmatch(strings.TrimSuffix(got, "\n"))
		if fields == nil || fields[12] != c.record.ConnTraceID || len(strings.Fields(fields[13])) != 3 {
			t.Errorf("%s: AWS's expression finds %q", name, fields)
		}
	}
}

func TestHealthCheckLine(t *testing.T) {
	passed := HealthCheckRecord{
		Type: "http", Time: time.Date(2025, 10, 31, 12, 44, 59, 875_678_000, time.UTC), Latency: 19_584_011, Target: netip.MustParseAddrPort("172.31.20.97:80"),
		TargetGroup: "HCLogsTestIPs", Passed: true, Code: 200, LoadBalancer: "app/a/1", Node: "10.0.0.250",
	}
	failed := HealthCheckRecord{Type: "http", Time: passed.Time, Latency: 1_121_980_746, Target: passed.Target, TargetGroup: "HCLogsTestIPs", Code: 502, Reason: "TargetError"}
	silent := HealthCheckRecord{Type: "grpc", Time: passed.Time, Latency: 5 * time.Second, Target: passed.Target, TargetGroup: "a b", Code: -1, Reason: "TimedOut"}
	for want, r := range map[string]HealthCheckRecord{ // the first two are AWS's examples
		"http 2025-10-31T12:44:59.875678Z 0.019584011 172.31.20.97:80 HCLogsTestIPs PASS 200 - app/a/1 10.0.0.250\n": passed,
		"http 2025-10-31T12:44:59.875678Z 1.121980746 172.31.20.97:80 HCLogsTestIPs FAIL 502 TargetError - -\n":      failed,
		"grpc 2025-10-31T12:44:59.875678Z 5.000000000 172.31.20.97:80 a\\x20b FAIL - TimedOut - -\n":                 silent,
	} {
		if got := string(r.AppendTo(nil)); got != want {
			t.Errorf("got  %swant %s", got, want)
		}
	}
}

// Each kind says of its delivery which attribute is wrong.
func TestCheckNamesTheAttribute(t *testing.T) {
	for k, want := range map[*kind]string{requests: "set access_logs.s3.bucket", connections: "set connection_logs.s3.bucket", healthChecks: "set health_check_logs.s3.bucket"} {
		if err := k.check(lb.LogDelivery{Enabled: true}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// Only access logs go to standard output.
func TestOtherKindsAreNotOnStdout(t *testing.T) {
	var out strings.Builder
	s := open(t, Options{Stdout: &out})
	s.ConnectionLog("a", "a", "1", lb.LogDelivery{}).WriteConnection(0, &ConnectionRecord{})
	s.HealthCheckLog("a", "a", "1", delivery).WriteHealthCheck(&HealthCheckRecord{})
	s.Close()
	if out.Len() > 0 || len(files(t, s.opts.Dir)) != 1 {
		t.Errorf("standard output %q, files %q", out.String(), files(t, s.opts.Dir))
	}
}

func TestNewLinesAllocateNothing(t *testing.T) {
	buf := make([]byte, 0, 4096)
	c := ConnectionRecord{Time: time.Now(), Client: netip.MustParseAddrPort("[2001:db8::1%eth0]:5"), Status: "Success", LeafSubject: `CN="x"`}
	h := HealthCheckRecord{Time: time.Now(), Target: netip.MustParseAddrPort("10.0.0.1:80"), Latency: time.Second, Reason: "TimedOut"}
	if n := testing.AllocsPerRun(100, func() { buf = h.AppendTo(c.AppendTo(buf[:0])) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// Whatever a client has in its certificate, AWS's expression finds the fields.
func FuzzConnectionLine(f *testing.F) {
	f.Add("CN=a", "NotBefore=x", "0A")
	f.Add("CN=\" - \"\n", " ", `\`)
	f.Fuzz(func(t *testing.T, subject, validity, serial string) {
		r := ConnectionRecord{Client: netip.MustParseAddrPort("1.2.3.4:5"), Status: "Success", LeafSubject: subject, LeafValidity: validity, LeafSerial: serial, ConnTraceID: "TID_1"}
		line := string(r.AppendTo(nil))
		fields := athena.FindStringSubmatch(strings.TrimSuffix(line, "\n"))
		if strings.Count(line, "\n") != 1 || fields == nil || fields[11] != "Success" || fields[12] != "TID_1" {
			t.Errorf("%q: %q", line, fields)
		}
	})
}
