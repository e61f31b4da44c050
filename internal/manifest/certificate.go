package manifest

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/albatross-lb/albatross/lb"
)

// explicitCertificates are those that are named by ARN.
func (m *member) explicitCertificates() []string {
	if len(m.params.CertificateARN) > 0 {
		return m.params.CertificateARN
	}
	list, _ := m.notes.list("certificate-arn")
	return list
}

// tlsSecret is a Secret that spec.tls names.
type tlsSecret struct {
	name      name
	reference string
	fault     string // why it is no certificate, and what to do about it; "" if it is one
}

// tlsSecrets are those of spec.tls[].secretName. AWS's controller never uses them; here they count where no ARN is given.
// With an Inventory everything is as on AWS, and there are none.
func (b *builder) tlsSecrets(m *member) (usable, missing []tlsSecret) {
	if b.opts.Inventory != nil {
		return nil, nil
	}
	for _, tls := range m.Spec.TLS {
		if tls.SecretName == "" {
			continue
		}
		n := name{m.Namespace, tls.SecretName}
		t := tlsSecret{name: n, reference: "secret:" + n.String()}
		switch s, ok := b.secret(n); {
		case ok && len(s.Data["tls.crt"]) > 0 && len(s.Data["tls.key"]) > 0:
			b.cfg.Certificates[t.reference] = &lb.KeyPair{CertPEM: s.Data["tls.crt"], KeyPEM: s.Data["tls.key"], Origin: s.origin}
			usable = append(usable, t)
			continue
		case ok:
			t.fault = fmt.Sprintf("Secret %s has no tls.crt and tls.key, so that there is no certificate; write a Secret of type kubernetes.io/tls", n)
		default:
			t.fault = fmt.Sprintf("%s, so that there is no certificate; add it, or name one in %scertificate-arn", b.missing("Secret", n), ingressPrefix)
		}
		missing = append(missing, t)
	}
	return usable, missing
}

// secretCertificates are the certificates of Secrets for a member that names no other. Where it asks for HTTPS, one that
// cannot be used is referred to all the same: to serve without TLS what was meant to have it would be worse
// than not to serve it. Where it does not, an Ingress is served over HTTP as on AWS, which knows no Secrets, and over
// HTTPS beside that where there are certificates.
func (b *builder) secretCertificates(m *member, usable, missing []tlsSecret, secure, ordered bool) (references []string) {
	for _, t := range usable {
		references = append(references, t.reference)
	}
	for _, t := range missing {
		switch {
		case secure && !ordered: // where certificates are ordered, a Secret that is not there is not missed
			b.warn(m.origin, "spec.tls", "%s", t.fault)
			references = append(references, t.reference)
		case !secure:
			b.note(m.origin, "spec.tls", "served over HTTP alone, as by AWS's controller, which does not use Secrets: %s", t.fault)
		}
	}
	return references
}

// discoverCertificates finds certificates by the hosts of the rules and of
// spec.tls. Without an inventory it leaves that to whoever serves the listener.
func (b *builder) discoverCertificates(m *member) ([]string, error) {
	var hosts []string
	for _, r := range m.Spec.Rules {
		if r.Host != "" {
			hosts = append(hosts, r.Host)
		}
	}
	for _, tls := range m.Spec.TLS {
		hosts = append(hosts, tls.Hosts...)
	}
	hosts = sortedSet(hosts)
	field := m.notes.field("certificate-arn")
	switch {
	case b.opts.Inventory == nil && len(hosts) == 0:
		b.warn(m.origin, field, "the HTTPS listener is given no certificate, and there is no host to find one by; write one here, or a Secret in spec.tls")
		return nil, nil
	case b.opts.Inventory == nil:
		if b.cfg.Discover == nil {
			b.cfg.Discover = map[string]*lb.Discovery{}
		}
		reference := "discover:" + m.name.String()
		b.cfg.Discover[reference] = &lb.Discovery{Hosts: hosts, Origin: m.origin, Field: field}
		return []string{reference}, nil
	}
	certificates, missing := b.opts.Inventory.certificates(hosts)
	if missing != "" {
		return nil, m.notes.faultf("certificate-arn", "no certificate found for host %s; name one here, or a Secret in spec.tls", missing)
	}
	return certificates, nil
}

