package manifest

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	networkingv1 "k8s.io/api/networking/v1"

	"github.com/albatross-lb/albatross/lb"
)

// faultCase is what an Ingress says that cannot be served, and the reason given.
type faultCase struct {
	annotations [][2]string
	want        string
}

const tlsPorts = `[{"HTTPS":443}]`

var faultCases = []faultCase{
	{[][2]string{{"actions.act", `{"type":"forward"}`}}, "forwardConfig is missing"},
	{[][2]string{{"actions.act", `{"type":"Forward"}`}}, "the action type Forward is not known"},
	{[][2]string{{"actions.act", `{"type":"redirect"}`}}, "redirectConfig is missing"},
	{[][2]string{{"actions.act", `{"type":"redirect","redirectConfig":{}}`}}, "redirectConfig has no statusCode"},
	{[][2]string{{"actions.act", `{"type":"fixed-response","fixedResponseConfig":{"statusCode":200}}`}}, `fixedResponseConfig.statusCode: 200 is a number; write a string, in quotes: "200"`},
	{[][2]string{{"actions.act", `{"type":"forward","targetGroupARN":"a","forwardConfig":{}}`}}, "not both"},
	{[][2]string{{"actions.act", `{"type":"forward","forwardConfig":{"targetGroups":[{}]}}`}}, "has no serviceName"},
	{[][2]string{{"actions.act", `{"type":"forward","forwardConfig":{"targetGroups":[{"serviceName":"web"}]}}`}}, "has no servicePort"},
	{[][2]string{{"actions.act", `{"type":"forward","forwardConfig":{"targetGroups":[{"serviceName":"web","targetGroupName":"x"}]}}`}}, "has both serviceName and"},
	{[][2]string{{"actions.act", `{"type":"forward","forwardConfig":{"targetGroups":[{"serviceName":"web","servicePort":80,"weight":1},{"targetGroupARN":"x"}]}}`}}, "each needs a weight; x has none"},
	{[][2]string{{"actions.act", `{"type":"forward","forwardConfig":{"targetGroups":[{"serviceName":"web","servicePort":80,"weight":1},{"serviceName":"ghost","servicePort":80,"weight":1}]}}`}}, "actions.act]: there is no Service shop/ghost"},
	{[][2]string{{"actions.act", `{"type":"forward","targetGroupName":"missing-x"}`}}, `there is no target group "missing-x"`},
	{[][2]string{{"conditions.web", `[{"field":"path-pattern","pathPatternConfig":{}}]`}}, "pathPatternConfig needs values or regexValues"},
	{[][2]string{{"conditions.web", `[{"field":"host-header","hostHeaderConfig":{"values":["a"],"regexValues":["b"]}}]`}}, "not both"},
	{[][2]string{{"conditions.web", `[{"field":"host-header","hostHeaderConfig":{"regexValues":["b"]}}]`}}, "the host condition has both values"},
	{[][2]string{{"conditions.web", `[{"field":"http-header"}]`}}, "httpHeaderConfig is missing"},
	{[][2]string{{"conditions.web", `[{"field":"query-string","queryStringConfig":{"values":[{"key":"a"}]}}]`}}, "a value of queryStringConfig cannot be empty"},
	{[][2]string{{"conditions.web", `[{"field":"query-string","queryStringConfig":{"values":[]}}]`}}, "cannot be empty"},
	{[][2]string{{"conditions.web", `{"field":"source-ip"}`}}, "the value is an object, {...}; write a list, [...]; write for example [{"},
	{[][2]string{{"transforms.web", `[{"type":"host-header-rewrite"}]`}}, "hostHeaderRewriteConfig.rewrites is missing"},
	{[][2]string{{"auth-type", "saml"}}, `"saml" is not known`},
	{[][2]string{{"auth-session-timeout", "week"}}, "not a whole number"},
	{[][2]string{{"jwt-validation", `{"issuer":"a"}`}}, "jwksEndpoint is missing"},
	{[][2]string{{"jwt-validation", `{"issuer":"a","jwksEndpoint":"b","additionalClaims":[{"format":"single-string","name":"x"}]}`}}, "the values of additionalClaims[0] are missing"},
	{[][2]string{{"mutual-authentication", `[]`}}, "the list is empty"},
	{[][2]string{{"mutual-authentication", `[{"port":443,"mode":"verify"}]`}, {"listen-ports", tlsPorts}, {"certificate-arn", "arn:one"}}, "needs a trustStore"},
	{[][2]string{{"mutual-authentication", `[{"port":443,"mode":"off","trustStore":"x"}]`}}, "takes no trustStore"},
	{[][2]string{{"mutual-authentication", `[{"port":443,"mode":"Verify"}]`}}, "write off, passthrough or verify"},
	{[][2]string{{"mutual-authentication", `[{"port":443,"mode":"passthrough","ignoreClientCertificateExpiry":true}]`}}, "takes no ignoreClientCertificateExpiry"},
	{[][2]string{{"mutual-authentication", `[{"port":443,"mode":"off","advertiseTrustStoreCaNames":"on"}]`}}, "takes no advertiseTrustStoreCaNames"},
	{[][2]string{{"mutual-authentication", `[{"port":443,"mode":"verify","trustStore":"missing-x"}]`}}, `there is no trust store "missing-x"`},
	{[][2]string{{"listen-ports", `[{"HTTP":0}]`}}, "0 is no port"},
	{[][2]string{{"listen-ports", tlsPorts}}, "no certificate found for host a.b.example.com"},
	{[][2]string{{"ssl-redirect", "443"}}, "no listener is on port 443"},
	{[][2]string{{"ssl-redirect", "80"}}, "the listener on port 80 is non-SSL"},
	{[][2]string{{"inbound-cidrs", "10.0.0.1"}}, `"10.0.0.1" is no range`},
	{[][2]string{{"customer-owned-ipv4-pool", ""}}, "it is empty"},
	{[][2]string{{"load-balancer-name", strings.Repeat("x", 33)}}, "it has 33 characters; write at most 32"},
	{[][2]string{{"security-groups", "missing-x"}}, `there is no security group "missing-x"`},
	{[][2]string{{"security-groups", "sg-1"}, {"manage-backend-security-group-rules", "maybe"}}, "neither true nor false"},
	{[][2]string{{"minimum-load-balancer-capacity", "Units=1"}}, "write CapacityUnits=<number>"},
	{[][2]string{{"wafv2-acl-name", "ghost"}}, `there is no web ACL named "ghost"`},
	{[][2]string{{"tags", "a"}}, `"a" is not key=value`},
	{[][2]string{{"target-type", "lambda"}}, `target type "lambda" is not known`},
	{[][2]string{{"backend-protocol", "http"}}, "write HTTP or HTTPS, in capitals"},
	{[][2]string{{"backend-protocol-version", "HTTP3"}}, "write HTTP1, HTTP2 or GRPC"},
	{[][2]string{{"healthcheck-port", "admin"}}, "unable to find port admin on Service shop/web; its ports are http=80"},
	{[][2]string{{"healthcheck-protocol", "TCP"}}, "write HTTP or HTTPS"},
	{[][2]string{{"multi-cluster-target-group", "1x"}}, "neither true nor false"},
	{[][2]string{{"target-control-port.web.80", "x"}}, "not a whole number"},
	{[][2]string{{"group.name", "Edge"}}, "is no group name"},
	{[][2]string{{"group.name", strings.Repeat("x", 64)}}, "has 64 characters; write at most 63"},
	{[][2]string{{"group.order", "first"}}, "not a whole number"},
	{[][2]string{{"use-regex-path-match", "x"}}, "neither true nor false"},
	{[][2]string{{"enable-frontend-nlb", "true"}, {"frontend-nlb-scheme", "public"}}, `"public" is not known`},
	{[][2]string{{"enable-frontend-nlb", "true"}, {"frontend-nlb-healthcheck-protocol", "TCP"}}, "write HTTP or HTTPS"},
	{[][2]string{{"enable-frontend-nlb", "true"}, {"frontend-nlb-healthcheck-port", "http"}}, "is no port"},
	{[][2]string{{"enable-frontend-nlb", "true"}, {"frontend-nlb-listener-port-mapping", "a=b"}}, "write port numbers"},
	{[][2]string{{"enable-frontend-nlb", "true"}, {"frontend-nlb-attributes", "dns_record.client_routing_policy=x"}}, "is not known; write one of"},
	{[][2]string{{"enable-frontend-nlb", "true"}, {"frontend-nlb-security-groups", "missing-x"}}, "there is no security group"},
}

