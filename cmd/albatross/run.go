package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/albatross-lb/albatross/internal/accesslog"
	"github.com/albatross-lb/albatross/internal/balance"
	"github.com/albatross-lb/albatross/internal/certs"
	"github.com/albatross-lb/albatross/internal/console"
	"github.com/albatross-lb/albatross/internal/control"
	"github.com/albatross-lb/albatross/internal/explain"
	"github.com/albatross-lb/albatross/internal/flow"
	"github.com/albatross-lb/albatross/internal/health"
	"github.com/albatross-lb/albatross/internal/listener"
	"github.com/albatross-lb/albatross/internal/metrics"
	"github.com/albatross-lb/albatross/internal/proxy"
	"github.com/albatross-lb/albatross/internal/snapshot"
	"github.com/albatross-lb/albatross/lb"
)

type runCommand struct {
	paths       `embed:""`
	Bind        string        `placeholder:"ADDR" help:"Address to serve on (default: every address of the host)."`
	PortMap     map[int]int   `mapsep:"," placeholder:"80=8080,..." help:"Bind a port of the manifests as another one."`
	Admin       string        `default:"127.0.0.1:9901" help:"Address of the admin API; empty for none."`
	State       string        `default:"state" type:"path" help:"Folder for logs, certificates and the local CA."`
	Dev         bool          `help:"Give unknown certificate ARNs a certificate of the local CA."`
	AccessLog   string        `enum:"file,stdout,off" default:"file" help:"file: gzip files in ALB's layout under the state folder, for load balancers whose attributes ask for it; stdout: every line of access logs, there as well; off: no logs of any kind."`
	LogKeep     time.Duration `name:"log-retention" default:"168h" placeholder:"TIME" help:"How long log files are kept (default: 168h, 7 days); 0: for ever."`
	LogMaxSize  byteSize      `default:"1GiB" placeholder:"SIZE" help:"How much all log files may take before the oldest are deleted (default: 1GiB); 0: no ceiling."`
	MaxHTTP2    int           `name:"http2-max-connections" default:"256" placeholder:"N" help:"How many HTTP/2 connections one target may have, for groups of the protocol versions HTTP2 and GRPC (docs/http2.md; default: 256)."`
	Drain       time.Duration `default:"30s" help:"How long requests under way may take to end after SIGTERM."`
	Transparent bool          `help:"Let targets of network load balancers see clients' addresses (docs/layer4.md says what that takes)."`
	Account     string        `default:"000000000000" help:"Account in generated ARNs and log file names."`
	Region      string        `default:"us-east-1" help:"Region in generated ARNs and log file names."`
	Zone        string        `placeholder:"NAME" help:"Availability zone of this node: where cross-zone load balancing is off, only targets of this zone are used (default: not known, all targets)."`
	LogLevel    slog.Level    `default:"info" complete:"debug,info,warn,error" help:"debug, info, warn or error."`
	TicketKeys  string        `placeholder:"FILE" complete:"files" help:"Session ticket keys shared with other replicas (docs/certificates.md); by default one of our own in the state folder."`
	Profile     bool          `help:"Serve /debug/pprof/ on the admin address."`
	acmeFlags   `embed:""`
}

// Run serves until SIGINT or SIGTERM. SIGHUP has it read the manifests again, as it does nginx and HAProxy.
func (c *runCommand) Run(s *streams) error {
	chooseMemory()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // the next signal ends the process at once
	reload := make(chan os.Signal, 1)
	signal.Notify(reload, syscall.SIGHUP)
	defer signal.Stop(reload)
	return c.serve(ctx, s, reload)
}

func (c *runCommand) serve(ctx context.Context, s *streams, reload <-chan os.Signal) error {
	log := slog.New(slog.NewTextHandler(s.err, &slog.HandlerOptions{Level: c.LogLevel}))
	slog.SetDefault(log) // one format for whatever any package has to say
	source, _, err := c.load(s.in)
	if err != nil {
		return err
	}
	source.Log, source.Reload = log, reload
	m, err := c.build(s, log)
	if err != nil {
		return err
	}
	defer m.close()
	sources := []control.Source{source, acmWatch{m.arns}}
	if m.ordering != nil {
		sources = append(sources, m.ordering)
		defer m.ordering.run(ctx, log)()
	}
	loop := &control.Loop{Sources: sources, Machine: m, Log: log, Locate: reader(source.ReadFile).locate, OnReport: m.reported}
	admin, err := c.console(ctx, m, loop, log)
	if err != nil {
		return err
	}
	defer admin()
	go m.sweep(ctx)
	go m.judge(ctx)
	if err := c.shareTickets(ctx, log); err != nil {
		return err
	}
	if err := loop.Run(ctx); err != nil {
		return err
	}
	log.Info("stopping: no new connections, requests under way may end", "for", c.Drain)
	patience, cancel := context.WithTimeout(context.Background(), c.Drain)
	defer cancel()
	if left := m.shutdown(patience); left > 0 {
		log.Warn("stopped with connections still open", "closed", left)
	}
	return nil
}

