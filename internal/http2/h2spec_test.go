package http2

import (
	"bytes"
	"net"
	"os/exec"
	"regexp"
	"testing"
	"time"
)

// TestH2Spec runs h2spec (github.com/summerwind/h2spec, 2.2.1) against us, where it is on the PATH.
func TestH2Spec(t *testing.T) {
	h2spec, err := exec.LookPath("h2spec")
	if err != nil {
		t.Skip("h2spec is not on the PATH: go install github.com/summerwind/h2spec/cmd/h2spec@v2.2.1+incompatible")
	}
	for _, secure := range []bool{true, false} {
		s := serve(t, Limits{Idle: 5 * time.Second}, nil, hello)
		args := []string{"-h", "127.0.0.1", "-o", "2"}
		if secure {
			s = serve(t, Limits{Idle: 5 * time.Second}, testTLS(), hello)
			args = append(args, "-t", "-k")
		}
		_, port, _ := net.SplitHostPort(s.addr)
		out, err := exec.Command(h2spec, append(args, "-p", port)...).CombinedOutput()
		m := regexp.MustCompile(`(\d+) tests, (\d+) passed, \d+ skipped, (\d+) failed`).FindSubmatch(out)
		if m == nil {
			t.Fatalf("h2spec: %v\n%s", err, out)
		}
		t.Logf("h2spec: %s of %s (TLS %v)", m[2], m[1], secure)
		if string(m[1]) != string(m[2]) {
			t.Errorf("%s", out[bytes.Index(out, []byte("Failures:")):])
		}
	}
}
