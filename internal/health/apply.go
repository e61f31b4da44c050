package health

import (
	"math"
	"net/netip"
	"time"

	"github.com/albatross-lb/albatross/lb"
)

// Apply sets the whole desired state: groups that it does not name are gone, and
// so are targets that its groups do not name or name as Draining. Targets that
// stay keep their health and their counters, whatever else changed; new ones, and
// ones that come back while they drain, are registered and probed at once.
// A target that is Draining when it is first seen is not registered at all. What a group
// points to must not be changed any more: a group that points to the same is passed over.
func (c *Checker) Apply(groups []Group) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ctx.Err() != nil {
		return
	}
	now := time.Now()
	named := make(map[string]bool, len(groups))
	for _, wanted := range groups {
		named[wanted.Key] = true
		c.applyGroup(wanted, now)
	}
	for key, g := range c.groups {
		if !named[key] {
			c.deregisterBut(g, nil, now)
		}
	}
	c.setLimit()
	c.nudge()
}

func (c *Checker) applyGroup(wanted Group, now time.Time) {
	g := c.groups[wanted.Key]
	if g != nil && g.wanted.same(wanted) {
		return
	}
	if g == nil {
		g = &group{key: wanted.Key, targets: make(map[netip.AddrPort]*target, len(wanted.Targets))}
		c.groups[wanted.Key] = g
	}
	g.wanted, g.check, g.used, g.delay = wanted, newCheck(wanted), wanted.Used, wanted.DeregistrationDelay

	stay := make(map[netip.AddrPort]bool, len(wanted.Targets))
	for _, w := range wanted.Targets {
		if !w.Draining && !stay[w.Addr] {
			stay[w.Addr] = true
			c.applyTarget(g, w, now)
		}
	}
	c.deregisterBut(g, stay, now)
}

// applyTarget registers a target of g or brings one in line with g.
func (c *Checker) applyTarget(g *group, w lb.Target, now time.Time) {
	t := g.targets[w.Addr]
	if t == nil {
		t = &target{key: Key{g.key, w.Addr}, group: g, health: notRegistered, since: now, index: -1}
		g.targets[w.Addr] = t
	}
	t.name, t.zone = w.Name, w.Zone
	switch {
	case !g.used:
		c.rest(t, verdict(lb.Unused, lb.NotInUse), now)
	case g.check == nil:
		c.rest(t, verdict(lb.Unavailable, lb.HealthCheckDisabled), now)
	case !t.probed():
		c.start(t, now)
	case t.due.Sub(now) > g.check.interval:
		// The interval was shortened: do not sit out the long one.
		c.queue.set(t, nextProbe(t.key, now, g.check.interval))
	}
}

// start has t probed from now on, as a target that nothing is known of.
func (c *Checker) start(t *target, now time.Time) {
	t.passes, t.failures = 0, 0
	t.probes, t.lastProbe, t.lastLatency = 0, time.Time{}, 0
	c.become(t, verdict(lb.Initial, lb.RegistrationInProgress), now)
	c.queue.set(t, now)
}

// rest puts t into a state in which it is not probed.
func (c *Checker) rest(t *target, h lb.TargetHealth, now time.Time) {
	if t.probed() {
		t.round++
		t.asking = false
	}
	c.become(t, h, now)
	c.queue.remove(t)
}

// deregisterBut deregisters all targets of g but those that stay, and forgets a g
// that has none left.
func (c *Checker) deregisterBut(g *group, stay map[netip.AddrPort]bool, now time.Time) {
	for addr, t := range g.targets {
		if !stay[addr] {
			c.deregister(t, now)
		}
	}
	c.forgetEmpty(g)
}

// deregister begins t's draining. A target that had no traffic has nothing to drain.
func (c *Checker) deregister(t *target, now time.Time) {
	switch {
	case t.health.State == lb.Draining:
	case t.health.State == lb.Unused, t.group.delay <= 0:
		c.forget(t, now)
	default:
		c.rest(t, verdict(lb.Draining, lb.DeregistrationProgress), now)
		c.queue.set(t, now.Add(t.group.delay))
	}
}

func (c *Checker) forget(t *target, now time.Time) {
	c.rest(t, notRegistered, now)
	delete(t.group.targets, t.key.Addr)
}

func (c *Checker) forgetEmpty(g *group) {
	if len(g.targets) == 0 {
		delete(c.groups, g.key)
	}
}

// become notes t's health and queues the change for onChange.
func (c *Checker) become(t *target, h lb.TargetHealth, now time.Time) {
	if t.health == h {
		return
	}
	if t.health.State != h.State {
		t.since = now
	}
	if c.onChange != nil {
		c.changes = append(c.changes, change{t.key, t.health, h})
	}
	t.health = h
}

// setLimit fits the bound on probes under way to the targets: enough for every one
// of them to take its whole timeout without holding up the others' probes.
func (c *Checker) setLimit() {
	if c.fixedLimit > 0 {
		return
	}
	needed := 0.0
	for _, g := range c.groups {
		if g.check != nil && g.used {
			needed += float64(len(g.targets)) * min(1, g.check.probe.Timeout.Seconds()/g.check.interval.Seconds())
		}
	}
	c.limit = int(math.Ceil(min(max(needed, leastConcurrency), mostConcurrency)))
}
