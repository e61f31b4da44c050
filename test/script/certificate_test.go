package script

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// selfSigned makes a certificate for one host, for a Secret, for files and for those who shall trust it.
func selfSigned(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: selfsigned HOST NAME")
	}
	pair, err := selfSignedPair(args[0])
	ts.Check(err)
	pkcs8, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	ts.Check(err)
	cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: pair.Certificate[0]})
	key := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})
	ts.Check(os.WriteFile(ts.MkAbs(args[1]+".pem"), cert, 0o600))
	ts.Check(os.WriteFile(ts.MkAbs(args[1]+"-key.pem"), key, 0o600))
	ts.Setenv(args[1]+"_crt", base64.StdEncoding.EncodeToString(cert))
	ts.Setenv(args[1]+"_key", base64.StdEncoding.EncodeToString(key))
}

func selfSignedPair(host string) (tls.Certificate, error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), DNSNames: []string{host},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: private}, err
}

// clientCertificate makes an authority of clients and, by it, a certificate for one. The
// authority is the trust store of that name.
func clientCertificate(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: clientcert NAME TRUSTSTORE")
	}
	ca, clientPEM, err := clientPair(args[0])
	ts.Check(err)
	store := ts.MkAbs(filepath.Join("state", "truststores", args[1]))
	ts.Check(os.MkdirAll(store, 0o755))
	ts.Check(os.WriteFile(filepath.Join(store, "ca.pem"), ca, 0o644))
	ts.Check(os.WriteFile(ts.MkAbs(args[0]+".pem"), clientPEM, 0o600))
}

// clientPair is an authority's certificate, and a client's with its key behind it.
func clientPair(name string) (ca, client []byte, err error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	authority := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority of " + name}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	top, err := x509.CreateCertificate(rand.Reader, authority, authority, private.Public(), private)
	if err != nil {
		return nil, nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(0xfef2), Subject: pkix.Name{CommonName: name, Organization: []string{"Script"}},
		NotBefore: authority.NotBefore, NotAfter: authority.NotAfter, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	leaf, err := x509.CreateCertificate(rand.Reader, template, authority, private.Public(), private)
	if err != nil {
		return nil, nil, err
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	client = append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: leaf}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})...)
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: top}), client, err
}
