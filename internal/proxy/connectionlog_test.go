package proxy

import (
	"bytes"
	"compress/gzip"
	"crypto/tls"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/albatross-lb/albatross/internal/accesslog"
	"github.com/albatross-lb/albatross/internal/certs"
	"github.com/albatross-lb/albatross/internal/snapshot"
	"github.com/albatross-lb/albatross/lb"
)

// logged keeps the logs of a balancer as files, and gives their lines by the kind of log, which
// is "" for access logs, once the balancer is closed.
func logged(t testing.TB, cfg *lb.Config, b **balancer, variants ...func(testing.TB, *lb.Config) (*lb.Config, func(*snapshot.Options))) (lines func(kind string) []string) {
	dir := t.TempDir()
	logs, err := accesslog.Open(accesslog.Options{Dir: dir, Account: "1", Region: "r", IP: netip.MustParseAddr("10.0.0.250")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(logs.Close)
	*b = newBalancer(t, cfg, func(t testing.TB, cfg *lb.Config) (*lb.Config, func(*snapshot.Options)) {
		var options []func(*snapshot.Options)
		for _, v := range variants {
			next, o := v(t, cfg)
			cfg, options = next, append(options, o)
		}
		return cfg, func(o *snapshot.Options) {
			for _, option := range options {
				option(o)
			}
			o.Logs = logs
		}
	})
	return func(kind string) []string {
		(*b).close()
		logs.Close()
		return readLogs(t, dir, kind)
	}
}

func readLogs(t testing.TB, dir, kind string) (lines []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !strings.HasPrefix(entry.Name(), kind+"1_elasticloadbalancing_") {
			return err
		}
		file, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		z, err := gzip.NewReader(bytes.NewReader(file))
		if err != nil {
			return err
		}
		text, err := io.ReadAll(z)
		lines = append(lines, strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")...)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return lines
}

func withConnectionLog(b *lb.LoadBalancer) {
	b.Attributes["connection_logs.s3.enabled"], b.Attributes["connection_logs.s3.bucket"] = "true", "c"
}

// matchLines insists on as many lines as patterns, each pattern with a line of its own.
func matchLines(t *testing.T, lines, patterns []string) {
	t.Helper()
	if len(lines) != len(patterns) {
		t.Errorf("%d lines, want %d", len(lines), len(patterns))
	}
	for _, p := range patterns {
		matcher, found := regexp.MustCompile("^"+p+"$"), false
		for _, line := range lines {
			found = found || matcher.MatchString(line)
		}
		if !found {
			t.Errorf("no line matches %s:\n%s", p, strings.Join(lines, "\n"))
		}
	}
}

const at = `\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z 127\.0\.0\.1 \d+ `

// A connection has one line, however many requests it has, and its id is in all of theirs.
func TestConnectionLogOfPlainConnections(t *testing.T) {
	cfg := config(serve(t, func(http.ResponseWriter, *http.Request) {}))
	withConnectionLog(cfg.LoadBalancers[0])
	var b *balancer
	lines := logged(t, cfg, &b)
	c := b.dial()
	for range 2 {
		c.send("GET / HTTP/1.1\nHost: x\n\n")
		c.response("GET")
	}
	c.send("what?\n\n")
	c.response("GET")
	silent := b.dial()
	silent.CloseWrite()
	silent.closed()
	c.closed()
	got := lines("conn_log_")
	matchLines(t, got, []string{at + `80 - - - "-" - - - TID_[0-9a-f]{32} - app/web/[^ ]+ 10\.0\.0\.250`, at + `80 - - - "-" - - - TID_.*`})
	id := regexp.MustCompile(`TID_[0-9a-f]{32}`)
	shared := 0
	for _, line := range lines("") {
		for _, connection := range got {
			if id.FindString(line) == id.FindString(connection) {
				shared++
			}
		}
	}
	if shared != 3 {
		t.Errorf("%d requests have the id of their connection, want 3: %q and %q", shared, got, lines(""))
	}
}

// Handshakes that succeed, with and without a certificate, and every way to fail.
func TestConnectionLogOfHandshakes(t *testing.T) {
	stores := t.TempDir()
	alice := authority(t, stores)
	stranger := authority(t, t.TempDir())
	cfg := config(serve(t, func(http.ResponseWriter, *http.Request) {}))
	withConnectionLog(cfg.LoadBalancers[0])
	cfg.LoadBalancers[0].Listeners[0].MutualAuthentication = &lb.MutualAuthentication{Mode: "verify", TrustStoreARN: "arn:aws:elasticloadbalancing:us-east-1:1:truststore/staff/1"}
	var b *balancer
	lines := logged(t, cfg, &b, secured, func(t testing.TB, cfg *lb.Config) (*lb.Config, func(*snapshot.Options)) {
		return cfg, func(o *snapshot.Options) { o.TrustStores = certs.OpenTrustStores(stores) }
	})
	handshake := func(edit func(*tls.Config)) {
		cfg := &tls.Config{InsecureSkipVerify: true, ServerName: "a.example"}
		edit(cfg)
		c, err := tls.Dial("tcp", b.addr(), cfg)
		if err != nil {
			return
		}
		c.SetDeadline(time.Now().Add(time.Minute))
		c.CloseWrite()
		io.Copy(io.Discard, c) // to the end, with the alert that TLS 1.3 may bring late
		c.Close()
	}
	handshake(func(c *tls.Config) { c.Certificates = []tls.Certificate{alice} })
	handshake(func(c *tls.Config) {
		c.Certificates, c.MaxVersion, c.CurvePreferences = []tls.Certificate{alice}, tls.VersionTLS12, []tls.CurveID{tls.CurveP256}
		c.CipherSuites = []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256}
	})
	handshake(func(c *tls.Config) { c.Certificates = []tls.Certificate{stranger} })
	handshake(func(c *tls.Config) {})
	handshake(func(c *tls.Config) { c.MaxVersion = tls.VersionTLS10 })
	probe, err := net.Dial("tcp", b.addr())
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(probe, "GET / HTTP/1.1\r\n\r\n")
	io.Copy(io.Discard, probe)
	probe.Close()

	const cert = `"CN=alice" NotBefore=[^ ]+Z;NotAfter=[^ ]+Z 0ABC `
	const rest = ` app/web/[^ ]+ 10\.0\.0\.250`
	matchLines(t, lines("conn_log_"), []string{
		at + `80 TLSv1\.3 TLS_[A-Z0-9_]+ \d+\.\d{3} ` + cert + `Success TID_[0-9a-f]{32} (x25519|X25519MLKEM768|secp256r1)` + rest,
		at + `80 TLSv1\.2 ECDHE-(RSA|ECDSA)-AES128-GCM-SHA256 \d+\.\d{3} ` + cert + `Success TID_[0-9a-f]{32} secp256r1` + rest,
		at + `80 TLSv1\.3 TLS_[A-Z0-9_]+ - ` + cert + `Failed:ClientCertUntrusted TID_[0-9a-f]{32} [^ -]+` + rest,
		at + `80 TLSv1\.3 TLS_[A-Z0-9_]+ - "-" - - Failed:UnmappedConnectionError TID_[0-9a-f]{32} [^ -]+` + rest, // no certificate
		at + `80 - - - "-" - - Failed:UnmappedConnectionError TID_[0-9a-f]{32} -` + rest,                          // TLS 1.0
		at + `80 - - - "-" - - Failed:UnmappedConnectionError TID_[0-9a-f]{32} -` + rest,                          // no TLS
	})
}

// Where load balancers share a port, a connection is in the log of the one it has come to.
func TestConnectionLogOfSharedPorts(t *testing.T) {
	for _, secure := range []bool{false, true} {
		cfg := config(serve(t, func(http.ResponseWriter, *http.Request) {}))
		first := cfg.LoadBalancers[0]
		second := *first
		second.Key, second.Name, second.Attributes = "shop/z", "z", map[string]string{}
		listener := *first.Listeners[0]
		second.Listeners = []*lb.Listener{&listener}
		for host, b := range map[string]*lb.LoadBalancer{"a.example": first, "z.example": &second} {
			withConnectionLog(b)
			l := b.Listeners[0]
			l.Rules = []*lb.Rule{{Priority: 1, Conditions: []lb.Condition{{Field: lb.HostHeader, HostHeader: &lb.ValuesConfig{Values: []string{host}}}}, Actions: l.DefaultActions}}
		}
		cfg.LoadBalancers = append(cfg.LoadBalancers, &second)
		var variants []func(testing.TB, *lb.Config) (*lb.Config, func(*snapshot.Options))
		if secure {
			variants = append(variants, secured, func(t testing.TB, cfg *lb.Config) (*lb.Config, func(*snapshot.Options)) {
				listener.Protocol, listener.SSLPolicy = lb.HTTPS, first.Listeners[0].SSLPolicy
				return cfg, func(*snapshot.Options) {}
			})
		}
		var b *balancer
		lines := logged(t, cfg, &b, variants...)
		for _, host := range []string{"z.example", ""} {
			ask(t, b.addr(), host, secure)
		}
		got := lines("conn_log_")
		want := []string{at + `80 .* app/z/.*`, at + `80 .* app/web/.*`} // without a request, or a name: the first one's
		matchLines(t, got, want)
	}
}

// ask sends two requests for a host on one connection; without a host it asks for nothing.
func ask(t *testing.T, addr, host string, secure bool) {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(time.Minute))
	conn := c
	if secure {
		secured := tls.Client(c, &tls.Config{InsecureSkipVerify: true, ServerName: host})
		if err := secured.Handshake(); err != nil {
			t.Fatal(err)
		}
		conn = secured
	}
	if host == "" {
		conn.(interface{ CloseWrite() error }).CloseWrite()
		io.Copy(io.Discard, c) // to the end, so that it was served
		return
	}
	io.WriteString(conn, "GET / HTTP/1.1\r\nHost: "+host+"\r\n\r\nGET / HTTP/1.1\r\nHost: "+host+"\r\nConnection: close\r\n\r\n")
	if text, err := io.ReadAll(conn); err != nil || strings.Count(string(text), "HTTP/1.1 200") != 2 {
		t.Errorf("%s: %q, %v", host, text, err)
	}
}
