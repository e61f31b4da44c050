package http1

import (
	"strings"
	"testing"
)

func TestBodyAccepted(t *testing.T) {
	tests := []struct {
		name    string
		framing Framing
		length  int64
		raw     string
		payload string
		rest    string // what follows the message
		open    bool   // not done
	}{
		{"none", NoBody, 0, "", "", "next", false},
		{"length zero", Length, 0, "", "", "next", false},
		{"length", Length, 5, "hello", "hello", "next", false},
		{"length, part", Length, 5, "hel", "hel", "", true},
		{"until close", UntilClose, 0, "hello", "hello", "", true},
		{"no chunks", Chunked, 0, "0\r\n\r\n", "", "next", false},
		{"chunks", Chunked, 0, "5\r\nhello\r\nA\r\n0123456789\r\na\r\nabcdefghij\r\n0\r\n\r\n", "hello0123456789abcdefghij", "next", false},
		{"zeros in front", Chunked, 0, "0000000000000005\r\nhello\r\n000\r\n\r\n", "hello", "next", false},
		{"extension", Chunked, 0, "5;a=b;c=\"d e\"\r\nhello\r\n0;x\r\n\r\n", "hello", "", false},
		{"trailers", Chunked, 0, "0\r\nX-Sum: 1\r\nGrpc-Status:0\r\nDate: now\r\n\r\n", "", "next", false},
		{"greatest chunk", Chunked, 0, "7fffffffffffffff\r\nabc", "abc", "", true},
		{"CRLF in payload", Chunked, 0, "4\r\n\r\n\r\n\r\n0\r\n\r\n", "\r\n\r\n", "0\r\n\r\n", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			all := []byte(tt.raw + tt.rest)
			for size := 1; size <= len(all); size++ {
				n, done, payload, err := feed(tt.framing, tt.length, all, size)
				if err != nil || n != len(tt.raw) || done == tt.open || payload != tt.payload {
					t.Fatalf("by %d: %d bytes, done %v, payload %q, %v", size, n, done, payload, err)
				}
			}
		})
	}
}

// feed gives p to a Scan and a Decode by size bytes, and tells what they take.
func feed(f Framing, length int64, p []byte, size int) (n int, done bool, payload string, err error) {
	var scan, decode Body
	scan.Reset(f, length)
	decode.Reset(f, length)
	var out []byte
	done = scan.Done()
	for len(p) > 0 && !done && err == nil {
		piece := p[:min(size, len(p))]
		var m, k int
		var end bool
		m, done, err = scan.Scan(piece)
		out, k, end, _ = decode.Decode(out, piece)
		if m != k || end != done {
			panic("Scan and Decode differ")
		}
		n += m
		p = p[m:]
		if m < len(piece) && !done && err == nil {
			panic("Scan stops before the end")
		}
	}
	return n, done, string(out), err
}

