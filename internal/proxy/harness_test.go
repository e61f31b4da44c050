package proxy

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/albatross-lb/albatross/internal/accesslog"
	"github.com/albatross-lb/albatross/internal/balance"
	"github.com/albatross-lb/albatross/internal/health"
	"github.com/albatross-lb/albatross/internal/listener"
	"github.com/albatross-lb/albatross/internal/metrics"
	"github.com/albatross-lb/albatross/internal/snapshot"
	"github.com/albatross-lb/albatross/internal/sock"
	"github.com/albatross-lb/albatross/lb"
	"github.com/albatross-lb/albatross/test/ports"
)

// balancer is a Proxy with real sockets around it, as cmd/albatross wires it.
type balancer struct {
	t       testing.TB
	proxy   *Proxy
	live    *snapshot.Live
	metrics *metrics.Registry
	logs    *accesslog.Store
	lines   *lines
	set     *listener.Set
	options func(*snapshot.Options)

	mu       sync.Mutex
	sessions []*Session
	opened   func(*Session) // hears of each before it begins
}

// lines collects the access log.
type lines struct {
	mu  sync.Mutex
	all bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.Write(p)
}

// variant changes a configuration, and how it is built.
type variant = func(testing.TB, *lb.Config) (*lb.Config, func(*snapshot.Options))

// newBalancer serves cfg, which variants may change, along with how it is built.
func newBalancer(t testing.TB, cfg *lb.Config, variants ...variant) *balancer {
	t.Helper()
	b := &balancer{t: t, proxy: New(balance.NewCookies([32]byte{1})), live: snapshot.NewLive(), metrics: metrics.New(), lines: &lines{}}
	var err error
	if b.logs, err = accesslog.Open(accesslog.Options{Stdout: b.lines, IP: netip.IPv6Loopback()}); err != nil {
		t.Fatal(err)
	}
	b.set = listener.New("127.0.0.1", func(c sock.Accepted, port int) listener.Session { return b.open(c, port) }, slog.New(slog.DiscardHandler))
	b.set.IdleGrace = 0
	for _, v := range variants {
		cfg, b.options = v(t, cfg)
	}
	b.apply(cfg)
	t.Cleanup(func() {
		b.close()
	})
	return b
}

// open makes a connection's session, and remembers it.
func (b *balancer) open(c sock.Accepted, port int) *Session {
	s := b.proxy.NewSession(c, port)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sessions = append(b.sessions, s)
	if b.opened != nil {
		b.opened(s)
	}
	return s
}

// last gives the session that was opened last, if any.
func (b *balancer) last() *Session {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.sessions) == 0 {
		return nil
	}
	return b.sessions[len(b.sessions)-1]
}

func (b *balancer) close() {
	done := make(chan struct{})
	ctx, cancel := contextWithTimeout(time.Minute) // what is asked has been answered, so this ends at once
	defer cancel()
	go func() { b.set.Shutdown(ctx); close(done) }()
	<-done
	b.logs.Close()
}

func (b *balancer) apply(cfg *lb.Config) {
	b.t.Helper()
	o := snapshot.Options{Live: b.live, Metrics: b.metrics, Logs: b.logs}
	if b.options != nil {
		b.options(&o)
	}
	s, problems := snapshot.Build(cfg, o)
	for _, p := range problems {
		b.t.Error(p)
	}
	ports := map[int]int{}
	for port := range s.Sockets {
		ports[port] = 0
	}
	for _, err := range b.set.Bind(ports) {
		b.t.Fatal(err)
	}
	b.proxy.Swap(s)
	b.live.Install(s)
	b.set.Retain(ports)
}

// addr is where port 80 of the manifests is.
func (b *balancer) addr() string { return b.set.Address(80) }

// await waits until something holds that nobody tells of.
func await(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal(what, " has not come about")
		}
	}
}

// log ends everything and gives the access log.
func (b *balancer) log() string {
	b.close()
	b.lines.mu.Lock()
	defer b.lines.mu.Unlock()
	return b.lines.all.String()
}

// dial opens a client's connection.
func (b *balancer) dial() *client {
	b.t.Helper()
	c, err := net.Dial("tcp", b.addr())
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(time.Minute))
	return &client{b.t, c.(*net.TCPConn), bufio.NewReader(c)}
}

// client speaks bytes.
type client struct {
	t testing.TB
	*net.TCPConn
	in *bufio.Reader
}

func (c *client) send(format string, args ...any) {
	c.t.Helper()
	if _, err := fmt.Fprintf(c.TCPConn, strings.ReplaceAll(format, "\n", "\r\n"), args...); err != nil {
		c.t.Fatal(err)
	}
}

// response reads one response to a request of this method.
func (c *client) response(method string) (*http.Response, string) {
	c.t.Helper()
	r, err := http.ReadResponse(c.in, &http.Request{Method: method})
	if err != nil {
		c.t.Fatal("reading the response: ", err)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		c.t.Fatal("reading the response's body: ", err)
	}
	return r, string(body)
}

// closed insists that the balancer closes the connection now.
func (c *client) closed() {
	c.t.Helper()
	if rest, err := io.ReadAll(c.in); err != nil || len(rest) > 0 {
		c.t.Fatalf("the connection goes on with %q, %v; want its end", rest, err)
	}
}

// config is one load balancer on port 80 with one target group of these targets.
func config(targets ...string) *lb.Config {
	g := &lb.TargetGroup{Key: "shop/web:80", Name: "web", TargetType: "ip", Protocol: lb.HTTP, ProtocolVersion: lb.HTTP1, Attributes: map[string]string{}}
	for _, t := range targets {
		g.Targets = append(g.Targets, lb.Target{Addr: netip.MustParseAddrPort(t)})
	}
	return &lb.Config{
		TargetGroups: map[string]*lb.TargetGroup{g.Key: g},
		LoadBalancers: []*lb.LoadBalancer{{
			Key: "shop/web", Name: "web", Type: lb.Application, Attributes: map[string]string{"access_logs.s3.enabled": "true", "access_logs.s3.bucket": "b"},
			Listeners: []*lb.Listener{{Port: 80, Protocol: lb.HTTP, DefaultActions: []lb.Action{forwardTo(g.Key)}}},
		}},
	}
}

func forwardTo(keys ...string) lb.Action {
	f := &lb.Forward{}
	for _, key := range keys {
		f.TargetGroups = append(f.TargetGroups, lb.WeightedTargetGroup{TargetGroup: key})
	}
	return lb.Action{Type: lb.ForwardAction, Forward: f}
}

// serve starts a target over net/http and gives its address.
func serve(t testing.TB, h http.HandlerFunc) string {
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

// raw starts a target that is handed each connection as it is.
func raw(t testing.TB, h func(net.Conn)) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { defer c.Close(); h(c) }()
		}
	}()
	return l.Addr().String()
}

// unused gives an address that refuses connections.
func unused(t testing.TB) string {
	addr, release, err := ports.Refusing()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(release)
	return addr.String()
}

// setHealth tells the balancer what a health check would.
func (b *balancer) setHealth(addr string, s lb.HealthState) {
	b.live.OnHealth(health.Key{Group: "shop/web:80", Addr: netip.MustParseAddrPort(addr)}, lb.TargetHealth{}, lb.TargetHealth{State: s})
}
