package lb_test

import (
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/albatross-lb/albatross/lb"
)

func ptr[T any](v T) *T { return &v }

func forwardTo(groups ...string) lb.Action {
	f := &lb.Forward{}
	for _, g := range groups {
		f.TargetGroups = append(f.TargetGroups, lb.WeightedTargetGroup{TargetGroup: g})
	}
	return lb.Action{Type: lb.ForwardAction, Forward: f}
}

func weighted(groups ...lb.WeightedTargetGroup) lb.Action {
	return lb.Action{Type: lb.ForwardAction, Forward: &lb.Forward{TargetGroups: groups}}
}

func page(status string) lb.Action {
	return lb.Action{Type: lb.FixedResponseAction, FixedResponse: &lb.FixedResponse{StatusCode: status}}
}

func redirect(r lb.Redirect) lb.Action {
	if r.StatusCode == "" {
		r.StatusCode = "HTTP_301"
	}
	return lb.Action{Type: lb.RedirectAction, Redirect: &r}
}

func login() lb.Action {
	return lb.Action{Type: lb.AuthenticateOIDC, OIDC: &lb.AuthenticateOIDCConfig{Issuer: "https://id", AuthorizationEndpoint: "https://id/a",
		TokenEndpoint: "https://id/t", UserInfoEndpoint: "https://id/u", ClientID: "shop", ClientSecret: "s"}}
}

func path(values ...string) lb.Condition {
	return lb.Condition{Field: lb.PathPattern, PathPattern: &lb.ValuesConfig{Values: values}}
}

func group(key string) *lb.TargetGroup {
	return &lb.TargetGroup{Key: key, Name: "web", TargetType: "ip", Port: 80, Protocol: lb.HTTP, ProtocolVersion: lb.HTTP1,
		HealthCheck: &lb.HealthCheck{Protocol: lb.HTTP, Path: "/", Matcher: &lb.Matcher{HTTPCode: "200"},
			IntervalSeconds: 15, TimeoutSeconds: 5, HealthyThreshold: 2, UnhealthyThreshold: 2},
		Origin: lb.Origin{File: "svc.yaml", Line: 1}}
}

func rule(priority int, actions ...lb.Action) *lb.Rule {
	return &lb.Rule{Priority: priority, Conditions: []lb.Condition{path("/*")}, Actions: actions,
		Origin: lb.Origin{File: "ing.yaml", Line: 10}, Field: fmt.Sprintf("rules[%d]", priority)}
}

func listener(port int, protocol lb.Protocol, rules ...*lb.Rule) *lb.Listener {
	return &lb.Listener{Port: port, Protocol: protocol, DefaultActions: []lb.Action{page("404")}, Rules: rules, Origin: lb.Origin{File: "ing.yaml", Line: 1}}
}

func config(listeners ...*lb.Listener) *lb.Config {
	return &lb.Config{
		LoadBalancers: []*lb.LoadBalancer{{Key: "shop", Name: "shop", Type: lb.Application, Listeners: listeners, Origin: lb.Origin{File: "ing.yaml"}}},
		TargetGroups:  map[string]*lb.TargetGroup{"web": group("web"), "api": group("api")},
	}
}

// texts of problems, each with its field.
func texts(problems []lb.Problem) string {
	var b strings.Builder
	for _, p := range problems {
		fmt.Fprintf(&b, "%s\n", p)
	}
	return b.String()
}

func TestValidateLeavesAGoodConfigAlone(t *testing.T) {
	make := func() *lb.Config {
		return config(listener(80, lb.HTTP, rule(1, forwardTo("web")), rule(2, redirect(lb.Redirect{Port: ptr("443"), Protocol: ptr("HTTPS")}))),
			listener(443, lb.HTTPS, rule(1, login(), forwardTo("api"))))
	}
	got := make()
	lb.Validate(got)
	if !reflect.DeepEqual(got, make()) {
		t.Errorf("changed:\nset aside: %s\nwarnings: %s", texts(got.SetAside), texts(got.Warnings))
	}
}

