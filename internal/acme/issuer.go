package acme

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/albatross-lb/albatross/lb"
)

// Options of an Issuer.
type Options struct {
	Dir       string         // where everything is kept
	Directory string         // URL of the authority for wishes that name none
	Email     string         // told to authorities with the account; may be ""
	Roots     *x509.CertPool // that an authority's own HTTPS certificate must come from; nil: the system's
	// DNS answers DNS-01 challenges; nil: there is no way to have a wildcard.
	DNS *NameServer
	// Retry is the first wait after a failure; 0: a minute. It grows fourfold, up to twelve hours.
	Retry time.Duration
	Log   *slog.Logger // nil: slog.Default()
}

// Issuer has certificates issued and renewed. Its methods may be called from any goroutine.
type Issuer struct {
	options Options
	answers *answers
	orders  *bucket
	changed chan struct{} // holds one token when Certificate or Problems may say something new
	wake    chan struct{} // holds one token when the schedule may have changed

	// obtain and renewalWindow ask the authority; tests put others in their place.
	obtain        func(*authority, context.Context, order) ([]byte, window, error)
	renewalWindow func(*authority, context.Context, *x509.Certificate) window

	mu           sync.Mutex
	authorities  map[string]*authority
	wanted       []*certificate  // in the order of their names
	proven       map[string]bool // hosts of wanted, without the star of wildcards
	problems     []lb.Problem    // of the wishes themselves
	placeholders map[string]placeholder
	succeeded    uint64
	failed       uint64
}

// Open gives an Issuer; nothing is ordered before Run.
func Open(o Options) (*Issuer, error) {
	if _, ok := lb.ACMEDirectory(o.Directory); !ok {
		return nil, fmt.Errorf("%q is no ACME directory; write letsencrypt, letsencrypt-staging or an https:// URL", o.Directory)
	}
	o.Directory, _ = lb.ACMEDirectory(o.Directory)
	o.Retry = cmp.Or(o.Retry, firstRetry)
	if o.Log == nil {
		o.Log = slog.Default()
	}
	i := &Issuer{options: o, answers: newAnswers(), orders: newBucket(orderBurst, orderEvery),
		changed: make(chan struct{}, 1), wake: make(chan struct{}, 1),
		obtain: (*authority).obtain, renewalWindow: (*authority).renewalWindow,
		authorities: map[string]*authority{}, placeholders: map[string]placeholder{}}
	if o.DNS != nil {
		o.DNS.answer = i.dnsAnswer
	}
	return i, nil
}

// KeyAuthorization is the body of the answer to GET PathPrefix+token at host (which may
// have a port); false where no order waits for that.
func (i *Issuer) KeyAuthorization(host, token string) (string, bool) {
	return i.answers.keyAuthorization(host, token)
}

// Challenge is what a client is shown whose handshake is an authority's question; nil
// for every other client. See ALPN for what is to be done with the connection.
func (i *Issuer) Challenge(hello *tls.ClientHelloInfo) *tls.Config { return i.answers.challenge(hello) }

// Changed holds a token when Certificate and Problems may say something new.
func (i *Issuer) Changed() <-chan struct{} { return i.changed }

// Certificate gives what there is for a wish: the certificate for just these hosts, or
// the one that covers most of them; nil where there is none. It may be asked before Want.
func (i *Issuer) Certificate(w Wish) *lb.KeyPair {
	i.mu.Lock()
	defer i.mu.Unlock()
	a, err := i.authority(w.Directory)
	if err != nil {
		return nil
	}
	names, _ := w.names(i.options.DNS != nil)
	if len(names) == 0 {
		return nil
	}
	now := time.Now()
	best := a.certificate(names, i.options.Log)
	if most := best.covers(names, now); most < len(names) {
		for _, other := range a.kept {
			if n := other.covers(names, now); n > most || n > 0 && n == most && other.better(best) {
				best, most = other, n
			}
		}
	}
	if !best.usable(now) {
		return nil
	}
	return best.pair
}

// better puts certificates that cover the same number of names in an order.
func (c *certificate) better(than *certificate) bool {
	return cmp.Or(c.leaf.NotAfter.Compare(than.leaf.NotAfter), cmp.Compare(c.id, than.id)) > 0
}

// Want says what is wanted from now on, in place of all that was.
func (i *Issuer) Want(all []Wish) {
	i.mu.Lock()
	defer i.mu.Unlock()
	for _, c := range i.wanted {
		c.wishes = nil
	}
	i.wanted, i.problems, i.proven = nil, nil, map[string]bool{}
	for n := range all {
		i.want(&all[n])
	}
	slices.SortFunc(i.wanted, func(x, y *certificate) int {
		return cmp.Or(slices.Compare(x.names, y.names), cmp.Compare(x.authority.url, y.authority.url))
	})
	signal(i.wake)
	signal(i.changed)
}

