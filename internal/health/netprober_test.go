package health

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"runtime"
	"runtime/pprof"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/albatross-lb/albatross/lb"
	"github.com/albatross-lb/albatross/test/ports"
)

// ask asks addr with a NetProber by way of edit from a plain GET / for 200.
func ask(addr string, timeout time.Duration, edit func(*Probe)) Result {
	m, _ := ParseMatcher("200")
	p := Probe{Addr: netip.MustParseAddrPort(addr), Protocol: lb.HTTP, Version: lb.HTTP1, Path: "/healthz?x=1", Matcher: m, Timeout: timeout}
	if edit != nil {
		edit(&p)
	}
	ctx, cancel := context.WithTimeout(context.Background(), p.Timeout)
	defer cancel()
	return new(NetProber).Probe(ctx, p)
}

// target accepts connections and has each answered by answer.
func serve(t *testing.T, answer func(net.Conn)) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				answer(conn)
			}()
		}
	}()
	return l.Addr().String()
}

// says answers with text after reading a request's header.
func says(text string) func(net.Conn) {
	return func(conn net.Conn) {
		readHeader(conn)
		io.WriteString(conn, text)
	}
}

// blurts answers with text to whatever comes.
func blurts(text string) func(net.Conn) {
	return func(conn net.Conn) {
		conn.Read(make([]byte, 4096))
		io.WriteString(conn, text)
	}
}

func readHeader(conn net.Conn) string {
	var all strings.Builder
	for r := bufio.NewReader(conn); ; {
		line, err := r.ReadString('\n')
		all.WriteString(line)
		if err != nil || line == "\r\n" {
			return all.String()
		}
	}
}

func TestRequest(t *testing.T) {
	requests := make(chan string, 1)
	addr := serve(t, func(conn net.Conn) {
		requests <- readHeader(conn)
		io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
	})
	if r := ask(addr, time.Minute, nil); !r.Passed() || r.Code != 200 {
		t.Errorf("%+v", r)
	}
	want := "GET /healthz?x=1 HTTP/1.1\r\nHost: " + addr + "\r\nUser-Agent: ELB-HealthChecker/2.0\r\nConnection: close\r\n\r\n"
	if got := <-requests; got != want {
		t.Errorf("request %q, want %q", got, want)
	}
}

func TestAnswers(t *testing.T) {
	const ok = "HTTP/1.1 200 OK\r\n"
	endless := func(prefix, unit string) func(net.Conn) {
		return func(conn net.Conn) {
			readHeader(conn)
			_, err := io.WriteString(conn, prefix)
			for block := strings.Repeat(unit, 1000); err == nil; {
				_, err = io.WriteString(conn, block)
			}
		}
	}
	for _, test := range []struct {
		name   string
		answer func(net.Conn)
		reason lb.HealthReason
		code   int
	}{
		{"pass", says(ok + "Content-Length: 2\r\n\r\nOK"), "", 200},
		{"HTTP/1.0", says("HTTP/1.0 200 OK\r\n\r\nuntil the end"), "", 200},
		{"chunked", says(ok + "Transfer-Encoding: chunked\r\n\r\n2\r\nOK\r\n0\r\n\r\n"), "", 200},
		{"interim", says("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + ok + "Content-Length: 0\r\n\r\n"), "", 200},
		{"interim without end", endless("", "HTTP/1.1 100 Continue\r\n\r\n"), lb.FailedHealthChecks, -1},
		{"503", says("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"), lb.ResponseCodeMismatch, 503},
		{"301", says("HTTP/1.1 301 Moved\r\nLocation: /there\r\nContent-Length: 0\r\n\r\n"), lb.ResponseCodeMismatch, 301},
		{"not HTTP", says("SSH-2.0-OpenSSH_9.2\r\n"), lb.FailedHealthChecks, -1},
		{"nothing", says(""), lb.FailedHealthChecks, -1},
		{"header cut off", says(ok + "Content-Le"), lb.FailedHealthChecks, -1},
		{"body cut off", says(ok + "Content-Length: 10\r\n\r\nOK"), lb.FailedHealthChecks, -1},
		{"header without end", endless(ok, "X: y\r\n"), lb.FailedHealthChecks, -1},
		{"body without end", endless(ok+"\r\n", "stream"), "", 200},
		{"chunks without end", endless(ok+"Transfer-Encoding: chunked\r\n\r\n", "1\r\nx\r\n"), "", 200},
		{"long body", endless(ok+"Content-Length: 999999999\r\n\r\n", "long"), "", 200},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := ask(serve(t, test.answer), time.Minute, nil)
			if r.Reason != test.reason || r.Code != test.code {
				t.Errorf("%+v, want %q %d", r, test.reason, test.code)
			}
			if r.Passed() != (r.Err == nil) {
				t.Errorf("passed %v with error %v", r.Passed(), r.Err)
			}
		})
	}
}

