package manifest

import (
	"cmp"
	"errors"
	"maps"
	"net"
	"slices"
	"strings"

	"github.com/albatross-lb/albatross/lb"
)

// portWords are what a member says about one of its listeners.
type portWords struct {
	protocol     lb.Protocol
	ranges       ranges
	prefixLists  []string
	sslPolicy    *string
	certificates []string
	mutual       *lb.MutualAuthentication
	attributes   map[string]string
}

// ranges are the addresses that may connect.
type ranges struct{ v4, v6 []string }

func (r ranges) empty() bool { return len(r.v4) == 0 && len(r.v6) == 0 }

// readPorts reads the listeners of a member.
func (b *builder) readPorts(m *member) error {
	ask, badACME := m.acme()
	named := b.certificatesOf(m.Namespace, m.explicitCertificates())
	ordered := b.orderCertificates(m, ask)
	var usable, missing []tlsSecret
	if len(named) == 0 {
		usable, missing = b.tlsSecrets(m)
	}
	inbound, badRanges := m.inboundRanges()
	mutual, badMutual := b.mutualAuthentication(m)
	protocols, badPorts := m.listenPorts(len(named)+len(ordered) > 0)
	errs := []error{badACME, badRanges, badMutual, badPorts}
	if badPorts != nil {
		return errors.Join(errs...)
	}
	if _, said := m.notes.text("listen-ports"); !said && len(usable) > 0 && len(ordered) == 0 {
		protocols[443] = lb.HTTPS
		b.note(m.origin, "spec.tls", "served over HTTPS on port 443 as well, with the certificate of Secret %s; AWS's controller does not use Secrets and listens on 80 alone; "+
			"write %slisten-ports to say which", usable[0].name, ingressPrefix)
	}
	spoken := slices.Collect(maps.Values(protocols))
	certificates := slices.Concat(named, b.secretCertificates(m, usable, missing, slices.Contains(spoken, lb.HTTPS), ask != nil), ordered)
	b.warnNotSecure(m, ask, spoken)
	if len(certificates) == 0 && slices.Contains(spoken, lb.HTTPS) {
		var missing error
		certificates, missing = b.discoverCertificates(m)
		errs = append(errs, missing)
	}
	m.words.ports = map[int]portWords{}
	for _, number := range slices.Sorted(maps.Keys(protocols)) {
		protocol := protocols[number]
		p := portWords{protocol: protocol, ranges: inbound, prefixLists: m.prefixLists()}
		if protocol == lb.HTTPS {
			p.certificates, p.sslPolicy, p.mutual = certificates, m.sslPolicy(), mutual[number]
		}
		var err error
		p.attributes, _, err = m.notes.pairs(listenerAttributes(protocol, number))
		errs = append(errs, err)
		m.words.ports[number] = p
	}
	return errors.Join(errs...)
}

// listenPorts gives the protocol of each port. Without the annotation a member
// that names a certificate is on 443 alone, any other on 80 alone.
func (m *member) listenPorts(certificate bool) (map[int]lb.Protocol, error) {
	const annotation = "listen-ports"
	var entries []map[string]int32
	switch ok, err := m.notes.json(annotation, &entries); {
	case err != nil:
		return nil, err
	case !ok:
		if certificate {
			return map[int]lb.Protocol{443: lb.HTTPS}, nil
		}
		return map[int]lb.Protocol{80: lb.HTTP}, nil
	case len(entries) == 0:
		return nil, m.notes.faultf(annotation, "the list is empty%s", exampleOf(annotation))
	}
	protocols := map[int]lb.Protocol{}
	var errs []error
	for _, e := range entries {
		for _, protocol := range slices.Sorted(maps.Keys(e)) {
			number := int(e[protocol])
			if number < 1 || number > 65535 {
				errs = append(errs, m.notes.faultf(annotation, "%d is no port; write a number from 1 to 65535", number))
			}
			if protocol != string(lb.HTTP) && protocol != string(lb.HTTPS) {
				errs = append(errs, m.notes.faultf(annotation, "a listener cannot speak %q; write HTTP or HTTPS, in capitals", protocol))
			}
			protocols[number] = lb.Protocol(protocol)
		}
	}
	return protocols, errors.Join(errs...)
}

func (m *member) inboundRanges() (ranges, error) {
	list, field := m.params.InboundCIDRs, "spec.ingressClassName (its IngressClassParams, inboundCIDRs)"
	if len(list) == 0 {
		list, _ = m.notes.list("inbound-cidrs")
		field = m.notes.field("inbound-cidrs")
	}
	var r ranges
	var errs []error
	for _, cidr := range list {
		if _, _, err := net.ParseCIDR(cidr); err != nil {
			errs = append(errs, faultf(field, "%q is no range of addresses; write it as 10.0.0.0/8, a single address as 10.1.2.3/32", cidr))
			continue
		}
		if strings.Contains(cidr, ":") {
			r.v6 = append(r.v6, cidr)
		} else {
			r.v4 = append(r.v4, cidr)
		}
	}
	r.v4, r.v6 = sortedSet(r.v4), sortedSet(r.v6)
	return r, errors.Join(errs...)
}

