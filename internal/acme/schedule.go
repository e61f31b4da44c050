package acme

import (
	"context"
	"crypto/x509"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/mholt/acmez/v3"
	"github.com/mholt/acmez/v3/acme"
)

const (
	// atOnce is how many orders are under way at the same time.
	atOnce = 4
	// orderBurst and orderEvery bound the orders altogether. Let's Encrypt allows an
	// account 300 in three hours.
	orderBurst = 40
	orderEvery = 40 * time.Second
	// longestRest is how long the schedule rests at most.
	longestRest = time.Hour
)

// Run orders and renews until ctx is done and what was under way has ended.
func (i *Issuer) Run(ctx context.Context) {
	var under sync.WaitGroup
	defer under.Wait()
	for {
		rest := time.NewTimer(i.begin(ctx, &under))
		select {
		case <-ctx.Done():
			rest.Stop()
			return
		case <-i.wake:
			rest.Stop()
		case <-rest.C:
		}
	}
}

// begin starts everything that is due and returns how long to rest. What is told to
// wait for something under way is woken by its end.
func (i *Issuer) begin(ctx context.Context, under *sync.WaitGroup) time.Duration {
	i.mu.Lock()
	defer i.mu.Unlock()
	now := time.Now()
	rest := longestRest
	later := func(at time.Time) { rest = min(rest, max(at.Sub(now), time.Millisecond)) }
	for _, c := range i.wanted {
		if c.busy {
			continue
		}
		if at, names := c.plan(now); at.After(now) {
			later(at)
			if c.usable(now) && c.window.ask.After(now) {
				later(c.window.ask)
			} else if c.usable(now) && i.busy() < atOnce {
				i.start(under, c, func() { i.ask(ctx, c, c.leaf) })
			}
		} else if i.free(c) {
			if wait := i.orders.take(now); wait > 0 {
				later(now.Add(wait))
				continue
			}
			i.start(under, c, func() { i.order(ctx, c, names) })
		}
	}
	return rest
}

// busy counts what is under way.
func (i *Issuer) busy() (n int) {
	for _, c := range i.wanted {
		if c.busy {
			n++
		}
	}
	return n
}

// free tells whether c may be ordered now: not too much else is under way, and
// nothing for one of its names, since a host shows one answer at a time.
func (i *Issuer) free(c *certificate) bool {
	if i.busy() >= atOnce {
		return false
	}
	return !slices.ContainsFunc(i.wanted, func(other *certificate) bool {
		return other.busy && slices.ContainsFunc(c.names, func(n string) bool { return shares(other.names, n) })
	})
}

// shares tells whether names has n, or its wildcard or apex, which are proven at the same place.
func shares(names []string, n string) bool {
	base := strings.TrimPrefix(n, "*.")
	return slices.Contains(names, base) || slices.Contains(names, "*."+base)
}

// start does work on c behind everybody's back.
func (i *Issuer) start(under *sync.WaitGroup, c *certificate, work func()) {
	c.busy = true
	under.Go(func() {
		work()
		i.mu.Lock()
		c.busy = false
		i.mu.Unlock()
		signal(i.wake)
	})
}

// ask learns when the authority would like a certificate to be renewed.
func (i *Issuer) ask(ctx context.Context, c *certificate, leaf *x509.Certificate) {
	w := i.renewalWindow(c.authority, ctx, leaf)
	i.mu.Lock()
	defer i.mu.Unlock()
	if c.leaf == leaf {
		if c.window.ask = w.ask; !w.start.IsZero() {
			c.window = w
		}
	}
}

