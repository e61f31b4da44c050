package explain

import (
	"fmt"
	"strings"

	"github.com/albatross-lb/albatross/internal/match"
	"github.com/albatross-lb/albatross/internal/snapshot"
	"github.com/albatross-lb/albatross/lb"
)

// chosenBy says what led to this one of the load balancers that share a port.
func chosenBy(socket *snapshot.Socket, l *snapshot.Listener, host []byte) string {
	if len(socket.Listeners) == 1 {
		return ""
	}
	of := fmt.Sprintf("of %d on this port", len(socket.Listeners))
	switch {
	case l.Claims(host):
		return fmt.Sprintf("%s, the first with a rule for host %s", of, host)
	case l.TakesAnyHost():
		return of + ", the first with a rule for any host, since none names this one"
	}
	return of + ", the first, since none has a rule for this host"
}

// client says what a client has to show before it may ask at all.
func client(l *lb.Listener) string {
	if !l.Secure() {
		return ""
	}
	certificate := "no certificate of its own"
	if len(l.Certificates) > 0 {
		certificate = l.Certificates[0]
		if more := len(l.Certificates) - 1; more > 0 {
			certificate += fmt.Sprintf(" or another of %d, by the name that the client asks for", more+1)
		}
	}
	text := l.SSLPolicy + "; shows " + certificate
	switch m := l.MutualAuthentication; {
	case m == nil || m.Mode == "off":
		return text
	case m.Mode == "verify":
		return text + "; only clients with a certificate that " + m.TrustStoreARN + " vouches for"
	}
	return text + "; clients are asked for a certificate, and targets judge it"
}

// rewrite says what the transforms of a rule make of the request.
func (a *Answer) rewrite(rule *snapshot.Rule, look *match.Request) {
	for i := range rule.Transforms {
		t := &rule.Transforms[i]
		what, in := "URL", string(look.Path)
		if len(look.Query) > 0 {
			in += "?" + string(look.Query)
		}
		if t.Host {
			what, in = "host", string(look.Host)
		}
		switch out, changed, ok := t.Apply(nil, []byte(in)); {
		case !ok:
			a.Rewritten = append(a.Rewritten, what+" "+in+" cannot be rewritten; the answer is 500")
		case !changed:
			a.Rewritten = append(a.Rewritten, what+" "+in+" stays: no expression matches")
		default:
			a.Rewritten = append(a.Rewritten, fmt.Sprintf("%s %s becomes %s", what, in, out))
		}
	}
}

// sticky says how a group keeps clients on a target; "" if it does not.
func sticky(g *snapshot.TargetGroup) string {
	a := g.Attributes
	switch {
	case !a.Stickiness:
		return ""
	case a.StickinessType == "app_cookie":
		return fmt.Sprintf("a client stays with its target for %s after that sets the cookie %s", a.AppCookieDuration, a.AppCookieName)
	case strings.HasPrefix(a.StickinessType, "source_ip"):
		return "a client's address stays with its target"
	}
	return fmt.Sprintf("a client stays with its target for %s (cookie AWSALB)", a.LBCookieDuration)
}

// share is the part of requests, or of clients that stick, that a weight stands for.
func share(weight int, weights map[string]int) string {
	total := 0
	for _, w := range weights {
		total += w
	}
	if total == 0 {
		return "0 %"
	}
	return fmt.Sprintf("%.4g %%", 100*float64(weight)/float64(total))
}
