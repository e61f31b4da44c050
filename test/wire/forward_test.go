package wire

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"
)

// FuzzForward sends anything through the real load balancer. Whatever reaches the target must
// be read there as exactly one request for each answer that the client got, by net/http and by nginx.
func FuzzForward(f *testing.F) {
	for _, c := range ambiguities {
		f.Add(byte(0), []byte(strings.ReplaceAll(c.raw, "\n", "\r\n")))
	}
	f.Add(byte(1), []byte("GET /1 HTTP/1.1\r\nHost: a\r\n\r\nPOST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhelloGET /3 HTTP/1.0\r\n\r\n"))
	f.Add(byte(1), []byte("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 30\r\n\r\nGET /evil HTTP/1.1\r\nHost: b\r\n\r\n"))
	f.Add(byte(2), []byte("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: X\r\n\r\n3;a=b\r\nabc\r\n0\r\nX: y\r\n\r\n"))
	f.Add(byte(1), []byte("GET http://b/?x HTTP/1.1\r\nHost: a\r\nConnection: close, X\r\nX: 1\r\nUpgrade: y\r\n\r\n"))
	f.Fuzz(func(t *testing.T, mode byte, raw []byte) {
		if len(raw) > 2048 {
			return
		}
		if err := forwards(modes[int(mode)%len(modes)], raw); err != nil {
			t.Fatal(err)
		}
	})
}

// TestForwardMutated breaks framing in all the ways that smuggling tries, far more often than a fuzzer meets
// them. It has the machine to itself for its two seconds. The requests are the same in each run, or a run might fail of which
// nobody could tell why; FuzzForward is for finding others.
func TestForwardMutated(t *testing.T) {
	m := mutator{rand.New(rand.NewPCG(1, 2))}
	rounds, through := 0, 0
	for deadline := time.Now().Add(2 * time.Second); time.Now().Before(deadline) || rounds < 50; rounds++ {
		raw := m.request()
		if m.IntN(4) == 0 {
			raw += m.request()
		}
		before := forwarded
		if err := forwards(modes[rounds%len(modes)], []byte(raw)); err != nil {
			t.Fatal(err)
		}
		if forwarded > before {
			through++
		}
	}
	t.Logf("%d of %d mutated requests reached the target, and were read alike there", through, rounds)
	if through < rounds/10 {
		t.Errorf("only %d of %d mutated requests reached the target: nothing is being tested", through, rounds)
	}
}

// forwarding is held for each request, so that it is known what belongs to which.
var forwarding sync.Mutex

// forwarded counts the requests that reached a target in forwards; guarded by forwarding.
var forwarded int

// forwards sends raw on a connection of its own and compares what came of it on both sides. The
// client half-closes, which on a slow machine may count as having left, so a difference must show three times.
func forwards(mode string, raw []byte) (err error) {
	forwarding.Lock()
	defer forwarding.Unlock()
	r := recorderAt("fuzz-" + mode)
	for range 3 {
		if err = r.compare(raw); err == nil {
			return nil
		}
	}
	return fmt.Errorf("%s: %w", mode, err)
}

func (r *recorder) compare(raw []byte) error {
	r.take()
	answer, err := r.exchange(raw)
	if err != nil {
		return err
	}
	requests, refused, _ := r.take()
	forwarded += len(requests)
	answered := bytes.Count(answer, []byte("X-Recorded: yes\r\n"))
	if answered != len(requests) {
		return fmt.Errorf("%q: the client got %d answers (%q), and the target read %d requests: %q", raw, answered, answer, len(requests), requests)
	}
	if no := bytes.Count(answer, []byte("X-Recorded: no\r\n")); no != len(refused) {
		return fmt.Errorf("%q: the client got %d refusals of the target (%q), which refused %v", raw, no, answer, refused)
	}
	second, err := secondParser()
	if second == nil {
		return err
	}
	for _, s := range requests {
		if err := second.agrees(s); err != nil {
			return fmt.Errorf("%q: %w", raw, err)
		}
	}
	return nil
}

// mutator makes requests that are nearly right.
type mutator struct{ *rand.Rand }

func (m mutator) pick(s ...string) string { return s[m.IntN(len(s))] }

func (m mutator) mutate(s string) string {
	for range m.IntN(3) {
		at := m.IntN(len(s) + 1)
		cut := min(at+m.IntN(2), len(s))
		s = s[:at] + m.pick("", " ", "\t", "\x0b", "_", "-", "\x00", "\x01", "\r", "\n", "\r\n", "\r\n ", "\x7f", "\xa0", "\xc5\xbf", ":", ",", ";", "\"", "0", "+", "x") + s[cut:]
	}
	return s
}

func (m mutator) request() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s HTTP/1.%s%s", m.pick("GET", "POST", "POST", "HEAD", "OPTIONS"), m.pick("/", "/", "http://x/", m.mutate("/a?b")),
		m.pick("1", "1", "1", "1", "0", "2"), m.pick("\r\n", "\r\n", "\r\n", "\n"))
	b.WriteString(m.pick("Host: h\r\n", "Host: h\r\n", "Host: h\r\n", m.mutate("Host: h")+"\r\n"))
	body := ""
	for range m.IntN(4) {
		line := m.pick("Content-Length: 5", "Content-Length: 5", "Content-Length: 05", "content-length: 6", "Transfer-Encoding: chunked", "Transfer-Encoding: chunked",
			"Transfer-Encoding: identity", "X-A: b", "Connection: content-length, x-a, transfer-encoding", "Connection: keep-alive", "Trailer: x", "Expect: 100-continue", "Upgrade: y\r\nConnection: upgrade")
		switch {
		case strings.HasPrefix(line, "Content-Length"):
			body = "hello"
		case strings.HasSuffix(line, "chunked"):
			body = m.pick("5\r\nhello\r\n0\r\n\r\n", "5\r\nhello\r\n0\r\n\r\n", m.mutate("5;a=b\r\nhello\r\n0\r\nX: y\r\n\r\n"))
		}
		if m.IntN(3) == 0 {
			line = m.mutate(line)
		}
		b.WriteString(line + m.pick("\r\n", "\r\n", "\r\n", "\r\n", "\n"))
	}
	b.WriteString("\r\n" + body)
	return b.String()
}
