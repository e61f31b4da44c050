package metrics

import (
	"maps"
	"runtime"
	"slices"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
)

// collector shows a registry's counters to Prometheus.
type collector struct{ registry *Registry }

// counter is a metric that is the sum of one field of all shards.
type counter[S any] struct {
	desc  *prometheus.Desc
	field func(*S) *atomic.Uint64
}

var balancerLabels, groupLabels = []string{"load_balancer"}, []string{"load_balancer", "target_group"}

func ofBalancer(name, help string, field func(*LoadBalancerShard) *atomic.Uint64) counter[LoadBalancerShard] {
	return counter[LoadBalancerShard]{prometheus.NewDesc("albatross_"+name, help, balancerLabels, nil), field}
}

func ofGroup(name, help string, field func(*TargetGroupShard) *atomic.Uint64) counter[TargetGroupShard] {
	return counter[TargetGroupShard]{prometheus.NewDesc("albatross_"+name, help, groupLabels, nil), field}
}

type lbShard = LoadBalancerShard

var balancerCounters = []counter[LoadBalancerShard]{
	ofBalancer("received_requests_total", "Requests read from clients, whatever became of them.", func(s *lbShard) *atomic.Uint64 { return &s.Requests }),
	ofBalancer("processed_bytes_total", "Bytes received from and sent to clients, headers and bodies.", func(s *lbShard) *atomic.Uint64 { return &s.ProcessedBytes }),
	ofBalancer("new_connection_count_total", "Connections that clients have opened.", func(s *lbShard) *atomic.Uint64 { return &s.NewConnections }),
	ofBalancer("rejected_connection_count_total", "Client connections refused because there were too many.", func(s *lbShard) *atomic.Uint64 { return &s.RejectedConnections }),
	ofBalancer("client_tls_negotiation_error_count_total", "TLS handshakes of clients that went wrong.", func(s *lbShard) *atomic.Uint64 { return &s.ClientTLSErrors }),
	ofBalancer("rule_evaluations_total", "Rules looked at to find the ones that hold.", func(s *lbShard) *atomic.Uint64 { return &s.RuleEvaluations }),
	ofBalancer("desync_mitigation_mode_non_compliant_request_count_total", "Requests that did not comply with RFC 7230.", func(s *lbShard) *atomic.Uint64 { return &s.NonCompliantRequests }),
	ofBalancer("dropped_invalid_header_request_count_total", "Requests from which header fields with invalid names were removed.", func(s *lbShard) *atomic.Uint64 { return &s.DroppedInvalidHeaderRequests }),
	ofBalancer("forwarded_invalid_header_request_count_total", "Requests forwarded with header fields that have invalid names.", func(s *lbShard) *atomic.Uint64 { return &s.ForwardedInvalidHeaderRequests }),
	ofBalancer("grpc_request_count_total", "gRPC requests.", func(s *lbShard) *atomic.Uint64 { return &s.GRPCRequests }),
	ofBalancer("non_sticky_request_count_total", "Requests that could not go to the target of their sticky session.", func(s *lbShard) *atomic.Uint64 { return &s.NonStickyRequests }),
	ofBalancer("http_fixed_response_count_total", "Answers by a fixed-response action.", func(s *lbShard) *atomic.Uint64 { return &s.FixedResponses }),
	ofBalancer("http_redirect_count_total", "Answers by a redirect action.", func(s *lbShard) *atomic.Uint64 { return &s.Redirects }),
	ofBalancer("httpcode_elb_3xx_count_total", "Answers of the load balancer itself with a 3xx code.", func(s *lbShard) *atomic.Uint64 { return &s.ELB3xx }),
	ofBalancer("httpcode_elb_4xx_count_total", "Answers of the load balancer itself with a 4xx code, 460 included.", func(s *lbShard) *atomic.Uint64 { return &s.ELB4xx }),
	ofBalancer("httpcode_elb_5xx_count_total", "Answers of the load balancer itself with a 5xx code.", func(s *lbShard) *atomic.Uint64 { return &s.ELB5xx }),
	ofBalancer("httpcode_elb_460_count_total", "Requests whose client closed the connection before it was answered.", func(s *lbShard) *atomic.Uint64 { return &s.ELB460 }),
	ofBalancer("httpcode_elb_463_count_total", "Requests refused for more than 30 addresses in X-Forwarded-For.", func(s *lbShard) *atomic.Uint64 { return &s.ELB463 }),
	ofBalancer("httpcode_elb_464_count_total", "Requests refused because their protocol is not the target group's.", func(s *lbShard) *atomic.Uint64 { return &s.ELB464 }),
	ofBalancer("httpcode_elb_500_count_total", "Answers of the load balancer itself with code 500.", func(s *lbShard) *atomic.Uint64 { return &s.ELB500 }),
	ofBalancer("httpcode_elb_502_count_total", "Answers of the load balancer itself with code 502.", func(s *lbShard) *atomic.Uint64 { return &s.ELB502 }),
	ofBalancer("httpcode_elb_503_count_total", "Answers of the load balancer itself with code 503.", func(s *lbShard) *atomic.Uint64 { return &s.ELB503 }),
	ofBalancer("httpcode_elb_504_count_total", "Answers of the load balancer itself with code 504.", func(s *lbShard) *atomic.Uint64 { return &s.ELB504 }),
}

