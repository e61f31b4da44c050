package certs

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

func admits(t testing.TB, store *TrustStore, der []byte) bool {
	t.Helper()
	return store.verify([]*x509.Certificate{mustParse(t, der)}, time.Now(), false) == nil
}

func crlPEM(ders ...[]byte) []byte {
	var text []byte
	for _, der := range ders {
		text = append(text, pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: der})...)
	}
	return text
}

// A trust store follows its files, and what is broken changes nothing.
func TestTrustStoreFollowsItsFiles(t *testing.T) {
	one, two := newCA(t, "one", nil, nil), newCA(t, "two", nil, nil)
	a, b := one.client(t, ecdsa256(), nil).Certificate[0], two.client(t, ecdsa256(), nil).Certificate[0]
	stores := OpenTrustStores(t.TempDir())
	dir := filepath.Join(stores.dir, "shop")
	if store, err := stores.Lookup(storeARN); store != nil || !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), dir) {
		t.Fatalf("without a folder: %v %v", store, err)
	}
	put(t, dir, "ca.pem", bundle(one))
	store := lookup(t, stores)
	if again := lookup(t, stores); again != store || store.CAs() != 1 || store.Revocations() != 0 {
		t.Errorf("%p and %p, %d CAs, %d revoked", store, again, store.CAs(), store.Revocations())
	}
	serial := mustParse(t, a).SerialNumber
	steps := []struct {
		what    string
		change  func()
		a, b    bool
		warning string
	}{
		{"nothing", func() {}, true, false, ""},
		{"another CA", func() { put(t, dir, "ca.pem", bundle(one, two)) }, true, true, ""},
		{"revoked", func() { put(t, dir, "crl-1.pem", crlPEM(one.list(t, nil, serial))) }, false, true, ""},
		{"a broken list", func() { put(t, dir, "crl-1.pem", []byte("-----BEGIN X509 CRL-----\nAAAA")) }, false, true, "crl-1.pem: "},
		{"the broken list again", func() {}, false, true, "an older version of the trust store is in force"},
		{"not revoked", func() { put(t, dir, "crl-1.pem", crlPEM(one.list(t, nil))) }, true, true, ""},
		{"revoked in a second list", func() { put(t, dir, "crl-2", one.list(t, nil, serial)) }, false, true, ""},
		{"a broken bundle", func() { put(t, dir, "ca.pem", []byte("x")) }, false, true, "ca.pem: "},
		{"one CA less, but its list is there", func() { put(t, dir, "ca.pem", bundle(two)) }, false, true, "not in ca.pem"},
		{"neither", func() { os.Remove(filepath.Join(dir, "crl-1.pem")); os.Remove(filepath.Join(dir, "crl-2")) }, false, true, ""},
		{"a file of another name", func() { put(t, dir, "notes.txt", []byte("x")) }, false, true, ""},
		{"gone", func() { os.Rename(filepath.Join(dir, "ca.pem"), filepath.Join(dir, "away")) }, false, true, "no such file"},
		{"back", func() { os.Rename(filepath.Join(dir, "away"), filepath.Join(dir, "ca.pem")) }, false, true, ""},
	}
	for _, step := range steps {
		step.change()
		store.looked.Store(0)
		if got := admits(t, store, a); got != step.a {
			t.Errorf("%s: a is let in: %t", step.what, got)
		}
		if got := admits(t, store, b); got != step.b {
			t.Errorf("%s: b is let in: %t", step.what, got)
		}
		if got := store.Warning(time.Now()); (got == "") != (step.warning == "") || !strings.Contains(got, step.warning) {
			t.Errorf("%s: warning %q, want %q", step.what, got, step.warning)
		}
		if got := lookup(t, stores); got != store {
			t.Errorf("%s: another trust store", step.what)
		}
	}
	put(t, dir, "ca.pem", bundle(one))
	store.looked.Store(time.Now().Add(time.Hour).UnixNano()) // just now, however slow the machine is
	if admits(t, store, a) {
		t.Error("the files are looked at each time")
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if got, err := stores.Lookup(storeARN); got != nil || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("folder gone: %v %v", got, err)
	}
}

func TestTrustStoreBrokenFromTheStart(t *testing.T) {
	stores := OpenTrustStores(t.TempDir())
	dir := filepath.Join(stores.dir, "shop")
	root := newCA(t, "root", nil, nil)
	put(t, dir, "ca.pem", bundle(root))
	put(t, dir, "crl.pem", []byte("-----BEGIN"))
	for range 2 {
		if store, err := stores.Lookup(storeARN); store != nil || err == nil || !strings.Contains(err.Error(), "crl.pem") {
			t.Errorf("%v %v", store, err)
		}
	}
	put(t, dir, "crl.pem", root.list(t, nil))
	lookup(t, stores)
}

