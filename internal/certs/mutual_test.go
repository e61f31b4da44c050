package certs

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/albatross-lb/albatross/lb"
)

const storeARN = "arn:aws:elasticloadbalancing:us-west-2:111122223333:truststore/shop/0123456789abcdef"

// issuer is a CA of the tests.
type issuer struct {
	cert *x509.Certificate
	key  crypto.Signer
}

// newCA makes a CA, by parent or by itself where that is nil. change may alter it.
func newCA(t testing.TB, name string, parent *issuer, change func(*x509.Certificate)) *issuer {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: serial(), Subject: pkix.Name{CommonName: name, Organization: []string{"Shop, Inc."}},
		NotBefore: time.Now().Add(-100 * time.Hour), NotAfter: time.Now().Add(1000 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return &issuer{signBy(t, template, parent, key, change), key}
}

func signBy(t testing.TB, template *x509.Certificate, by *issuer, key crypto.Signer, change func(*x509.Certificate)) *x509.Certificate {
	t.Helper()
	if change != nil {
		change(template)
	}
	if by == nil {
		by = &issuer{template, key}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, by.cert, key.Public(), by.key)
	if err != nil {
		t.Fatal(err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// client makes a client's certificate, with the CAs that it shows along.
func (by *issuer) client(t testing.TB, key crypto.Signer, change func(*x509.Certificate), along ...*issuer) tls.Certificate {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: serial(), Subject: pkix.Name{CommonName: "client-1", Country: []string{"US"}},
		NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	pair := tls.Certificate{Certificate: [][]byte{signBy(t, template, by, key, change).Raw}, PrivateKey: key}
	for _, ca := range along {
		pair.Certificate = append(pair.Certificate, ca.cert.Raw)
	}
	return pair
}

// list makes a revocation list of these certificates.
func (by *issuer) list(t testing.TB, change func(*x509.RevocationList), revoked ...*big.Int) []byte {
	t.Helper()
	template := &x509.RevocationList{Number: big.NewInt(1), ThisUpdate: time.Now().Add(-time.Hour), NextUpdate: time.Now().Add(time.Hour)}
	for _, n := range revoked {
		template.RevokedCertificateEntries = append(template.RevokedCertificateEntries, x509.RevocationListEntry{SerialNumber: n, RevocationTime: time.Now().Add(-time.Minute)})
	}
	if change != nil {
		change(template)
	}
	der, err := x509.CreateRevocationList(rand.Reader, template, by.cert, by.key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func bundle(cas ...*issuer) []byte {
	var text []byte
	for _, ca := range cas {
		text = append(text, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca.cert.Raw})...)
	}
	return text
}

// storeOf makes a trust store of CAs.
func storeOf(t testing.TB, cas ...*issuer) (*TrustStores, string) {
	t.Helper()
	dir := t.TempDir()
	put(t, filepath.Join(dir, "shop"), "ca.pem", bundle(cas...))
	return OpenTrustStores(dir), filepath.Join(dir, "shop")
}

func lookup(t testing.TB, stores *TrustStores) *TrustStore {
	t.Helper()
	store, err := stores.Lookup(storeARN)
	if err != nil {
		t.Fatal(err)
	}
	return store
}

// meet has a server and a client shake hands, and gives what either knows after it.
// They do so over a socket: a server that refuses a certificate speaks while the client
// does, and a net.Pipe would hold up both.
func meet(server, client *tls.Config) (state tls.ConnectionState, err error, clientState tls.ConnectionState, clientErr error) {
	listener, failed := net.Listen("tcp", "127.0.0.1:0")
	if failed != nil {
		return state, failed, clientState, failed
	}
	defer listener.Close()
	var done sync.WaitGroup
	done.Go(func() {
		var raw net.Conn
		if raw, err = listener.Accept(); err != nil {
			return
		}
		defer raw.Close()
		raw.SetDeadline(time.Now().Add(20 * time.Second))
		conn := tls.Server(raw, server)
		if err = conn.Handshake(); err == nil {
			_, err = conn.Write([]byte("x"))
		}
		state = conn.ConnectionState()
		raw.(*net.TCPConn).CloseWrite()
		io.Copy(io.Discard, raw) // or a reset could overtake the alert
	})
	raw, clientErr := net.Dial("tcp", listener.Addr().String())
	if clientErr != nil {
		listener.Close()
		done.Wait()
		return
	}
	raw.SetDeadline(time.Now().Add(20 * time.Second))
	conn := tls.Client(raw, client)
	if clientErr = conn.Handshake(); clientErr == nil {
		_, clientErr = io.ReadFull(conn, make([]byte, 1))
	}
	clientState = conn.ConnectionState()
	raw.Close()
	done.Wait()
	return
}

// showing is a client that shows a certificate whatever it is asked for; none if nil.
func showing(pair *tls.Certificate, version uint16) *tls.Config {
	return &tls.Config{
		InsecureSkipVerify: true, ServerName: "a.example", MinVersion: version, MaxVersion: version,
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			if pair == nil {
				return new(tls.Certificate), nil
			}
			return pair, nil
		},
	}
}

func mutualServer(t testing.TB, m Mutual) *tls.Config {
	return ConfigMutual(policy(t, "TLS13-1-2-Res-2021-06"), []*Certificate{certificate(t, "a", kind{}, "a.example")}, nil, m)
}

var tlsVersions = []uint16{tls.VersionTLS12, tls.VersionTLS13}

// Every way to be let in and to be refused, by handshakes of both versions.
func TestVerify(t *testing.T) {
	root, other := newCA(t, "root", nil, nil), newCA(t, "other", nil, nil)
	middle := newCA(t, "middle", root, nil)
	lower := newCA(t, "lower", middle, nil)
	lowest := newCA(t, "lowest", lower, nil)
	tooLow := newCA(t, "too low", lowest, nil)
	narrow := newCA(t, "narrow", root, func(c *x509.Certificate) { c.MaxPathLenZero = true })
	under := newCA(t, "under narrow", narrow, nil)
	servers := newCA(t, "servers only", root, func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} })
	old := newCA(t, "old", nil, func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Hour) })
	oldMiddle := newCA(t, "old middle", root, func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Hour) })
	young := newCA(t, "young", nil, func(c *x509.Certificate) { c.NotBefore = time.Now().Add(-time.Minute) })
	revokedCA := newCA(t, "revoked CA", root, nil)
	twin := newCA(t, "root", nil, func(c *x509.Certificate) { c.SubjectKeyId = []byte("another") }) // the same name, another key

	edCA := newCA(t, "Ed25519 CA", root, nil)
	_, edKey, _ := ed25519.GenerateKey(rand.Reader)
	edCA = &issuer{signBy(t, edCA.cert, root, edKey, nil), edKey}
	revokedAnchor := newCA(t, "revoked anchor", root, nil)

	stores, dir := storeOf(t, root, old, young, twin, revokedAnchor)
	revoked, reused := big.NewInt(0xFEF2), big.NewInt(77)
	put(t, dir, "crl-root.pem", pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: root.list(t, nil, revoked, revokedCA.cert.SerialNumber, revokedAnchor.cert.SerialNumber)}))
	put(t, dir, "crl-twin.der", twin.list(t, nil, reused))

	key := ecdsa256()
	_, ed, _ := ed25519.GenerateKey(rand.Reader)
	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	day := 24 * time.Hour
	expired := func(ago time.Duration) func(*x509.Certificate) {
		return func(c *x509.Certificate) {
			c.NotBefore, c.NotAfter = time.Now().Add(-50*time.Hour), time.Now().Add(-ago)
		}
	}
	numbered := func(n *big.Int) func(*x509.Certificate) {
		return func(c *x509.Certificate) { c.SerialNumber = n }
	}
	for _, test := range []struct {
		name   string
		client tls.Certificate
		ignore bool
		want   string // "": let in
	}{
		{"of the root", root.client(t, key, nil), false, ""},
		{"P-384", root.client(t, ecdsa384(), nil), false, ""},
		{"RSA", root.client(t, rsa2048(), nil), false, ""},
		{"without an extended usage", root.client(t, key, func(c *x509.Certificate) { c.ExtKeyUsage = nil }), false, ""},
		{"chain of 4", lower.client(t, key, nil, lower, middle, root), false, ""},
		{"chain of 4 below the root", lowest.client(t, key, nil, lowest, lower, middle), false, ""},
		{"chain of 5", tooLow.client(t, key, nil, tooLow, lowest, lower, middle), false, ClientCertMaxChainDepthExceeded},
		{"without its intermediate", middle.client(t, key, nil), false, ClientCertUntrusted},
		{"of another CA", other.client(t, key, nil), false, ClientCertUntrusted},
		{"of another CA that it brings along", other.client(t, key, nil, other), false, ClientCertUntrusted},
		{"path length", under.client(t, key, nil, under, narrow), false, ClientCertUntrusted},
		{"expired", root.client(t, key, expired(time.Hour)), false, ClientCertExpired},
		{"expired, ignored", root.client(t, key, expired(time.Hour)), true, ""},
		{"expired long ago, of a new CA, ignored", young.client(t, key, expired(time.Hour)), true, ""},
		{"expired, of an expired CA, ignored", old.client(t, key, expired(2*time.Hour)), true, ClientCertExpired},
		{"of an expired CA", old.client(t, key, nil), true, ClientCertExpired},
		{"of an expired CA that it brings along", oldMiddle.client(t, key, nil, oldMiddle), false, ClientCertExpired},
		{"expired and untrusted, ignored", other.client(t, key, expired(time.Hour)), true, ClientCertUntrusted},
		{"expired and revoked, ignored", root.client(t, key, func(c *x509.Certificate) { expired(time.Hour)(c); c.SerialNumber = revoked }), true, ClientCertCrlHit},
		{"not yet valid", root.client(t, key, func(c *x509.Certificate) { c.NotBefore, c.NotAfter = time.Now().Add(day), time.Now().Add(2*day) }), false, ClientCertNotYetValid},
		{"not yet valid, expiry ignored", root.client(t, key, func(c *x509.Certificate) { c.NotBefore, c.NotAfter = time.Now().Add(day), time.Now().Add(2*day) }), true, ClientCertNotYetValid},
		{"revoked", root.client(t, key, numbered(revoked)), false, ClientCertCrlHit},
		{"the revoked number of another CA", middle.client(t, key, numbered(revoked), middle), false, ""},
		{"the revoked number of a CA of the same name", root.client(t, key, numbered(reused)), false, ""},
		{"revoked by a CA of the same name", twin.client(t, key, numbered(reused)), false, ClientCertCrlHit},
		{"of a revoked CA", revokedCA.client(t, key, nil, revokedCA), false, ClientCertCrlHit},
		{"of a revoked CA of the trust store", revokedAnchor.client(t, key, nil), false, ClientCertCrlHit},
		{"of a CA with an Ed25519 key", edCA.client(t, key, nil, edCA), false, ClientCertTypeUnsupported},
		{"for servers", root.client(t, key, func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} }), false, ClientCertPurposeInvalid},
		{"by a CA for servers", servers.client(t, key, nil, servers), false, ClientCertPurposeInvalid},
		{"not for signing", root.client(t, key, func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageKeyEncipherment }), false, ClientCertPurposeInvalid},
		{"Ed25519", root.client(t, ed, nil), false, ClientCertTypeUnsupported},
		{"RSA 1024", root.client(t, weak, nil), false, ClientCertTypeUnsupported},
		{"by a client", (&issuer{mustParse(t, root.client(t, key, nil).Certificate[0]), key}).client(t, key, nil, root), false, ClientCertUntrusted},
		{"unknown critical extension", root.client(t, key, func(c *x509.Certificate) {
			c.ExtraExtensions = []pkix.Extension{{Id: []int{1, 2, 3, 4}, Critical: true, Value: []byte{5, 0}}}
		}), false, ClientCertInvalid},
		{"too large", root.client(t, key, func(c *x509.Certificate) {
			c.Subject.OrganizationalUnit = []string{strings.Repeat("x", maxCertificate)}
		}), false, ClientCertMaxSizeExceeded},
	} {
		for _, version := range tlsVersions {
			t.Run(test.name+"/"+tls.VersionName(version), func(t *testing.T) {
				server := mutualServer(t, Mutual{Mode: Verify, TrustStore: lookup(t, stores), IgnoreExpiry: test.ignore})
				state, err, _, clientErr := meet(server, showing(&test.client, version))
				if h := HandshakeOf(Verify, &state, err); test.want == "" {
					if err != nil || clientErr != nil || h.VerifyStatus != "Success" {
						t.Errorf("refused: %v, %v, %+v", err, clientErr, h)
					}
				} else if err == nil || clientErr == nil || h.VerifyStatus != "Failed:"+test.want || !strings.HasPrefix(h.LeafSubject, "CN=client-1") {
					t.Errorf("%v, %+v, want %s", err, h, test.want)
				}
			})
		}
	}
}

