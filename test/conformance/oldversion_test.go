package conformance_test

import "testing"

// TestCaseOldVersionsAreRefused: those went with Kubernetes 1.22.
func TestCaseOldVersionsAreRefused(t *testing.T) {
	got := inCase(t, "24-old-api-versions", "check", "-q", "m.yaml")
	if got.code != 1 {
		t.Errorf("exit code %d, want 1", got.code)
	}
	got.says(t, "write apiVersion: networking.k8s.io/v1")
}
