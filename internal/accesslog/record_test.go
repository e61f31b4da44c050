package accesslog

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// sample is a request over TLS that a target answered.
func sample() Record {
	return Record{
		Type:    "https",
		Time:    time.Date(2026, 11, 23, 22, 23, 0, 186641_999, time.UTC),
		Created: time.Date(2026, 11, 23, 22, 22, 59, 50_000_000, time.UTC),
		Client:  netip.MustParseAddrPort("192.168.131.39:2817"), Target: netip.MustParseAddrPort("10.0.0.1:80"),
		RequestTime: 86 * time.Millisecond, TargetTime: 48 * time.Millisecond, ResponseTime: 1037 * time.Millisecond,
		Status: 200, TargetStatus: 200, Received: 151, Sent: 57,
		Method: []byte("GET"), URL: []byte("https://www.example.com:443/predict?store=2"), Proto: "HTTP/1.1",
		UserAgent: []byte("curl/8.14.1"), Cipher: "ECDHE-RSA-AES128-GCM-SHA256", TLSProtocol: "TLSv1.2",
		TargetGroupARN: "arn:aws:elasticloadbalancing:us-east-1:000000000000:targetgroup/k8s-retail-api/73e2d6bc24d8a067",
		TraceID:        []byte("Root=1-58337281-1d84f3d73c47ec4e58577259"), Domain: "www.example.com",
		CertARN:      "arn:aws:acm:us-east-1:000000000000:certificate/12345678-1234-1234-1234-123456789012",
		RulePriority: 1, Actions: "authenticate,forward", ConnTraceID: "TID_558e26a7adede44b9fdb98006014afcf",
		LoadBalancer: "app/k8s-retail/50dc6c495c0c9188", Node: "10.0.0.250",
	}
}

func TestLine(t *testing.T) {
	r := sample()
	want := `https 2026-11-23T22:23:00.186641Z app/k8s-retail/50dc6c495c0c9188 192.168.131.39:2817 10.0.0.1:80 0.086 0.048 1.037 200 200 151 57 ` +
		`"GET https://www.example.com:443/predict?store=2 HTTP/1.1" "curl/8.14.1" ECDHE-RSA-AES128-GCM-SHA256 TLSv1.2 ` +
		`arn:aws:elasticloadbalancing:us-east-1:000000000000:targetgroup/k8s-retail-api/73e2d6bc24d8a067 "Root=1-58337281-1d84f3d73c47ec4e58577259" ` +
		`"www.example.com" "arn:aws:acm:us-east-1:000000000000:certificate/12345678-1234-1234-1234-123456789012" 1 2026-11-23T22:22:59.050000Z ` +
		`"authenticate,forward" "-" "-" "10.0.0.1:80" "200" "-" "-" TID_558e26a7adede44b9fdb98006014afcf "-" "-" "-" 10.0.0.250` + "\n"
	if got := string(r.AppendTo(nil)); got != want {
		t.Errorf("got  %swant %s", got, want)
	}
}

func TestLongUserAgentIsCut(t *testing.T) {
	r := Record{UserAgent: bytes.Repeat([]byte("a"), 9000)}
	fields, err := split(string(r.AppendTo(nil)))
	if err != nil || len(fields[13]) != 8192 {
		t.Errorf("%d bytes, %v", len(fields[13]), err)
	}
}

// A request that could not be read has a line too: what is not known is "-".
func TestLineOfNothing(t *testing.T) {
	r := Record{Type: "http", RequestTime: -1, TargetTime: -1, ResponseTime: -1, Status: 400, RulePriority: -1,
		Client: netip.MustParseAddrPort("[2001:db8::1]:61084"), URL: []byte("http://lb.example:80-")}
	want := `http - - [2001:db8::1]:61084 - -1 -1 -1 400 - 0 0 "- http://lb.example:80- -" "-" - - - "-" "-" "-" - - ` +
		`"-" "-" "-" "-" "-" "-" "-" - "-" "-" "-" -` + "\n"
	if got := string(r.AppendTo(nil)); got != want {
		t.Errorf("got  %swant %s", got, want)
	}
}

