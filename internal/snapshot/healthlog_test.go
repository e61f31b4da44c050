package snapshot

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/albatross-lb/albatross/internal/accesslog"
	"github.com/albatross-lb/albatross/internal/health"
	"github.com/albatross-lb/albatross/lb"
)

// A health check is in the log of every load balancer that forwards to the group and keeps
// such a log, and in no other's.
func TestHealthCheckLogs(t *testing.T) {
	dir := t.TempDir()
	logs, err := accesslog.Open(accesslog.Options{Dir: dir, Account: "1", Region: "r", IP: netip.MustParseAddr("10.0.0.250")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(logs.Close)
	addr := netip.MustParseAddrPort("10.0.0.7:8080")
	cfg := &lb.Config{TargetGroups: map[string]*lb.TargetGroup{
		"g": {Key: "g", Name: "k8s-g", Protocol: lb.HTTP, ProtocolVersion: lb.HTTP1, HealthCheck: &lb.HealthCheck{}, Targets: []lb.Target{{Addr: addr}}},
		"h": {Key: "h", Name: "k8s-h", Protocol: lb.HTTP, ProtocolVersion: lb.HTTP1},
	}}
	for key, group := range map[string]string{"one": "g", "two": "g", "without": "g", "another": "h"} {
		b := balancer(key, &lb.Listener{Port: 80, Protocol: lb.HTTP, DefaultActions: []lb.Action{{Type: lb.ForwardAction,
			Forward: &lb.Forward{TargetGroups: []lb.WeightedTargetGroup{{TargetGroup: group}}}}}})
		b.Attributes = map[string]string{"health_check_logs.s3.enabled": "true", "health_check_logs.s3.bucket": "b"}
		if key == "without" {
			b.Attributes = nil
		}
		cfg.LoadBalancers = append(cfg.LoadBalancers, b)
	}
	o := options(t)
	o.Logs = logs
	s, problems := Build(cfg, o)
	if problems != nil {
		t.Fatal(problems)
	}
	s.LogHealthCheck(health.Observation{
		Key: health.Key{Group: "g", Addr: addr}, Probe: health.Probe{Addr: netip.MustParseAddrPort("10.0.0.7:9000"), Protocol: lb.HTTP},
		Started: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Latency: 2 * time.Second, Result: health.Result{Reason: lb.ResponseCodeMismatch, Code: 404},
	})
	s.LogHealthCheck(health.Observation{Key: health.Key{Group: "gone", Addr: addr}})
	logs.Close()

	files, err := filepath.Glob(filepath.Join(dir, "b/AWSLogs/1/elasticloadbalancing/r/*/*/*/health_check_log_1_elasticloadbalancing_r_app.*.log.gz"))
	if err != nil || len(files) != 2 {
		t.Fatalf("%q, %v", files, err)
	}
	for i, name := range []string{"one", "two"} {
		want := `^http 2026-01-02T03:04:05\.000000Z 2\.000000000 10\.0\.0\.7:8080 k8s-g FAIL 404 ResponseCodeMismatch app/` + name + `/[0-9a-f]+ 10\.0\.0\.250\n$`
		if got := unpacked(t, files[i]); !strings.Contains(files[i], "_app."+name+".") || !regexp.MustCompile(want).MatchString(got) {
			t.Errorf("%s: %q", files[i], got)
		}
	}
}

func unpacked(t *testing.T, name string) string {
	t.Helper()
	packed, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
