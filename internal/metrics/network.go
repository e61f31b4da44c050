package metrics

import (
	"sync"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
)

// FlowKind tells the flows of a network load balancer apart, as CloudWatch's suffixes do.
type FlowKind int

const (
	TCPFlow FlowKind = iota
	TLSFlow
	UDPFlow
	flowKinds
)

var flowSuffixes = [flowKinds]string{"tcp", "tls", "udp"}

// Network holds the counters of one network load balancer.
type Network struct {
	name   string
	shards []NetworkShard

	mu           sync.Mutex
	droppedLines func() uint64
}

// NetworkShard is one shard of a network load balancer's counters. All but
// ActiveFlows only grow. docs/metrics.md says when each one counts.
type NetworkShard struct {
	ActiveFlows    [flowKinds]atomic.Int64
	NewFlows       [flowKinds]atomic.Uint64
	ProcessedBytes [flowKinds]atomic.Uint64

	ClientResets, TargetResets, ELBResets atomic.Uint64
	RejectedFlows                         atomic.Uint64 // from outside the inbound ranges, or too many
	ClientTLSErrors, TargetTLSErrors      atomic.Uint64
	TargetConnectionErrors                atomic.Uint64
	UnhealthyRouting                      atomic.Uint64 // flows sent while the group failed open
	PortAllocationErrors                  atomic.Uint64
	ProcessedPackets                      atomic.Uint64 // UDP datagrams

	_ [104]byte // to a multiple of 128
}

// Shard gives a shard for a flow's number; any number will do.
func (n *Network) Shard(i uint32) *NetworkShard { return &n.shards[i&uint32(len(n.shards)-1)] }

// SetDroppedLogLines says where the number of access log lines lost so far is to be
// asked for at each scrape.
func (n *Network) SetDroppedLogLines(lines func() uint64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.droppedLines = lines
}

// Network gives the counters of the network load balancer with that full name
// (net/<name>/<id>): the same ones each time.
func (r *Registry) Network(name string) *Network {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := r.networks[name]
	if n == nil {
		n = &Network{name: name, shards: make([]NetworkShard, r.shards)}
		r.networks[name] = n
	}
	return n
}

type netShard = NetworkShard

func ofNetwork(name, help string, field func(*netShard) *atomic.Uint64) counter[netShard] {
	return counter[netShard]{prometheus.NewDesc("albatross_"+name, help, balancerLabels, nil), field}
}

// networkCounters: one that application load balancers have too must be described in
// the same words, or Prometheus takes neither.
var networkCounters = []counter[netShard]{
	ofNetwork("client_tls_negotiation_error_count_total", "TLS handshakes of clients that went wrong.", func(s *netShard) *atomic.Uint64 { return &s.ClientTLSErrors }),
	ofNetwork("tcp_client_reset_count_total", "Flows that the client has reset.", func(s *netShard) *atomic.Uint64 { return &s.ClientResets }),
	ofNetwork("tcp_target_reset_count_total", "Flows that the target has reset.", func(s *netShard) *atomic.Uint64 { return &s.TargetResets }),
	ofNetwork("tcp_elb_reset_count_total", "Flows that the load balancer has reset.", func(s *netShard) *atomic.Uint64 { return &s.ELBResets }),
	ofNetwork("rejected_flow_count_total", "Flows refused: outside the inbound ranges, or too many.", func(s *netShard) *atomic.Uint64 { return &s.RejectedFlows }),
	ofNetwork("unhealthy_routing_flow_count_total", "Flows sent to any target because too few were healthy (fail open).", func(s *netShard) *atomic.Uint64 { return &s.UnhealthyRouting }),
	ofNetwork("port_allocation_error_count_total", "Connections to targets for which there was no local port.", func(s *netShard) *atomic.Uint64 { return &s.PortAllocationErrors }),
	ofNetwork("flow_target_connection_error_count_total", "Connections of flows to targets that could not be made.", func(s *netShard) *atomic.Uint64 { return &s.TargetConnectionErrors }),
	ofNetwork("flow_target_tls_negotiation_error_count_total", "TLS handshakes of flows with targets that went wrong.", func(s *netShard) *atomic.Uint64 { return &s.TargetTLSErrors }),
	ofNetwork("processed_packets_total", "UDP datagrams from and to clients.", func(s *netShard) *atomic.Uint64 { return &s.ProcessedPackets }),
}

// flowFigures are those that are given in all and by kind of flow.
var flowFigures = [...]flowFigure{
	newFlowFigure("active_flow_count", "", "Flows that are open.", prometheus.GaugeValue, func(s *netShard, k FlowKind) float64 { return float64(s.ActiveFlows[k].Load()) }),
	newFlowFigure("new_flow_count", "_total", "Flows that clients have begun.", prometheus.CounterValue, func(s *netShard, k FlowKind) float64 { return float64(s.NewFlows[k].Load()) }),
	newFlowFigure("processed_bytes", "_total", "Bytes received from and sent to clients, headers and bodies.", prometheus.CounterValue, func(s *netShard, k FlowKind) float64 { return float64(s.ProcessedBytes[k].Load()) }),
}

type flowFigure struct {
	all   *prometheus.Desc
	kinds [flowKinds]*prometheus.Desc
	as    prometheus.ValueType
	value func(*netShard, FlowKind) float64
}

func newFlowFigure(name, end, help string, as prometheus.ValueType, value func(*netShard, FlowKind) float64) flowFigure {
	f := flowFigure{all: prometheus.NewDesc("albatross_"+name+end, help, balancerLabels, nil), as: as, value: value}
	for kind, suffix := range flowSuffixes {
		f.kinds[kind] = prometheus.NewDesc("albatross_"+name+"_"+suffix+end, help, balancerLabels, nil)
	}
	return f
}

func (f *flowFigure) collect(shards []netShard, to chan<- prometheus.Metric, name string) {
	all := 0.0
	for kind, desc := range f.kinds {
		sum := 0.0
		for i := range shards {
			sum += f.value(&shards[i], FlowKind(kind))
		}
		all += sum
		to <- prometheus.MustNewConstMetric(desc, f.as, sum, name)
	}
	to <- prometheus.MustNewConstMetric(f.all, f.as, all, name)
}

func describeNetworks(to chan<- *prometheus.Desc) {
	for _, m := range networkCounters {
		to <- m.desc
	}
	for _, f := range flowFigures {
		to <- f.all
		for _, d := range f.kinds {
			to <- d
		}
	}
}

// collect shows a network load balancer.
func (n *Network) collect(to chan<- prometheus.Metric) {
	n.mu.Lock()
	droppedLines := n.droppedLines
	n.mu.Unlock()
	name := label(n.name)
	sumAll(networkCounters, n.shards, to, name)
	for i := range flowFigures {
		flowFigures[i].collect(n.shards, to, name)
	}
	if droppedLines != nil {
		to <- prometheus.MustNewConstMetric(droppedLinesDesc, prometheus.CounterValue, float64(droppedLines()), name)
	}
}
