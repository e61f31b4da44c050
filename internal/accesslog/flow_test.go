package accesslog

import (
	"compress/gzip"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/albatross-lb/albatross/lb"
)

func flowRecord() *FlowRecord {
	created := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	return &FlowRecord{
		Time: created.Add(90 * time.Second), Created: created, Listener: "0123456789abcdef",
		Client: netip.MustParseAddrPort("192.0.2.7:5000"), Local: netip.MustParseAddrPort("[2001:db8::1]:443"),
		Duration: 90 * time.Second, Handshake: 2 * time.Millisecond, Received: 10, Sent: 20,
		CertARN: "arn:aws:acm:r:1:certificate/a", Cipher: "TLS_AES_128_GCM_SHA256", Protocol: "tlsv13", Group: "x25519",
		Domain: "a b.example.com", ALPN: "h2", Offered: QuoteProtocols([]string{"h2", "http/1.1", "o \"dd"}),
	}
}

func TestFlowRecord(t *testing.T) {
	r := flowRecord()
	r.LoadBalancer = "net/a/1"
	got := string(r.AppendTo(nil))
	want := `tls 2.0 2026-03-01T12:01:30 net/a/1 0123456789abcdef 192.0.2.7:5000 [2001:db8::1]:443 90000 2 10 20 - arn:aws:acm:r:1:certificate/a - ` +
		`TLS_AES_128_GCM_SHA256 tlsv13 x25519 a\x20b.example.com h2 - "h2","http/1.1","o\x20\x22dd" 2026-03-01T12:00:00` + "\n"
	if got != want {
		t.Errorf("got  %swant %s", got, want)
	}
	failed := FlowRecord{Handshake: -1, Alert: "48"}
	if got := string(failed.AppendTo(nil)); len(strings.Fields(got)) != 22 || !strings.Contains(got, " 0 - 0 0 48 - - ") {
		t.Errorf("of a failed handshake: %s", got)
	}
}

func TestNetworkLogFiles(t *testing.T) {
	dir := t.TempDir()
	s, err := Open(Options{Dir: dir, Account: "1", Region: "r", IP: netip.MustParseAddr("127.0.0.1")})
	if err != nil {
		t.Fatal(err)
	}
	l := s.NetworkLog("net/a/1", "a", "1", lb.LogDelivery{Enabled: true, Bucket: "b"})
	l.WriteFlow(0, flowRecord())
	(*Log)(nil).WriteFlow(0, flowRecord())
	s.Close()
	files, err := filepath.Glob(filepath.Join(dir, "b/AWSLogs/1/elasticloadbalancing/r/*/*/*/*"))
	if err != nil || len(files) != 1 || !regexp.MustCompile(`/1_elasticloadbalancing_r_net\.a\.1_\d{8}T\d{4}Z_[a-z0-9]{8}\.log\.gz$`).MatchString(filepath.ToSlash(files[0])) {
		t.Fatalf("files %v, %v", files, err)
	}
	file, err := os.Open(files[0])
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	z, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(z)
	if err != nil || !strings.HasPrefix(string(text), "tls 2.0 2026-03-01T12:01:30 net/a/1 ") {
		t.Errorf("%q, %v", text, err)
	}
}