func (i *Issuer) want(w *Wish) {
	names, refused := w.names(i.options.DNS != nil)
	for _, text := range refused {
		i.problems = append(i.problems, lb.Problem{Origin: w.Origin, Field: w.Field, Text: text})
	}
	if len(names) == 0 {
		return
	}
	a, err := i.authority(w.Directory)
	if err == nil && len(i.wanted) >= maxWishes {
		err = fmt.Errorf("more than %d certificates are asked for; this one is not ordered", maxWishes)
	}
	if err != nil {
		i.problems = append(i.problems, lb.Problem{Origin: w.Origin, Field: w.Field, Text: err.Error()})
		return
	}
	c := a.certificate(names, i.options.Log)
	if len(c.wishes) == 0 {
		i.wanted = append(i.wanted, c)
	}
	for _, n := range names {
		i.proven[strings.TrimPrefix(n, "*.")] = true
	}
	c.wishes = append(c.wishes, w)
}

// authority gives the authority of a directory, and reads what is kept of it the first time.
func (i *Issuer) authority(directory string) (*authority, error) {
	directory = cmp.Or(directory, i.options.Directory)
	if a := i.authorities[directory]; a != nil {
		return a, nil
	}
	directory, ok := lb.ACMEDirectory(directory)
	if !ok {
		return nil, errors.New("this is no ACME directory; write letsencrypt, letsencrypt-staging or an https:// URL")
	}
	if len(i.authorities) >= maxAuthorities {
		return nil, fmt.Errorf("more than %d authorities are named; this one is not asked", maxAuthorities)
	}
	a := newAuthority(&i.options, directory, folder(filepath.Join(i.options.Dir, folderName(directory))))
	i.authorities[directory] = a
	a.loadAll(i.options.Log)
	return a, nil
}

// forgetAfter is how long an expired certificate is kept.
const forgetAfter = 7 * 24 * time.Hour

// loadAll reads every certificate that is kept: one for other hosts may cover new
// ones. What expired long ago is removed.
func (a *authority) loadAll(log *slog.Logger) {
	for _, id := range a.folder.kept() {
		c := &certificate{authority: a, id: id}
		if err := a.load(c); err != nil {
			log.Warn("a kept certificate is passed over", "error", err)
			continue
		}
		if c.leaf != nil && time.Since(c.leaf.NotAfter) > forgetAfter {
			a.folder.remove(id)
			continue
		}
		if c.names = c.record.Names; idOf(c.names) != id || len(a.kept) >= maxWishes {
			continue
		}
		a.kept[id] = c
	}
}

// load reads what is kept of c, anew each time: another process may have written it.
func (a *authority) load(c *certificate) error {
	err := a.folder.load(c)
	c.record.restarted(a.began)
	return err
}

// certificate gives the one for just these names.
func (a *authority) certificate(names []string, log *slog.Logger) *certificate {
	id := idOf(names)
	if c := a.kept[id]; c != nil {
		return c
	}
	c := &certificate{authority: a, id: id, names: names, record: record{Names: names}}
	if err := a.load(c); err != nil { // another process may have had it issued since loadAll
		log.Warn("a kept certificate is passed over", "error", err)
	}
	a.kept[id] = c
	return c
}

// Problems says what wishes are not fulfilled, and why.
func (i *Issuer) Problems() []lb.Problem {
	i.mu.Lock()
	defer i.mu.Unlock()
	problems := slices.Clone(i.problems)
	for _, c := range i.wanted {
		for _, w := range c.wishes {
			for _, text := range c.complaints() {
				problems = append(problems, lb.Problem{Origin: w.Origin, Field: w.Field, Text: text})
			}
		}
	}
	return problems
}

func (c *certificate) complaints() []string {
	var texts []string
	say := func(names []string, cause string) {
		texts = append(texts, fmt.Sprintf("ordering a certificate for %s from %s: %s; it is tried again", list(names), hostOf(c.authority.url), cause))
	}
	if c.record.Failures > 0 {
		say(c.names, c.record.Cause)
	}
	for _, n := range c.names {
		if r, ok := c.record.Refused[n]; ok {
			say([]string{n}, r.Cause)
		}
	}
	return texts
}

// Status is a certificate that is wanted, for metrics.
type Status struct {
	Refs      []string // of the wishes for it
	Directory string
	Names     []string
	NotAfter  time.Time // zero: there is none yet
}

// Status lists the certificates that are wanted, and counts the orders that
// succeeded and failed since the process began.
func (i *Issuer) Status() (all []Status, succeeded, failed uint64) {
	i.mu.Lock()
	defer i.mu.Unlock()
	for _, c := range i.wanted {
		s := Status{Directory: c.authority.url, Names: c.names}
		for _, w := range c.wishes {
			s.Refs = append(s.Refs, w.Ref)
		}
		if c.leaf != nil {
			s.NotAfter = c.leaf.NotAfter
		}
		all = append(all, s)
	}
	return all, i.succeeded, i.failed
}

func signal(to chan struct{}) {
	select {
	case to <- struct{}{}:
	default:
	}
}
