package proxy

import (
	"time"

	"github.com/albatross-lb/albatross/internal/balance"
	"github.com/albatross-lb/albatross/internal/http1"
	"github.com/albatross-lb/albatross/internal/snapshot"
)

// stickiness is what becomes of the AWSALB cookie in one exchange with a target
// group whose stickiness is on. Off, it is the zero value and does nothing.
type stickiness struct {
	on     bool
	member int // the target that the client's cookie names, to be tried first; -1: none
	group  *snapshot.TargetGroup
	value  [balance.ValueSize]byte
}

// open reads the client's cookie. A target that is gone or unhealthy is chosen
// anew, and the client is told of the new one with the response.
func (t *stickiness) open(e *exchange, group *snapshot.TargetGroup) {
	a := &group.Attributes
	*t = stickiness{member: -1}
	if !a.Stickiness || a.StickinessType != "lb_cookie" {
		return
	}
	t.on, t.group = true, group
	for i := range e.req.Fields {
		f := &e.req.Fields[i]
		if f.ID != http1.Cookie || f.Flags&http1.Drop != 0 {
			continue
		}
		value, ok := balance.FindCookie(e.req.Value(f), balance.TargetCookie)
		if !ok { // a request from another site brings the twin only
			value, ok = balance.FindCookie(e.req.Value(f), balance.TargetCookieCORS)
		}
		if !ok {
			continue
		}
		if target, ok := e.s.proxy.cookies.Open(value, group.Config.Key, e.start); ok {
			t.member = group.Balance.Sticky(target)
		}
		break
	}
	if t.member < 0 {
		e.counters.NonStickyRequests.Add(1)
	}
}

// take gives the target to try first, once.
func (t *stickiness) take() int {
	if !t.on {
		return -1
	}
	m := t.member
	t.member = -1
	return m
}

// appendCookies writes the cookies for the target that served: ALB renews them with
// every response.
func (t *stickiness) appendCookies(out []byte, e *exchange) []byte {
	if !t.on || e.target == nil {
		return out
	}
	expires := e.start.Add(t.group.Attributes.LBCookieDuration)
	value := e.s.proxy.cookies.Append(t.value[:0], t.group.Config.Key, e.target.Load.ID(), expires.Round(time.Second))
	return balance.AppendSetCookies(out, balance.TargetCookie, value, e.start)
}
