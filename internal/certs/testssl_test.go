package certs

import (
	"context"
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// testssl.sh, which we did not write, finds nothing above "low" with the policies
// that AWS calls restrictive. It takes minutes, so it runs only where
// ALBATROSS_TESTSSL is set: to 1 for those, or to the name of any policy.
func TestWithTestssl(t *testing.T) {
	wanted := os.Getenv("ALBATROSS_TESTSSL")
	if wanted == "" {
		t.Skip("ALBATROSS_TESTSSL is not set (to 1, or to a policy)")
	}
	program := findTestssl(t)
	ca, err := OpenCA(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	var pairs []*Certificate // both kinds of keys, so that all suites are there to be found
	for _, key := range []crypto.Signer{ecdsa256(), rsa2048()} {
		leaf := signBy(t, ca.leaf([]string{"localhost"}), &issuer{ca.cert, ca.key}, key, func(c *x509.Certificate) {
			c.KeyUsage |= x509.KeyUsageKeyEncipherment
			c.NotAfter = time.Now().Add(90 * 24 * time.Hour)
		})
		pairs = append(pairs, newCertificate("arn", &tls.Certificate{Certificate: [][]byte{leaf.Raw}, PrivateKey: key, Leaf: leaf}))
	}
	for _, name := range PolicyNames() { // about a minute each
		if wanted != name && (wanted != "1" || !strings.Contains(name, "-Res-")) {
			continue
		}
		t.Run(name, func(t *testing.T) {
			p, _ := LookupPolicy(name)
			address := serveTLS(t, Config(p, pairs, []string{"http/1.1"}))
			for _, f := range runTestssl(t, program, ca.CertFile(), address) {
				line := f.Severity + " " + f.ID + ": " + f.Finding
				switch {
				case slices.Contains([]string{"OK", "INFO", "DEBUG"}, f.Severity):
				case f.Severity == "LOW" || ofTheTest(f):
					t.Log(line)
				default:
					t.Error(line)
				}
			}
		})
	}
}

// ofTheTest tells findings that do not come from a Config: about the certificates of the local CA,
// which publishes no revocation list, and about the openssl that testssl.sh uses.
func ofTheTest(f finding) bool {
	return strings.HasPrefix(f.ID, "cert_revocation") || f.ID == "engine_problem"
}

func findTestssl(t *testing.T) string {
	for _, name := range []string{"testssl", "testssl.sh"} {
		if program, err := exec.LookPath(name); err == nil {
			return program
		}
	}
	t.Skip("testssl.sh is not on PATH (Debian package testssl.sh)")
	return ""
}

// serveTLS answers HTTP requests until the test ends.
func serveTLS(t *testing.T, cfg *tls.Config) string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{ReadTimeout: 20 * time.Second, ErrorLog: log.New(io.Discard, "", 0), Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusOK) })}
	go server.Serve(tls.NewListener(listener, cfg))
	t.Cleanup(func() { server.Close() })
	return listener.Addr().String()
}

type finding struct{ ID, Severity, Finding string }

func runTestssl(t *testing.T, program, caFile, address string) []finding {
	report := filepath.Join(t.TempDir(), "report.json")
	end := time.Now().Add(15 * time.Minute)
	if deadline, ok := t.Deadline(); ok && deadline.Before(end) {
		end = deadline.Add(-10 * time.Second) // or it would outlive us
	}
	ctx, cancel := context.WithDeadline(t.Context(), end)
	defer cancel()
	_, port, _ := net.SplitHostPort(address)
	cmd := exec.CommandContext(ctx, program, "--quiet", "--color", "0", "--warnings", "off", "--nodns", "none", "--ip", "127.0.0.1",
		"--add-ca", caFile, "--jsonfile", report, "-p", "-s", "-S", "-P", "-f", "-U", "-g", "localhost:"+port)
	cmd.Dir, cmd.WaitDelay = t.TempDir(), 5*time.Second
	out, err := cmd.CombinedOutput() // its exit code is the number of its findings
	text, readErr := os.ReadFile(report)
	var findings []finding
	if readErr == nil {
		readErr = json.Unmarshal(text, &findings)
	}
	if readErr != nil || len(findings) < 50 || ctx.Err() != nil {
		t.Fatalf("%d findings, %v, %v, %v\n%s", len(findings), readErr, err, ctx.Err(), out)
	}
	return findings
}
