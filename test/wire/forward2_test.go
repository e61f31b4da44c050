package wire

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// frames is a request of HTTP/2 as a client may send it that means ill: any fields, any DATA.
type frames struct {
	fields   []hpack.HeaderField
	data     []string // a DATA frame each
	trailers []hpack.HeaderField
	round    string // stands in the path
}

func (f frames) String() string { return fmt.Sprintf("%q %q %q", f.fields, f.data, f.trailers) }

// answer is what came back on the stream.
type answer struct {
	status   string
	recorded string // by the target: yes, no, or nothing
	reset    bool
}

// handshakeLimit is how long the load balancer lets a client take to shake hands: less than it takes where the machine has
// twenty times more to do than it can.
const handshakeLimit = 10 * time.Second

// exchange2 sends a request on a connection of its own.
func (r *recorder) exchange2(f frames) (a answer, err error) {
	began := time.Now()
	c, err := dialFromAnywhere(r.place.addr())
	if err != nil {
		return a, err
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(patience))
	secure := tls.Client(c, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}, CurvePreferences: []tls.CurveID{tls.X25519}})
	if err := secure.Handshake(); err != nil {
		if time.Since(began) >= handshakeLimit { // it is rightly broken off, and nothing has been sent
			return r.exchange2(f)
		}
		return a, err
	}
	var out bytes.Buffer // in one write, so that all of it is there before the answer
	out.WriteString(http2.ClientPreface)
	fr := http2.NewFramer(&out, secure)
	fr.AllowIllegalWrites = true
	fr.WriteSettings()
	end := len(f.data) == 0 && f.trailers == nil
	fr.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, EndStream: end, EndHeaders: true, BlockFragment: block(f.fields)})
	for i, d := range f.data {
		fr.WriteData(1, i == len(f.data)-1 && f.trailers == nil, []byte(d))
	}
	if f.trailers != nil {
		fr.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, EndStream: true, EndHeaders: true, BlockFragment: block(f.trailers)})
	}
	fr.WritePing(false, [8]byte{})
	if _, err := secure.Write(out.Bytes()); err != nil {
		return a, err
	}
	return a, a.read(fr)
}

// block encodes fields without the dynamic table, so that blocks do not depend on each other.
func block(fields []hpack.HeaderField) []byte {
	var b bytes.Buffer
	e := hpack.NewEncoder(&b)
	for _, f := range fields {
		f.Sensitive = true
		e.WriteField(f)
	}
	return b.Bytes()
}

// read reads frames until the stream is over and the load balancer has read what was sent behind it.
func (a *answer) read(fr *http2.Framer) error {
	fr.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	for over, kept := false, false; !over || !kept && !a.reset; {
		frame, err := fr.ReadFrame()
		if err != nil {
			if err == io.EOF || !isTimeout(err) {
				return nil
			}
			return fmt.Errorf("no end of the answer: %w", err)
		}
		switch frame := frame.(type) {
		case *http2.MetaHeadersFrame:
			for _, f := range frame.Fields {
				switch f.Name {
				case ":status":
					a.status = f.Value
				case "x-recorded":
					a.recorded = f.Value
				}
			}
			over = over || frame.StreamEnded()
		case *http2.DataFrame:
			over = over || frame.StreamEnded()
		case *http2.RSTStreamFrame:
			a.reset = a.status == ""
			over = true
		case *http2.GoAwayFrame:
			a.reset = true // whatever it says, it costs the connection
			return nil
		case *http2.PingFrame:
			kept = true
		}
	}
	return nil
}

