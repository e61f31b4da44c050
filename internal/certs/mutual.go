package certs

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/albatross-lb/albatross/lb"
)

// Modes of mutual authentication, in the words of the elbv2 API. The empty mode is Off.
const (
	Off         = "off"
	Passthrough = "passthrough"
	Verify      = "verify"
)

// What a client may present. The chain length is AWS's quota ("maximum certificate
// chain depth"), and so is the size of one certificate. The size of all together is
// ours: it keeps X-Amzn-Mtls-Clientcert under 48 KiB.
const (
	maxPresented       = 4
	maxCertificate     = 16 << 10
	maxAllCertificates = 32 << 10
)

// Mutual is how a listener treats the certificates of its clients.
type Mutual struct {
	// Mode is Off (clients are not asked), Passthrough (clients are asked; any
	// certificate will do, and none; the target is to judge it) or Verify (no
	// connection without a certificate that TrustStore vouches for).
	Mode       string
	TrustStore *TrustStore // for Verify
	// IgnoreExpiry lets a client's own certificate be out of date, not its CAs.
	IgnoreExpiry bool
	// AdvertiseCANames tells clients which CAs the trust store has, so that they can
	// choose the right one of several certificates.
	AdvertiseCANames bool
}

// Mutual is m with its trust store. m may be nil, for Off.
func (s *TrustStores) Mutual(m *lb.MutualAuthentication) (Mutual, error) {
	switch {
	case m == nil || m.Mode == "" || m.Mode == Off:
		return Mutual{Mode: Off}, nil
	case m.Mode == Passthrough:
		return Mutual{Mode: Passthrough}, nil
	case m.Mode != Verify:
		return Mutual{}, fmt.Errorf("mutual authentication has no mode %q; write off, passthrough or verify", m.Mode)
	}
	store, err := s.Lookup(m.TrustStoreARN)
	if err != nil {
		return Mutual{}, err
	}
	ignore := m.IgnoreClientCertificateExpiry != nil && *m.IgnoreClientCertificateExpiry
	return Mutual{Verify, store, ignore, m.AdvertiseTrustStoreCANames == "on"}, nil
}

// ConfigMutual is Config for a listener with mutual authentication.
//
// Where clients are asked for a certificate, sessions are not resumed, as on an
// application load balancer: a ticket would outlive the expiry and the revocation of
// the certificate it stands for.
//
// A refused handshake ends with a bad_certificate alert (certificate_required where
// there is none) and a *VerifyError, for Handshake to tell the connection log.
//
// The tls.Config that its GetConfigForClient returns, if any, is the one to use: it
// advertises the CAs of a trust store that has changed since.
func ConfigMutual(p Policy, certs []*Certificate, alpn []string, m Mutual) *tls.Config {
	cfg := Config(p, certs, alpn)
	switch m.Mode {
	case "", Off:
		return cfg
	case Passthrough:
		cfg.ClientAuth = tls.RequestClientCert
	default:
		cfg.ClientAuth = tls.RequireAnyClientCert
	}
	cfg.SessionTicketsDisabled = true
	cfg.WrapSession, cfg.UnwrapSession = nil, nil
	cfg.VerifyConnection = func(state tls.ConnectionState) error {
		return m.judge(state.PeerCertificates, time.Now())
	}
	if m.Mode == Verify && m.TrustStore != nil && m.AdvertiseCANames {
		m.advertise(cfg)
	}
	return cfg
}

// judge refuses what a client presents, or gives nil. It is an error to be in a mode
// that is none, or to verify without a trust store: then it refuses everything.
func (m Mutual) judge(presented []*x509.Certificate, now time.Time) error {
	if err := sizeFault(presented); err != nil {
		return err
	}
	switch {
	case m.Mode == Passthrough:
		return nil
	case m.Mode != Verify || m.TrustStore == nil:
		return refuse(ClientCertRejected, "there is no trust store to verify it with")
	}
	return m.TrustStore.verify(presented, now, m.IgnoreExpiry)
}

func sizeFault(presented []*x509.Certificate) error {
	sum := 0
	for _, c := range presented {
		if sum += len(c.Raw); len(c.Raw) > maxCertificate || sum > maxAllCertificates {
			return refuse(ClientCertMaxSizeExceeded, "one certificate may have %d bytes, all together %d", maxCertificate, maxAllCertificates)
		}
	}
	return nil
}

// advertise has cfg name the CAs that the trust store has at the time of a handshake.
func (m Mutual) advertise(cfg *tls.Config) {
	note := cfg.GetConfigForClient
	cfg.ClientCAs = m.TrustStore.current().pool
	var newer atomic.Pointer[tls.Config]
	cfg.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		if _, err := note(hello); err != nil {
			return nil, err
		}
		pool := m.TrustStore.current().pool
		if pool == cfg.ClientCAs {
			return withoutALPN(cfg, hello), nil
		}
		c := newer.Load()
		if c == nil || c.ClientCAs != pool {
			c = cfg.Clone()
			c.ClientCAs = pool
			newer.Store(c)
		}
		if mute := withoutALPN(c, hello); mute != nil {
			return mute, nil
		}
		return c, nil
	}
}
