package certs

import (
	"context"
	"crypto/tls"
	"strings"
	"testing"
)

func policy(t testing.TB, name string) Policy {
	p, ok := LookupPolicy("ELBSecurityPolicy-" + name)
	if !ok {
		t.Fatalf("no policy %s", name)
	}
	return p
}

func TestConfigShowsTheChosen(t *testing.T) {
	a, b := certificate(t, "a", kind{}, "a.example"), certificate(t, "b", kind{}, "*.b.example")
	server := Config(policy(t, "TLS13-1-2-2021-06"), []*Certificate{a, b}, []string{"h2", "http/1.1"})
	for name, want := range map[string]*Certificate{"a.example": a, "x.b.example": b, "c.example": a} {
		var chosen Chosen
		state, err := shakeIn(WithChosen(context.Background(), &chosen), server,
			&tls.Config{ServerName: name, InsecureSkipVerify: true, NextProtos: []string{"http/1.1"}})
		if err != nil {
			t.Fatal(err)
		}
		if !state.PeerCertificates[0].Equal(want.TLS.Leaf) || chosen.Certificate != want {
			t.Errorf("%s is shown %v and told %v", name, state.PeerCertificates[0].DNSNames, chosen.Certificate)
		}
		if state.NegotiatedProtocol != "http/1.1" {
			t.Errorf("protocol %q", state.NegotiatedProtocol)
		}
	}
}

func TestConfigWithoutCertificates(t *testing.T) {
	_, err := shake(Config(policy(t, "2016-08"), nil, nil), &tls.Config{InsecureSkipVerify: true})
	if err == nil || !strings.Contains(err.Error(), "no certificate") {
		t.Errorf("%v", err)
	}
}

// Sessions: kept when the configuration is replaced; not carried to another
// policy, another name or other keys.
func TestTickets(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		t.Run(tls.VersionName(version), func(t *testing.T) {
			certs := []*Certificate{certificate(t, "a", kind{}, "*.example")}
			first := Config(policy(t, "TLS13-1-2-2021-06"), certs, nil)
			client := &tls.Config{
				ServerName: "a.example", InsecureSkipVerify: true, MaxVersion: version,
				ClientSessionCache: &oneSession{},
			}
			resumed := func(server *tls.Config) bool {
				t.Helper()
				state, err := shake(server, client)
				if err != nil {
					t.Fatal(err)
				}
				return state.DidResume
			}
			if resumed(first) {
				t.Error("resumed at first")
			}
			if !resumed(first) {
				t.Error("not resumed by the same Config")
			}
			var chosen Chosen
			if state, err := shakeIn(WithChosen(context.Background(), &chosen), Config(policy(t, "TLS13-1-2-2021-06"), certs, nil), client); err != nil || !state.DidResume {
				t.Errorf("not resumed by the Config that replaced it: %v", err)
			}
			if chosen.Certificate != certs[0] {
				t.Errorf("a resumed session tells %v", chosen.Certificate)
			}
			if resumed(Config(policy(t, "TLS13-1-2-Ext2-2021-06"), certs, nil)) {
				t.Error("resumed under another policy")
			}
			resumed(first)
			others := Config(policy(t, "TLS13-1-2-2021-06"), certs, nil)
			new(TicketKeys).Use(others, "TLS13-1-2-2021-06")
			if resumed(others) {
				t.Error("resumed with other keys")
			}
			resumed(first)
			client.ServerName = "b.example" // the client's cache gives it a.example's ticket
			if resumed(first) {
				t.Error("resumed under another name")
			}
		})
	}
}

// oneSession is a client's cache that offers its last session to any server.
type oneSession struct{ state *tls.ClientSessionState }

func (o *oneSession) Get(string) (*tls.ClientSessionState, bool)  { return o.state, o.state != nil }
func (o *oneSession) Put(_ string, state *tls.ClientSessionState) { o.state = state }

func TestForeignTicketMeansFullHandshake(t *testing.T) {
	cfg := Config(policy(t, "2016-08"), nil, nil)
	for _, ticket := range [][]byte{nil, []byte("x"), make([]byte, 300)} {
		if session, err := cfg.UnwrapSession(ticket, tls.ConnectionState{}); session != nil || err != nil {
			t.Errorf("%v %v", session, err)
		}
	}
}

func BenchmarkHandshake(b *testing.B) {
	server := Config(policy(b, "TLS13-1-2-2021-06"), []*Certificate{certificate(b, "a", kind{}, "a.example")}, nil)
	for b.Loop() {
		if _, err := shake(server, &tls.Config{ServerName: "a.example", InsecureSkipVerify: true}); err != nil {
			b.Fatal(err)
		}
	}
}

// A client whose protocols we do not speak is served without ALPN (curl --http1.0 offers "http/1.0" alone).
func TestALPNWithoutOverlap(t *testing.T) {
	pairs := []*Certificate{certificate(t, "a", kind{}, "a.example")}
	for _, c := range []struct {
		spoken, offered []string
		want            string
	}{
		{[]string{"h2", "http/1.1"}, []string{"http/1.0"}, ""},
		{[]string{"h2", "http/1.1"}, []string{"spdy/3", "h3"}, ""},
		{[]string{"http/1.1"}, []string{"h2"}, ""},
		{[]string{"h2", "http/1.1"}, []string{"http/1.0", "http/1.1"}, "http/1.1"},
		{nil, []string{"http/1.0"}, ""},
		{[]string{"h2", "http/1.1"}, nil, ""},
	} {
		for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
			server := Config(policy(t, "TLS13-1-2-2021-06"), pairs, c.spoken)
			var chosen Chosen
			state, err := shakeIn(WithChosen(context.Background(), &chosen), server,
				&tls.Config{ServerName: "a.example", InsecureSkipVerify: true, NextProtos: c.offered, MaxVersion: version})
			if err != nil || state.NegotiatedProtocol != c.want {
				t.Errorf("%v offered to %v: %q, %v; want %q", c.offered, c.spoken, state.NegotiatedProtocol, err, c.want)
			}
			if len(chosen.Offered) != len(c.offered) {
				t.Errorf("the log is told of %v, not of %v", chosen.Offered, c.offered)
			}
		}
	}
}
