package token

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

func newKeys(t *testing.T) map[string]crypto.Signer {
	t.Helper()
	r, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	_, e, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return map[string]crypto.Signer{"RS256": r, "EdDSA": e}
}

func TestPrivateKeys(t *testing.T) {
	keys := newKeys(t)
	for method, key := range keys {
		issuer, err := New(Options{Key: key, Lifetime: time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		signed, err := issuer.Issue("ann")
		if err != nil {
			t.Fatal(err)
		}
		for range 2 { // the second time it is known
			if user, err := issuer.Verify(signed); user != "ann" || err != nil {
				t.Errorf("%s: verified as %q, %v", method, user, err)
			}
		}
		var set struct{ Keys []map[string]string }
		if err := json.Unmarshal(issuer.JWKS(), &set); err != nil || len(set.Keys) != 1 {
			t.Fatalf("%s: JWKS %s, %v", method, issuer.JWKS(), err)
		}
		parsed, _, err := jwt.NewParser().ParseUnverified(signed, jwt.MapClaims{})
		if err != nil || parsed.Header["kid"] != set.Keys[0]["kid"] || parsed.Header["alg"] != method || set.Keys[0]["alg"] != method {
			t.Errorf("%s: header %v, JWKS %v, %v", method, parsed.Header, set.Keys, err)
		}
		for other, stranger := range keys {
			o, _ := New(Options{Key: stranger, Lifetime: time.Minute})
			if _, err := o.Verify(signed); (err == nil) != (other == method) {
				t.Errorf("%s by the key for %s: %v", method, other, err)
			}
			trusting, _ := New(Options{Key: stranger, Trusted: []crypto.PublicKey{key.Public()}, Lifetime: time.Minute})
			if user, err := trusting.Verify(signed); user != "ann" || err != nil {
				t.Errorf("%s, trusted: %q, %v", method, user, err)
			}
		}
		// The public key is no secret to sign with (RFC 8725 section 2.1).
		public, _ := x509.MarshalPKIXPublicKey(key.Public())
		for _, secret := range [][]byte{public, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public})} {
			forged, _ := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{"sub": "ann", "exp": time.Now().Add(time.Minute).Unix()}).SignedString(secret)
			if _, err := issuer.Verify(forged); err == nil {
				t.Errorf("%s: a token signed with the public key was taken", method)
			}
		}
	}
}

// The thumbprint is the example of RFC 8037 appendix A.3.
func TestThumbprint(t *testing.T) {
	public := ed25519.PublicKey("\xd7\x5a\x98\x01\x82\xb1\x0a\xb7\xd5\x4b\xfe\xd3\xc9\x64\x07\x3a\x0e\xe1\x72\xf3\xda\xa6\x23\x25\xaf\x02\x1a\x68\xf7\x07\x51\x1a")
	k, err := publicKey(public)
	if err != nil || k.id != "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k" {
		t.Errorf("kid %q, %v", k.id, err)
	}
}

func TestIssuerAudienceSkew(t *testing.T) {
	now := time.Date(2024, 1, 1, 12, 0, 0, 0, time.UTC)
	clock := func() time.Time { return now }
	make := func(o Options) *Issuer {
		o.Secret, o.Lifetime, o.Now = secret, time.Minute, clock
		i, err := New(o)
		if err != nil {
			t.Fatal(err)
		}
		return i
	}
	plain, full := make(Options{}), make(Options{Name: "https://retail", Audience: "predict", Skew: 30 * time.Second})
	signed, _ := full.Issue("ann")
	bare, _ := plain.Issue("ann")
	elsewhere, _ := make(Options{Name: "https://other", Audience: "predict"}).Issue("ann")
	aside, _ := make(Options{Name: "https://retail", Audience: "other"}).Issue("ann")
	for name, token := range map[string]string{"no issuer": bare, "another issuer": elsewhere, "another audience": aside} {
		if _, err := full.Verify(token); err == nil {
			t.Errorf("%s: was taken", name)
		}
	}
	if _, err := full.Verify(signed); err != nil {
		t.Error(err)
	}
	now = now.Add(-29 * time.Second)
	if _, err := make(full.Options).Verify(signed); err != nil {
		t.Errorf("issued 29 s in the future, with 30 s of skew: %v", err)
	}
	now = now.Add(-2 * time.Second)
	if _, err := make(Options{Name: full.Name, Audience: full.Audience, Skew: full.Skew}).Verify(signed); err == nil {
		t.Error("issued 31 s in the future: was taken")
	}
	now = now.Add(31*time.Second + time.Minute + 29*time.Second)
	if _, err := full.Verify(signed); err != nil {
		t.Errorf("29 s after its end, with 30 s of skew: %v", err)
	}
	now = now.Add(2 * time.Second)
	if _, err := full.Verify(signed); err == nil {
		t.Error("31 s after its end: was taken")
	}
}

func TestReadKeys(t *testing.T) {
	for method, key := range newKeys(t) {
		private, _ := x509.MarshalPKCS8PrivateKey(key)
		public, _ := x509.MarshalPKIXPublicKey(key.Public())
		folder := t.TempDir()
		write := func(name, kind string, data []byte) string {
			path := filepath.Join(folder, name)
			if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: data}), 0o600); err != nil {
				t.Fatal(err)
			}
			return path
		}
		if got, err := ReadKey(write("private", "PRIVATE KEY", private)); err != nil || !got.Public().(interface{ Equal(crypto.PublicKey) bool }).Equal(key.Public()) {
			t.Errorf("%s: %v, %v", method, got, err)
		}
		if got, err := ReadPublicKey(write("public", "PUBLIC KEY", public)); err != nil || !got.(interface{ Equal(crypto.PublicKey) bool }).Equal(key.Public()) {
			t.Errorf("%s: %v, %v", method, got, err)
		}
		if _, err := ReadKey(write("half", "PRIVATE KEY", private[:20])); err == nil {
			t.Errorf("%s: half a key was read", method)
		}
		if _, err := ReadPublicKey(filepath.Join(folder, "none")); err == nil {
			t.Error("a key that is not there was read")
		}
	}
	small, _ := rsa.GenerateKey(rand.Reader, 1024)
	if _, err := New(Options{Key: small, Lifetime: time.Minute}); err == nil || !strings.Contains(err.Error(), "1024 bits") {
		t.Errorf("an RSA key of 1024 bits: %v", err)
	}
	if _, err := New(Options{Key: small, Secret: secret, Lifetime: time.Minute}); err == nil {
		t.Error("a key and a secret were taken together")
	}
}

func TestSeenIsBounded(t *testing.T) {
	var s seen
	now := time.Now()
	for i := range 3 * maxSeen {
		s.add(strings.Repeat("x", 1+i%7)+string(rune('a'+i%26))+time.Duration(i).String(), "ann", now.Add(time.Hour), now)
	}
	if n := len(s.young) + len(s.old); n > maxSeen {
		t.Errorf("%d tokens are remembered, want %d at most", n, maxSeen)
	}
	s.add("good", "ann", now.Add(time.Second), now)
	if _, ok := s.user("good", now); !ok {
		t.Error("a token just added is forgotten")
	}
	if _, ok := s.user("good", now.Add(time.Second)); ok {
		t.Error("a token that ended is remembered")
	}
}

func BenchmarkVerifySeen(b *testing.B) {
	i, err := newIssuer(secret, time.Hour, nil)
	if err != nil {
		b.Fatal(err)
	}
	signed, _ := i.Issue("ann")
	b.ReportAllocs()
	for b.Loop() {
		i.Verify(signed)
	}
}
