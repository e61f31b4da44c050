package lb

import "testing"

func TestWithArticle(t *testing.T) {
	for word, want := range map[string]string{
		"Ingress": "an Ingress", "IngressClass": "an IngressClass", "Service": "a Service", "EndpointSlice": "an EndpointSlice", "Endpoints": "Endpoints",
		"IngressClassParams": "IngressClassParams", "HTTPRoute": "an HTTPRoute", "NLB": "an NLB", "URL": "a URL", "UDPRoute": "a UDPRoute", "TLSRoute": "a TLSRoute",
		"User": "a User", "Unit": "a Unit", "Upgrade": "an Upgrade", "ConfigMap": "a ConfigMap", "application": "an application", "network": "a network",
		"HorizontalPodAutoscaler": "a HorizontalPodAutoscaler", "ComponentStatus": "a ComponentStatus", "TLS": "a TLS", "DNS": "a DNS", "X": "a X", "": "a ",
	} {
		if got := WithArticle(word); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
