package lb_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/albatross-lb/albatross/lb"
)

func TestLoadBalancerAttributeDefaults(t *testing.T) {
	got, errs := lb.ParseLoadBalancerAttributes(nil)
	want := lb.LoadBalancerAttributes{IdleTimeout: time.Minute, ClientKeepAlive: time.Hour, HTTP2: true, DesyncMode: "defensive", XFFMode: "append"}
	if got != want || len(errs) != 0 {
		t.Errorf("got %+v (%v), want %+v", got, errs, want)
	}
}

func TestLoadBalancerAttributes(t *testing.T) {
	got, errs := lb.ParseLoadBalancerAttributes(map[string]string{
		"idle_timeout.timeout_seconds": "4000", "client_keep_alive.seconds": "60",
		"access_logs.s3.enabled": "true", "access_logs.s3.bucket": "logs", "access_logs.s3.prefix": "shop",
		"connection_logs.s3.enabled": "true", "health_check_logs.s3.bucket": "h",
		"routing.http2.enabled": "false", "routing.http.desync_mitigation_mode": "strictest",
		"routing.http.drop_invalid_header_fields.enabled": "true", "routing.http.preserve_host_header.enabled": "true",
		"routing.http.x_amzn_tls_version_and_cipher_suite.enabled": "true", "routing.http.xff_client_port.enabled": "true",
		"routing.http.xff_header_processing.mode": "remove", "load_balancing.cross_zone.enabled": "false", "waf.fail_open.enabled": "true",
		"deletion_protection.enabled": "true", "zonal_shift.config.enabled": "true", "ipv6.deny_all_igw_traffic": "true",
		"dns_record.client_routing_policy": "any_availability_zone",
	})
	want := lb.LoadBalancerAttributes{IdleTimeout: 4000 * time.Second, ClientKeepAlive: time.Minute,
		AccessLogs:     lb.LogDelivery{Enabled: true, Bucket: "logs", Prefix: "shop"},
		ConnectionLogs: lb.LogDelivery{Enabled: true}, HealthCheckLogs: lb.LogDelivery{Bucket: "h"},
		DesyncMode: "strictest", DropInvalidHeaderFields: true, PreserveHostHeader: true, TLSVersionAndCipher: true, XFFClientPort: true,
		XFFMode: "remove", WAFFailOpen: true, DeletionProtection: true, ZonalShift: true, DenyIGWTraffic: true}
	if got != want || len(errs) != 0 {
		t.Errorf("got %+v (%v), want %+v", got, errs, want)
	}
}

func TestTargetGroupAttributes(t *testing.T) {
	got, errs := lb.ParseTargetGroupAttributes(nil)
	want := lb.TargetGroupAttributes{DeregistrationDelay: 300 * time.Second, Algorithm: lb.RoundRobin, CrossZone: "use_load_balancer_configuration",
		StickinessType: "lb_cookie", LBCookieDuration: 24 * time.Hour, AppCookieDuration: 24 * time.Hour,
		UnhealthyRouting: lb.MinimumHealthy{Count: 1}, DNSFailover: lb.MinimumHealthy{Count: 1}, EndUnhealthy: true}
	if !reflect.DeepEqual(got, want) || len(errs) != 0 {
		t.Errorf("defaults: got %+v (%v), want %+v", got, errs, want)
	}
	got, errs = lb.ParseTargetGroupAttributes(map[string]string{
		"deregistration_delay.timeout_seconds": "0", "slow_start.duration_seconds": "30", "load_balancing.algorithm.type": "weighted_random",
		"load_balancing.algorithm.anomaly_mitigation": "on", "load_balancing.cross_zone.enabled": "true", "stickiness.enabled": "true",
		"stickiness.type": "app_cookie", "stickiness.lb_cookie.duration_seconds": "1", "stickiness.app_cookie.cookie_name": "SID",
		"stickiness.app_cookie.duration_seconds":                                         "604800",
		"target_group_health.unhealthy_state_routing.minimum_healthy_targets.count":      "2",
		"target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage": "50",
		"target_group_health.dns_failover.minimum_healthy_targets.count":                 "3",
		"proxy_protocol_v2.enabled":                                                      "true",
		"preserve_client_ip.enabled":                                                     "false",
		"deregistration_delay.connection_termination.enabled":                            "true",
		"target_health_state.unhealthy.connection_termination.enabled":                   "false",
		"target_health_state.unhealthy.draining_interval_seconds":                        "30",
	})
	want = lb.TargetGroupAttributes{SlowStart: 30 * time.Second, Algorithm: lb.WeightedRandom, AnomalyMitigation: true, CrossZone: "true", Stickiness: true,
		StickinessType: "app_cookie", LBCookieDuration: time.Second, AppCookieName: "SID", AppCookieDuration: 7 * 24 * time.Hour,
		UnhealthyRouting: lb.MinimumHealthy{Count: 2, Percentage: 50}, DNSFailover: lb.MinimumHealthy{Count: 3}, ProxyProtocolV2: true, PreserveClientIP: ptr(false), ConnectionsOnDrain: true, UnhealthyDraining: 30 * time.Second}
	if !reflect.DeepEqual(got, want) || len(errs) != 0 {
		t.Errorf("got %+v (%v), want %+v", got, errs, want)
	}
}

