package acme

import (
	"context"
	"crypto/tls"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/mholt/acmez/v3"
	"github.com/mholt/acmez/v3/acme"
)

// PathPrefix is where an authority asks over HTTP (RFC 8555 section 8.3).
const PathPrefix = "/.well-known/acme-challenge/"

// ALPN is the protocol of a handshake that is nothing but an authority's question
// (RFC 8737). Whoever serves such a connection must close it when the handshake is
// over: nothing may be asked on it, since nobody has shown a client certificate.
const ALPN = acmez.ACMETLS1Protocol

// answers are what authorities may ask for while orders are under way.
type answers struct {
	open atomic.Int32 // how many there are: nothing is looked up where there are none

	mu     sync.RWMutex
	tokens map[string]token       // HTTP-01, by token
	shown  map[string]*tls.Config // TLS-ALPN-01, by host
	texts  map[string][]string    // DNS-01, by name; an apex and its wildcard share one
}

type token struct{ host, authorization string }

func newAnswers() *answers {
	return &answers{tokens: map[string]token{}, shown: map[string]*tls.Config{}, texts: map[string][]string{}}
}

// keyAuthorization answers HTTP-01. host may have a port.
func (a *answers) keyAuthorization(host, name string) (string, bool) {
	if a.open.Load() == 0 {
		return "", false
	}
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	a.mu.RLock()
	defer a.mu.RUnlock()
	t, ok := a.tokens[name]
	if !ok || !strings.EqualFold(t.host, strings.TrimSuffix(host, ".")) {
		return "", false
	}
	return t.authorization, true
}

// challenge answers TLS-ALPN-01: a client that offers its protocol and no other
// (RFC 8737 section 3) is shown the certificate that proves the host.
func (a *answers) challenge(hello *tls.ClientHelloInfo) *tls.Config {
	if a.open.Load() == 0 || len(hello.SupportedProtos) != 1 || hello.SupportedProtos[0] != ALPN {
		return nil
	}
	a.mu.RLock()
	defer a.mu.RUnlock()
	return a.shown[strings.ToLower(hello.ServerName)]
}

// text answers DNS-01.
func (a *answers) text(name string) []string {
	a.mu.RLock()
	defer a.mu.RUnlock()
	return slices.Clone(a.texts[name])
}

// The solvers put answers where they are looked for, and take them away.
type (
	httpSolver struct{ *answers }
	tlsSolver  struct{ *answers }
	dnsSolver  struct{ *answers }
)

// Present implements acmez.Solver.
func (s httpSolver) Present(_ context.Context, c acme.Challenge) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tokens[c.Token] = token{c.Identifier.Value, c.KeyAuthorization}
	s.open.Add(1)
	return nil
}

// CleanUp implements acmez.Solver.
func (s httpSolver) CleanUp(_ context.Context, c acme.Challenge) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.tokens[c.Token]; ok {
		delete(s.tokens, c.Token)
		s.open.Add(-1)
	}
	return nil
}

// Present implements acmez.Solver.
func (s tlsSolver) Present(_ context.Context, c acme.Challenge) error {
	certificate, err := acmez.TLSALPN01ChallengeCert(c)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	host := strings.ToLower(c.Identifier.Value)
	if s.shown[host] == nil {
		s.open.Add(1)
	}
	s.shown[host] = &tls.Config{
		Certificates: []tls.Certificate{*certificate}, NextProtos: []string{ALPN},
		MinVersion: tls.VersionTLS12, SessionTicketsDisabled: true,
	}
	return nil
}

// CleanUp implements acmez.Solver.
func (s tlsSolver) CleanUp(_ context.Context, c acme.Challenge) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	host := strings.ToLower(c.Identifier.Value)
	if s.shown[host] != nil {
		delete(s.shown, host)
		s.open.Add(-1)
	}
	return nil
}

// Present implements acmez.Solver.
func (s dnsSolver) Present(_ context.Context, c acme.Challenge) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	name := strings.ToLower(c.DNS01TXTRecordName())
	s.texts[name] = append(s.texts[name], c.DNS01KeyAuthorization())
	s.open.Add(1)
	return nil
}

// CleanUp implements acmez.Solver.
func (s dnsSolver) CleanUp(_ context.Context, c acme.Challenge) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	name := strings.ToLower(c.DNS01TXTRecordName())
	i := slices.Index(s.texts[name], c.DNS01KeyAuthorization())
	if i < 0 {
		return nil
	}
	if s.texts[name] = slices.Delete(s.texts[name], i, i+1); len(s.texts[name]) == 0 {
		delete(s.texts, name)
	}
	s.open.Add(-1)
	return nil
}
