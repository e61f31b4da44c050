package lb

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// actionsFaults says why actions cannot be taken on listener l of b.
func (v *validation) actionsFaults(b *LoadBalancer, l *Listener, actions []Action) (all faults) {
	if len(actions) == 0 {
		all.addf("there is no action; write forward, redirect or fixed-response")
	}
	answered := false
	for i, a := range actions {
		answers := a.Forward != nil || a.Redirect != nil || a.FixedResponse != nil
		answered = answered || answers
		if wrong := v.actionFaults(b, l, a); len(wrong) > 0 {
			all = append(all, wrong...)
			continue
		}
		last := i == len(actions)-1
		switch {
		case last && !answered:
			all.addf("the last action is %s, which answers nothing; write a forward, redirect or fixed-response behind it", a.Type)
		case !last && answers:
			all.addf("%s action ends the request, and there are actions behind it; write it last", WithArticle(string(a.Type)))
		case !last && i > 0:
			all.addf("there are two authentication actions, %s and %s; write one", actions[i-1].Type, a.Type)
		}
	}
	return all
}

func (v *validation) actionFaults(b *LoadBalancer, l *Listener, a Action) (all faults) {
	if set := a.configs(); set != 1 {
		all.addf("action %q carries %d configs; write exactly the one of its type", a.Type, set)
		return all
	}
	if b.Type == Network && a.Type != ForwardAction {
		all.addf("a network load balancer cannot take action %s; write forward", a.Type)
		return all
	}
	switch {
	case a.Type == ForwardAction && a.Forward != nil:
		return v.forwardFaults(b, a.Forward)
	case a.Type == RedirectAction && a.Redirect != nil:
		return redirectFaults(a.Redirect)
	case a.Type == FixedResponseAction && a.FixedResponse != nil:
		return fixedResponseFaults(a.FixedResponse)
	case a.Type == AuthenticateOIDC && a.OIDC != nil:
		return authenticationFaults(a.Type, l, "issuer", a.OIDC.Issuer, "authorizationEndpoint", a.OIDC.AuthorizationEndpoint,
			"tokenEndpoint", a.OIDC.TokenEndpoint, "userInfoEndpoint", a.OIDC.UserInfoEndpoint, "clientID", a.OIDC.ClientID)
	case a.Type == AuthenticateCognito && a.Cognito != nil:
		return authenticationFaults(a.Type, l, "userPoolARN", a.Cognito.UserPoolARN,
			"userPoolClientID", a.Cognito.UserPoolClientID, "userPoolDomain", a.Cognito.UserPoolDomain)
	case a.Type == JWTValidation && a.JWT != nil:
		return authenticationFaults(a.Type, l, "jwksEndpoint", a.JWT.JWKSEndpoint, "issuer", a.JWT.Issuer)
	}
	all.addf("action %q does not carry the config of its type; write forward, redirect, fixed-response, authenticate-oidc, authenticate-cognito or jwt-validation, each with its own config", a.Type)
	return all
}

// configs counts the configs that a carries.
func (a *Action) configs() int {
	n := 0
	for _, set := range []bool{a.Forward != nil, a.Redirect != nil, a.FixedResponse != nil, a.OIDC != nil, a.Cognito != nil, a.JWT != nil} {
		if set {
			n++
		}
	}
	return n
}

func (v *validation) forwardFaults(b *LoadBalancer, f *Forward) (all faults) {
	for _, t := range f.TargetGroups {
		if t.Weight != nil && *t.Weight < 0 {
			all.addf("the weight of target group %s is %d; write a weight from 0 to 999", t.Name(), *t.Weight)
		}
		switch g := v.cfg.TargetGroups[t.TargetGroup]; {
		case t.TargetGroup == "" && t.TargetGroupARN == "":
			all.addf("a forward names no target group; write a Service or the ARN of a target group")
		case t.TargetGroup == "":
		case v.gone[t.TargetGroup]:
			all.addf("its target group %s is set aside", t.TargetGroup)
		case g == nil:
			all.addf("there is no target group %s%s", t.TargetGroup, v.nearestGroup(t.TargetGroup))
		case g.layer7() != (b.Type == Application):
			all.addf("target group %s speaks %s, which is not for %s load balancer", t.TargetGroup, g.Protocol, WithArticle(string(b.Type)))
		}
	}
	return all
}

func (v *validation) nearestGroup(key string) string {
	if near := Nearest(key, sortedKeys(v.cfg.TargetGroups)); near != "" {
		return "; did you mean " + near + "?"
	}
	return ""
}