// compare2 holds what reached the target against what the client sent and got: one request at most, with the method and the
// body of the frames, read alike by net/http and nginx.
func (r *recorder) compare2(f frames) (through bool, err error) {
	r.take()
	a, err := r.exchange2(f)
	if err != nil {
		return false, err
	}
	requests, refused, _ := r.take()
	requests = slices.DeleteFunc(requests, func(s seen) bool { return f.earlier(string(s.raw)) })
	refused = slices.DeleteFunc(refused, func(err error) bool { return f.earlier(err.Error()) })
	if want := map[bool]int{true: 1}[a.recorded == "no"]; len(refused) != want && !(a.reset && len(refused) == 1) {
		return false, fmt.Errorf("%v: the client got %+v, and the target refused %v", f, a, refused)
	}
	if want := map[bool]int{true: 1}[a.recorded == "yes"]; len(requests) != want && !(a.reset && len(requests) == 1) {
		return false, fmt.Errorf("%v: the client got %+v, and the target read %d requests: %q", f, a, len(requests), requests)
	}
	if len(requests) == 0 {
		return false, nil
	}
	got := requests[0]
	if a.reset { // what was announced was there, and DATA beyond that was the fault
		return true, nil
	}
	if body := strings.Join(f.data, ""); got.body != body || got.method != f.get(":method") {
		return true, fmt.Errorf("%v: the target read %s with the body %q: %q", f, got.method, got.body, got.raw)
	}
	second, err := secondParser()
	if second == nil {
		return true, err
	}
	return true, second.agrees(got)
}

var inRound = regexp.MustCompile(`round\d+end`)

// earlier says whether what reached the target is of another round: what was reset in one may arrive in the next.
func (f frames) earlier(raw string) bool {
	round := inRound.FindString(raw)
	return round != "" && round != f.round
}

func (f frames) get(name string) string {
	for _, field := range f.fields {
		if field.Name == name {
			return field.Value
		}
	}
	return ""
}

func pseudo(method, path string) []hpack.HeaderField {
	return []hpack.HeaderField{{Name: ":method", Value: method}, {Name: ":scheme", Value: "https"}, {Name: ":authority", Value: "a"}, {Name: ":path", Value: path}}
}

func with(fields []hpack.HeaderField, more ...string) []hpack.HeaderField {
	for i := 0; i < len(more); i += 2 {
		fields = append(fields, hpack.HeaderField{Name: more[i], Value: more[i+1]})
	}
	return fields
}

// TestDesyncHTTP2: what could be read in two ways never gets out of HTTP/2's frames, and what does is Compliant in each of the three
// modes: the framing that the target reads is the load balancer's own. What becomes of each request is its status, or "reset".
func TestDesyncHTTP2(t *testing.T) {
	t.Parallel()
	hello := []string{"hel", "lo"}
	post := func(more ...string) frames { return frames{fields: with(pseudo("POST", "/"), more...), data: hello} }
	for n, c := range []struct {
		name string
		sent frames
		want string
	}{
		{"plain", post(), "200"},
		{"a length", post("content-length", "5"), "200"},
		{"trailers", frames{fields: post().fields, data: hello, trailers: with(nil, "x-sum", "1")}, "200"},
		{"the same length twice", post("content-length", "5", "content-length", "5"), "200"},
		{"GET with a body", frames{fields: with(pseudo("GET", "/"), "content-length", "5"), data: hello}, "200"},
		{"GET with a body of unknown length", frames{fields: pseudo("GET", "/"), data: hello}, "200"},
		{"HEAD with a body", frames{fields: with(pseudo("HEAD", "/"), "content-length", "5"), data: hello}, "200"},
		{"DELETE with a body", frames{fields: pseudo("DELETE", "/"), data: hello}, "200"},
		{"a name that looks like Transfer-Encoding", post("content-length", "5", "transfer_encoding", "chunked"), "200"},
		{"two lengths", post("content-length", "5", "content-length", "6"), "reset"},
		{"a wrong length", post("content-length", "4"), "reset"},
		{"a length with a sign", post("content-length", "+5"), "reset"},
		{"Transfer-Encoding", post("transfer-encoding", "chunked"), "reset"},
		{"a line break in a value", post("x", "y\r\nTransfer-Encoding: chunked"), "reset"},
		{"a line break in a name", post("x: y\r\ntransfer-encoding", "chunked"), "reset"},
		{"a line break in the path", frames{fields: pseudo("GET", "/ HTTP/1.1\r\nX: y")}, "reset"},
		{"a blank in the path", frames{fields: pseudo("GET", "/ x")}, "reset"},
		{"a line break in the method", frames{fields: pseudo("GET / HTTP/1.1\r\nX: y", "/")}, "reset"},
		{"a blank before the colon", post("transfer-encoding ", "chunked"), "reset"},
		{"NUL in a value", post("x", "\x00"), "reset"},
		{"a trailer that frames", frames{fields: post().fields, data: hello, trailers: with(nil, "content-length", "5")}, "400"},
	} {
		number := fmt.Sprint("case", n, "end")
		for _, mode := range modes {
			t.Run(mode+"/"+c.name, func(t *testing.T) {
				r := recorderAt("desync2-" + mode)
				c.sent.fields = slices.Clone(c.sent.fields)
				for j, field := range c.sent.fields {
					if field.Name == ":path" {
						c.sent.fields[j].Value = strings.Replace(field.Value, "/", "/"+number, 1)
					}
				}
				a, err := r.exchange2(c.sent)
				if err != nil {
					t.Fatal(err)
				}
				got := a.status
				if a.reset {
					got = "reset"
				}
				if got != c.want {
					t.Errorf("got %s, want %s", got, c.want)
				}
				requests, _, _ := r.take()
				if len(requests) > 1 || len(requests) == 1 && requests[0].body != "hello" {
					t.Errorf("the target got %q", requests)
				}
				if a.reset {
					return
				}
				line, err := world.logs.find(r.place.name, number)
				if err != nil {
					t.Fatal(err)
				}
				if line[27] != "-" || line[28] != "-" {
					t.Errorf("logged as %s/%s", line[27], line[28])
				}
			})
		}
	}
}

