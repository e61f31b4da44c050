package manifest

import (
	"slices"
	"strconv"
	"strings"

	"github.com/albatross-lb/albatross/lb"
)

// ownPrefix is that of our own annotations, which AWS's controller does not know.
const ownPrefix = "albatross.io/"

// ownNames are all of them, behind the prefix.
var ownNames = []string{"acme"}

// acme reads whether the member wants certificates by ACME for those of its hosts
// that have none: true for the authority that the process was started with, or the
// name or URL of another one.
func (m *member) acme() (ask *lb.ACME, err error) {
	notes := annotations{ownPrefix, m.Annotations}
	raw, ok := notes.text("acme")
	if !ok {
		return nil, nil
	}
	ask = &lb.ACME{Origin: m.origin, Field: notes.field("acme"), Hosts: m.hosts()}
	if wanted, err := strconv.ParseBool(raw); err == nil {
		if !wanted {
			return nil, nil
		}
		return ask, nil
	}
	if ask.Directory, ok = lb.ACMEDirectory(raw); !ok {
		return nil, notes.faultf("acme", "%q is no certificate authority; write 'true', letsencrypt, letsencrypt-staging or the https:// URL of an ACME directory", shorten(raw))
	}
	return ask, nil
}

// hosts are those of the rules and of spec.tls.
func (m *member) hosts() []string {
	var hosts []string
	for _, r := range m.Spec.Rules {
		if r.Host != "" {
			hosts = append(hosts, strings.ToLower(r.Host))
		}
	}
	for _, tls := range m.Spec.TLS {
		for _, h := range tls.Hosts {
			hosts = append(hosts, strings.ToLower(h))
		}
	}
	return sortedSet(hosts)
}

// orderCertificates puts what is asked for into the Config and gives the reference
// to it. An Ingress that names no host gets none.
func (b *builder) orderCertificates(m *member, ask *lb.ACME) []string {
	if ask == nil {
		return nil
	}
	if len(ask.Hosts) == 0 {
		b.warn(m.origin, ask.Field, "there is no host to have a certificate for; write one in spec.rules or in spec.tls")
		return nil
	}
	reference := "acme:" + m.name.String()
	if b.cfg.ACME == nil {
		b.cfg.ACME = map[string]*lb.ACME{}
	}
	b.cfg.ACME[reference] = ask
	return []string{reference}
}

// warnNotSecure warns where certificates are asked for that no listener would show.
func (b *builder) warnNotSecure(m *member, ask *lb.ACME, protocols []lb.Protocol) {
	if ask != nil && !slices.Contains(protocols, lb.HTTPS) {
		b.warn(m.origin, ask.Field, "no listener speaks HTTPS, so that no certificate is ordered; add {\"HTTPS\":443} to listen-ports")
		delete(b.cfg.ACME, "acme:"+m.name.String())
	}
}
