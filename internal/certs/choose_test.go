package certs

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// modern is the hello of a client that can use any certificate.
func modern(name string) *tls.ClientHelloInfo {
	return &tls.ClientHelloInfo{
		ServerName:        name,
		SupportedVersions: []uint16{tls.VersionTLS13, tls.VersionTLS12},
		CipherSuites:      []uint16{tls.TLS_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256},
		SupportedCurves:   []tls.CurveID{tls.X25519, tls.CurveP256, tls.CurveP384},
		SupportedPoints:   []uint8{0},
		SignatureSchemes: []tls.SignatureScheme{tls.ECDSAWithP256AndSHA256, tls.ECDSAWithP384AndSHA384,
			tls.PSSWithSHA256, tls.PKCS1WithSHA256},
	}
}

// onlyRSA is the hello of an old client without ECDSA.
func onlyRSA(name string) *tls.ClientHelloInfo {
	h := modern(name)
	h.SupportedVersions = []uint16{tls.VersionTLS12}
	h.CipherSuites = []uint16{tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256}
	h.SignatureSchemes = []tls.SignatureScheme{tls.PKCS1WithSHA256}
	return h
}

func TestChoose(t *testing.T) {
	day := 24 * time.Hour
	now := time.Now()
	for _, test := range []struct {
		name  string
		certs []*Certificate
		hello *tls.ClientHelloInfo
		want  string
	}{
		{"none", nil, modern("a.example"), ""},
		{"default without a name", []*Certificate{certificate(t, "1", kind{}, "a.example"), certificate(t, "2", kind{}, "b.example")}, modern(""), "1"},
		{"default for another name", []*Certificate{certificate(t, "1", kind{}, "a.example"), certificate(t, "2", kind{}, "b.example")}, modern("c.example"), "1"},
		{"the one that covers", []*Certificate{certificate(t, "1", kind{}, "a.example"), certificate(t, "2", kind{}, "b.example")}, modern("b.example"), "2"},
		{"any case", []*Certificate{certificate(t, "1", kind{}, "a.example"), certificate(t, "2", kind{}, "B.Example")}, modern("b.eXAMPLE"), "2"},
		{"wildcard", []*Certificate{certificate(t, "1", kind{}, "a.example"), certificate(t, "2", kind{}, "*.b.example")}, modern("x.b.example"), "2"},
		{"wildcard: not its apex", []*Certificate{certificate(t, "1", kind{}, "a.example"), certificate(t, "2", kind{}, "*.b.example")}, modern("b.example"), "1"},
		{"wildcard: one label", []*Certificate{certificate(t, "1", kind{}, "a.example"), certificate(t, "2", kind{}, "*.b.example")}, modern("y.x.b.example"), "1"},
		{"exact and wildcard are alike", []*Certificate{certificate(t, "1", kind{}, "*.b.example"), certificate(t, "2", kind{}, "x.b.example")}, modern("x.b.example"), "1"},
		{"ECDSA before RSA", []*Certificate{certificate(t, "rsa", kind{key: rsa3072(), hash: x509.SHA512WithRSA}, "a.example"), certificate(t, "ec", kind{}, "a.example")}, modern("a.example"), "ec"},
		{"RSA for a client without ECDSA", []*Certificate{certificate(t, "ec", kind{}, "a.example"), certificate(t, "rsa", kind{key: rsa2048()}, "a.example")}, onlyRSA("a.example"), "rsa"},
		{"the best where the client can use none", []*Certificate{certificate(t, "1", kind{}, "a.example"), certificate(t, "2", kind{key: ecdsa384()}, "a.example")}, onlyRSA("a.example"), "2"},
		{"better hash", []*Certificate{certificate(t, "256", kind{key: rsa3072()}, "a.example"), certificate(t, "384", kind{key: rsa2048(), hash: x509.SHA384WithRSA}, "a.example")}, modern("a.example"), "384"},
		{"longer key", []*Certificate{certificate(t, "2048", kind{key: rsa2048()}, "a.example"), certificate(t, "3072", kind{key: rsa3072()}, "a.example")}, modern("a.example"), "3072"},
		{"longer ECDSA key", []*Certificate{certificate(t, "p256", kind{hash: x509.ECDSAWithSHA384}, "a.example"), certificate(t, "p384", kind{key: ecdsa384(), hash: x509.ECDSAWithSHA384}, "a.example")}, modern("a.example"), "p384"},
		{"longer validity", []*Certificate{certificate(t, "30", kind{to: now.Add(30 * day)}, "a.example"), certificate(t, "90", kind{to: now.Add(90 * day)}, "a.example")}, modern("a.example"), "90"},
		{"not the expired one", []*Certificate{certificate(t, "old", kind{to: now.Add(-day), from: now.Add(-9 * day)}, "a.example"), certificate(t, "rsa", kind{key: rsa2048()}, "a.example")}, modern("a.example"), "rsa"},
		{"the expired one if it is all", []*Certificate{certificate(t, "1", kind{}, "b.example"), certificate(t, "old", kind{to: now.Add(-day), from: now.Add(-9 * day)}, "a.example")}, modern("a.example"), "old"},
		{"the first of equals", []*Certificate{certificate(t, "0", kind{}, "z.example"), certificate(t, "1", kind{to: now.Add(9 * day)}, "a.example"), certificate(t, "2", kind{to: now.Add(9 * day)}, "a.example")}, modern("a.example"), "1"},
		{"common name of an old certificate", []*Certificate{certificate(t, "1", kind{}, "a.example"), certificate(t, "cn", kind{}, "CN")}, modern("only.cn.example"), "cn"},
		{"what the client can use, by common name", []*Certificate{certificate(t, "ec", kind{}, "CN"), certificate(t, "rsa", kind{key: rsa2048()}, "CN")}, onlyRSA("only.cn.example"), "rsa"},
	} {
		t.Run(test.name, func(t *testing.T) {
			for how, c := range map[string]*Certificate{"Choose": Choose(test.certs, test.hello), "index": newIndex(test.certs).choose(test.hello)} {
				got := ""
				if c != nil {
					got = c.Ref
				}
				if got != test.want {
					t.Errorf("%s gives %q, want %q", how, got, test.want)
				}
			}
		})
	}
}