func TestTimeouts(t *testing.T) {
	hang := func(before string) func(net.Conn) {
		return func(conn net.Conn) {
			says(before)(conn)
			io.Copy(io.Discard, conn) // until the prober gives up
		}
	}
	for name, answer := range map[string]func(net.Conn){
		"no answer":     hang(""),
		"half a header": hang("HTTP/1.1 200 OK\r\nX:"),
		"half a body":   hang("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"),
	} {
		t.Run(name, func(t *testing.T) {
			r := ask(serve(t, answer), 30*time.Millisecond, nil)
			if r.Reason != lb.TargetTimeout || !errors.Is(r.Err, context.DeadlineExceeded) {
				t.Errorf("%+v", r)
			}
		})
	}
	t.Run("TLS that does not come", func(t *testing.T) {
		r := ask(serve(t, hang("")), 30*time.Millisecond, func(p *Probe) { p.Protocol = lb.HTTPS })
		if r.Reason != lb.TargetTimeout {
			t.Errorf("%+v", r)
		}
	})
	t.Run("connecting", func(t *testing.T) {
		n := &NetProber{Dial: func(ctx context.Context, _ netip.AddrPort) (net.Conn, error) { <-ctx.Done(); return nil, ctx.Err() }}
		ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
		defer cancel()
		if r := n.Probe(ctx, Probe{Protocol: lb.TCP}); r.Reason != lb.TargetTimeout {
			t.Errorf("%+v", r)
		}
	})
}

// closedPort is an address at which nobody listens.
func closedPort(t *testing.T) string {
	addr, release, err := ports.Refusing()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(release)
	return addr.String()
}

func TestConnect(t *testing.T) {
	tcp := func(p *Probe) { p.Protocol = lb.TCP }
	if r := ask(serve(t, says("")), time.Minute, tcp); !r.Passed() || r.Code != -1 {
		t.Errorf("a target that accepts: %+v", r)
	}
	for _, edit := range []func(*Probe){nil, tcp, func(p *Probe) { p.Version = lb.HTTP2 }, func(p *Probe) { p.Protocol = lb.HTTPS }} {
		r := ask(closedPort(t), time.Minute, edit)
		if r.Reason != lb.FailedHealthChecks || !errors.Is(r.Err, syscall.ECONNREFUSED) {
			t.Errorf("a target that is not there: %+v", r)
		}
	}
}

func TestOwnFaults(t *testing.T) {
	for _, cause := range []error{syscall.EMFILE, syscall.ENFILE, syscall.EADDRNOTAVAIL, syscall.ENOBUFS} {
		n := &NetProber{Dial: func(context.Context, netip.AddrPort) (net.Conn, error) {
			return nil, &net.OpError{Op: "dial", Net: "tcp", Err: cause}
		}}
		if r := n.Probe(context.Background(), Probe{Protocol: lb.HTTP}); r.Reason != lb.ELBInternalError {
			t.Errorf("%v: %+v", cause, r)
		}
	}
}

func TestHTTPS(t *testing.T) {
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.TLS == nil || r.Host != r.Context().Value(http.LocalAddrContextKey).(net.Addr).String() {
			w.WriteHeader(500)
		}
	}))
	defer s.Close()
	addr := s.Listener.Addr().String()
	if r := ask(addr, time.Minute, func(p *Probe) { p.Protocol = lb.HTTPS }); !r.Passed() {
		t.Errorf("a certificate that nobody knows: %+v", r)
	}
	if r := ask(addr, time.Minute, nil); r.Reason != lb.ResponseCodeMismatch || r.Code != 400 {
		t.Errorf("HTTP to an HTTPS port: %+v", r)
	}
	if r := ask(serve(t, blurts("HTTP/1.1 200 OK\r\n\r\n")), time.Minute, func(p *Probe) { p.Protocol = lb.HTTPS }); r.Reason != lb.FailedHealthChecks {
		t.Errorf("HTTPS to an HTTP port: %+v", r)
	}
}

