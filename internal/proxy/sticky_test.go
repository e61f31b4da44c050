package proxy

import (
	"io"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/albatross-lb/albatross/lb"
)

// named starts n targets that answer with their number, and set the cookie SESSION where asked to.
func named(t *testing.T, n int) []string {
	var addrs []string
	for i := range n {
		addrs = append(addrs, serve(t, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/login" {
				w.Header().Set("Set-Cookie", "SESSION=s; Path=/")
			}
			io.WriteString(w, string(rune('a'+i)))
		}))
	}
	return addrs
}

// cookies gives what a client would send back.
func cookies(r *http.Response) string {
	var all []string
	for _, c := range r.Cookies() {
		all = append(all, c.Name+"="+c.Value)
	}
	return strings.Join(all, "; ")
}

func TestStickiness(t *testing.T) {
	for name, test := range map[string]struct {
		attributes map[string]string
		first      string // the request that is to set the cookie
		cookie     string
	}{
		"by the load balancer's cookie": {map[string]string{"stickiness.enabled": "true"}, "/", "AWSALB="},
		"by the application's cookie":   {map[string]string{"stickiness.enabled": "true", "stickiness.type": "app_cookie", "stickiness.app_cookie.cookie_name": "SESSION"}, "/login", "AWSALBAPP-0="},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := config(named(t, 3)...)
			cfg.TargetGroups["shop/web:80"].Attributes = test.attributes
			b := newBalancer(t, cfg)
			c := b.dial()
			c.send("GET %s HTTP/1.1\nHost: x\n\n", test.first)
			r, first := c.response("GET")
			sent := cookies(r)
			if !strings.Contains(sent, test.cookie) {
				t.Fatalf("cookies %q, want %s", sent, test.cookie)
			}
			for range 6 {
				c.send("GET / HTTP/1.1\nHost: x\nCookie: other=1; %s\n\n", sent)
				if _, got := c.response("GET"); got != first {
					t.Fatalf("went to %s, first to %s", got, first)
				}
			}
			spread := map[string]bool{}
			for range 6 {
				c.send("GET / HTTP/1.1\nHost: x\nCookie: AWSALB=forged; AWSALBAPP-0=forged\n\n")
				r, got := c.response("GET")
				spread[got] = true
				if test.first == "/login" && strings.Contains(cookies(r), "AWSALB") {
					t.Error("a cookie for the application although it has set none")
				}
			}
			if len(spread) != 3 {
				t.Errorf("without a valid cookie only %v served", spread)
			}
		})
	}
}

func TestTargetGroupStickiness(t *testing.T) {
	addrs := named(t, 2)
	cfg := config(addrs[0])
	green := *cfg.TargetGroups["shop/web:80"]
	green.Key, green.Name = "shop/green:80", "green"
	green.Targets = []lb.Target{{Addr: netip.MustParseAddrPort(addrs[1])}}
	cfg.TargetGroups[green.Key] = &green
	yes, long := true, 300
	action := forwardTo("shop/web:80", green.Key)
	action.Forward.Stickiness = &lb.TargetGroupStickiness{Enabled: &yes, DurationSeconds: &long}
	cfg.LoadBalancers[0].Listeners[0].DefaultActions = []lb.Action{action}
	c := newBalancer(t, cfg).dial()
	seen := map[string]bool{}
	for range 4 {
		c.send("GET / HTTP/1.1\nHost: x\n\n")
		r, first := c.response("GET")
		seen[first] = true
		if !strings.Contains(cookies(r), "AWSALBTG=") || !strings.Contains(cookies(r), "AWSALBTGCORS=") {
			t.Fatalf("cookies %q", cookies(r))
		}
		for range 4 {
			c.send("GET / HTTP/1.1\nHost: x\nCookie: %s\n\n", cookies(r))
			if _, got := c.response("GET"); got != first {
				t.Fatalf("went to %s, first to %s", got, first)
			}
		}
	}
	if len(seen) != 2 {
		t.Errorf("all clients went to %v", seen)
	}
}

func TestTransforms(t *testing.T) {
	cfg := config(serve(t, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.Host+" "+r.RequestURI) }))
	url := func(regex, replace string) lb.Transform {
		return lb.Transform{Type: "url-rewrite", URLRewrite: &lb.RewriteConfig{Rewrites: []lb.Rewrite{{Regex: regex, Replace: replace}}}}
	}
	rule := func(n int, path string, transforms ...lb.Transform) *lb.Rule {
		return &lb.Rule{Priority: n, Actions: []lb.Action{forwardTo("shop/web:80")}, Transforms: transforms,
			Conditions: []lb.Condition{{Field: lb.PathPattern, PathPattern: &lb.ValuesConfig{Values: []string{path}}}}}
	}
	cfg.LoadBalancers[0].Listeners[0].Rules = []*lb.Rule{
		rule(1, "/v1/*", url("^/v1/(.*)$", "/v2/$1"), lb.Transform{Type: "host-header-rewrite",
			HostHeaderRewrite: &lb.RewriteConfig{Rewrites: []lb.Rewrite{{Regex: `^shop\.(.*)$`, Replace: "internal.$1"}}}}),
		rule(2, "/bad/*", url("^/bad", "no slash")),
	}
	b := newBalancer(t, cfg)
	c := b.dial()
	for sent, want := range map[string]string{
		"/v1/users?a=/v1/b": "internal.example /v2/users?a=/v1/b",
		"/v1/":              "internal.example /v2/",
		"/other":            "shop.example /other",
	} {
		c.send("GET %s HTTP/1.1\nHost: shop.example\n\n", sent)
		if _, got := c.response("GET"); got != want {
			t.Errorf("%s became %q, want %q", sent, got, want)
		}
	}
	c.send("GET /bad/x HTTP/1.1\nHost: shop.example\n\n")
	if r, _ := c.response("GET"); r.StatusCode != 500 {
		t.Errorf("a transform that makes no URL: %d, want 500", r.StatusCode)
	}
	c.Close()
	if log := b.log(); !strings.Contains(log, `"/v2/" TransformSuccess`) && !strings.Contains(log, "TransformSuccess") || !strings.Contains(log, "TransformFailure") {
		t.Errorf("log: %s", log)
	}
}