func mustParse(t testing.TB, der []byte) *x509.Certificate {
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestVerifyWithoutCertificate(t *testing.T) {
	stores, _ := storeOf(t, newCA(t, "root", nil, nil))
	for _, version := range tlsVersions {
		server := mutualServer(t, Mutual{Mode: Verify, TrustStore: lookup(t, stores)})
		state, err, _, clientErr := meet(server, showing(nil, version))
		want := Handshake{"-", "-", "-", "Failed:UnmappedConnectionError"}
		if err == nil || clientErr == nil || HandshakeOf(Verify, &state, err) != want {
			t.Errorf("%v, %v, %+v", err, clientErr, HandshakeOf(Verify, &state, err))
		}
		if version == tls.VersionTLS13 && !strings.Contains(clientErr.Error(), "certificate required") {
			t.Errorf("the client is told %v", clientErr)
		}
	}
}

// A client whose application protocols we do not speak is let in or refused like any other.
func TestVerifyALPNWithoutOverlap(t *testing.T) {
	root := newCA(t, "root", nil, nil)
	stores, _ := storeOf(t, root)
	pair := root.client(t, ecdsa256(), nil)
	for _, advertise := range []bool{false, true} {
		for _, version := range tlsVersions {
			server := ConfigMutual(policy(t, "TLS13-1-2-Res-2021-06"), []*Certificate{certificate(t, "a", kind{}, "a.example")},
				[]string{"h2", "http/1.1"}, Mutual{Mode: Verify, TrustStore: lookup(t, stores), AdvertiseCANames: advertise})
			client := showing(&pair, version)
			client.NextProtos = []string{"http/1.0"}
			if state, err, _, _ := meet(server, client); err != nil || len(state.PeerCertificates) == 0 {
				t.Errorf("advertise %v: a good client gets %v", advertise, err)
			}
			client = showing(nil, version)
			client.NextProtos = []string{"http/1.0"}
			if _, err, _, _ := meet(server, client); err == nil {
				t.Errorf("advertise %v: let in without a certificate", advertise)
			}
		}
	}
}

// What is no mode, and verify without a trust store, lets nobody in.
func TestMutualFailsClosed(t *testing.T) {
	root := newCA(t, "root", nil, nil)
	stores, _ := storeOf(t, root)
	pair := root.client(t, ecdsa256(), nil)
	for _, m := range []Mutual{{Mode: "on"}, {Mode: "on", TrustStore: lookup(t, stores)}, {Mode: Verify}} {
		for _, shown := range []*tls.Certificate{&pair, nil} {
			if _, err, _, _ := meet(mutualServer(t, m), showing(shown, tls.VersionTLS13)); err == nil {
				t.Errorf("%+v lets in", m)
			}
		}
	}
}

func TestPassthrough(t *testing.T) {
	root := newCA(t, "root", nil, nil)
	past := root.client(t, ecdsa256(), func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Hour) }, root)
	large := func(bytes int) *tls.Certificate {
		pair := root.client(t, ecdsa256(), nil)
		for size := 0; size < bytes; size += 15 << 10 {
			fat := root.client(t, ecdsa256(), func(c *x509.Certificate) { c.Subject.OrganizationalUnit = []string{strings.Repeat("é", 7<<10)} })
			pair.Certificate = append(pair.Certificate, fat.Certificate...)
		}
		return &pair
	}
	for _, version := range tlsVersions {
		server := mutualServer(t, Mutual{Mode: Passthrough})
		state, err, _, _ := meet(server, showing(&past, version))
		if h := MutualHeaders(Passthrough, &state); err != nil || len(h) != 1 || len(state.PeerCertificates) != 2 {
			t.Errorf("expired: %v, %v", err, h)
		}
		if h := HandshakeOf(Passthrough, &state, err); h.LeafSubject != "CN=client-1,C=US" || h.VerifyStatus != "Success" || len(h.LeafSerial) != 32 {
			t.Errorf("%+v", h)
		}
		state, err, _, _ = meet(server, showing(nil, version))
		if h := MutualHeaders(Passthrough, &state); err != nil || h != nil {
			t.Errorf("without a certificate: %v, %v", err, h)
		}
		state, err, _, _ = meet(server, showing(large(20<<10), version))
		if h := MutualHeaders(Passthrough, &state); err != nil || len(h[0].Value) > 50_000 {
			t.Errorf("large: %v, %d bytes", err, len(h[0].Value))
		}
		state, err, _, _ = meet(server, showing(large(40<<10), version))
		if h := HandshakeOf(Passthrough, &state, err); h.VerifyStatus != "Failed:ClientCertMaxSizeExceeded" {
			t.Errorf("too large: %v, %+v", err, h)
		}
	}
}

