package main

import (
	"context"
	"log/slog"
	"slices"

	"github.com/albatross-lb/albatross/internal/accesslog"
	"github.com/albatross-lb/albatross/internal/certs"
	"github.com/albatross-lb/albatross/internal/flow"
	"github.com/albatross-lb/albatross/internal/health"
	"github.com/albatross-lb/albatross/internal/listener"
	"github.com/albatross-lb/albatross/internal/metrics"
	"github.com/albatross-lb/albatross/internal/proxy"
	"github.com/albatross-lb/albatross/internal/snapshot"
	"github.com/albatross-lb/albatross/internal/sock"
	"github.com/albatross-lb/albatross/lb"
)

// machine is everything that runs: what control hands its configurations to.
type machine struct {
	zone        string // this node's; "": not known
	ports       map[int]int
	transparent bool // targets of network load balancers may see clients' addresses
	log         *slog.Logger

	live      *snapshot.Live
	checker   *health.Checker
	metrics   *metrics.Registry
	logs      *accesslog.Store
	proxy     *proxy.Proxy
	flows     *flow.Carrier
	listeners *listener.Set
	packets   *listener.Packets
	certificates
	ordering *ordering // nil without --acme-directory
}

// open makes the session of an accepted connection: a flow where the port is a network
// load balancer's, unless that one stands before an application load balancer.
func (m *machine) open(c sock.Accepted, port int) listener.Session {
	if s := m.proxy.Snapshot(); s != nil {
		if n := s.Streams[port]; n != nil && n.Behind == 0 {
			return m.flows.Open(c, n)
		} else if n != nil {
			port = n.Behind
		}
	}
	return m.proxy.NewSession(c, port)
}

// Apply serves cfg: it builds the snapshot, opens what is new, swaps, and lets go of
// what is old, in that order.
func (m *machine) Apply(_ context.Context, cfg *lb.Config) []lb.Problem {
	if m.ordering != nil {
		m.ordering.plan(cfg, func(ref string) (*certs.Certificate, error) { return m.found(cfg, ref) })
	}
	before := m.proxy.Snapshot()
	next, problems := snapshot.Build(cfg, snapshot.Options{
		Account: m.account, Region: m.region, Zone: m.zone, PortMap: m.ports, Certificate: m.of(cfg), Discover: m.discover,
		TrustStores: m.trust, Live: m.live, Metrics: m.metrics, Logs: m.logs, Transparent: m.transparent,
		Previous: before,
	})
	wanted, unbound := m.bind(next)
	problems = append(problems, unbound...)
	if m.ordering != nil {
		for _, s := range next.Sockets {
			if s.Secure {
				s.TLS = m.ordering.challenged(s.TLS)
			}
		}
	}
	m.proxy.Swap(next)
	m.live.Install(next)
	m.checker.Apply(next.HealthGroups())
	m.listeners.Retain(wanted.streams)
	m.packets.Retain(wanted.packets)
	m.retain(before, next)
	if m.ordering != nil {
		m.ordering.want() // an authority's questions can be answered from here on
	}
	return problems
}

// retain drops the logs and figures of what is gone since the snapshot before, which may be nil.
func (m *machine) retain(before, s *snapshot.Snapshot) {
	if before == nil || !slices.EqualFunc(before.Config.LoadBalancers, s.Config.LoadBalancers, sameName) {
		keys := make([]string, 0, 2*len(s.Config.LoadBalancers))
		names := make([]string, 0, len(s.Config.LoadBalancers))
		for _, b := range s.Config.LoadBalancers {
			name := b.FullName()
			keys, names = append(keys, b.Key, name), append(names, name)
		}
		m.logs.Retain(keys)
		m.metrics.Retain(names)
	}
	groups := map[*snapshot.LoadBalancer][]string{}
	for _, u := range s.Uses() {
		// A network load balancer counts by itself alone, and one that is as it was has the same groups.
		if u.LoadBalancer.Metrics != nil && !before.Has(u.LoadBalancer) {
			groups[u.LoadBalancer] = append(groups[u.LoadBalancer], u.Group.FullName())
		}
	}
	for balancer, used := range groups {
		balancer.Metrics.Retain(used)
	}
}

func sameName(x, y *lb.LoadBalancer) bool {
	return x.Key == y.Key && x.Name == y.Name && x.Type == y.Type
}

// probed takes down a finished health check. There is a snapshot before there are checks.
func (m *machine) probed(o health.Observation) { m.proxy.Snapshot().LogHealthCheck(o) }
