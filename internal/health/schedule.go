package health

import (
	"container/heap"
	"context"
	"hash/fnv"
	"time"

	"github.com/albatross-lb/albatross/lb"
)

// loop starts what is due and tells of changes, until Close.
func (c *Checker) loop() {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		changes, wait := c.turn(time.Now())
		for _, ch := range changes {
			if c.ctx.Err() != nil {
				return
			}
			c.onChange(ch.key, ch.old, ch.new)
		}
		if len(changes) > 0 {
			continue // telling took time
		}
		timer.Reset(wait)
		select {
		case <-c.ctx.Done():
			return
		case <-c.wake:
		case <-timer.C:
		}
	}
}

// turn does what is due by now and gives the changes to tell and the time until
// something is due next.
func (c *Checker) turn(now time.Time) (changes []change, wait time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	wait = time.Hour
	for len(c.queue.targets) > 0 {
		t := c.queue.targets[0]
		if wait = t.due.Sub(now); wait > 0 {
			break
		}
		wait = time.Hour
		if t.health.State == lb.Draining {
			c.forget(t, now)
			c.forgetEmpty(t.group)
			continue
		}
		if c.running >= c.limit {
			// The end of a probe wakes the loop. A draining target behind this one
			// waits too, by no more than a probe's timeout.
			break
		}
		c.ask(t, now)
	}
	changes, c.changes = c.changes, nil
	return changes, wait
}

// nudge has the loop look again.
func (c *Checker) nudge() {
	select {
	case c.wake <- struct{}{}:
	default: // it is going to anyway
	}
}

// ask starts a probe of t and sets the time of its next one.
func (c *Checker) ask(t *target, now time.Time) {
	c.queue.set(t, nextProbe(t.key, now, t.group.check.interval))
	if t.asking {
		return // the last one has not come back: its timeout is longer than the interval
	}
	if t.health.Reason == lb.RegistrationInProgress {
		c.become(t, verdict(lb.Initial, lb.InitialHealthChecking), now)
	}
	t.asking = true
	c.running++
	p, round := t.probe(), t.round
	c.done.Go(func() { c.run(t, p, round) })
}

// run probes and counts the result.
func (c *Checker) run(t *target, p Probe, round uint32) {
	started := time.Now()
	ctx, cancel := context.WithTimeout(c.ctx, p.Timeout)
	result := c.prober.Probe(ctx, p)
	cancel()
	now := time.Now()
	o := Observation{Key: t.key, Probe: p, Started: started, Latency: now.Sub(started), Result: result}
	if c.finish(t, &o, round, now) && c.onProbe != nil {
		c.onProbe(o)
	}
}

// finish counts o's result for t; false if it is worth nothing any more: t has been
// deregistered, or asks something else by now.
func (c *Checker) finish(t *target, o *Observation, round uint32, now time.Time) (counted bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.running--
	c.nudge()
	if c.ctx.Err() != nil || t.round != round {
		return false
	}
	t.asking = false
	if t.probe() != o.Probe {
		c.queue.set(t, now)
		return false
	}
	t.probes++
	t.lastProbe, t.lastLatency = o.Started, o.Latency
	c.become(t, t.judge(o.Result), now)
	o.Health, o.Zone = t.health, t.zone
	return true
}

// nextProbe is when to probe a target again that is probed now: at its own phase of
// the interval, half an interval away at least and one and a half at most. So
// two probes never follow each other so closely that a target starting up fails
// both, and from the second on they are an interval apart.
func nextProbe(k Key, now time.Time, interval time.Duration) time.Time {
	h := fnv.New64a()
	h.Write([]byte(k.Group))
	addr := k.Addr.Addr().As16()
	h.Write(addr[:])
	h.Write([]byte{byte(k.Addr.Port() >> 8), byte(k.Addr.Port())})
	phase := time.Duration(h.Sum64() % uint64(interval))

	wait := phase - now.Sub(now.Truncate(interval))
	for wait < interval/2 {
		wait += interval
	}
	return now.Add(wait) // keeps now's monotonic reading: a step of the wall clock moves no probe
}

// schedule is a heap of targets by due, then by the order they were put in.
type schedule struct {
	targets []*target
	seq     uint64
}

// set puts t in, or moves it, to be due at a time.
func (s *schedule) set(t *target, due time.Time) {
	s.seq++
	t.due, t.seq = due, s.seq
	if t.index < 0 {
		heap.Push(s, t)
	} else {
		heap.Fix(s, t.index)
	}
}

// remove takes t out if it is in.
func (s *schedule) remove(t *target) {
	if t.index >= 0 {
		heap.Remove(s, t.index)
	}
}

func (s *schedule) Len() int { return len(s.targets) }
func (s *schedule) Less(i, j int) bool {
	a, b := s.targets[i], s.targets[j]
	if a.due.Equal(b.due) {
		return a.seq < b.seq
	}
	return a.due.Before(b.due)
}
func (s *schedule) Swap(i, j int) {
	s.targets[i], s.targets[j] = s.targets[j], s.targets[i]
	s.targets[i].index, s.targets[j].index = i, j
}
func (s *schedule) Push(x any) {
	t := x.(*target)
	t.index = len(s.targets)
	s.targets = append(s.targets, t)
}
func (s *schedule) Pop() any {
	last := len(s.targets) - 1
	t := s.targets[last]
	s.targets[last] = nil
	s.targets = s.targets[:last]
	t.index = -1
	return t
}
