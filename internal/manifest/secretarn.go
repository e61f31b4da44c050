package manifest

import (
	"maps"
	"slices"
	"strings"

	"github.com/albatross-lb/albatross/lb"
)

// arnAnnotation on a Secret of type kubernetes.io/tls says which ARN its certificate
// stands for, so that a manifest with certificate-arn needs no change.
const arnAnnotation = ownPrefix + "certificate-arn"

// secretARN is an ARN as the objects of one namespace know it: a Secret stands for it
// there and nowhere else, or whoever may write Secrets in one namespace could change
// what the load balancers of another one show.
type secretARN struct{ namespace, arn string }

// indexARNs finds the Secrets that stand for ARNs. Of two for the same one the first
// by name counts.
func (b *builder) indexARNs() {
	byName := func(x, y name) int { return strings.Compare(x.String(), y.String()) }
	for _, n := range slices.SortedFunc(maps.Keys(b.secrets), byName) {
		s := b.secrets[n]
		arn, ok := s.Annotations[arnAnnotation]
		field := "metadata.annotations[" + arnAnnotation + "]"
		key := secretARN{n.namespace, arn}
		switch first, taken := b.secretARNs[key]; {
		case !ok:
		case !strings.HasPrefix(arn, "arn:"):
			b.warn(s.origin, field, "%q is no ARN; write the one that certificate-arn or ssl-cert names", shorten(arn))
		case len(s.Data["tls.crt"]) == 0 || len(s.Data["tls.key"]) == 0:
			b.warn(s.origin, field, "the Secret has no tls.crt and tls.key, so that it stands for nothing; write a Secret of type kubernetes.io/tls")
		case taken:
			b.warn(s.origin, field, "Secret %s stands for this ARN already, and counts; delete one of them", first)
		default:
			b.secretARNs[key] = n
		}
	}
}

// certificatesOf replaces the ARNs that Secrets of the namespace stand for by references to those.
func (b *builder) certificatesOf(namespace string, arns []string) []string {
	var all []string
	for _, arn := range arns {
		b.looked = append(b.looked, b.look('a', name{namespace, arn}))
		if n, ok := b.secretARNs[secretARN{namespace, arn}]; ok {
			s, _ := b.secret(n)
			arn = "secret:" + n.String()
			b.cfg.Certificates[arn] = &lb.KeyPair{CertPEM: s.Data["tls.crt"], KeyPEM: s.Data["tls.key"], Origin: s.origin}
		}
		all = append(all, arn)
	}
	return all
}
