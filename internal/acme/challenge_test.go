package acme

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"net"
	"slices"
	"testing"

	"github.com/mholt/acmez/v3"
	"github.com/mholt/acmez/v3/acme"
)

func challengeFor(host, token string) acme.Challenge {
	return acme.Challenge{Token: token, KeyAuthorization: token + ".thumb", Identifier: acme.Identifier{Type: "dns", Value: host}}
}

func present(t *testing.T, s acmez.Solver, c acme.Challenge) {
	t.Helper()
	if err := s.Present(context.Background(), c); err != nil {
		t.Fatal(err)
	}
}

func TestHTTPAnswers(t *testing.T) {
	a := newAnswers()
	s := httpSolver{a}
	if _, ok := a.keyAuthorization("a.example", "tok"); ok {
		t.Error("answered before anybody asked for it")
	}
	present(t, s, challengeFor("a.example", "tok"))
	for _, c := range []struct {
		host, token string
		ok          bool
	}{
		{"a.example", "tok", true}, {"A.Example:80", "tok", true}, {"a.example.", "tok", true},
		{"b.example", "tok", false}, {"", "tok", false}, {"a.example", "tok2", false}, {"a.example", "", false}, {"a.example", "../tok", false},
	} {
		got, ok := a.keyAuthorization(c.host, c.token)
		if ok != c.ok || ok && got != "tok.thumb" {
			t.Errorf("%s %s: %q, %v", c.host, c.token, got, ok)
		}
	}
	s.CleanUp(context.Background(), challengeFor("a.example", "tok"))
	s.CleanUp(context.Background(), challengeFor("a.example", "tok"))
	if _, ok := a.keyAuthorization("a.example", "tok"); ok || a.open.Load() != 0 {
		t.Errorf("answered after the end; %d open", a.open.Load())
	}
}

func TestDNSAnswers(t *testing.T) {
	a := newAnswers()
	s := dnsSolver{a}
	apex, wild := challengeFor("a.example", "one"), challengeFor("a.example", "two")
	present(t, s, apex)
	present(t, s, wild)
	if got := a.text("_acme-challenge.a.example"); len(got) != 2 || got[0] != apex.DNS01KeyAuthorization() || got[1] != wild.DNS01KeyAuthorization() {
		t.Errorf("an apex and its wildcard: %v", got)
	}
	s.CleanUp(context.Background(), apex)
	if got := a.text("_acme-challenge.a.example"); !slices.Equal(got, []string{wild.DNS01KeyAuthorization()}) {
		t.Errorf("after the first is done: %v", got)
	}
	s.CleanUp(context.Background(), wild)
	s.CleanUp(context.Background(), wild)
	if len(a.texts) != 0 || a.open.Load() != 0 {
		t.Errorf("left: %v, %d open", a.texts, a.open.Load())
	}
}

// handshake shakes hands with what a listener would do; it gives what the client saw.
func handshake(t *testing.T, a *answers, client *tls.Config) (tls.ConnectionState, error) {
	t.Helper()
	near, far := net.Pipe()
	defer near.Close()
	defer far.Close()
	server := tls.Server(far, &tls.Config{NextProtos: []string{"http/1.1"}, GetConfigForClient: func(h *tls.ClientHelloInfo) (*tls.Config, error) {
		return a.challenge(h), nil
	}})
	go server.Handshake()
	c := tls.Client(near, client)
	err := c.Handshake()
	return c.ConnectionState(), err
}

func TestTLSAnswers(t *testing.T) {
	a := newAnswers()
	s := tlsSolver{a}
	ask := func(host string, protocols ...string) (tls.ConnectionState, error) {
		return handshake(t, a, &tls.Config{ServerName: host, InsecureSkipVerify: true, NextProtos: protocols})
	}
	if _, err := ask("a.example", ALPN); err == nil {
		t.Error("answered before anybody asked for it")
	}
	present(t, s, challengeFor("a.example", "tok"))
	state, err := ask("A.example", ALPN)
	if err != nil {
		t.Fatal(err)
	}
	leaf := state.PeerCertificates[0]
	proof := slices.ContainsFunc(leaf.Extensions, func(e pkix.Extension) bool {
		return e.Critical && e.Id.Equal(asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 1, 31})
	})
	if state.NegotiatedProtocol != ALPN || !proof || !slices.Equal(leaf.DNSNames, []string{"a.example"}) {
		t.Errorf("%q, proof %v, for %v", state.NegotiatedProtocol, proof, leaf.DNSNames)
	}
	for _, protocols := range [][]string{{ALPN, "http/1.1"}, {"http/1.1", ALPN}, {"http/1.1"}, nil} {
		if state, err := ask("a.example", protocols...); err == nil {
			t.Errorf("%v is shown the proof: %v", protocols, state.PeerCertificates)
		}
	}
	if _, err := ask("b.example", ALPN); err == nil {
		t.Error("another host is answered")
	}
	s.CleanUp(context.Background(), challengeFor("a.example", "tok"))
	s.CleanUp(context.Background(), challengeFor("a.example", "tok"))
	if _, err := ask("a.example", ALPN); err == nil || a.open.Load() != 0 {
		t.Errorf("answered after the end; %d open", a.open.Load())
	}
}

func TestPlaceholder(t *testing.T) {
	i := open(t, t.TempDir(), nil)
	one, err := i.Placeholder(Wish{Hosts: []string{"b.example", "*.a.example"}})
	if err != nil {
		t.Fatal(err)
	}
	pair, err := tls.X509KeyPair(one.CertPEM, one.KeyPEM)
	if err != nil {
		t.Fatal(err)
	}
	if pair.Leaf.VerifyHostname("x.a.example") != nil || pair.Leaf.IsCA {
		t.Errorf("for %v, authority %v", pair.Leaf.DNSNames, pair.Leaf.IsCA)
	}
	if _, err := pair.Leaf.Verify(x509.VerifyOptions{}); err == nil {
		t.Error("somebody trusts it")
	}
	again, _ := i.Placeholder(Wish{Hosts: []string{"*.a.example", "b.example"}})
	other, _ := i.Placeholder(Wish{Hosts: []string{"c.example"}})
	if again != one || other == one {
		t.Error("the same hosts have the same placeholder, others another")
	}
}
