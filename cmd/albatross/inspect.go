package main

import (
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"

	"github.com/albatross-lb/albatross/internal/accesslog"
	"github.com/albatross-lb/albatross/internal/certs"
	"github.com/albatross-lb/albatross/internal/metrics"
	"github.com/albatross-lb/albatross/internal/snapshot"
	"github.com/albatross-lb/albatross/lb"
)

// inspection is what a Config is compiled with to be asked, not served.
type inspection struct {
	ports        map[int]int
	zone         string
	transparent  bool
	certificates *certificates // nil: every listener has one
}

// inspect compiles a validated Config as run does, by the same function: nothing is bound, logged or
// probed. What cannot be served is returned, and its listeners are out of the Config then.
func inspect(cfg *lb.Config, by inspection) (*snapshot.Snapshot, []lb.Problem, error) {
	logs, err := accesslog.Open(accesslog.Options{IP: netip.IPv6Loopback()})
	if err != nil {
		return nil, nil, err
	}
	defer logs.Close()
	options := snapshot.Options{PortMap: by.ports, Zone: by.zone, Transparent: by.transparent, Live: snapshot.NewLive(), Metrics: metrics.New(), Logs: logs}
	if c := by.certificates; c != nil {
		options.Certificate, options.Discover, options.TrustStores = c.of(cfg), c.discover, c.trust
	}
	snap, problems := snapshot.Build(cfg, options)
	return snap, problems, nil
}

// validPorts refuses a port map by which nothing can be bound.
func validPorts(ports map[int]int) error {
	for from, to := range ports {
		if min(from, to) < 1 || max(from, to) > 65535 {
			return fmt.Errorf("--port-map: %d=%d is no pair of ports; write ports from 1 to 65535", from, to)
		}
	}
	return nil
}

// verdict is what run would not serve of a validated Config, with --dev or without. Where neither is said, what only this
// machine's lack of certificates and trust stores keeps from being served is a warning: in the
// cluster that the manifests are for they are there.
func (c *checkCommand) verdict(cfg *lb.Config) ([]lb.Problem, error) {
	by := inspection{ports: c.PortMap, zone: c.Zone, transparent: c.Transparent}
	own := openCertificates(c.State, c.Account, c.Region)
	done, err := c.standIn(&own)
	if err != nil {
		return nil, err
	}
	defer done()
	if c.Dev != nil {
		by.certificates = &own
		_, problems, err := inspect(cfg, by)
		return problems, err
	}
	here := lb.Merge(lb.Part{Config: cfg})
	_, problems, err := inspect(cfg, by)
	if err != nil {
		return nil, err
	}
	by.certificates = &own
	_, missing, err := inspect(here, by)
	if err != nil {
		return nil, err
	}
	for _, p := range missing {
		if !slices.Contains(problems, p) && !follows(p, missing) {
			p.Text = "on this machine run does not serve it: " + p.Text
			cfg.Warnings = append(cfg.Warnings, p)
		}
	}
	return problems, nil
}

// standIn gives own what makes certificates where run has it: for a time, until the func that it returns is called.
func (c *checkCommand) standIn(own *certificates) (done func(), err error) {
	makes := c.Dev != nil && *c.Dev
	if !makes && c.ACMEName == "" {
		return func() {}, nil
	}
	dir, err := os.MkdirTemp("", "albatross-check")
	if err != nil {
		return nil, err
	}
	done = func() { os.RemoveAll(dir) }
	ca, err := certs.OpenCA(dir) // any will do: nobody is shown its certificates
	if err != nil {
		done()
		return nil, err
	}
	if makes {
		own.ca = ca
	}
	if c.ACMEName != "" {
		own.order = ca.Issue
	}
	return done, nil
}

// follows reports whether a problem is no more than the outcome of another one.
func follows(p lb.Problem, all []lb.Problem) bool {
	return strings.HasPrefix(p.Text, "not served:") && slices.ContainsFunc(all, func(other lb.Problem) bool {
		return other != p && other.Origin == p.Origin && other.Field == p.Field
	})
}