func (g *TargetGroup) layer7() bool { return g.Protocol == HTTP || g.Protocol == HTTPS }

// authenticationFaults looks at who may log in where: on TLS only, and with all of the
// provider's fields, given as name and value in turn.
func authenticationFaults(t ActionType, l *Listener, fields ...string) (all faults) {
	if !l.Secure() {
		all.addf("action %s needs a listener with TLS, and this one is %s:%d; write it for an HTTPS listener", t, l.Protocol, l.Port)
	}
	for i := 0; i < len(fields); i += 2 {
		if fields[i+1] == "" {
			all.addf("action %s has no %s; write one", t, fields[i])
		}
	}
	return all
}

// redirectFaults says why there is no Location to make of r.
func redirectFaults(r *Redirect) (all faults) {
	if r.StatusCode != "HTTP_301" && r.StatusCode != "HTTP_302" {
		all.addf("redirect status code is %q; write HTTP_301 or HTTP_302", r.StatusCode)
	}
	if p := value(r.Protocol); p != "" && p != "#{protocol}" && !strings.EqualFold(p, "HTTP") && !strings.EqualFold(p, "HTTPS") {
		all.addf("redirect protocol is %q; write HTTP, HTTPS or #{protocol}", p)
	}
	if p := value(r.Port); p != "" && p != "#{port}" && !isPort(p) {
		all.addf("redirect port is %q; write a port from 1 to 65535 or #{port}", p)
	}
	if p := value(r.Path); p != "" && p[0] != '/' {
		all.addf("redirect path is %q; write %q", p, "/"+p)
	}
	for _, part := range []*string{r.Host, r.Path, r.Query} {
		if s := value(part); hasControl(s) || strings.Contains(s, " ") {
			all.addf("redirect to %q has characters that no URL may have; escape them with %%", s)
		}
	}
	if r.Template() == (&Redirect{}).Template() {
		all.addf("the redirect leads back to the same URL; change its protocol, host, port, path or query")
	}
	return all
}

