package http1

import (
	"strings"
	"testing"
)

// relayAnswer gives p to an answer's body by size bytes, as a relay does, and tells what goes out and what the payload is.
func relayAnswer(p []byte, size int) (out, payload, trailers string, n int, done bool, err error) {
	var pass, decode Body
	pass.ResetAnswer(Chunked, 0)
	decode.ResetAnswer(Chunked, 0)
	var sent, decoded []byte
	for len(p) > 0 && !done && err == nil {
		piece := p[:min(size, len(p))]
		decoded, _, _, _ = decode.Decode(decoded, piece)
		var m int
		m, done, err = pass.Scan(piece)
		sent = append(sent, piece[:m]...)
		if err == nil && !done && m < len(piece) {
			var k int
			sent, k, done, err = pass.Mend(sent, piece[m:])
			m += k
		}
		n += m
		p = p[m:]
	}
	return string(sent), string(decoded), string(decode.Trailers()), n, done, err
}

func TestAnswersAreMended(t *testing.T) {
	for _, c := range []struct{ name, raw, out, payload, trailers string }{
		{"regular", "5;a=b\r\nhello\r\n0\r\n\r\n", "5;a=b\r\nhello\r\n0\r\n\r\n", "hello", ""},
		{"blank behind a size", "5 \r\nhello\r\n0\r\n\r\n", "5\r\nhello\r\n0\r\n\r\n", "hello", ""},
		{"blanks", "5 \t  \r\nhello\r\n0 \r\n\r\n", "5\r\nhello\r\n0\r\n\r\n", "hello", ""},
		{"blank before an extension", "5 ;a=b\r\nhello\r\n0\r\n\r\n", "5\r\nhello\r\n0\r\n\r\n", "hello", ""},
		{"LF for lines", "5\nhello\n0\n\n", "5\r\nhello\r\n0\r\n\r\n", "hello", ""},
		{"LF behind an extension", "5;a\nhello\r\n0\r\n\r\n", "5;a\r\nhello\r\n0\r\n\r\n", "hello", ""},
		{"LF behind blanks", "5 \nhello\r\n0\r\n\r\n", "5\r\nhello\r\n0\r\n\r\n", "hello", ""},
		{"many zeros", strings.Repeat("0", 20) + "5\r\nhello\r\n0\r\n\r\n", "", "", ""}, // digits are bounded
		{"zeros alone", "5\r\nhello\r\n" + strings.Repeat("0", 20) + "\r\n\r\n", "5\r\nhello\r\n" + strings.Repeat("0", 16) + "\r\n\r\n", "hello", ""},
		{"long extension", "5;" + strings.Repeat("a", 300) + "\r\nhello\r\n0\r\n\r\n", "5;" + strings.Repeat("a", 256) + "\r\nhello\r\n0\r\n\r\n", "hello", ""},
		{"good trailers", "5\r\nhello\r\n0\r\nX-Sum: 1\r\nETag: \"a\"\r\n\r\n", "5\r\nhello\r\n0\r\nX-Sum: 1\r\nETag: \"a\"\r\n\r\n", "hello", "X-Sum: 1\r\nETag: \"a\"\r\n"},
		{"trailers that may not be ones", "0\r\nContent-Type: text/plain\r\nA: 1\r\nContent-Length: 5\r\ntransfer-encoding: chunked\r\nSet-Cookie: a\r\nHost: x\r\nB: 2\r\n\r\n",
			"0\r\nA: 1\r\nB: 2\r\n\r\n", "", "A: 1\r\nB: 2\r\n"},
		{"imitated", "0\r\nContent_Length: 5\r\n\r\n", "0\r\n\r\n", "", ""},
		{"odd lines", "0\r\nno colon\r\nA : 1\r\n: 2\r\nB: \x01\r\nC: 3\r\n folded\r\nD: 4\rE: 5\r\n\r\n", "0\r\nC: 3\r\n\r\n", "", "C: 3\r\n"},
		{"LF behind trailers", "0\r\nA: 1\nB: 2\n\n", "0\r\nA: 1\r\nB: 2\r\n\r\n", "", "A: 1\r\nB: 2\r\n"},
		{"a trailer that is too long", "0\r\nA: 1\r\nB: " + strings.Repeat("b", maxTrailer) + "\r\nC: 3\r\n\r\n", "0\r\nA: 1\r\nC: 3\r\n\r\n", "", "A: 1\r\nC: 3\r\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			const next = "HTTP/1.1 200 OK"
			for _, size := range []int{1, 2, 3, 7, len(c.raw), len(c.raw) + len(next)} {
				out, payload, trailers, n, done, err := relayAnswer([]byte(c.raw+next), size)
				if c.out == "" {
					if err == nil {
						t.Fatalf("by %d: taken", size)
					}
					continue
				}
				if err != nil || !done || n != len(c.raw) || out != c.out || payload != c.payload || trailers != c.trailers {
					t.Fatalf("by %d: %d bytes, done %v, %v; goes out as %q with payload %q and trailers %q", size, n, done, err, out, payload, trailers)
				}
			}
		})
	}
}

// What leaves the end of the message in doubt, or is not bounded, is refused of a target as well.
func TestAnswersAreRefused(t *testing.T) {
	for name, raw := range map[string]string{
		"blank before a size":  " 5\r\nhello\r\n0\r\n\r\n",
		"no size":              "\r\n",
		"sign":                 "+5\r\n",
		"prefix":               "0x5\r\n",
		"CR alone":             "5\rhello\r\n",
		"longer than said":     "5\r\nhello!\r\n",
		"over 63 bits":         "8000000000000000\r\n",
		"endless extension":    "5;" + strings.Repeat("a", maxLooseExtension+maxExtension),
		"endless trailers":     "0\r\n" + strings.Repeat("A: 1\r\n", maxLooseTrailer/6+1),
		"an endless trailer":   "0\r\nA: " + strings.Repeat("a", maxLooseTrailer),
		"extension and no LF":  "5 ;a\rb\r\n",
		"CR in place of a LF":  "5\r\nhello\r\r",
		"a letter in the size": "5g\r\n",
	} {
		for _, size := range []int{1, len(raw)} {
			if _, _, _, _, done, err := relayAnswer([]byte(raw), size); err == nil || done {
				t.Errorf("%s, by %d: taken, done %v", name, size, done)
			}
		}
	}
}

// FuzzMend: whatever a target sends, what goes out is spelled so that the strictest reader takes it, with the same
// payload and the same end.
func FuzzMend(f *testing.F) {
	for _, s := range []string{"5 \r\nhello\r\n0\r\n\r\n", "5\nhello\n0\n\n", "0\r\nContent-Length: 5\r\nA: 1\n\r\n", "5;a\nhello\r\n00\r\nA: 1\r\n b\r\n\r\n", "2;\x01\r\nok\r\n0\r\n\n"} {
		f.Add([]byte(s), uint8(3))
	}
	f.Fuzz(func(t *testing.T, raw []byte, size uint8) {
		out, payload, trailers, _, done, err := relayAnswer(raw, int(size)+1)
		if err != nil {
			return
		}
		var strict Body
		strict.Reset(Chunked, 0)
		decoded, n, end, err := strict.Decode(nil, []byte(out))
		if err != nil || n != len(out) || end != done || string(decoded) != payload {
			t.Fatalf("%q goes out as %q, of which a reader takes %d bytes with payload %q, done %v, %v", raw, out, n, decoded, end, err)
		}
		if done && string(strict.Trailers()) != trailers {
			t.Fatalf("%q: trailers %q over HTTP/2, %q over HTTP/1.1", raw, trailers, strict.Trailers())
		}
	})
}
