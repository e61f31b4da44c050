package metrics

import (
	"net/http/httptest"
	"strings"
	"testing"
)

func scrapeNetworks(r *Registry) (int, string) {
	w := httptest.NewRecorder()
	r.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	return w.Code, w.Body.String()
}

func TestNetworkFiguresStandBesideThoseOfApplicationLoadBalancers(t *testing.T) {
	r := New()
	r.LoadBalancer("app/a/1").Shard(0).ProcessedBytes.Add(7)
	n := r.Network("net/a/1")
	if r.Network("net/a/1") != n {
		t.Error("another one the second time")
	}
	n.Shard(3).ActiveFlows[TLSFlow].Add(2)
	n.Shard(1).NewFlows[TCPFlow].Add(5)
	n.Shard(0).ProcessedBytes[TCPFlow].Add(10)
	n.Shard(1).ProcessedBytes[UDPFlow].Add(4)
	n.Shard(0).ELBResets.Add(1)
	n.Shard(0).ClientTLSErrors.Add(3)
	n.SetDroppedLogLines(func() uint64 { return 9 })
	code, got := scrapeNetworks(r)
	if code != 200 {
		t.Fatalf("status %d: %s", code, got)
	}
	for _, want := range []string{
		`albatross_active_flow_count{load_balancer="net/a/1"} 2`, `albatross_active_flow_count_tls{load_balancer="net/a/1"} 2`,
		`albatross_active_flow_count_udp{load_balancer="net/a/1"} 0`, `albatross_new_flow_count_total{load_balancer="net/a/1"} 5`,
		`albatross_new_flow_count_tcp_total{load_balancer="net/a/1"} 5`, `albatross_processed_bytes_total{load_balancer="net/a/1"} 14`,
		`albatross_processed_bytes_total{load_balancer="app/a/1"} 7`, `albatross_processed_bytes_udp_total{load_balancer="net/a/1"} 4`,
		`albatross_tcp_elb_reset_count_total{load_balancer="net/a/1"} 1`, `albatross_access_log_dropped_lines_total{load_balancer="net/a/1"} 9`,
		`albatross_client_tls_negotiation_error_count_total{load_balancer="net/a/1"} 3`,
	} {
		if !strings.Contains(got, want+"\n") {
			t.Errorf("no line %s", want)
		}
	}
	r.Retain([]string{"app/a/1"})
	if _, got := scrapeNetworks(r); strings.Contains(got, "net/a/1") {
		t.Error("a network load balancer that is gone is still shown")
	}
}
