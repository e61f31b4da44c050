package http1

import (
	"strings"
	"testing"
)

// TestClassify: a table of the rules, and of which reason is told where several
// hold. Header lines are name=value, separated by '|'.
func TestClassify(t *testing.T) {
	const te, cl = "Transfer-Encoding=", "Content-Length="
	tests := []struct{ method, uri, version, headers, want string }{
		{"GET", "/", "HTTP/1.1", "", "Compliant"},
		{"GET", "/", "HTTP/1.0", "A=b", "Compliant"},
		{"GET", "/", "HTTP/2", cl + "x", "Compliant"},
		{"GET", "/", "HTTP/2.0", te + "x|A=\x00", "Compliant"},
		{"GET", "", "HTTP/1.1", "", "Compliant"},
		{"GET", "/\xff\"<>", "HTTP/1.1", "", "Compliant"},

		{"GET", "/", "HTTP/1.2", "", "NonCompliantVersion"},
		{"GET", "/", " HTTP/1.1", "", "NonCompliantVersion"},
		{"GET", "/", "HTTP/1.1\t", "", "NonCompliantVersion"},
		{"GET", "/", "\t ", "", "NonCompliantVersion"},
		{"GET", "/", "HTTP/0.9", "", "NonCompliantVersion"},
		{"GET", "/", "HTTP/1.", "", "BadVersion"},
		{"GET", "/", "HTTP/1.11", "", "BadVersion"},
		{"GET", "/", "HTTP/1.x", "", "BadVersion"},
		{"GET", "/", "HTTP/0.8", "", "BadVersion"},
		{"GET", "/", "http/1.1", "", "Compliant"}, // sorts behind HTTP/2

		{"GET", "/a b", "HTTP/1.1", "", "SpaceInUri"},
		{"GET", "/a\tb", "HTTP/1.1", "", "AmbiguousUri"},
		{"GET", "/a b\x7f", "HTTP/1.1", "", "AmbiguousUri"},
		{"GET", "/a b\x01\r", "HTTP/1.1", "", "BadUri"},
		{"GET", "/\n", "HTTP/1.1", "", "BadUri"},
		{"GET", "/\x00", "HTTP/1.1", "", "BadUri"},
		{"", "/", "HTTP/1.1", "", "Compliant"},
		{"G(T", "/", "HTTP/1.1", "", "BadMethod"},
		{"GÄT", "/", "HTTP/1.1", "", "BadMethod"},

		{"POST", "/", "HTTP/1.1", "A\x80=b", "NonCompliantHeader"},
		{"POST", "/", "HTTP/1.1", "A(=b", "NonCompliantHeader"},
		{"POST", "/", "HTTP/1.1", "A=b\x1f", "NonCompliantHeader"},
		{"POST", "/", "HTTP/1.1", "A=b\x7f", "NonCompliantHeader"},
		{"POST", "/", "HTTP/1.1", "A=\tb\x80", "Compliant"},
		{"POST", "/", "HTTP/1.1", "A\x00=b", "BadHeader"},
		{"POST", "/", "HTTP/1.1", "A=b\n", "BadHeader"},
		{"POST", "/", "HTTP/1.1", "=b", "EmptyHeader"},
		{"POST", "/", "HTTP/1.1", " :x=b", "EmptyHeader"},
		{"POST", "/", "HTTP/1.1", "\t\x00=b", "BadHeader"},

		{"POST", "/", "HTTP/1.1", cl + "1", "Compliant"},
		{"POST", "/", "HTTP/1.1", cl + " 1\t", "Compliant"},
		{"POST", "/", "HTTP/1.1", cl, "Compliant"},
		{"POST", "/", "HTTP/1.1", cl + "18446744073709551615", "Compliant"},
		{"POST", "/", "HTTP/1.1", cl + "18446744073709551616", "BadContentLength"},
		{"POST", "/", "HTTP/1.1", cl + "1|" + cl + "01", "DuplicateContentLength"},
		{"POST", "/", "HTTP/1.1", cl + "x|" + cl + "1", "BadContentLength"},
		{"POST", "/", "HTTP/1.1", cl + "1|" + cl + "2", "MultipleContentLength"},
		{"POST", "/", "HTTP/1.1", cl + "1|" + cl + "1|" + cl + "2", "MultipleContentLength"},
		{"POST", "/", "HTTP/1.0", cl + "1", "Compliant"},
		{"POST", "/", "HTTP/0.9", cl + "x", "UndefinedContentLengthSemantics"},
		{"GET", "/", "HTTP/1.1", cl + "00", "GetHeadZeroContentLength"},
		{"HEAD", "/", "HTTP/1.1", cl + "1", "UndefinedContentLengthSemantics"},
		{"DELETE", "/", "HTTP/1.1", cl + "1", "Compliant"},
		{"get", "/", "HTTP/1.1", cl + "1", "Compliant"},

		{"POST", "/", "HTTP/1.1", te + "Chunked", "Compliant"},
		{"POST", "/", "HTTP/1.1", te + "GZIP ; a , chunked;b", "Compliant"},
		{"POST", "/", "HTTP/1.1", te + "chunked, gzip, chunked", "Compliant"},
		{"POST", "/", "HTTP/1.1", te + "chunked|" + te + "chunked", "MultipleTransferEncodingChunked"},
		{"POST", "/", "HTTP/1.1", te + "chunked, x, chunked", "BadTransferEncoding"},
		{"POST", "/", "HTTP/1.1", te + ",chunked", "BadTransferEncoding"},
		{"POST", "/", "HTTP/1.1", te, "BadTransferEncoding"},
		{"POST", "/", "HTTP/1.1", te + "x-gzip", "BadTransferEncoding"},
		{"POST", "/", "HTTP/1.0", te + "x", "UndefinedTransferEncodingSemantics"},
		{"GET", "/", "HTTP/1.1", te + "gzip", "UndefinedTransferEncodingSemantics"},
		{"POST", "/", "HTTP/1.1", te + "gzip|" + cl + "1", "BothTeClPresent"},
		{"POST", "/", "HTTP/1.1", te + "gzip|" + cl + "x", "BadContentLength"},

		{"POST", "/", "HTTP/1.1", "\x00" + te + "chunked", "BadHeader"},
		{"POST", "/", "HTTP/1.1", "A=\x01|" + te + "x|B=\x00", "BadHeader"},
		{"G\x01T", "/\x00", "x", te + "x", "Compliant"},
		{"G\x01T", "/\x00", "HTTP/9", te + "x", "Compliant"},
		{"G\x01T", "/\x00", "HTTP/1.x", "", "BadMethod"},
		{"GET", "/\x00", "HTTP/1.x", "", "BadVersion"},
		{"POST", "/ ", "HTTP/1.2", "A\x01=b", "NonCompliantHeader"},
		{"POST", "/ ", "HTTP/1.2", "", "NonCompliantVersion"},
	}
	for _, tt := range tests {
		var lines []HeaderLine
		for line := range strings.SplitSeq(tt.headers, "|") {
			if name, value, ok := strings.Cut(line, "="); ok {
				lines = append(lines, HeaderLine{[]byte(name), []byte(value)})
			}
		}
		got := ClassifyRequest([]byte(tt.method), []byte(tt.uri), []byte(tt.version), lines)
		if got.Reason.String() != tt.want || got.Tier != got.Reason.Tier() {
			t.Errorf("%q %q %q %q: %v %v, want %s", tt.method, tt.uri, tt.version, tt.headers, got.Tier, got.Reason, tt.want)
		}
	}
}

