package http1

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// TestRequestMutated breaks framing lines in all ways that smuggling tries, far
// more often than a fuzzer meets them, and asks of whatever passes what
// FuzzRequest asks.
func TestRequestMutated(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	pick := func(s ...string) string { return s[rnd.IntN(len(s))] }
	mutate := func(s string) string {
		for range rnd.IntN(3) {
			at := rnd.IntN(len(s) + 1)
			cut := min(at+rnd.IntN(2), len(s))
			s = s[:at] + pick("", " ", "\t", "\x0b", "_", "-", "\x00", "\x01", "\r", "\n", "\r\n", "\r\n ", "\x7f", "\xa0", "\xc5\xbf", ":", ",", ";", "\"", "0", "+", "x") + s[cut:]
		}
		return s
	}
	rounds, passed := 100_000, 0
	if testing.Short() {
		rounds /= 10
	}
	for range rounds {
		var b strings.Builder
		fmt.Fprintf(&b, "%s %s HTTP/1.%s%s", pick("GET", "POST", "HEAD", "OPTIONS"), pick("/", "/", "http://x/", mutate("/a?b")), pick("1", "1", "1", "0", "2"), pick("\r\n", "\r\n", "\r\n", "\n"))
		fmt.Fprintf(&b, "Host: h\r\n")
		for range rnd.IntN(4) {
			line := pick("Content-Length: 5", "Content-Length: 5", "Content-Length: 05", "content-length: 6", "Transfer-Encoding: chunked", "Transfer-Encoding: chunked", "Transfer-Encoding: identity", "transfer-encoding: identity ,chunked", "X-A: b", "Connection: content-length, x-a, transfer-encoding", "Trailer: x")
			if rnd.IntN(2) == 0 {
				line = mutate(line)
			}
			b.WriteString(line + pick("\r\n", "\r\n", "\r\n", "\r\n", "\n"))
		}
		b.WriteString("\r\n")
		raw := []byte(b.String())
		for _, mode := range []Mode{Defensive, Monitor, Strictest} {
			var r Request
			n, _ := r.Parse(raw, Limits{Mode: mode})
			if n == 0 {
				continue
			}
			passed++
			if r.classify() != r.Class || mode == Strictest && r.Class.Tier != Compliant || mode == Defensive && (r.Class.Tier == Severe || r.Close != (r.Class.Tier == Ambiguous)) {
				t.Fatalf("%q in mode %v: %v, by the rules %v, %s", raw, mode, r.Class, r.classify(), describe(&r))
			}
			checkForwarded(t, &r)
		}
	}
	if passed < rounds/2 {
		t.Errorf("only %d of %d passed: nothing is being tested", passed, rounds)
	}
}
