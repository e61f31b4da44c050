package certs

import (
	"cmp"
	"crypto/tls"
	"slices"
	"strings"
	"time"
)

// Choose gives the certificate that a client is shown, nil if certs is empty.
// These are the application load balancer's rules ("Certificates for your
// Application Load Balancer", smart selection): of the certificates that cover the
// name the client asks for, one that the client can use; ECDSA before RSA, the better
// hash, the longer key, the longer validity; the earlier in certs of two alike. Where
// none covers the name, or the client names none, it is the first, the default.
//
// One rule is ours: a certificate that has expired comes after one that has not.
func Choose(certs []*Certificate, hello *tls.ClientHelloInfo) *Certificate {
	var covering []*Certificate
	for _, c := range certs {
		if hello.ServerName != "" && c.Covers(hello.ServerName) {
			covering = append(covering, c)
		}
	}
	if len(covering) == 0 {
		covering = certs[:min(1, len(certs))]
	}
	return best(covering, hello)
}

// index is Choose without looking at every certificate of a listener.
type index struct {
	certs  []*Certificate
	byName map[string][]int // places in certs, ascending
}

func newIndex(certs []*Certificate) index {
	x := index{certs: slices.Clone(certs), byName: make(map[string][]int)}
	for i, c := range certs {
		for _, name := range c.Names {
			if list := x.byName[name]; len(list) == 0 || list[len(list)-1] != i {
				x.byName[name] = append(list, i)
			}
		}
	}
	return x
}

// choose is Choose.
func (x index) choose(hello *tls.ClientHelloInfo) *Certificate {
	host := strings.ToLower(strings.TrimSuffix(hello.ServerName, "."))
	exact, wild := x.byName[host], x.byName[wildcardOf(host)]
	if host == "" || len(exact)+len(wild) == 0 {
		return best(x.certs[:min(1, len(x.certs))], hello)
	}
	places := slices.Concat(exact, wild)
	slices.Sort(places)
	places = slices.Compact(places) // one certificate may have both names
	covering := make([]*Certificate, len(places))
	for i, place := range places {
		covering[i] = x.certs[place]
	}
	return best(covering, hello)
}

// best is the certificate of the highest rank that the client can use, or of the
// highest rank where it can use none.
func best(certs []*Certificate, hello *tls.ClientHelloInfo) *Certificate {
	switch len(certs) {
	case 0:
		return nil
	case 1:
		return certs[0]
	}
	certs = slices.Clone(certs)
	rank(certs, time.Now())
	anyName := *hello
	anyName.ServerName = "" // names have been compared; crypto/tls would do it again, by other rules
	for _, c := range certs {
		if anyName.SupportsCertificate(c.TLS) == nil {
			return c
		}
	}
	return certs[0]
}

// rank puts certs into order of preference. It keeps the order of equals.
func rank(certs []*Certificate, now time.Time) {
	slices.SortStableFunc(certs, func(a, b *Certificate) int {
		x, y := a.strength(now), b.strength(now)
		return cmp.Or(
			cmp.Compare(y.valid, x.valid),
			cmp.Compare(y.ecdsa, x.ecdsa),
			cmp.Compare(y.hash, x.hash),
			cmp.Compare(y.bits, x.bits),
			b.NotAfter.Compare(a.NotAfter),
		)
	})
}
