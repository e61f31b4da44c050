package certs

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"sync"
	"time"
)

const (
	caLife   = 10 * 365 * 24 * time.Hour
	leafLife = 397 * 24 * time.Hour // what browsers accept
	renewal  = 30 * 24 * time.Hour  // a leaf with less left is replaced
)

// CA is the local certificate authority of --dev. It issues certificates that
// nobody trusts who was not told to (curl --cacert), so that HTTPS works before
// there is a real certificate. Its key is a secret of the state folder: who has it
// can pose as any host to those who trust it.
type CA struct {
	dir  string // the state folder
	cert *x509.Certificate
	key  *ecdsa.PrivateKey

	mu     sync.Mutex
	issued map[string]*Certificate // by file name
}

// OpenCA opens the authority of a state folder, <state>/ca/ca.pem and ca-key.pem,
// and makes it the first time. Several processes may do so at once: they all get the same one.
func OpenCA(state string) (*CA, error) {
	ca := &CA{dir: state, issued: make(map[string]*Certificate)}
	err := ca.load()
	if errors.Is(err, fs.ErrNotExist) {
		if err = ca.create(); err == nil {
			err = ca.load()
		}
	}
	if err != nil {
		return nil, fmt.Errorf("opening the local CA in %s: %w", ca.folder(), err)
	}
	return ca, nil
}

func (ca *CA) folder() string { return filepath.Join(ca.dir, "ca") }

// CertFile is the file that clients are to trust.
func (ca *CA) CertFile() string { return filepath.Join(ca.folder(), "ca.pem") }

func (ca *CA) keyFile() string { return filepath.Join(ca.folder(), "ca-key.pem") }

// load reads the authority; fs.ErrNotExist if neither of its files is there.
func (ca *CA) load() error {
	certPEM, certErr := os.ReadFile(ca.CertFile())
	keyPEM, keyErr := os.ReadFile(ca.keyFile())
	if errors.Is(certErr, fs.ErrNotExist) && keyErr == nil {
		// Another process has made it between the two reads.
		certPEM, certErr = os.ReadFile(ca.CertFile())
	}
	if err := errors.Join(certErr, keyErr); err != nil {
		if (certErr == nil) != (keyErr == nil) {
			// Not ErrNotExist: half an authority is not to be made whole by a new one.
			return fmt.Errorf("%v; remove the folder to have a new CA made", err)
		}
		return err
	}
	pair, err := tls.X509KeyPair(certPEM, keyPEM)
	if err != nil {
		return fmt.Errorf("%w; remove the folder to have a new CA made", err)
	}
	key, ok := pair.PrivateKey.(*ecdsa.PrivateKey)
	switch {
	case !ok || !pair.Leaf.IsCA:
		return errors.New("ca.pem is not a CA with an ECDSA key; remove the folder to have a new CA made")
	case time.Until(pair.Leaf.NotAfter) < renewal:
		return fmt.Errorf("it expires on %s; remove the folder to have a new CA made", pair.Leaf.NotAfter.Format(time.DateOnly))
	}
	ca.cert, ca.key = pair.Leaf, key
	return nil
}

// create makes an authority in a folder beside its place and moves the folder
// there, so that its files appear together or not at all.
func (ca *CA) create() error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	host, _ := os.Hostname()
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber:          serial(),
		Subject:               pkix.Name{Organization: []string{"Albatross"}, CommonName: "Albatross local CA, " + host},
		NotBefore:             now.Add(-time.Hour),
		NotAfter:              now.Add(caLife),
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		IsCA:                  true,
		BasicConstraintsValid: true,
		MaxPathLenZero:        true,
	}
	template.Subject.CommonName = template.Subject.CommonName[:min(64, len(template.Subject.CommonName))]
	certPEM, keyPEM, err := sign(template, template, key, key)
	if err != nil {
		return err
	}
	return ca.place(certPEM, keyPEM)
}

func (ca *CA) place(certPEM, keyPEM []byte) error {
	if err := os.MkdirAll(ca.dir, 0o700); err != nil {
		return err
	}
	temporary, err := os.MkdirTemp(ca.dir, ".ca-") // mode 0700
	if err != nil {
		return err
	}
	defer os.RemoveAll(temporary) // nothing is left of it once it was moved
	if err := os.WriteFile(filepath.Join(temporary, "ca.pem"), certPEM, 0o644); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(temporary, "ca-key.pem"), keyPEM, 0o600); err != nil {
		return err
	}
	err = os.Rename(temporary, ca.folder())
	if _, statErr := os.Stat(ca.CertFile()); err != nil && statErr == nil {
		return nil // another process was faster; its CA is ours too
	}
	return err
}

// sign gives a certificate for key by an issuer, and the key, both in PEM.
func sign(template, issuer *x509.Certificate, key, issuerKey *ecdsa.PrivateKey) (certPEM, keyPEM []byte, err error) {
	der, err := x509.CreateCertificate(rand.Reader, template, issuer, &key.PublicKey, issuerKey)
	if err != nil {
		return nil, nil, err
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, nil, err
	}
	certPEM = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	keyPEM = pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})
	return certPEM, keyPEM, nil
}

// serial is a random serial number of 127 bits (RFC 5280: positive, at most 20 octets).
func serial() *big.Int {
	n, _ := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127)) // rand.Reader does not fail
	return n.Add(n, big.NewInt(1))
}
