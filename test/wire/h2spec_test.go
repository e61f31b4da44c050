package wire

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"os/exec"
	"regexp"
	"testing"
)

// TestH2Spec runs h2spec (github.com/summerwind/h2spec, 2.2.1) over TLS: with a target that reads a request
// before it answers, and with one that answers as soon as it sees a head.
func TestH2Spec(t *testing.T) {
	h2spec, err := exec.LookPath("h2spec")
	if err != nil {
		t.Skip("h2spec is not on the PATH: go install github.com/summerwind/h2spec/cmd/h2spec@v2.2.1+incompatible")
	}
	t.Parallel()
	for name, serve := range map[string]func(net.Listener){"h2spec-late": serveLate, "h2spec-early": serveEarly} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := findPlace(name)
			go serve(p.targets)
			_, port, _ := net.SplitHostPort(p.addr())
			out, err := exec.Command(h2spec, "-h", "127.0.0.1", "-p", port, "-t", "-k", "-o", "120").CombinedOutput()
			m := regexp.MustCompile(`(\d+) tests, (\d+) passed`).FindSubmatch(out)
			if m == nil {
				t.Fatalf("h2spec: %v\n%s", err, out)
			}
			t.Logf("h2spec: %s of %s", m[2], m[1])
			if string(m[1]) != string(m[2]) {
				t.Errorf("%s", out[max(0, bytes.Index(out, []byte("Failures:"))):])
			}
		})
	}
}

func serveLate(l net.Listener) {
	http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		io.WriteString(w, "hello, world")
	}))
}

func serveEarly(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go answerEarly(c)
	}
}

// answerEarly answers each head without a look at what follows it.
func answerEarly(c net.Conn) {
	defer c.Close()
	buf := make([]byte, 64<<10)
	for {
		n, err := c.Read(buf)
		for range bytes.Count(buf[:n], []byte("\r\nHost: ")) {
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\nhello, world")
		}
		if err != nil {
			return
		}
	}
}
