package health

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/albatross-lb/albatross/lb"
)

func TestLogType(t *testing.T) {
	for _, c := range []struct {
		protocol lb.Protocol
		version  lb.ProtocolVersion
		want     string
	}{
		{lb.HTTP, lb.HTTP1, "http"}, {lb.HTTP, "", "http"}, {lb.HTTPS, lb.HTTP1, "https"}, {lb.HTTPS, lb.HTTP2, "h2"}, {lb.HTTP, lb.HTTP2, "h2"},
		{lb.HTTP, lb.GRPC, "grpc"}, {lb.HTTPS, lb.GRPC, "grpc"}, {lb.TCP, "", ""},
	} {
		if got := (Probe{Protocol: c.protocol, Version: c.version}).LogType(); got != c.want {
			t.Errorf("%s %s: %q, want %q", c.protocol, c.version, got, c.want)
		}
	}
}

// The reasons of real failures.
func TestLogReason(t *testing.T) {
	silent := func(conn net.Conn) { readHeader(conn); io.Copy(io.Discard, conn) }
	reset := func(conn net.Conn) { readHeader(conn); conn.(*net.TCPConn).SetLinger(0) }
	calls := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/none" {
			w.Header().Set("Grpc-Status", r.URL.Path[1:])
		}
	}))
	calls.EnableHTTP2 = true
	calls.StartTLS()
	t.Cleanup(calls.Close)
	call := func(path string) func(*Probe) {
		return func(p *Probe) {
			p.Protocol, p.Version, p.Path = lb.HTTPS, lb.GRPC, path
			p.Matcher, _ = ParseGRPCMatcher("12")
		}
	}
	grpc := calls.Listener.Addr().String()
	for name, c := range map[string]struct {
		addr string
		edit func(*Probe)
		code int
		want string
	}{
		"passed":        {serve(t, says("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")), nil, 200, ""},
		"wrong code":    {serve(t, says("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")), nil, 404, "ResponseCodeMismatch"},
		"server error":  {serve(t, says("HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")), nil, 502, "TargetError"},
		"silent":        {serve(t, silent), func(p *Probe) { p.Timeout = 50 * time.Millisecond }, -1, "TimedOut"},
		"reset":         {serve(t, reset), nil, -1, "ConnectionReset"},
		"closed":        {serve(t, says("")), nil, -1, "ConnectionReset"},
		"refused":       {"127.0.0.1:1", nil, -1, "ConnectionReset"},
		"no TLS":        {serve(t, blurts("what?")), func(p *Probe) { p.Protocol = lb.HTTPS }, -1, "ConnectionReset"},
		"grpc passed":   {grpc, call("/12"), 12, ""},
		"grpc ok":       {grpc, call("/0"), 0, "GRPCUnexpectedStatus"},
		"grpc no":       {grpc, call("/none"), -1, "GRPCStatusHeaderEmpty"},
		"grpc nonsense": {grpc, call("/x"), -1, "GRPCUnexpectedStatus"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var p Probe
			r := ask(c.addr, time.Minute, func(asked *Probe) {
				if c.edit != nil {
					c.edit(asked)
				}
				p = *asked
			})
			if got := r.LogReason(p); got != c.want || r.Code != c.code {
				t.Errorf("%d %q, want %d %q (%v)", r.Code, got, c.code, c.want, r.Err)
			}
		})
	}
	ours := Result{Reason: lb.ELBInternalError}
	if got := ours.LogReason(Probe{}); got != "InternalError" {
		t.Errorf("our own fault: %q", got)
	}
}
