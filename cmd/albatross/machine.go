package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"slices"
	"strings"

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
	account, region string
	zone            string // this node's; "": not known
	ports           map[int]int
	transparent     bool // targets of network load balancers may see clients' addresses
	log             *slog.Logger

	live      *snapshot.Live
	checker   *health.Checker
	metrics   *metrics.Registry
	logs      *accesslog.Store
	proxy     *proxy.Proxy
	flows     *flow.Carrier
	listeners *listener.Set
	packets   *listener.Packets
	arns      *certs.ARNStore
	ca        *certs.CA // nil without --dev
	trust     *certs.TrustStores
	ordering  *ordering // nil without --acme-directory
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
		Account: m.account, Region: m.region, Zone: m.zone, PortMap: m.ports, Certificate: m.certificates(cfg), Discover: m.discover,
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

// certificates gives the look-up for one configuration: what is ordered, key pairs that
// came with the manifests, then those of the state folder, then, with --dev, the local CA's.
func (m *machine) certificates(cfg *lb.Config) func(ref string, hosts []string) (*certs.Certificate, error) {
	return func(ref string, hosts []string) (*certs.Certificate, error) {
		if cfg.ACME[ref] != nil && m.ordering != nil {
			return m.ordering.certificate(ref, hosts, m.ca)
		}
		c, err := m.found(cfg, ref)
		if err == nil || m.ca == nil || cfg.Certificates[ref] != nil {
			return c, err
		}
		return m.ca.Issue(ref, hosts)
	}
}

// discover finds certificates in the state folder by the hosts they are for.
func (m *machine) discover(hosts []string) (found []*certs.Certificate, missing []string) {
	return m.arns.Discover(fmt.Sprintf("arn:aws:acm:%s:%s:certificate/", m.region, m.account), hosts)
}

// found gives a certificate that is there.
func (m *machine) found(cfg *lb.Config, ref string) (*certs.Certificate, error) {
	switch pair := cfg.Certificates[ref]; {
	case pair != nil:
		c, err := certs.ParsePair(ref, pair.CertPEM, pair.KeyPEM)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", pair.Origin, err)
		}
		return c, nil
	case cfg.ACME[ref] != nil:
		return nil, errors.New("albatross.io/acme asks for a certificate to be ordered; run with --acme-directory, for example letsencrypt")
	case cfg.Discover[ref] != nil:
		return nil, errors.New("put one into a subfolder of acm/ in the state folder (tls.crt and tls.key), name one in certificate-arn or spec.tls, or run with --dev for one of the local CA")
	case ref == "":
		return nil, errors.New("it names no certificate; set certificate-arn, spec.tls or albatross.io/acme, or run with --dev for one of the local CA")
	}
	if secret, ok := strings.CutPrefix(ref, "secret:"); ok {
		return nil, fmt.Errorf("Secret %s is not there, or has no tls.crt and tls.key; add it, or name a certificate in certificate-arn, or run with --dev for one of the local CA", secret)
	}
	c, err := m.arns.Lookup(ref)
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("%w; put its certificate there as tls.crt and its key as tls.key, or run with --dev for one of the local CA", err)
	}
	return c, err
}

// probed takes down a finished health check. There is a snapshot before there are checks.
func (m *machine) probed(o health.Observation) { m.proxy.Snapshot().LogHealthCheck(o) }