// One mistake at a time, in the second of three rules: the first and the third stay.
func TestABadRuleIsSetAsideAlone(t *testing.T) {
	with := func(actions ...lb.Action) *lb.Rule { return rule(2, actions...) }
	when := func(c ...lb.Condition) *lb.Rule {
		r := rule(2, forwardTo("web"))
		r.Conditions = c
		return r
	}
	rewrite := func(ts ...lb.Transform) *lb.Rule {
		r := rule(2, forwardTo("web"))
		r.Transforms = ts
		return r
	}
	url := func(regex string) lb.Transform {
		return lb.Transform{Type: "url-rewrite", URLRewrite: &lb.RewriteConfig{Rewrites: []lb.Rewrite{{Regex: regex}}}}
	}
	prioritised := func(p int) *lb.Rule { r := rule(2, forwardTo("web")); r.Priority = p; return r }
	for _, c := range []struct {
		name string
		rule *lb.Rule
		want string
	}{
		{"no action", with(), "there is no action"},
		{"unknown group", with(forwardTo("wev")), "there is no target group wev; did you mean web?"},
		{"unnamed group", with(forwardTo("")), "names no target group"},
		{"negative weight", with(weighted(lb.WeightedTargetGroup{TargetGroup: "web", Weight: ptr(-1)})), "is -1; write a weight from 0 to 999"},
		{"config of another type", with(lb.Action{Type: lb.ForwardAction, FixedResponse: &lb.FixedResponse{StatusCode: "200"}}), "does not carry the config of its type"},
		{"two configs", with(lb.Action{Type: lb.ForwardAction, Forward: &lb.Forward{}, FixedResponse: &lb.FixedResponse{StatusCode: "200"}}), "carries 2 configs"},
		{"no config", with(lb.Action{Type: lb.RedirectAction}), "carries 0 configs"},
		{"action behind the end", with(forwardTo("web"), page("200")), "there are actions behind it"},
		{"redirect port", with(redirect(lb.Redirect{Port: ptr("65536")})), `redirect port is "65536"; write a port from 1 to 65535 or #{port}`},
		{"redirect port 0", with(redirect(lb.Redirect{Port: ptr("0")})), "redirect port"},
		{"redirect protocol", with(redirect(lb.Redirect{Protocol: ptr("ftp")})), "write HTTP, HTTPS or #{protocol}"},
		{"redirect status", with(redirect(lb.Redirect{Port: ptr("81"), StatusCode: "301"})), "write HTTP_301 or HTTP_302"},
		{"redirect path", with(redirect(lb.Redirect{Path: ptr("x")})), `write "/x"`},
		{"redirect to itself", with(redirect(lb.Redirect{Protocol: ptr("#{protocol}"), Path: ptr("/#{path}")})), "leads back to the same URL"},
		{"redirect with line break", with(redirect(lb.Redirect{Host: ptr("a\r\nSet-Cookie: x")})), "characters that no URL may have"},
		{"page status", with(page("ok")), `status code is "ok"`},
		{"page status 1xx", with(page("101")), `status code is "101"`},
		{"page type", with(lb.Action{Type: lb.FixedResponseAction, FixedResponse: &lb.FixedResponse{StatusCode: "200", ContentType: ptr("a\nb")}}), "content type"},
		{"no conditions", when(), "without conditions"},
		{"no values", when(path()), "path-pattern has no values"},
		{"both kinds", when(lb.Condition{Field: lb.HostHeader, HostHeader: &lb.ValuesConfig{Values: []string{"a"}, RegexValues: []string{"b"}}}), "both values and regexValues"},
		{"bad regex", when(lb.Condition{Field: lb.HostHeader, HostHeader: &lb.ValuesConfig{RegexValues: []string{"("}}}), "RE2 syntax"},
		{"wrong config", when(lb.Condition{Field: lb.HostHeader, PathPattern: &lb.ValuesConfig{Values: []string{"a"}}}), "does not carry the config of its field"},
		{"two configs", when(lb.Condition{Field: lb.HostHeader, HostHeader: &lb.ValuesConfig{Values: []string{"a"}}, PathPattern: &lb.ValuesConfig{Values: []string{"a"}}}), "carries 2 configs"},
		{"header name", when(lb.Condition{Field: lb.HTTPHeader, HTTPHeader: &lb.HTTPHeaderConfig{HTTPHeaderName: "a b", Values: []string{"x"}}}), "header name"},
		{"method", when(lb.Condition{Field: lb.RequestMethod, HTTPRequestMethod: &lb.ValuesConfig{Values: []string{"GET /"}}}), "write a method such as GET"},
		{"method regex", when(lb.Condition{Field: lb.RequestMethod, HTTPRequestMethod: &lb.ValuesConfig{RegexValues: []string{"GET"}}}), "takes no regexValues"},
		{"query", when(lb.Condition{Field: lb.QueryString, QueryString: &lb.QueryStringConfig{}}), "query-string has no values"},
		{"address without range", when(lb.Condition{Field: lb.SourceIP, SourceIP: &lb.ValuesConfig{Values: []string{"10.0.0.1"}}}), "write 10.0.0.1/32"},
		{"no address", when(lb.Condition{Field: lb.SourceIP, SourceIP: &lb.ValuesConfig{Values: []string{"office"}}}), "write a range"},
		{"transform type", rewrite(lb.Transform{Type: "query"}), "write url-rewrite or host-header-rewrite"},
		{"transform config", rewrite(lb.Transform{Type: "url-rewrite"}), "has no rewrites"},
		{"transform twice", rewrite(url("a"), url("b")), "two transforms"},
		{"transform regex", rewrite(url("(")), "RE2 syntax"},
		{"priority 0", prioritised(0), "priority is 0"},
		{"priority taken", prioritised(1), "priority 1 of listener HTTP:80 is taken already at ing.yaml:10"},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := config(listener(80, lb.HTTP, rule(1, forwardTo("web")), c.rule, rule(3, page("200"))))
			lb.Validate(cfg)
			if got := texts(cfg.SetAside); len(cfg.SetAside) != 1 || !strings.Contains(got, c.want) || !strings.HasPrefix(got, "ing.yaml:10: rules[2]: ") {
				t.Errorf("set aside:\n%swant one with %q", got, c.want)
			}
			if rules := cfg.LoadBalancers[0].Listeners[0].Rules; len(rules) != 2 || rules[0].Priority != 1 || rules[1].Priority != 3 {
				t.Errorf("left are %d rules, want the first and the third", len(rules))
			}
		})
	}
}

