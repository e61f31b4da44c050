package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/albatross-lb/albatross/internal/acme"
	"github.com/albatross-lb/albatross/internal/certs"
	"github.com/albatross-lb/albatross/internal/control"
	"github.com/albatross-lb/albatross/internal/metrics"
	"github.com/albatross-lb/albatross/lb"
)

// acmeFlags say whether and where certificates are ordered.
type acmeFlags struct {
	ACMEDirectory string        `name:"acme-directory" placeholder:"NAME|URL" complete:"letsencrypt,letsencrypt-staging" help:"Order certificates where the annotation albatross.io/acme asks for them, from letsencrypt, letsencrypt-staging or an https:// directory URL. With this you agree to the authority's terms of service."`
	ACMEEmail     string        `name:"acme-email" placeholder:"ADDRESS" help:"Contact address of the account with the authority."`
	ACMECAFile    string        `name:"acme-ca-file" type:"existingfile" placeholder:"FILE" help:"Certificates (PEM) to trust, beside the system's, when talking to an authority of your own."`
	ACMEDNS       string        `name:"acme-dns" placeholder:"ADDR" help:"Answer DNS-01 challenges on this address (UDP and TCP), for wildcards; _acme-challenge.<host> must be delegated to it."`
	ACMEDNSName   string        `name:"acme-dns-name" placeholder:"NAME" help:"Name of that name server in delegations."`
	ACMERetry     time.Duration `name:"acme-retry" default:"1m" help:"Wait after a failed order; it grows fourfold each time, up to 12h."`
}

// ordering is the machine's part that has certificates issued.
type ordering struct {
	issuer *acme.Issuer
	dns    *acme.NameServer // nil without --acme-dns

	mu     sync.Mutex
	wishes map[string]*wish
	used   map[string]*lb.KeyPair // by the configuration applied last
	parsed map[string]parsed      // by reference
}

// parsed is a pair that was read before.
type parsed struct {
	pair        *lb.KeyPair
	certificate *certs.Certificate
}

// wish is one that a configuration has, and what covers hosts of it already.
type wish struct {
	acme.Wish
	covering *certs.Certificate
}

// open gives nil without --acme-directory.
func (f *acmeFlags) open(state string, log *slog.Logger) (*ordering, error) {
	if f.ACMEDirectory == "" {
		return nil, nil
	}
	o := &ordering{parsed: map[string]parsed{}}
	options := acme.Options{Dir: filepath.Join(state, "acme"), Directory: f.ACMEDirectory, Email: f.ACMEEmail, Retry: f.ACMERetry, Log: log}
	var err error
	if f.ACMECAFile != "" {
		if options.Roots, err = trusting(f.ACMECAFile); err != nil {
			return nil, err
		}
	}
	if f.ACMEDNS != "" {
		if o.dns, err = acme.ListenDNS(f.ACMEDNS, f.ACMEDNSName); err != nil {
			return nil, fmt.Errorf("%w; see --acme-dns", err)
		}
		options.DNS = o.dns
		log.Info("name server for ACME challenges", "address", o.dns.Addr().String())
	}
	if o.issuer, err = acme.Open(options); err != nil {
		return nil, fmt.Errorf("--acme-directory: %w", err)
	}
	return o, nil
}

// trusting gives the system's authorities and those of a file.
func trusting(file string) (*x509.CertPool, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("--acme-ca-file: %w", err)
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("--acme-ca-file: there is no certificate in %s", file)
	}
	return pool, nil
}

// run orders, and answers name server queries, until ctx is done or the func that it
// returns is called, which waits for the end.
func (o *ordering) run(ctx context.Context, log *slog.Logger) func() {
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() { o.issuer.Run(ctx) })
	if o.dns != nil {
		running.Go(func() {
			if err := o.dns.Serve(ctx); err != nil {
				log.Error("name server for ACME challenges", "error", err)
			}
		})
	}
	return func() { cancel(); running.Wait() }
}

// Run implements control.Source: certificates that came or changed, and what is
// wrong with orders, are a change of configuration like any other. It is silent where
// the configuration in service says the same already.
func (o *ordering) Run(ctx context.Context, send func(control.Update)) error {
	sent := false
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-o.issuer.Changed():
		}
		cfg := &lb.Config{Certificates: map[string]*lb.KeyPair{}, Warnings: o.issuer.Problems()}
		o.mu.Lock()
		for ref, w := range o.wishes {
			if pair := o.issuer.Certificate(w.Wish); pair != nil {
				cfg.Certificates[ref] = pair
			}
		}
		same := maps.Equal(cfg.Certificates, o.used)
		o.mu.Unlock()
		if sent || !same || len(cfg.Warnings) > 0 {
			sent = true
			send(control.Update{Origin: "acme", Config: cfg})
		}
	}
}

