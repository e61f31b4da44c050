package acme

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mholt/acmez/v3/acme"

	"github.com/albatross-lb/albatross/lb"
)

// ca stands in for an authority: it issues what it is asked for, unless told otherwise.
type ca struct {
	mu     sync.Mutex
	life   time.Duration
	takes  time.Duration
	refuse map[string]bool // hosts
	fail   error
	window func(*x509.Certificate) window

	orders []string // the names of each, joined
	at     []time.Time
	under  int
	most   int
	ways   map[string]bool // of proof that were offered
	asked  int
	serial int64
}

func (a *ca) obtain(_ *authority, ctx context.Context, o order) ([]byte, window, error) {
	a.mu.Lock()
	a.orders = append(a.orders, strings.Join(o.names, " "))
	a.at = append(a.at, time.Now())
	if a.ways == nil {
		a.ways = map[string]bool{}
	}
	for way := range o.solvers {
		a.ways[way] = true
	}
	a.under++
	a.most = max(a.most, a.under)
	takes, fail, life := a.takes, a.fail, a.life
	a.serial++
	serial := a.serial
	if fail == nil {
		for _, n := range o.names {
			if a.refuse[n] {
				fail = fmt.Errorf("solving: %w", acme.Problem{Type: acme.ProblemTypeNamespace + "unauthorized", Detail: "no",
					Resource: acme.Authorization{Identifier: acme.Identifier{Value: n}}})
				break
			}
		}
	}
	a.mu.Unlock()
	defer func() { a.mu.Lock(); a.under--; a.mu.Unlock() }()
	select {
	case <-time.After(takes):
	case <-ctx.Done():
		return nil, window{}, ctx.Err()
	}
	if fail != nil {
		return nil, window{}, fail
	}
	return issue(o.names, life, serial), window{}, nil
}

func (a *ca) renewalWindow(_ *authority, _ context.Context, leaf *x509.Certificate) window {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.asked++
	if a.window != nil {
		return a.window(leaf)
	}
	return window{ask: time.Now().Add(usualAsk)}
}

func (a *ca) set(change func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	change()
}

func (a *ca) count() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.orders)
}

// issue makes chain and key in PEM; life 0 is 90 days.
func issue(names []string, life time.Duration, serial int64) []byte {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	if life == 0 {
		life = 90 * 24 * time.Hour
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(serial), DNSNames: names, NotBefore: time.Now(), NotAfter: time.Now().Add(life)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		panic(err)
	}
	keyPEM, err := encodeKey(key)
	if err != nil {
		panic(err)
	}
	return append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), keyPEM...)
}

// open gives an Issuer whose authority is a ca; nil: the real one.
func open(t *testing.T, dir string, a *ca) *Issuer {
	t.Helper()
	i, err := Open(Options{Dir: dir, Directory: "https://ca.example/dir", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	if a != nil {
		i.obtain, i.renewalWindow = a.obtain, a.renewalWindow
	}
	return i
}

// run runs an Issuer until the func it gives is called.
func run(i *Issuer) func() {
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { i.Run(ctx) })
	return func() { cancel(); running.Wait() }
}

func wishFor(hosts ...string) Wish {
	return Wish{Ref: "acme:shop/" + hosts[0], Hosts: hosts, HTTP: true, Field: "f"}
}

// leaf is what the Issuer has for a wish; nil: nothing.
func leaf(t *testing.T, i *Issuer, w Wish) *x509.Certificate {
	t.Helper()
	pair := i.Certificate(w)
	if pair == nil {
		return nil
	}
	c, err := tls.X509KeyPair(pair.CertPEM, pair.KeyPEM)
	if err != nil {
		t.Fatal(err)
	}
	return c.Leaf
}

func after(d time.Duration) {
	time.Sleep(d) // of a bubble
	synctest.Wait()
}

func TestOneOrderForEachSet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &ca{}
		i := open(t, t.TempDir(), a)
		defer run(i)()
		one, other := wishFor("a.example", "b.example"), wishFor("B.example", "a.example.")
		other.Ref = "acme:shop/other"
		if i.Certificate(one) != nil {
			t.Error("there is a certificate before any order")
		}
		i.Want([]Wish{one, other, wishFor("c.example")})
		after(time.Second)
		a.set(func() { slices.Sort(a.orders) })
		if !slices.Equal(a.orders, []string{"a.example b.example", "c.example"}) {
			t.Errorf("orders: %q", a.orders)
		}
		if x, y := leaf(t, i, one), leaf(t, i, other); x == nil || !x.Equal(y) {
			t.Error("the same hosts have different certificates")
		}
		select {
		case <-i.Changed():
		default:
			t.Error("nobody is told")
		}
		all, succeeded, failed := i.Status()
		if len(all) != 2 || !slices.Equal(all[0].Refs, []string{"acme:shop/a.example", "acme:shop/other"}) || all[0].NotAfter.IsZero() || succeeded != 2 || failed != 0 {
			t.Errorf("status: %+v %d %d", all, succeeded, failed)
		}
		i.Want([]Wish{one, other, wishFor("c.example")})
		after(24 * time.Hour)
		if a.count() != 2 || len(i.Problems()) != 0 {
			t.Errorf("%d orders after a day, problems %v", a.count(), i.Problems())
		}
		if a.ways[acme.ChallengeTypeTLSALPN01] || !a.ways[acme.ChallengeTypeHTTP01] {
			t.Errorf("offered: %v", a.ways)
		}
	})
}