// annotated builds the Ingress web with these annotations.
func annotated(t *testing.T, annotations ...[2]string) *lb.Config {
	t.Helper()
	objects, problems := Parse("f", []byte(`
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web, namespace: shop, annotations: {kubernetes.io/ingress.class: alb, alb.ingress.kubernetes.io/target-type: ip}}
spec:
  rules: [{host: a.b.example.com, http: {paths: [{path: /a, backend: {service: {name: act, port: {name: use-annotation}}}}, {path: /x, backend: {service: {name: web, port: {number: 80}}}}]}}]
---
{apiVersion: v1, kind: Service, metadata: {name: web, namespace: shop}, spec: {ports: [{name: http, port: 80}]}}
`))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	for _, a := range annotations {
		objects[0].Value.(*networkingv1.Ingress).Annotations[ingressPrefix+a[0]] = a[1]
	}
	inventory := &Inventory{Certificates: []InventoryCertificate{{"arn:one", []string{"*.example.com"}}},
		TargetGroups: map[string]InventoryTargetGroup{"*": {ARN: "arn:{name}"}, "missing*": {}}, TrustStores: map[string]string{"ca": "arn:ca"}, SecurityGroups: map[string]string{}}
	return Build(objects, Options{Inventory: inventory})
}

// TestFaults: each annotation that cannot be served sets its Ingress aside and says why,
// and nothing else.
func TestFaults(t *testing.T) {
	for _, c := range faultCases {
		cfg := annotated(t, c.annotations...)
		if len(cfg.SetAside) != 1 || !strings.Contains(cfg.SetAside[0].String(), c.want) || cfg.SetAside[0].Field == "" || len(cfg.LoadBalancers) > 0 {
			t.Errorf("%v: set aside %v, want %q", c.annotations, cfg.SetAside, c.want)
		}
	}
}