// TestForwardMutatedHTTP2 does over HTTP/2 what TestForwardMutated does over HTTP/1.1.
func TestForwardMutatedHTTP2(t *testing.T) {
	m := mutator{rand.New(rand.NewPCG(1, 2))}
	rounds, through := 0, 0
	for deadline := time.Now().Add(2 * time.Second); time.Now().Before(deadline) || rounds < 50; rounds++ {
		f := m.frames()
		f.round = fmt.Sprint("round", rounds, "end")
		path := slices.IndexFunc(f.fields, func(h hpack.HeaderField) bool { return h.Name == ":path" })
		f.fields[path].Value += "?" + f.round
		passed, err := recorderAt("desync2-" + modes[rounds%len(modes)]).compare2(f)
		if err != nil {
			t.Fatalf("%s: %v", modes[rounds%len(modes)], err)
		}
		if passed {
			through++
		}
	}
	t.Logf("%d of %d mutated requests reached the target, and were read alike there", through, rounds)
	if through < rounds/10 {
		t.Errorf("only %d of %d mutated requests reached the target: nothing is being tested", through, rounds)
	}
}

// frames makes a request that is nearly right.
func (m mutator) frames() (f frames) {
	maybe := func(s string) string {
		if m.IntN(8) == 0 {
			return m.mutate(s)
		}
		return s
	}
	f.fields = pseudo(maybe(m.pick("GET", "POST", "POST", "PUT", "OPTIONS")), maybe(m.pick("/", "/a?b")))
	f.fields[2].Value = maybe("a")
	for range m.IntN(4) {
		f.data = append(f.data, m.pick("", "hello", "0\r\n\r\n", "GET /evil HTTP/1.1\r\nHost: b\r\n\r\n"))
	}
	for range m.IntN(4) {
		name, value, _ := strings.Cut(m.pick(fmt.Sprint("content-length: ", len(strings.Join(f.data, ""))), "content-length: 5", "transfer-encoding: chunked", "transfer_encoding: chunked",
			"te: trailers", "x-a: b", "cookie: a=b", "host: a", "expect: 100-continue", "trailer: x", "connection: close", "upgrade: h2c"), ": ")
		f.fields = append(f.fields, hpack.HeaderField{Name: maybe(name), Value: maybe(value)})
	}
	if m.IntN(10) == 0 {
		i, j := m.IntN(len(f.fields)), m.IntN(len(f.fields))
		f.fields[i], f.fields[j] = f.fields[j], f.fields[i]
	}
	if m.IntN(4) == 0 {
		f.trailers = []hpack.HeaderField{{Name: maybe(m.pick("x-sum", "x-sum", "content-length", "transfer-encoding", "host")), Value: maybe("1")}}
	}
	f.data = slices.Clip(f.data)
	return f
}