func TestRenewalIsDueAtAThird(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &ca{life: 90 * 24 * time.Hour}
		i := open(t, t.TempDir(), a)
		defer run(i)()
		w := wishFor("a.example")
		i.Want([]Wish{w})
		after(time.Second)
		first := leaf(t, i, w)
		after(56 * 24 * time.Hour) // a third less jitter is at 57 to 60 days
		if !leaf(t, i, w).Equal(first) {
			t.Error("renewed too early")
		}
		after(5 * 24 * time.Hour)
		if leaf(t, i, w).Equal(first) || a.count() != 2 {
			t.Errorf("not renewed when a third is left; %d orders", a.count())
		}
	})
}

func TestRenewalByTheAuthoritysWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &ca{life: 90 * 24 * time.Hour}
		i := open(t, t.TempDir(), a)
		defer run(i)()
		w := wishFor("a.example")
		i.Want([]Wish{w})
		after(24 * time.Hour)
		asked := 0
		a.set(func() { asked = a.asked })
		if a.count() != 1 || asked < 3 || asked > 6 {
			t.Errorf("%d orders, asked %d times in a day", a.count(), asked)
		}
		first := leaf(t, i, w)
		a.set(func() {
			a.window = func(l *x509.Certificate) window { // all that were issued today are to be replaced
				w := window{ask: time.Now().Add(usualAsk)}
				if l.Equal(first) {
					w.start, w.end = time.Now().Add(-time.Hour), time.Now()
				}
				return w
			}
		})
		after(7 * time.Hour)
		if a.count() != 2 || leaf(t, i, w).Equal(first) {
			t.Errorf("%d orders after the authority asked for one", a.count())
		}
		after(10 * 24 * time.Hour)
		if a.count() != 2 {
			t.Errorf("%d orders", a.count())
		}
		// One whose windows are always over is not followed for ever.
		a.set(func() {
			a.window = func(*x509.Certificate) window {
				return window{start: time.Now().Add(-2 * time.Hour), end: time.Now().Add(-time.Hour), ask: time.Now().Add(usualAsk)}
			}
		})
		after(10 * 24 * time.Hour)
		if n := a.count() - 2; n < 5 || n > 41 {
			t.Errorf("%d orders in ten days", n)
		}
	})
}

func TestFailuresWaitLonger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		a := &ca{fail: errors.New("down")}
		i := open(t, dir, a)
		end := run(i)
		w := wishFor("a.example")
		i.Want([]Wish{w})
		after(12 * time.Hour)
		if n := a.count(); n < 5 || n > 7 {
			t.Errorf("%d orders in twelve hours: %v", n, a.at)
		}
		for n := 2; n < len(a.at); n++ {
			if a.at[n].Sub(a.at[n-1]) < a.at[n-1].Sub(a.at[n-2]) {
				t.Errorf("waits do not grow: %v", a.at)
			}
		}
		problems := i.Problems()
		if len(problems) != 1 || problems[0].Field != "f" || problems[0].Text != "ordering a certificate for a.example from ca.example: down; it is tried again" {
			t.Errorf("problems: %v", problems)
		}
		if _, succeeded, failed := i.Status(); succeeded != 0 || int(failed) != a.count() {
			t.Errorf("%d and %d are counted", succeeded, failed)
		}
		end()

		// Another process remembers, but does not make whoever restarted it wait for hours.
		before := a.count()
		a.set(func() { a.fail, a.takes = nil, time.Second }) // not over before it is looked at
		i = open(t, dir, a)
		defer run(i)()
		i.Want([]Wish{w})
		if len(i.Problems()) != 1 {
			t.Errorf("right after the restart: %v", i.Problems())
		}
		after(restartRetry + time.Second)
		if a.count() != before+1 || leaf(t, i, w) == nil || len(i.Problems()) != 0 {
			t.Errorf("after the restart: %d orders, problems %v", a.count()-before, i.Problems())
		}
	})
}

