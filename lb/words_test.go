package lb_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/albatross-lb/albatross/lb"
)

func TestNearest(t *testing.T) {
	known := []string{"scheme", "subnets", "ssl-policy", "ssl-redirect", "tags", "target-type"}
	for name, want := range map[string]string{
		"scheme": "scheme", "schema": "scheme", "shceme": "scheme", "subnet": "subnets", "ssl-polcy": "ssl-policy", "ssl_redirect": "ssl-redirect",
		"target": "", "colour": "", "": "", "x": "", "tag": "tags", "taregt-typ": "target-type",
	} {
		if got := lb.Nearest(name, known); got != want {
			t.Errorf("Nearest(%q) is %q, want %q", name, got, want)
		}
	}
	if got := lb.Nearest("abcx", []string{"abcz", "abcy"}); got != "abcy" {
		t.Errorf("of two as near the first by name must be taken, not %q", got)
	}
	if got := lb.Nearest("x", nil); got != "" {
		t.Errorf("of none: %q", got)
	}
}

func FuzzNearest(f *testing.F) {
	f.Add("abc", "abd")
	f.Add("", "\xff")
	f.Fuzz(func(t *testing.T, name, known string) {
		got := lb.Nearest(name, []string{known})
		if name == known && len(name) > 0 && got != known {
			t.Errorf("Nearest(%q) does not find itself", name)
		}
		if d := len(name) - len(known); got != "" && (d > len(name)/3 || -d > len(name)/3) {
			t.Errorf("Nearest(%q) is %q, too far away", name, got)
		}
	})
}

func TestOriginsAndProblemsInWords(t *testing.T) {
	for _, c := range []struct {
		origin lb.Origin
		want   string
	}{
		{lb.Origin{}, ""},
		{lb.Origin{File: "a.yaml"}, "a.yaml"},
		{lb.Origin{File: "a.yaml", Line: 3}, "a.yaml:3"},
		{lb.Origin{Line: 3, Kind: "Ingress"}, "Ingress"},
		{lb.Origin{File: "a.yaml", Line: 3, Kind: "Ingress", Namespace: "shop", Name: "web"}, "a.yaml:3: Ingress shop/web"},
		{lb.Origin{Namespace: "shop", Name: "web"}, "shop/web"},
		{lb.Origin{Kind: "IngressClass", Name: "alb"}, "IngressClass alb"},
	} {
		if got := c.origin.String(); got != c.want {
			t.Errorf("%+v is %q, want %q", c.origin, got, c.want)
		}
	}
	o := lb.Origin{File: "a.yaml", Line: 3}
	for p, want := range map[lb.Problem]string{
		{Text: "t"}:                        "t",
		{Field: "f", Text: "t"}:            "f: t",
		{Origin: o, Text: "t"}:             "a.yaml:3: t",
		{Origin: o, Field: "f", Text: "t"}: "a.yaml:3: f: t",
	} {
		if got := p.String(); got != want {
			t.Errorf("%+v is %q, want %q", p, got, want)
		}
	}
}

