package manifest

import (
	"slices"
	"strings"
	"testing"
)

func TestSuggestions(t *testing.T) {
	for _, c := range []struct{ word, want string }{
		// endings that are missing
		{"healthcheck-interval", "healthcheck-interval-seconds"},
		{"healthcheck-timeout", "healthcheck-timeout-seconds"},
		{"healthy-threshold", "healthy-threshold-count"},
		{"unhealthy-threshold", "unhealthy-threshold-count"},
		{"group", "group.name or alb.ingress.kubernetes.io/group.order"},
		{"certificate", "certificate-arn"},
		{"wafv2-acl", "wafv2-acl-arn"},
		{"shield", "shield-advanced-protection"},
		{"healtcheck-interval", "healthcheck-interval-seconds"},
		// names of the first version, and of Services
		{"attributes", "load-balancer-attributes"},
		{"security-group-inbound-cidrs", "inbound-cidrs? Until then everybody may connect"},
		{"ssl-cert", "certificate-arn"},
		{"ssl-ports", "listen-ports"},
		{"successCodes", "success-codes"},
		{"additional-resource-tags", "tags"},
		{"healthcheck-success-codes", "success-codes"},
		{"healthcheck-healthy-threshold", "healthy-threshold-count"},
		// how words are joined
		{"group-name", "group.name"}, {"groupName", "group.name"}, {"group_name", "group.name"},
		{"targetType", "target-type"}, {"target_type", "target-type"}, {"targettype", "target-type"}, {"Target-Type", "target-type"},
		{"health-check-path", "healthcheck-path"}, {"healthCheckPath", "healthcheck-path"}, {"healthcheckIntervalSeconds", "healthcheck-interval-seconds"},
		{"healthCheckInterval", "healthcheck-interval-seconds"},
		{"load-balancer-attribute", "load-balancer-attributes"}, {"loadBalancerAttributes", "load-balancer-attributes"},
		// spelling
		{"shceme", "scheme"}, {"sheme", "scheme"}, {"listen-port", "listen-ports"}, {"helthcheck-path", "healthcheck-path"},
		// words too many, or too few
		{"alb-scheme", "scheme"}, {"ingress-target-type", "target-type"}, {"healthcheck-healthy-threshold-count", "healthy-threshold-count"},
		{"target-group-attributes.web", "target-group-attributes"}, {"inbound-cidrs-ipv4", "inbound-cidrs"}, {"threshold-count", "healthy-threshold-count"},
		// families
		{"action.web", "actions.web"}, {"condition.web", "conditions.web"}, {"transform.web", "transforms.web"}, {"listener-attribute.HTTP-80", "listener-attributes.HTTP-80"},
	} {
		got := suggestion(ingressPrefix, c.word, ingressNames, ingressFamilies)
		if !strings.HasPrefix(got, "; did you mean "+ingressPrefix+c.want) {
			t.Errorf("%s: %q, want %s", c.word, got, c.want)
		}
	}
	for _, c := range []struct{ word, want string }{
		{"healthcheck-interval-seconds", "healthcheck-interval"}, {"healthcheck-timeout-seconds", "healthcheck-timeout"},
		{"certificate-arn", "ssl-cert"}, {"load-balancer-attributes", "attributes"}, {"healthy-threshold-count", "healthcheck-healthy-threshold"},
		{"cross-zone-load-balancing", "cross-zone-load-balancing-enabled"}, {"access-log", "access-log-enabled"}, {"nlbTargetType", "nlb-target-type"},
		{"connection-idle", "connection-idle-timeout"}, {"ssl-certs", "ssl-cert"}, {"success-codes", "healthcheck-success-codes"}, {"tags", "additional-resource-tags"},
	} {
		got := suggestion(servicePrefix+awsPrefix, c.word, serviceNames, serviceFamilies)
		if !strings.HasPrefix(got, "; did you mean "+servicePrefix+awsPrefix+c.want) {
			t.Errorf("%s: %q, want %s", c.word, got, c.want)
		}
	}
	for word, want := range map[string]string{"idle-timeout": "; write load-balancer-attributes: idle_timeout.timeout_seconds=60", "connectionIdleTimeout": "; write load-balancer-attributes: idle_timeout", "zzz": "", "x": ""} {
		if got := suggestion(ingressPrefix, word, ingressNames, ingressFamilies); !strings.HasPrefix(got, want) || want == "" && got != "" {
			t.Errorf("%s: %q, want %q", word, got, want)
		}
	}
}

// TestMisnomers: what they advise is known, and they themselves are not.
func TestMisnomers(t *testing.T) {
	for prefix, names := range map[string][]string{ingressPrefix: ingressNames, servicePrefix + awsPrefix: serviceNames} {
		for word, advice := range misnomers[prefix] {
			if slices.Contains(names, word) || !strings.HasPrefix(advice, "write ") && !slices.Contains(names, advice) {
				t.Errorf("%s%s: %s", prefix, word, advice)
			}
		}
	}
}
