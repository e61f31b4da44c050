package manifest

import (
	"slices"
	"strings"
	"testing"

	"github.com/albatross-lb/albatross/lb"
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

// TestForeign: annotations of other controllers, and those that begin nearly right.
func TestForeign(t *testing.T) {
	const none = "there is no such annotation, and it has no effect; did you mean "
	for _, c := range []struct{ key, want string }{ // "": nothing is said; in front "note " or "warning "
		{"alb.ingress.kubernetes.com/scheme", "warning " + none + "alb.ingress.kubernetes.io/scheme?"},
		{"alb.ingress.k8s.io/target-type", "warning " + none + "alb.ingress.kubernetes.io/target-type?"},
		{"alb.ingress.k8s.aws/targetType", "warning " + none + "alb.ingress.kubernetes.io/target-type?"},
		{"ingress.kubernetes.io/inbound-cidrs", "warning " + none + "alb.ingress.kubernetes.io/inbound-cidrs?"},
		{"ingress.kubernetes.io/actions.x", "warning " + none + "alb.ingress.kubernetes.io/actions.x?"},
		{"alb.kubernetes.io/group", "warning " + none + "alb.ingress.kubernetes.io/group.name"},
		{"alb-ingress.kubernetes.io/scheme", "warning " + none + "alb.ingress.kubernetes.io/scheme?"},
		{"abl.ingress.kubernetes.io/scheme", "warning " + none + "alb.ingress.kubernetes.io/scheme?"},
		{"alb.ingres.kubernetes.io/scheme", "warning " + none + "alb.ingress.kubernetes.io/scheme?"},
		{"elbv2.k8s.aws/scheme", "warning " + none + "alb.ingress.kubernetes.io/scheme?"},
		{"scheme", "warning " + none + "alb.ingress.kubernetes.io/scheme?"},
		{"target-type", "warning " + none + "alb.ingress.kubernetes.io/target-type?"},
		{"tags", ""}, {"owner", ""}, {"example.com/scheme", ""}, {"albums.example.com/x", ""}, {"meta.helm.sh/release-name", ""},
		{"cert-manager.io/cluster-issuer", ""}, {"external-dns.alpha.kubernetes.io/hostname", ""}, {"kubernetes.io/ingress.class", ""},
		{"service.beta.kubernetes.io/aws-load-balancer-type", "warning it is read on Services only"},
		{"nginx.ingress.kubernetes.io/rewrite-target", "warning this speaks to the NGINX Ingress controller, and has no effect here; write alb.ingress.kubernetes.io/transforms.<service>: '[{"},
		{"nginx.ingress.kubernetes.io/ssl-redirect", "warning this speaks to the NGINX Ingress controller, and has no effect here; write alb.ingress.kubernetes.io/listen-ports"},
		{"nginx.ingress.kubernetes.io/whitelist-source-range", "warning this speaks to the NGINX Ingress controller, and has no effect here; write alb.ingress.kubernetes.io/inbound-cidrs; until then everybody may connect"},
		{"ingress.kubernetes.io/rewrite-target", "warning this speaks to the NGINX"},
		{"nginx.ingress.kubernetes.io/proxy-body-size", "note this speaks to the NGINX Ingress controller, and has no effect here"},
		{"traefik.ingress.kubernetes.io/router.middlewares", "warning this speaks to Traefik"},
		{"traefik.ingress.kubernetes.io/router.entrypoints", "note this speaks to Traefik, and has no effect here"},
		{"kubernetes.io/ingress.global-static-ip-name", "note this speaks to Google's"},
		{"kubernetes.io/ingress.allow-http", "warning this speaks to Google's"},
		{"networking.gke.io/managed-certificates", "warning this speaks to Google's"},
		{"haproxy.org/path-rewrite", "warning this speaks to an HAProxy"},
		{"konghq.com/strip-path", "warning this speaks to Kong"},
	} {
		objects, _ := Parse("f", []byte(`{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: web, annotations: {"`+c.key+`": alb}}, spec: {ingressClassName: alb, rules: [{host: a}]}}`))
		checkSaid(t, c.key, c.want, Build(objects, Options{}))
	}
	for _, c := range []struct{ key, want string }{
		{"service.kubernetes.io/aws-load-balancer-scheme", "warning " + none + "service.beta.kubernetes.io/aws-load-balancer-scheme?"},
		{"service.beta.kubernetes.io/load-balancer-scheme", "warning " + none + "service.beta.kubernetes.io/aws-load-balancer-scheme?"},
		{"service.beta.kubernetes.io/aws-loadbalancer-scheme", "warning " + none + "service.beta.kubernetes.io/aws-load-balancer-scheme?"},
		{"service.beta.kubernetes.com/aws-load-balancer-targetType", "warning " + none + "service.beta.kubernetes.io/aws-load-balancer-target-type?"},
		{"aws-load-balancer-scheme", "warning " + none + "service.beta.kubernetes.io/aws-load-balancer-scheme?"},
		{"service.beta.kubernetes.io/load-balancer-source-ranges", ""}, {"service.beta.kubernetes.io/azure-load-balancer-internal", ""},
		{"service.beta.kubernetes.io/do-loadbalancer-name", ""}, {"example.com/load-balancer-name", ""}, {"cloud.google.com/neg", ""},
		{"alb.ingress.kubernetes.io/certificate-arn", "warning it is read on Ingresses only, and has no effect on this Service; did you mean service.beta.kubernetes.io/aws-load-balancer-ssl-cert?"},
		{"alb.ingress.kubernetes.io/target-type", "warning it is read on Ingresses only, and has no effect on this Service; did you mean service.beta.kubernetes.io/aws-load-balancer-target-type?"},
	} {
		objects, _ := Parse("f", []byte(`{apiVersion: v1, kind: Service, metadata: {name: web, annotations: {service.beta.kubernetes.io/aws-load-balancer-type: external, service.beta.kubernetes.io/aws-load-balancer-nlb-target-type: ip, "`+c.key+`": 10.0.0.0/8}}, spec: {type: LoadBalancer, ports: [{port: 80}]}}`))
		checkSaid(t, c.key, c.want, Build(objects, Options{}))
	}
}

// checkSaid looks for what is said of an annotation.
func checkSaid(t *testing.T, key, want string, cfg *lb.Config) {
	t.Helper()
	said := ""
	for _, p := range cfg.Warnings {
		if strings.Contains(p.Field, key) {
			said += "warning " + p.Text
		}
	}
	for _, p := range cfg.Notes {
		if strings.Contains(p.Field, key) {
			said += "note " + p.Text
		}
	}
	if !strings.HasPrefix(said, want) || want == "" && said != "" {
		t.Errorf("%s: %q, want %q", key, said, want)
	}
}

// TestNearFields: a field or kind that is nearly one that is known is told what it may be.
func TestNearFields(t *testing.T) {
	objects, _ := Parse("f", []byte(`
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web, anotations: {}}
spec: {ingressClass: alb, rules: [{host: a, http: {path: []}}, {host: b, http: {paths: [{pth: /, backend: {sevice: {}}}]}}]}
---
{apiVersion: v1, kind: Servce, metadata: {name: web}}
---
{apiVersion: monitoring.coreos.com/v1, kind: ServiceMonitor, metadata: {name: web}}
`))
	said := ""
	cfg := Build(objects, Options{})
	for _, p := range slices.Concat(cfg.Warnings, cfg.Notes) {
		said += p.Field + ": " + p.Text + "\n"
	}
	for _, want := range []string{
		"metadata.anotations: there is no such field; it has no effect; did you mean annotations?",
		"spec.ingressClass: there is no such field; it has no effect; did you mean ingressClassName?",
		"spec.rules[0].http.path: there is no such field; it has no effect; did you mean paths?",
		"spec.rules[1].http.paths[0].pth: there is no such field; it has no effect; did you mean path?",
		"spec.rules[1].http.paths[0].backend.sevice: there is no such field; it has no effect; did you mean service?",
		"a Servce says nothing to a load balancer; passed over; did you mean kind: Service?",
	} {
		if !strings.Contains(said, want) {
			t.Errorf("nothing says %q in\n%s", want, said)
		}
	}
	if strings.Contains(said, "ServiceMonitor says nothing to a load balancer; passed over; did") {
		t.Errorf("another maker's kind is taken for one of ours:\n%s", said)
	}
}