// TestCrashLoop: a process that ends right after each start does not order each time.
func TestCrashLoop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		a := &ca{fail: errors.New("down")}
		for range 120 {
			i := open(t, dir, a)
			end := run(i)
			i.Want([]Wish{wishFor("a.example")})
			after(time.Minute)
			end()
		}
		if n := a.count(); n > 12 {
			t.Errorf("%d orders in two hours of restarts", n)
		}
	})
}

func TestRefusedHost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &ca{refuse: map[string]bool{"b.example": true}}
		i := open(t, t.TempDir(), a)
		defer run(i)()
		w := wishFor("a.example", "b.example", "c.example")
		i.Want([]Wish{w})
		after(time.Second)
		if l := leaf(t, i, w); l == nil || !slices.Equal(l.DNSNames, []string{"a.example", "c.example"}) {
			t.Fatalf("the others have %v; orders %q", l, a.orders)
		}
		if p := i.Problems(); len(p) != 1 || !strings.Contains(p[0].Text, "for b.example from ca.example: the authority says unauthorized: no") {
			t.Errorf("problems: %v", p)
		}
		after(24 * time.Hour)
		if n := a.count(); n < 6 || n > 9 {
			t.Errorf("%d orders in a day: %q", n, a.orders)
		}
		a.set(func() { a.refuse = nil })
		after(16 * time.Hour)
		if l := leaf(t, i, w); len(l.DNSNames) != 3 || len(i.Problems()) != 0 {
			t.Errorf("after recovery: %v, problems %v", l.DNSNames, i.Problems())
		}
	})
}

// TestRefusedRenewal: a host that has its certificate is not given up at the first
// trouble, but does not take the others with it in the end.
func TestRefusedRenewal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const day = 24 * time.Hour
		a := &ca{life: 90 * day}
		i := open(t, t.TempDir(), a)
		defer run(i)()
		w := wishFor("a.example", "b.example")
		i.Want([]Wish{w})
		after(50 * day)
		first := leaf(t, i, w)
		a.set(func() { a.refuse = map[string]bool{"b.example": true} })
		after(28 * day) // 78: more than a tenth is left
		if !leaf(t, i, w).Equal(first) || a.count() < 10 || a.count() > 80 {
			t.Errorf("%d orders; b.example was given up with %v left", a.count(), time.Until(first.NotAfter))
		}
		after(8 * day)
		if l := leaf(t, i, w); l.Equal(first) || !slices.Equal(l.DNSNames, []string{"a.example"}) {
			t.Errorf("with little left: %v until %v", l.DNSNames, time.Until(l.NotAfter))
		}
	})
}

func TestEveryHostRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &ca{refuse: map[string]bool{"a.example": true, "b.example": true}}
		i := open(t, t.TempDir(), a)
		defer run(i)()
		w := wishFor("a.example", "b.example")
		i.Want([]Wish{w})
		after(24 * time.Hour)
		if n := a.count(); n < 8 || n > 20 || leaf(t, i, w) != nil || len(i.Problems()) != 2 {
			t.Errorf("%d orders in a day, problems %v: %q", n, i.Problems(), a.orders)
		}
	})
}

func TestBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &ca{takes: 5 * time.Second}
		i := open(t, t.TempDir(), a)
		defer run(i)()
		var all []Wish
		for n := range 200 {
			all = append(all, wishFor(fmt.Sprintf("h%03d.example", n)))
		}
		i.Want(all)
		after(time.Hour)
		most := 0
		a.set(func() { most = a.most })
		if n := a.count(); n < orderBurst || n > orderBurst+90 || most > atOnce {
			t.Errorf("%d orders in the first hour, %d at once", n, most)
		}
		after(3 * time.Hour)
		if a.count() != 200 {
			t.Errorf("%d orders in the end", a.count())
		}
	})
}

// TestSharedHost: two orders for the same host are not under way together, since it
// can show only one answer in a handshake.
func TestSharedHost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &ca{takes: time.Minute}
		i := open(t, t.TempDir(), a)
		defer run(i)()
		i.Want([]Wish{wishFor("a.example", "b.example"), wishFor("a.example", "c.example"), wishFor("d.example")})
		after(30 * time.Second)
		if a.count() != 2 {
			t.Errorf("under way: %q", a.orders)
		}
		after(2 * time.Minute)
		if a.count() != 3 {
			t.Errorf("orders: %q", a.orders)
		}
	})
}