// TestFaultsInPairs: of two things that are wrong with an Ingress both are told, whichever
// they are.
func TestFaultsInPairs(t *testing.T) {
	for i, x := range faultCases {
		for _, y := range faultCases[i+1:] {
			if hides(x, y) || hides(y, x) {
				continue
			}
			cfg := annotated(t, slices.Concat(x.annotations, y.annotations)...)
			for _, want := range []string{x.want, y.want} {
				if !slices.ContainsFunc(cfg.SetAside, func(p lb.Problem) bool { return strings.Contains(p.String(), want) }) {
					t.Errorf("%v and %v: nothing says %q: %v", x.annotations, y.annotations, want, cfg.SetAside)
				}
			}
			if len(cfg.LoadBalancers) > 0 {
				t.Errorf("%v and %v: it serves", x.annotations, y.annotations)
			}
		}
	}
}

// hides tells whether y may go unsaid beside x: what it says is replaced, or depends on what x says.
func hides(x, y faultCase) bool {
	for _, a := range x.annotations {
		for _, b := range y.annotations {
			if a[0] == b[0] && a[1] != b[1] || a[0] == "listen-ports" && b[0] == "ssl-redirect" || a[0] == "certificate-arn" && b[0] == "listen-ports" {
				return true
			}
		}
	}
	return false
}

func TestInventory(t *testing.T) {
	i := &Inventory{
		Certificates:   []InventoryCertificate{{"b", []string{"a.example.com"}}, {"a", []string{"*.example.com", "example.com"}}},
		SecurityGroups: map[string]string{"web": "sg-web", "team-*": "sg-{name}", "team-x*": "sg-long-{name}", "team-no": ""},
	}
	for _, c := range []struct {
		hosts         []string
		want, missing string
	}{
		{[]string{"a.example.com"}, "a b", ""},
		{[]string{"example.com"}, "a", ""},
		{[]string{"b.a.example.com"}, "", "b.a.example.com"},
		{[]string{"*.example.com"}, "a", ""},
		{nil, "", ""},
	} {
		got, missing := i.certificates(c.hosts)
		if strings.Join(got, " ") != c.want || missing != c.missing {
			t.Errorf("%v: %v %q", c.hosts, got, missing)
		}
	}
	got, missing := i.securityGroups([]string{"web", "sg-1", "team-a", "team-xy", "web"})
	if strings.Join(got, " ") != "sg-1 sg-web sg-team-a sg-long-team-xy" || missing != "" {
		t.Errorf("%v %q", got, missing)
	}
	if _, missing := i.securityGroups([]string{"team-no"}); missing != "team-no" {
		t.Errorf("missing %q", missing)
	}
}

