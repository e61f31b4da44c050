package acme

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"slices"
	"time"

	"github.com/albatross-lb/albatross/lb"
)

// placeholderLife is short: nobody is to get used to it.
const placeholderLife = 7 * 24 * time.Hour

// placeholder is a certificate signed by its own key, which nobody trusts. It is
// there so that the listener is, while it waits for a real one: an authority that asks
// in a TLS handshake must find somebody.
type placeholder struct {
	pair  *lb.KeyPair
	until time.Time
}

// Placeholder gives the pair that stands in for a wish until there is a certificate.
func (i *Issuer) Placeholder(w Wish) (*lb.KeyPair, error) {
	names := slices.Clone(w.Hosts)
	slices.Sort(names)
	id := idOf(names)
	i.mu.Lock()
	defer i.mu.Unlock()
	now := time.Now()
	if p, ok := i.placeholders[id]; ok && p.until.Sub(now) > placeholderLife/2 {
		return p.pair, nil
	}
	pair, err := selfSigned(names[:min(len(names), maxNames)], now)
	if err != nil {
		return nil, err
	}
	if len(i.placeholders) >= maxWishes {
		clear(i.placeholders)
	}
	i.placeholders[id] = placeholder{pair, now.Add(placeholderLife)}
	return pair, nil
}

func selfSigned(names []string, now time.Time) (*lb.KeyPair, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: "Albatross placeholder"}, DNSNames: names,
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(placeholderLife),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	keyPEM, err := encodeKey(key)
	if err != nil {
		return nil, err
	}
	return &lb.KeyPair{CertPEM: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), KeyPEM: keyPEM}, nil
}

func encodeKey(key *ecdsa.PrivateKey) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}