func TestOffAsksForNothing(t *testing.T) {
	pair := newCA(t, "root", nil, nil).client(t, ecdsa256(), nil)
	for _, mode := range []string{"", Off} {
		state, err, _, _ := meet(mutualServer(t, Mutual{Mode: mode}), showing(&pair, tls.VersionTLS13))
		if err != nil || len(state.PeerCertificates) > 0 || MutualHeaders(mode, &state) != nil {
			t.Errorf("%q: %v, %d certificates", mode, err, len(state.PeerCertificates))
		}
		if h := HandshakeOf(mode, &state, nil); h != (Handshake{"-", "-", "-", "Success"}) {
			t.Errorf("%+v", h)
		}
	}
	if h := HandshakeOf(Off, nil, io.EOF); h.VerifyStatus != "Failed:UnmappedConnectionError" {
		t.Errorf("%+v", h)
	}
}

// A session begun with a certificate, or without one, is not resumed where
// certificates are asked for; nor is a ticket of such a session given out.
func TestMutualDoesNotResume(t *testing.T) {
	root := newCA(t, "root", nil, nil)
	stores, _ := storeOf(t, root)
	pair := root.client(t, ecdsa256(), nil)
	for _, version := range tlsVersions {
		client := showing(&pair, version)
		cache := &oneSession{}
		client.ClientSessionCache = cache
		for _, m := range []Mutual{{Mode: Passthrough}, {Mode: Verify, TrustStore: lookup(t, stores)}} {
			for range 2 {
				_, err, state, _ := meet(mutualServer(t, m), client)
				if err != nil || state.DidResume || cache.state != nil {
					t.Fatalf("%s: %v, resumed %t, ticket %v", m.Mode, err, state.DidResume, cache.state)
				}
			}
			if _, err, _, _ := meet(mutualServer(t, Mutual{}), client); err != nil || cache.state == nil {
				t.Fatalf("no session to offer: %v", err)
			}
			if _, err, state, _ := meet(mutualServer(t, m), client); err != nil || state.DidResume {
				t.Errorf("%s resumes a session begun without a certificate: %v", m.Mode, err)
			}
			cache.state = nil
		}
	}
}

