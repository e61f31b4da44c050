package conformance

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/albatross-lb/albatross/internal/manifest"
	"github.com/albatross-lb/albatross/lb"
)

// Where each attribute is seen to act: a file, and behind a colon what stands in it where
// that is not the key itself.
var acts = map[string]string{
	// load balancers
	"access_logs.s3.enabled":                                   "test/script/testdata/access-log.txtar",
	"access_logs.s3.bucket":                                    "test/script/testdata/access-log.txtar",
	"access_logs.s3.prefix":                                    "test/script/testdata/access-log.txtar",
	"connection_logs.s3.enabled":                               "test/script/testdata/connection-log.txtar",
	"connection_logs.s3.bucket":                                "test/script/testdata/connection-log.txtar",
	"connection_logs.s3.prefix":                                "test/script/testdata/connection-log.txtar",
	"health_check_logs.s3.enabled":                             "test/script/testdata/health-check-log.txtar",
	"health_check_logs.s3.bucket":                              "test/script/testdata/health-check-log.txtar",
	"health_check_logs.s3.prefix":                              "test/script/testdata/health-check-log.txtar",
	"idle_timeout.timeout_seconds":                             "test/script/testdata/target-timeout.txtar",
	"client_keep_alive.seconds":                                "test/wire/testdata/reuse.txt",
	"load_balancing.cross_zone.enabled":                        "test/script/testdata/network-zone.txtar:cross-zone-load-balancing-enabled",
	"routing.http2.enabled":                                    "internal/proxy/attribute_test.go",
	"routing.http.desync_mitigation_mode":                      "test/script/testdata/desync.txtar",
	"routing.http.drop_invalid_header_fields.enabled":          "test/script/testdata/invalid-headers.txtar",
	"routing.http.preserve_host_header.enabled":                "test/script/testdata/host-header.txtar",
	"routing.http.x_amzn_tls_version_and_cipher_suite.enabled": "internal/proxy/attribute_test.go",
	"routing.http.xff_client_port.enabled":                     "test/script/testdata/forwarded-headers.txtar",
	"routing.http.xff_header_processing.mode":                  "test/script/testdata/forwarded-headers.txtar",

	// target groups
	"target group load_balancing.cross_zone.enabled":               "test/script/testdata/cross-zone.txtar:cross_zone.enabled=false",
	"deregistration_delay.timeout_seconds":                         "test/script/testdata/draining.txtar",
	"deregistration_delay.connection_termination.enabled":          "internal/flow/change_test.go",
	"slow_start.duration_seconds":                                  "internal/balance/group_test.go",
	"load_balancing.algorithm.type":                                "test/script/testdata/least-outstanding.txtar",
	"load_balancing.algorithm.anomaly_mitigation":                  "test/script/testdata/anomaly.txtar",
	"stickiness.enabled":                                           "test/script/testdata/stickiness.txtar",
	"stickiness.type":                                              "internal/proxy/sticky_test.go",
	"stickiness.lb_cookie.duration_seconds":                        "internal/proxy/attribute_test.go",
	"stickiness.app_cookie.cookie_name":                            "internal/proxy/sticky_test.go",
	"stickiness.app_cookie.duration_seconds":                       "internal/proxy/attribute_test.go",
	"proxy_protocol_v2.enabled":                                    "internal/flow/proxyv2_test.go",
	"preserve_client_ip.enabled":                                   "internal/flow/proxyv2_test.go",
	"target_health_state.unhealthy.connection_termination.enabled": "internal/flow/change_test.go",
	"target_health_state.unhealthy.draining_interval_seconds":      "internal/flow/attribute_test.go",

	"target_group_health.unhealthy_state_routing.minimum_healthy_targets.count":      "test/script/testdata/minimum-healthy.txtar:routing.minimum_healthy_targets.count",
	"target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage": "test/script/testdata/minimum-healthy.txtar",
	"target_group_health.dns_failover.minimum_healthy_targets.count":                 "test/script/testdata/minimum-healthy.txtar",
	"target_group_health.dns_failover.minimum_healthy_targets.percentage":            "internal/balance/zone_test.go:TestBelowEitherMinimum",

	// listeners
	"tcp.idle_timeout.seconds":             "internal/flow/attribute_test.go",
	"routing.http.response.server.enabled": "test/script/testdata/listener-attributes.txtar",
}

