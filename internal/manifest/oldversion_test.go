package manifest

import (
	"strings"
	"testing"
)

// TestOldVersion: all that has to change with the apiVersion is told at once, at its line.
func TestOldVersion(t *testing.T) {
	_, problems := Parse("f", []byte(`apiVersion: extensions/v1beta1
kind: Ingress
metadata: {name: old, namespace: shop}
spec:
  backend: {serviceName: fallback, servicePort: http}
  rules:
  - http:
      paths:
      - path: /*
        backend:
          serviceName: web
          servicePort: 80
      - {path: /x, pathType: Exact, backend: {service: {name: web, port: {number: 80}}}}
---
apiVersion: discovery.k8s.io/v1beta1
kind: EndpointSlice
metadata: {name: web-1}
---
apiVersion: networking.k8s.io/v2
kind: IngressClass
metadata: {name: public}
---
apiVersion: v1
kind: EndpointSlice
metadata: {name: web-2}
---
apiVersion: serving.knative.dev/v1
kind: Service
metadata: {name: of-another-maker}
`))
	want := []string{
		"f:1: Ingress shop/old: apiVersion: extensions/v1beta1 is not read for an Ingress (it went with Kubernetes 1.22); write apiVersion: networking.k8s.io/v1, which wants " +
			"backend.service.name and backend.service.port.number (or name) in place of backend.serviceName and servicePort, and spec.defaultBackend in place of spec.backend, and pathType in every path",
		"f:5: Ingress shop/old: spec.backend: write defaultBackend: {service: {name: fallback, port: {name: http}}}",
		"f:9: Ingress shop/old: spec.rules[0].http.paths[0]: pathType is missing; write pathType: ImplementationSpecific, which is what a path without one was, or Prefix or Exact",
		"f:10: Ingress shop/old: spec.rules[0].http.paths[0].backend: write backend: {service: {name: web, port: {number: 80}}}",
		"f:15: EndpointSlice web-1: apiVersion: discovery.k8s.io/v1beta1 is not read for an EndpointSlice (it went with Kubernetes 1.25); write apiVersion: discovery.k8s.io/v1",
		"f:19: IngressClass public: apiVersion: networking.k8s.io/v2 is not read for an IngressClass; write apiVersion: networking.k8s.io/v1",
		"f:23: EndpointSlice web-2: apiVersion: v1 is not read for an EndpointSlice; write apiVersion: discovery.k8s.io/v1",
	}
	var got []string
	for _, p := range problems {
		got = append(got, p.String())
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s", strings.Join(got, "\n"))
	}
}

// TestFormerFields: fields of older versions under the new one say what they are called now.
func TestFormerFields(t *testing.T) {
	objects, problems := Parse("f", []byte(`apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: old, namespace: shop}
spec:
  backend: {serviceName: fallback, servicePort: http}
  rules: [{http: {paths: [{path: /, pathType: Prefix, backend: {serviceName: web, servicePort: 80}}]}}]
`))
	if len(problems) > 0 || len(objects) != 1 {
		t.Fatal(problems)
	}
	for i, want := range []string{"it is spec.defaultBackend", "it is service.name", "it is service.port.number"} {
		if w := objects[0].Warnings; len(w) <= i || !strings.Contains(w[i].Text, want) {
			t.Errorf("warnings %v, want %q", w, want)
		}
	}
}
