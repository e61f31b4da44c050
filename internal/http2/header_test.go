package http2

import (
	"fmt"
	"strings"
	"testing"
)

// requestOf builds a request from fields given as "name: value", one a line.
func requestOf(lines string, end, extended bool) (*Request, string) {
	r := new(Request)
	r.Header.reset(requestHeader)
	for line := range strings.Lines(lines) {
		line = strings.TrimSuffix(line, "\n")
		i := strings.Index(line[1:], ":") + 1
		name, value := []byte(line[:i]), []byte(strings.TrimPrefix(line[i+1:], " "))
		r.add(&decodedField{name, value, lookupName(name), validName(name) && validValue(value)})
	}
	return r, r.conclude(end, extended)
}

func TestMalformedRequests(t *testing.T) {
	const connect = ":method: CONNECT\n:authority: a.example:443\n"
	const socket = ":method: CONNECT\n:protocol: websocket\n:scheme: https\n:path: /chat\n:authority: a.example\n"
	for _, c := range []struct {
		lines    string
		end      bool
		extended bool
		want     string
	}{
		{get, true, false, ""},
		{post, false, false, ""},
		{":method: OPTIONS\n:scheme: https\n:path: *\n", true, false, ""},
		{":method: GET\n:scheme: https\n:path: *\n", true, false, ":path is wrong"},
		{":method: GET\n:scheme: https\n:path: a\n", true, false, ":path is wrong"},
		{":method: GET\n:scheme: https\n:path: \n", true, false, ":path is missing or wrong"},
		{":method: GET\n:scheme: https\n:path: /a b\n", true, false, ":path is missing or wrong"},
		{":method: GET\n:scheme: https\n:path: /a\tb\n", true, false, ":path is missing or wrong"},
		{":method: GET\n:scheme: https\n:path: /a\x00b\n", true, false, "field with an invalid name or value"},
		{":method: GET\n:scheme: https\n:path: /\u00e9\n", true, false, ""},
		{":method: GET\n:scheme: https\n", true, false, ":path is missing or wrong"},
		{":method: GET\n:path: /\n", true, false, ":scheme is missing or wrong"},
		{":method: GET\n:scheme: ht tp\n:path: /\n", true, false, ":scheme is missing or wrong"},
		{":scheme: https\n:path: /\n", true, false, ":method is missing or wrong"},
		{":method: G T\n:scheme: https\n:path: /\n", true, false, ":method is missing or wrong"},
		{":method: GET\n" + get, true, false, "pseudo-field twice"},
		{get + ":authority: a.example\n", true, false, "pseudo-field twice"},
		{get + ":status: 200\n", true, false, "pseudo-field that does not belong here"},
		{get + ":other: x\n", true, false, "pseudo-field that does not belong here"},
		{":method: GET\n:scheme: https\nx: y\n:path: /\n", true, false, "pseudo-field behind others"},
		{":method: GET\n:scheme: https\nhost: y\n:path: /\n", true, false, "pseudo-field behind others"},
		{":method: GET\n:scheme: https\n:path: /\n:authority: u@a.example\n", true, false, ":authority is wrong"},
		{":method: GET\n:scheme: https\n:path: /\n:authority: a b\n", true, false, ":authority is wrong"},
		{":method: GET\n:scheme: https\n:path: /\nhost: u@a.example\n", true, false, ":authority is wrong"},
		{get + "host: a.example\n", true, false, ""},
		{get + "host: A.example\n", true, false, ""},
		{get + "host: b.example\n", true, false, "host differs from :authority"},
		{":method: GET\n:scheme: https\n:path: /\nhost: a\nhost: a\n", true, false, "host twice or empty"},
		{get + "X: y\n", true, false, "field with an invalid name or value"},
		{get + "x y: y\n", true, false, "field with an invalid name or value"},
		{get + "x\x80: y\n", true, false, "field with an invalid name or value"},
		{get + "x(: y\n", true, false, "field with an invalid name or value"},
		{get + "x:  y\n", true, false, "field with an invalid name or value"},
		{get + "x: y\t\n", true, false, "field with an invalid name or value"},
		{get + "x: a\rb\n", true, false, "field with an invalid name or value"},
		{get + "x: a\x00b\n", true, false, "field with an invalid name or value"},
		{get + "x: \xff\x7f\n", true, false, ""},
		{get + "x:\n", true, false, ""},
		{get + "connection: close\n", true, false, "field of the connection"},
		{get + "keep-alive: 1\n", true, false, "field of the connection"},
		{get + "proxy-connection: close\n", true, false, "field of the connection"},
		{get + "transfer-encoding: chunked\n", true, false, "field of the connection"},
		{get + "upgrade: x\n", true, false, "field of the connection"},
		{get + "te: trailers\n", true, false, ""},
		{get + "te: gzip\n", true, false, "te other than trailers"},
		{get + "te: trailers, gzip\n", true, false, "te other than trailers"},
		{get + "content-length: 0\n", true, false, ""},
		{get + "content-length: 1\n", true, false, "content-length without a body"},
		{post + "content-length: 1\n", false, false, ""},
		{post + "content-length: 1\ncontent-length: 1\n", false, false, ""},
		{post + "content-length: 1\ncontent-length: 2\n", false, false, "content-length is wrong"},
		{post + "content-length: +1\n", false, false, "content-length is wrong"},
		{post + "content-length: 1,1\n", false, false, "content-length is wrong"},
		{post + "content-length:\n", false, false, "content-length is wrong"},
		{post + "content-length: 9999999999999999999\n", false, false, "content-length is wrong"},
		{connect, false, false, ""},
		{connect + ":path: /\n", false, false, "CONNECT with the wrong pseudo-fields"},
		{connect + ":scheme: https\n", false, false, "CONNECT with the wrong pseudo-fields"},
		{":method: CONNECT\n", false, false, "CONNECT with the wrong pseudo-fields"},
		{socket, false, true, ""},
		{socket, false, false, ":protocol out of place"},
		{":method: GET\n:protocol: websocket\n:scheme: https\n:path: /\n", false, true, ":protocol out of place"},
		{":method: CONNECT\n:protocol: a b\n:scheme: https\n:path: /\n", false, true, ":protocol out of place"},
		{":method: CONNECT\n:protocol: websocket\n:scheme: https\n", false, true, ":path is missing or wrong"},
	} {
		if _, got := requestOf(c.lines, c.end, c.extended); got != c.want {
			t.Errorf("%q: %q, want %q", c.lines, got, c.want)
		}
	}
}