// What AWS refuses and what can be served is served as it is, with a warning.
func TestWhatAWSRefusesIsServedWithAWarning(t *testing.T) {
	long := strings.Repeat("x", 1025)
	with := func(a ...lb.Action) *lb.Rule { return rule(1, a...) }
	when := func(c ...lb.Condition) *lb.Rule { r := rule(1, page("200")); r.Conditions = c; return r }
	for _, c := range []struct {
		name string
		rule *lb.Rule
		want string
	}{
		{"weight", with(weighted(lb.WeightedTargetGroup{TargetGroup: "web", Weight: ptr(5000)})), "weights from 0 to 999"},
		{"no weight", with(forwardTo("web", "api")), "that of web counts as 1"},
		{"all weights 0", with(weighted(lb.WeightedTargetGroup{TargetGroup: "web", Weight: ptr(0)})), "answered 503"},
		{"no groups", with(forwardTo()), "answered 503"},
		{"only an ARN", with(weighted(lb.WeightedTargetGroup{TargetGroupARN: "arn:x"})), "answered 503"},
		{"an ARN", with(weighted(lb.WeightedTargetGroup{TargetGroupARN: "arn:x", Weight: ptr(1)}, lb.WeightedTargetGroup{TargetGroup: "web", Weight: ptr(1)})), "arn:x is not among those served here"},
		{"group twice", with(weighted(lb.WeightedTargetGroup{TargetGroup: "web", Weight: ptr(1)}, lb.WeightedTargetGroup{TargetGroup: "web", Weight: ptr(1)})), "twice"},
		{"stickiness", with(lb.Action{Type: lb.ForwardAction, Forward: &lb.Forward{TargetGroups: []lb.WeightedTargetGroup{{TargetGroup: "web"}},
			Stickiness: &lb.TargetGroupStickiness{DurationSeconds: ptr(604801)}}}), "stickiness of 1 to 604800"},
		{"page", with(lb.Action{Type: lb.FixedResponseAction, FixedResponse: &lb.FixedResponse{StatusCode: "200", MessageBody: &long}}), "at most 1024 bytes"},
		{"page of exactly 1024", with(lb.Action{Type: lb.FixedResponseAction, FixedResponse: &lb.FixedResponse{StatusCode: "200", MessageBody: ptr(long[1:])}}), ""},
		{"page status", with(page("999")), "2XX, 4XX and 5XX only"},
		{"page type", with(lb.Action{Type: lb.FixedResponseAction, FixedResponse: &lb.FixedResponse{StatusCode: "200", ContentType: ptr("image/png")}}), "content types"},
		{"redirect in small letters", with(redirect(lb.Redirect{Protocol: ptr("https")})), "write HTTPS"},
		{"redirect placeholder", with(redirect(lb.Redirect{Host: ptr("#{hots}.example.com")})), "#{hots} in the redirect is no placeholder"},
		{"redirect query", with(redirect(lb.Redirect{Query: ptr("?a=b")})), `write "a=b"`},
		{"path", when(path("x")), `write "/x"`},
		{"method", when(lb.Condition{Field: lb.RequestMethod, HTTPRequestMethod: &lb.ValuesConfig{Values: []string{"get"}}}), "write GET"},
		{"six values", when(path("/1", "/2", "/3", "/4", "/5", "/6")), "at most 5 condition values"},
		{"seven wildcards", when(path("/*/*/*/*/*/*/?")), "at most 6 wildcards"},
		{"two paths", when(path("/a"), path("/b")), "one condition path-pattern a rule"},
		{"a long header name", when(lb.Condition{Field: lb.HTTPHeader, HTTPHeader: &lb.HTTPHeaderConfig{HTTPHeaderName: strings.Repeat("x", 41), Values: []string{"1"}}}), "at most 40 characters in the name of a header"},
		{"a long method", when(lb.Condition{Field: lb.RequestMethod, HTTPRequestMethod: &lb.ValuesConfig{Values: []string{strings.Repeat("X", 41)}}}), "at most 40 characters in a method"},
		{"a long query", when(lb.Condition{Field: lb.QueryString, QueryString: &lb.QueryStringConfig{Values: []lb.KeyValue{{Key: long, Value: "1"}}}}), "at most 128 characters in a value"},
		{"long value", when(path("/" + long)), "at most 128 characters"},
		{"priority", func() *lb.Rule { r := rule(1, page("200")); r.Priority = 50001; return r }(), "priorities from 1 to 50000"},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg, same := config(listener(80, lb.HTTP, c.rule)), *c.rule
			lb.Validate(cfg)
			if len(cfg.SetAside) != 0 || len(cfg.LoadBalancers[0].Listeners[0].Rules) != 1 || !reflect.DeepEqual(*cfg.LoadBalancers[0].Listeners[0].Rules[0], same) {
				t.Fatalf("the rule did not stay as it was; set aside:\n%s", texts(cfg.SetAside))
			}
			if got := texts(cfg.Warnings); !strings.Contains(got, c.want) || (c.want == "") != (got == "") {
				t.Errorf("warnings:\n%swant %q", got, c.want)
			}
		})
	}
}

