package certs

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"math/big"
	"net/url"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"
)

func stateOf(t testing.TB, chain ...[]byte) *tls.ConnectionState {
	state := new(tls.ConnectionState)
	for _, der := range chain {
		state.PeerCertificates = append(state.PeerCertificates, mustParse(t, der))
	}
	return state
}

func TestMutualHeaders(t *testing.T) {
	root := newCA(t, "root", nil, nil)
	pair := root.client(t, ecdsa256(), func(c *x509.Certificate) {
		c.SerialNumber = big.NewInt(0x3A5B1)
		c.NotBefore = time.Date(2023, 9, 21, 3, 50, 17, 0, time.FixedZone("", 2*3600))
		c.NotAfter = time.Date(2024, 9, 20, 1, 50, 17, 0, time.UTC)
	}, root)
	state := stateOf(t, pair.Certificate...)

	through := MutualHeaders(Passthrough, state)
	if len(through) != 1 || through[0].Name != "X-Amzn-Mtls-Clientcert" {
		t.Fatalf("%+v", through)
	}
	checkEscapedPEM(t, through[0].Value, pair.Certificate)
	if !strings.HasPrefix(through[0].Value, "-----BEGIN%20CERTIFICATE-----%0AMII") || !strings.HasSuffix(through[0].Value, "-----END%20CERTIFICATE-----%0A") {
		t.Error(through[0].Value)
	}

	verified := MutualHeaders(Verify, state)
	want := []Header{
		{"X-Amzn-Mtls-Clientcert-Serial-Number", "03A5B1"},
		{"X-Amzn-Mtls-Clientcert-Issuer", `CN=root,O=Shop\, Inc.`},
		{"X-Amzn-Mtls-Clientcert-Subject", "CN=client-1,C=US"},
		{"X-Amzn-Mtls-Clientcert-Validity", "NotBefore=2023-09-21T01:50:17Z;NotAfter=2024-09-20T01:50:17Z"},
	}
	if len(verified) != 5 || !slices.Equal(verified[:4], want) || verified[4].Name != "X-Amzn-Mtls-Clientcert-Leaf" {
		t.Errorf("%+v, want %+v", verified, want)
	}
	checkEscapedPEM(t, verified[4].Value, pair.Certificate[:1])

	for _, mode := range []string{"", Off} {
		if got := MutualHeaders(mode, state); got != nil {
			t.Errorf("%q: %v", mode, got)
		}
	}
	if MutualHeaders(Verify, nil) != nil || MutualHeaders(Verify, new(tls.ConnectionState)) != nil {
		t.Error("headers of nobody")
	}
	for _, h := range append(through, verified...) {
		if !slices.Contains(MutualHeaderNames, h.Name) {
			t.Errorf("%s is not a name that the proxy takes from clients", h.Name)
		}
	}
	if len(MutualHeaderNames) != len(through)+len(verified) {
		t.Error("a name too many")
	}
}

// checkEscapedPEM: only +, = and / of what URL encoding reserves stand as they are,
// and a target that decodes it, + as +, gets the chain.
func checkEscapedPEM(t *testing.T, value string, want [][]byte) {
	t.Helper()
	for _, c := range []byte(value) {
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-%+=/", c) >= 0) {
			t.Fatalf("%q in it", c)
		}
	}
	text, err := url.PathUnescape(value)
	if err != nil {
		t.Fatal(err)
	}
	rest, n := []byte(text), 0
	for block, more := pem.Decode(rest); block != nil; block, more = pem.Decode(more) {
		if n >= len(want) || !bytes.Equal(block.Bytes, want[n]) {
			t.Fatalf("certificate %d is another", n)
		}
		n++
	}
	if n != len(want) {
		t.Errorf("%d certificates, want %d", n, len(want))
	}
}

func TestSerialHex(t *testing.T) {
	for serial, want := range map[string]string{"2": "02", "FEF257372D5C14D4": "FEF257372D5C14D4", "3A5B1": "03A5B1", "100": "0100", "0": "00"} {
		n, _ := new(big.Int).SetString(serial, 16)
		if got := serialHex(&x509.Certificate{SerialNumber: n}); got != want {
			t.Errorf("%s: %s, want %s", serial, got, want)
		}
	}
}

// part is an attribute of a name with the tag of its string.
type part struct {
	oid  asn1.ObjectIdentifier
	tag  int
	text string
}

// nameOf makes a name in DER; the parts of one list are one RDN.
func nameOf(t testing.TB, rdns ...[]part) []byte {
	t.Helper()
	var sets []asn1.RawValue
	for _, rdn := range rdns {
		var set []attribute
		for _, p := range rdn {
			set = append(set, attribute{p.oid, asn1.RawValue{Tag: p.tag, Bytes: []byte(p.text)}})
		}
		der, err := asn1.MarshalWithParams(set, "set")
		if err != nil {
			t.Fatal(err)
		}
		sets = append(sets, asn1.RawValue{FullBytes: der})
	}
	der, err := asn1.Marshal(sets)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

var (
	oidCN, oidO, oidOU, oidC = asn1.ObjectIdentifier{2, 5, 4, 3}, asn1.ObjectIdentifier{2, 5, 4, 10}, asn1.ObjectIdentifier{2, 5, 4, 11}, asn1.ObjectIdentifier{2, 5, 4, 6}
	oidMail, oidDC           = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 1}, asn1.ObjectIdentifier{0, 9, 2342, 19200300, 100, 1, 25}
)

