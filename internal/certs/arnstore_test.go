package certs

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const arn = "arn:aws:acm:us-west-2:111122223333:certificate/12345678-1234-1234-1234-123456789012"

// put writes a file of the store as if at a time of its own, so that a change shows
// however fast the test is.
func put(t testing.TB, dir, name string, content []byte) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, name)
	if err := os.WriteFile(file, content, 0o600); err != nil {
		t.Fatal(err)
	}
	clock = clock.Add(time.Second)
	if err := os.Chtimes(file, clock, clock); err != nil {
		t.Fatal(err)
	}
}

var clock = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func TestARNStore(t *testing.T) {
	root := t.TempDir()
	store := OpenARNStore(filepath.Join(root, "acm"))
	dir := filepath.Join(root, "acm", "12345678-1234-1234-1234-123456789012")

	if c, err := store.Lookup(arn); c != nil || !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), arn) || !strings.Contains(err.Error(), dir) {
		t.Fatalf("without a folder: %v %v", c, err)
	}
	certPEM, keyPEM := pemPair(t, kind{}, "a.example")
	put(t, dir, "tls.crt", certPEM)
	if c, err := store.Lookup(arn); c != nil || !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("without a key: %v %v", c, err)
	}
	put(t, dir, "tls.key", keyPEM)
	first, err := store.Lookup(arn)
	if err != nil || first.Ref != arn || first.Names[0] != "a.example" {
		t.Fatalf("%+v %v", first, err)
	}
	if again, _ := store.Lookup(arn); again != first {
		t.Error("read again without a change")
	}

	_, strange := pemPair(t, kind{key: rsa2048()}, "a.example")
	put(t, dir, "tls.key", strange)
	if c, err := store.Lookup(arn); err != nil || c.Stale == nil {
		t.Errorf("another key: %v %v", c, err)
	}
	certPEM, keyPEM = pemPair(t, kind{key: ecdsa384()}, "b.example")
	put(t, dir, "tls.crt", certPEM)
	if c, err := store.Lookup(arn); err != nil || c.TLS != first.TLS || !strings.Contains(c.Warning(time.Now()), "does not belong") {
		t.Errorf("half written: %v %v, want the one before, stale", c, err)
	}
	put(t, dir, "tls.key", keyPEM)
	second, err := store.Lookup(arn)
	if err != nil || second.Names[0] != "b.example" || second.Stale != nil {
		t.Errorf("renewed: %v %v", second, err)
	}

	if err := os.Remove(filepath.Join(dir, "tls.key")); err != nil {
		t.Fatal(err)
	}
	if c, err := store.Lookup(arn); err != nil || c.TLS != second.TLS || c.Stale == nil {
		t.Errorf("one file away: %v %v", c, err)
	}
	put(t, dir, "tls.key", make([]byte, maxPEM+1))
	if c, err := store.Lookup(arn); err != nil || c.TLS != second.TLS || !strings.Contains(c.Warning(time.Now()), "at most") {
		t.Errorf("a huge file: %v %v", c, err)
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if c, err := store.Lookup(arn); c != nil || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("folder gone: %v %v", c, err)
	}
}

func TestFolderOf(t *testing.T) {
	for arn, want := range map[string]string{
		arn: "12345678-1234-1234-1234-123456789012",
		"arn:aws:iam::111122223333:server-certificate/division_abc/Shop+2": "Shop+2",
		"arn:aws:acm:us-west-2:1:certificate/..":                           "",
		"arn:aws:acm:us-west-2:1:certificate/.":                            "",
		"arn:aws:acm:us-west-2:1:certificate/":                             "",
		"arn:aws:acm:us-west-2:1:certificate/a\\b":                         "",
		"arn:aws:acm:us-west-2:1:certificate/a\x00b":                       "",
		"secret:shop/tls": "",
		"":                "",
	} {
		if got, err := folderOf(arn); got != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q %v", arn, got, err)
		}
	}
}

func FuzzFolderOf(f *testing.F) {
	for _, s := range []string{arn, "arn:../..", "arn:a/..", "arn:\\", "arn:..."} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, arn string) {
		if name, err := folderOf(arn); err == nil && (!filepath.IsLocal(name) || filepath.Base(name) != name || name == ".") {
			t.Errorf("%q leads to %q", arn, name)
		}
	})
}