// notes are the attributes that act as well and of which check has a word to say.
var notes = []string{"target_group_health.dns_failover.minimum_healthy_targets.count", "target_group_health.dns_failover.minimum_healthy_targets.percentage",
	"access_logs.s3.enabled", "connection_logs.s3.enabled", "health_check_logs.s3.enabled"}

// headers are families of listener attributes, each proven by a table in internal/proxy/attribute_test.go; what
// stands there before the word that tells its members apart, and behind it.
var headers = []struct{ prefix, suffix, before, behind string }{
	{"routing.http.response.", ".header_value", `"`, `": "`},
	{"routing.http.request.x_amzn_tls_", ".header_name", "x_amzn_tls_", ".header_name"},
	{"routing.http.request.x_amzn_mtls_clientcert", ".header_name", `"`, `": "`},
}

// values that attributes are written with; true is for all others.
var values = map[string]string{
	"dns_record.client_routing_policy":            "availability_zone_affinity",
	"secondary_ips.auto_assigned.per_subnet":      "1",
	"load_balancing.algorithm.anomaly_mitigation": "on",
}

// Every attribute that there is either acts, with a test that shows it, or check says in one
// line why it does nothing.
func TestEveryAttributeActsOrIsExplained(t *testing.T) {
	balancer, group, listener := lb.KnownAttributes()
	unseen := maps.Clone(acts)
	for _, of := range []struct {
		annotation string
		keys       []string
	}{{"load-balancer-attributes", balancer}, {"target-group-attributes", group}, {"listener-attributes.HTTP-80", listener}} {
		for _, key := range of.keys {
			name := key
			if of.annotation == "target-group-attributes" && slices.Contains(balancer, key) {
				name = "target group " + key
			}
			note := noteOf(t, of.annotation, wholeOf(key))
			proof := proofOf(name)
			switch {
			case proof == "" && note == "":
				t.Errorf("%s %s: no test is named that shows it to act, and check says nothing of it", of.annotation, key)
			case proof != "" && note != "" && !slices.Contains(notes, wholeOf(key)):
				t.Errorf("%s %s is said to act in %s, and check says %q", of.annotation, key, proof, note)
			case proof != "":
				proven(t, proof, key)
			}
			delete(unseen, name)
		}
	}
	for key := range unseen {
		t.Errorf("%s is no attribute", key)
	}
}

// wholeOf is the attribute that turns on what this one is a part of: a bucket and a prefix mean nothing without their logs.
func wholeOf(key string) string {
	for _, part := range []string{".s3.bucket", ".s3.prefix"} {
		if logs, ok := strings.CutSuffix(key, part); ok {
			return logs + ".s3.enabled"
		}
	}
	return key
}

func proofOf(name string) string {
	if proof := acts[name]; proof != "" {
		return proof
	}
	for _, h := range headers {
		if word, ok := strings.CutPrefix(name, h.prefix); ok && strings.HasSuffix(word, h.suffix) {
			return "internal/proxy/attribute_test.go:" + h.before + strings.TrimSuffix(word, h.suffix) + h.behind
		}
	}
	return ""
}

// proven looks for the attribute in the file that is to show it.
func proven(t *testing.T, proof, key string) {
	t.Helper()
	file, word, _ := strings.Cut(proof, ":")
	if word == "" {
		word = key
	}
	text, err := os.ReadFile(filepath.Join("..", "..", file))
	if err != nil || !strings.Contains(string(text), word) {
		t.Errorf("%s does not show %s (%v)", file, key, err)
	}
}

// noteOf is what check says of an attribute in an Ingress.
func noteOf(t *testing.T, annotation, key string) string {
	t.Helper()
	value := values[key]
	if value == "" {
		value = "true"
	}
	objects, problems := manifest.Parse("ingress.yaml", []byte(`
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: web
  annotations:
    kubernetes.io/ingress.class: alb
    alb.ingress.kubernetes.io/`+annotation+`: '`+key+`=`+value+`'
spec:
  rules: [{http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]}}]
`))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	for _, p := range manifest.Build(objects, manifest.Options{}).Notes {
		if strings.Contains(p.Text, key+": ") {
			return p.Text
		}
	}
	return ""
}