type tgShard = TargetGroupShard

var groupCounters = []counter[TargetGroupShard]{
	ofGroup("request_count_total", "Requests for which a target was chosen.", func(s *tgShard) *atomic.Uint64 { return &s.Requests }),
	ofGroup("httpcode_target_2xx_count_total", "Answers of targets with a 2xx code.", func(s *tgShard) *atomic.Uint64 { return &s.Target2xx }),
	ofGroup("httpcode_target_3xx_count_total", "Answers of targets with a 3xx code.", func(s *tgShard) *atomic.Uint64 { return &s.Target3xx }),
	ofGroup("httpcode_target_4xx_count_total", "Answers of targets with a 4xx code.", func(s *tgShard) *atomic.Uint64 { return &s.Target4xx }),
	ofGroup("httpcode_target_5xx_count_total", "Answers of targets with a 5xx code.", func(s *tgShard) *atomic.Uint64 { return &s.Target5xx }),
	ofGroup("target_connection_error_count_total", "Connections to targets that could not be made.", func(s *tgShard) *atomic.Uint64 { return &s.ConnectionErrors }),
	ofGroup("target_tls_negotiation_error_count_total", "TLS handshakes with targets that went wrong.", func(s *tgShard) *atomic.Uint64 { return &s.TLSErrors }),
	ofGroup("unhealthy_routing_request_count_total", "Requests sent to any target because too few were healthy (fail open).", func(s *tgShard) *atomic.Uint64 { return &s.UnhealthyRouting }),
}

var (
	buildDesc = prometheus.NewDesc("albatross_build_info",
		"The version of this binary, the revision it was built from and the Go that built it.", []string{"version", "revision", "go_version"}, nil)
	activeDesc = prometheus.NewDesc("albatross_active_connection_count",
		"Client connections that are open.", balancerLabels, nil)
	responseTimeDesc = prometheus.NewDesc("albatross_target_response_time_seconds",
		"Time from sending the request to a target to the start of its answer.", groupLabels, nil)
	healthyDesc = prometheus.NewDesc("albatross_healthy_host_count",
		"Targets that are healthy.", groupLabels, nil)
	unhealthyDesc = prometheus.NewDesc("albatross_unhealthy_host_count",
		"Targets that are unhealthy.", groupLabels, nil)
	anomalousDesc = prometheus.NewDesc("albatross_anomalous_host_count",
		"Targets whose requests fail out of proportion to those of their peers.", groupLabels, nil)
	mitigatedDesc = prometheus.NewDesc("albatross_mitigated_host_count",
		"Targets that get less traffic because of anomalies.", groupLabels, nil)
)

// Describe implements prometheus.Collector.
func (c collector) Describe(to chan<- *prometheus.Desc) {
	for _, m := range balancerCounters {
		to <- m.desc
	}
	for _, m := range groupCounters {
		to <- m.desc
	}
	describeNetworks(to)
	for _, d := range []*prometheus.Desc{
		buildDesc, activeDesc, responseTimeDesc, healthyDesc, unhealthyDesc, anomalousDesc, mitigatedDesc,
		droppedLinesDesc, droppedConnectionsDesc, droppedChecksDesc, logFilesDesc, logBytesDesc, logDeletedDesc,
		configReloads, configLastOK, configLastOKTime, configSetAside, configWarnings, configFileErrors,
		certificateExpiry, certificateOrders,
	} {
		to <- d
	}
}