// http2Server serves h with HTTP/2 only, with or without TLS.
func http2Server(t *testing.T, secure bool, h http.HandlerFunc) string {
	s := httptest.NewUnstartedServer(h)
	s.Config.Protocols = new(http.Protocols)
	if secure {
		s.Config.Protocols.SetHTTP2(true)
		s.EnableHTTP2 = true
		s.StartTLS()
	} else {
		s.Config.Protocols.SetUnencryptedHTTP2(true)
		s.Start()
	}
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

func TestHTTP2(t *testing.T) {
	for _, protocol := range []lb.Protocol{lb.HTTP, lb.HTTPS} {
		t.Run(string(protocol), func(t *testing.T) {
			addr := http2Server(t, protocol == lb.HTTPS, func(w http.ResponseWriter, r *http.Request) {
				switch {
				case r.ProtoMajor != 2 || r.Method != "GET" || r.UserAgent() != UserAgent || r.Host == "":
					w.WriteHeader(400)
				case r.URL.Path != "/healthz":
					w.WriteHeader(404)
				}
			})
			version2 := func(p *Probe) { p.Protocol, p.Version = protocol, lb.HTTP2 }
			if r := ask(addr, time.Minute, version2); !r.Passed() || r.Code != 200 {
				t.Errorf("%+v", r)
			}
			if r := ask(addr, time.Minute, func(p *Probe) { version2(p); p.Path = "/" }); r.Reason != lb.ResponseCodeMismatch || r.Code != 404 {
				t.Errorf("another path: %+v", r)
			}
			if r := ask(serve(t, func(conn net.Conn) { io.Copy(io.Discard, conn) }), 50*time.Millisecond, version2); r.Reason != lb.TargetTimeout {
				t.Errorf("no answer: %+v", r)
			}
			if r := ask(serve(t, blurts("HTTP/1.1 400 Bad Request\r\n\r\n")), time.Minute, version2); r.Reason != lb.FailedHealthChecks {
				t.Errorf("an HTTP/1.1 target: %+v", r)
			}
		})
	}
}

func TestGRPC(t *testing.T) {
	addr := http2Server(t, false, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if r.Method != "POST" || r.Header.Get("Content-Type") != "application/grpc" || r.Header.Get("TE") != "trailers" || len(body) != 5 {
			w.WriteHeader(400)
			return
		}
		w.Header().Set("Content-Type", "application/grpc")
		switch r.URL.Path {
		case "/AWS.ALB/healthcheck": // trailers only
			w.Header().Set("Grpc-Status", "12")
		case "/grpc.health.v1.Health/Check":
			w.Write([]byte{0, 0, 0, 0, 2, 8, 1})
			w.Header().Set(http.TrailerPrefix+"Grpc-Status", "0")
		}
	})
	for _, test := range []struct {
		path    string
		matcher string
		reason  lb.HealthReason
		code    int
	}{
		{"/AWS.ALB/healthcheck", "12", "", 12},
		{"/AWS.ALB/healthcheck", "0", lb.ResponseCodeMismatch, 12},
		{"/grpc.health.v1.Health/Check", "0", "", 0},
		{"/grpc.health.v1.Health/Check", "0-99", "", 0},
		{"/not/grpc", "0-99", lb.FailedHealthChecks, -1},
	} {
		r := ask(addr, time.Minute, func(p *Probe) {
			p.Version, p.Path = lb.GRPC, test.path
			p.Matcher, _ = ParseGRPCMatcher(test.matcher)
		})
		if r.Reason != test.reason || r.Code != test.code {
			t.Errorf("%s for %s: %+v", test.path, test.matcher, r)
		}
	}
}

// The whole of it over real sockets: targets that serve, err, hang and refuse, and
// no goroutine of ours left when Close returns.
func TestRealTargets(t *testing.T) {
	good := serve(t, says("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"))
	bad := serve(t, says("HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n"))
	asked := make(chan bool)
	hung := serve(t, func(conn net.Conn) {
		asked <- true
		io.Copy(io.Discard, conn)
	})
	gone := closedPort(t)

	healthy := make(chan string, 100)
	c := New(func(k Key, _, new lb.TargetHealth) {
		if new.State == lb.Healthy {
			healthy <- k.Addr.String()
		}
	})
	c.Apply([]Group{web(good, bad, hung, gone)})
	if addr := <-healthy; addr != good {
		t.Errorf("%s is healthy", addr)
	}
	<-asked // one probe is under way
	c.Close()
	for _, s := range c.List("shop/web:80") {
		if want := s.Addr.String() == good; (s.Health.State == lb.Healthy) != want {
			t.Errorf("%+v", s)
		}
	}
	for deadline := time.Now().Add(time.Minute); ; runtime.Gosched() { // one that has said it is done may still be on its way out
		var stacks strings.Builder
		pprof.Lookup("goroutine").WriteTo(&stacks, 2)
		if !strings.Contains(stacks.String(), "health.(*Checker)") && !strings.Contains(stacks.String(), "health.(*NetProber)") {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("goroutines left:\n%s", stacks.String())
		}
	}
}

func BenchmarkProbe(b *testing.B) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {}))
	defer s.Close()
	addr := s.Listener.Addr().String()
	b.ReportAllocs()
	for b.Loop() {
		if r := ask(addr, time.Minute, nil); !r.Passed() {
			b.Fatal(r)
		}
	}
}
