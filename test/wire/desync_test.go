package wire

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

var modes = []string{"monitor", "defensive", "strictest"}

// extraPlaces are load balancers beside those of the cases.
var extraPlaces = map[string]settings{
	"desync-monitor":    {attributes: "routing.http.desync_mitigation_mode=monitor"},
	"desync-defensive":  {attributes: "routing.http.desync_mitigation_mode=defensive"},
	"desync-strictest":  {attributes: "routing.http.desync_mitigation_mode=strictest"},
	"fuzz-monitor":      {attributes: "routing.http.desync_mitigation_mode=monitor"},
	"fuzz-defensive":    {attributes: "routing.http.desync_mitigation_mode=defensive"},
	"fuzz-strictest":    {attributes: "routing.http.desync_mitigation_mode=strictest"},
	"desync2-monitor":   {https: true, attributes: "routing.http.desync_mitigation_mode=monitor"},
	"desync2-defensive": {https: true, attributes: "routing.http.desync_mitigation_mode=defensive"},
	"desync2-strictest": {https: true, attributes: "routing.http.desync_mitigation_mode=strictest"},
	"slow-heads":        {}, "slow-bodies": {}, "slow-answers": {},
	"h2spec-late": {https: true}, "h2spec-early": {https: true},
	"tunnel-http2": {https: true}, "tunnel-refused": {https: true},
}

// ambiguities are requests that parsers have been made to disagree about. What becomes of
// them in each mode is written as CODE keep or CODE close, in the order of modes; body is what the target
// must find, where the request is let through.
var ambiguities = []struct {
	name, raw string
	want      [3]string
	class     string
	body      string
}{
	{"plain", "POST / HTTP/1.1\nHost: a\nContent-Length: 5\n\nhello",
		[3]string{"200 keep", "200 keep", "200 keep"}, "-", "hello"},
	{"GET with an empty body", "GET / HTTP/1.1\nHost: a\nContent-Length: 0\n\n",
		[3]string{"200 keep", "200 keep", "400 close"}, "Acceptable/GetHeadZeroContentLength", ""},
	{"GET with a body", "GET / HTTP/1.1\nHost: a\nContent-Length: 5\n\nhello",
		[3]string{"200 keep", "200 close", "400 close"}, "Ambiguous/UndefinedContentLengthSemantics", "hello"},
	{"GET with chunks", "GET / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\n\n5\nhello\n0\n\n",
		[3]string{"200 keep", "200 close", "400 close"}, "Ambiguous/UndefinedTransferEncodingSemantics", "hello"},
	{"both framings", "POST / HTTP/1.1\nHost: a\nContent-Length: 6\nTransfer-Encoding: chunked\n\n5\nhello\n0\n\n",
		[3]string{"200 close", "200 close", "400 close"}, "Ambiguous/BothTeClPresent", "hello"},
	{"the same length twice", "POST / HTTP/1.1\nHost: a\nContent-Length: 5\nContent-Length: 5\n\nhello",
		[3]string{"200 keep", "200 close", "400 close"}, "Ambiguous/DuplicateContentLength", "hello"},
	{"a name that looks like Transfer-Encoding", "POST / HTTP/1.1\nHost: a\nContent-Length: 5\nTransfer_Encoding: chunked\n\nhello",
		[3]string{"200 close", "200 close", "400 close"}, "Ambiguous/SuspiciousHeader", "hello"},
	{"a blank before the colon", "POST / HTTP/1.1\nHost: a\nContent-Length: 5\nTransfer-Encoding : chunked\n\nhello",
		[3]string{"200 close", "200 close", "400 close"}, "Ambiguous/SuspiciousHeader", "hello"},
	{"a field without a name", "POST / HTTP/1.1\nHost: a\nContent-Length: 5\n: x\n\nhello",
		[3]string{"200 keep", "200 close", "400 close"}, "Ambiguous/EmptyHeader", "hello"},
	{"a control character in the target", "GET /\x01 HTTP/1.1\nHost: a\n\n",
		[3]string{"200 keep", "200 close", "400 close"}, "Ambiguous/AmbiguousUri", ""},
	{"chunks in HTTP/1.0", "POST / HTTP/1.0\nHost: a\nConnection: keep-alive\nTransfer-Encoding: chunked\n\n5\nhello\n0\n\n",
		[3]string{"200 close", "200 close", "400 close"}, "Ambiguous/UndefinedTransferEncodingSemantics", "hello"},
	{"a length with a sign", "POST / HTTP/1.1\nHost: a\nContent-Length: +5\n\nhello",
		[3]string{"400 close", "400 close", "400 close"}, "Severe/BadContentLength", ""},
	{"two lengths", "POST / HTTP/1.1\nHost: a\nContent-Length: 5\nContent-Length: 6\n\nhello!",
		[3]string{"400 close", "400 close", "400 close"}, "Severe/MultipleContentLength", ""},
	{"chunked twice", "POST / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked, chunked\n\n5\nhello\n0\n\n",
		[3]string{"400 close", "400 close", "400 close"}, "Severe/MultipleTransferEncodingChunked", ""},
	{"a field on two lines", "POST / HTTP/1.1\nHost: a\nContent-Length: 5\nX: y\n z\n\nhello",
		[3]string{"200 close", "400 close", "400 close"}, "Severe/BadHeader", "hello"},
	{"a folded framing field", "POST / HTTP/1.1\nHost: a\nTransfer-Encoding:\n chunked\n\n5\nhello\n0\n\n",
		[3]string{"400 close", "400 close", "400 close"}, "Severe/BadHeader", ""},
	{"a CR in a value", "POST / HTTP/1.1\nHost: a\nX: y\rTransfer-Encoding: chunked\nContent-Length: 5\n\nhello",
		[3]string{"200 close", "400 close", "400 close"}, "Severe/BadHeader", "hello"},
	{"NUL in a value", "POST / HTTP/1.1\nHost: a\nX: \x00\nContent-Length: 5\n\nhello",
		[3]string{"200 close", "400 close", "400 close"}, "Severe/BadHeader", "hello"},
}