func TestListenerAttributes(t *testing.T) {
	got, errs := lb.ParseListenerAttributes(map[string]string{
		"routing.http.response.server.enabled": "false", "tcp.idle_timeout.seconds": "60",
		"routing.http.response.strict_transport_security.header_value": "max-age=1",
		"routing.http.request.x_amzn_tls_version.header_name":          "X-TLS",
		"routing.http.response.x_frame_options.header_value":           "a\r\nb",
		"routing.http.request.x_amzn_tls_cipher_suite.header_name":     "X TLS",
	})
	want := lb.ListenerAttributes{TCPIdleTimeout: time.Minute, ResponseHeaders: map[string]string{"Strict-Transport-Security": "max-age=1"}, RequestHeaders: map[string]string{"X-Amzn-Tls-Version": "X-TLS"}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if len(errs) != 2 || errs[0].Key > errs[1].Key {
		t.Errorf("errors %v, want two in the order of their keys", errs)
	}
}

// A value at each side of each limit, and the default in place of a bad one.
func TestAttributeErrors(t *testing.T) {
	balancer := func(m map[string]string) (any, []lb.AttributeError) {
		a, e := lb.ParseLoadBalancerAttributes(m)
		return a, e
	}
	group := func(m map[string]string) (any, []lb.AttributeError) {
		a, e := lb.ParseTargetGroupAttributes(m)
		return a, e
	}
	listener := func(m map[string]string) (any, []lb.AttributeError) {
		a, e := lb.ParseListenerAttributes(m)
		return a, e
	}
	for _, c := range []struct {
		parse      func(map[string]string) (any, []lb.AttributeError)
		key, value string
		want       string
	}{
		{balancer, "idle_timeout.timeout_seconds", "0", "from 1 to 4000"},
		{balancer, "idle_timeout.timeout_seconds", "4001", "from 1 to 4000"},
		{balancer, "idle_timeout.timeout_seconds", "60s", "from 1 to 4000"},
		{balancer, "client_keep_alive.seconds", "59", "from 60 to 604800"},
		{balancer, "client_keep_alive.seconds", "604801", "from 60 to 604800"},
		{balancer, "routing.http2.enabled", "yes", "write true or false"},
		{balancer, "routing.http.desync_mitigation_mode", "Defensive", "write one of defensive, strictest, monitor"},
		{balancer, "routing.http.xff_header_processing.mode", "", "write one of append, preserve, remove"},
		{balancer, "idle_timeout.timeout_second", "60", "unknown attribute; did you mean idle_timeout.timeout_seconds?"},
		{balancer, "colour", "red", "unknown attribute"},
		{group, "deregistration_delay.timeout_seconds", "3601", "from 0 to 3600"},
		{group, "slow_start.duration_seconds", "29", "from 30 to 900"},
		{group, "target_group_health.unhealthy_state_routing.minimum_healthy_targets.count", "off", "from 1 to"},
		{group, "target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage", "0", "write off or"},
		{group, "load_balancing.algorithm.anomaly_mitigation", "true", "write one of off, on"},
		{group, "preserve_client_ip.enabled", "on", "write true or false"},
		{group, "slow_start.duration_seconds", "901", "from 30 to 900"},
		{group, "load_balancing.algorithm.type", "random", "write one of round_robin, least_outstanding_requests, weighted_random"},
		{group, "stickiness.lb_cookie.duration_seconds", "0", "from 1 to 604800"},
		{group, "target_group_health.dns_failover.minimum_healthy_targets.percentage", "101", "write off or a whole number from 1 to 100"},
		{listener, "tcp.idle_timeout.seconds", "59", "from 60 to 6000"},
		{listener, "routing.http.response.server.enable", "true", "did you mean routing.http.response.server.enabled?"},
	} {
		usual, _ := c.parse(nil)
		got, errs := c.parse(map[string]string{c.key: c.value})
		if len(errs) != 1 || errs[0].Key != c.key || errs[0].Value != c.value || !strings.Contains(errs[0].Error(), c.want) {
			t.Errorf("%s=%s: errors %v, want %q", c.key, c.value, errs, c.want)
		}
		if !reflect.DeepEqual(got, usual) {
			t.Errorf("%s=%s: got %+v, want the default %+v", c.key, c.value, got, usual)
		}
	}
}
