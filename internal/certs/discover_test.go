package certs

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// TestDiscover: every certificate that covers one of the hosts, in the order of the
// folders, an expired one only where nothing else covers; the rest is missing.
func TestDiscover(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "acm")
	store := OpenARNStore(dir)
	if found, missing := store.Discover("arn:x/", []string{"a.example"}); found != nil || !slices.Equal(missing, []string{"a.example"}) {
		t.Fatalf("without a folder: %v %v", found, missing)
	}
	past := kind{from: time.Now().Add(-48 * time.Hour), to: time.Now().Add(-24 * time.Hour)}
	for name, c := range map[string]struct {
		kind
		names []string
	}{
		"10-shop": {kind{}, []string{"shop.example"}}, "20-wild": {kind{}, []string{"*.example"}}, "30-other": {kind{}, []string{"other.test"}},
		"05-old": {past, []string{"shop.example"}}, "40-late": {past, []string{"late.test"}},
	} {
		certPEM, keyPEM := pemPair(t, c.kind, c.names...)
		put(t, filepath.Join(dir, name), "tls.crt", certPEM)
		put(t, filepath.Join(dir, name), "tls.key", keyPEM)
	}
	put(t, filepath.Join(dir, "50-half"), "tls.crt", []byte("not yet"))
	put(t, dir, "a file", nil)

	tests := []struct{ hosts, found, missing []string }{
		{[]string{"shop.example"}, []string{"10-shop", "20-wild"}, nil},
		{[]string{"*.example"}, []string{"20-wild"}, nil}, // the host of a rule
		{[]string{"a.b.example", "other.test"}, []string{"30-other"}, []string{"a.b.example"}},
		{[]string{"late.test", "SHOP.example"}, []string{"10-shop", "20-wild", "40-late"}, nil},
		{nil, nil, nil},
	}
	for _, test := range tests {
		found, missing := store.Discover("arn:x/", test.hosts)
		var names []string
		for _, c := range found {
			names = append(names, c.Ref[len("arn:x/"):])
		}
		if !slices.Equal(names, test.found) || !slices.Equal(missing, test.missing) {
			t.Errorf("%v: found %v, missing %v; want %v, %v", test.hosts, names, missing, test.found, test.missing)
		}
	}
}

// TestChanged: what was looked up, found or not, and the list of subfolders once
// something was to be discovered; each change is told once.
func TestChanged(t *testing.T) {
	root := t.TempDir()
	store := OpenARNStore(filepath.Join(root, "acm"))
	dir := filepath.Join(root, "acm", "12345678-1234-1234-1234-123456789012")
	told := func(when string, want bool) {
		t.Helper()
		if got := store.Changed(); got != want {
			t.Errorf("%s: %t", when, got)
		}
		if store.Changed() {
			t.Errorf("%s: told twice", when)
		}
	}
	told("before anything is looked up", false)
	_, _ = store.Lookup(arn)
	told("nothing there", false)
	certPEM, keyPEM := pemPair(t, kind{}, "a.example")
	put(t, dir, "tls.crt", certPEM)
	told("half of it has come", true)
	put(t, dir, "tls.key", keyPEM)
	told("the rest has come", true)
	_, _ = store.Lookup(arn)
	told("it has been read", false)
	put(t, dir, "tls.crt", certPEM)
	told("written anew", true)

	another := filepath.Join(root, "acm", "another")
	put(t, another, "tls.crt", certPEM)
	told("a subfolder that nobody asked for", false)
	store.Discover("arn:x/", []string{"a.example"})
	told("after a discovery", false)
	put(t, another, "tls.key", keyPEM)
	told("what was discovered is complete", true)
	if err := os.Mkdir(filepath.Join(root, "acm", "new"), 0o700); err != nil {
		t.Fatal(err)
	}
	told("a new subfolder", true)
	if err := os.RemoveAll(another); err != nil {
		t.Fatal(err)
	}
	told("a subfolder has gone", true)
}
