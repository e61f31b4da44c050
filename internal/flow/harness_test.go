package flow

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http/httptest"
	"net/netip"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/albatross-lb/albatross/internal/accesslog"
	"github.com/albatross-lb/albatross/internal/certs"
	"github.com/albatross-lb/albatross/internal/health"
	"github.com/albatross-lb/albatross/internal/listener"
	"github.com/albatross-lb/albatross/internal/metrics"
	"github.com/albatross-lb/albatross/internal/snapshot"
	"github.com/albatross-lb/albatross/internal/sock"
	"github.com/albatross-lb/albatross/lb"
	"github.com/albatross-lb/albatross/test/ports"
)

// world is a Carrier with real sockets around it, as cmd/albatross wires it.
type world struct {
	t       testing.TB
	carrier *Carrier
	current atomic.Pointer[snapshot.Snapshot]
	live    *snapshot.Live
	metrics *metrics.Registry
	logs    *accesslog.Store
	lines   lines
	set     *listener.Set
	packets *listener.Packets
	certs   func(string, []string) (*certs.Certificate, error)
	closing sync.Once
}

type lines struct {
	mu  sync.Mutex
	all bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.Write(p)
}

// newWorld serves cfg on free ports of loopback until the test ends, and then makes sure
// that nothing is left running.
// patience bounds every wait for something that will happen.
const patience = time.Minute

func newWorld(t testing.TB, cfg *lb.Config, o Options) *world {
	t.Helper()
	before := runtime.NumGoroutine()
	w := &world{t: t, live: snapshot.NewLive(), metrics: metrics.New()}
	var err error
	if w.logs, err = accesslog.Open(accesslog.Options{Stdout: &w.lines, IP: netip.IPv6Loopback()}); err != nil {
		t.Fatal(err)
	}
	ca, err := certs.OpenCA(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	w.certs = ca.Issue
	if o.Beat == 0 {
		o.Beat = 5 * time.Millisecond
	}
	o.Snapshot, o.Log = w.current.Load, slog.New(slog.DiscardHandler)
	w.carrier = New(o)
	w.set = listener.New("127.0.0.1", func(c sock.Accepted, port int) listener.Session {
		return w.carrier.Open(c, w.current.Load().Streams[port])
	}, o.Log)
	w.packets = listener.NewPackets("127.0.0.1", func(c *net.UDPConn, port int) listener.PacketSession { return w.carrier.NewPort(c, port) }, o.Log)
	w.apply(cfg)
	t.Cleanup(func() {
		w.close(time.Second)
		w.eventually("goroutines are left", func() bool { return runtime.NumGoroutine() <= before+4 }) // those of testing
	})
	return w
}

// close ends everything; flows under way may take so long.
func (w *world) close(d time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	defer cancel()
	w.shutdown(ctx)
}

// shutdown ends everything; flows under way may go on until the context is done.
func (w *world) shutdown(ctx context.Context) {
	w.closing.Do(func() {
		var packets sync.WaitGroup
		packets.Go(func() { w.packets.Shutdown(ctx) })
		w.set.Shutdown(ctx)
		packets.Wait()
		w.carrier.Close()
		w.logs.Close()
		if n := w.carrier.Active(); n != 0 {
			w.t.Errorf("%d flows are left", n)
		}
	})
}

// apply puts cfg in service, in the order of cmd/albatross.
func (w *world) apply(cfg *lb.Config) {
	w.t.Helper()
	s, problems := snapshot.Build(cfg, snapshot.Options{Live: w.live, Metrics: w.metrics, Logs: w.logs, Certificate: w.certs})
	for _, p := range problems {
		w.t.Error(p)
	}
	streams, packets := map[int]int{}, map[int]int{}
	for port := range s.Streams {
		streams[port] = 0
	}
	for port := range s.Packets {
		packets[port] = 0
	}
	old := w.current.Load()
	if old == nil {
		w.current.Store(s) // there is nobody to serve by an older one
	}
	for _, err := range w.set.Bind(streams) {
		w.t.Fatal(err)
	}
	for _, err := range w.packets.Bind(packets) {
		w.t.Fatal(err)
	}
	w.current.Store(s)
	w.live.Install(s)
	w.set.Retain(streams)
	w.packets.Retain(packets)
}

// state tells the world what a health check would.
func (w *world) state(group, addr string, s lb.HealthState) {
	h := lb.TargetHealth{State: s}
	if s == lb.Unused {
		h.Reason = lb.NotRegistered
	}
	w.live.OnHealth(health.Key{Group: group, Addr: netip.MustParseAddrPort(addr)}, lb.TargetHealth{}, h)
}

func (w *world) eventually(what string, holds func() bool) {
	w.t.Helper()
	for deadline := time.Now().Add(patience); !holds(); runtime.Gosched() {
		if time.Now().After(deadline) {
			w.t.Fatal(what)
		}
		time.Sleep(time.Millisecond)
	}
}

// figure reads one metric of the load balancer.
func (w *world) figure(name string) int {
	w.t.Helper()
	r := httptest.NewRecorder()
	w.metrics.Handler().ServeHTTP(r, httptest.NewRequest("GET", "/", nil))
	m := regexp.MustCompile(`(?m)^albatross_` + name + `\{[^}]*\} (\S+)$`).FindStringSubmatch(r.Body.String())
	if m == nil {
		w.t.Fatalf("no metric %s", name)
	}
	n, err := strconv.ParseFloat(m[1], 64)
	if err != nil {
		w.t.Fatal(err)
	}
	return int(n)
}

func (w *world) awaitFigure(name string, want int) {
	w.t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		got := w.figure(name)
		if got == want {
			return
		}
		if time.Now().After(deadline) {
			w.t.Fatalf("%s is %d, want %d", name, got, want)
		}
	}
}

