package conformance_test

import "testing"

// TestCaseMisnomers: what people write for annotations is told what it is called, and a
// backend without a port that it names none.
func TestCaseMisnomers(t *testing.T) {
	const folder = "23-no-suggestion-for-common-misnomers"
	got := inCase(t, folder, "check", "-q", "m.yaml")
	if got.code != 0 {
		t.Errorf("exit code %d, want 0", got.code)
	}
	got.says(t, "alb.ingress.kubernetes.io/attributes]: there is no such annotation, and it has no effect; did you mean alb.ingress.kubernetes.io/load-balancer-attributes?",
		"alb.ingress.kubernetes.io/security-group-inbound-cidrs]: there is no such annotation, and it has no effect; did you mean alb.ingress.kubernetes.io/inbound-cidrs?")
	got = inCase(t, folder, "check", "-q", "n.yaml")
	if got.code != 1 {
		t.Errorf("exit code %d, want 1", got.code)
	}
	got.says(t, "did you mean alb.ingress.kubernetes.io/group.name?", "did you mean alb.ingress.kubernetes.io/group.name or",
		"did you mean alb.ingress.kubernetes.io/healthcheck-interval-seconds?",
		"conditions.web]: the value is an object, {...}; write a list, [...]; write for example [{")
	got = inCase(t, folder, "check", "-q", "port.yaml")
	got.says(t, "spec.rules[0].http.paths[0].backend: the backend names no port; write service.port.number or service.port.name (the ports of Service shop/web are http=80)")
	got.saysNot(t, "port 0")
}
