package proxy

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/albatross-lb/albatross/internal/certs"
	"github.com/albatross-lb/albatross/internal/snapshot"
	"github.com/albatross-lb/albatross/lb"
)

// authority is a CA of clients, kept as a trust store, and a certificate that it has given.
func authority(t testing.TB, stores string) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ca := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "clients"}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, ca, ca, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	folder := filepath.Join(stores, "staff")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "ca.pem"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o644); err != nil {
		t.Fatal(err)
	}
	leaf := &x509.Certificate{SerialNumber: big.NewInt(0xabc), Subject: pkix.Name{CommonName: "alice"}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	signed, err := x509.CreateCertificate(rand.Reader, leaf, ca, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{signed}, PrivateKey: key}
}

func TestMutualAuthentication(t *testing.T) {
	stores := t.TempDir()
	alice := authority(t, stores)
	target := serve(t, func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s|%s|%s", r.Header.Get("X-Amzn-Mtls-Clientcert-Subject"), r.Header.Get("X-Amzn-Mtls-Clientcert-Serial-Number"), r.Header.Get("X-Amzn-Mtls-Clientcert"))
	})
	cfg := config(target)
	b := newBalancer(t, cfg, secured, func(t testing.TB, cfg *lb.Config) (*lb.Config, func(*snapshot.Options)) {
		cfg.LoadBalancers[0].Listeners[0].MutualAuthentication = &lb.MutualAuthentication{Mode: "verify", TrustStoreARN: "arn:aws:elasticloadbalancing:us-east-1:1:truststore/staff/1"}
		_, issue := secured(t, cfg)
		return cfg, func(o *snapshot.Options) { issue(o); o.TrustStores = certs.OpenTrustStores(stores) }
	})
	ask := func(certificates ...tls.Certificate) (string, error) {
		c, err := tls.Dial("tcp", b.addr(), &tls.Config{InsecureSkipVerify: true, Certificates: certificates})
		if err != nil {
			return "", err
		}
		defer c.Close()
		c.SetDeadline(time.Now().Add(time.Minute))
		fmt.Fprintf(c, "GET / HTTP/1.1\r\nHost: x\r\nX-Amzn-Mtls-Clientcert: forged\r\nx-amzn-mtls-clientcert-subject: CN=root\r\nConnection: close\r\n\r\n")
		var text strings.Builder
		buf := make([]byte, 4096)
		for {
			n, err := c.Read(buf)
			text.Write(buf[:n])
			if err != nil {
				if text.Len() > 0 {
					err = nil
				}
				return text.String(), err
			}
		}
	}
	if got, err := ask(alice); err != nil || !strings.HasSuffix(got, "CN=alice|ABC|") && !strings.HasSuffix(got, "CN=alice|0ABC|") {
		t.Errorf("with a certificate: %q, %v", got, err)
	}
	if got, err := ask(); err == nil {
		t.Errorf("without a certificate: %q", got)
	}
	if got, err := ask(authority(t, t.TempDir())); err == nil {
		t.Errorf("with another CA's certificate: %q", got)
	}
}
