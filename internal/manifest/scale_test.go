package manifest

import (
	"fmt"
	"strings"
	"testing"
)

// manyIngresses are n members of one group; every bad-th has another scheme and a broken rule.
func manyIngresses(n, bad int) []Object {
	var s strings.Builder
	for i := range n {
		scheme, path := "internal", "/"
		if bad > 0 && i%bad == 0 {
			scheme = "internet-facing"
		}
		if bad > 0 && i%bad == 1 {
			path = "/*"
		}
		fmt.Fprintf(&s, `---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: i%d, namespace: shop, annotations: {kubernetes.io/ingress.class: alb, alb.ingress.kubernetes.io/group.name: edge, alb.ingress.kubernetes.io/scheme: %s, alb.ingress.kubernetes.io/target-type: ip}}
spec:
  rules:
  - host: h%d.example.com
    http:
      paths:
      - {path: /api, pathType: Prefix, backend: {service: {name: s, port: {number: 80}}}}
      - {path: %q, pathType: Prefix, backend: {service: {name: s, port: {number: 80}}}}
`, i, scheme, i, path)
	}
	s.WriteString("---\n{apiVersion: v1, kind: Service, metadata: {name: s, namespace: shop}, spec: {ports: [{port: 80}]}}\n")
	objects, problems := Parse("f", []byte(s.String()))
	if len(problems) > 0 {
		panic(problems[0])
	}
	return objects
}

// TestManyBad: a thousand bad members cost no more than good ones.
func TestManyBad(t *testing.T) {
	cfg := Build(manyIngresses(3000, 3), Options{})
	if got := len(cfg.SetAside); got != 2000 {
		t.Errorf("%d set aside, want 2000", got)
	}
	if got := len(cfg.LoadBalancers[0].Listeners[0].Rules); got != 2000 {
		t.Errorf("%d rules, want 2000", got)
	}
}

func BenchmarkBuild(b *testing.B) {
	for _, n := range []int{10, 1000} {
		objects := manyIngresses(n, 0)
		b.Run(fmt.Sprintf("ingresses=%d", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				Build(objects, Options{})
			}
		})
	}
}

func BenchmarkParse(b *testing.B) {
	text := []byte(`apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web, namespace: shop, annotations: {kubernetes.io/ingress.class: alb, alb.ingress.kubernetes.io/scheme: internal}}
spec:
  rules:
  - host: a.example.com
    http:
      paths:
      - {path: /, pathType: Prefix, backend: {service: {name: s, port: {number: 80}}}}
`)
	b.ReportAllocs()
	for b.Loop() {
		Parse("f", text)
	}
}