func TestCertificateOfOtherHosts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &ca{}
		i := open(t, t.TempDir(), a)
		defer run(i)()
		one, two := wishFor("a.example"), wishFor("a.example", "b.example")
		i.Want([]Wish{one})
		after(time.Second)
		first := leaf(t, i, one)
		a.set(func() { a.fail = errors.New("down") })
		i.Want([]Wish{two})
		after(time.Second)
		if got := leaf(t, i, two); got == nil || !got.Equal(first) {
			t.Error("what there is does not serve until there is more")
		}
		if leaf(t, i, wishFor("c.example")) != nil {
			t.Error("a certificate for others is given")
		}
		elsewhere := two
		elsewhere.Directory = "https://other.example/dir"
		if leaf(t, i, elsewhere) != nil {
			t.Error("a certificate of another authority is given")
		}
		orders := a.count()
		i.Want(nil)
		after(100 * 24 * time.Hour)
		if a.count() != orders || len(i.Problems()) != 0 {
			t.Errorf("%d orders for what nobody wants; problems %v", a.count()-orders, i.Problems())
		}
		if leaf(t, i, one) != nil {
			t.Error("an expired certificate is given")
		}
	})
}

// TestTwoProcesses: of two that share a folder and want the same, one orders.
func TestTwoProcesses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		a := &ca{takes: 10 * time.Second, life: 30 * 24 * time.Hour}
		one, two := open(t, dir, a), open(t, dir, a)
		defer run(one)()
		defer run(two)()
		w := wishFor("a.example")
		one.Want([]Wish{w})
		two.Want([]Wish{w})
		after(time.Minute)
		if x, y := leaf(t, one, w), leaf(t, two, w); x == nil || y == nil || !x.Equal(y) || a.count() != 1 {
			t.Errorf("%d orders", a.count())
		}
		after(21 * 24 * time.Hour)
		if x, y := leaf(t, one, w), leaf(t, two, w); !x.Equal(y) || a.count() != 2 {
			t.Errorf("%d orders after the renewal", a.count())
		}
	})
}

func TestStopping(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		a := &ca{takes: time.Hour}
		i := open(t, dir, a)
		end := run(i)
		i.Want([]Wish{wishFor("a.example")})
		after(time.Second)
		before := time.Now()
		end()
		if time.Since(before) > time.Second {
			t.Error("an order under way holds up the end")
		}
		a.set(func() { a.takes = 0 })
		i = open(t, dir, a)
		defer run(i)()
		i.Want([]Wish{wishFor("a.example")})
		after(time.Second)
		if a.count() != 2 || len(i.Problems()) != 0 {
			t.Errorf("to be stopped counts as a failure: %d orders, %v", a.count(), i.Problems())
		}
	})
}

// TestBadCertificate: what an authority gives is looked at before it is shown.
func TestBadCertificate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, text := range map[string][]byte{
			"not for": issue([]string{"evil.example"}, 0, 1), "expired": issue([]string{"a.example"}, time.Nanosecond, 1), "PEM": []byte("hello"),
		} {
			i := open(t, t.TempDir(), &ca{})
			i.obtain = func(*authority, context.Context, order) ([]byte, window, error) { return text, window{}, nil }
			end := run(i)
			i.Want([]Wish{wishFor("a.example")})
			after(time.Second)
			if p := i.Problems(); len(p) != 1 || !strings.Contains(p[0].Text, name) || leaf(t, i, wishFor("a.example")) != nil {
				t.Errorf("%s: %v", name, p)
			}
			end()
		}
	})
}

func TestWhatCannotBeWanted(t *testing.T) {
	i := open(t, t.TempDir(), &ca{})
	var all []Wish
	for n := range maxAuthorities + 2 {
		w := wishFor("a.example")
		w.Directory = fmt.Sprintf("https://ca%d.example/dir", n)
		all = append(all, w)
	}
	all = append(all, Wish{Hosts: []string{"*.a.example"}, HTTP: true, Origin: lb.Origin{Name: "star"}}, Wish{Hosts: []string{"x.example"}, HTTP: true, Directory: "http://plain"})
	i.Want(all)
	problems := fmt.Sprint(i.Problems())
	for _, want := range []string{"more than 8 authorities", "wildcards are proven by DNS only", "no ACME directory"} {
		if !strings.Contains(problems, want) {
			t.Errorf("%q is not said: %s", want, problems)
		}
	}
	if all, _, _ := i.Status(); len(all) != maxAuthorities {
		t.Errorf("%d are wanted", len(all))
	}
	if _, err := Open(Options{Directory: "nobody"}); err == nil {
		t.Error("nobody is an authority")
	}
}