func TestClassifyRaw(t *testing.T) {
	tests := []struct{ raw, want string }{
		{typicalRequest, "Compliant"},
		{"GET / HTTP/1.1\r\nA: b", "Compliant"}, // a file may lack the end
		{"GET / HTTP/1.1\nA: b\n\n", "NonCompliantHeader"},
		{"GET / HTTP/1.1\r\nA: b\r\n\n", "NonCompliantHeader"},
		{"GET / HTTP/1.1\r\nA: b\r\n c: d\r\n\r\n", "BadHeader"},
		{"GET / HTTP/1.1\r\nA\r\n\r\n", "BadHeader"},
		{"GET / HTTP/1.1\r\n Transfer-Encoding: chunked\r\n\r\n", "UndefinedTransferEncodingSemantics SuspiciousHeader"},
		{"GET HTTP/1.1\r\n\r\n", "AmbiguousUri"},
		{"GET\r\n\r\n", "AmbiguousUri"},
		{"GET \r\n\r\n", "AmbiguousUri"},
		{"GET /\r\n\r\n", "NonCompliantVersion"},
		{"GET / \r\n\r\n", "NonCompliantVersion"},
		{"GET /a b HTTP/1.1\r\n\r\n", "SpaceInUri"},
		{"", "BadMethod"},
		{"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nA\x00: not a header", "Compliant"},
	}
	for _, tt := range tests {
		if got := ClassifyRaw([]byte(tt.raw)); !strings.Contains(tt.want, got.Reason.String()) {
			t.Errorf("%q: %v, want %s", tt.raw, got.Reason, tt.want)
		}
	}
}

func TestResemble(t *testing.T) {
	tests := []struct {
		name  string
		known string
		want  likeness
	}{
		{"Transfer-Encoding", transferEncoding, same},
		{"TRANSFER-ENCODING", transferEncoding, same},
		{"transfer-encodings", transferEncoding, distant},
		{"transferencoding", transferEncoding, distant}, // shorter
		{"transfer\xe2\x80\x95encoding", transferEncoding, similar},
		{"transferXencoding", transferEncoding, similar},
		{"tran\xc5\xbffer-encod\xc4\xb1ng", transferEncoding, similar},
		{"transfer-encoding!!", transferEncoding, similar},
		{"x-transfer-encoding", transferEncoding, distant},
		{"...transfer-encoding", transferEncoding, similar},
		{"t r a n s f e r-encoding", transferEncoding, similar},
		{"t.r.a.n.s.f.e.r-encoding", transferEncoding, distant},
		{"transfer-________", transferEncoding, distant},
		{"trans____________", transferEncoding, similar},
		{"_________________", transferEncoding, distant},
		{"content-length", contentLength, same},
		{"content- length", contentLength, similar},
		{"content length", contentLength, distant}, // dropped anyway: no token
		{"content-lengthy", contentLength, distant},
		{"content-location", contentLength, distant},
		{"content-disposition", contentLength, distant},
	}
	for _, tt := range tests {
		if got := resemble([]byte(tt.name), tt.known); got != tt.want {
			t.Errorf("resemble(%q, %q) = %v, want %v", tt.name, tt.known, got, tt.want)
		}
		if got := imitates([]byte(tt.name)); got != (tt.want == similar) {
			t.Errorf("imitates(%q) = %v", tt.name, got)
		}
	}
}

func TestWords(t *testing.T) {
	for r := ReasonCompliant; r < reasons; r++ {
		if r.String() == "" || r.Tier().String() == "" {
			t.Errorf("reason %d has no word", r)
		}
	}
	for _, m := range []Mode{Defensive, Monitor, Strictest} {
		if got, ok := ParseMode(m.String()); got != m || !ok {
			t.Errorf("ParseMode(%q) = %v, %v", m, got, ok)
		}
	}
	if _, ok := ParseMode("Defensive"); ok {
		t.Error("modes are in lower case")
	}
}
