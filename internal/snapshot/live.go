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
	mu      sync.Mutex
	targets map[identity]*Target
	groups  map[string]*TargetGroup // of the snapshot in service
}

// identity is a target's: an address that changes from HTTP to HTTPS is another target to its pool.
type identity struct {
	health.Key
	secure bool
}

// NewLive gives an empty one.
func NewLive() *Live {
	return &Live{targets: map[identity]*Target{}, groups: map[string]*TargetGroup{}}
}

// target gives the live target of that identity, new in state initial if there is none.
func (l *Live) target(k health.Key, secure bool) *Target {
	l.mu.Lock()
	defer l.mu.Unlock()
	id := identity{k, secure}
	t := l.targets[id]
	if t == nil {
		t = &Target{Key: k, Addr: k.Addr, Pool: upstream.NewPool(k.Addr, secure), Load: balance.NewTarget(k.Addr.String())}
		t.Load.SetState(lb.Initial, time.Now())
		l.targets[id] = t
	}
	t.taken = true
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
// A group that a change of health reached while the snapshot was being built is refreshed.
func (l *Live) Install(s *Snapshot) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.groups = s.TargetGroups
	for _, t := range l.targets {
		t.taken = false
	}
	for _, g := range s.TargetGroups {
		for _, t := range g.Targets {
			t.taken = true
		}
		g.Balance.Refresh()
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
	used := map[string]bool{}
	for _, u := range s.Uses() {
		used[u.Group.Config.Key] = true
	}
	groups := make([]health.Group, 0, len(s.TargetGroups))
	for key, g := range s.TargetGroups {
		groups = append(groups, health.Group{
			Key: key, Check: g.Config.HealthCheck, Protocol: g.Config.Protocol, Version: g.Config.ProtocolVersion,
			ProxyHeader: g.Attributes.ProxyProtocolV2 && g.Config.ProtocolVersion == "",
			Targets:     g.Config.Targets, Used: used[key], DeregistrationDelay: g.Attributes.DeregistrationDelay,
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
	seen := map[Use]bool{}
	var uses []Use
	for _, u := range s.flowUses() {
		if !seen[u] {
			seen[u] = true
			uses = append(uses, u)
		}
	}
	for _, socket := range s.Sockets {
		for _, l := range socket.Listeners {
			for _, r := range append([]*Rule{l.fallback}, l.rules...) {
				if r.Forward == nil {
					continue
				}
				for _, m := range r.Forward.Members {
					if u := (Use{l.LoadBalancer, m.Group}); !seen[u] {
						seen[u] = true
						uses = append(uses, u)
					}
				}
			}
		}
	}
	return uses
}
