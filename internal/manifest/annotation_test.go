package manifest

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/albatross-lb/albatross/lb"
)

func TestPairs(t *testing.T) {
	for _, c := range []struct {
		raw  string
		want map[string]string // nil: a fault
	}{
		{"", map[string]string{}},
		{"a=b", map[string]string{"a": "b"}},
		{" a = b , c=d\n", map[string]string{"a": "b", "c": "d"}},
		{"a=b,\nc=d,\n", map[string]string{"a": "b", "c": "d,"}}, // a comma at the end belongs to the value
		{`a=x\,y,b=1`, map[string]string{"a": "x,y", "b": "1"}},
		{`a=\x\\`, map[string]string{"a": `x\`}},
		{`a=b\`, map[string]string{"a": `b\`}},
		{"a=b=c", map[string]string{"a": "b=c"}},
		{"a=,b=", map[string]string{"a": "", "b": ""}},
		{"a=1,a=2", map[string]string{"a": "2"}},
		{"a=b,c", nil},
		{"a=b,c,d=e", nil},
		{"a=b,,c=d", nil},
		{"=b", nil},
		{"a", nil},
		{",", nil},
	} {
		got, _, err := annotations{"p/", map[string]string{"p/x": c.raw}}.pairs("x")
		if (err != nil) != (c.want == nil) || err == nil && !maps.Equal(got, c.want) {
			t.Errorf("%q is %v, %v; want %v", c.raw, got, err, c.want)
		}
	}
	if _, ok, err := (annotations{"p/", nil}).pairs("x"); ok || err != nil {
		t.Error("what is not there was read")
	}
}

func FuzzPairs(f *testing.F) {
	for _, s := range []string{"a=b", `a=x\,y,b=1`, "a=b,\nc=d,\n", "a=b,c", ",,=,", "a=b,\u00a0"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		got, _, err := annotations{"", map[string]string{"x": raw}}.pairs("x")
		if err != nil {
			return
		}
		// Written out again with its commas and backslashes escaped, it reads the same.
		var items []string
		escape := strings.NewReplacer(`\`, `\\`, ",", `\,`)
		for _, key := range slices.Sorted(maps.Keys(got)) {
			if key == "" || strings.Contains(key, "=") {
				t.Fatalf("%q has the key %q", raw, key)
			}
			items = append(items, escape.Replace(key)+"="+escape.Replace(got[key]))
		}
		again, _, err := annotations{"", map[string]string{"x": strings.Join(items, ",")}}.pairs("x")
		if err != nil || !maps.Equal(got, again) {
			t.Fatalf("%q is %v, and again %v, %v", raw, got, again, err)
		}
	})
}

func TestLists(t *testing.T) {
	got, ok := annotations{"", map[string]string{"x": " a, ,b,,c "}}.list("x")
	if !ok || !slices.Equal(got, []string{"a", "b", "c"}) {
		t.Errorf("%q, %v", got, ok)
	}
}

// FuzzRouting puts any JSON where actions, conditions, transforms and the like
// stand: whatever is not set aside must come out whole.
func FuzzRouting(f *testing.F) {
	f.Add("actions.web", `{"type":"forward","forwardConfig":{"targetGroups":[{"serviceName":"web","servicePort":"80","weight":1},{"serviceName":"web","servicePort":80,"weight":2}]}}`)
	f.Add("actions.web", `{"Type":"redirect","REDIRECTCONFIG":{"statusCode":"HTTP_301"}}`)
	f.Add("actions.web", `{"type":"forward","forwardConfig":{"targetGroups":null}}`)
	f.Add("conditions.web", `[{"field":"query-string","queryStringConfig":{"values":[{"key":"a","value":"b"}]}}]`)
	f.Add("conditions.web", `[{"field":"http-header"},null]`)
	f.Add("transforms.web", `[{"type":"url-rewrite","urlRewriteConfig":{"rewrites":[{"regex":"^/a","replace":"/b"}]}}]`)
	f.Add("listen-ports", `[{"HTTP":80,"HTTPS":443},{}]`)
	f.Add("mutual-authentication", `[{"port":443,"mode":"verify","trustStore":"x"}]`)
	f.Add("auth-idp-oidc", `{"secretName":1}`)
	f.Add("jwt-validation", `{"jwksEndpoint":"a","issuer":"b","additionalClaims":[{}]}`)
	f.Add("frontend-nlb-listener-port-mapping", `80=80`)
	f.Add("use-regex-path-match", "true")
	f.Fuzz(func(t *testing.T, annotation, value string) {
		text := `
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web, namespace: shop, annotations: {kubernetes.io/ingress.class: alb, alb.ingress.kubernetes.io/target-type: ip, alb.ingress.kubernetes.io/enable-frontend-nlb: "true"}}
spec:
  defaultBackend: {service: {name: web, port: {name: use-annotation}}}
  rules: [{host: a.example.com, http: {paths: [{path: /, backend: {service: {name: web, port: {name: use-annotation}}}}, {path: /x, backend: {service: {name: web, port: {number: 80}}}}]}}]
---
{apiVersion: v1, kind: Service, metadata: {name: web, namespace: shop}, spec: {ports: [{port: 80}]}}
`
		objects, problems := Parse("f", []byte(text))
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		notes := objects[0].Value.(interface{ GetAnnotations() map[string]string }).GetAnnotations()
		notes[ingressPrefix+annotation] = value
		checkWhole(t, Build(objects, Options{}))
	})
}

// FuzzService puts any value into an annotation of Services that have load balancers.
func FuzzService(f *testing.F) {
	f.Add("ssl-cert", "arn:aws:acm:r:1:certificate/x")
	f.Add("ssl-redirect", "443")
	f.Add("ssl-ports", "http,*")
	f.Add("target-group-attributes.80", "preserve_client_ip.enabled=x")
	f.Add("proxy-protocol-per-target-group", "80,81")
	f.Add("healthcheck-port", "http")
	f.Add("eip-allocations", "a,b")
	f.Add("type", "nlb-ip")
	f.Fuzz(func(t *testing.T, annotation, value string) {
		objects, problems := Parse("f", []byte(`
{apiVersion: v1, kind: Service, metadata: {name: app, namespace: shop, annotations: {service.beta.kubernetes.io/aws-load-balancer-type: application}}, spec: {type: LoadBalancer, ports: [{name: http, port: 80}, {name: tls, port: 443}]}}
---
{apiVersion: v1, kind: Service, metadata: {name: net, namespace: shop, annotations: {service.beta.kubernetes.io/aws-load-balancer-nlb-target-type: ip}}, spec: {type: LoadBalancer, loadBalancerClass: service.k8s.aws/nlb, ports: [{name: http, port: 80}, {name: dns, port: 80, protocol: UDP}]}}
`))
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		for _, o := range objects {
			o.Value.(interface{ GetAnnotations() map[string]string }).GetAnnotations()[servicePrefix+awsPrefix+annotation] = value
		}
		checkWhole(t, Build(objects, Options{}))
	})
}

// checkWhole tells whether everything a Config refers to is in it.
func checkWhole(t *testing.T, cfg *lb.Config) {
	t.Helper()
	for key, g := range cfg.TargetGroups {
		if g.Key != key || g.HealthCheck == nil || g.Attributes == nil {
			t.Fatalf("target group %s: %+v", key, g)
		}
	}
	for _, b := range cfg.LoadBalancers {
		for _, l := range b.Listeners {
			checkActions(t, cfg, l.DefaultActions)
			for i, r := range l.Rules {
				if r.Priority != i+1 || len(r.Conditions) == 0 {
					t.Fatalf("rule %+v", r)
				}
				checkActions(t, cfg, r.Actions)
			}
		}
	}
	for _, p := range cfg.SetAside {
		if p.Text == "" {
			t.Fatalf("set aside without a reason: %+v", p)
		}
	}
	lb.Validate(cfg)
}

func checkActions(t *testing.T, cfg *lb.Config, actions []lb.Action) {
	t.Helper()
	if len(actions) == 0 {
		t.Fatal("no actions")
	}
	for _, a := range actions {
		if a.Forward == nil && a.Redirect == nil && a.FixedResponse == nil && a.OIDC == nil && a.Cognito == nil && a.JWT == nil {
			t.Fatalf("an empty action: %+v", a)
		}
		if a.Forward == nil {
			continue
		}
		for _, g := range a.Forward.TargetGroups {
			if g.TargetGroup != "" && cfg.TargetGroups[g.TargetGroup] == nil || g.TargetGroup == "" && g.TargetGroupARN == "" {
				t.Fatalf("a forward to nowhere: %+v", g)
			}
		}
	}
}
