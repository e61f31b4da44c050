package certs

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"
	"time"

	"github.com/albatross-lb/albatross/lb"
)

// Why a client certificate is refused: the words of the connection log (Elastic Load
// Balancing user guide, "Connection logs", error reason codes).
const (
	ClientCertMaxChainDepthExceeded = "ClientCertMaxChainDepthExceeded"
	ClientCertMaxSizeExceeded       = "ClientCertMaxSizeExceeded"
	ClientCertCrlHit                = "ClientCertCrlHit" // it has been revoked
	ClientCertUntrusted             = "ClientCertUntrusted"
	ClientCertNotYetValid           = "ClientCertNotYetValid"
	ClientCertExpired               = "ClientCertExpired"
	ClientCertTypeUnsupported       = "ClientCertTypeUnsupported"
	ClientCertInvalid               = "ClientCertInvalid"
	ClientCertPurposeInvalid        = "ClientCertPurposeInvalid"
	ClientCertRejected              = "ClientCertRejected"
	ClientCertIncompatible          = "ClientCertIncompatible"  // with the security policy
	UnmappedConnectionError         = "UnmappedConnectionError" // anything else
)

// VerifyError says why a client certificate was refused.
type VerifyError struct {
	Reason string // one of the words above
	Err    error
}

func (e *VerifyError) Error() string { return "client certificate: " + e.Reason + ": " + e.Err.Error() }

func (e *VerifyError) Unwrap() error { return e.Err }

func refuse(reason, format string, args ...any) error {
	return &VerifyError{reason, fmt.Errorf(format, args...)}
}

// verify refuses a chain (leaf first) that the trust store does not vouch for, with
// a *VerifyError. What the quotas and "Requirements for certificates" of AWS's guide
// ask: at most 4 certificates; X.509 version 3; RSA of 2048 to 8192 bits or ECDSA on
// P-256, P-384 or P-521 all the way up; made for TLS clients.
func (s *TrustStore) verify(presented []*x509.Certificate, now time.Time, ignoreExpiry bool) error {
	switch {
	case len(presented) == 0:
		return refuse(UnmappedConnectionError, "there is none")
	case len(presented) > maxPresented:
		return refuse(ClientCertMaxChainDepthExceeded, "%d certificates presented, of at most %d", len(presented), maxPresented)
	}
	leaf, trust := presented[0], s.current()
	if leaf.Version != 3 || !supportedKey(leaf) {
		return refuse(ClientCertTypeUnsupported, "X.509 version %d with %s key; use version 3 with RSA of 2048 to 8192 bits or ECDSA", leaf.Version, lb.WithArticle(leaf.PublicKeyAlgorithm.String()))
	}
	if ignoreExpiry && now.After(leaf.NotAfter) {
		unexpired := *leaf
		unexpired.NotAfter = now
		leaf = &unexpired // its issuers must be valid all the same
	}
	options := x509.VerifyOptions{
		Roots: trust.pool, Intermediates: x509.NewCertPool(), CurrentTime: now,
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	for _, c := range presented[1:] {
		options.Intermediates.AddCert(c)
	}
	chains, err := leaf.Verify(options)
	if err != nil {
		return &VerifyError{reasonOf(err, now), err}
	}
	if leaf.KeyUsage != 0 && leaf.KeyUsage&(x509.KeyUsageDigitalSignature|x509.KeyUsageKeyAgreement) == 0 {
		return refuse(ClientCertPurposeInvalid, "its key usage does not let it sign a handshake")
	}
	for _, chain := range chains {
		if err = trust.accept(chain); err == nil {
			return nil
		}
	}
	return err
}

// accept judges one way from a leaf up to a CA of the trust store, which is verified.
func (t *trust) accept(chain []*x509.Certificate) error {
	for i, c := range chain {
		if !supportedKey(c) {
			return refuse(ClientCertTypeUnsupported, "issuer %s has %s key; use RSA of 2048 to 8192 bits or ECDSA", c.Subject, lb.WithArticle(c.PublicKeyAlgorithm.String()))
		}
		issuer := c
		if i+1 < len(chain) {
			issuer = chain[i+1]
		}
		if t.revoked(c, issuer) {
			return refuse(ClientCertCrlHit, "%s has been revoked by %s", c.Subject, c.Issuer)
		}
	}
	return nil
}

func supportedKey(c *x509.Certificate) bool {
	switch key := c.PublicKey.(type) {
	case *rsa.PublicKey:
		return key.N.BitLen() >= 2048 && key.N.BitLen() <= 8192
	case *ecdsa.PublicKey:
		return key.Curve == elliptic.P256() || key.Curve == elliptic.P384() || key.Curve == elliptic.P521()
	}
	return false
}

// reasonOf is the connection log's word for what crypto/x509 found at a time.
func reasonOf(err error, now time.Time) string {
	var invalid x509.CertificateInvalidError
	var unknown x509.UnknownAuthorityError
	switch {
	case errors.As(err, &unknown):
		return ClientCertUntrusted
	case !errors.As(err, &invalid):
		return ClientCertInvalid
	}
	switch invalid.Reason {
	case x509.Expired:
		if now.Before(invalid.Cert.NotBefore) {
			return ClientCertNotYetValid
		}
		return ClientCertExpired
	case x509.IncompatibleUsage, x509.CANotAuthorizedForExtKeyUsage:
		return ClientCertPurposeInvalid
	case x509.TooManyIntermediates: // for a CA on the way up, not for our quota
		return ClientCertUntrusted
	}
	return ClientCertInvalid
}