// build makes the parts of the machine and joins them.
func (c *runCommand) build(s *streams, log *slog.Logger) (*machine, error) {
	if err := os.MkdirAll(c.State, 0o755); err != nil {
		return nil, fmt.Errorf("making the state folder: %w; see --state", err)
	}
	key, err := cookieKey(filepath.Join(c.State, "cookie-key"))
	if err != nil {
		return nil, err
	}
	m := &machine{zone: c.Zone, ports: c.PortMap, log: log, certificates: openCertificates(c.State, c.Account, c.Region),
		live: snapshot.NewLive(), metrics: metrics.New(), proxy: proxy.New(balance.NewCookies(key))}
	if c.Dev {
		if m.ca, err = certs.OpenCA(c.State); err != nil {
			return nil, err
		}
		log.Info("unknown certificates come from the local CA", "trust", m.ca.CertFile())
	}
	if m.ordering, err = c.acmeFlags.open(c.State, log); err != nil {
		return nil, err
	}
	if m.ordering != nil {
		m.order = func(ref string, hosts []string) (*certs.Certificate, error) {
			return m.ordering.certificate(ref, hosts, m.ca)
		}
		m.metrics.SetOrdered(m.ordering.figures)
		m.proxy.AnswerChallenges(m.ordering.issuer.KeyAuthorization)
	}
	if m.logs, err = accesslog.Open(c.logging(s)); err != nil {
		return nil, err
	}
	m.checker = health.New(m.live.OnHealth, health.OnProbe(m.probed))
	if c.Transparent {
		if err := flow.CanPreserve(); err != nil {
			return nil, fmt.Errorf("keeping clients' addresses (--transparent): %w", err)
		}
	}
	m.transparent, m.live.MaxHTTP2 = c.Transparent, c.MaxHTTP2
	m.flows = flow.New(flow.Options{Snapshot: m.proxy.Snapshot, Transparent: c.Transparent, Log: log})
	m.packets = listener.NewPackets(c.Bind, func(u *net.UDPConn, port int) listener.PacketSession { return m.flows.NewPort(u, port) }, log)
	m.listeners = listener.New(c.Bind, m.open, log)
	m.listeners.IdleGrace = min(m.listeners.IdleGrace, c.Drain/2)
	m.metrics.SetHostCounts(m.hostCounts)
	m.metrics.SetLogFiles(func() metrics.LogFiles { return metrics.LogFiles(m.logs.Kept()) })
	return m, nil
}

// Validate refuses what flags cannot mean. It is called when they have been read.
func (c *runCommand) Validate() error {
	if err := validPorts(c.PortMap); err != nil {
		return err
	}
	if c.LogKeep < 0 {
		return fmt.Errorf("--log-retention: %s is negative; write for example 168h, or 0 to keep log files for ever", c.LogKeep)
	}
	if c.MaxHTTP2 < 1 {
		return fmt.Errorf("--http2-max-connections: %d is too few; a target needs 1 at least", c.MaxHTTP2)
	}
	return nil
}

// logging says where logs go and how long they stay.
func (c *runCommand) logging(s *streams) accesslog.Options {
	o := accesslog.Options{Account: c.Account, Region: c.Region, IP: logAddress(c.Bind), MaxAge: c.LogKeep, MaxSize: int64(c.LogMaxSize)}
	if c.AccessLog != "off" {
		o.Dir = filepath.Join(c.State, "logs")
	}
	if c.AccessLog == "stdout" {
		o.Stdout = s.out
	}
	return o
}