func TestAppendHead(t *testing.T) {
	for _, c := range []struct {
		lines, want string
		end         bool
	}{
		{get, "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n", true},
		{get + "host: a.example\nx: y\n", "GET / HTTP/1.1\r\nHost: a.example\r\nx: y\r\n\r\n", true},
		{":method: GET\n:scheme: https\n:path: /?q=1\nx: y\nhost: b:1\nz:\n", "GET /?q=1 HTTP/1.1\r\nHost: b:1\r\nx: y\r\nz: \r\n\r\n", true},
		{post, "POST / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n", false},
		{post + "content-length: 5\n", "POST / HTTP/1.1\r\nHost: a.example\r\ncontent-length: 5\r\n\r\n", false},
		{post, "POST / HTTP/1.1\r\nHost: a.example\r\n\r\n", true},
		{get + "cookie: a=1\ncookie: b=2\nx: y\n", "GET / HTTP/1.1\r\nHost: a.example\r\ncookie: a=1; b=2\r\nx: y\r\n\r\n", true},
		{get + "cookie: a=1\nx: y\ncookie: b=2\nz: 1\ncookie: c\n", "GET / HTTP/1.1\r\nHost: a.example\r\nx: y\r\nz: 1\r\ncookie: a=1; b=2; c\r\n\r\n", true},
		{":method: CONNECT\n:authority: a:443\n", "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n", true},
		{":method: CONNECT\n:protocol: other\n:scheme: https\n:path: /chat\n:authority: a\nx: y\n",
			"GET /chat HTTP/1.1\r\nHost: a\r\nx: y\r\nConnection: Upgrade\r\nUpgrade: other\r\n\r\n", false},
	} {
		r, malformed := requestOf(c.lines, c.end, true)
		if got := string(r.AppendHead(nil)); got != c.want || malformed != "" {
			t.Errorf("%q: %q, want %q, malformed %q", c.lines, got, c.want, malformed)
		}
	}
	r, _ := requestOf(":method: CONNECT\n:protocol: websocket\n:scheme: https\n:path: /chat\n:authority: a\n", false, true)
	got := string(r.AppendHead(nil))
	before, key, _ := strings.Cut(got, "Sec-WebSocket-Key: ")
	if before != "GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" || len(key) != 24+4 || string(r.AppendHead(nil)) == got {
		t.Errorf("%q", got)
	}
}