func value(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func isPort(s string) bool {
	n, err := strconv.Atoi(s)
	return err == nil && 1 <= n && n <= 65535
}

func hasControl(s string) bool {
	return strings.ContainsFunc(s, func(c rune) bool { return c < ' ' || c == 0x7f })
}

// fixedResponseFaults says why f is no answer: 200 to 999 are what HTTP/1.1 can carry as
// a final status (RFC 9110 section 15).
func fixedResponseFaults(f *FixedResponse) (all faults) {
	if n, err := strconv.Atoi(f.StatusCode); err != nil || len(f.StatusCode) != 3 || n < 200 {
		all.addf("fixed-response status code is %q; write a code of 2XX, 4XX or 5XX", f.StatusCode)
	}
	if hasControl(value(f.ContentType)) {
		all.addf("fixed-response content type is %q; write one such as text/plain", *f.ContentType)
	}
	return all
}

// actionWarnings names what is served of actions though AWS would refuse it, or though
// it does less than it seems to.
func (v *validation) actionWarnings(o Origin, field string, actions []Action) {
	for _, a := range actions {
		switch {
		case a.Forward != nil:
			v.forwardWarnings(o, field, a.Forward)
		case a.Redirect != nil:
			v.redirectWarnings(o, field, a.Redirect)
		case a.FixedResponse != nil:
			v.fixedResponseWarnings(o, field, a.FixedResponse)
		case a.OIDC != nil:
			v.sessionWarnings(o, field, a.OIDC.OnUnauthenticated, a.OIDC.SessionTimeout)
			v.extraParams(o, field, a.OIDC.ExtraParams)
		case a.Cognito != nil:
			v.sessionWarnings(o, field, a.Cognito.OnUnauthenticated, a.Cognito.SessionTimeout)
			v.extraParams(o, field, a.Cognito.ExtraParams)
		case a.JWT != nil:
			v.claimWarnings(o, field, a.JWT.AdditionalClaims)
		}
	}
}

func (v *validation) forwardWarnings(o Origin, field string, f *Forward) {
	if len(f.TargetGroups) == 0 {
		v.warn(o, field, "the forward names no target group; its requests are answered 503")
		return
	}
	total, seen := 0, map[string]bool{}
	for _, t := range f.TargetGroups {
		name, weight := t.Name(), 1
		switch {
		case t.Weight != nil:
			weight = *t.Weight
		case len(f.TargetGroups) > 1:
			v.warn(o, field, "AWS wants a weight for each target group when there are several; that of %s counts as 1", name)
		}
		if weight > 999 {
			v.warn(o, field, "AWS takes weights from 0 to 999, and that of target group %s is %d", name, weight)
		}
		if seen[name] {
			v.warn(o, field, "AWS refuses a forward that names target group %s twice; the weights add up here", name)
		}
		seen[name] = true
		if t.TargetGroup == "" {
			v.warn(o, field, "target group %s is not among those served here and gets no requests", name)
		} else {
			total += weight
		}
	}
	if total == 0 {
		v.warn(o, field, "no target group of the forward may get requests; they are answered 503")
	}
	if len(f.TargetGroups) > quotaGroupsPerAction {
		v.warn(o, field, "AWS takes at most %d target groups an action, and this one has %d", quotaGroupsPerAction, len(f.TargetGroups))
	}
	if s := f.Stickiness; s != nil && s.DurationSeconds != nil && (*s.DurationSeconds < 1 || *s.DurationSeconds > 604800) {
		v.warn(o, field, "AWS takes a target group stickiness of 1 to 604800 seconds, and this one is %d", *s.DurationSeconds)
	}
}

// placeholder finds what looks like one in a redirect.
var placeholder = regexp.MustCompile(`#\{[^}]*\}`)

func (v *validation) redirectWarnings(o Origin, field string, r *Redirect) {
	if p := value(r.Protocol); p != "" && p != "#{protocol}" && p != strings.ToUpper(p) {
		v.warn(o, field, "AWS refuses the redirect protocol %q; write %s", p, strings.ToUpper(p))
	}
	for i, part := range []*string{r.Host, r.Path, r.Query} {
		if n := len(value(part)); n > 128 {
			v.warn(o, field, "AWS takes at most 128 characters in the %s of a redirect, and this one has %d", []string{"host", "path", "query"}[i], n)
		}
	}
	known := []string{"#{protocol}", "#{host}", "#{port}", "#{path}", "#{query}"}
	for _, found := range placeholder.FindAllString(value(r.Host)+value(r.Path)+value(r.Query), -1) {
		if !slices.Contains(known, found) {
			v.warn(o, field, "%s in the redirect is no placeholder and stays as it is; write one of %s", found, strings.Join(known, ", "))
		}
	}
	if q := value(r.Query); strings.HasPrefix(q, "?") {
		v.warn(o, field, "the redirect's query %q starts with a question mark, which is put there anyway; write %q", q, q[1:])
	}
}

// pageTypes are the content types that AWS takes for a fixed response.
var pageTypes = []string{"text/plain", "text/css", "text/html", "application/javascript", "application/json"}

func (v *validation) fixedResponseWarnings(o Origin, field string, f *FixedResponse) {
	if !strings.Contains("245", f.StatusCode[:1]) {
		v.warn(o, field, "AWS takes fixed-response codes of 2XX, 4XX and 5XX only, and this one is %s", f.StatusCode)
	}
	if t := value(f.ContentType); t != "" && !slices.Contains(pageTypes, t) {
		v.warn(o, field, "AWS takes fixed-response content types %s only, and this one is %q", join(pageTypes), t)
	}
	if n := len(value(f.MessageBody)); n > 1024 {
		v.warn(o, field, "AWS takes a fixed-response body of at most 1024 bytes, and this one has %d", n)
	}
}

func (v *validation) sessionWarnings(o Origin, field, onUnauthenticated string, timeout *int64) {
	if !slices.Contains([]string{"", "authenticate", "allow", "deny"}, onUnauthenticated) {
		v.warn(o, field, "onUnauthenticatedRequest is %q and counts as authenticate; write authenticate, allow or deny", onUnauthenticated)
	}
	if timeout != nil && (*timeout < 1 || *timeout > 604800) {
		v.warn(o, field, "AWS takes a session timeout of 1 to 604800 seconds, and this one is %d", *timeout)
	}
}

func (v *validation) extraParams(o Origin, field string, params map[string]string) {
	if len(params) > 10 {
		v.warn(o, field, "AWS takes at most 10 extra parameters in an authentication request, and this one has %d", len(params))
	}
}

func (v *validation) claimWarnings(o Origin, field string, claims []JWTClaim) {
	for _, c := range claims {
		if !slices.Contains([]string{"single-string", "string-array", "space-separated-values"}, c.Format) {
			v.warn(o, field, "claim %s has format %q, and no token will pass; write single-string, string-array or space-separated-values", c.Name, c.Format)
		}
	}
}