func TestBodyRefused(t *testing.T) {
	tests := []struct{ name, raw, want string }{
		{"no size", "\r\n", "BadChunkSize"},
		{"sign", "+5\r\n", "BadChunkSize"},
		{"minus", "-5\r\n", "BadChunkSize"},
		{"prefix", "0x5\r\n", "BadChunkSize"},
		{"underscore", "1_0\r\n", "BadChunkSize"},
		{"blank before", " 5\r\n", "BadChunkSize"},
		{"blank behind", "5 \r\n", "BadChunkSize"},
		{"blank before extension", "5 ;a\r\n", "BadChunkSize"},
		{"not hexadecimal", "g\r\n", "BadChunkSize"},
		{"LF alone", "5\nhello\r\n", "BadChunkSize"},
		{"CR alone", "5\rhello", "BadChunkSize"},
		{"over 63 bits", "8000000000000000\r\n", "BadChunkSize"},
		{"too many digits", "00000000000000005\r\n", "BadChunkSize"},
		{"extension without size", ";a\r\n", "BadChunkSize"},
		{"LF in extension", "5;a\nhello\r\n", "BadChunkExtension"},
		{"CR in extension", "5;a\rb\r\n", "BadChunkSize"},
		{"NUL in extension", "5;\x00\r\n", "BadChunkExtension"},
		{"extension too long", "5;" + strings.Repeat("a", 300), "BadChunkExtension"},
		{"chunk longer than said", "5\r\nhello!\r\n", "BadChunkEnd"},
		{"chunk ended by LF", "5\r\nhello\n", "BadChunkEnd"},
		{"chunk ended by CR", "5\r\nhello\r0", "BadChunkEnd"},
		{"last line ended by CR", "0\r\n\rx", "BadTrailer"},
		{"last line ended by LF", "0\r\n\n", "BadTrailer"},
		{"a request instead of a trailer", "0\r\nGET / HTTP/1.1\r\n", "BadTrailer"},
		{"trailer without colon", "0\r\nX\r\n", "BadTrailer"},
		{"trailer without name", "0\r\n: x\r\n", "BadTrailer"},
		{"trailer folded", "0\r\nX: y\r\n z\r\n", "BadTrailer"},
		{"trailer name with blank", "0\r\nX : y\r\n", "BadTrailer"},
		{"trailer with NUL", "0\r\nX: \x00\r\n", "BadTrailer"},
		{"trailer ended by LF", "0\r\nX: y\n", "BadTrailer"},
		{"trailer ended by CR", "0\r\nX: y\rZ: 1\r\n", "BadTrailer"},
		{"trailer for framing", "0\r\nContent-Length: 5\r\n", "BadTrailer"},
		{"trailer for framing, imitated", "0\r\nTransfer_Encoding: x\r\n", "BadTrailer"},
		{"trailer for routing", "0\r\nhost: x\r\n", "BadTrailer"},
		{"trailer for identity", "0\r\nX-Forwarded-For: x\r\n", "BadTrailer"},
		{"trailers too long", "0\r\n" + strings.Repeat("X: "+strings.Repeat("y", 1000)+"\r\n", 17), "BadTrailer"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var b Body
			b.Reset(Chunked, 0)
			n, done, err := b.Scan([]byte(tt.raw))
			e, ok := err.(*Error)
			if !ok || done || e.Status != 400 || e.Reason != tt.want {
				t.Fatalf("Scan = %d, %v, %v; want %s", n, done, err, tt.want)
			}
			if _, _, err := b.Scan([]byte("0\r\n\r\n")); err == nil {
				t.Error("goes on after the error")
			}
			b.Reset(Chunked, 0)
			if _, done, err := b.Scan([]byte("0\r\n\r\n")); !done || err != nil {
				t.Error("does not begin anew after Reset")
			}
		})
	}
}

func BenchmarkBody(b *testing.B) {
	raw := []byte(strings.Repeat("400\r\n"+strings.Repeat("x", 1024)+"\r\n", 16) + "0\r\n\r\n")
	var body Body
	b.ReportAllocs()
	b.SetBytes(int64(len(raw)))
	for b.Loop() {
		body.Reset(Chunked, 0)
		if _, done, err := body.Scan(raw); !done || err != nil {
			b.Fatal(done, err)
		}
	}
}

// TestBodyShort: where a body breaks off, and whether every reader sees that.
func TestBodyShort(t *testing.T) {
	for _, c := range []struct {
		framing Framing
		length  int64
		raw     string
		want    bool
	}{
		{Length, 5, "", true}, {Length, 5, "hell", true}, {Length, 5, "hello", false}, {NoBody, 0, "", false}, {UntilClose, 0, "hello", false},
		{Chunked, -1, "", true}, {Chunked, -1, "1", true}, {Chunked, -1, "1\r", true}, {Chunked, -1, "1;a", true}, {Chunked, -1, "1\r\n", true},
		{Chunked, -1, "1\r\nx", true}, {Chunked, -1, "1\r\nx\r", true}, {Chunked, -1, "1\r\nx\r\n", true}, {Chunked, -1, "1\r\nx\r\n0", false},
		{Chunked, -1, "0;a", false}, {Chunked, -1, "0\r", false}, {Chunked, -1, "0\r\n", false}, {Chunked, -1, "0\r\nX: y", false}, {Chunked, -1, "0\r\n\r", false},
		{Chunked, -1, "0\r\n\r\n", false}, {Chunked, -1, "x", false},
	} {
		var b Body
		b.Reset(c.framing, c.length)
		b.Scan([]byte(c.raw))
		if got := b.Short(); got != c.want {
			t.Errorf("%v %q: %v", c.framing, c.raw, got)
		}
	}
}