func TestConditionsInWords(t *testing.T) {
	values := &lb.ValuesConfig{Values: []string{"a", "b"}}
	for want, c := range map[string]lb.Condition{
		"host is a or b":              {Field: lb.HostHeader, HostHeader: values},
		"path is a or b":              {Field: lb.PathPattern, PathPattern: values},
		"path matches regex ^/x or y": {Field: lb.PathPattern, PathPattern: &lb.ValuesConfig{RegexValues: []string{"^/x", "y"}}},
		"header X-A is a":             {Field: lb.HTTPHeader, HTTPHeader: &lb.HTTPHeaderConfig{HTTPHeaderName: "X-A", Values: []string{"a"}}},
		"method is a or b":            {Field: lb.RequestMethod, HTTPRequestMethod: values},
		"source address in a or b":    {Field: lb.SourceIP, SourceIP: values},
		"query has k=v or w":          {Field: lb.QueryString, QueryString: &lb.QueryStringConfig{Values: []lb.KeyValue{{Key: "k", Value: "v"}, {Value: "w"}}}},
		"path-pattern (no values)":    {Field: lb.PathPattern},
	} {
		if got := c.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestActionsInWords(t *testing.T) {
	for want, a := range map[string]lb.Action{
		"forward to web": weighted(lb.WeightedTargetGroup{TargetGroup: "web", Weight: ptr(5)}),
		"forward to web (weight 90), arn:x (weight 10)":        weighted(lb.WeightedTargetGroup{TargetGroup: "web", Weight: ptr(90)}, lb.WeightedTargetGroup{TargetGroupARN: "arn:x", Weight: ptr(10)}),
		"fixed response 404":                                   page("404"),
		"authenticate-oidc by https://id":                      login(),
		"redirect 301 to https://#{host}:443/#{path}?#{query}": redirect(lb.Redirect{Protocol: ptr("HTTPS"), Port: ptr("443")}),
		"redirect 302 to #{protocol}://b:#{port}/y?#{query}":   redirect(lb.Redirect{Host: ptr("b"), Path: ptr("/y"), Query: ptr(""), StatusCode: "HTTP_302"}),
	} {
		if got := a.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestIdentitiesAreStable(t *testing.T) {
	b := &lb.LoadBalancer{Key: "shop", Name: "k8s-shop", Type: lb.Application}
	g := &lb.TargetGroup{Key: "shop/web:80", Name: "k8s-web"}
	if len(b.ID()) != 16 || b.ID() == g.ID() || strings.Trim(b.ID(), "0123456789abcdef") != "" {
		t.Errorf("IDs %s and %s", b.ID(), g.ID())
	}
	if other := (&lb.LoadBalancer{Key: "shop", Name: "renamed"}); other.ID() != b.ID() {
		t.Error("the ID must come from the key alone")
	}
	if got, want := b.ARN("0", "eu-west-1"), "arn:aws:elasticloadbalancing:eu-west-1:0:loadbalancer/app/k8s-shop/"+b.ID(); got != want {
		t.Errorf("ARN %s, want %s", got, want)
	}
	if got, want := g.ARN("0", "eu-west-1"), "arn:aws:elasticloadbalancing:eu-west-1:0:targetgroup/k8s-web/"+g.ID(); got != want {
		t.Errorf("ARN %s, want %s", got, want)
	}
	if b.Type = lb.Network; !strings.HasPrefix(b.FullName(), "net/") {
		t.Errorf("a network load balancer is %s", b.FullName())
	}
}

func TestHealthCheckPortInJSON(t *testing.T) {
	for text, want := range map[string]lb.HealthCheckPort{`"traffic-port"`: lb.TrafficPort, "8080": 8080} {
		var p lb.HealthCheckPort
		if err := json.Unmarshal([]byte(text), &p); err != nil || p != want {
			t.Errorf("%s is read as %v (%v)", text, p, err)
		}
		if data, err := json.Marshal(p); err != nil || string(data) != text {
			t.Errorf("%v is written as %s (%v)", p, data, err)
		}
	}
	var p lb.HealthCheckPort
	if err := json.Unmarshal([]byte(`"http"`), &p); err == nil {
		t.Error("a name was taken for a port")
	}
}

func TestSecretsHaveNoPlaceInTheJSONForm(t *testing.T) {
	data, err := json.Marshal(lb.Config{Certificates: map[string]*lb.KeyPair{"x": {KeyPEM: []byte("KEY")}}, SetAside: []lb.Problem{{Text: "no"}}})
	if err != nil || strings.Contains(string(data), "KEY") || strings.Contains(string(data), "ertificates") || strings.Contains(string(data), "no\"") {
		t.Errorf("%s (%v)", data, err)
	}
}

func TestSort(t *testing.T) {
	cfg := config(listener(443, lb.HTTPS), listener(80, lb.HTTP, rule(2, page("200")), rule(1, page("201"))))
	cfg.LoadBalancers = append(cfg.LoadBalancers, &lb.LoadBalancer{Key: "a"})
	cfg.Ignored = []string{"b", "a"}
	cfg.Sort()
	if cfg.LoadBalancers[0].Key != "a" || cfg.LoadBalancers[1].Listeners[0].Port != 80 || cfg.LoadBalancers[1].Listeners[0].Rules[0].Priority != 1 || cfg.Ignored[0] != "a" {
		t.Errorf("not in order: %+v", cfg)
	}
	if l := cfg.LoadBalancers[1].Listeners; l[0].Secure() || !l[1].Secure() {
		t.Error("HTTPS is secure and HTTP is not")
	}
}
