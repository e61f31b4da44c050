package acme

import (
	"fmt"
	"slices"
	"strings"

	"github.com/albatross-lb/albatross/lb"
)

const (
	// maxNames is how many names one certificate has: Let's Encrypt's bound, and AWS's.
	maxNames = 100
	// maxWishes bounds what an Issuer looks after.
	maxWishes = 2000
	// maxAuthorities bounds the authorities that manifests can make us talk to.
	maxAuthorities = 8
)

// Wish is a set of hosts that shall have a certificate.
type Wish struct {
	Ref       string   // what a Listener calls it
	Directory string   // URL of the authority's directory; "": the Issuer's
	Hosts     []string // exact names, and *.example.com
	// HTTP and TLS say that ports 80 and 443 are ours, so that HTTP-01 and TLS-ALPN-01
	// can be answered there.
	HTTP, TLS bool
	Origin    lb.Origin
	Field     string
}

// names gives the names to order, in lower case, sorted, each once, and says why
// others are not. A name that a wildcard of the set covers is left out without a
// word: authorities refuse such an order.
func (w *Wish) names(dns bool) (names []string, refused []string) {
	hosts := make([]string, 0, len(w.Hosts))
	for _, h := range w.Hosts {
		hosts = append(hosts, strings.ToLower(strings.TrimSuffix(h, ".")))
	}
	slices.Sort(hosts)
	wildcards := map[string]bool{}
	var starred, bad, unreachable []string
	for _, h := range slices.Compact(hosts) {
		rest, wild := strings.CutPrefix(h, "*.")
		switch {
		case !isName(rest):
			bad = append(bad, h)
		case wild && !dns:
			starred = append(starred, h)
		case !dns && !w.HTTP && !w.TLS:
			unreachable = append(unreachable, h)
		default:
			wildcards[h] = wild
			names = append(names, h)
		}
	}
	names = slices.DeleteFunc(names, func(n string) bool { return !wildcards[n] && wildcards[parent(n)] })
	say := func(hosts []string, why string) {
		if len(hosts) > 0 {
			refused = append(refused, fmt.Sprintf("no certificate is ordered for %s: %s", list(hosts), why))
		}
	}
	say(bad, "this is not a host name that a certificate can hold")
	say(starred, "wildcards are proven by DNS only; run with --acme-dns")
	say(unreachable, "there is no way to prove it: add a listener on port 80 (HTTP) or 443 (HTTPS), or run with --acme-dns")
	if len(names) > maxNames {
		say(names[maxNames:], fmt.Sprintf("a certificate holds %d names; spread the hosts over several Ingresses", maxNames))
		names = names[:maxNames]
	}
	return names, refused
}

// parent is the wildcard that covers name.
func parent(name string) string {
	if i := strings.IndexByte(name, '.'); i > 0 {
		return "*" + name[i:]
	}
	return ""
}

// list names a few of many.
func list(names []string) string {
	const most = 5
	if more := len(names) - most; more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), more)
	}
	return strings.Join(names, ", ")
}

// isName tells whether s is a DNS name as RFC 1123 section 2.1 has it: labels of
// letters, digits and hyphens, 253 bytes in all. An address is none.
func isName(s string) bool {
	if s == "" || len(s) > 253 {
		return false
	}
	digits := true // of the last label
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		digits = true
		for i := range len(label) {
			c := label[i]
			if !('a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '-') {
				return false
			}
			digits = digits && '0' <= c && c <= '9'
		}
	}
	return !digits
}
