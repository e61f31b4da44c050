package http2

import (
	"bytes"
	"net"
	"os/exec"
	"regexp"
	"testing"
	"time"
)

// TestH2Spec runs h2spec (github.com/summerwind/h2spec, 2.2.1) against us, where it is on the PATH: with a
// handler that reads a request before it answers, and with one that answers at once, so that most of
// h2spec's faults come behind the end of the response.
func TestH2Spec(t *testing.T) {
	h2spec, err := exec.LookPath("h2spec")
	if err != nil {
		t.Skip("h2spec is not on the PATH: go install github.com/summerwind/h2spec/cmd/h2spec@v2.2.1+incompatible")
	}
	for _, secure := range []bool{true, false} {
		for name, handler := range map[string]func(*Stream){"hello": hello, "early": early} {
			s := serve(t, Limits{Idle: 5 * time.Second}, nil, handler)
			args := []string{"-h", "127.0.0.1", "-o", "120"} // seconds for an answer, which nothing waits out where all is well
			if secure {
				s = serve(t, Limits{Idle: 5 * time.Second}, testTLS(), handler)
				args = append(args, "-t", "-k")
			}
			_, port, _ := net.SplitHostPort(s.addr)
			out, err := exec.Command(h2spec, append(args, "-p", port)...).CombinedOutput()
			m := regexp.MustCompile(`(\d+) tests, (\d+) passed, \d+ skipped, (\d+) failed`).FindSubmatch(out)
			if m == nil {
				t.Fatalf("h2spec: %v\n%s", err, out)
			}
			t.Logf("h2spec: %s of %s (%s, TLS %v)", m[2], m[1], name, secure)
			if string(m[1]) != string(m[2]) {
				t.Errorf("%s", out[max(0, bytes.Index(out, []byte("Failures:"))):])
			}
		}
	}
}

// early answers without a look at the body.
func early(s *Stream) {
	if s.WriteHead(200, []byte("Content-Length: 13\r\n"), string(s.Method) == "HEAD") == nil && string(s.Method) != "HEAD" {
		s.WriteEnd([]byte("Hello, world!"))
	}
}
