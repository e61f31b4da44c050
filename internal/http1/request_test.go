package http1

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

const typicalRequest = "GET /api/v1/products/42?expand=reviews&page=2 HTTP/1.1\r\n" +
	"Host: shop.example.com\r\n" +
	"User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n" +
	"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n" +
	"Accept-Language: en-US,en;q=0.5\r\n" +
	"Accept-Encoding: gzip, deflate, br\r\n" +
	"Cookie: session=4f2a9c7be1d84e0b9a; theme=dark\r\n" +
	"X-Forwarded-For: 203.0.113.7\r\n" +
	"Connection: keep-alive\r\n" +
	"\r\n"

// post is a POST with the given lines, each of which brings its own line end.
func post(lines string) string { return "POST / HTTP/1.1\r\nHost: h\r\n" + lines + "\r\n" }

// get is a request with the given request line.
func get(line string) string { return line + "\r\nHost: h\r\n\r\n" }

// describe writes what Parse made of a head: framing, then what is remarkable.
func describe(r *Request) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%v %d", r.Framing, r.ContentLength)
	add := func(on bool, word string) {
		if on {
			b.WriteString(" " + word)
		}
	}
	add(r.KeepAlive, "keep")
	add(r.Close, "close")
	add(r.Clean, "clean")
	add(r.WriteFraming, "write")
	add(r.Expect100, "expect")
	add(r.Absolute, "absolute")
	add(r.Upgrade != nil, "upgrade="+string(r.Upgrade))
	for i := range r.Fields {
		f := &r.Fields[i]
		add(f.Flags&Drop != 0, fmt.Sprintf("drop%d", i))
		add(f.Flags&Hop != 0, fmt.Sprintf("hop%d", i))
		add(f.Flags&Rewrite != 0, fmt.Sprintf("rewrite%d", i))
	}
	add(r.Class.Reason != ReasonCompliant, r.Class.Reason.String())
	return b.String()
}

