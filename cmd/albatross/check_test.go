package main

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/albatross-lb/albatross/internal/manifest"
	"github.com/albatross-lb/albatross/lb"
)

const checked = `
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

func runCheck(output, text string) (string, int) {
	objects, problems := manifest.Parse("f.yaml", []byte(text))
	var stdout, stderr strings.Builder
	code := check(&stdout, &stderr, output, objects, problems, report{cfg: manifest.Build(objects, manifest.Options{}), read: os.ReadFile})
	return stdout.String() + stderr.String(), code
}

func TestCheckText(t *testing.T) {
	got, code := runCheck("text", checked)
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
		"f.yaml:8: Ingress shop/bad: metadata.annotations[alb.ingress.kubernetes.io/scheme]: \"public\": write one of internal, internet-facing",
		"4 objects: 1 load balancer, 1 rule, 1 target group, 1 set aside, 1 warning",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is missing in\n%s", want, got)
		}
	}
	good, _, _ := strings.Cut(checked, "---")
	if got, code := runCheck("text", good); code != 0 {
		t.Errorf("exit code %d\n%s", code, got)
	}
}

func TestCheckJSON(t *testing.T) {
	got, code := runCheck("json", checked+"---\nkind: [\n")
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
