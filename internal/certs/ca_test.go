package certs

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/tls"
	"crypto/x509"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

func openCA(t *testing.T, state string) *CA {
	t.Helper()
	ca, err := OpenCA(state)
	if err != nil {
		t.Fatal(err)
	}
	return ca
}

func issue(t *testing.T, ca *CA, ref string, hosts ...string) *Certificate {
	t.Helper()
	c, err := ca.Issue(ref, hosts)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestCAFiles(t *testing.T) {
	state := filepath.Join(t.TempDir(), "not", "there", "yet")
	ca := openCA(t, state)
	issue(t, ca, "arn:aws:acm:eu-west-1:1:certificate/x", "a.example")
	if ca.CertFile() != filepath.Join(state, "ca", "ca.pem") {
		t.Errorf("CertFile %s", ca.CertFile())
	}
	leafs, _ := filepath.Glob(filepath.Join(state, "certs", "*"))
	if len(leafs) != 1 {
		t.Fatalf("leafs %v", leafs)
	}
	for file, want := range map[string]fs.FileMode{
		"ca": 0o700 | fs.ModeDir, "ca/ca.pem": 0o644, "ca/ca-key.pem": 0o600, "certs": 0o700 | fs.ModeDir,
		"certs/" + filepath.Base(leafs[0]): 0o600,
	} {
		if info, err := os.Stat(filepath.Join(state, file)); err != nil || info.Mode() != want {
			t.Errorf("%s: %v %v, want %v", file, info.Mode(), err, want)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(state, ".*")); len(left) != 0 {
		t.Errorf("left over: %v", left)
	}
}

// A client that trusts the CA file, and nothing else, accepts the certificate for
// each of its names; and each name only.
func TestIssuedIsTrusted(t *testing.T) {
	ca := openCA(t, t.TempDir())
	text, err := os.ReadFile(ca.CertFile())
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(text) {
		t.Fatal("no certificate in the CA file")
	}
	c := issue(t, ca, "arn:x", "Shop.example.com", "*.api.example.com", "192.0.2.7", "[2001:db8::7]",
		"*", "a*.example.com", "exa?ple.com", "", "-bad.example", "a..b", "*.*.example.com", "under_score.example", strings.Repeat("long.", 60)+"example")
	want := []string{"*.api.example.com", "127.0.0.1", "192.0.2.7", "2001:db8::7", "::1", "localhost", "shop.example.com", "under_score.example"}
	if got := slices.Sorted(slices.Values(c.Names)); !slices.Equal(got, want) {
		t.Errorf("names %v, want %v", got, want)
	}
	if _, ok := c.TLS.PrivateKey.(*ecdsa.PrivateKey); !ok || c.Ref != "arn:x" {
		t.Errorf("%T %s", c.TLS.PrivateKey, c.Ref)
	}
	server := Config(policy(t, "TLS13-1-2-2021-06"), []*Certificate{c}, nil)
	for name, trusted := range map[string]bool{
		"shop.example.com": true, "v1.api.example.com": true, "localhost": true, "127.0.0.1": true, "::1": true, "192.0.2.7": true,
		"example.com": false, "api.example.com": false, "192.0.2.8": false,
	} {
		_, err := shake(server, &tls.Config{ServerName: name, RootCAs: roots})
		if trusted != (err == nil) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestStableAcrossRestarts(t *testing.T) {
	state := t.TempDir()
	ca := openCA(t, state)
	first := issue(t, ca, "arn:x", "b.example", "a.example")
	if again := issue(t, ca, "arn:x", "a.example", "b.example", "a.example"); again != first {
		t.Error("not the same within a process")
	}
	if other := issue(t, ca, "arn:y", "a.example", "b.example"); other.TLS.Leaf.Equal(first.TLS.Leaf) {
		t.Error("the same for another ARN")
	}
	restarted := openCA(t, state)
	if !restarted.cert.Equal(ca.cert) {
		t.Fatal("another CA after a restart")
	}
	second := issue(t, restarted, "arn:x", "a.example", "b.example")
	if !second.TLS.Leaf.Equal(first.TLS.Leaf) || second.Ref != "arn:x" {
		t.Error("another certificate after a restart")
	}
}

func TestReplacedWhenNoLongerGood(t *testing.T) {
	state := t.TempDir()
	ca := openCA(t, state)
	first := issue(t, ca, "arn:x", "a.example")
	files, _ := filepath.Glob(filepath.Join(state, "certs", "*.pem"))
	file := files[0]
	good, _ := os.ReadFile(file)

	late := *ca.leaf(certificateNames([]string{"a.example"}))
	late.NotAfter = time.Now().Add(renewal - time.Hour)
	lateCert, lateKey, err := sign(&late, ca.cert, ecdsa256().(*ecdsa.PrivateKey), ca.key)
	if err != nil {
		t.Fatal(err)
	}
	stranger := openCA(t, t.TempDir())
	strangers := issue(t, stranger, "arn:x", "a.example")
	strangersFile, _ := filepath.Glob(filepath.Join(stranger.dir, "certs", "*.pem"))
	foreign, _ := os.ReadFile(strangersFile[0])
	others, _ := pemPair(t, kind{}, "other.example")

	for name, content := range map[string][]byte{
		"close to expiry": append(lateCert, lateKey...),
		"of another CA":   foreign,
		"other hosts":     others,
		"cut off":         good[:len(good)/2],
		"empty":           nil,
	} {
		t.Run(name, func(t *testing.T) {
			if err := os.WriteFile(file, content, 0o600); err != nil {
				t.Fatal(err)
			}
			c := issue(t, openCA(t, state), "arn:x", "a.example")
			if c.TLS.Leaf.Equal(first.TLS.Leaf) || c.TLS.Leaf.Equal(strangers.TLS.Leaf) || !fresh(c) || c.TLS.Leaf.CheckSignatureFrom(ca.cert) != nil {
				t.Errorf("gave %v until %v", c.Names, c.NotAfter)
			}
			if text, _ := os.ReadFile(file); bytes.Equal(text, content) {
				t.Error("the file was left as it was")
			}
		})
	}
	ca.issued[file].NotAfter = time.Now().Add(renewal - time.Hour)
	if c := issue(t, ca, "arn:x", "a.example"); !fresh(c) {
		t.Error("not renewed within a process")
	}
}

func TestHalfACA(t *testing.T) {
	_, otherKey := pemPair(t, kind{key: ecdsa384()}, "x")
	leaf, leafKey := pemPair(t, kind{}, "x")
	for name, spoil := range map[string]func(dir string) error{
		"no key":      func(dir string) error { return os.Remove(filepath.Join(dir, "ca-key.pem")) },
		"no cert":     func(dir string) error { return os.Remove(filepath.Join(dir, "ca.pem")) },
		"another key": func(dir string) error { return os.WriteFile(filepath.Join(dir, "ca-key.pem"), otherKey, 0o600) },
		"not a CA": func(dir string) error {
			os.WriteFile(filepath.Join(dir, "ca-key.pem"), leafKey, 0o600)
			return os.WriteFile(filepath.Join(dir, "ca.pem"), leaf, 0o600)
		},
	} {
		t.Run(name, func(t *testing.T) {
			state := t.TempDir()
			openCA(t, state)
			if err := spoil(filepath.Join(state, "ca")); err != nil {
				t.Fatal(err)
			}
			_, err := OpenCA(state)
			if err == nil || !strings.Contains(err.Error(), "remove the folder to have a new CA made") {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestMadeOnceByMany(t *testing.T) {
	state := t.TempDir()
	cas := make([]*CA, 16)
	var all sync.WaitGroup
	for i := range cas {
		all.Go(func() { cas[i], _ = OpenCA(state) })
	}
	all.Wait()
	for _, ca := range cas {
		if ca == nil || !ca.cert.Equal(cas[0].cert) {
			t.Fatal("not all got the same CA")
		}
	}
}

func TestStateThatCannotBeWritten(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenCA(file); err == nil || !strings.Contains(err.Error(), "opening the local CA in "+file) {
		t.Errorf("%v", err)
	}
	state := t.TempDir()
	ca := openCA(t, state)
	if err := os.WriteFile(filepath.Join(state, "certs"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := ca.Issue("arn:x", nil); err == nil || !strings.Contains(err.Error(), "issuing a local certificate for arn:x") {
		t.Errorf("%v", err)
	}
}