func TestEscaping(t *testing.T) {
	for in, want := range map[string]string{
		`Mozilla/5.0 (X11; Linux)`: `Mozilla/5.0 (X11; Linux)`,
		`say "hi"`:                 `say \x22hi\x22`,
		`back\slash`:               `back\x5Cslash`,
		"line\r\nbreak":            `line\x0D\x0Abreak`,
		"tab\tdel\x7f":             `tab\x09del\x7F`,
		"nul\x00 é \xff":           `nul\x00 \xC3\xA9 \xFF`,
		"1234567\"":                `1234567\x22`,
	} {
		if got := string(appendText(nil, in)); got != want {
			t.Errorf("%q: got %s, want %s", in, got, want)
		}
	}
	if got := string(appendBare(nil, `a b"c`)); got != `a\x20b\x22c` {
		t.Errorf("bare: %s", got)
	}
}

// Each byte at each place of a word: the eight-at-a-time look agrees with the slow one.
func TestCleanAgreesWithPlain(t *testing.T) {
	for _, least := range []byte{0x20, 0x21} {
		for c := range 256 {
			for at := range 19 {
				b := bytes.Repeat([]byte{'!'}, 19)
				b[at] = byte(c)
				if got, want := clean(b, least), plain(byte(c), least); got != want {
					t.Fatalf("byte %#x at %d, least %#x: clean says %v", c, at, least, got)
				}
			}
		}
	}
}

func TestTimeAgreesWithTimePackage(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 10_000 {
		at := time.Unix(rng.Int64N(250_000_000_000)-60_000_000_000, rng.Int64N(1e9))
		if got, want := string(appendTime(nil, at)), at.UTC().Format("2006-01-02T15:04:05.000000Z"); got != want {
			t.Fatalf("got %s, want %s", got, want)
		}
	}
	midnight := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	for _, at := range []time.Time{midnight, midnight.Add(-time.Nanosecond), midnight, midnight.In(time.FixedZone("", 3600))} {
		if got, want := string(appendTime(nil, at)), at.UTC().Format("2006-01-02T15:04:05.000000Z"); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	appendTime(nil, midnight)
	kept := today.Load()
	if appendTime(nil, midnight.Add(-time.Hour)); today.Load() != kept {
		t.Error("yesterday has pushed today out")
	}
	if got := string(appendTime(nil, time.Date(12026, 1, 1, 0, 0, 0, 0, time.UTC))); got != "-" {
		t.Errorf("year 12026: %s", got)
	}
}

func TestSeconds(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-1: "-1", 0: "0.000", 499 * time.Microsecond: "0.000", 500 * time.Microsecond: "0.001",
		999_999 * time.Microsecond: "1.000", 3600*time.Second + 7*time.Millisecond: "3600.007",
		1<<63 - 1: "9223372036.855",
	} {
		if got := string(appendSeconds(nil, d)); got != want {
			t.Errorf("%d: got %s, want %s", d, got, want)
		}
	}
}

func TestAddresses(t *testing.T) {
	for in, want := range map[string]string{
		"1.20.255.0:0": "1.20.255.0:0", "[::ffff:10.0.0.1]:65535": "10.0.0.1:65535", "[fe80::1%eth0]:8080": "[fe80::1]:8080",
	} {
		if got := string(appendAddrPort(nil, netip.MustParseAddrPort(in))); got != want {
			t.Errorf("%s: got %s, want %s", in, got, want)
		}
	}
}

func TestNoAllocations(t *testing.T) {
	r := sample()
	buf := make([]byte, 0, 4096)
	if n := testing.AllocsPerRun(100, func() { buf = r.AppendTo(buf[:0]) }); n != 0 {
		t.Errorf("%v allocations a line", n)
	}
}

// split is what a log reader does: fields end at a space, quoted ones at their quote.
func split(line string) ([]string, error) {
	line, ok := strings.CutSuffix(line, "\n")
	if !ok || strings.Contains(line, "\n") {
		return nil, fmt.Errorf("not one line: %q", line)
	}
	var fields []string
	for {
		var field string
		var ok bool
		if rest, quoted := strings.CutPrefix(line, `"`); quoted {
			if field, line, ok = strings.Cut(rest, `"`); !ok {
				return nil, fmt.Errorf("a quote is open: %q", rest)
			}
		} else {
			field, _, _ = strings.Cut(line, " ")
			line = line[len(field):]
		}
		fields = append(fields, field)
		if line == "" {
			return fields, nil
		}
		if line, ok = strings.CutPrefix(line, " "); !ok {
			return nil, fmt.Errorf("no space before %q", line)
		}
	}
}

