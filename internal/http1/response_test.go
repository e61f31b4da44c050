package http1

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

func describeResponse(r *Response) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d %v %d", r.Status, r.Framing, r.ContentLength)
	for _, w := range []struct {
		on   bool
		word string
	}{{r.KeepAlive, "keep"}, {r.Clean, "clean"}, {r.WriteFraming, "write"}, {r.Upgrade != nil, "upgrade=" + string(r.Upgrade)}} {
		if w.on {
			b.WriteString(" " + w.word)
		}
	}
	for i := range r.Fields {
		f := &r.Fields[i]
		if f.Flags&Drop != 0 {
			fmt.Fprintf(&b, " drop%d", i)
		}
		if f.Flags&Hop != 0 {
			fmt.Fprintf(&b, " hop%d", i)
		}
		if f.Flags&Rewrite != 0 {
			fmt.Fprintf(&b, " rewrite%d", i)
		}
	}
	return b.String()
}

func TestResponseAccepted(t *testing.T) {
	tests := []struct{ name, method, raw, want string }{
		{"length", "GET", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "200 length 5 keep clean"},
		{"chunked", "GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "200 chunked -1 keep clean"},
		{"identity, chunked", "GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: identity, chunked\r\n\r\n", "200 chunked -1 keep write drop0"},
		{"until close", "GET", "HTTP/1.1 200 OK\r\n\r\n", "200 close -1 clean"},
		{"HEAD with length", "HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "200 none 5 keep clean"},
		{"HEAD without", "HEAD", "HTTP/1.1 200 OK\r\n\r\n", "200 none -1 keep clean"},
		{"HEAD chunked", "HEAD", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "200 none -1 keep clean"},
		{"304 with length", "GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", "304 none 5 keep clean"},
		{"204", "GET", "HTTP/1.1 204 No Content\r\n\r\n", "204 none -1 keep clean"},
		{"204 with length", "GET", "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", "204 none -1 keep drop0"},
		{"204 with a body", "GET", "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", "204 none -1 drop0"},
		{"204 in chunks", "GET", "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n", "204 none -1 drop0"},
		{"blanks before the status", "GET", "HTTP/1.1   200 OK\r\nContent-Length: 5\r\n\r\n", "200 length 5 keep clean"},
		{"length list", "GET", "HTTP/1.1 200 OK\r\nContent-Length: 5, 5,5\r\n\r\n", "200 length 5 keep rewrite0"},
		{"length list twice", "GET", "HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\nContent-Length: 5\r\n\r\n", "200 length 5 keep rewrite0 drop1"},
		{"both", "GET", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", "200 chunked -1 drop0"},
		{"both, and lengths that differ", "GET", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n", "200 chunked -1 drop0 drop1"},
		{"chunked in HTTP/1.0", "GET", "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n", "200 chunked -1 clean hop0"},
		{"no coding", "GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: \r\nContent-Length: 5\r\n\r\n", "200 length 5 drop0"},
		{"no coding, until close", "GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: ,\r\n\r\n", "200 close -1 drop0"},
		{"100", "POST", "HTTP/1.1 100 Continue\r\n\r\n", "100 none -1 keep clean"},
		{"103 chunked", "GET", "HTTP/1.1 103 Early Hints\r\nTransfer-Encoding: chunked\r\n\r\n", "103 none -1 keep drop0"},
		{"101", "GET", "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n", "101 none -1 keep clean upgrade=websocket hop0 hop1"},
		{"close", "GET", "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\n", "200 length 5 clean hop0"},
		{"HTTP/1.0", "GET", "HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\n", "200 length 5 clean"},
		{"HTTP/1.0 kept", "GET", "HTTP/1.0 200 OK\r\nContent-Length: 5\r\nConnection: keep-alive\r\nKeep-Alive: timeout=5\r\n\r\n", "200 length 5 keep clean hop1 hop2"},
		{"no reason", "GET", "HTTP/1.1 200\r\nContent-Length: 5\r\n\r\n", "200 length 5 keep clean"},
		{"empty reason", "GET", "HTTP/1.1 200 \r\nContent-Length: 5\r\n\r\n", "200 length 5 keep clean"},
		{"odd status", "GET", "HTTP/1.1 999 Odd\r\nContent-Length: 5\r\n\r\n", "999 length 5 keep clean"},
		{"LF alone", "GET", "HTTP/1.1 200 OK\nContent-Length: 5\n\n", "200 length 5 keep rewrite0"},
		{"length twice", "GET", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n", "200 length 5 keep drop1"},
		{"length as octal", "GET", "HTTP/1.1 200 OK\r\nContent-Length: 05\r\n\r\n", "200 length 5 keep write drop0"},
		{"imitation", "GET", "HTTP/1.1 200 OK\r\nContent_Length: 6\r\nContent-Length: 5\r\n\r\n", "200 length 5 keep drop0"},
		{"named away", "GET", "HTTP/1.1 200 OK\r\nConnection: X-A, Content-Length\r\nX-A: b\r\nContent-Length: 5\r\n\r\n", "200 length 5 keep clean hop0 hop1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var r Response
			n, err := r.Parse([]byte(tt.raw+"body"), Limits{}, []byte(tt.method))
			if n != len(tt.raw) || err != nil {
				t.Fatalf("Parse = %d, %v; want %d", n, err, len(tt.raw))
			}
			if got := describeResponse(&r); got != tt.want {
				t.Errorf("\ngot  %s\nwant %s", got, tt.want)
			}
			checkResponsePieces(t, []byte(tt.raw), []byte(tt.method))
		})
	}
}

func TestResponseRefused(t *testing.T) {
	ok := "HTTP/1.1 200 OK\r\n"
	tests := []struct{ name, raw, want string }{
		{"not HTTP", "SSH-2.0-OpenSSH", "BadStatusLine"},
		{"not HTTP, one byte", "S", "BadStatusLine"},
		{"HTTP/2", "HTTP/2 200\r\n\r\n", "BadStatusLine"},
		{"lower case", "http/1.1 200 OK\r\n\r\n", "BadStatusLine"},
		{"empty line first", "\r\nHTTP/1.1 200 OK\r\n\r\n", "BadStatusLine"},
		{"status of two digits", "HTTP/1.1 99 OK\r\n\r\n", "BadStatusLine"},
		{"status of four digits", "HTTP/1.1 2000\r\n\r\n", "BadStatusLine"},
		{"status below 100", "HTTP/1.1 099 OK\r\n\r\n", "BadStatusLine"},
		{"status signed", "HTTP/1.1 +20 OK\r\n\r\n", "BadStatusLine"},
		{"CR in reason", "HTTP/1.1 200 O\rK\r\n\r\n", "BadStatusLine"},
		{"lengths differ", ok + "Content-Length: 5\r\nContent-Length: 6\r\n\r\n", "MultipleContentLength"},
		{"length list that differs", ok + "Content-Length: 5, 6\r\n\r\n", "BadContentLength"},
		{"length list with a gap", ok + "Content-Length: 5,,5\r\n\r\n", "BadContentLength"},
		{"length list of nothing", ok + "Content-Length: ,\r\n\r\n", "BadContentLength"},
		{"length lists that differ", ok + "Content-Length: 5, 5\r\nContent-Length: 6, 6\r\n\r\n", "MultipleContentLength"},
		{"length empty", ok + "Content-Length: \r\n\r\n", "BadContentLength"},
		{"coding unknown", ok + "Transfer-Encoding: cow\r\n\r\n", "BadTransferEncoding"},
		{"gzip", ok + "Transfer-Encoding: gzip, chunked\r\n\r\n", "BadTransferEncoding"},
		{"chunked twice", ok + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", "BadTransferEncoding"},
		{"chunked not last", ok + "Transfer-Encoding: chunked, identity\r\n\r\n", "BadTransferEncoding"},
		{"both, and no chunks", ok + "Content-Length: 5\r\nTransfer-Encoding: gzip\r\n\r\n", "BadTransferEncoding"},
		{"control byte in Location", "HTTP/1.1 302 Found\r\nLocation: /a\x01b\r\n\r\n", "BadHeader"},
		{"DEL in Location", "HTTP/1.1 302 Found\r\nLocation: /a\x7f\r\n\r\n", "BadHeader"},
		{"tab in Location", "HTTP/1.1 302 Found\r\nLocation: /\t/a\r\n\r\n", "BadHeader"},
		{"name with blank", ok + "X-A : b\r\n\r\n", "BadHeader"},
		{"no name", ok + ": b\r\n\r\n", "BadHeader"},
		{"no colon", ok + "X-A\r\n\r\n", "BadHeader"},
		{"folded", ok + "X-A: b\r\n c\r\n\r\n", "BadHeader"},
		{"blank first", ok + " X-A: b\r\n\r\n", "BadHeader"},
		{"NUL", ok + "X-A: b\x00\r\n\r\n", "BadHeader"},
		{"CR", ok + "X-A: b\rc\r\n\r\n", "BadHeader"},
		{"head too long", ok + strings.Repeat("X-A: "+strings.Repeat("b", 8000)+"\r\n", 5) + "\r\n", "HeaderTooLong"},
		{"status line too long", "HTTP/1.1 200 " + strings.Repeat("O", 17000), "StatusLineTooLong"},
		{"too many headers", ok + strings.Repeat("a:\r\n", 1001) + "\r\n", "TooManyHeaders"},
		{"too many options", ok + "Connection: " + strings.Repeat("a,", 65) + "\r\n\r\n", "TooManyConnectionOptions"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var r Response
			n, err := r.Parse([]byte(tt.raw), Limits{}, []byte("GET"))
			var e *Error
			if !errors.As(err, &e) || n != 0 || e.Status != 502 || e.Reason != tt.want {
				t.Fatalf("Parse = %d, %v; want 502 %s", n, err, tt.want)
			}
			if len(tt.raw) < 200 {
				checkResponsePieces(t, []byte(tt.raw), []byte("GET"))
			}
		})
	}
}

// checkResponsePieces parses raw at once, then byte by byte.
func checkResponsePieces(t *testing.T, raw, method []byte) {
	t.Helper()
	var whole, r Response
	n, err := whole.Parse(raw, Limits{}, method)
	want := fmt.Sprint(n, err, describeResponse(&whole))
	for end := 0; end <= len(raw); end++ {
		m, err := r.Parse(append([]byte(nil), raw[:end]...), Limits{}, method)
		if m == 0 && err == nil {
			continue
		}
		if n == 0 {
			if err == nil {
				t.Fatalf("%q is accepted in pieces, refused whole", raw)
			}
			return // a part may be refused for an earlier reason
		}
		if got := fmt.Sprint(m, err, describeResponse(&r)); got != want {
			t.Fatalf("%q in pieces: %s\nwhole: %s", raw, got, want)
		}
		return
	}
	if n > 0 {
		t.Fatalf("%q in pieces: never done", raw)
	}
}

func TestHeadLookups(t *testing.T) {
	var r Response
	raw := "HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nX-Two: 1\r\nset-cookie:b=2  \r\nx-two:\r\nConnection: a,, Keep-Alive\r\nConnection: B\r\n\r\n"
	if _, err := r.Parse([]byte(raw), Limits{}, []byte("GET")); err != nil {
		t.Fatal(err)
	}
	if v, ok := r.Get(SetCookie); !ok || string(v) != "a=1" {
		t.Errorf("Get(SetCookie) = %q, %v", v, ok)
	}
	if v, ok := r.Get(Location); ok {
		t.Errorf("Get(Location) = %q", v)
	}
	var got []string
	r.Values("SET-COOKIE", func(v []byte) bool { got = append(got, string(v)); return true })
	r.Values("X-Two", func(v []byte) bool { got = append(got, string(v)); return false })
	for token := range r.ConnectionTokens() {
		got = append(got, string(token))
	}
	for range r.ConnectionTokens() {
		break
	}
	if want := "[a=1 b=2 1 a Keep-Alive B]"; fmt.Sprint(got) != want {
		t.Errorf("got %v, want %s", got, want)
	}
	if !r.ConnectionHas("b") || !r.ConnectionHas("keep-alive") || r.ConnectionHas("close") {
		t.Error("ConnectionHas is wrong")
	}
	f := &r.Fields[2]
	if string(r.Name(f)) != "set-cookie" || string(r.Line(f)) != "set-cookie:b=2  \r\n" || string(r.AppendField(nil, f)) != "set-cookie: b=2\r\n" {
		t.Errorf("name %q line %q", r.Name(f), r.Line(f))
	}
	if got := string(r.Lines(&r.Fields[0], &r.Fields[1])); got != "Set-Cookie: a=1\r\nX-Two: 1\r\n" {
		t.Errorf("Lines = %q", got)
	}
}

func BenchmarkResponse(b *testing.B) {
	buf := []byte("HTTP/1.1 200 OK\r\nDate: Mon, 01 Jan 2024 00:00:00 GMT\r\nContent-Type: application/json\r\nContent-Length: 85\r\nX-Request-Id: 7f3c2b\r\nCache-Control: no-store\r\n\r\n")
	method := []byte("GET")
	var r Response
	b.ReportAllocs()
	for b.Loop() {
		if n, err := r.Parse(buf, Limits{}, method); n != len(buf) || err != nil {
			b.Fatal(n, err)
		}
	}
}
