package proxy

import (
	"time"

	"github.com/albatross-lb/albatross/internal/balance"
	"github.com/albatross-lb/albatross/internal/http1"
	"github.com/albatross-lb/albatross/internal/snapshot"
)

// stickiness is what becomes of the load balancer's cookies in one exchange. Off, it
// is the zero value and does nothing. There are three kinds: AWSALB for a target by
// the load balancer's own clock, AWSALBAPP-0 for a target for as long as the
// application renews its own cookie, AWSALBTG for a target group of a weighted forward.
type stickiness struct {
	forward *snapshot.Forward // whose groups a client sticks to; nil: none
	chosen  int               // the member that was chosen of it

	group  *snapshot.TargetGroup // whose targets a client sticks to; nil: none
	byApp  bool                  // for as long as the application's cookie says
	member int                   // the target that the client's cookie names, to be tried first; -1: none
	value  [balance.ValueSize]byte
}

// appCookie is the name of ALB's cookie for application-based stickiness. ALB cuts
// longer values over AWSALBAPP-0 to -3; ours are short.
const appCookie = "AWSALBAPP-0"

// member chooses the target group: the one that the client's cookie names where the
// forward is sticky, else by weight.
func (e *exchange) member(f *snapshot.Forward) int {
	t := &e.sticky
	if f.StickyFor == 0 {
		return f.Choose()
	}
	t.forward = f
	t.chosen = -1
	if target, ok := e.cookie(balance.TargetGroupCookie, balance.TargetGroupCookieCORS, f.StickyID); ok {
		t.chosen = f.Member(target)
	}
	if t.chosen < 0 {
		t.chosen = f.Choose()
	}
	return t.chosen
}

// open reads the client's cookie for a target of the group. A target that is gone or
// unhealthy is chosen anew, and the client is told of the new one with the response.
func (t *stickiness) open(e *exchange, group *snapshot.TargetGroup) {
	a := &group.Attributes
	t.group, t.member = nil, -1
	if !a.Stickiness {
		return
	}
	var target balance.Hash
	var ok bool
	switch a.StickinessType {
	case "lb_cookie":
		target, ok = e.cookie(balance.TargetCookie, balance.TargetCookieCORS, group.Config.Key)
	case "app_cookie":
		t.byApp = true
		target, ok = e.cookie(appCookie, "", group.Config.Key)
	default:
		return
	}
	t.group = group
	if ok {
		t.member = group.Balance.Sticky(target)
	}
	if t.member < 0 {
		e.counters.NonStickyRequests.Add(1)
	}
}

// cookie looks for one of the load balancer's cookies and opens it. A request from
// another site brings the twin only.
func (e *exchange) cookie(name, twin, sealedFor string) (balance.Hash, bool) {
	for i := range e.req.Fields {
		f := &e.req.Fields[i]
		if f.ID != http1.Cookie || f.Flags&http1.Drop != 0 {
			continue
		}
		value, ok := balance.FindCookie(e.req.Value(f), name)
		if !ok && twin != "" {
			value, ok = balance.FindCookie(e.req.Value(f), twin)
		}
		if ok {
			return e.s.proxy.cookies.Open(value, sealedFor, e.start)
		}
	}
	return balance.Hash{}, false
}

// take gives the target to try first, once.
func (t *stickiness) take() int {
	if t.group == nil {
		return -1
	}
	m := t.member
	t.member = -1
	return m
}

// appendCookies writes the cookies for what has served. ALB renews its own with every
// response, the application's with every response that sets the application's cookie.
func (t *stickiness) appendCookies(out []byte, e *exchange) []byte {
	if t.forward != nil {
		key := t.forward.Members[t.chosen].Group.Config.Key
		value := t.seal(e, t.forward.StickyID, key, t.forward.StickyFor)
		out = balance.AppendSetCookies(out, balance.TargetGroupCookie, value, e.start)
	}
	if t.group == nil || e.target == nil {
		return out
	}
	a := &t.group.Attributes
	if !t.byApp {
		value := t.seal(e, t.group.Config.Key, e.target.Load.ID(), a.LBCookieDuration)
		return balance.AppendSetCookies(out, balance.TargetCookie, value, e.start)
	}
	if !e.setsCookie(a.AppCookieName) {
		return out
	}
	expires := e.start.Add(a.AppCookieDuration)
	out = append(out, "Set-Cookie: "+appCookie+"="...)
	out = append(out, t.seal(e, t.group.Config.Key, e.target.Load.ID(), a.AppCookieDuration)...)
	out = append(out, "; Expires="...)
	out = expires.UTC().AppendFormat(out, dateFormat)
	return append(out, "; Path=/\r\n"...)
}

func (t *stickiness) seal(e *exchange, sealedFor, id string, d time.Duration) []byte {
	return e.s.proxy.cookies.Append(t.value[:0], sealedFor, id, e.start.Add(d).Round(time.Second))
}

// setsCookie tells whether the target's response sets a cookie of that name.
func (e *exchange) setsCookie(name string) bool {
	for i := range e.resp.Fields {
		f := &e.resp.Fields[i]
		if f.ID != http1.SetCookie {
			continue
		}
		value := e.resp.Value(f)
		if n := len(name); n > 0 && len(value) > n && value[n] == '=' && string(value[:n]) == name {
			return true
		}
	}
	return false
}
