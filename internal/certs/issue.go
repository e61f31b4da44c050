package certs

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// localNames are in every certificate of the local CA, so that it can be tried on
// the machine itself.
var localNames = []string{"127.0.0.1", "::1", "localhost"}

// Issue gives a certificate for hosts (DNS names, "*.example.com", IP addresses)
// and for this machine's own names, to be called ref. It is kept in
// <state>/certs/ and is the same one after a restart, until it has 30 days left.
// A host pattern that no certificate can hold ("a*.example.com", "*") is left out.
func (ca *CA) Issue(ref string, hosts []string) (*Certificate, error) {
	names := certificateNames(hosts)
	sum := sha256.Sum256([]byte(ref + "\x00" + strings.Join(names, "\x00")))
	file := filepath.Join(ca.dir, "certs", hex.EncodeToString(sum[:16])+".pem")

	ca.mu.Lock()
	defer ca.mu.Unlock()
	if c := ca.issued[file]; c != nil && fresh(c) {
		return c, nil
	}
	c := ca.reread(ref, file, names)
	if c == nil {
		var err error
		if c, err = ca.issue(ref, file, names); err != nil {
			return nil, fmt.Errorf("issuing a local certificate for %s: %w", ref, err)
		}
	}
	ca.issued[file] = c
	return c, nil
}

func fresh(c *Certificate) bool { return time.Until(c.NotAfter) > renewal }

// reread gives the certificate in file if it is of this CA, for names and fresh.
func (ca *CA) reread(ref, file string, names []string) *Certificate {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil
	}
	c, err := ParsePair(ref, text, text)
	if err != nil || !fresh(c) || c.TLS.Leaf.CheckSignatureFrom(ca.cert) != nil {
		return nil
	}
	slices.Sort(c.Names)
	if !slices.Equal(c.Names, names) {
		return nil
	}
	return c
}

func (ca *CA) issue(ref, file string, names []string) (*Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	certPEM, keyPEM, err := sign(ca.leaf(names), ca.cert, key, ca.key)
	if err != nil {
		return nil, err
	}
	if err := writeFile(file, append(certPEM, keyPEM...)); err != nil {
		return nil, err
	}
	return ParsePair(ref, certPEM, keyPEM)
}

func (ca *CA) leaf(names []string) *x509.Certificate {
	now := time.Now()
	leaf := &x509.Certificate{
		SerialNumber: serial(),
		Subject:      pkix.Name{Organization: []string{"Albatross local certificate"}},
		NotBefore:    now.Add(-time.Hour),
		NotAfter:     now.Add(leafLife),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	if leaf.NotAfter.After(ca.cert.NotAfter) {
		leaf.NotAfter = ca.cert.NotAfter
	}
	for _, name := range names {
		if ip, err := netip.ParseAddr(name); err == nil {
			leaf.IPAddresses = append(leaf.IPAddresses, ip.AsSlice())
		} else {
			leaf.DNSNames = append(leaf.DNSNames, name)
		}
	}
	return leaf
}

// writeFile writes a secret as a whole or not at all.
func writeFile(file string, content []byte) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return err
	}
	temporary, err := os.CreateTemp(filepath.Dir(file), ".new-") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(temporary.Name()) // nothing is left of it once it was moved
	_, err = temporary.Write(content)
	if closeErr := temporary.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(temporary.Name(), file)
	}
	return err
}

// certificateNames gives what of hosts a certificate can hold, and localNames, in
// lower case, sorted, each once.
func certificateNames(hosts []string) []string {
	names := slices.Clone(localNames)
	for _, host := range hosts {
		host = strings.ToLower(strings.TrimSuffix(host, "."))
		if ip, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil && ip.Zone() == "" {
			names = append(names, ip.Unmap().String())
		} else if isDNSName(strings.TrimPrefix(host, "*.")) {
			names = append(names, host)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// isDNSName tells whether s is a host name: labels of letters, digits, hyphens and
// (as clients take them too) underscores, 253 bytes in all.
func isDNSName(s string) bool {
	if s == "" || len(s) > 253 {
		return false
	}
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for i := range len(label) {
			c := label[i]
			if !('a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '-' || c == '_') {
				return false
			}
		}
	}
	return true
}
