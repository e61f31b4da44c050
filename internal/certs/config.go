package certs

import (
	"context"
	"crypto/tls"
	"errors"
	"slices"
)

// Config gives the tls.Config of a listener: its policy, its certificates (the
// first is the default), and its application protocols in order of preference
// ("h2", "http/1.1"; none: ALPN is not spoken). A client that offers none of them is served without
// ALPN, as nginx and HAProxy do; RFC 7301 section 3.2 would have the handshake fail,
// and with it every client that says no more than "http/1.0". Its sessions are kept by Tickets; a
// listener that wants others calls TicketKeys.Use on it.
//
// A connection served without any certificate fails with an internal_error alert.
func Config(p Policy, certs []*Certificate, alpn []string) *tls.Config {
	x := newIndex(certs)
	var cfg *tls.Config
	cfg = &tls.Config{
		MinVersion:       p.MinVersion,
		MaxVersion:       p.MaxVersion,
		CipherSuites:     p.CipherSuites,
		CurvePreferences: p.Curves,
		NextProtos:       alpn,
		GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
			if slot, ok := hello.Context().Value(chosenKey{}).(*Chosen); ok {
				slot.Certificate = x.choose(hello)
				slot.ServerName, slot.Offered = hello.ServerName, hello.SupportedProtos
			}
			return withoutALPN(cfg, hello), nil
		},
		GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
			c := x.choose(hello)
			if c == nil {
				return nil, errors.New("the listener has no certificate")
			}
			return c.TLS, nil
		},
	}
	Tickets.Use(cfg, p.Name)
	return cfg
}

// withoutALPN is cfg for a client that offers none of its protocols; nil, which means cfg itself, for
// all others.
func withoutALPN(cfg *tls.Config, hello *tls.ClientHelloInfo) *tls.Config {
	spoken := func(protocol string) bool { return slices.Contains(cfg.NextProtos, protocol) }
	if len(hello.SupportedProtos) == 0 || len(cfg.NextProtos) == 0 || slices.ContainsFunc(hello.SupportedProtos, spoken) {
		return nil
	}
	c := cfg.Clone()
	c.NextProtos = nil
	return c
}

// Chosen receives the certificate of a handshake, which crypto/tls does not tell:
// for logs, and for whoever wants to know what a client was shown.
type Chosen struct {
	Certificate *Certificate // nil until the client's hello was read
	ServerName  string       // that the client asked for (SNI)
	Offered     []string     // application protocols of the client, most wanted first
}

type chosenKey struct{}

// WithChosen gives a context for tls.Conn.HandshakeContext in which a Config of
// this package leaves its choice in c. A resumed session shows no certificate; c
// then has the one it would have shown.
func WithChosen(ctx context.Context, c *Chosen) context.Context {
	return context.WithValue(ctx, chosenKey{}, c)
}
