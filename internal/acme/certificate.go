package acme

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/albatross-lb/albatross/lb"
)

// certificate is what an Issuer knows of one set of names at one authority. The
// Issuer's lock guards it.
type certificate struct {
	authority *authority
	id        string // of its files
	names     []string

	pair   *lb.KeyPair       // nil: none yet
	leaf   *x509.Certificate // of pair
	record record
	window window

	wishes []*Wish // empty: nobody wants it any more
	busy   bool    // something is under way with it
	later  time.Time
}

// record is what is remembered beside the certificate itself.
type record struct {
	Names    []string           `json:"names"`
	Issued   time.Time          `json:"issued,omitzero"`
	Tried    time.Time          `json:"tried,omitzero"`
	Failures int                `json:"failures,omitempty"` // in a row
	Next     time.Time          `json:"next,omitzero"`      // not tried again before
	Cause    string             `json:"cause,omitempty"`
	Refused  map[string]refusal `json:"refused,omitempty"` // by name
}

// refusal is the trouble with one name of several.
type refusal struct {
	Failures int       `json:"failures"`
	Next     time.Time `json:"next"`
	Cause    string    `json:"cause"`
}

// window is when the authority would like a certificate to be renewed (RFC 9773).
type window struct{ start, end, ask time.Time }

// idOf is the same for the same names.
func idOf(names []string) string {
	sum := sha256.Sum256([]byte(strings.Join(names, "\x00")))
	return hex.EncodeToString(sum[:16])
}

// parsePair reads a chain and its key, which stand in PEM one behind the other.
func parsePair(text []byte) (*lb.KeyPair, *x509.Certificate, error) {
	pair, err := tls.X509KeyPair(text, text)
	if err != nil {
		return nil, nil, err
	}
	return &lb.KeyPair{CertPEM: text, KeyPEM: text}, pair.Leaf, nil
}

// checkPair refuses what an authority must not have given for names.
func checkPair(text []byte, names []string, now time.Time) error {
	_, leaf, err := parsePair(text)
	if err != nil {
		return err
	}
	for _, n := range names {
		if !holds(leaf, n) {
			return fmt.Errorf("the certificate is not for %s", n)
		}
	}
	if !leaf.NotAfter.After(now) {
		return errors.New("the certificate has expired already")
	}
	return nil
}

// holds tells whether leaf has the name in it, or a wildcard for it.
func holds(leaf *x509.Certificate, name string) bool {
	return leaf != nil && slices.ContainsFunc(leaf.DNSNames, func(have string) bool {
		return strings.EqualFold(have, name) || strings.EqualFold(have, parent(name))
	})
}

// usable tells whether there is a certificate that clients may be shown.
func (c *certificate) usable(now time.Time) bool { return c.leaf != nil && now.Before(c.leaf.NotAfter) }

func (c *certificate) life() time.Duration { return c.leaf.NotAfter.Sub(c.leaf.NotBefore) }

// fraction is a number in [0,1) that is the same for the same certificate in every
// process, so that jitter does not change with each look.
func (c *certificate) fraction() float64 {
	sum := sha256.Sum256(c.leaf.Raw)
	return float64(binary.BigEndian.Uint64(sum[:])>>11) / (1 << 53)
}

// renewal is when to renew: when a third of the life is left (a little earlier, by
// jitter), or within the authority's window if it has told one.
func (c *certificate) renewal() time.Time {
	life := c.life()
	jitter := time.Duration(c.fraction() * float64(life) / 30)
	at := c.leaf.NotAfter.Add(-life/3 - jitter)
	w := c.window
	if w.start.IsZero() || w.end.Sub(w.start) > life/2 { // a window this wide says nothing
		return at
	}
	at = w.start.Add(time.Duration(c.fraction() * float64(w.end.Sub(w.start))))
	if latest := c.leaf.NotAfter.Add(-life / 10); at.After(latest) {
		at = latest
	}
	// An authority whose windows are always over must not have us order for ever.
	if earliest := c.record.Issued.Add(min(6*time.Hour, life/3)); at.Before(earliest) {
		at = earliest
	}
	return at
}

// ending tells that so little of its life is left that a renewal can no longer wait
// for a name that is refused.
func (c *certificate) ending(now time.Time) bool {
	return !c.usable(now) || c.leaf.NotAfter.Sub(now) < c.life()/10
}

// plan says when the next order is due and what it is for: all names but those that
// were refused and wait. A refused name that the present certificate holds is not
// given up while that one lasts: the renewal waits for it.
func (c *certificate) plan(now time.Time) (at time.Time, names []string) {
	var missing, waits []time.Time // when names may be tried: not held yet; held, to be waited for
	var first time.Time            // when the first of those left out may be tried
	for _, n := range c.names {
		next := c.record.Refused[n].Next
		held := c.usable(now) && holds(c.leaf, n)
		waiting := next.After(now)
		if !held {
			missing = append(missing, next)
		}
		switch {
		case waiting && held && !c.ending(now):
			waits = append(waits, next)
			names = append(names, n)
		case waiting:
			if first.IsZero() || next.Before(first) {
				first = next
			}
		default:
			names = append(names, n)
		}
	}
	switch {
	case len(names) == 0:
		at = first
	case len(missing) > 0:
		at = slices.MinFunc(missing, time.Time.Compare)
	}
	if c.usable(now) {
		if r := c.renewal(); len(names) > 0 && (len(missing) == 0 || r.Before(at)) {
			at = r
		}
	}
	if c.record.Failures > 0 {
		waits = append(waits, c.record.Next)
	}
	return slices.MaxFunc(append(waits, at, c.later), time.Time.Compare), names
}

// covers counts the names of want that the certificate holds.
func (c *certificate) covers(want []string, now time.Time) int {
	if !c.usable(now) {
		return 0
	}
	n := 0
	for _, name := range want {
		if holds(c.leaf, name) {
			n++
		}
	}
	return n
}
