package snapshot

import (
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/albatross-lb/albatross/internal/balance"
	"github.com/albatross-lb/albatross/internal/health"
	"github.com/albatross-lb/albatross/internal/upstream"
	"github.com/albatross-lb/albatross/lb"
)

// Target is one address of one target group. It lives as long as some
// configuration has it or some request is under way to it.
type Target struct {
	Key  health.Key
	Addr netip.AddrPort
	Pool *upstream.Pool
	Load *balance.Target

	// Ended is set when the deregistration delay is over: what is still under way
	// then is cut off (ALB answers 502).
	Ended atomic.Bool

	// taken: a snapshot that is in service or being built has it. Guarded by Live.mu.
	taken bool
}

// Live holds the targets that outlive snapshots, and tells them what health finds.
type Live struct {
	// MaxHTTP2 is upstream.Pool.MaxHTTP2 of all targets. It is set before the first snapshot is built.
	MaxHTTP2 int

	watch   *upstream.Watch // of connections to all targets
	mu      sync.Mutex
	targets map[identity]*Target
	groups  map[string]*TargetGroup // of the snapshot in service
	taken   []*Target               // by the snapshots that were built since
}

// identity is a target's: an address that changes from HTTP to HTTPS is another target to its pool.
type identity struct {
	health.Key
	secure bool
}

// NewLive gives an empty one.
func NewLive() *Live {
	return &Live{watch: upstream.NewWatch(), targets: map[identity]*Target{}, groups: map[string]*TargetGroup{}}
}

// target gives the live target of that identity, new in state initial if there is none.
func (l *Live) target(k health.Key, secure bool) *Target {
	l.mu.Lock()
	defer l.mu.Unlock()
	id := identity{k, secure}
	t := l.targets[id]
	if t == nil {
		t = &Target{Key: k, Addr: k.Addr, Pool: upstream.NewPool(k.Addr, secure, l.watch), Load: balance.NewTarget(k.Addr.String())}
		t.Pool.MaxHTTP2 = l.MaxHTTP2
		t.Load.SetState(lb.Initial, time.Now())
		l.targets[id] = t
	}
	if !t.taken {
		t.taken = true
		l.taken = append(l.taken, t)
	}
	return t
}

// OnHealth takes in a change of a target's health: it is what health.New is given.
// A target whose deregistration delay is over is forgotten, unless a snapshot has
// taken it up again meanwhile: health will speak of it anew.
func (l *Live) OnHealth(k health.Key, _, now lb.TargetHealth) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, secure := range [...]bool{false, true} {
		t := l.targets[identity{k, secure}]
		if t == nil {
			continue
		}
		t.Load.SetState(now.State, time.Now())
		if now.State == lb.Unused && now.Reason != lb.NotInUse && !t.taken {
			t.Ended.Store(true)
			t.Pool.Close()
			delete(l.targets, identity{k, secure})
		}
	}
	if g := l.groups[k.Group]; g != nil {
		g.Balance.Refresh()
	}
}

// Install notes which groups are in service now, so that health reaches them.
// A new group that a change of health reached while the snapshot was being built is refreshed.
func (l *Live) Install(s *Snapshot) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, t := range l.taken {
		t.taken = false
	}
	l.taken = nil
	for key, g := range l.groups {
		if s.TargetGroups[key] != g {
			g.take(false)
		}
	}
	for key, g := range s.TargetGroups {
		if l.groups[key] != g {
			g.take(true)
			g.Balance.Refresh()
		}
	}
	l.groups = s.TargetGroups
}

func (t *TargetGroup) take(taken bool) {
	for _, target := range t.Targets {
		target.taken = taken
	}
}

// Judge has every group of layer 7 compare how its targets' requests ended, and weigh them by
// it. It is to be called every balance.JudgeEvery.
func (l *Live) Judge() {
	l.mu.Lock()
	groups := l.groups // a map that is replaced, never changed
	l.mu.Unlock()
	for _, g := range groups {
		if g.Layer7() {
			g.Balance.Judge()
		}
	}
}

// CloseIdle closes connections to targets that have been idle since before the given time.
func (l *Live) CloseIdle(before time.Time) {
	l.mu.Lock()
	pools := make([]*upstream.Pool, 0, len(l.targets))
	for _, t := range l.targets {
		pools = append(pools, t.Pool)
	}
	l.mu.Unlock()
	for _, p := range pools {
		p.CloseIdle(before)
	}
}

// HealthGroups is what the health checker is to look after for a snapshot.
func (s *Snapshot) HealthGroups() []health.Group {
	used := make(map[*TargetGroup]bool, len(s.TargetGroups))
	for _, u := range s.Uses() {
		used[u.Group] = true
	}
	groups := make([]health.Group, 0, len(s.TargetGroups))
	for key, g := range s.TargetGroups {
		groups = append(groups, health.Group{
			Key: key, Check: g.Config.HealthCheck, Protocol: g.Config.Protocol, Version: g.Config.ProtocolVersion,
			ProxyHeader: g.Attributes.ProxyProtocolV2 && g.Config.ProtocolVersion == "",
			Targets:     g.Config.Targets, Used: used[g], DeregistrationDelay: g.Attributes.DeregistrationDelay,
		})
	}
	return groups
}

// Use is a target group as one load balancer forwards to it.
type Use struct {
	LoadBalancer *LoadBalancer
	Group        *TargetGroup
}

// Uses lists which load balancer forwards to which target group, each pair once.
func (s *Snapshot) Uses() []Use {
	seen := make(map[Use]bool, len(s.TargetGroups))
	uses := make([]Use, 0, len(s.TargetGroups))
	add := func(u Use) {
		if !seen[u] {
			seen[u] = true
			uses = append(uses, u)
		}
	}
	for _, u := range s.flowUses() {
		add(u)
	}
	for _, socket := range s.Sockets {
		for _, l := range socket.Listeners {
			for _, g := range l.uses {
				add(Use{l.LoadBalancer, g})
			}
		}
	}
	return uses
}