// console serves the admin API; the func it returns ends it.
func (c *runCommand) console(ctx context.Context, m *machine, loop *control.Loop, log *slog.Logger) (func(), error) {
	if c.Admin == "" {
		return func() {}, nil
	}
	l, err := net.Listen("tcp", c.Admin)
	if err != nil {
		return nil, fmt.Errorf("binding the admin API to %s: %w; choose another address with --admin", c.Admin, err)
	}
	log.Info("admin API", "address", l.Addr().String())
	admin := console.New(console.Options{
		Report: loop.Report, Stopping: func() bool { return ctx.Err() != nil }, Health: m.targetHealth, NodeHealth: m.nodeHealth, Explain: m.explain, Metrics: m.metrics.Handler(), Locate: loop.Locate,
		Version: map[string]string{"version": versionLine()}, Account: c.Account, Region: c.Region, Profile: c.Profile, Log: log,
	})
	serving, cancel := context.WithCancel(context.WithoutCancel(ctx)) // while requests under way end, too
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := admin.Serve(serving, l); err != nil {
			log.Error("admin API", "error", err)
		}
	}()
	return func() { cancel(); <-ended }, nil
}

// shareTickets has TLS sessions outlive this process: their ticket keys are kept in the
// state folder, or in a file that replicas share.
func (c *runCommand) shareTickets(ctx context.Context, log *slog.Logger) error {
	file, ours := c.TicketKeys, c.TicketKeys == ""
	if ours {
		file = filepath.Join(c.State, "ticket-keys")
	}
	tickets, err := certs.Tickets.Share(file, ours)
	if err != nil {
		return err
	}
	go tickets.Follow(ctx, func(err error) { log.Warn("session ticket keys", "error", err) })
	return nil
}

// cookieKey is the key of stickiness cookies, kept so that clients stick across restarts.
func cookieKey(file string) (key [32]byte, err error) {
	saved, err := os.ReadFile(file)
	switch {
	case err == nil && len(saved) == len(key):
		return [32]byte(saved), nil
	case err == nil:
		return key, fmt.Errorf("reading the key of stickiness cookies: %s has %d bytes, not %d; remove it for a new one", file, len(saved), len(key))
	case !errors.Is(err, fs.ErrNotExist):
		return key, fmt.Errorf("reading the key of stickiness cookies: %w", err)
	}
	rand.Read(key[:])
	if err := os.WriteFile(file, key[:], 0o600); err != nil {
		return key, fmt.Errorf("keeping the key of stickiness cookies: %w", err)
	}
	return key, nil
}

// logAddress is the node address in the names of log files.
func logAddress(bind string) netip.Addr {
	if a, err := netip.ParseAddr(bind); err == nil {
		return a
	}
	return netip.AddrFrom4([4]byte{127, 0, 0, 1})
}

// idleTargets is how long a connection to a target may be at rest (ALB's idle timeout default).
const idleTargets = time.Minute

// lull is how long a burst must be over before its memory is given back.
const lull = 2 * time.Second

// sweep closes connections to targets that have been at rest for long, and gives memory
// back that is not needed any more.
func (m *machine) sweep(ctx context.Context) {
	heap := newHeap()
	ticks, lulls := time.NewTicker(idleTargets/4), time.NewTicker(lull)
	defer ticks.Stop()
	defer lulls.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-ticks.C:
			m.live.CloseIdle(now.Add(-idleTargets))
		case <-lulls.C:
			heap.giveBack()
		}
	}
}

// judge has targets weighed by how their requests end.
func (m *machine) judge(ctx context.Context) {
	ticks := time.NewTicker(balance.JudgeEvery)
	defer ticks.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticks.C:
			m.live.Judge()
		}
	}
}

func (m *machine) close() {
	m.flows.Close()
	m.checker.Close()
	m.logs.Close()
}

// reported turns a report of the control loop into metrics.
func (m *machine) reported(r control.Report) {
	reload := metrics.ConfigReload{OK: r.Current(), At: r.Time, SetAside: lb.Objects(r.SetAside), Warnings: len(r.Warnings)}
	for _, p := range r.Unread {
		reload.FileErrors = append(reload.FileErrors, metrics.FileError{File: p.Origin.File, Line: p.Origin.Line})
	}
	m.metrics.ConfigReloaded(reload)
}

// explain answers a question to the admin API by what is being served.
func (m *machine) explain(_ context.Context, q console.Question) (any, error) {
	current := m.proxy.Snapshot()
	if current == nil {
		return nil, errors.New("nothing is served yet")
	}
	r := explain.Request{Method: q.Method, URL: q.URL, From: q.From}
	for name, values := range q.Header {
		for _, v := range values {
			r.Headers = append(r.Headers, name+": "+v)
		}
	}
	return explain.Explain(current, r)
}
