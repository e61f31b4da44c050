package certs

import (
	"context"
	"crypto/tls"
	"errors"
)

// Config gives the tls.Config of a listener: its policy, its certificates (the
// first is the default), and its application protocols in order of preference
// ("h2", "http/1.1"; none: ALPN is not spoken). Its sessions are kept by Tickets; a
// listener that wants others calls TicketKeys.Use on it.
//
// A connection served without any certificate fails with an internal_error alert.
func Config(p Policy, certs []*Certificate, alpn []string) *tls.Config {
	x := newIndex(certs)
	cfg := &tls.Config{
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
			return nil, nil // this one
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