// TestDesync sends what parsers disagree about through each mode: what arrives must be read
// alike by net/http and nginx, as one request, and connections must end where they have to.
func TestDesync(t *testing.T) {
	t.Parallel()
	second, err := secondParser()
	if err != nil {
		t.Fatal(err)
	}
	if second == nil {
		t.Log("nginx is not installed: net/http is the only parser to compare with")
	}
	for i, mode := range modes {
		t.Run(mode, func(t *testing.T) {
			r := recorderAt("desync-" + mode)
			for _, c := range ambiguities {
				t.Run(c.name, func(t *testing.T) {
					logged := world.logs.count(r.place.name)
					raw := strings.ReplaceAll(c.raw, "\n", "\r\n")
					got, err := r.once(raw)
					if err != nil {
						t.Fatal(err)
					}
					if got != c.want[i] {
						t.Errorf("got %s, want %s", got, c.want[i])
					}
					r.checkArrived(t, c.want[i], c.body, second)
					lines, err := world.logs.of(r.place.name, logged+1)
					if err != nil {
						t.Fatal(err)
					}
					line := lines[len(lines)-1]
					if class := strings.TrimSuffix(line[27]+"/"+line[28], "/-"); class != c.class && got != "501 close" {
						t.Errorf("logged as %s, want %s", class, c.class)
					}
				})
			}
		})
	}
}

// once sends one request and tells "CODE keep" or "CODE close". What is said to close must do so.
func (r *recorder) once(raw string) (string, error) {
	c, err := net.Dial("tcp", r.place.addr())
	if err != nil {
		return "", err
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(patience))
	in := bufio.NewReader(c)
	if _, err := io.WriteString(c, raw); err != nil {
		return "", err
	}
	response, err := http.ReadResponse(in, nil)
	if err != nil {
		return "", fmt.Errorf("reading the answer to %q: %w", raw, err)
	}
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		return "", err
	}
	if !response.Close {
		return fmt.Sprint(response.StatusCode, " keep"), nil
	}
	if rest, err := io.ReadAll(in); err != nil || len(rest) > 0 {
		return "", fmt.Errorf("behind Connection: close there are %q, %v", rest, err)
	}
	return fmt.Sprint(response.StatusCode, " close"), nil
}

// checkArrived looks at what the target got of one request.
func (r *recorder) checkArrived(t *testing.T, want, body string, second *nginx) {
	requests, refused, conns := r.take()
	if strings.HasPrefix(want, "400") {
		if len(requests)+len(refused) > 0 {
			t.Errorf("the target got %q %v", requests, refused)
		}
		return
	}
	if len(requests) != 1 || len(refused) > 0 {
		t.Fatalf("the target read %d requests (%v), want 1: %q", len(requests), refused, requests)
	}
	got := requests[0]
	if got.body != body {
		t.Errorf("the target read the body %q, want %q: %q", got.body, body, got.raw)
	}
	if second != nil {
		if err := second.agrees(got); err != nil {
			t.Error(err)
		}
	}
	if strings.HasSuffix(want, "close") {
		for _, c := range conns {
			select {
			case <-c.ended:
			case <-time.After(patience):
				t.Errorf("the target's connection stays open behind %q", got.raw)
			}
		}
	}
}