var names = []struct {
	name string
	rdns [][]part
	want string
}{
	{"the guide's", [][]part{{{oidC, 19, "US"}}, {{asn1.ObjectIdentifier{2, 5, 4, 8}, 12, "Washington"}}, {{asn1.ObjectIdentifier{2, 5, 4, 7}, 12, "Seattle"}},
		{{oidO, 12, "mTLS"}}, {{oidOU, 12, "rootCA"}}, {{oidCN, 12, "rootcamtls.com"}}}, "CN=rootcamtls.com,OU=rootCA,O=mTLS,L=Seattle,ST=Washington,C=US"},
	{"empty", nil, ""},
	{"special", [][]part{{{oidCN, 12, `a,b+c"d\e<f>g;h=i`}}}, `CN=a\,b\+c\"d\\e\<f\>g\;h=i`},
	{"spaces", [][]part{{{oidCN, 12, " a b "}}}, `CN=\ a b\ `},
	{"one space", [][]part{{{oidCN, 12, " "}}}, `CN=\ `},
	{"hash", [][]part{{{oidCN, 12, "#a#"}}}, `CN=\#a#`},
	{"header injection", [][]part{{{oidCN, 12, "a\r\nX-Admin: 1\x00\x7f"}}}, `CN=a\0D\0AX-Admin: 1\00\7F`},
	{"UTF-8", [][]part{{{oidO, 12, "Žofie"}}}, `O=\C5\BDofie`},
	{"UTF-16", [][]part{{{oidO, 30, "\x01\x7d\x00o"}}}, `O=\C5\BDo`},
	{"Latin 1", [][]part{{{oidO, 20, "caf\xe9"}}}, `O=caf\C3\A9`},
	{"several in one", [][]part{{{oidO, 12, "x"}}, {{oidCN, 12, "a"}, {oidOU, 12, "b"}}}, "OU=b+CN=a,O=x"},
	{"mail and domain", [][]part{{{oidDC, 22, "example"}}, {{oidMail, 22, "a@b.example"}}}, "emailAddress=a@b.example,DC=example"},
	{"unknown", [][]part{{{asn1.ObjectIdentifier{1, 2, 3, 4}, 12, "ab"}}}, "1.2.3.4=#0C026162"},
	{"no string", [][]part{{{oidCN, 2, "\x05"}}}, "CN=#020105"},
	{"no text", [][]part{{{oidCN, 12, ""}}}, "CN="},
}

func TestDistinguishedName(t *testing.T) {
	for _, test := range names {
		if got := distinguishedName(nameOf(t, test.rdns...)); got != test.want {
			t.Errorf("%s: %s, want %s", test.name, got, test.want)
		}
	}
	for _, der := range []string{"", "x", "\x30\x01\x05", "\x30\x02\x31", "\x30\x00x"} {
		if got := distinguishedName([]byte(der)); got != "" {
			t.Errorf("%q: %s", der, got)
		}
	}
}

// OpenSSL, which wrote these names first, says the same.
func TestDistinguishedNameAsOpenSSL(t *testing.T) {
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("openssl is not on PATH")
	}
	for _, test := range names {
		if test.name == "no string" || test.name == "empty" {
			continue // crypto/x509 makes no certificate of it
		}
		key := ecdsa256()
		der := nameOf(t, test.rdns...)
		c := signBy(t, &x509.Certificate{SerialNumber: serial(), RawSubject: der, NotAfter: time.Now().Add(time.Hour), Subject: pkix.Name{CommonName: "x"}}, nil, key, nil)
		cmd := exec.Command(openssl, "x509", "-inform", "DER", "-noout", "-subject", "-nameopt", "RFC2253")
		cmd.Stdin = bytes.NewReader(c.Raw)
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%s: %v", test.name, err)
		}
		want := strings.TrimSuffix(strings.TrimPrefix(string(out), "subject="), "\n")
		if got := distinguishedName(c.RawSubject); got != want {
			t.Errorf("%s: %s, OpenSSL has %s", test.name, got, want)
		}
	}
}

func FuzzDistinguishedName(f *testing.F) {
	for _, test := range names {
		f.Add(nameOf(f, test.rdns...))
	}
	f.Fuzz(func(t *testing.T, der []byte) {
		got := distinguishedName(der)
		for _, c := range []byte(got) {
			if c < ' ' || c > '~' {
				t.Fatalf("%q has %q", got, c)
			}
		}
		if len(got) > 40*len(der) {
			t.Errorf("%d bytes of %d", len(got), len(der))
		}
	})
}

// Whatever certificate crypto/x509 can read, its headers are fit to be sent.
func FuzzMutualHeaders(f *testing.F) {
	root := newCA(f, "root", nil, nil)
	f.Add(root.client(f, ecdsa256(), nil).Certificate[0])
	f.Add(root.client(f, ecdsa256(), func(c *x509.Certificate) { c.RawSubject = nameOf(f, names[6].rdns...) }).Certificate[0])
	f.Fuzz(func(t *testing.T, der []byte) {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			return
		}
		state := &tls.ConnectionState{PeerCertificates: []*x509.Certificate{c, root.cert}}
		for _, h := range append(MutualHeaders(Passthrough, state), MutualHeaders(Verify, state)...) {
			for _, b := range []byte(h.Value) {
				if b < ' ' || b > '~' {
					t.Fatalf("%s: %q", h.Name, h.Value)
				}
			}
			if strings.HasSuffix(h.Name, "cert") {
				checkEscapedPEM(t, h.Value, [][]byte{c.Raw, root.cert.Raw})
			}
		}
		HandshakeOf(Verify, state, nil)
	})
}

func BenchmarkMutualHeaders(b *testing.B) {
	root := newCA(b, "root", nil, nil)
	state := stateOf(b, root.client(b, ecdsa256(), nil, root).Certificate...)
	b.ReportAllocs()
	for b.Loop() {
		MutualHeaders(Verify, state)
	}
}