// unescape undoes \xHH; "-" is the empty text, as nobody can tell the two apart.
func unescape(t *testing.T, s string) string {
	if s == "-" {
		return ""
	}
	var out strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' {
			out.WriteByte(s[i])
			continue
		}
		var c byte
		if _, err := fmt.Sscanf(s[i:i+4], `\x%02X`, &c); err != nil {
			t.Fatalf("escape in %q: %v", s, err)
		}
		out.WriteByte(c)
		i += 3
	}
	return out.String()
}

// Whatever a client sends, the line splits back into its 34 fields.
func FuzzLineSplits(f *testing.F) {
	f.Add("GET", "http://a:80/", "HTTP/1.1", "curl", "Root=1-5", "a.example", "forward", 200, int64(1_800_000_000_000_000))
	f.Add("G T", "http://a:80/\" \"\\x22", "", "\n\r\"", "\xff\\", "\x00", "\"", -5, int64(-1))
	f.Fuzz(func(t *testing.T, method, url, proto, agent, trace, domain, other string, number int, us int64) {
		r := Record{Type: other, Time: time.UnixMicro(us), Method: []byte(method), URL: []byte(url), Proto: proto, UserAgent: []byte(agent),
			TraceID: []byte(trace), Domain: domain, Status: number, Received: us, RequestTime: time.Duration(us), RulePriority: number,
			Actions: other, ErrorReason: domain, TargetGroupARN: other, TransformedURI: []byte(url), ConnTraceID: trace, LoadBalancer: other}
		fields, err := split(string(r.AppendTo(nil)))
		if err != nil {
			t.Fatal(err)
		}
		if len(fields) != 34 {
			t.Fatalf("%d fields: %q", len(fields), fields)
		}
		dash := func(s string) string {
			if s == "-" {
				return ""
			}
			return s
		}
		first, rest, _ := strings.Cut(fields[12], " ")
		last := strings.LastIndexByte(rest, ' ')
		for _, c := range []struct{ name, got, want string }{
			{"type", fields[0], other}, {"elb", fields[2], other}, {"method", first, method}, {"url", rest[:last], url}, {"proto", rest[last+1:], proto},
			{"user agent", fields[13], agent[:min(len(agent), maxUserAgent)]}, {"target group", fields[16], other}, {"trace", fields[17], trace},
			{"domain", fields[18], domain}, {"actions", fields[22], other}, {"reason", fields[24], domain}, {"connection", fields[29], trace},
			{"uri", fields[31], url},
		} {
			if got := unescape(t, c.got); got != dash(c.want) {
				t.Errorf("%s: got %q of %q, want %q", c.name, got, c.got, c.want)
			}
		}
	})
}

func BenchmarkAppendTo(b *testing.B) {
	r := sample()
	buf := make([]byte, 0, 4096)
	b.ReportAllocs()
	for b.Loop() {
		buf = r.AppendTo(buf[:0])
	}
	b.SetBytes(int64(len(buf)))
}

// traffic is n lines as a busy load balancer has them: times, addresses, ids and paths vary.
func traffic(n int) []byte {
	rng := rand.New(rand.NewPCG(3, 4))
	r := sample()
	var lines []byte
	for range n {
		r.Time = r.Time.Add(time.Duration(rng.IntN(100_000)))
		r.Created = r.Time.Add(-time.Duration(rng.IntN(5_000_000)))
		r.Client = netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 1, byte(rng.IntN(4)), byte(rng.IntN(64))}), uint16(32768+rng.IntN(64)))
		r.Target = netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 0, byte(1 + rng.IntN(3))}), 8000)
		r.TargetTime = time.Duration(rng.IntN(20_000_000))
		r.Sent = 200 + rng.Int64N(2000)
		r.URL = fmt.Appendf(nil, "https://www.example.com:443/predict?store=%d", rng.IntN(100))
		r.TraceID = fmt.Appendf(nil, "Root=1-%08x-%016x%08x", r.Time.Unix(), rng.Uint64(), rng.Uint32())
		r.ConnTraceID = fmt.Sprintf("TID_%016x%016x", rng.Uint64()&0xff, r.Client.Port())
		lines = r.AppendTo(lines)
	}
	return lines
}