// A rule that only some clients may pass closes when it is broken; it does not let
// its requests through to the next rule.
func TestAllFaultsOfARule(t *testing.T) {
	r := rule(2, lb.Action{Type: lb.RedirectAction, Redirect: &lb.Redirect{StatusCode: "301", Protocol: ptr("ftp"), Port: ptr("x")}})
	r.Conditions = []lb.Condition{{Field: lb.SourceIP, SourceIP: &lb.ValuesConfig{Values: []string{"10.0.0", "10.0.0.0/8", "10.0.0.1"}}},
		{Field: lb.PathPattern, PathPattern: &lb.ValuesConfig{RegexValues: []string{"("}}}, {Field: lb.RequestMethod, HTTPRequestMethod: &lb.ValuesConfig{Values: []string{"ge t"}}}}
	r.Transforms = []lb.Transform{{Type: "url-rewrite", URLRewrite: &lb.RewriteConfig{Rewrites: []lb.Rewrite{{Regex: "["}}}}, {Type: "other"}}
	cfg := config(listener(80, lb.HTTP, rule(1, forwardTo("web")), r))
	lb.Validate(cfg)
	said := fmt.Sprint(cfg.SetAside)
	for _, want := range []string{`"10.0.0"`, "write 10.0.0.1/32", "missing closing )", `"ge t"`, `status code is "301"`, `protocol is "ftp"`, `port is "x"`, "missing closing ]", `"other"`} {
		if !strings.Contains(said, want) {
			t.Errorf("nothing says %q: %s", want, said)
		}
	}
	if rules := cfg.LoadBalancers[0].Listeners[0].Rules; len(rules) != 1 {
		t.Errorf("%d rules are left", len(rules))
	}
}

func TestABrokenGuardedRuleCloses(t *testing.T) {
	jwt := lb.Action{Type: lb.JWTValidation, JWT: &lb.JWTValidationConfig{JWKSEndpoint: "https://id/k"}}
	cognito := lb.Action{Type: lb.AuthenticateCognito, Cognito: &lb.AuthenticateCognitoConfig{UserPoolARN: "arn", UserPoolClientID: "c"}}
	for _, c := range []struct {
		name     string
		protocol lb.Protocol
		actions  []lb.Action
		want     string
	}{
		{"without TLS", lb.HTTP, []lb.Action{login(), forwardTo("web")}, "needs a listener with TLS"},
		{"unknown group", lb.HTTPS, []lb.Action{login(), forwardTo("nope")}, "no target group nope"},
		{"nothing behind it", lb.HTTPS, []lb.Action{login()}, "write a forward, redirect or fixed-response behind it"},
		{"behind the end", lb.HTTPS, []lb.Action{forwardTo("web"), login()}, "actions behind it"},
		{"twice", lb.HTTPS, []lb.Action{login(), jwt, forwardTo("web")}, "jwt-validation has no issuer"},
		{"two logins", lb.HTTPS, []lb.Action{login(), login(), forwardTo("web")}, "two authentication actions"},
		{"no domain", lb.HTTPS, []lb.Action{cognito, forwardTo("web")}, "has no userPoolDomain"},
	} {
		t.Run(c.name, func(t *testing.T) {
			guarded := rule(1, c.actions...)
			cfg := config(listener(80, c.protocol, guarded, rule(2, forwardTo("web"))))
			lb.Validate(cfg)
			rules := cfg.LoadBalancers[0].Listeners[0].Rules
			if len(rules) != 2 || rules[0].Actions[0].FixedResponse == nil || rules[0].Actions[0].FixedResponse.StatusCode != "503" ||
				!reflect.DeepEqual(rules[0].Conditions, guarded.Conditions) {
				t.Fatalf("the rule is now %+v, want its conditions with a 503", rules[0])
			}
			if got := texts(cfg.SetAside); len(cfg.SetAside) != 1 || !strings.Contains(got, c.want) {
				t.Errorf("set aside:\n%swant %q", got, c.want)
			}
			if len(guarded.Actions) != len(c.actions) || guarded.Actions[0].FixedResponse != nil {
				t.Error("the rule that was given has been written to")
			}
		})
	}
}

func TestListeners(t *testing.T) {
	mtls := func(protocol lb.Protocol, mode, store string) *lb.Listener {
		l := listener(443, protocol)
		l.MutualAuthentication = &lb.MutualAuthentication{Mode: mode, TrustStoreARN: store}
		return l
	}
	for _, c := range []struct {
		name string
		bad  *lb.Listener
		want string
	}{
		{"port taken", listener(80, lb.HTTPS), "port 80 of load balancer shop has a listener for HTTP already at ing.yaml:1; write another port for HTTPS"},
		{"port taken, same protocol", listener(80, lb.HTTP), "port 80 of load balancer shop has a listener"},
		{"port 0", listener(0, lb.HTTP), "write a port from 1 to 65535"},
		{"port 65536", listener(65536, lb.HTTP), "write a port from 1 to 65535"},
		{"protocol", listener(81, lb.TCP), `takes HTTP or HTTPS`},
		{"mtls mode", mtls(lb.HTTPS, "on", ""), "write off, passthrough or verify"},
		{"mtls without a store", mtls(lb.HTTPS, "verify", ""), "needs a trust store"},
		{"mtls without TLS", mtls(lb.HTTP, "passthrough", ""), "needs a listener with TLS"},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := config(listener(80, lb.HTTP), c.bad, listener(8443, lb.HTTPS))
			lb.Validate(cfg)
			if got := texts(cfg.SetAside); len(cfg.SetAside) != 1 || !strings.Contains(got, c.want) {
				t.Errorf("set aside:\n%swant %q", got, c.want)
			}
			if n := len(cfg.LoadBalancers[0].Listeners); n != 2 {
				t.Errorf("%d listeners are left, want the two good ones", n)
			}
		})
	}
}