// TestRequestAccepted: Host is field 0 in all that post and get make.
func TestRequestAccepted(t *testing.T) {
	tests := []struct {
		name, raw, want string
	}{
		{"typical", typicalRequest, "none 0 keep clean hop7"},
		{"no body", post(""), "none 0 keep clean"},
		{"length", post("Content-Length: 12\r\n"), "length 12 keep clean"},
		{"length zero", post("content-length:0\r\n"), "length 0 keep clean"},
		{"length, greatest", post("Content-Length: 9223372036854775807\r\n"), "length 9223372036854775807 keep clean"},
		{"length in blanks", post("Content-Length: \t 12 \t\r\n"), "length 12 keep clean"},
		{"length as octal", post("Content-Length: 012\r\n"), "length 12 keep write drop1"},
		{"length twice", post("Content-Length: 12\r\nContent-Length: 12\r\n"), "length 12 close drop2 DuplicateContentLength"},
		{"length twice, octal first", post("Content-Length: 012\r\nContent-Length: 12\r\n"), "length 12 close drop1 DuplicateContentLength"},
		{"chunked", post("Transfer-Encoding: chunked\r\n"), "chunked -1 keep clean"},
		{"chunked in capitals", post("TRANSFER-ENCODING: CHUNKED\r\n"), "chunked -1 keep clean"},
		{"chunked after identity", post("Transfer-Encoding: identity, chunked\r\n"), "chunked -1 keep write drop1"},
		{"chunked over two lines", post("Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n"), "chunked -1 keep write drop1 drop2"},
		{"chunked with parameter", post("Transfer-Encoding: chunked;a=b\r\n"), "chunked -1 keep write drop1"},
		{"chunked and length", post("Transfer-Encoding: chunked\r\nContent-Length: 3\r\n"), "chunked -1 close drop2 BothTeClPresent"},
		{"length and chunked", post("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n"), "chunked -1 close drop1 BothTeClPresent"},
		{"chunked in HTTP/1.0", "POST / HTTP/1.0\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n", "chunked -1 close write hop0 drop1 UndefinedTransferEncodingSemantics"},
		{"GET with length", get("GET / HTTP/1.1\r\nContent-Length: 5"), "length 5 close clean UndefinedContentLengthSemantics"},
		{"GET with length zero", get("GET / HTTP/1.1\r\nContent-Length: 0"), "length 0 keep clean GetHeadZeroContentLength"},
		{"GET chunked", get("GET / HTTP/1.1\r\nTransfer-Encoding: chunked"), "chunked -1 close clean UndefinedTransferEncodingSemantics"},

		{"name with blank behind", post("Transfer-Encoding : chunked\r\n"), "none 0 close drop1 SuspiciousHeader"},
		{"name with underscore", post("Transfer_Encoding: chunked\r\n"), "none 0 close drop1 SuspiciousHeader"},
		{"name with underscore beside length", post("Content_Length: 6\r\nContent-Length: 6\r\nTransfer_Encoding: chunked\r\n"), "length 6 close drop1 drop3 SuspiciousHeader"},
		{"harmless name with blank", post("X-Foo : a\r\n"), "none 0 keep drop1 NonCompliantHeader"},
		{"name with control character", post("\x01X-Foo: a\r\n"), "none 0 keep drop1 NonCompliantHeader"},
		{"value with control character", post("X-Foo: a\x01b\r\n"), "none 0 keep clean NonCompliantHeader"},
		{"value beyond ASCII", post("X-Foo: \xe4\xff\r\n"), "none 0 keep clean"},
		{"no name", post(": a\r\n"), "none 0 close drop1 EmptyHeader"},
		{"blanks before the first field", "POST / HTTP/1.1\r\n X-A: b\r\n\tX-B: c\r\nHost: h\r\n\r\n", "none 0 keep drop0 drop1 NonCompliantHeader"},
		{"LF alone behind a field", post("X-A: b\nX-C: d\r\n"), "none 0 keep rewrite1 NonCompliantHeader"},
		{"LF alone at the end", "POST / HTTP/1.1\r\nHost: h\r\n\n", "none 0 keep NonCompliantHeader"},
		{"LF alone behind the request line", "POST / HTTP/1.1\nHost: h\r\n\r\n", "none 0 keep NonCompliantHeader"},

		{"empty lines in front", "\r\n\n\r\n" + post(""), "none 0 keep clean"},
		{"close", post("Connection: close\r\n"), "none 0 clean hop1"},
		{"close among others", post("Connection: x, Close\r\nX: y\r\n"), "none 0 clean hop1 hop2"},
		{"HTTP/1.0", "GET / HTTP/1.0\r\n\r\n", "none 0 clean"},
		{"HTTP/1.0 kept", "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", "none 0 keep clean hop0"},
		{"HTTP/1.7", get("GET / HTTP/1.7"), "none 0 keep NonCompliantVersion"},
		{"blank behind the version", get("GET / HTTP/1.1 "), "none 0 keep NonCompliantVersion"},
		{"hop by hop", post("Keep-Alive: 5\r\nTE: trailers\r\nProxy-Connection: x\r\nHTTP2-Settings: A\r\nTrailer: x\r\n"), "none 0 keep clean hop1 hop2 hop3 hop4"},
		{"named away", post("Connection: X-Secret, Content-Length, X-Forwarded-For, Host\r\nX-Secret: 1\r\nContent-Length: 2\r\nX-Forwarded-For: 1.2.3.4\r\n"), "length 2 keep clean hop1 hop2"},
		{"expect", post("Expect: 100-Continue\r\nContent-Length: 1\r\n"), "length 1 keep clean expect"},
		{"expect in HTTP/1.0", "POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n", "length 1 clean"},
		{"upgrade", get("GET / HTTP/1.1\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket"), "none 0 keep clean upgrade=websocket hop0 hop1"},
		{"upgrade not listed", get("GET / HTTP/1.1\r\nUpgrade: websocket"), "none 0 keep clean hop0"},
		{"blank in target", get("GET /a b HTTP/1.1"), "none 0 keep SpaceInUri"},
		{"control character in target", get("GET /a\x01b HTTP/1.1"), "none 0 close AmbiguousUri"},
		{"absolute target", get("GET http://x/ HTTP/1.1"), "none 0 keep clean absolute"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var r Request
			raw := []byte(tt.raw)
			n, err := r.Parse(append(raw, "rest"...), Limits{})
			if n != len(raw) || err != nil {
				t.Fatalf("Parse = %d, %v; want %d", n, err, len(raw))
			}
			if got := describe(&r); got != tt.want {
				t.Errorf("\ngot  %s\nwant %s", got, tt.want)
			}
			checkForwarded(t, &r)
		})
	}
}

