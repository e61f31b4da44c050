package http1

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httputil"
	"testing"
)

// FuzzRequest: whatever is let through reads the same in pieces, is classified
// as the rules say, and is framed alike by whoever gets it forwarded.
func FuzzRequest(f *testing.F) {
	for _, lines := range []string{
		"Content-Length: 5\r\n", "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", "Transfer-Encoding : chunked\r\n",
		"Transfer-Encoding: identity, chunked\n", "Content-Length: 05\r\nContent-Length: 5\r\n", " X: y\r\n", "X: y\r\n z\r\n",
		"Connection: close, X, Content-Length\r\nX:\r\n", ": a\r\nTransfer_Encoding: chunked\r\n", "X: \x01\x00\r\r\n",
	} {
		f.Add(byte(0), []byte(post(lines)))
	}
	for _, line := range []string{"GET /a b HTTP/1.1", "GET http://x/?y HTTP/1.0", "OPTIONS * HTTP/1.1 ", "GET / HTTP/1.2", "GET /", "GET  / HTTP/1.1"} {
		f.Add(byte(1), []byte(get(line)))
	}
	f.Add(byte(0), []byte(typicalRequest))
	f.Fuzz(func(t *testing.T, mode byte, raw []byte) {
		if len(raw) > 2048 {
			return
		}
		lim := Limits{Mode: Mode(mode % 3)}
		var r Request
		n, err := r.Parse(raw, lim)
		if n > 0 {
			if r.classify() != r.Class {
				t.Fatalf("%q: classified %v on the way, %v by the rules", raw, r.Class, r.classify())
			}
			if got := ClassifyRaw(raw[:n]); got != r.Class {
				t.Fatalf("%q: classified %v by Parse, %v by ClassifyRaw", raw, r.Class, got)
			}
			checkForwarded(t, &r)
		}
		if err == nil || n > 0 {
			checkPieces(t, raw)
		}
	})
}

// FuzzResponse: the same for responses, with net/http's reading beside.
func FuzzResponse(f *testing.F) {
	for _, raw := range []string{
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n",
		"HTTP/1.0 200\nContent-Length: 05\n\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX: y\r\n\r\n",
		"HTTP/1.1 304 X\r\nConnection: close\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
	} {
		f.Add([]byte(raw), false)
		f.Add([]byte(raw), true)
	}
	f.Fuzz(func(t *testing.T, raw []byte, head bool) {
		method := "GET"
		if head {
			method = "HEAD"
		}
		checkResponsePieces(t, raw, []byte(method))
		var r Response
		if n, _ := r.Parse(raw, Limits{}, []byte(method)); n == 0 || !r.Clean {
			return
		}
		other, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(raw)), &http.Request{Method: method})
		if err != nil {
			return
		}
		chunked := len(other.TransferEncoding) > 0
		none := other.Body == http.NoBody
		same := other.StatusCode == r.Status
		switch r.Framing {
		case Chunked:
			same = same && chunked
		case Length:
			same = same && !chunked && other.ContentLength == r.ContentLength
		case UntilClose:
			same = same && !chunked && other.ContentLength == -1
		case NoBody:
			same = same && none
		}
		if !same {
			t.Fatalf("%q: net/http reads %d chunked %v length %d empty %v; here %s", raw, other.StatusCode, chunked, other.ContentLength, none, describeResponse(&r))
		}
	})
}

// FuzzBody: a chunked body is the same in any pieces, and what is accepted has
// the payload and the end that net/http's reader finds.
func FuzzBody(f *testing.F) {
	for _, raw := range []string{"5\r\nhello\r\n0\r\n\r\n", "1;a=b\r\nx\r\n0\r\nX: y\r\n\r\nGET", "0\r\n\r\n", "00a\r\n", "A\r\n0123456789\r\n0;\r\n\r\n"} {
		f.Add([]byte(raw), uint8(1))
	}
	f.Fuzz(func(t *testing.T, raw []byte, size uint8) {
		n, done, payload, err := feed(Chunked, 0, raw, len(raw)+1)
		m, pieceDone, piecePayload, pieceErr := feed(Chunked, 0, raw, int(size)+1)
		if n != m || done != pieceDone || payload != piecePayload || fmt.Sprint(err) != fmt.Sprint(pieceErr) {
			t.Fatalf("%q by %d: %d %v %q %v; whole: %d %v %q %v", raw, size, m, pieceDone, piecePayload, pieceErr, n, done, payload, err)
		}
		if !done {
			return
		}
		in := bufio.NewReaderSize(bytes.NewReader(raw), len(raw)+16)
		got, err := io.ReadAll(httputil.NewChunkedReader(in))
		if err != nil || string(got) != payload {
			t.Fatalf("%q: net/http reads %q, %v; here %q", raw, got, err, payload)
		}
		for { // net/http leaves the trailers to its caller
			line, err := in.ReadString('\n')
			if err != nil {
				t.Fatalf("%q: no end of the trailers: %v", raw, err)
			}
			if line == "\r\n" {
				break
			}
		}
		if in.Buffered() != len(raw)-n {
			t.Fatalf("%q: net/http leaves %d bytes, here %d", raw, in.Buffered(), len(raw)-n)
		}
	})
}