// Collect implements prometheus.Collector.
func (c collector) Collect(to chan<- prometheus.Metric) {
	r := c.registry
	r.mu.Lock()
	balancers, hosts, ordered, config := slices.Collect(maps.Values(r.balancers)), r.hostCounts, r.ordered, r.config
	networks, logFiles := slices.Collect(maps.Values(r.networks)), r.logFiles
	r.mu.Unlock()

	version, revision := buildInfo()
	to <- prometheus.MustNewConstMetric(buildDesc, prometheus.GaugeValue, 1, version, revision, runtime.Version())
	config.collect(to)
	for _, m := range balancers {
		m.collect(to)
	}
	for _, n := range networks {
		n.collect(to)
	}
	if hosts != nil {
		collectHosts(hosts(), to)
	}
	if ordered != nil {
		collectOrdered(ordered(), to)
	}
	if logFiles != nil {
		logFiles().collect(to)
	}
}

// collect shows a load balancer and its target groups.
func (m *LoadBalancer) collect(to chan<- prometheus.Metric) {
	m.mu.Lock()
	groups, dropped := slices.Collect(maps.Values(m.groups)), m.dropped
	m.mu.Unlock()

	name := label(m.name)
	sumAll(balancerCounters, m.shards, to, name)
	active := int64(0)
	for i := range m.shards {
		active += m.shards[i].ActiveConnections.Load()
	}
	to <- prometheus.MustNewConstMetric(activeDesc, prometheus.GaugeValue, float64(active), name)
	dropped.collect(to, name)
	for _, t := range groups {
		sumAll(groupCounters, t.shards, to, name, label(t.name))
		t.collectResponseTime(to, name)
	}
}

// sumAll shows each of the counters, summed over the shards.
func sumAll[S any](counters []counter[S], shards []S, to chan<- prometheus.Metric, labels ...string) {
	for _, m := range counters {
		sum := uint64(0)
		for i := range shards {
			sum += m.field(&shards[i]).Load()
		}
		to <- prometheus.MustNewConstMetric(m.desc, prometheus.CounterValue, float64(sum), labels...)
	}
}

// collectResponseTime shows the histogram. Its count is the sum of its buckets, so
// the two agree even while requests are being counted.
func (t *TargetGroup) collectResponseTime(to chan<- prometheus.Metric, balancer string) {
	var sum, count uint64
	var buckets [len(bounds) + 1]uint64
	for i := range t.shards {
		h := &t.shards[i].ResponseTime
		sum += h.sum.Load()
		for b := range h.buckets {
			buckets[b] += h.buckets[b].Load()
		}
	}
	cumulative := make(map[float64]uint64, len(bounds))
	for b, n := range buckets {
		count += n
		if b < len(bounds) {
			cumulative[bounds[b].Seconds()] = count
		}
	}
	to <- prometheus.MustNewConstHistogram(responseTimeDesc, count, float64(sum)/1e9, cumulative, balancer, label(t.name))
}

// collectHosts shows the numbers of healthy and unhealthy targets. A pair named
// twice is shown once: Prometheus takes no scrape that says a thing twice.
func collectHosts(hosts []HostCount, to chan<- prometheus.Metric) {
	shown := make(map[[2]string]bool, len(hosts))
	for _, h := range hosts {
		balancer, group := label(h.LoadBalancer), label(h.TargetGroup)
		if shown[[2]string{balancer, group}] {
			continue
		}
		shown[[2]string{balancer, group}] = true
		to <- prometheus.MustNewConstMetric(healthyDesc, prometheus.GaugeValue, float64(h.Healthy), balancer, group)
		to <- prometheus.MustNewConstMetric(unhealthyDesc, prometheus.GaugeValue, float64(h.Unhealthy), balancer, group)
		if h.Compared {
			to <- prometheus.MustNewConstMetric(anomalousDesc, prometheus.GaugeValue, float64(h.Anomalous), balancer, group)
			to <- prometheus.MustNewConstMetric(mitigatedDesc, prometheus.GaugeValue, float64(h.Mitigated), balancer, group)
		}
	}
}