// The index gives what Choose gives, whatever the certificates.
func TestIndexIsChoose(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	names := strings.Fields("a.example b.example *.example *.b.example x.b.example y.x.b.example")
	kinds := []kind{{}, {key: ecdsa384()}, {key: rsa2048()}, {key: rsa3072()}, {hash: x509.ECDSAWithSHA384}}
	for range 200 {
		var certs []*Certificate
		for i := range r.IntN(5) {
			mine := []string{names[r.IntN(len(names))], names[r.IntN(len(names))]}
			certs = append(certs, certificate(t, fmt.Sprint(i), kinds[r.IntN(len(kinds))], mine...))
		}
		for _, name := range append(names, "", "nobody.test", "example", ".") {
			for _, hello := range []*tls.ClientHelloInfo{modern(name), onlyRSA(name)} {
				if a, b := Choose(certs, hello), newIndex(certs).choose(hello); a != b {
					t.Fatalf("%q of %v: Choose %v, index %v", name, certs, a, b)
				}
			}
		}
	}
}

func BenchmarkChooseOf10000(b *testing.B) {
	certPEM, keyPEM := pemPair(b, kind{}, "a.example")
	certs := make([]*Certificate, 10000)
	for i := range certs {
		certs[i], _ = ParsePair("x", certPEM, keyPEM)
		certs[i].Names = []string{fmt.Sprintf("host-%d.example", i)}
	}
	x, hello := newIndex(certs), modern("host-7777.example")
	b.ReportAllocs()
	for b.Loop() {
		if x.choose(hello) != certs[7777] {
			b.Fatal("wrong")
		}
	}
}