func TestAdvertiseCANames(t *testing.T) {
	one, two := newCA(t, "one", nil, nil), newCA(t, "two", nil, nil)
	stores, dir := storeOf(t, one)
	store := lookup(t, stores)
	for _, version := range tlsVersions {
		put(t, dir, "ca.pem", bundle(one))
		var asked [][]byte
		client := showing(nil, version)
		pair := one.client(t, ecdsa256(), nil)
		client.GetClientCertificate = func(r *tls.CertificateRequestInfo) (*tls.Certificate, error) {
			asked = r.AcceptableCAs
			return &pair, nil
		}
		meet(mutualServer(t, Mutual{Mode: Verify, TrustStore: store}), client)
		if len(asked) != 0 {
			t.Errorf("off: %d names", len(asked))
		}
		store.looked.Store(0)
		server := mutualServer(t, Mutual{Mode: Verify, TrustStore: store, AdvertiseCANames: true})
		if _, err, _, _ := meet(server, client); err != nil || len(asked) != 1 || !bytes.Equal(asked[0], one.cert.RawSubject) {
			t.Errorf("on: %v, %q", err, asked)
		}
		put(t, dir, "ca.pem", bundle(one, two))
		store.looked.Store(0)
		for range 2 {
			if _, err, _, _ := meet(server, client); err != nil || len(asked) != 2 || !bytes.Equal(asked[1], two.cert.RawSubject) {
				t.Errorf("after a change: %v, %q", err, asked)
			}
		}
	}
}

