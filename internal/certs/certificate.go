package certs

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Certificate is a chain with its private key, read and ready to be shown.
type Certificate struct {
	// Ref is what a Listener calls it: an ARN, or "secret:namespace/name".
	Ref string
	// TLS is the pair for crypto/tls; its Leaf is set.
	TLS *tls.Certificate
	// Names it is valid for, in lower case: DNS names, wildcards among them, and IP addresses.
	Names               []string
	NotBefore, NotAfter time.Time
	// Stale says why what it was read from could not be read again after it changed.
	Stale error
}

// ParsePair reads a certificate chain (leaf first) and its private key (PKCS #8,
// PKCS #1 or SEC 1), both in PEM. ref is what the result is to be called. A
// certificate that has expired is read all the same: see Warning.
func ParsePair(ref string, certPEM, keyPEM []byte) (*Certificate, error) {
	chain, err := blocks(certPEM, "certificate", func(kind string) bool { return kind == "CERTIFICATE" })
	if err != nil {
		return nil, err
	}
	keys, err := blocks(keyPEM, "private key", func(kind string) bool { return strings.HasSuffix(kind, "PRIVATE KEY") })
	if err != nil {
		return nil, err
	}
	if keys[0].Type == "ENCRYPTED PRIVATE KEY" || keys[0].Headers["DEK-Info"] != "" {
		return nil, errors.New("private key: it is encrypted; write it without a password")
	}
	pair, err := tls.X509KeyPair(certPEM, keyPEM)
	if err != nil {
		return nil, pairError(chain, keyPEM, err)
	}
	return newCertificate(ref, &pair), nil
}

// newCertificate takes what it needs to know from the pair's leaf.
func newCertificate(ref string, pair *tls.Certificate) *Certificate {
	leaf := pair.Leaf
	c := &Certificate{Ref: ref, TLS: pair, NotBefore: leaf.NotBefore, NotAfter: leaf.NotAfter}
	for _, name := range leaf.DNSNames {
		c.Names = append(c.Names, strings.ToLower(strings.TrimSuffix(name, ".")))
	}
	for _, ip := range leaf.IPAddresses {
		c.Names = append(c.Names, ip.String())
	}
	if len(c.Names) == 0 && leaf.Subject.CommonName != "" {
		c.Names = []string{strings.ToLower(leaf.Subject.CommonName)}
	}
	return c
}

// blocks gives the PEM blocks of the wanted kind in text, at least one.
func blocks(text []byte, what string, wanted func(kind string) bool) ([]*pem.Block, error) {
	var found []*pem.Block
	var others []string
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if wanted(block.Type) {
			found = append(found, block)
		} else {
			others = append(others, block.Type)
		}
	}
	switch {
	case len(found) > 0:
		return found, nil
	case len(bytes.TrimSpace(text)) == 0:
		return nil, fmt.Errorf("%s: it is empty", what)
	case len(others) > 0:
		return nil, fmt.Errorf("%s: no %s in it, only %s", what, what, strings.Join(others, ", "))
	}
	return nil, fmt.Errorf("%s: no PEM block in it (-----BEGIN ...)", what)
}

// pairError says in our words why a chain and a key do not make a pair.
func pairError(chain []*pem.Block, keyPEM []byte, cause error) error {
	for i, block := range chain {
		leaf, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return fmt.Errorf("certificate: block %d: %w", i+1, err)
		}
		if i == 0 {
			continue
		}
		one := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: leaf.Raw})
		if _, err := tls.X509KeyPair(one, keyPEM); err == nil {
			return fmt.Errorf("certificate: the private key belongs to block %d; put that one first", i+1)
		}
	}
	if strings.Contains(cause.Error(), "does not match") {
		return errors.New("the private key does not belong to the certificate")
	}
	return fmt.Errorf("private key: %s", strings.TrimPrefix(cause.Error(), "tls: "))
}

// Warning says what its owner should know: that it is Stale, has expired, is not
// valid yet, or expires within 14 days. "" if there is nothing to say.
func (c *Certificate) Warning(now time.Time) string {
	const day = 24 * time.Hour
	switch left := c.NotAfter.Sub(now); {
	case c.Stale != nil:
		return "an older version of the certificate is served: " + c.Stale.Error()
	case left < 0:
		return "certificate expired on " + c.NotAfter.UTC().Format(time.DateOnly)
	case now.Before(c.NotBefore):
		return "certificate is not valid before " + c.NotBefore.UTC().Format(time.DateOnly)
	case left < 14*day:
		return "certificate expires on " + c.NotAfter.UTC().Format(time.DateOnly)
	}
	return ""
}

// Covers tells whether the certificate is valid for a host name. A wildcard
// stands for exactly one label (RFC 6125, section 6.4.3).
func (c *Certificate) Covers(host string) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	return slices.Contains(c.Names, host) || slices.Contains(c.Names, wildcardOf(host))
}

// wildcardOf is the wildcard that covers host: "*.example.com" for "shop.example.com".
func wildcardOf(host string) string {
	if i := strings.IndexByte(host, '.'); i > 0 {
		return "*" + host[i:]
	}
	return ""
}

// strength is what Choose compares, better is greater.
type strength struct{ valid, ecdsa, hash, bits int }

func (c *Certificate) strength(now time.Time) strength {
	var s strength
	if !now.After(c.NotAfter) && !now.Before(c.NotBefore) {
		s.valid = 1
	}
	switch key := c.TLS.Leaf.PublicKey.(type) {
	case *ecdsa.PublicKey:
		s.ecdsa, s.bits = 1, key.Curve.Params().BitSize
	case *rsa.PublicKey:
		s.bits = key.N.BitLen()
	}
	s.hash = hashBits[c.TLS.Leaf.SignatureAlgorithm]
	return s
}

var hashBits = map[x509.SignatureAlgorithm]int{
	x509.SHA1WithRSA: 1, x509.ECDSAWithSHA1: 1,
	x509.SHA256WithRSA: 256, x509.SHA256WithRSAPSS: 256, x509.ECDSAWithSHA256: 256,
	x509.SHA384WithRSA: 384, x509.SHA384WithRSAPSS: 384, x509.ECDSAWithSHA384: 384,
	x509.SHA512WithRSA: 512, x509.SHA512WithRSAPSS: 512, x509.ECDSAWithSHA512: 512, x509.PureEd25519: 512,
}