func TestADefaultActionThatIsImpossibleAnswers503(t *testing.T) {
	l := listener(80, lb.HTTP, rule(1, forwardTo("web")))
	l.DefaultActions = []lb.Action{forwardTo("nope")}
	cfg := config(l)
	lb.Validate(cfg)
	got := cfg.LoadBalancers[0].Listeners[0]
	if got.DefaultActions[0].FixedResponse.StatusCode != "503" || len(got.Rules) != 1 || len(cfg.SetAside) != 1 || len(cfg.Warnings) != 0 {
		t.Errorf("default %v, %d rules, set aside:\n%s", got.DefaultActions[0], len(got.Rules), texts(cfg.SetAside))
	}

	l = listener(80, lb.HTTP, rule(1, forwardTo("nope")))
	l.DefaultActions = []lb.Action{forwardTo("nope")}
	cfg = config(l)
	lb.Validate(cfg)
	if got := texts(cfg.Warnings); !strings.Contains(got, "nothing is left of listener HTTP:80") || len(cfg.LoadBalancers[0].Listeners) != 1 {
		t.Errorf("with nothing left the warnings are:\n%s", got)
	}

	l = listener(80, lb.HTTP)
	l.DefaultActions = nil
	cfg = config(l)
	lb.Validate(cfg)
	if got := cfg.LoadBalancers[0].Listeners[0].DefaultActions; len(got) != 1 || got[0].FixedResponse.StatusCode != "404" || len(cfg.Warnings) != 1 {
		t.Errorf("without a default action: %v", got)
	}
}

func TestLoadBalancers(t *testing.T) {
	cfg := config(listener(80, lb.HTTP))
	second := *cfg.LoadBalancers[0]
	second.Origin.File = "again.yaml"
	network := lb.LoadBalancer{Key: "shop", Name: "shop", Type: lb.Network, Listeners: []*lb.Listener{{Port: 80, Protocol: lb.TCP, DefaultActions: []lb.Action{page("200")}}}}
	gateway := lb.LoadBalancer{Key: "gw", Name: "gw", Type: "gateway"}
	named := lb.LoadBalancer{Key: "odd", Name: "../internal", Type: lb.Application, Listeners: []*lb.Listener{listener(80, lb.HTTP)},
		InboundCIDRs: []lb.InboundCIDR{{Port: 80, CIDR: "10.0.0.0"}, {Port: 80, CIDR: "10.0.0.0/8"}, {Port: 80, PrefixList: "pl-1"}},
		Attributes:   map[string]string{"idle_timeout.timeout_seconds": "5000"}}
	empty := lb.LoadBalancer{Key: "empty", Name: "empty", Type: lb.Application}
	cfg.LoadBalancers = append(cfg.LoadBalancers, &second, &network, &gateway, nil, &named, &empty)
	lb.Validate(cfg)
	var left []string
	for _, b := range cfg.LoadBalancers {
		left = append(left, string(b.Type)+"/"+b.Key)
	}
	if got, want := strings.Join(left, " "), "application/empty application/odd application/shop network/shop"; got != want {
		t.Errorf("left are %s, want %s", got, want)
	}
	for _, want := range []string{
		"again.yaml: load balancer shop is defined already at ing.yaml; write it once",
		`load balancer gw has type "gateway"`,
		`"10.0.0.0" is no range of addresses`,
		"a network load balancer cannot take action fixed-response",
	} {
		if got := texts(cfg.SetAside); !strings.Contains(got, want) {
			t.Errorf("set aside:\n%swant %q", got, want)
		}
	}
	for _, want := range []string{
		`AWS refuses the load balancer name "../internal"`,
		"load balancer empty has no listener left",
		`attributes[idle_timeout.timeout_seconds]: value "5000" is not used, the default stands in`,
	} {
		if got := texts(cfg.Warnings); !strings.Contains(got, want) {
			t.Errorf("warnings:\n%swant %q", got, want)
		}
	}
	if got := cfg.LoadBalancers[slices.IndexFunc(cfg.LoadBalancers, func(b *lb.LoadBalancer) bool { return b.Key == named.Key })].InboundCIDRs; len(got) != 2 {
		t.Errorf("inbound CIDRs left: %v", got)
	}
}