// order orders a certificate, unless another process does so, or has done so already.
func (i *Issuer) order(ctx context.Context, c *certificate, names []string) {
	unlock, err := c.authority.folder.lock(c.id)
	if err == nil && unlock == nil {
		i.wait(c)
		return
	}
	if err != nil {
		i.settle(c, names, nil, window{}, err)
		return
	}
	defer unlock()
	names, replaces, due := i.reread(c)
	if !due {
		return
	}
	text, w, err := i.obtain(c.authority, ctx, order{names: names, replaces: replaces, solvers: i.solvers(c, names)})
	if ctx.Err() != nil {
		return // we are being stopped: that says nothing about the authority
	}
	if err == nil {
		err = checkPair(text, names, time.Now())
	}
	i.settle(c, names, text, w, err)
}

// wait leaves c to the process that holds its lock, for a few seconds.
func (i *Issuer) wait(c *certificate) {
	i.mu.Lock()
	defer i.mu.Unlock()
	c.later = time.Now().Add(2*time.Second + rand.N(2*time.Second))
	i.orders.give()
	i.load(c)
}

// load reads what another process may have written; i.mu is held.
func (i *Issuer) load(c *certificate) {
	before := c.leaf
	if err := c.authority.load(c); err != nil {
		i.options.Log.Warn("a kept certificate is passed over", "error", err)
	}
	if c.leaf != before {
		signal(i.changed)
	}
}

// reread looks whether the order is still due, now that nobody else can be at it.
func (i *Issuer) reread(c *certificate) (names []string, replaces *x509.Certificate, due bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	now := time.Now()
	c.later = time.Time{}
	i.load(c)
	at, names := c.plan(now)
	if at.After(now) {
		i.orders.give()
		return nil, nil, false
	}
	// Where an order with it failed, it may be because of it.
	if c.usable(now) && c.record.Failures == 0 && len(c.record.Refused) == 0 && !c.window.start.IsZero() {
		replaces = c.leaf
	}
	return names, replaces, true
}

// settle keeps what came of an order.
func (i *Issuer) settle(c *certificate, names []string, text []byte, w window, err error) {
	f := c.authority.folder
	if err == nil {
		// The chain first: a record without it has it ordered again, and no harm done.
		err = f.write(c.id+".pem", text)
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	now := time.Now()
	if err != nil {
		i.failed++
		c.record.failed(judge(err, names), i.options.Retry, now)
	} else {
		i.succeeded++
		c.record.succeeded(names, now)
		c.pair, c.leaf, _ = parsePair(text) // checkPair has parsed it
		c.window = w
		i.options.Log.Info("certificate issued", "names", list(names), "by", hostOf(c.authority.url), "until", c.leaf.NotAfter.UTC().Format(time.RFC3339))
	}
	if err := f.remember(c.id, c.record); err != nil {
		i.options.Log.Warn("what was tried cannot be kept", "error", err)
	}
	signal(i.changed)
}

// solvers are the ways to prove the names that we have. DNS is used where there is no
// other: a name server is there for all hosts, but not each need be delegated to it.
func (i *Issuer) solvers(c *certificate, names []string) map[string]acmez.Solver {
	i.mu.Lock()
	defer i.mu.Unlock()
	s := map[string]acmez.Solver{}
	for _, w := range c.wishes {
		if w.HTTP {
			s[acme.ChallengeTypeHTTP01] = httpSolver{i.answers}
		}
		if w.TLS {
			s[acme.ChallengeTypeTLSALPN01] = tlsSolver{i.answers}
		}
	}
	wild := slices.ContainsFunc(names, func(n string) bool { return strings.HasPrefix(n, "*.") })
	if i.options.DNS != nil && (wild || len(s) == 0) {
		s[acme.ChallengeTypeDNS01] = dnsSolver{i.answers}
	}
	return s
}

// dnsAnswer answers the name server: known are the _acme-challenge names of hosts
// that are wanted, whether or not something is under way with them.
func (i *Issuer) dnsAnswer(name string) (texts []string, known bool) {
	host, ok := strings.CutPrefix(name, challengeLabel)
	if !ok {
		return nil, false
	}
	i.mu.Lock()
	known = i.proven[host]
	i.mu.Unlock()
	texts = i.answers.text(name)
	return texts, known || len(texts) > 0
}
