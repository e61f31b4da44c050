package certs

import (
	"bytes"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
	"time"
)

// revocationList is what a CA of the trust store has revoked. Its signature is good.
type revocationList struct {
	issuer     *x509.Certificate
	serials    map[string]struct{} // magnitudes, big endian
	nextUpdate time.Time           // zero: it says none
}

// revoked tells whether a list revokes c. issuer is the next certificate of c's
// chain; c itself at the end of it, where the lists of c's issuer count if that one is
// in the trust store. A list whose next one is overdue stays in force: to take no
// client at all would be worse than to miss what was revoked since.
func (t *trust) revoked(c, issuer *x509.Certificate) bool {
	for _, list := range t.lists[string(c.RawIssuer)] {
		if _, hit := list.serials[string(c.SerialNumber.Bytes())]; !hit {
			continue
		}
		// Two CAs may have the same name, when one's key was replaced.
		if bytes.Equal(list.issuer.RawSubjectPublicKeyInfo, issuer.RawSubjectPublicKeyInfo) || c.CheckSignatureFrom(list.issuer) == nil {
			return true
		}
	}
	return false
}

// parseLists reads the revocation lists of a file, in PEM or one in DER. Each must be
// signed by one of cas.
func parseLists(content []byte, cas []*x509.Certificate) ([]*revocationList, error) {
	ders := [][]byte{content}
	if bytes.Contains(content, []byte("-----BEGIN")) {
		found, err := blocks(content, "revocation list", func(kind string) bool { return kind == "X509 CRL" })
		if err != nil {
			return nil, err
		}
		ders = ders[:0]
		for _, block := range found {
			ders = append(ders, block.Bytes)
		}
	}
	lists := make([]*revocationList, 0, len(ders))
	for _, der := range ders {
		list, err := parseList(der, cas)
		if err != nil {
			return nil, err
		}
		lists = append(lists, list)
	}
	return lists, nil
}

func parseList(der []byte, cas []*x509.Certificate) (*revocationList, error) {
	parsed, err := x509.ParseRevocationList(der)
	if err != nil {
		return nil, err
	}
	if err := unknownExtension(parsed); err != nil {
		return nil, err
	}
	issuer, err := signer(parsed, cas)
	if err != nil {
		return nil, err
	}
	list := &revocationList{issuer, make(map[string]struct{}, len(parsed.RevokedCertificateEntries)), parsed.NextUpdate}
	for _, entry := range parsed.RevokedCertificateEntries {
		list.serials[string(entry.SerialNumber.Bytes())] = struct{}{}
	}
	return list, nil
}

// signer is the CA whose list it is.
func signer(list *x509.RevocationList, cas []*x509.Certificate) (*x509.Certificate, error) {
	err := errors.New("it is not in ca.pem")
	for _, ca := range cas {
		if !bytes.Equal(ca.RawSubject, list.RawIssuer) {
			continue
		}
		if err = list.CheckSignatureFrom(ca); err == nil {
			return ca, nil
		}
	}
	return nil, fmt.Errorf("revocation list of %s: %w", list.Issuer, err)
}

var (
	oidDeltaList    = asn1.ObjectIdentifier{2, 5, 29, 27}
	oidDistribution = asn1.ObjectIdentifier{2, 5, 29, 28}
)

// unknownExtension refuses a list that does not mean what it seems to: one that is
// the difference to another, one that speaks for other CAs, or one with a critical
// extension that we do not know (RFC 5280, section 5.2). A list of a part of a CA's
// certificates is fine: what it revokes is revoked.
func unknownExtension(list *x509.RevocationList) error {
	for _, extension := range list.Extensions {
		switch {
		case extension.Id.Equal(oidDeltaList):
			return errors.New("it is a delta revocation list; use a complete one")
		case extension.Id.Equal(oidDistribution):
			if indirect(extension) {
				return errors.New("it is an indirect revocation list; use one of the CA itself")
			}
		case extension.Critical:
			return fmt.Errorf("revocation list with the unknown critical extension %s", extension.Id)
		}
	}
	for _, entry := range list.RevokedCertificateEntries {
		for _, extension := range entry.Extensions {
			if extension.Critical {
				return fmt.Errorf("revocation list with the unknown critical extension %s of an entry", extension.Id)
			}
		}
	}
	return nil
}

// indirect reads the indirectCRL flag of an issuing distribution point.
func indirect(extension pkix.Extension) bool {
	var point struct {
		Name       asn1.RawValue  `asn1:"optional,tag:0"`
		Users      bool           `asn1:"optional,tag:1"`
		CAs        bool           `asn1:"optional,tag:2"`
		Reasons    asn1.BitString `asn1:"optional,tag:3"`
		Indirect   bool           `asn1:"optional,tag:4"`
		Attributes bool           `asn1:"optional,tag:5"`
	}
	rest, err := asn1.Unmarshal(extension.Value, &point)
	return err != nil || len(rest) > 0 || point.Indirect
}