// dial opens a client's connection to port 80 of the manifests.
func (w *world) dial() *net.TCPConn {
	w.t.Helper()
	c, err := net.Dial("tcp", w.set.Address(80))
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(patience))
	return c.(*net.TCPConn)
}

// refused insists that a new connection is reset, at the latest when it is read from.
func (w *world) refused() {
	w.t.Helper()
	c, err := net.Dial("tcp", w.set.Address(80))
	if errors.Is(err, syscall.ECONNRESET) {
		return
	}
	if err != nil {
		w.t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(patience))
	reset(w.t, c)
}

// config is one network load balancer with a listener on port 80 and a group of these targets.
func config(protocol lb.Protocol, targets ...string) *lb.Config {
	g := &lb.TargetGroup{Key: "g", Name: "g", TargetType: "ip", Protocol: lb.TCP, Attributes: map[string]string{}}
	if protocol != lb.TLS {
		g.Protocol = protocol
	}
	for _, t := range targets {
		g.Targets = append(g.Targets, lb.Target{Addr: netip.MustParseAddrPort(t)})
	}
	l := &lb.Listener{Port: 80, Protocol: protocol, DefaultActions: []lb.Action{forward("g")}}
	if protocol == lb.TLS {
		l.SSLPolicy = "ELBSecurityPolicy-TLS13-1-2-2021-06"
	}
	return &lb.Config{
		TargetGroups: map[string]*lb.TargetGroup{"g": g},
		LoadBalancers: []*lb.LoadBalancer{{Key: "a/b", Name: "a", Type: lb.Network,
			Attributes: map[string]string{"access_logs.s3.enabled": "true", "access_logs.s3.bucket": "b"}, Listeners: []*lb.Listener{l}}},
	}
}

func forward(keys ...string) lb.Action {
	f := &lb.Forward{}
	for _, key := range keys {
		f.TargetGroups = append(f.TargetGroups, lb.WeightedTargetGroup{TargetGroup: key})
	}
	return lb.Action{Type: lb.ForwardAction, Forward: f}
}

// with sets an attribute of the target group.
func with(cfg *lb.Config, key, value string) *lb.Config {
	cfg.TargetGroups["g"].Attributes[key] = value
	return cfg
}

// serve starts a target that is handed each connection.
func serve(t testing.TB, h func(c *net.TCPConn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	t.Cleanup(func() { l.Close(); all.Wait() })
	all.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			c.SetDeadline(time.Now().Add(patience))
			all.Go(func() { defer c.Close(); h(c.(*net.TCPConn)) })
		}
	})
	return l.Addr().String()
}

// named is a target that says its name, then answers with what it is sent.
func named(t testing.TB, name string) string {
	return serve(t, func(c *net.TCPConn) {
		io.WriteString(c, name+"\n")
		io.Copy(c, c)
	})
}

// refusing gives an address that refuses connections.
func refusing(t testing.TB) string {
	addr, release, err := ports.Refusing()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(release)
	return addr.String()
}

func read(t testing.TB, c io.Reader, n int) string {
	t.Helper()
	b := make([]byte, n)
	if got, err := io.ReadFull(c, b); err != nil {
		t.Fatalf("reading %d bytes: %q, %v", n, b[:got], err)
	}
	return string(b)
}

// reset insists that the connection is reset.
func reset(t testing.TB, c net.Conn) {
	t.Helper()
	if rest, err := io.ReadAll(c); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("after %q: %v, want a reset", rest, err)
	}
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.TrimSpace(l.all.String())
}

// looks has the carrier look at every flow. The world's own beat must be so long that nobody else does.
func (w *world) looks(now time.Time) { w.carrier.look(now) }