func (m *member) prefixLists() []string {
	switch {
	case len(m.params.PrefixListsIDs) > 0:
		return sortedSet(m.params.PrefixListsIDs)
	case len(m.params.PrefixListsIDsOld) > 0:
		return sortedSet(m.params.PrefixListsIDsOld)
	}
	list, _ := m.notes.list("security-group-prefix-lists")
	return sortedSet(list)
}

func (m *member) sslPolicy() *string {
	if m.params.SSLPolicy != "" {
		return &m.params.SSLPolicy
	}
	if policy, ok := m.notes.text("ssl-policy"); ok {
		return &policy
	}
	return nil
}

func sortedSet(list []string) []string {
	list = slices.Clone(list)
	slices.Sort(list)
	return slices.Compact(list)
}

// port is what the members on it say about a listener together.
type port struct {
	members  []*member
	protocol lb.Protocol

	ranges       ranges
	prefixLists  []string
	policy       *string
	mutual       *lb.MutualAuthentication
	sslPolicy    string
	certificates []string
	sni          map[string]bool // certificates beyond the default one
	attributes   map[string]string
	tags         map[string]string
}

func newPort(protocol lb.Protocol) *port {
	return &port{protocol: protocol, sni: map[string]bool{}, attributes: map[string]string{}, tags: map[string]string{}}
}

// add merges one member's words about a listener.
func (p *port) add(m *member, w portWords) {
	p.members = append(p.members, m)
	if !w.ranges.empty() {
		p.ranges = w.ranges
	}
	if len(w.prefixLists) > 0 {
		p.prefixLists = w.prefixLists
	}
	if w.sslPolicy != nil {
		p.policy = w.sslPolicy
	}
	if w.mutual != nil {
		p.mutual = w.mutual
	}
	p.addCertificates(w.certificates)
	maps.Copy(p.attributes, w.attributes)
	maps.Copy(p.tags, m.words.tags)
}

// addCertificates: the first of all is the default one; it may be listed once more for SNI.
func (p *port) addCertificates(certificates []string) {
	for _, c := range certificates {
		if len(p.certificates) == 0 {
			p.certificates = append(p.certificates, c)
			continue
		}
		if !p.sni[c] {
			p.sni[c] = true
			p.certificates = append(p.certificates, c)
		}
	}
}

// listenerAttributes are those that the class gives to a listener; none for a nil class.
func (p *IngressClassParamsSpec) listenerAttributes(number int, protocol lb.Protocol) map[string]string {
	if p == nil {
		return nil
	}
	for _, l := range p.Listeners {
		if l.Protocol == string(protocol) && int(l.Port) == number {
			return pairs(l.ListenerAttributes)
		}
	}
	return nil
}

// close fills in what nobody said.
func (p *port) close(number int, defaultPolicy string) {
	if p.ranges.empty() && len(p.prefixLists) == 0 {
		p.ranges = ranges{[]string{"0.0.0.0/0"}, []string{"::/0"}}
	}
	if p.sslPolicy = defaultPolicy; p.policy != nil {
		p.sslPolicy = *p.policy
	}
	maps.Copy(p.attributes, p.members[0].params.listenerAttributes(number, p.protocol))
}

// inbound lists who may connect to which port, in order. IPv6 ranges need a load
// balancer that has IPv6 addresses.
func (all *merged) inbound(ipv6 bool) []lb.InboundCIDR {
	list := []lb.InboundCIDR{}
	for number, p := range all.ports {
		for _, cidr := range p.ranges.v4 {
			list = append(list, lb.InboundCIDR{Port: number, CIDR: cidr})
		}
		for _, cidr := range p.ranges.v6 {
			if ipv6 {
				list = append(list, lb.InboundCIDR{Port: number, CIDR: cidr})
			}
		}
		for _, id := range p.prefixLists {
			list = append(list, lb.InboundCIDR{Port: number, PrefixList: id})
		}
	}
	sortInbound(list)
	return list
}

func sortInbound(list []lb.InboundCIDR) {
	slices.SortStableFunc(list, func(x, y lb.InboundCIDR) int {
		return cmp.Or(cmp.Compare(x.Port, y.Port), cmp.Compare(x.CIDR+x.PrefixList, y.CIDR+y.PrefixList), cmp.Compare(x.Protocol, y.Protocol))
	})
}
