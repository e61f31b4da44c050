package certs

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"time"
)

// kind says what certificate make makes; zero fields stand for ECDSA P-256,
// SHA-256 and a year from now.
type kind struct {
	key  crypto.Signer
	hash x509.SignatureAlgorithm
	from time.Time
	to   time.Time
}

var (
	ecdsa256 = sync.OnceValue(func() crypto.Signer { k, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader); return k })
	ecdsa384 = sync.OnceValue(func() crypto.Signer { k, _ := ecdsa.GenerateKey(elliptic.P384(), rand.Reader); return k })
	rsa2048  = sync.OnceValue(func() crypto.Signer { k, _ := rsa.GenerateKey(rand.Reader, 2048); return k })
	rsa3072  = sync.OnceValue(func() crypto.Signer { k, _ := rsa.GenerateKey(rand.Reader, 3072); return k })
)

// nextYear is when certificates end that are given no end: all at the same second, or the one that was made last would be
// the one that is valid longest.
var nextYear = time.Now().Add(365 * 24 * time.Hour)

// pemPair makes a self-signed certificate for names.
func pemPair(t testing.TB, k kind, names ...string) (certPEM, keyPEM []byte) {
	t.Helper()
	if k.key == nil {
		k.key = ecdsa256()
	}
	if k.from.IsZero() {
		k.from = time.Now().Add(-time.Hour)
	}
	if k.to.IsZero() {
		k.to = nextYear
	}
	template := &x509.Certificate{
		SerialNumber: serial(), NotBefore: k.from, NotAfter: k.to, SignatureAlgorithm: k.hash,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment,
	}
	for _, name := range names {
		if ip := net.ParseIP(name); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, name)
		}
	}
	if len(names) > 0 && names[0] == "CN" {
		template.DNSNames, template.Subject = nil, pkix.Name{CommonName: "Only.CN.example"}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, k.key.Public(), k.key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(k.key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})
}

// certificate makes a Certificate that is called ref.
func certificate(t testing.TB, ref string, k kind, names ...string) *Certificate {
	t.Helper()
	certPEM, keyPEM := pemPair(t, k, names...)
	c, err := ParsePair(ref, certPEM, keyPEM)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// shake has a client and a server of these configurations shake hands, and exchange
// a byte each way so that session tickets arrive. It gives the client's view.
func shake(server, client *tls.Config) (tls.ConnectionState, error) {
	return shakeIn(context.Background(), server, client)
}

func shakeIn(ctx context.Context, server, client *tls.Config) (tls.ConnectionState, error) {
	serverSide, clientSide := net.Pipe()
	defer clientSide.Close()
	done := make(chan error, 1)
	go func() {
		defer serverSide.Close()
		conn := tls.Server(serverSide, server)
		err := conn.HandshakeContext(ctx)
		if err == nil {
			_, err = conn.Write([]byte("x"))
		}
		done <- err
	}()
	conn := tls.Client(clientSide, client)
	err := conn.Handshake()
	if err == nil {
		_, err = io.ReadFull(conn, make([]byte, 1))
	}
	clientSide.Close()
	return conn.ConnectionState(), errors.Join(err, <-done)
}