// What crypto/tls finds before we can, by its own words.
func TestFailuresOfTheHandshake(t *testing.T) {
	root := newCA(t, "root", nil, nil)
	stores, _ := storeOf(t, root)
	broken := root.client(t, ecdsa256(), nil)
	broken.Certificate = [][]byte{broken.Certificate[0][:100]}
	lying := root.client(t, ecdsa256(), nil)
	lying.PrivateKey, _ = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	for _, test := range []struct {
		pair tls.Certificate
		want string
	}{{broken, ClientCertInvalid}, {lying, ClientCertRejected}} {
		for _, version := range tlsVersions {
			state, err, _, _ := meet(mutualServer(t, Mutual{Mode: Verify, TrustStore: lookup(t, stores)}), showing(&test.pair, version))
			if h := HandshakeOf(Verify, &state, err); h.VerifyStatus != "Failed:"+test.want {
				t.Errorf("%v: %+v, want %s", err, h, test.want)
			}
		}
	}
}

func TestMutualOfListener(t *testing.T) {
	stores, _ := storeOf(t, newCA(t, "root", nil, nil))
	yes := true
	for _, test := range []struct {
		m     *lb.MutualAuthentication
		want  Mutual
		fault string
	}{
		{nil, Mutual{Mode: Off}, ""},
		{&lb.MutualAuthentication{Mode: "off"}, Mutual{Mode: Off}, ""},
		{&lb.MutualAuthentication{Mode: "passthrough"}, Mutual{Mode: Passthrough}, ""},
		{&lb.MutualAuthentication{Mode: "verify", TrustStoreARN: storeARN}, Mutual{Mode: Verify, TrustStore: lookup(t, stores)}, ""},
		{&lb.MutualAuthentication{Mode: "verify", TrustStoreARN: storeARN, IgnoreClientCertificateExpiry: &yes, AdvertiseTrustStoreCANames: "on"},
			Mutual{Verify, lookup(t, stores), true, true}, ""},
		{&lb.MutualAuthentication{Mode: "verify", TrustStoreARN: strings.Replace(storeARN, "shop", "none", 1)}, Mutual{}, "ca.pem"},
		{&lb.MutualAuthentication{Mode: "Verify"}, Mutual{}, "write off, passthrough or verify"},
	} {
		got, err := stores.Mutual(test.m)
		if got != test.want || (err == nil) != (test.fault == "") || err != nil && !strings.Contains(err.Error(), test.fault) {
			t.Errorf("%+v: %+v %v", test.m, got, err)
		}
	}
}

func BenchmarkVerify(b *testing.B) {
	root := newCA(b, "root", nil, nil)
	stores, dir := storeOf(b, root)
	revoked := make([]*big.Int, 100_000)
	for i := range revoked {
		revoked[i] = big.NewInt(int64(i) + 1)
	}
	put(b, dir, "crl.der", root.list(b, nil, revoked...))
	store := lookup(b, stores)
	presented := []*x509.Certificate{mustParse(b, root.client(b, ecdsa256(), nil).Certificate[0])}
	for b.Loop() {
		if err := store.verify(presented, time.Now(), false); err != nil {
			b.Fatal(err)
		}
	}
}