// plan finds what cfg has wishes for: the hosts that no other certificate of the
// listener covers. found looks for one that is there.
func (o *ordering) plan(cfg *lb.Config, found func(ref string) (*certs.Certificate, error)) {
	wishes := map[string]*wish{}
	overHTTP, overTLS := speaks(cfg, 80, lb.HTTP), speaks(cfg, 443, lb.HTTPS)
	for _, b := range cfg.LoadBalancers {
		for _, l := range b.Listeners {
			for _, ref := range l.Certificates {
				ask := cfg.ACME[ref]
				if ask == nil {
					continue
				}
				w := wishes[ref]
				if w == nil {
					w = &wish{Wish: acme.Wish{Ref: ref, Directory: ask.Directory, HTTP: overHTTP, TLS: overTLS, Origin: ask.Origin, Field: ask.Field}}
					wishes[ref] = w
				}
				w.add(ask.Hosts, present(cfg, l, found))
			}
		}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.wishes, o.used = wishes, map[string]*lb.KeyPair{}
	maps.DeleteFunc(o.parsed, func(ref string, _ parsed) bool { return wishes[ref] == nil })
}

// add wishes for those of hosts that nothing of have covers.
func (w *wish) add(hosts []string, have []*certs.Certificate) {
	for _, h := range hosts {
		by := slices.IndexFunc(have, func(c *certs.Certificate) bool { return c.Covers(h) })
		if by >= 0 {
			w.covering = have[by]
		} else if !slices.Contains(w.Hosts, h) {
			w.Hosts = append(w.Hosts, h)
		}
	}
}

// present are the listener's certificates that are there and have not expired,
// without those that are ordered.
func present(cfg *lb.Config, l *lb.Listener, found func(ref string) (*certs.Certificate, error)) []*certs.Certificate {
	var have []*certs.Certificate
	for _, ref := range l.Certificates {
		if cfg.ACME[ref] != nil {
			continue
		}
		if c, err := found(ref); err == nil && time.Now().Before(c.NotAfter) {
			have = append(have, c)
		}
	}
	return have
}

// speaks tells whether a load balancer has a listener of the protocol on the port.
func speaks(cfg *lb.Config, port int, p lb.Protocol) bool {
	return slices.ContainsFunc(cfg.LoadBalancers, func(b *lb.LoadBalancer) bool {
		return slices.ContainsFunc(b.Listeners, func(l *lb.Listener) bool { return l.Port == port && l.Protocol == p })
	})
}

// certificate gives what a listener shows for a wish: the certificate, or what stands
// in for it until it comes.
func (o *ordering) certificate(ref string, hosts []string, ca *certs.CA) (*certs.Certificate, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	w := o.wishes[ref]
	switch {
	case w == nil:
		return nil, errors.New("it is not part of this configuration")
	case len(w.Hosts) == 0:
		return w.covering, nil
	}
	if pair := o.issuer.Certificate(w.Wish); pair != nil {
		o.used[ref] = pair
		return o.parse(ref, pair)
	}
	if ca != nil {
		return ca.Issue(ref, hosts)
	}
	pair, err := o.issuer.Placeholder(w.Wish)
	if err != nil {
		return nil, err
	}
	return o.parse(ref, pair)
}

// parse reads each pair once, however often the configuration changes.
func (o *ordering) parse(ref string, pair *lb.KeyPair) (*certs.Certificate, error) {
	if p := o.parsed[ref]; p.pair == pair {
		return p.certificate, nil
	}
	c, err := certs.ParsePair(ref, pair.CertPEM, pair.KeyPEM)
	if err == nil {
		o.parsed[ref] = parsed{pair, c}
	}
	return c, err
}

// want has the wishes of the configuration fulfilled that is now in service.
func (o *ordering) want() {
	o.mu.Lock()
	defer o.mu.Unlock()
	var all []acme.Wish
	for _, ref := range slices.Sorted(maps.Keys(o.wishes)) {
		if w := o.wishes[ref]; len(w.Hosts) > 0 {
			all = append(all, w.Wish)
		}
	}
	o.issuer.Want(all)
}

// challenged answers handshakes that are an authority's question, and leaves all
// others to cfg.
func (o *ordering) challenged(cfg *tls.Config) *tls.Config {
	return &tls.Config{GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		if answer := o.issuer.Challenge(hello); answer != nil {
			return answer, nil
		}
		if cfg.GetConfigForClient == nil {
			return cfg, nil
		}
		other, err := cfg.GetConfigForClient(hello)
		if other == nil {
			other = cfg
		}
		return other, err
	}}
}

// figures are for the metrics.
func (o *ordering) figures() metrics.Ordered {
	all, succeeded, failed := o.issuer.Status()
	f := metrics.Ordered{Succeeded: succeeded, Failed: failed}
	for _, s := range all {
		for _, ref := range s.Refs {
			f.Certificates = append(f.Certificates, metrics.OrderedCertificate{Ref: ref, NotAfter: s.NotAfter})
		}
	}
	return f
}
