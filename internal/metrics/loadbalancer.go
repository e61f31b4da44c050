package metrics

import (
	"sync"
	"sync/atomic"
)

// LoadBalancer holds the counters of one load balancer.
type LoadBalancer struct {
	name   string
	shards []LoadBalancerShard

	mu      sync.Mutex
	groups  map[string]*TargetGroup
	dropped DroppedLines
}

// LoadBalancerShard is one shard of a load balancer's counters. All but
// ActiveConnections only grow. docs/metrics.md says when each one counts.
type LoadBalancerShard struct {
	ActiveConnections atomic.Int64 // open client connections: up by one, down by one, in any shard

	Requests            atomic.Uint64 // read from clients, whatever became of them
	ProcessedBytes      atomic.Uint64 // from and to clients, headers and bodies
	NewConnections      atomic.Uint64
	RejectedConnections atomic.Uint64
	ClientTLSErrors     atomic.Uint64
	RuleEvaluations     atomic.Uint64

	NonCompliantRequests           atomic.Uint64 // desync mitigation
	DroppedInvalidHeaderRequests   atomic.Uint64
	ForwardedInvalidHeaderRequests atomic.Uint64
	GRPCRequests                   atomic.Uint64
	NonStickyRequests              atomic.Uint64
	FixedResponses                 atomic.Uint64
	Redirects                      atomic.Uint64

	// Answers that the load balancer made itself; see CountELB.
	ELB3xx, ELB4xx, ELB5xx         atomic.Uint64
	ELB460, ELB463, ELB464         atomic.Uint64
	ELB500, ELB502, ELB503, ELB504 atomic.Uint64

	_ [64]byte // to a multiple of 128: lines are fetched in pairs
}

// CountELB counts an answer that the load balancer made itself, by its class and,
// where it has a counter, by its code.
func (s *LoadBalancerShard) CountELB(status int) {
	switch status / 100 {
	case 3:
		s.ELB3xx.Add(1)
	case 4:
		s.ELB4xx.Add(1)
	case 5:
		s.ELB5xx.Add(1)
	}
	switch status {
	case 460:
		s.ELB460.Add(1)
	case 463:
		s.ELB463.Add(1)
	case 464:
		s.ELB464.Add(1)
	case 500:
		s.ELB500.Add(1)
	case 502:
		s.ELB502.Add(1)
	case 503:
		s.ELB503.Add(1)
	case 504:
		s.ELB504.Add(1)
	}
}

// Shard gives a shard for a connection's number; any number will do.
func (m *LoadBalancer) Shard(i uint32) *LoadBalancerShard {
	return &m.shards[i&uint32(len(m.shards)-1)]
}

// TargetGroup gives the counters of a target group as this load balancer uses it,
// by its full name (targetgroup/<name>/<id>): the same ones each time.
func (m *LoadBalancer) TargetGroup(name string) *TargetGroup {
	m.mu.Lock()
	defer m.mu.Unlock()
	t := m.groups[name]
	if t == nil {
		t = &TargetGroup{name: name, shards: make([]TargetGroupShard, len(m.shards))}
		m.groups[name] = t
	}
	return t
}

// Retain drops the target groups that are not among names.
func (m *LoadBalancer) Retain(names []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	retain(m.groups, names)
}

// SetDroppedLogLines says where the numbers of log lines lost so far are to be asked for at
// each scrape.
func (m *LoadBalancer) SetDroppedLogLines(d DroppedLines) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.dropped = d
}

// retain deletes from have what is not among names.
func retain[T any](have map[string]T, names []string) {
	keep := make(map[string]bool, len(names))
	for _, name := range names {
		keep[name] = true
	}
	for name := range have {
		if !keep[name] {
			delete(have, name)
		}
	}
}
