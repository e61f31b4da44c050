package flow

import (
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/albatross-lb/albatross/internal/snapshot"
	"github.com/albatross-lb/albatross/internal/sock"
)

// Options of a Carrier. Zero values stand for the defaults.
type Options struct {
	// Snapshot gives the one in service; nil before there is one. It must be set.
	Snapshot func() *snapshot.Snapshot
	// MaxFlows bounds streams and datagram flows together; more are refused. Default: as
	// many as the process may have file descriptors for, a quarter left to others.
	MaxFlows int
	// Transparent: targets see clients' addresses where their group asks for it.
	Transparent bool
	Log         *slog.Logger

	Beat       time.Duration // between two looks at every flow; default 1 s
	StreamIdle time.Duration // instead of the listeners' tcp.idle_timeout.seconds
	PacketIdle time.Duration // of a flow of datagrams; default 120 s, as on AWS
	RestAfter  time.Duration // a way through TLS that waits for longer gives its buffer up; default 1 s
}

// Carrier carries flows by the snapshot that is current when a flow begins.
type Carrier struct {
	opts   Options
	active atomic.Int64
	number atomic.Uint32 // of the next flow: its shard of counters
	stop   chan struct{}
	swept  sync.WaitGroup

	looked []swept // memory of look, which one goroutine calls at a time

	mu    sync.Mutex
	flows map[swept]struct{}
}

// swept is a flow, or a port's flows, that the sweeper looks at.
type swept interface {
	sweep(now time.Time, s *snapshot.Snapshot)
}

// New starts a Carrier without flows. Close ends it.
func New(o Options) *Carrier {
	if o.MaxFlows <= 0 {
		o.MaxFlows = sock.Descriptors() * 3 / 8 // two each
	}
	if o.Beat <= 0 {
		o.Beat = time.Second
	}
	if o.RestAfter <= 0 {
		o.RestAfter = time.Second
	}
	if o.PacketIdle <= 0 {
		o.PacketIdle = 120 * time.Second
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	c := &Carrier{opts: o, stop: make(chan struct{}), flows: map[swept]struct{}{}}
	c.swept.Go(c.sweep)
	return c
}

// Active is the number of flows that are open.
func (c *Carrier) Active() int { return int(c.active.Load()) }

// Close ends the sweeper. It is called when there are no flows any more.
func (c *Carrier) Close() {
	close(c.stop)
	c.swept.Wait()
}

// enter takes in a flow if there is room for it; leave is called for each that was.
func (c *Carrier) enter() bool {
	if c.active.Add(1) > int64(c.opts.MaxFlows) {
		c.active.Add(-1)
		return false
	}
	return true
}

func (c *Carrier) leave() { c.active.Add(-1) }

func (c *Carrier) watch(f swept) {
	c.mu.Lock()
	c.flows[f] = struct{}{}
	c.mu.Unlock()
}

func (c *Carrier) unwatch(f swept) {
	c.mu.Lock()
	delete(c.flows, f)
	c.mu.Unlock()
}

// sweep looks at every flow once a beat.
func (c *Carrier) sweep() {
	beat := time.NewTicker(c.opts.Beat)
	defer beat.Stop()
	for {
		select {
		case <-c.stop:
			return
		case now := <-beat.C:
			c.look(now)
		}
	}
}

// look looks at every flow once.
func (c *Carrier) look(now time.Time) {
	c.mu.Lock()
	all := c.looked[:0]
	for f := range c.flows {
		all = append(all, f)
	}
	c.mu.Unlock()
	current := c.opts.Snapshot()
	for i, f := range all {
		f.sweep(now, current)
		all[i] = nil
	}
	c.looked = all
}
