package acme

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/mholt/acmez/v3/acme"
)

const (
	// firstRetry is the wait after the first failure; it grows fourfold.
	firstRetry = time.Minute
	// longestRetry is where it stops growing.
	longestRetry = 12 * time.Hour
	// limitedRetry is the least wait where the authority says that it was too much.
	limitedRetry = time.Hour
	// restartRetry: what waits when a process starts waits no longer than so long after
	// it was last tried, since somebody may have restarted it to have it tried. Let's
	// Encrypt allows five failures an hour for each host.
	restartRetry = 15 * time.Minute
)

// backoff is the wait after so many failures in a row, a quarter more or less.
func backoff(first time.Duration, failures int) time.Duration {
	wait := first
	for range failures - 1 {
		if wait *= 4; wait >= longestRetry {
			wait = longestRetry
			break
		}
	}
	return wait*3/4 + rand.N(wait/2+1)
}

// failed notes a failure, at the names that the authority refused or else as one of
// the whole order.
func (r *record) failed(t trouble, first time.Duration, now time.Time) {
	least := time.Duration(0)
	if t.limited {
		least = limitedRetry
	}
	r.Tried = now
	for _, name := range t.names {
		if r.Refused == nil {
			r.Refused = map[string]refusal{}
		}
		n := r.Refused[name].Failures + 1
		r.Refused[name] = refusal{n, now.Add(max(least, backoff(first, n))), t.cause}
	}
	if len(t.names) == 0 {
		r.Failures++
		r.Next, r.Cause = now.Add(max(least, backoff(first, r.Failures))), t.cause
	}
}

// succeeded notes that names have their certificate.
func (r *record) succeeded(names []string, now time.Time) {
	r.Tried, r.Issued = now, now
	r.Failures, r.Next, r.Cause = 0, time.Time{}, ""
	for _, n := range names {
		delete(r.Refused, n)
	}
}

// restarted shortens the waits that a process has left behind which ended before
// this one began.
func (r *record) restarted(began time.Time) {
	if !r.Tried.Before(began) {
		return
	}
	latest := r.Tried.Add(restartRetry)
	if r.Next.After(latest) {
		r.Next = latest
	}
	for name, f := range r.Refused {
		if f.Next.After(latest) {
			f.Next = latest
			r.Refused[name] = f
		}
	}
}

// trouble is why an order failed.
type trouble struct {
	names   []string // that the authority refused; none: the order as a whole
	cause   string   // the same for the same cause, so that it is told once
	limited bool     // too many orders
}

// judge finds in an error what we have to know of it. ordered are the names that
// were ordered.
func judge(err error, ordered []string) trouble {
	var p acme.Problem
	if !errors.As(err, &p) {
		return trouble{cause: plain(err)}
	}
	t := trouble{cause: words(p), limited: p.Type == acme.ProblemTypeRateLimited}
	add := func(name string, wildcard bool) {
		if wildcard && !strings.HasPrefix(name, "*.") {
			name = "*." + name
		}
		if slices.Contains(ordered, name) && !slices.Contains(t.names, name) {
			t.names = append(t.names, name)
		}
	}
	if a, ok := p.Resource.(acme.Authorization); ok {
		add(strings.ToLower(a.Identifier.Value), a.Wildcard)
	}
	for _, s := range p.Subproblems {
		add(strings.ToLower(s.Identifier.Value), false)
	}
	return t
}

// words tells a problem without what is different each time, such as addresses of orders.
func words(p acme.Problem) string {
	kind := strings.TrimPrefix(p.Type, acme.ProblemTypeNamespace)
	text := shorten(p.Detail)
	for _, s := range p.Subproblems[:min(len(p.Subproblems), 3)] {
		if s.Detail != "" && s.Detail != p.Detail {
			text += "; " + shorten(s.Detail)
		}
	}
	return fmt.Sprintf("the authority says %s: %s", kind, text)
}

// plain tells an error that is none of the authority's, without the addresses and
// ports that are different each time.
func plain(err error) string {
	var network *net.OpError
	if errors.As(err, &network) {
		to := "the authority"
		if network.Addr != nil {
			to = network.Addr.String()
		}
		return shorten(fmt.Sprintf("%s %s: %v", network.Op, to, network.Err))
	}
	var request *url.Error
	if errors.As(err, &request) {
		return shorten(fmt.Sprintf("asking %s: %v", hostOf(request.URL), request.Err))
	}
	return shorten(err.Error())
}

// shorten keeps a text of somebody else's fit for a line.
func shorten(s string) string {
	const most = 400
	s = strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f }), " ")
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "..."
	}
	return s
}
