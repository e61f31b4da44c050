package main

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/albatross-lb/albatross/internal/certs"
	"github.com/albatross-lb/albatross/lb"
)

// certificates are where the key pairs of listeners come from. run serves by them and check
// tells by them what run would serve.
type certificates struct {
	account, region string
	arns            *certs.ARNStore
	trust           *certs.TrustStores
	ca              *certs.CA // nil without --dev
	// order gives what is to be had by ACME, or what stands in for it until it comes; nil without --acme-directory.
	order func(ref string, hosts []string) (*certs.Certificate, error)
}

// openCertificates opens those of a state folder, without an authority of any kind.
func openCertificates(state, account, region string) certificates {
	return certificates{account: account, region: region,
		arns: certs.OpenARNStore(filepath.Join(state, "acm")), trust: certs.OpenTrustStores(filepath.Join(state, "truststores"))}
}

// of gives the look-up for one configuration: what is ordered, key pairs that
// came with the manifests, then those of the state folder, then, with --dev, the local CA's.
func (c *certificates) of(cfg *lb.Config) func(ref string, hosts []string) (*certs.Certificate, error) {
	return func(ref string, hosts []string) (*certs.Certificate, error) {
		if cfg.ACME[ref] != nil && c.order != nil {
			return c.order(ref, hosts)
		}
		found, err := c.found(cfg, ref)
		if err == nil || c.ca == nil || cfg.Certificates[ref] != nil {
			return found, err
		}
		return c.ca.Issue(ref, hosts)
	}
}

// discover finds certificates in the state folder by the hosts they are for.
func (c *certificates) discover(hosts []string) (found []*certs.Certificate, missing []string) {
	return c.arns.Discover(fmt.Sprintf("arn:aws:acm:%s:%s:certificate/", c.region, c.account), hosts)
}

// found gives a certificate that is there.
func (c *certificates) found(cfg *lb.Config, ref string) (*certs.Certificate, error) {
	switch pair := cfg.Certificates[ref]; {
	case pair != nil:
		parsed, err := certs.ParsePair(ref, pair.CertPEM, pair.KeyPEM)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", pair.Origin, err)
		}
		return parsed, nil
	case cfg.ACME[ref] != nil:
		return nil, errors.New("albatross.io/acme asks for a certificate to be ordered; run with --acme-directory, for example letsencrypt")
	case cfg.Discover[ref] != nil:
		return nil, errors.New("put one into a subfolder of acm/ in the state folder (tls.crt and tls.key), name one in certificate-arn or spec.tls, or run with --dev for one of the local CA")
	case ref == "":
		return nil, errors.New("it names no certificate; set certificate-arn, spec.tls or albatross.io/acme, or run with --dev for one of the local CA")
	}
	if secret, ok := strings.CutPrefix(ref, "secret:"); ok {
		return nil, fmt.Errorf("Secret %s is not there, or has no tls.crt and tls.key; add it, or name a certificate in certificate-arn, or run with --dev for one of the local CA", secret)
	}
	stored, err := c.arns.Lookup(ref)
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("%w; put its certificate there as tls.crt and its key as tls.key, or run with --dev for one of the local CA", err)
	}
	return stored, err
}
