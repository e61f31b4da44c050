package certs

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestParsePair(t *testing.T) {
	certPEM, keyPEM := pemPair(t, kind{}, "shop.example.com", "*.Example.com", "192.0.2.1", "2001:db8::1")
	otherCert, otherKey := pemPair(t, kind{key: ecdsa384()}, "other.example.com")
	_, rsaKey := pemPair(t, kind{key: rsa2048()}, "rsa.example.com")
	encrypted := pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: []byte{1}})
	oldEncrypted := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Headers: map[string]string{"DEK-Info": "AES-256-CBC,00"}, Bytes: []byte{1}})
	brokenCert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("not DER")})
	brokenKey := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte("not DER")})
	join := func(parts ...[]byte) []byte { return bytes.Join(parts, []byte("\n")) }

	for _, test := range []struct {
		name      string
		cert, key []byte
		complain  string
	}{
		{"a pair", certPEM, keyPEM, ""},
		{"a chain", join(certPEM, otherCert), keyPEM, ""},
		{"both in one file", join(keyPEM, certPEM), join(certPEM, keyPEM), ""},
		{"words around it", join([]byte("subject=CN = shop\n"), certPEM), join([]byte("Bag Attributes\n"), keyPEM), ""},
		{"no certificate", nil, keyPEM, "certificate: it is empty"},
		{"no key", certPEM, []byte(" \n"), "private key: it is empty"},
		{"key for a certificate", keyPEM, keyPEM, "certificate: no certificate in it, only PRIVATE KEY"},
		{"certificate for a key", certPEM, certPEM, "private key: no private key in it, only CERTIFICATE"},
		{"not PEM", []byte("MIIB..."), keyPEM, "certificate: no PEM block in it"},
		{"another's key", certPEM, otherKey, "the private key does not belong to the certificate"},
		{"another kind of key", certPEM, rsaKey, "the private key does not belong to the certificate"},
		{"chain upside down", join(otherCert, certPEM), keyPEM, "belongs to block 2; put that one first"},
		{"encrypted", certPEM, encrypted, "encrypted"},
		{"encrypted the old way", certPEM, oldEncrypted, "encrypted"},
		{"broken certificate", brokenCert, keyPEM, "certificate: block 1: "},
		{"broken key", certPEM, brokenKey, "private key: "},
	} {
		t.Run(test.name, func(t *testing.T) {
			c, err := ParsePair("secret:shop/tls", test.cert, test.key)
			if test.complain != "" {
				if err == nil || !strings.Contains(err.Error(), test.complain) || strings.Contains(err.Error(), "tls: ") {
					t.Fatalf("error %v, want one with %q", err, test.complain)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			want := []string{"shop.example.com", "*.example.com", "192.0.2.1", "2001:db8::1"}
			if c.Ref != "secret:shop/tls" || !slices.Equal(c.Names, want) || !c.NotAfter.Equal(c.TLS.Leaf.NotAfter) {
				t.Errorf("%+v", c)
			}
		})
	}
}

func TestKeyForms(t *testing.T) {
	certPEM, _ := pemPair(t, kind{}, "a.example")
	sec1, _ := x509.MarshalECPrivateKey(ecdsa256().(*ecdsa.PrivateKey))
	params := pem.EncodeToMemory(&pem.Block{Type: "EC PARAMETERS", Bytes: []byte{6, 8, 42, 134, 72, 206, 61, 3, 1, 7}})
	// As `openssl ecparam -genkey` writes it.
	if _, err := ParsePair("x", certPEM, append(params, pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: sec1})...)); err != nil {
		t.Errorf("SEC 1: %v", err)
	}
	certPEM, _ = pemPair(t, kind{key: rsa2048()}, "a.example")
	pkcs1 := x509.MarshalPKCS1PrivateKey(rsa2048().(*rsa.PrivateKey))
	if _, err := ParsePair("x", certPEM, pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: pkcs1})); err != nil {
		t.Errorf("PKCS #1: %v", err)
	}
}

func TestWarning(t *testing.T) {
	from := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	c := certificate(t, "x", kind{from: from, to: from.AddDate(0, 3, 0)}, "a.example")
	for at, want := range map[time.Time]string{
		from.AddDate(0, 0, -1): "certificate is not valid before 2026-01-01",
		from.AddDate(0, 1, 0):  "",
		from.AddDate(0, 2, 25): "certificate expires on 2026-04-01",
		from.AddDate(0, 4, 0):  "certificate expired on 2026-04-01",
	} {
		if got := c.Warning(at); got != want {
			t.Errorf("on %s: %q, want %q", at.Format(time.DateOnly), got, want)
		}
	}
}

func TestCovers(t *testing.T) {
	c := certificate(t, "x", kind{}, "a.example", "*.b.example", "192.0.2.1")
	for host, want := range map[string]bool{
		"a.example": true, "A.EXAMPLE": true, "a.example.": true, "x.a.example": false, "example": false,
		"x.b.example": true, "b.example": false, "y.x.b.example": false, ".b.example": false, "*.b.example": true,
		"192.0.2.1": true, "192.0.2.2": false, "": false,
	} {
		if got := c.Covers(host); got != want {
			t.Errorf("%q: %v", host, got)
		}
	}
}

func FuzzParsePair(f *testing.F) {
	certPEM, keyPEM := pemPair(f, kind{}, "a.example")
	f.Add(certPEM, keyPEM)
	f.Add(keyPEM, certPEM)
	f.Add([]byte("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n"), keyPEM)
	f.Fuzz(func(t *testing.T, certPEM, keyPEM []byte) {
		c, err := ParsePair("x", certPEM, keyPEM)
		if (err == nil) != (c != nil) {
			t.Fatal("neither a certificate nor an error")
		}
		if c != nil && c.TLS.Leaf == nil {
			t.Fatal("no leaf")
		}
	})
}
