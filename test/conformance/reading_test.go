package conformance_test

import (
	"testing"
)

// TestKeysWrittenTwice: the last one replaces the first as a whole. In m.yaml that takes the target
// type with it, so that the Service would need a node port, as on AWS.
func TestKeysWrittenTwice(t *testing.T) {
	const folder = "01-duplicate-keys-are-mixed"
	o := inCase(t, folder, "check", "m.yaml")
	o.says(t, "spec.rules[0].http.paths[0]: Service shop/web has no node port", "1 set aside", "metadata.annotations: the key is written twice", "spec.rules: the key is written twice")
	o.saysNot(t, "internet-facing", "127.0.0.0/8", "a.example.com")

	inCase(t, folder, "check", "b.yaml").says(t, "fixed response 404", "spec: the key is written twice")
	inCase(t, folder, "check", "c.yaml").says(t, "application, internal, ipv4")
}

// TestJSON: objects one after another, and the escapes of RFC 8259.
func TestJSON(t *testing.T) {
	for _, file := range []string{"lines.json", "pretty.json"} {
		inCase(t, "02-json-objects-one-after-another", "check", file).says(t, "127.0.0.1:21101", "3 objects: 1 load balancer, 1 rule, 1 target group, 0 set aside, 0 warnings")
	}
	const folder = "04-json-escapes-refused"
	for _, file := range []string{"slash.json", "a.json"} {
		inCase(t, folder, "check", file).says(t, "host is a.example.com, path is /*", "fixed response 503", "0 set aside, 0 warnings")
	}
	inCase(t, folder, "check", "emoji.json").says(t, "0 set aside, 0 warnings")
}

// TestOtherTools: a repository's files of other tools are passed over.
func TestOtherTools(t *testing.T) {
	o := inCase(t, "25-other-files-of-a-repository", "check", "repo")
	if o.code != 0 {
		t.Errorf("exit code %d", o.code)
	}
	o.says(t, "127.0.0.1:21101", "1 load balancer", "0 set aside, 0 warnings")
}