func TestTargetGroups(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*lb.TargetGroup)
		want   string
	}{
		{"target type", func(g *lb.TargetGroup) { g.TargetType = "pod" }, "write instance, ip or alb"},
		{"protocol", func(g *lb.TargetGroup) { g.Protocol = "http" }, "has protocol"},
		{"version", func(g *lb.TargetGroup) { g.ProtocolVersion = "HTTP3" }, "write HTTP1, HTTP2 or GRPC"},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := config(listener(80, lb.HTTP, rule(1, forwardTo("web")), rule(2, forwardTo("api"))))
			c.change(cfg.TargetGroups["web"])
			lb.Validate(cfg)
			if got := texts(cfg.SetAside); len(cfg.SetAside) != 2 || !strings.Contains(got, c.want) || !strings.Contains(got, "its target group web is set aside") {
				t.Errorf("set aside:\n%swant the group (%q) and its rule", got, c.want)
			}
			if len(cfg.TargetGroups) != 1 || len(cfg.LoadBalancers[0].Listeners[0].Rules) != 1 {
				t.Error("want the other group and its rule left")
			}
		})
	}
	cfg := config(listener(80, lb.HTTP, rule(1, forwardTo("web"))))
	cfg.TargetGroups["web"].Protocol = lb.TCP
	lb.Validate(cfg)
	if got := texts(cfg.SetAside); !strings.Contains(got, "speaks TCP, which is not for an application load balancer") {
		t.Errorf("set aside:\n%s", got)
	}
}

func TestHealthCheckNumbers(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*lb.TargetGroup)
		want   lb.HealthCheck // what differs from group's
		warn   string
	}{
		{"interval 1000", func(g *lb.TargetGroup) { g.HealthCheck.IntervalSeconds = 1000 }, lb.HealthCheck{IntervalSeconds: 1000}, "from 5 to 300"},
		{"interval 0", func(g *lb.TargetGroup) { g.HealthCheck.IntervalSeconds = 0 }, lb.HealthCheck{IntervalSeconds: 15}, "15 stands in"},
		{"timeout -1", func(g *lb.TargetGroup) { g.HealthCheck.TimeoutSeconds = -1 }, lb.HealthCheck{TimeoutSeconds: 5}, "5 stands in"},
		{"timeout over interval", func(g *lb.TargetGroup) { g.HealthCheck.TimeoutSeconds = 15 }, lb.HealthCheck{TimeoutSeconds: 15}, "below its interval"},
		{"threshold 1", func(g *lb.TargetGroup) { g.HealthCheck.HealthyThreshold = 1 }, lb.HealthCheck{HealthyThreshold: 1}, "from 2 to 10"},
		{"threshold 0", func(g *lb.TargetGroup) { g.HealthCheck.UnhealthyThreshold = 0 }, lb.HealthCheck{UnhealthyThreshold: 2}, "2 stands in"},
		{"port", func(g *lb.TargetGroup) { g.HealthCheck.Port = 70000 }, lb.HealthCheck{}, "traffic-port stands in"},
		{"protocol", func(g *lb.TargetGroup) { g.HealthCheck.Protocol = lb.TCP }, lb.HealthCheck{}, "HTTP stands in"},
		{"path", func(g *lb.TargetGroup) { g.HealthCheck.Path = "health" }, lb.HealthCheck{}, "cannot be asked for"},
		{"path with line break", func(g *lb.TargetGroup) { g.HealthCheck.Path = "/a\r\nHost: b" }, lb.HealthCheck{}, "cannot be asked for"},
		{"codes", func(g *lb.TargetGroup) { g.HealthCheck.Matcher.HTTPCode = "2xx" }, lb.HealthCheck{}, "200 stands in"},
		{"codes the wrong way round", func(g *lb.TargetGroup) { g.HealthCheck.Matcher.HTTPCode = "299-200" }, lb.HealthCheck{}, "200 stands in"},
		{"codes AWS refuses", func(g *lb.TargetGroup) { g.HealthCheck.Matcher.HTTPCode = "200,500-503" }, lb.HealthCheck{Matcher: &lb.Matcher{HTTPCode: "200,500-503"}}, "from 200 to 499"},
		{"codes of gRPC", func(g *lb.TargetGroup) {
			g.ProtocolVersion, g.HealthCheck.Matcher = lb.GRPC, &lb.Matcher{GRPCCode: "0-99,100"}
		}, lb.HealthCheck{Matcher: &lb.Matcher{GRPCCode: "0-99,100"}}, "from 0 to 99"},
		{"good codes", func(g *lb.TargetGroup) { g.HealthCheck.Matcher.HTTPCode = "200, 204-299" }, lb.HealthCheck{Matcher: &lb.Matcher{HTTPCode: "200, 204-299"}}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg, want := config(listener(80, lb.HTTP, rule(1, forwardTo("web")))), *group("web").HealthCheck
			given := cfg.TargetGroups["web"].HealthCheck
			c.change(cfg.TargetGroups["web"])
			before := *given
			lb.Validate(cfg)
			for i, v := 0, reflect.ValueOf(c.want); i < v.NumField(); i++ {
				if !v.Field(i).IsZero() {
					reflect.ValueOf(&want).Elem().Field(i).Set(v.Field(i))
				}
			}
			if got := *cfg.TargetGroups["web"].HealthCheck; !reflect.DeepEqual(got, want) {
				t.Errorf("health check is %+v, want %+v", got, want)
			}
			if !reflect.DeepEqual(*given, before) {
				t.Error("the health check that was given has been written to")
			}
			if got := texts(cfg.Warnings); len(cfg.SetAside) != 0 || !strings.Contains(got, c.warn) || (c.warn == "") != (got == "") {
				t.Errorf("warnings:\n%swant %q", got, c.warn)
			}
		})
	}
}

