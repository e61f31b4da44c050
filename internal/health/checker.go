package health

import (
	"cmp"
	"context"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/albatross-lb/albatross/lb"
)

// Key is a target's identity: as long as it stays, the target is the same one.
type Key struct {
	Group string // lb.TargetGroup.Key
	Addr  netip.AddrPort
}

// Group is what Apply needs to know of one target group.
type Group struct {
	Key string
	// Check says how to probe; nil: checks are disabled and targets are unavailable.
	// Zero numbers in it stand for interval 15 s, timeout 5 s and thresholds 2; a
	// matcher that is empty or cannot be read for 200 (gRPC: 12).
	Check    *lb.HealthCheck
	Protocol lb.Protocol        // of the group's traffic; stands in for an empty Check.Protocol
	Version  lb.ProtocolVersion // "" for a layer 4 group
	// ProxyHeader: its targets expect the PROXY protocol, version 2.
	ProxyHeader bool
	Targets     []lb.Target
	// Used: some rule forwards to the group. The targets of one that is not used are
	// not probed and are unused.
	Used bool
	// DeregistrationDelay is how long a target that is deregistered drains; 0: not at all.
	DeregistrationDelay time.Duration
}

// same tells whether two groups are made of the same things.
func (g *Group) same(other Group) bool {
	return g.Key == other.Key && g.Check == other.Check && g.Protocol == other.Protocol && g.Version == other.Version && g.ProxyHeader == other.ProxyHeader &&
		len(g.Targets) == len(other.Targets) && (len(g.Targets) == 0 || &g.Targets[0] == &other.Targets[0]) &&
		g.Used == other.Used && g.DeregistrationDelay == other.DeregistrationDelay
}

// change is a target's passing from one verdict to another.
type change struct {
	key      Key
	old, new lb.TargetHealth
}

// Observation is one finished probe.
type Observation struct {
	Key     Key
	Zone    string
	Probe   Probe
	Started time.Time
	Latency time.Duration // from before connecting until the answer or the failure
	Result  Result
	Health  lb.TargetHealth // after the probe counted
}

// TargetStatus is a target as DescribeTargetHealth shows it.
type TargetStatus struct {
	Addr            netip.AddrPort
	Name            string // the Pod behind it, if known
	Zone            string
	HealthCheckPort uint16 // 0 where there is no check
	Health          lb.TargetHealth
	Since           time.Time     // when State became what it is
	Probes          uint64        // finished since registration
	LastProbe       time.Time     // when the last of them started; zero: none yet
	LastLatency     time.Duration // of the last of them
}

// Option changes a Checker from its defaults.
type Option func(*Checker)

// WithProber has targets asked by p instead of a NetProber.
func WithProber(p Prober) Option { return func(c *Checker) { c.prober = p } }

// WithConcurrency bounds the probes under way at once to n. The default is 256, or
// as many as there would be if every target took its whole timeout, up to 4096.
func WithConcurrency(n int) Option { return func(c *Checker) { c.fixedLimit = n } }

// OnProbe has f called after each finished probe, by many goroutines at once and
// outside of locks: the place for a health check log and for metrics.
func OnProbe(f func(Observation)) Option { return func(c *Checker) { c.onProbe = f } }

const (
	leastConcurrency = 256
	mostConcurrency  = 4096
)

// Checker probes targets and keeps their health. Its methods may be called from
// any goroutine at any time.
type Checker struct {
	prober   Prober
	onChange func(k Key, old, new lb.TargetHealth)
	onProbe  func(Observation)

	ctx    context.Context // ends when Close is called
	cancel context.CancelFunc
	wake   chan struct{}  // holds one token: the loop has something to look at
	done   sync.WaitGroup // the loop and the probes

	fixedLimit int // 0: follows the targets

	mu      sync.Mutex
	groups  map[string]*group
	queue   schedule
	changes []change // not told yet, oldest first
	running int      // probes under way
	limit   int      // of running
}

// New starts a Checker without targets. onChange (nil: nobody) is told of every
// change of a target's health, from one goroutine and outside of locks: in order, one
// at a time, and soon after Of gives the new one rather than before. A target's
// first change is from unused (Target.NotRegistered), and its last is to it.
// onChange may call Apply, Of and List, but not Close.
func New(onChange func(k Key, old, new lb.TargetHealth), options ...Option) *Checker {
	c := &Checker{
		prober:   new(NetProber),
		onChange: onChange,
		wake:     make(chan struct{}, 1),
		groups:   make(map[string]*group),
		limit:    leastConcurrency,
	}
	for _, o := range options {
		o(c)
	}
	if c.fixedLimit > 0 {
		c.limit = c.fixedLimit
	}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	c.done.Go(c.loop)
	return c
}

// Of gives a target's health; false where the target is not registered, in
// which case the health says so too.
func (c *Checker) Of(k Key) (lb.TargetHealth, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if g := c.groups[k.Group]; g != nil {
		if t := g.targets[k.Addr]; t != nil {
			return t.health, true
		}
	}
	return notRegistered, false
}

// List gives the targets of a group by address, draining ones too.
func (c *Checker) List(key string) []TargetStatus {
	c.mu.Lock()
	defer c.mu.Unlock()
	g := c.groups[key]
	if g == nil {
		return nil
	}
	list := make([]TargetStatus, 0, len(g.targets))
	for _, t := range g.targets {
		list = append(list, t.status())
	}
	slices.SortFunc(list, func(a, b TargetStatus) int {
		return cmp.Or(a.Addr.Compare(b.Addr), cmp.Compare(a.Name, b.Name))
	})
	return list
}

// Close ends every probe and every goroutine and waits for them. Nothing changes
// and nothing is told after it.
func (c *Checker) Close() {
	c.cancel()
	c.done.Wait()
}
