package flow

import (
	"crypto/tls"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/albatross-lb/albatross/lb"
)

func (w *world) dialTLS(cfg *tls.Config) (*tls.Conn, error) {
	cfg.InsecureSkipVerify = true
	c := tls.Client(w.dial(), cfg)
	return c, c.Handshake()
}

func TestTLSIsTerminated(t *testing.T) {
	heard := make(chan string, 1)
	cfg := config(lb.TLS, serve(t, func(c *net.TCPConn) {
		all, err := io.ReadAll(c)
		if err != nil {
			t.Error(err)
		}
		heard <- string(all)
		io.WriteString(c, "an answer")
	}))
	cfg.LoadBalancers[0].Listeners[0].ALPN = []string{"HTTP2Preferred"}
	w := newWorld(t, cfg, Options{})
	c, err := w.dialTLS(&tls.Config{ServerName: "shop.example.com", NextProtos: []string{"http/1.1", "h2"}})
	if err != nil {
		t.Fatal(err)
	}
	if got := c.ConnectionState().NegotiatedProtocol; got != "h2" {
		t.Errorf("negotiated %q", got)
	}
	io.WriteString(c, "a question")
	c.CloseWrite()
	if got := <-heard; got != "a question" {
		t.Errorf("the target heard %q", got)
	}
	if got, err := io.ReadAll(c); string(got) != "an answer" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	c.Close()
	w.awaitFigure("active_flow_count_tls", 0)
	if n := w.figure("processed_bytes_tls_total"); n != len("a question")+len("an answer") {
		t.Errorf("%d bytes", n)
	}
	w.close(time.Second)
	fields := strings.Fields(w.lines.String())
	if len(fields) != 22 || fields[0] != "tls" || !strings.HasPrefix(fields[3], "net/a/") || fields[9] != "10" || fields[10] != "9" ||
		fields[15] != "tlsv13" || fields[17] != "shop.example.com" || fields[18] != "h2" || fields[20] != `"http/1.1","h2"` {
		t.Errorf("%d fields: %q", len(fields), fields)
	}
}

// A quiet connection gives its buffer up and goes on when there is something to say.
func TestQuietTLS(t *testing.T) {
	w := newWorld(t, config(lb.TLS, serve(t, func(c *net.TCPConn) { io.Copy(c, c) })), Options{RestAfter: time.Millisecond})
	c, err := w.dialTLS(&tls.Config{})
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		echoed(t, c)
		time.Sleep(5 * time.Millisecond) // it rests by now, or on a slow machine soon: what comes then arrives as well
	}
	echoed(t, c)
}

func TestFailedHandshake(t *testing.T) {
	w := newWorld(t, config(lb.TLS, named(t, "1")), Options{})
	if _, err := w.dialTLS(&tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}); err == nil {
		t.Error("TLS 1.1 was accepted, against the policy")
	}
	w.awaitFigure("client_tls_negotiation_error_count_total", 1)
	w.close(time.Second)
	if fields := strings.Fields(w.lines.String()); len(fields) != 22 || fields[8] != "-" {
		t.Errorf("%q", fields)
	}
}

// TLS towards targets: their certificates are not verified.
func TestTLSTargets(t *testing.T) {
	w := newWorld(t, config(lb.TLS), Options{})
	pair, err := w.certs("", []string{"target"})
	if err != nil {
		t.Fatal(err)
	}
	target := serve(t, func(c *net.TCPConn) {
		s := tls.Server(c, &tls.Config{Certificates: []tls.Certificate{*pair.TLS}, NextProtos: []string{"h2"}})
		io.WriteString(s, s.ConnectionState().NegotiatedProtocol)
		io.Copy(s, s)
		s.CloseWrite()
	})
	cfg := config(lb.TLS, target)
	cfg.TargetGroups["g"].Protocol = lb.TLS
	cfg.LoadBalancers[0].Listeners[0].ALPN = []string{"HTTP2Only"}
	w.apply(cfg)
	c, err := w.dialTLS(&tls.Config{NextProtos: []string{"h2"}})
	if err != nil {
		t.Fatal(err)
	}
	echoed(t, c)
	c.CloseWrite()
	if rest, err := io.ReadAll(c); len(rest) > 0 || err != nil {
		t.Errorf("%q, %v", rest, err)
	}

	plain := config(lb.TLS, named(t, "1"))
	plain.TargetGroups["g"].Protocol = lb.TLS
	w.apply(plain)
	if c, err := w.dialTLS(&tls.Config{}); err == nil {
		reset(t, c.NetConn())
	}
	w.awaitFigure("flow_target_tls_negotiation_error_count_total", 1)
}
