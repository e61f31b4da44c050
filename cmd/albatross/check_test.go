package main

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/albatross-lb/albatross/lb"
)

const manifests = `
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: good, namespace: shop, annotations: {kubernetes.io/ingress.class: alb, alb.ingress.kubernetes.io/target-type: ip}}
spec:
  rules: [{host: "<a>.example.com", http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]}}]
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: bad, namespace: shop, annotations: {kubernetes.io/ingress.class: alb, alb.ingress.kubernetes.io/scheme: public, alb.ingress.kubernetes.io/target-type: ip}}
spec: {rules: [{http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]}}]}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {ports: [{port: 80, targetPort: 8080}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: web-1, namespace: shop, labels: {kubernetes.io/service-name: web}}
addressType: IPv4
ports: [{port: 8080}]
endpoints: [{addresses: [10.0.0.1], zone: a}, {addresses: [10.0.0.2], conditions: {terminating: true, serving: true, ready: false}}]
`

// runCheck runs check over a file f.yaml of its own.
func runCheck(t *testing.T, text string, flags ...string) (string, int) {
	t.Helper()
	t.Chdir(t.TempDir())
	if err := os.WriteFile("f.yaml", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var stdout, stderr strings.Builder
	code := Main(append(append([]string{"check"}, flags...), "f.yaml"), nil, &stdout, &stderr)
	return stdout.String() + stderr.String(), code
}

func TestCheckText(t *testing.T) {
	got, code := runCheck(t, manifests)
	if code != 1 {
		t.Errorf("exit code %d with something set aside", code)
	}
	for _, want := range []string{
		"of shop/good (f.yaml:2: Ingress shop/good)",
		"1        host is <a>.example.com, path is /*  forward to shop/good-web:80",
		"HTTP HTTP1, ip targets, round_robin",
		"health check HTTP / on traffic-port every 15 s, timeout 5 s, healthy after 2, unhealthy after 2, expecting 200",
		"10.0.0.2:8080",
		"draining",
		"f.yaml:10: Ingress shop/bad: metadata.annotations[alb.ingress.kubernetes.io/scheme]: \"public\": write one of internal, internet-facing",
		"4 objects: 1 load balancer, 1 rule, 1 target group, 1 set aside, 2 warnings",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is missing in\n%s", want, got)
		}
	}
	good, _, _ := strings.Cut(manifests, "---")
	if got, code := runCheck(t, good); code != 0 {
		t.Errorf("exit code %d\n%s", code, got)
	}
}

func TestCheckJSON(t *testing.T) {
	got, code := runCheck(t, manifests+"---\nkind: [\n", "-o", "json")
	var result struct {
		LoadBalancers []lb.LoadBalancer
		TargetGroups  map[string]any
		Errors        map[string]string
	}
	if err := json.Unmarshal([]byte(got), &result); err != nil {
		t.Fatalf("%v in\n%s", err, got)
	}
	if code != 1 || len(result.LoadBalancers) != 1 || result.TargetGroups["shop/good-web:80"] == nil {
		t.Errorf("exit code %d\n%s", code, got)
	}
	if !strings.Contains(result.Errors["shop/bad"], "scheme") || result.Errors["f.yaml:25"] == "" || !strings.Contains(got, "<a>.example.com") {
		t.Errorf("errors %v in\n%s", result.Errors, got)
	}
}

// TestCheckStrict: warnings end a check with 1 where that is asked for, as text and as JSON, which has them.
func TestCheckStrict(t *testing.T) {
	warned, _, _ := strings.Cut(manifests, "---")
	for _, output := range []string{"text", "json"} {
		for strict, want := range map[string]int{"": 0, "--strict": 1} {
			flags := []string{"-o", output}
			if strict != "" {
				flags = append(flags, strict)
			}
			got, code := runCheck(t, warned, flags...)
			if code != want {
				t.Errorf("%s %s: exit code %d, want %d\n%s", output, strict, code, want, got)
			}
		}
	}
	got, _ := runCheck(t, warned, "-o", "json")
	if !strings.Contains(got, `"warnings": [`) {
		t.Errorf("JSON without its warnings:\n%s", got)
	}
}

// TestCheckWithoutCertificates: what is not served for want of a certificate is told as run serves it, and in the
// JSON apart from what could not be translated.
func TestCheckWithoutCertificates(t *testing.T) {
	secure := strings.Replace(manifests, "annotations: {kubernetes.io/ingress.class: alb,", "annotations: {kubernetes.io/ingress.class: alb, alb.ingress.kubernetes.io/certificate-arn: 'arn:aws:acm:us-east-1:123456789012:certificate/a',", 1)
	secure, _, _ = strings.Cut(secure, "---")
	for _, c := range []struct {
		flags []string
		code  int
		says  string
		not   string
	}{
		{[]string{"--dev"}, 0, "1 load balancer, 1 rule,", "not served"},
		{[]string{"--no-dev"}, 1, "; not served", "on this machine"},
		{nil, 0, "on this machine run does not serve it", "; not served"},
		{[]string{"--strict"}, 1, "on this machine run does not serve it", "; not served"},
		{[]string{"--no-dev", "-o", "json"}, 1, `"notServed": [`, `"errors"`},
		{[]string{"--dev", "-o", "json"}, 0, `"loadBalancers"`, `"notServed"`},
		{[]string{"--no-dev", "--port-map", "443=0"}, 2, "443=0 is no pair of ports", "set aside"},
		{[]string{"--dev", "--port-map", "65536=80"}, 2, "65536=80 is no pair of ports", "set aside"},
	} {
		got, code := runCheck(t, secure, c.flags...)
		if code != c.code || !strings.Contains(got, c.says) || strings.Contains(got, c.not) {
			t.Errorf("check %v: exit code %d, want %d, with %q and without %q:\n%s", c.flags, code, c.code, c.says, c.not, got)
		}
	}
}
