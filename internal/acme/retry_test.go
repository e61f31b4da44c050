package acme

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mholt/acmez/v3/acme"
)

func TestBackoff(t *testing.T) {
	want := []time.Duration{time.Minute, 4 * time.Minute, 16 * time.Minute, 64 * time.Minute, 256 * time.Minute, 12 * time.Hour, 12 * time.Hour}
	different := map[time.Duration]bool{}
	for n, middle := range want {
		for range 50 {
			got := backoff(time.Minute, n+1)
			if got < middle*3/4 || got > middle*5/4+1 {
				t.Errorf("after %d failures: %v, want about %v", n+1, got, middle)
			}
			different[got] = true
		}
	}
	if len(different) < 100 {
		t.Errorf("there is no jitter: %d different waits", len(different))
	}
	if got := backoff(time.Minute, 1_000_000); got > longestRetry*5/4+1 {
		t.Errorf("after a million failures: %v", got)
	}
}

func TestJudge(t *testing.T) {
	problem := func(kind, detail string, resource any) error {
		return fmt.Errorf("solving challenges: %w (order=https://ca/order/17)", acme.Problem{Type: acme.ProblemTypeNamespace + kind, Detail: detail, Resource: resource})
	}
	ordered := []string{"*.b.example", "a.example", "b.example"}
	for _, c := range []struct {
		err     error
		names   string
		cause   string
		limited bool
	}{
		{problem("dns", "no such host", acme.Authorization{Identifier: acme.Identifier{Value: "a.example"}}), "a.example", "the authority says dns: no such host", false},
		{problem("dns", "no TXT", acme.Authorization{Identifier: acme.Identifier{Value: "b.example"}, Wildcard: true}), "*.b.example", "no TXT", false},
		{problem("dns", "x", acme.Authorization{Identifier: acme.Identifier{Value: "other.example"}}), "", "x", false},
		{problem("rateLimited", "too many", nil), "", "too many", true},
		{acme.Problem{Type: acme.ProblemTypeRejectedIdentifier, Detail: "policy", Subproblems: []acme.Subproblem{
			{Identifier: acme.Identifier{Value: "a.example"}, Problem: acme.Problem{Detail: "not this one"}},
			{Identifier: acme.Identifier{Value: "*.b.example"}}}}, "a.example *.b.example", "policy; not this one", false},
		{&url.Error{Op: "Post", URL: "https://ca.example/order/17", Err: errors.New("EOF")}, "", "asking ca.example: EOF", false},
		{&url.Error{Op: "Get", URL: "https://ca.example/", Err: &net.OpError{Op: "dial", Addr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 14000},
			Source: &net.TCPAddr{Port: 51234}, Err: errors.New("connection refused")}}, "", "dial 127.0.0.1:14000: connection refused", false},
		{errors.New("a\nb\x00c " + strings.Repeat("x", 1000)), "", "a b c xx", false},
	} {
		got := judge(c.err, ordered)
		if strings.Join(got.names, " ") != c.names || !strings.Contains(got.cause, c.cause) || got.limited != c.limited || len(got.cause) > 500 {
			t.Errorf("%v: got %+v", c.err, got)
		}
		if strings.Contains(got.cause, "order/17") || strings.Contains(got.cause, "51234") {
			t.Errorf("%q is different each time", got.cause)
		}
	}
}

func TestRecord(t *testing.T) {
	now := time.Unix(1_000_000, 0)
	var r record
	r.failed(trouble{cause: "down"}, time.Minute, now)
	r.failed(trouble{cause: "down"}, time.Minute, now)
	if r.Failures != 2 || r.Next.Sub(now) < 3*time.Minute {
		t.Errorf("after two failures: %+v", r)
	}
	r.failed(trouble{cause: "slow down", limited: true}, time.Second, now)
	if r.Next.Sub(now) < limitedRetry {
		t.Errorf("after a rate limit: tried again after %v", r.Next.Sub(now))
	}
	r.failed(trouble{names: []string{"a", "b"}, cause: "no"}, time.Hour, now)
	if r.Failures != 3 || len(r.Refused) != 2 {
		t.Errorf("after a refusal: %+v", r)
	}
	same := r
	same.restarted(now) // tried by this very process
	if !same.Next.Equal(r.Next) {
		t.Error("a process shortens its own waits")
	}
	r.restarted(now.Add(time.Hour))
	if latest := now.Add(restartRetry); r.Next.After(latest) || r.Refused["a"].Next.After(latest) {
		t.Errorf("after a restart: %+v", r)
	}
	r.succeeded([]string{"a"}, now)
	if r.Failures != 0 || r.Cause != "" || len(r.Refused) != 1 || !r.Issued.Equal(now) {
		t.Errorf("after a success: %+v", r)
	}
}

func TestBucket(t *testing.T) {
	now := time.Unix(1_000_000, 0)
	b := newBucket(3, time.Second)
	var waits []time.Duration
	for range 5 {
		waits = append(waits, b.take(now))
	}
	if !slices.Equal(waits, []time.Duration{0, 0, 0, time.Second, time.Second}) {
		t.Errorf("at once: %v", waits)
	}
	if b.take(now.Add(time.Second)) != 0 || b.take(now.Add(time.Second)) == 0 {
		t.Error("after a second there is not just one more")
	}
	b.give()
	if b.take(now.Add(time.Second)) != 0 {
		t.Error("what was given back cannot be taken")
	}
	taken := 0
	for range 10 {
		if b.take(now.Add(time.Hour)) == 0 {
			taken++
		}
	}
	if taken != 3 {
		t.Errorf("after a rest: %d at once, want 3", taken)
	}
}