func TestRequestRefused(t *testing.T) {
	long := strings.Repeat("a", 17<<10)
	tests := []struct {
		name, raw, want string
	}{
		{"TRACE", get("TRACE / HTTP/1.1"), "405 MethodNotAllowed Compliant"},
		{"CONNECT", "CONNECT h:443 HTTP/1.1\r\nHost: h\r\n\r\n", "405 MethodNotAllowed Compliant"},
		{"HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "505 UnsupportedVersion Compliant"},
		{"HTTP/3.0", "GET / HTTP/3.0\r\n", "505 UnsupportedVersion Compliant"},
		{"HTTP/0.9", "GET /\r\n", "505 UnsupportedVersion NonCompliantVersion"},
		{"HTTP/0.9, said", "GET / HTTP/0.9\r\n", "505 UnsupportedVersion NonCompliantVersion"},
		{"HTTP/1.10", "GET / HTTP/1.10\r\n", "400 BadVersion BadVersion"},
		{"HTTP/11", "GET / HTTP/11\r\n", "400 BadVersion BadVersion"},
		{"another protocol", "GET / SIP/2.0\r\n", "400 BadVersion Compliant"},
		{"TLS", "\x16\x03\x01\x02\x00", "400 BadMethod BadMethod"},
		{"blank first", " GET / HTTP/1.1\r\n", "400 BadMethod BadMethod"},
		{"too many empty lines", "\r\n\r\n\r\n\r\n\r\nGET / HTTP/1.1\r\n", "400 BadMethod BadMethod"},
		{"CR and no LF first", "\rGET / HTTP/1.1\r\n", "400 BadMethod BadMethod"},
		{"tab in request line", "GET\t/\tHTTP/1.1\r\n\r\n", "505 UnsupportedVersion BadMethod"},
		{"bad method", get("GE\x01T / HTTP/1.1"), "400 BadMethod BadMethod"},

		{"no target", get("GET HTTP/1.1"), "400 BadTarget AmbiguousUri"},
		{"empty target", get("GET  HTTP/1.1"), "400 BadTarget Compliant"},
		{"relative target", get("GET foo HTTP/1.1"), "400 BadTarget Compliant"},
		{"asterisk for GET", get("GET * HTTP/1.1"), "400 BadTarget Compliant"},
		{"other scheme", get("GET ftp://x/ HTTP/1.1"), "400 BadTarget Compliant"},
		{"no authority", get("GET http:///x HTTP/1.1"), "400 BadTarget Compliant"},
		{"fragment for a path", get("GET http://a#b HTTP/1.1"), "400 BadTarget Compliant"},
		{"fragment", get("GET /admin.html#x HTTP/1.1"), "400 BadTarget Compliant"},
		{"fragment and nothing in it", get("GET /admin.html# HTTP/1.1"), "400 BadTarget Compliant"},
		{"fragment alone", get("GET # HTTP/1.1"), "400 BadTarget Compliant"},
		{"fragment behind a query", get("GET /a?b#c HTTP/1.1"), "400 BadTarget Compliant"},
		{"query in a fragment", get("GET /a#b?c HTTP/1.1"), "400 BadTarget Compliant"},
		{"fragment of an absolute target", get("GET http://a/b#c HTTP/1.1"), "400 BadTarget Compliant"},
		{"fragment in an authority", get("GET http://a#@b/ HTTP/1.1"), "400 BadTarget Compliant"},
		{"fragment of the asterisk", get("OPTIONS *#x HTTP/1.1"), "400 BadTarget Compliant"},
		{"user information", get("GET http://a@b/x HTTP/1.1"), "400 BadHost Compliant"},
		{"NUL in target", get("GET /a\x00 HTTP/1.1"), "400 BadUri BadUri"},
		{"CR in target", get("GET /a\rb HTTP/1.1"), "400 BadUri BadUri"},
		{"no Host", "GET / HTTP/1.1\r\n\r\n", "400 MissingHost Compliant"},
		{"no Host, absolute", "GET http://x/ HTTP/1.1\r\n\r\n", "400 MissingHost Compliant"},
		{"two Hosts", post("Host: h\r\n"), "400 MultipleHost Compliant"},
		{"bad Host", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", "400 BadHost Compliant"},
		{"Host with blank", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", "400 BadHost Compliant"},

		{"lengths differ", post("Content-Length: 1\r\nContent-Length: 2\r\n"), "400 MultipleContentLength MultipleContentLength"},
		{"length list", post("Content-Length: 1, 1\r\n"), "400 BadContentLength BadContentLength"},
		{"length signed", post("Content-Length: +1\r\n"), "400 BadContentLength BadContentLength"},
		{"length negative", post("Content-Length: -1\r\n"), "400 BadContentLength BadContentLength"},
		{"length hexadecimal", post("Content-Length: 0x1\r\n"), "400 BadContentLength BadContentLength"},
		{"length empty", post("Content-Length:\r\n"), "400 BadContentLength Compliant"},
		{"length over 63 bits", post("Content-Length: 9223372036854775808\r\n"), "400 BadContentLength Compliant"},
		{"length over 64 bits", post("Content-Length: 18446744073709551616\r\n"), "400 BadContentLength BadContentLength"},
		{"chunked twice", post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"), "400 MultipleTransferEncodingChunked MultipleTransferEncodingChunked"},
		{"chunked twice, apart", post("Transfer-Encoding: chunked, identity, chunked\r\n"), "400 MultipleTransferEncodingChunked Compliant"},
		{"chunked not last", post("Transfer-Encoding: chunked, identity\r\n"), "400 UndefinedLength Compliant"},
		{"identity alone", post("Transfer-Encoding: identity\r\n"), "400 UndefinedLength Compliant"},
		{"gzip", post("Transfer-Encoding: gzip, chunked\r\n"), "501 UnsupportedTransferEncoding Compliant"},
		{"unknown coding", post("Transfer-Encoding: xchunked\r\n"), "501 UnsupportedTransferEncoding BadTransferEncoding"},
		{"unknown coding and length", post("Transfer-Encoding: cow\r\nContent-Length: 4\r\n"), "501 UnsupportedTransferEncoding BadTransferEncoding"},
		{"coding with vertical tab", post("Transfer-Encoding: \x0bchunked\r\n"), "400 BadTransferEncoding BadTransferEncoding"},
		{"coding in quotes", post("Transfer-Encoding: \"chunked\"\r\n"), "400 BadTransferEncoding BadTransferEncoding"},
		{"coding in two words", post("Transfer-Encoding: chunked chunked\r\n"), "400 BadTransferEncoding BadTransferEncoding"},
		{"coding and a comma", post("Transfer-Encoding: chunked,\r\n"), "400 BadTransferEncoding BadTransferEncoding"},
		{"coding empty", post("Transfer-Encoding:\r\n"), "400 BadTransferEncoding BadTransferEncoding"},
		{"coding folded", post("Transfer-Encoding:\r\n chunked\r\n"), "400 BadHeader BadHeader"},
		{"folded line", post("X-A: b\r\n c: d\r\n"), "400 BadHeader BadHeader"},
		{"no colon", post("X-A\r\n"), "400 BadHeader BadHeader"},
		{"NUL in value", post("X-A: b\x00c\r\n"), "400 BadHeader BadHeader"},
		{"CR in value", post("X-A: b\rTransfer-Encoding: chunked\r\n"), "400 BadHeader BadHeader"},
		{"CR in name", post("X-A\r: b\r\n"), "400 BadHeader BadHeader"},
		{"two CRs at the end", "POST / HTTP/1.1\r\nHost: h\r\n\r\r\n\r\n", "400 BadHeader BadHeader"},
		{"names two lengths by a blank", post("Content-Length : 1\r\nContent-Length: 2\r\n"), "400 MultipleContentLength MultipleContentLength"},

		{"request line too long", "GET /" + long, "414 RequestLineTooLong Compliant"},
		{"request line too long, whole", get("GET /" + long + " HTTP/1.1"), "414 RequestLineTooLong Compliant"},
		{"header too long", "GET / HTTP/1.1\r\nX: " + long, "400 HeaderTooLong Compliant"},
		{"header too long, whole", post("X: " + long + "\r\n"), "400 HeaderTooLong Compliant"},
		{"head too long", post(strings.Repeat("X: "+long[:16000]+"\r\n", 5)), "400 HeaderTooLong Compliant"},
		{"too many headers", post(strings.Repeat("X:y\r\n", 1001)), "400 TooManyHeaders Compliant"},
		{"too many options", post("Connection: " + strings.Repeat("a,", 65) + "\r\n"), "400 TooManyConnectionOptions Compliant"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var r Request
			n, err := r.Parse([]byte(tt.raw), Limits{})
			var e *Error
			if !errors.As(err, &e) || n != 0 {
				t.Fatalf("Parse = %d, %v (%s); want %s", n, err, describe(&r), tt.want)
			}
			if got := fmt.Sprintf("%d %s %s", e.Status, e.Reason, e.Class.Reason); got != tt.want {
				t.Errorf("refused with %s, want %s", got, tt.want)
			}
		})
	}
}

// TestRequestModes: what each mode does with one request of each tier.
func TestRequestModes(t *testing.T) {
	requests := []struct {
		name, raw                     string
		monitor, defensive, strictest string
	}{
		{"compliant", post(""), "keep", "keep", "keep"},
		{"acceptable", post("X : y\r\n"), "keep", "keep", "400"},
		{"ambiguous, framing certain", get("GET / HTTP/1.1\r\nContent-Length: 5"), "keep", "close", "400"},
		{"ambiguous, framing fixed by us", post("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"), "close", "close", "400"},
		{"ambiguous, imitated", post("Transfer_Encoding: chunked\r\n"), "close", "close", "400"},
		{"severe, a line that can go", post("X: a\x00\r\n"), "close", "400", "400"},
		{"severe, folded", post("X: a\r\n b\r\nY: c\r\n"), "close", "400", "400"},
		{"severe, framing folded", post("Transfer-Encoding: chunked\r\n x\r\n y\r\n"), "400", "400", "400"},
		{"severe, no certain end", post("Content-Length: 5\r\nContent-Length: 6\r\n"), "400", "400", "400"},
		{"severe, bad coding", post("Transfer-Encoding: chunked\x01\r\n"), "400", "400", "400"},
		{"severe, bad method", get("GE\x01T / HTTP/1.1"), "400", "400", "400"},
		{"severe, bad target", get("GET /\x00 HTTP/1.1"), "400", "400", "400"},
	}
	for _, tt := range requests {
		for mode, want := range map[Mode]string{Monitor: tt.monitor, Defensive: tt.defensive, Strictest: tt.strictest} {
			var r Request
			_, err := r.Parse([]byte(tt.raw), Limits{Mode: mode})
			got := "close"
			var e *Error
			switch {
			case errors.As(err, &e):
				got = fmt.Sprint(e.Status)
			case r.KeepAlive && !r.Close:
				got = "keep"
			}
			if got != want {
				t.Errorf("%s in mode %v: %s, want %s", tt.name, mode, got, want)
			}
			if err == nil {
				checkForwarded(t, &r)
			}
		}
	}
}

func TestRequestTarget(t *testing.T) {
	tests := []struct{ line, path, query, host, forwarded string }{
		{"GET / HTTP/1.1", "/", "-", "h", "/"},
		{"GET /a/b?c=d?e HTTP/1.1", "/a/b", "c=d?e", "h", "/a/b?c=d?e"},
		{"GET /a? HTTP/1.1", "/a", "", "h", "/a?"},
		{"OPTIONS * HTTP/1.1", "*", "-", "h", "*"},
		{"GET http://x.example:81/a?b HTTP/1.1", "/a", "b", "x.example:81", "/a?b"},
		{"GET HTTPS://x HTTP/1.1", "/", "-", "x", "/"},
		{"GET http://x?y HTTP/1.1", "/", "y", "x", "/?y"},
		{"OPTIONS http://x HTTP/1.1", "*", "-", "x", "*"},
		{"GET /a b?c\td HTTP/1.1", "/a b", "c\td", "h", "/a%20b?c%09d"},
		{"GET  /a  HTTP/1.1", "/a", "-", "h", "/a"},
		{"GET /a\x7f HTTP/1.1", "/a\x7f", "-", "h", "/a%7F"},
		{"GET http://x/a b HTTP/1.1", "/a b", "-", "x", "/a%20b"},
		{"GET //x/y HTTP/1.1", "//x/y", "-", "h", "//x/y"},
	}
	for _, tt := range tests {
		var r Request
		if _, err := r.Parse([]byte(get(tt.line)), Limits{}); err != nil {
			t.Errorf("%s: %v", tt.line, err)
			continue
		}
		query := string(r.Query)
		if r.Query == nil {
			query = "-"
		}
		if string(r.Path) != tt.path || query != tt.query || string(r.Host) != tt.host {
			t.Errorf("%s: path %q query %q host %q", tt.line, r.Path, query, r.Host)
		}
		if got := string(r.AppendTarget(nil)); got != tt.forwarded {
			t.Errorf("%s: forwarded as %q, want %q", tt.line, got, tt.forwarded)
		}
	}
}

// TestRequestLogged: a refused request still has its request line and fields for
// the log.
func TestRequestLogged(t *testing.T) {
	for _, raw := range []string{
		get("GET /x HTTP/2.0"), post("User-Agent: u\r\nX:" + strings.Repeat("y", 20000) + "\r\n"),
		post("User-Agent: u\r\nX\r\n"), post("User-Agent: u\r\n" + strings.Repeat("X:\r\n", 2000)),
	} {
		var r Request
		if _, err := r.Parse([]byte(raw), Limits{}); err == nil || len(r.Method) == 0 || len(r.Target) == 0 {
			t.Errorf("%.30q: err %v, method %q, target %q", raw, err, r.Method, r.Target)
		}
		if v, ok := r.Get(UserAgent); ok != (string(r.Method) == "POST") || ok && string(v) != "u" {
			t.Errorf("%.30q: user agent %q, %v", raw, v, ok)
		}
	}
}

func TestValidHost(t *testing.T) {
	for host, want := range map[string]bool{
		"": true, "h": true, "a.b:80": true, "a.b:": true, "[::1]": true, "[::1]:443": true, "a%20b": true, "1.2.3.4:65535": true,
		":80": false, "a:b": false, "a:80:80": false, "a:123456": false, "[::1": false, "[]": false, "[::1]x": false, "a]": false,
		"a/b": false, "a@b": false, "a b": false, "a\\b": false, "\xe4": false, "a?b": false, "::1": false,
	} {
		if got := validHost([]byte(host)); got != want {
			t.Errorf("validHost(%q) = %v", host, got)
		}
	}
}

// TestRequestPieces: a head that comes in pieces reads like one that comes whole.
func TestRequestPieces(t *testing.T) {
	raws := []string{typicalRequest, "\r\n\n" + post("Transfer-Encoding: identity, chunked\nX : y\r\n: z\r\nContent-Length: 4\r\n"),
		post("X: a\r\n b\r\n"), get("GET /a\x00 HTTP/1.1"), "\r\n\r\n\r\n\r\n\r\nGET"}
	for _, raw := range raws {
		checkPieces(t, []byte(raw))
	}
}

// checkPieces parses raw at once, then byte by byte, then in two pieces.
func checkPieces(t *testing.T, raw []byte) {
	t.Helper()
	var whole Request
	wantN, wantErr := whole.Parse(raw, Limits{})
	want := fmt.Sprint(wantN, wantErr, describe(&whole))

	var r Request
	for end := 0; end <= len(raw); end++ {
		piece := append([]byte(nil), raw[:end]...) // moves at every call
		n, err := r.Parse(piece, Limits{})
		if n == 0 && err == nil {
			if end == len(raw) && wantN > 0 {
				t.Fatalf("%q byte by byte: never done", raw)
			}
			continue
		}
		if got := fmt.Sprint(n, err, describe(&r)); got != want {
			t.Fatalf("%q byte by byte: %s\nwhole: %s", raw, got, want)
		}
		break
	}
	for cut := range raw {
		r.Reset()
		if n, err := r.Parse(raw[:cut:cut], Limits{}); n > 0 || err != nil {
			continue
		}
		n, err := r.Parse(raw, Limits{})
		if got := fmt.Sprint(n, err, describe(&r)); got != want {
			t.Fatalf("%q cut at %d: %s\nwhole: %s", raw, cut, got, want)
		}
	}
}

// TestRequestReuse: nothing of one request is left in the next.
func TestRequestReuse(t *testing.T) {
	var r, fresh Request
	for _, raw := range []string{
		get("GET http://x/?q HTTP/1.1\r\nConnection: close, upgrade\r\nUpgrade: w\r\nExpect: 100-continue"),
		post("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"), post("X\r\n"), "GET / HTTP/1.0\r\n\r\n",
	} {
		n, err := r.Parse([]byte(raw), Limits{})
		fresh = Request{}
		m, freshErr := fresh.Parse([]byte(raw), Limits{})
		if n != m || fmt.Sprint(err) != fmt.Sprint(freshErr) || describe(&r) != describe(&fresh) || string(r.Host) != string(fresh.Host) || string(r.Query) != string(fresh.Query) {
			t.Errorf("%q: reused %s, fresh %s", raw, describe(&r), describe(&fresh))
		}
	}
}

func TestRequestAllocates(t *testing.T) {
	var r Request
	plain, odd := []byte(typicalRequest), []byte(post("X : y\r\nTransfer-Encoding: identity, chunked\r\nConnection: x, y\r\n"))
	for _, buf := range [][]byte{plain, odd} {
		if n := testing.AllocsPerRun(100, func() {
			if _, err := r.Parse(buf, Limits{}); err != nil {
				t.Fatal(err)
			}
		}); n != 0 {
			t.Errorf("%.20q: %v allocations", buf, n)
		}
	}
}

func BenchmarkRequest(b *testing.B) {
	for _, bb := range []struct{ name, raw string }{
		{"typical", typicalRequest},
		{"post", post("Content-Type: application/json\r\nContent-Length: 85\r\n")},
		{"acceptable", strings.Replace(typicalRequest, "Cookie:", "Cookie :", 1)},
	} {
		b.Run(bb.name, func(b *testing.B) {
			buf := []byte(bb.raw)
			var r Request
			b.ReportAllocs()
			b.SetBytes(int64(len(buf)))
			for b.Loop() {
				if n, err := r.Parse(buf, Limits{}); n != len(buf) || err != nil {
					b.Fatal(n, err)
				}
			}
		})
	}
}

// BenchmarkRequestTrickle: a long head that comes byte by byte.
func BenchmarkRequestTrickle(b *testing.B) {
	buf := []byte(post("X: " + strings.Repeat("y", 16000) + "\r\n"))
	var r Request
	for b.Loop() {
		for end := range len(buf) + 1 {
			if _, err := r.Parse(buf[:end], Limits{}); err != nil {
				b.Fatal(err)
			}
		}
	}
}