func TestTrustStoreWarnings(t *testing.T) {
	old := newCA(t, "old", nil, func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Hour) })
	stores, _ := storeOf(t, old)
	if got := lookup(t, stores).Warning(time.Now()); !strings.HasPrefix(got, "CA CN=old,") || !strings.Contains(got, "expired on") {
		t.Error(got)
	}
	root := newCA(t, "root", nil, nil)
	stores, dir := storeOf(t, root)
	pair := root.client(t, ecdsa256(), nil).Certificate[0]
	put(t, dir, "crl", root.list(t, func(l *x509.RevocationList) { l.NextUpdate = time.Now().Add(-time.Minute) }, mustParse(t, pair).SerialNumber))
	if got := lookup(t, stores).Warning(time.Now()); !strings.Contains(got, "should have been replaced") {
		t.Error(got)
	}
	if admits(t, lookup(t, stores), pair) {
		t.Error("an overdue list is not in force")
	}
}

func TestTrustStoreLimits(t *testing.T) {
	root := newCA(t, "root", nil, nil)
	ca := func(change func(*x509.Certificate)) []byte { return bundle(newCA(t, "x", nil, change)) }
	for _, test := range []struct{ what, file, want string }{
		{"empty", "", "it is empty"},
		{"no PEM", "hello", "no PEM block"},
		{"a key", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "no certificate in it"},
		{"nonsense", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "certificate 1: "},
		{"a client", string(bundle(&issuer{cert: mustParse(t, root.client(t, ecdsa256(), nil).Certificate[0])})), "is not a CA"},
		{"26", strings.Repeat(string(bundle(root)), 26), "26 certificates, of at most 25"},
		{"25", strings.Repeat(string(bundle(root)), 25), ""},
		{"huge", string(ca(func(c *x509.Certificate) { c.DNSNames = []string{strings.Repeat("x", maxCertificate)} })), "of at most 16384"},
		{"long names", strings.Repeat(string(ca(func(c *x509.Certificate) {
			c.Subject.OrganizationalUnit = []string{strings.Repeat("x", maxCASubjects/2)}
		})), 2), "of at most 10000"},
	} {
		if _, err := parseBundle([]byte(test.file)); (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v", test.what, err)
		}
	}
	stores, dir := storeOf(t, root)
	for i := range maxLists + 1 {
		put(t, dir, fmt.Sprintf("crl%d", i), root.list(t, nil))
	}
	if _, err := stores.Lookup(storeARN); err == nil || !strings.Contains(err.Error(), "31 revocation lists") {
		t.Error(err)
	}
	os.Remove(filepath.Join(dir, "crl0"))
	put(t, dir, "crl1", crlPEM(root.list(t, nil), root.list(t, nil)))
	if _, err := stores.Lookup(storeARN); err == nil || !strings.Contains(err.Error(), "31 revocation lists") {
		t.Error(err)
	}
}

func TestTooManyRevocations(t *testing.T) {
	for entries, want := range map[int]string{0: "", 500_000: "", 500_001: "500001 entries"} {
		if err := listsFault(30, entries); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%d: %v", entries, err)
		}
	}
}

func TestParseLists(t *testing.T) {
	root, other := newCA(t, "root", nil, nil), newCA(t, "other", nil, nil)
	twin := newCA(t, "root", nil, func(c *x509.Certificate) { c.SubjectKeyId = []byte("another") })
	with := func(e pkix.Extension) func(*x509.RevocationList) {
		return func(l *x509.RevocationList) { l.ExtraExtensions = []pkix.Extension{e} }
	}
	cut := root.list(t, nil, big.NewInt(7))
	forged := append([]byte(nil), cut...)
	forged[len(forged)-1]++
	for _, test := range []struct {
		what    string
		content []byte
		serials int
		want    string
	}{
		{"DER", root.list(t, nil, big.NewInt(5), big.NewInt(6)), 2, ""},
		{"PEM", crlPEM(root.list(t, nil, big.NewInt(5)), other.list(t, nil, big.NewInt(5))), 2, ""},
		{"none revoked", root.list(t, nil), 0, ""},
		{"empty", nil, 0, "malformed"},
		{"cut", cut[:len(cut)-3], 0, "malformed"},
		{"forged", forged, 0, "revocation list of "},
		{"by a CA that is not there", twin.list(t, nil), 0, "revocation list of CN=root"},
		{"a certificate", bundle(root), 0, "only CERTIFICATE"},
		{"delta", root.list(t, with(pkix.Extension{Id: oidDeltaList, Critical: true, Value: []byte{2, 1, 1}})), 0, "delta"},
		{"partition", root.list(t, with(pkix.Extension{Id: oidDistribution, Critical: true, Value: []byte{0x30, 3, 0x81, 1, 0xFF}}), big.NewInt(5)), 1, ""},
		{"indirect", root.list(t, with(pkix.Extension{Id: oidDistribution, Critical: true, Value: []byte{0x30, 3, 0x84, 1, 0xFF}})), 0, "indirect"},
		{"distribution point of nonsense", root.list(t, with(pkix.Extension{Id: oidDistribution, Critical: true, Value: []byte{1}})), 0, "indirect"},
		{"unknown, critical", root.list(t, with(pkix.Extension{Id: []int{1, 2, 3}, Critical: true, Value: []byte{5, 0}})), 0, "1.2.3"},
		{"unknown", root.list(t, with(pkix.Extension{Id: []int{1, 2, 3}, Value: []byte{5, 0}})), 0, ""},
		{"critical in an entry", root.list(t, func(l *x509.RevocationList) {
			l.RevokedCertificateEntries[0].ExtraExtensions = []pkix.Extension{{Id: []int{2, 5, 29, 29}, Critical: true, Value: []byte{5, 0}}}
		}, big.NewInt(5)), 0, "2.5.29.29"},
	} {
		lists, err := parseLists(test.content, []*x509.Certificate{root.cert, other.cert})
		serials := 0
		for _, list := range lists {
			serials += len(list.serials)
		}
		if serials != test.serials || (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %d serials, %v", test.what, serials, err)
		}
	}
}

