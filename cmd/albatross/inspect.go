package main

import (
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
	certificates *certificates // nil: every listener has one
}

// inspect compiles a Config as run does, by the same function: nothing is bound, logged or probed.
func inspect(cfg *lb.Config, by inspection) (*snapshot.Snapshot, []lb.Problem, error) {
	lb.Validate(cfg)
	logs, err := accesslog.Open(accesslog.Options{IP: netip.IPv6Loopback()})
	if err != nil {
		return nil, nil, err
	}
	defer logs.Close()
	options := snapshot.Options{PortMap: by.ports, Zone: by.zone, Live: snapshot.NewLive(), Metrics: metrics.New(), Logs: logs}
	if c := by.certificates; c != nil {
		options.Certificate, options.Discover, options.TrustStores = c.of(cfg), c.discover, c.trust
	}
	snap, problems := snapshot.Build(cfg, options)
	return snap, problems, nil
}

// verdict is what run would not serve of a Config, with --dev or without. Where neither is said, what only this
// machine's lack of certificates and trust stores keeps from being served is a warning: in the
// cluster that the manifests are for they are there.
func (c *checkCommand) verdict(cfg *lb.Config) ([]lb.Problem, error) {
	by := inspection{ports: c.PortMap, zone: c.Zone}
	own := openCertificates(c.State, c.Account, c.Region)
	if c.Dev != nil {
		by.certificates = &own
	}
	if c.Dev != nil && *c.Dev {
		dir, err := os.MkdirTemp("", "albatross-check")
		if err != nil {
			return nil, err
		}
		defer os.RemoveAll(dir)
		if own.ca, err = certs.OpenCA(dir); err != nil { // any will do: nobody is shown its certificates
			return nil, err
		}
	}
	_, problems, err := inspect(cfg, by)
	if err != nil || c.Dev != nil {
		return problems, err
	}
	by.certificates = &own
	_, here, err := inspect(cfg, by)
	if err != nil {
		return nil, err
	}
	for _, p := range here {
		if !slices.Contains(problems, p) && !follows(p, here) {
			p.Text = "on this machine run does not serve it: " + p.Text
			cfg.Warnings = append(cfg.Warnings, p)
		}
	}
	return problems, nil
}

// follows reports whether a problem is no more than the outcome of another one.
func follows(p lb.Problem, all []lb.Problem) bool {
	return strings.HasPrefix(p.Text, "not served:") && slices.ContainsFunc(all, func(other lb.Problem) bool {
		return other != p && other.Origin == p.Origin && other.Field == p.Field
	})
}
