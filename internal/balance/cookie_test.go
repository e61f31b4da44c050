package balance

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

func testCookies() *Cookies { return NewCookies([32]byte{1, 2, 3}) }

func TestCookieRoundTrip(t *testing.T) {
	c := testCookies()
	value := c.Append(nil, "shop/web:80", "10.0.0.1:8080", start.Add(time.Hour))
	if len(value) != ValueSize {
		t.Errorf("%d bytes, want %d", len(value), ValueSize)
	}
	for _, x := range []struct {
		why   string
		key   *Cookies
		group string
		at    time.Time
		ok    bool
	}{
		{"at once", c, "shop/web:80", start, true},
		{"by another process with the key", testCookies(), "shop/web:80", start.Add(59 * time.Minute), true},
		{"expired", c, "shop/web:80", start.Add(time.Hour), false},
		{"another group", c, "shop/web:81", start, false},
		{"another key", NewCookies([32]byte{9}), "shop/web:80", start, false},
	} {
		target, ok := x.key.Open(value, x.group, x.at)
		if ok != x.ok || ok && target != HashOf("10.0.0.1:8080") {
			t.Errorf("%s: %x %v", x.why, target, ok)
		}
	}
}

func TestCookieCannotBeForged(t *testing.T) {
	c := testCookies()
	value := c.Append(nil, "g", "t", start.Add(time.Hour))
	for i := range value {
		for _, b := range []byte{'A', 'B', value[i] ^ 1, '=', '+', ' '} {
			forged := append([]byte(nil), value...)
			forged[i] = b
			if _, ok := c.Open(forged, "g", start); ok && string(forged) != string(value) {
				t.Errorf("byte %d may be %q", i, b)
			}
		}
	}
	for _, bad := range []string{"", "x", string(value[1:]), string(value) + "A", strings.Repeat("A", ValueSize)} {
		if _, ok := c.Open([]byte(bad), "g", start); ok {
			t.Errorf("%q is taken", bad)
		}
	}
	// Nothing in common between neighbours: a client cannot tell targets or times apart.
	other := c.Append(nil, "g", "t", start.Add(time.Hour+time.Second))
	same := 0
	for i := range value {
		if value[i] == other[i] {
			same++
		}
	}
	if same > ValueSize/3 {
		t.Errorf("%d of %d characters are the same a second later", same, ValueSize)
	}
}

func TestFindCookie(t *testing.T) {
	for _, c := range []struct{ header, want string }{
		{"AWSALB=x", "x"},
		{"a=b; AWSALB=x; c=d", "x"},
		{"AWSALBCORS=y; AWSALB=x", "x"},
		{"AWSALB=first; AWSALB=second", "first"},
		{`a="b;c"; AWSALB="x"`, "x"},
		{";; AWSALB = y;\tAWSALB=x ", "x"},
		{"AWSALB=a=b", "a=b"},
		{"AWSALB=", ""},
		{"xAWSALB=y", "(none)"},
		{"awsalb=y", "(none)"},
		{"AWSALB", "(none)"},
		{"", "(none)"},
	} {
		value, ok := FindCookie([]byte(c.header), TargetCookie)
		got := string(value)
		if !ok {
			got = "(none)"
		}
		if got != c.want {
			t.Errorf("%q: %q, want %q", c.header, got, c.want)
		}
	}
}

func TestSetCookies(t *testing.T) {
	now := time.Date(2024, 2, 20, 11, 21, 53, 0, time.FixedZone("", 3600))
	got := string(AppendSetCookies([]byte("X: y\r\n"), TargetCookie, []byte("v"), now))
	want := "X: y\r\n" +
		"Set-Cookie: AWSALB=v; Expires=Tue, 27 Feb 2024 10:21:53 GMT; Path=/\r\n" +
		"Set-Cookie: AWSALBCORS=v; Expires=Tue, 27 Feb 2024 10:21:53 GMT; Path=/; SameSite=None; Secure\r\n"
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	line := strings.Split(got, "\r\n")[2]
	cookie, err := http.ParseSetCookie(strings.TrimPrefix(line, "Set-Cookie: "))
	if err != nil || cookie.Name != TargetCookieCORS || !cookie.Secure || cookie.SameSite != http.SameSiteNoneMode {
		t.Errorf("%v %v", cookie, err)
	}
}

// poolsForget is set where sync.Pool cannot be relied on to keep anything.
var poolsForget bool

func TestCookiesAllocateNothing(t *testing.T) {
	if poolsForget {
		t.Skip("pools are not kept under the race detector")
	}
	c := testCookies()
	buf := make([]byte, 0, 512)
	id := "namespace-of-some-length/ingress-of-some-length-service-of-some-length:80"
	value := c.Append(nil, id, id, start.Add(time.Hour))
	header := []byte("a=b; AWSALB=" + string(value))
	if n := testing.AllocsPerRun(100, func() {
		v, _ := FindCookie(header, TargetCookie)
		c.Open(v, id, start)
		out := c.Append(buf[:0], id, id, start)
		AppendSetCookies(buf[len(out):len(out)], TargetCookie, out, start)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzFindCookie(f *testing.F) {
	f.Add([]byte("a=b; AWSALB=x"))
	f.Add([]byte(`AWSALB="`))
	f.Fuzz(func(t *testing.T, header []byte) {
		value, ok := FindCookie(header, TargetCookie)
		if ok && (!strings.Contains(string(header), TargetCookie+"=") || !strings.Contains(string(header), string(value))) {
			t.Errorf("%q: %q", header, value)
		}
		if _, ok := testCookies().Open(value, "g", start); ok {
			t.Errorf("%q opens", value)
		}
	})
}

func BenchmarkCookies(b *testing.B) {
	c := testCookies()
	value := c.Append(nil, "shop/web:80", "10.0.0.1:8080", start.Add(time.Hour))
	header := []byte("session=0123456789abcdef; AWSALB=" + string(value))
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		buf := make([]byte, 0, 512)
		for pb.Next() {
			v, _ := FindCookie(header, TargetCookie)
			c.Open(v, "shop/web:80", start)
			out := c.Append(buf[:0], "shop/web:80", "10.0.0.1:8080", start)
			AppendSetCookies(out, TargetCookie, out, start)
		}
	})
}