// TestUnreadFaults: what nobody reads yet is told all the same, as a warning: words about
// target groups where no Service is there, and actions that no backend uses.
func TestUnreadFaults(t *testing.T) {
	objects, _ := Parse("f", []byte(`
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: web
  annotations:
    alb.ingress.kubernetes.io/target-type: pod
    alb.ingress.kubernetes.io/backend-protocol: http
    alb.ingress.kubernetes.io/healthcheck-port: admin
    alb.ingress.kubernetes.io/healthcheck-interval-seconds: 10s
    alb.ingress.kubernetes.io/target-group-attributes: x
    alb.ingress.kubernetes.io/actions.unused: '{"type":'
    alb.ingress.kubernetes.io/conditions.unused: '{}'
spec: {ingressClassName: alb, rules: [{http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: gone, port: {number: 80}}}}]}}]}
`))
	cfg := Build(objects, Options{})
	var fields []string
	for _, p := range cfg.Warnings {
		if !strings.Contains(p.Text, "no backend has") {
			fields = append(fields, strings.TrimPrefix(p.Field, "metadata.annotations["+ingressPrefix))
		}
	}
	slices.Sort(fields)
	want := []string{"actions.unused]", "backend-protocol]", "conditions.unused]", "healthcheck-interval-seconds]", "spec.rules[0].http.paths[0].backend", "target-group-attributes]", "target-type]"}
	if !slices.Equal(fields, want) || len(cfg.SetAside) > 0 || len(cfg.LoadBalancers) != 1 {
		t.Errorf("%v: %v %v", fields, cfg.SetAside, cfg.Warnings)
	}
}

// TestConflictsAllAtOnce: of an Ingress that contradicts its group all contradictions are
// told, and what else is wrong with it.
func TestConflictsAllAtOnce(t *testing.T) {
	text := ""
	for i, more := range []string{"scheme: internal, alb.ingress.kubernetes.io/ip-address-type: ipv4", "scheme: internal, alb.ingress.kubernetes.io/ip-address-type: ipv4",
		`scheme: internet-facing, alb.ingress.kubernetes.io/ip-address-type: dualstack, alb.ingress.kubernetes.io/actions.act: "{"`} {
		text += fmt.Sprintf("---\napiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: m%d, annotations: {alb.ingress.kubernetes.io/group.name: g, alb.ingress.kubernetes.io/%s}}\n"+
			"spec: {ingressClassName: alb, rules: [{http: {paths: [{path: /%d, pathType: Exact, backend: {service: {name: act, port: {name: use-annotation}}}}]}}]}\n", i, more, i)
	}
	objects, _ := Parse("f", []byte(text))
	cfg := Build(objects, Options{})
	said := fmt.Sprint(cfg.SetAside)
	for _, want := range []string{"conflicting scheme", "conflicting ip-address-type", "actions.act]: this is not valid JSON"} {
		if !strings.Contains(said, want) {
			t.Errorf("nothing says %q: %s", want, said)
		}
	}
	if len(cfg.SetAside) != 3 || len(cfg.LoadBalancers) != 1 || len(cfg.LoadBalancers[0].Listeners[0].Rules) != 2 {
		t.Errorf("%s %v", said, cfg.LoadBalancers)
	}
}

// TestFaultsBesideTheClass: an Ingress whose class is not there, and that is meant for an
// application load balancer, is told of all else too; one that may be another's is not.
func TestFaultsBesideTheClass(t *testing.T) {
	for _, c := range []struct {
		annotations string
		want        []string
	}{
		{"alb.ingress.kubernetes.io/scheme: public", []string{"spec.ingressClassName", "metadata.annotations[alb.ingress.kubernetes.io/scheme]", "spec.rules[0].http.paths[0].pathType"}},
		{"nginx.ingress.kubernetes.io/rewrite-target: /", []string{"spec.ingressClassName"}},
	} {
		objects, _ := Parse("f", []byte("{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: web, annotations: {"+c.annotations+
			"}}, spec: {ingressClassName: other, rules: [{http: {paths: [{path: /, pathType: prefix, backend: {service: {name: web, port: {number: 80}}}}]}}]}}"))
		var fields []string
		cfg := Build(objects, Options{})
		for _, p := range cfg.SetAside {
			fields = append(fields, p.Field)
		}
		if !slices.Equal(fields, c.want) || len(cfg.LoadBalancers) > 0 {
			t.Errorf("%s: %v", c.annotations, cfg.SetAside)
		}
	}
}
