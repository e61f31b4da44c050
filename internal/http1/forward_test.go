package http1

import (
	"bufio"
	"bytes"
	"net/http"
	"testing"
)

// forward writes a request's head as a proxy does that minds the flags.
func forward(r *Request) []byte {
	out := r.AppendRequestLine(nil)
	for i := range r.Fields {
		f := &r.Fields[i]
		switch {
		case f.Flags&(Drop|Hop) != 0 || f.ID == Host:
		case f.Flags&Rewrite != 0:
			out = r.AppendField(out, f)
		default:
			out = append(out, r.Line(f)...)
		}
	}
	out = AppendLine(out, "Host", r.Host)
	if r.WriteFraming {
		out = AppendFraming(out, r.Framing, r.ContentLength)
	}
	return append(out, "\r\n"...)
}

// checkForwarded asks two other readers, this package afresh and net/http, how
// they frame what a proxy would forward: as it was framed here.
func checkForwarded(t *testing.T, r *Request) {
	t.Helper()
	head := forward(r)
	var again Request
	if n, err := again.Parse(head, Limits{Line: 1 << 20, Field: 1 << 20, Head: 1 << 20}); n != len(head) || err != nil {
		t.Fatalf("forwarded %q: read again as %d, %v", head, n, err)
	}
	if !again.Clean || again.Framing != r.Framing || again.ContentLength != r.ContentLength || !bytes.Equal(again.Method, r.Method) {
		t.Fatalf("forwarded %q: read again as %s; was %s", head, describe(&again), describe(r))
	}
	switch again.Class.Reason {
	case ReasonCompliant, GetHeadZeroContentLength, UndefinedContentLengthSemantics, UndefinedTransferEncodingSemantics:
	case NonCompliantHeader: // a control character in a value
	default:
		t.Fatalf("forwarded %q: still %v", head, again.Class.Reason)
	}
	checkNetHTTP(t, head, &again)
	if r.Clean {
		checkNetHTTP(t, r.Raw, r)
	}
}

// checkNetHTTP compares with net/http's reading of the same head. What net/http
// refuses is not framed otherwise, so it counts as agreement.
func checkNetHTTP(t *testing.T, head []byte, r *Request) {
	t.Helper()
	other, err := http.ReadRequest(bufio.NewReaderSize(bytes.NewReader(head), len(head)+16))
	if err != nil {
		return
	}
	chunked := len(other.TransferEncoding) > 0
	length := other.ContentLength
	if other.Method != string(r.Method) || chunked != (r.Framing == Chunked) || length != r.ContentLength {
		t.Fatalf("%q: net/http reads %s chunked %v length %d; here %s %s", head, other.Method, chunked, length, r.Method, describe(r))
	}
	fields := 0
	for name, values := range other.Header {
		if name != "Trailer" {
			fields += len(values)
		}
	}
	want := 0
	for i := range r.Fields {
		switch r.Fields[i].ID {
		case Host, TransferEncoding, Trailer: // net/http takes these out
		default:
			want++
		}
	}
	if fields != want {
		t.Fatalf("%q: net/http has %d fields, here %d", head, fields, want)
	}
}