func TestTargetsAndAttributesOfAGroup(t *testing.T) {
	cfg := config(listener(80, lb.HTTP, rule(1, forwardTo("web"))))
	g := cfg.TargetGroups["web"]
	for _, a := range []string{"10.0.0.1:80", "10.0.0.1:80", "10.0.0.2:0", "0.0.0.0:80", "224.0.0.1:80", "10.0.0.1:81"} {
		g.Targets = append(g.Targets, lb.Target{Addr: netip.MustParseAddrPort(a)})
	}
	g.Targets = append(g.Targets, lb.Target{Name: "web-0"})
	g.Port, g.Name = 0, "no_underscore"
	g.Attributes = map[string]string{"slow_start.duration_seconds": "30", "load_balancing.algorithm.type": "least_outstanding_requests",
		"load_balancing.algorithm.anomaly_mitigation": "on", "stickiness.enabled": "true", "stickiness.type": "app_cookie", "stickiness.app_cookie.cookie_name": "AWSALBX"}
	lb.Validate(cfg)
	g = cfg.TargetGroups["web"]
	if len(g.Targets) != 2 || len(cfg.SetAside) != 4 {
		t.Errorf("targets left: %v; set aside:\n%s", g.Targets, texts(cfg.SetAside))
	}
	for _, want := range []string{"slow start works with round_robin only", "anomaly mitigation works with weighted_random only", "needs the name of the application's cookie", "ports from 1 to 65535", `target group name "no_underscore"`} {
		if got := texts(cfg.Warnings); !strings.Contains(got, want) {
			t.Errorf("warnings:\n%swant %q", got, want)
		}
	}
}

// What AWS refuses of attributes that are fine one by one, and what belongs to the other layer.
func TestAttributeWarnings(t *testing.T) {
	const routing, dns = "target_group_health.unhealthy_state_routing.minimum_healthy_targets.", "target_group_health.dns_failover.minimum_healthy_targets."
	for _, c := range []struct {
		balancer, group, listener map[string]string
		want                      string // empty: nothing
	}{
		{group: map[string]string{dns + "count": "1", routing + "count": "2"}, want: "dns_failover.minimum_healthy_targets.count]: AWS wants it to be at least"},
		{group: map[string]string{dns + "percentage": "40", routing + "percentage": "50"}, want: "dns_failover.minimum_healthy_targets.percentage]: AWS wants"},
		{group: map[string]string{dns + "count": "off", routing + "count": "2"}},
		{group: map[string]string{routing + "count": "2"}},
		{group: map[string]string{"stickiness.enabled": "true", "load_balancing.cross_zone.enabled": "false"}, want: "sticks to targets of the node's zone"},
		{group: map[string]string{"stickiness.enabled": "true", "load_balancing.algorithm.type": "weighted_random"}, want: "no target stickiness with weighted_random"},
		{group: map[string]string{"stickiness.enabled": "true", "stickiness.type": "source_ip"}, want: "source_ip is of the other kind"},
		{group: map[string]string{"stickiness.enabled": "true"}},
		{group: map[string]string{"proxy_protocol_v2.enabled": "true"}, want: "proxy_protocol_v2.enabled]: network load balancers have it"},
		{balancer: map[string]string{"load_balancing.cross_zone.enabled": "false"}, want: "always balances across zones"},
		{balancer: map[string]string{"load_balancing.cross_zone.enabled": "true", "idle_timeout.timeout_seconds": "5"}},
		{balancer: map[string]string{"dns_record.client_routing_policy": "any_availability_zone"}, want: "network load balancers have it"},
		{listener: map[string]string{"tcp.idle_timeout.seconds": "60"}, want: "network load balancers have it"},
	} {
		l := listener(80, lb.HTTP, rule(1, forwardTo("web")))
		l.Attributes = c.listener
		cfg := config(l)
		cfg.LoadBalancers[0].Attributes, cfg.TargetGroups["web"].Attributes = c.balancer, c.group
		before := len(cfg.Warnings)
		lb.Validate(cfg)
		if got := texts(cfg.Warnings[before:]); !strings.Contains(got, c.want) || c.want == "" && strings.Contains(got, "attributes[") {
			t.Errorf("%v %v %v: warnings\n%swant %q", c.balancer, c.group, c.listener, got, c.want)
		}
	}
}

// Network load balancers have other attributes than application load balancers.
func TestAttributesOfLayer4(t *testing.T) {
	for key, want := range map[string]bool{
		"access_logs.s3.enabled": false, "load_balancing.cross_zone.enabled": false, "dns_record.client_routing_policy": false,
		"connection_logs.s3.enabled": true, "health_check_logs.s3.enabled": true, "idle_timeout.timeout_seconds": true,
	} {
		l := lb.Listener{Port: 80, Protocol: lb.TCP, DefaultActions: []lb.Action{forwardTo("web")}}
		cfg := config(&l)
		cfg.LoadBalancers[0].Type, cfg.TargetGroups["web"].Protocol = lb.Network, lb.TCP
		cfg.LoadBalancers[0].Attributes = map[string]string{key: "true"}
		lb.Validate(cfg)
		if got := texts(cfg.Warnings); strings.Contains(got, "["+key+"]: application load balancers have it") != want {
			t.Errorf("%s: warnings\n%s", key, got)
		}
	}
}