func TestTrustStoreName(t *testing.T) {
	for arn, want := range map[string]string{
		storeARN:                                              "shop",
		"arn:aws:x:r:1:truststore/My-Store2":                  "My-Store2",
		"arn:aws:x:r:1:truststore/../x":                       "",
		"arn:aws:x:r:1:truststore//x":                         "",
		"arn:aws:x:r:1:truststore/a.b/x":                      "",
		"arn:aws:x:r:1:truststore/a\\b/x":                     "",
		"arn:aws:x:r:1:truststore/" + strings.Repeat("a", 33): "",
		"truststore/shop/1":                                   "",
		"x:truststore/shop/1":                                 "",
		"arn:aws:acm:r:1:shop/1":                              "",
		"":                                                    "",
	} {
		if got, err := trustStoreName(arn); got != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q %v", arn, got, err)
		}
	}
}

// Handshakes go on, at the same time, while the files change.
func TestTrustStoreConcurrently(t *testing.T) {
	root, other := newCA(t, "root", nil, nil), newCA(t, "other", nil, nil)
	stores, dir := storeOf(t, root)
	store := lookup(t, stores)
	der := root.client(t, ecdsa256(), nil).Certificate[0]
	presented := []*x509.Certificate{mustParse(t, der)}
	var done sync.WaitGroup
	for range 4 {
		done.Go(func() {
			for range 100 {
				store.looked.Store(0)
				if err := store.verify(presented, time.Now(), false); err != nil {
					t.Error(err)
					return
				}
				store.Warning(time.Now())
			}
		})
	}
	for i := range 20 {
		put(t, dir, "ca.pem", append(bundle(root), bundle(other)[:i]...))
		if _, err := stores.Lookup(storeARN); err != nil {
			t.Error(err)
		}
	}
	done.Wait()
}

func FuzzParseBundle(f *testing.F) {
	root := newCA(f, "root", nil, nil)
	f.Add(bundle(root))
	f.Add([]byte("# a comment\n-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n"))
	f.Add(root.cert.Raw)
	f.Fuzz(func(t *testing.T, content []byte) {
		cas, err := parseBundle(content)
		if (err == nil) != (len(cas) > 0) || len(cas) > maxCAs {
			t.Errorf("%d CAs, %v", len(cas), err)
		}
		for _, ca := range cas {
			if ca.Version == 3 && !ca.IsCA {
				t.Errorf("%s is not a CA", ca.Subject)
			}
		}
	})
}

func FuzzParseLists(f *testing.F) {
	root := newCA(f, "root", nil, nil)
	good := root.list(f, nil, big.NewInt(5), big.NewInt(6))
	f.Add(good)
	f.Add(crlPEM(good, good))
	f.Add(root.list(f, func(l *x509.RevocationList) {
		l.ExtraExtensions = []pkix.Extension{{Id: oidDistribution, Critical: true, Value: []byte{0x30, 3, 0x81, 1, 0xFF}}}
	}))
	f.Fuzz(func(t *testing.T, content []byte) {
		lists, err := parseLists(content, []*x509.Certificate{root.cert})
		if (err == nil) != (len(lists) > 0) {
			t.Errorf("%d lists, %v", len(lists), err)
		}
		for _, list := range lists {
			if list.issuer != root.cert {
				t.Error("a list of nobody")
			}
		}
	})
}
