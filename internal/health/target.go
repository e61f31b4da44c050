package health

import (
	"net/netip"
	"time"

	"github.com/albatross-lb/albatross/lb"
)

var notRegistered = verdict(lb.Unused, lb.NotRegistered)

// group is a target group as it was last applied, with its live targets.
type group struct {
	key     string
	wanted  Group  // as it was applied
	check   *check // nil: disabled
	used    bool
	delay   time.Duration
	targets map[netip.AddrPort]*target
}

// check is a group's health check made ready: defaults filled in, matcher read.
type check struct {
	probe              Probe // of the group; Addr is filled in for each target
	port               uint16
	interval           time.Duration
	healthyThreshold   int
	unhealthyThreshold int
}

// target is the live state of one target, guarded by Checker.mu.
type target struct {
	key   Key
	group *group
	name  string
	zone  string

	health   lb.TargetHealth
	since    time.Time
	passes   int // in a row
	failures int // in a row

	// due is when the next probe starts or, of a draining target, when draining
	// ends; index is the target's place in the schedule, -1: nothing is due.
	due   time.Time
	seq   uint64
	index int
	// asking is set while a probe is under way. round grows when the target ceases to
	// be probed, so that the answer to a probe from before that is not counted.
	asking bool
	round  uint32

	probes      uint64
	lastProbe   time.Time
	lastLatency time.Duration
}

// probe is the question to ask t now.
func (t *target) probe() Probe {
	p := t.group.check.probe
	p.Addr = netip.AddrPortFrom(t.key.Addr.Addr(), t.checkPort())
	return p
}

func (t *target) checkPort() uint16 {
	switch check := t.group.check; {
	case check == nil:
		return 0
	case check.port != 0:
		return check.port
	}
	return t.key.Addr.Port()
}

func (t *target) status() TargetStatus {
	return TargetStatus{
		Addr: t.key.Addr, Name: t.name, Zone: t.zone, HealthCheckPort: t.checkPort(),
		Health: t.health, Since: t.since,
		Probes: t.probes, LastProbe: t.lastProbe, LastLatency: t.lastLatency,
	}
}

// probed tells whether t is in a state in which it is probed.
func (t *target) probed() bool {
	switch t.health.State {
	case lb.Initial, lb.Healthy, lb.Unhealthy:
		return true
	}
	return false
}

// judge counts a result and gives the health that follows from it (see the
// package comment). A failure that is not the target's changes nothing.
func (t *target) judge(r Result) lb.TargetHealth {
	check := t.group.check
	switch {
	case r.Reason == lb.ELBInternalError:
		return t.health
	case r.Passed():
		t.passes, t.failures = t.passes+1, 0
		if t.health.State == lb.Initial || t.passes >= check.healthyThreshold {
			return lb.TargetHealth{State: lb.Healthy}
		}
		return t.health
	}
	t.passes, t.failures = 0, t.failures+1
	if t.health.State == lb.Unhealthy || t.failures >= check.unhealthyThreshold {
		return failed(r)
	}
	return t.health
}

// newCheck makes g's health check ready, filling in what is left out; nil if it has none.
func newCheck(g Group) *check {
	if g.Check == nil {
		return nil
	}
	or := func(n, otherwise int) int {
		if n <= 0 {
			return otherwise
		}
		return n
	}
	seconds := func(n, otherwise int) time.Duration { return time.Duration(or(n, otherwise)) * time.Second }
	c := &check{
		probe: Probe{
			Protocol: g.Check.Protocol, Version: g.Version, Path: g.Check.Path,
			ProxyHeader: g.ProxyHeader, Matcher: matcherOf(g), Timeout: seconds(g.Check.TimeoutSeconds, 5),
		},
		port:               uint16(g.Check.Port),
		interval:           seconds(g.Check.IntervalSeconds, 15),
		healthyThreshold:   or(g.Check.HealthyThreshold, 2),
		unhealthyThreshold: or(g.Check.UnhealthyThreshold, 2),
	}
	if c.probe.Protocol == "" {
		c.probe.Protocol = g.Protocol
	}
	if c.probe.Path == "" && g.Version == lb.GRPC {
		c.probe.Path = "/AWS.ALB/healthcheck"
	}
	c.probe.Path = requestTarget(c.probe.Path)
	return c
}

// matcherOf reads g's matcher, or gives the default in place of one that is absent or wrong.
func matcherOf(g Group) Matcher {
	given := lb.Matcher{}
	if g.Check.Matcher != nil {
		given = *g.Check.Matcher
	}
	text, parse, otherwise := given.HTTPCode, ParseMatcher, "200"
	switch g.Version {
	case lb.GRPC:
		text, parse, otherwise = given.GRPCCode, ParseGRPCMatcher, "12"
	case "":
		parse = ParseNetworkMatcher
	}
	m, err := parse(text)
	if err != nil {
		m, _ = parse(otherwise)
	}
	return m
}