func TestFields(t *testing.T) {
	r, _ := requestOf(get+"a: 1\nb: 2\na: 3\ncookie: x\nc: 4\ncookie: y\n", true, false)
	var got []string
	for i := range r.Len() {
		got = append(got, fmt.Sprintf("%s=%s", r.Name(i), r.Value(i)))
	}
	if s := strings.Join(got, " "); s != "a=1 b=2 a=3 c=4 cookie=x; y" {
		t.Error(s)
	}
	if v, ok := r.Get("a"); string(v) != "1" || !ok {
		t.Errorf("Get = %q, %v", v, ok)
	}
	if v, ok := r.Get("d"); v != nil || ok {
		t.Errorf("Get = %q, %v", v, ok)
	}
}

// TestTooLarge: what is over a limit reaches the handler, for it to answer.
func TestTooLarge(t *testing.T) {
	s := serve(t, Limits{}, nil, func(s *Stream) {
		if s.TooLarge == "" {
			page(s)
			return
		}
		s.WriteHead(400, []byte("reason: "+s.TooLarge+"\r\n"), true)
	})
	r := dialRaw(t, s.addr)
	id := uint32(1)
	send := func(lines string) {
		block := r.block(lines)
		r.frame(frameHeaders, flagEndStream, id, string(block[:10]))
		for block = block[10:]; len(block) > maxFrame; block = block[maxFrame:] {
			r.frame(frameContinuation, 0, id, string(block[:maxFrame]))
		}
		r.frame(frameContinuation, flagEndHeaders, id, string(block))
	}
	for _, c := range []struct{ lines, want string }{
		{get + "x: " + strings.Repeat("y", 16<<10-2) + "\n", "400 reason=HeaderTooLong END"},
		{get + "x: " + strings.Repeat("y", 16<<10-3) + "\n", "200"},
		{":method: GET\n:scheme: https\n:path: /" + strings.Repeat("y", 16<<10) + "\n", "400 reason=RequestLineTooLong END"},
		{get + strings.Repeat("a: "+strings.Repeat("y", 15<<10)+"\n", 4), "200"},
		{get + strings.Repeat("a: "+strings.Repeat("y", 15<<10)+"\n", 5), "400 reason=HeaderTooLong END"},
		{get + strings.Repeat("a: b\n", 1000), "200"},
		{get + strings.Repeat("a: b\n", 1001), "400 reason=TooManyHeaders END"},
	} {
		send(c.lines)
		if got := r.until("HEADERS", "RST", "GOAWAY"); got != fmt.Sprintf("HEADERS %d :status=%s", id, c.want) {
			t.Errorf("%.30q: %s, want %s", c.lines, got, c.want)
		}
		if c.want == "200" {
			r.until("DATA")
		}
		id += 2
	}
}
