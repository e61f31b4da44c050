package snapshot

import (
	"strconv"
	"strings"
	"time"

	"github.com/albatross-lb/albatross/internal/balance"
	"github.com/albatross-lb/albatross/lb"
)

// rule compiles the last action of a list, the one that answers. Authentication
// before it cannot be carried out in this version, and a request must not get past
// it: such a rule refuses.
func (b *builder) rule(l *Listener, c *lb.Rule, priority int, actions []lb.Action) *Rule {
	r, said := &Rule{Config: c, Priority: priority}, b.said
	origin, field := l.LoadBalancer.Config.Origin, "default action"
	if c != nil {
		origin, field = c.Origin, c.Field
	}
	if len(actions) == 0 {
		b.problem(origin, field, "there is no action")
		return nil
	}
	last := actions[len(actions)-1]
	names := make([]string, len(actions))
	for i, a := range actions {
		names[i] = string(a.Type)
		switch a.Type {
		case lb.AuthenticateOIDC, lb.AuthenticateCognito, lb.JWTValidation:
			r.Refused = "AuthenticationNotServed"
		}
	}
	r.Logged = strings.Join(names, ",")
	if r.Refused != "" {
		b.problem(origin, field, "%s is not carried out in this version; its requests are answered with 500 so that nobody gets past it", r.Logged)
		return r
	}
	switch {
	case last.Forward != nil:
		r.Transforms = b.transforms(c, origin, field)
		if r.Forward = b.forward(l, last.Forward, origin, field); len(r.Forward.Members) == 0 {
			r.Forward, r.Fixed = nil, &Fixed{Status: 503} // as where no target group has a weight
		}
	case last.Redirect != nil:
		r.Redirect = compileRedirect(last.Redirect)
	case last.FixedResponse != nil:
		r.Fixed = compileFixed(last.FixedResponse)
	}
	if r.Forward == nil && r.Redirect == nil && r.Fixed == nil {
		return nil
	}
	r.whole = b.said == said
	return r
}

func (b *builder) forward(l *Listener, c *lb.Forward, origin lb.Origin, field string) *Forward {
	f := &Forward{}
	var weights []int
	for _, w := range c.TargetGroups {
		g := b.out.TargetGroups[w.TargetGroup]
		if g == nil {
			b.problem(origin, field, "target group %s is not in these manifests; add a TargetGroupBinding for it, or name a Service", w.Name())
			continue
		}
		weight := 1
		if w.Weight != nil {
			weight = *w.Weight
		}
		f.Members = append(f.Members, Member{g, l.LoadBalancer.Metrics.TargetGroup(g.fullName)})
		weights = append(weights, weight)
	}
	f.stick(c.Stickiness, l)
	switch {
	case len(weights) > 1:
		f.split = balance.NewSplit(weights)
	case len(weights) == 1 && weights[0] == 0 && len(c.TargetGroups) > 1:
		f.only = -1
	}
	return f
}

func compileRedirect(c *lb.Redirect) *Redirect {
	status := 302
	if c.StatusCode == "HTTP_301" {
		status = 301
	}
	return &Redirect{Status: status, parts: compileTemplate(c.Template())}
}

func compileFixed(c *lb.FixedResponse) *Fixed {
	status, err := strconv.Atoi(c.StatusCode)
	if err != nil || status < 200 || status > 999 {
		return nil
	}
	f := &Fixed{Status: status}
	if c.MessageBody != nil {
		f.Body = *c.MessageBody
	}
	f.ContentType = "text/plain; charset=utf-8"
	if c.ContentType != nil && *c.ContentType != "" {
		f.ContentType = *c.ContentType
		if strings.HasPrefix(f.ContentType, "text/") && !strings.Contains(f.ContentType, ";") {
			f.ContentType += "; charset=utf-8"
		}
	}
	return f
}

// stick takes over the stickiness between target groups. The cookie is good for this
// choice of groups of this load balancer, wherever the rule stands.
func (f *Forward) stick(c *lb.TargetGroupStickiness, l *Listener) {
	if c == nil || c.Enabled == nil || !*c.Enabled || len(f.Members) < 2 {
		return
	}
	f.StickyFor = time.Hour // the elbv2 API wants a duration; where the manifest has none, an hour
	if c.DurationSeconds != nil {
		f.StickyFor = time.Duration(*c.DurationSeconds) * time.Second
	}
	keys := []string{l.LoadBalancer.Config.Key}
	f.byHash = map[balance.Hash]int{}
	for i, m := range f.Members {
		keys = append(keys, m.Group.Config.Key)
		f.byHash[balance.HashOf(m.Group.Config.Key)] = i
	}
	f.StickyID = strings.Join(keys, "\x00")
}

// Member gives the member that a stickiness cookie names, -1 if there is none.
func (f *Forward) Member(h balance.Hash) int {
	if i, ok := f.byHash[h]; ok {
		return i
	}
	return -1
}
