// Package certificate makes the certificate that proxies are measured with.
//
// All of them get one of the same kind, self-signed ECDSA P-256, so that no handshake is cheaper than another's for its
// key. It is made anew for each run and lies in the run's own folder: a key in the repository would be one that everybody
// has, and one from outside would have to be made first.
package certificate

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// Make writes a self-signed ECDSA P-256 certificate and its key. A third file, both
// in one, is what HAProxy reads: key's name with .pem added. It is good for localhost and 127.0.0.1, for a day.
func Make(folder string) (cert, key string, err error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return "", "", err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "bench"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		return "", "", err
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return "", "", err
	}
	certPEM := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	keyPEM := string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}))
	cert, key = filepath.Join(folder, "cert.pem"), filepath.Join(folder, "key")
	for path, text := range map[string]string{cert: certPEM, key: keyPEM, key + ".pem": certPEM + keyPEM} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			return "", "", err
		}
	}
	return cert, key, nil
}