func TestQuotasThatLoadBalancersShare(t *testing.T) {
	cfg := config(listener(443, lb.HTTPS, rule(1, forwardTo("web"))))
	for i, l := range []int{1, 2, 3} {
		cfg.LoadBalancers[0].Listeners = append(cfg.LoadBalancers[0].Listeners, listener(l, lb.HTTPS))
		cfg.LoadBalancers[0].Listeners[i+1].MutualAuthentication = &lb.MutualAuthentication{Mode: "verify", TrustStoreARN: "arn"}
	}
	second := *cfg.LoadBalancers[0]
	second.Key, second.Listeners = "more", []*lb.Listener{listener(80, lb.HTTP, rule(1, forwardTo("web")))}
	cfg.LoadBalancers = append(cfg.LoadBalancers, &second)
	lb.Validate(cfg)
	for _, want := range []string{"at most 2 listeners that verify clients", "AWS attaches a target group to one load balancer, and web is used by shop and more"} {
		if got := texts(cfg.Warnings); !strings.Contains(got, want) {
			t.Errorf("warnings:\n%swant %q", got, want)
		}
	}
	for _, p := range cfg.Warnings {
		if strings.Contains(p.Text, "attaches") && !p.OfAWS() {
			t.Errorf("%q is not of AWS", p)
		}
	}
}

func TestQuotas(t *testing.T) {
	l := listener(443, lb.HTTPS)
	l.Certificates = slices.Repeat([]string{"arn"}, 27)
	cfg := config(l)
	for i := range 101 {
		key := fmt.Sprintf("g%d", i)
		cfg.TargetGroups[key] = group(key)
		l.Rules = append(l.Rules, rule(i+1, forwardTo(key)))
	}
	five := make([]lb.WeightedTargetGroup, 6)
	for i := range five {
		five[i] = lb.WeightedTargetGroup{TargetGroup: fmt.Sprintf("g%d", i), Weight: ptr(1)}
	}
	l.Rules = append(l.Rules, rule(200, weighted(five...)))
	l.Rules = append(l.Rules, rule(201, forwardTo("web")))
	for i := range 1001 {
		cfg.TargetGroups["web"].Targets = append(cfg.TargetGroups["web"].Targets, lb.Target{Addr: netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}), 80)})
	}
	for port := 1; port <= 50; port++ {
		cfg.LoadBalancers[0].Listeners = append(cfg.LoadBalancers[0].Listeners, listener(port, lb.HTTP))
	}
	lb.Validate(cfg)
	for _, want := range []string{"at most 100 rules a load balancer, and shop has 103", "at most 25 certificates a load balancer, and shop has 26",
		"at most 100 target groups a load balancer, and shop has 102", "at most 50 listeners", "at most 5 target groups an action, and this one has 6", "at most 1000 targets a target group", "at most 1000 targets a load balancer"} {
		if got := texts(cfg.Warnings); !strings.Contains(got, want) {
			t.Errorf("warnings:\n%.1000swant %q", got, want)
		}
	}
	if len(cfg.SetAside) != 0 {
		t.Errorf("set aside:\n%s", texts(cfg.SetAside))
	}
}

func TestValidateAgainFindsNothingNew(t *testing.T) {
	l := listener(80, lb.HTTP, rule(3, forwardTo("nope")), rule(1, login(), forwardTo("web")), rule(2, page("999")))
	l.DefaultActions = []lb.Action{forwardTo("nope")}
	cfg := config(l, listener(80, lb.HTTP))
	cfg.TargetGroups["web"].HealthCheck.IntervalSeconds = 0
	lb.Validate(cfg)
	setAside, warnings := texts(cfg.SetAside), texts(cfg.Warnings)
	lb.Validate(cfg)
	if texts(cfg.SetAside) != setAside || texts(cfg.Warnings) != warnings {
		t.Errorf("the second time:\n%s%s\nthe first time:\n%s%s", texts(cfg.SetAside), texts(cfg.Warnings), setAside, warnings)
	}
	lb.Validate(&lb.Config{})
	lb.Validate(&lb.Config{LoadBalancers: []*lb.LoadBalancer{{Type: lb.Application, Listeners: []*lb.Listener{nil, {Port: 1, Protocol: lb.HTTP, Rules: []*lb.Rule{nil}}}}}, TargetGroups: map[string]*lb.TargetGroup{"a": nil}})
}

func BenchmarkValidate10000Rules(b *testing.B) {
	l := listener(80, lb.HTTP)
	for i := range 10_000 {
		l.Rules = append(l.Rules, rule(i+1, forwardTo("web")))
	}
	for b.Loop() {
		lb.Validate(lb.Merge(lb.Part{Origin: "file", Config: config(l)}))
	}
}