// mutualWords is one entry of the annotation mutual-authentication.
type mutualWords struct {
	Port                          int32   `json:"port"`
	Mode                          string  `json:"mode"`
	TrustStore                    *string `json:"trustStore"`
	IgnoreClientCertificateExpiry *bool   `json:"ignoreClientCertificateExpiry"`
	AdvertiseTrustStoreCANames    *string `json:"advertiseTrustStoreCaNames"`
}

// mutualAuthentication reads how client certificates are treated, by port.
func (b *builder) mutualAuthentication(m *member) (map[int]*lb.MutualAuthentication, error) {
	const annotation = "mutual-authentication"
	var entries []mutualWords
	ok, err := m.notes.json(annotation, &entries)
	if err != nil || !ok {
		return nil, err
	}
	if len(entries) == 0 {
		return nil, m.notes.faultf(annotation, "the list is empty%s", exampleOf(annotation))
	}
	last := map[int]mutualWords{} // of a port that is there twice the last entry counts
	var errs []error
	for _, e := range entries {
		if advice := e.wrong(); advice != "" {
			errs = append(errs, m.notes.faultf(annotation, "port %d: %s", e.Port, advice))
			continue
		}
		last[int(e.Port)] = e
	}
	byPort := map[int]*lb.MutualAuthentication{}
	for _, port := range slices.Sorted(maps.Keys(last)) {
		e := last[port]
		a := &lb.MutualAuthentication{Mode: e.Mode, IgnoreClientCertificateExpiry: e.IgnoreClientCertificateExpiry,
			AdvertiseTrustStoreCANames: deref(e.AdvertiseTrustStoreCANames)}
		if e.Mode == "verify" {
			if a.IgnoreClientCertificateExpiry == nil {
				a.IgnoreClientCertificateExpiry = new(bool)
			}
			if a.TrustStoreARN = *e.TrustStore; !strings.HasPrefix(a.TrustStoreARN, "arn:") {
				if a.TrustStoreARN, ok = b.opts.Inventory.trustStore(*e.TrustStore); !ok {
					errs = append(errs, m.notes.faultf(annotation, "port %d: there is no trust store %q", e.Port, *e.TrustStore))
				}
			}
		}
		byPort[port] = a
	}
	return byPort, errors.Join(errs...)
}

// wrong says what cannot be; "" if nothing.
func (e mutualWords) wrong() string {
	verify := e.Mode == "verify"
	switch {
	case e.Port < 1 || e.Port > 65535:
		return "this is no port; write a number from 1 to 65535"
	case e.Mode != "off" && e.Mode != "passthrough" && !verify:
		return "mode is " + shorten(e.Mode) + "; write off, passthrough or verify"
	case verify && deref(e.TrustStore) == "":
		return "mode verify needs a trustStore; write its name or ARN"
	case !verify && deref(e.TrustStore) != "":
		return "mode " + e.Mode + " takes no trustStore; write mode verify, or leave it out"
	case !verify && e.IgnoreClientCertificateExpiry != nil:
		return "mode " + e.Mode + " takes no ignoreClientCertificateExpiry; leave it out"
	case !verify && e.AdvertiseTrustStoreCANames != nil:
		return "mode " + e.Mode + " takes no advertiseTrustStoreCaNames; leave it out"
	}
	if v := e.AdvertiseTrustStoreCANames; v != nil && *v != "on" && *v != "off" {
		return "advertiseTrustStoreCaNames is " + shorten(*v) + "; write on or off"
	}
	return ""
}
