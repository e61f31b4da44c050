package manifest

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/albatross-lb/albatross/lb"
)

const webARN = "arn:aws:elasticloadbalancing:us-west-2:111111111111:targetgroup/web/0123456789abcdef"

// bindingTown is an Ingress that forwards to a group named in one of three ways, and two Services.
func bindingTown(forward string, bindings ...string) string {
	text := fmt.Sprintf(`
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: shop
  annotations:
    kubernetes.io/ingress.class: alb
    alb.ingress.kubernetes.io/actions.web: '{"type":"forward",%s}'
spec: {rules: [{http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {name: use-annotation}}}}]}}]}
`, forward)
	for i := range 2 {
		text += fmt.Sprintf(`---
apiVersion: v1
kind: Service
metadata: {name: app-%[1]d}
spec: {type: NodePort, ports: [{name: http, port: 80, targetPort: 8080, nodePort: 3000%[1]d}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: app-%[1]d, labels: {kubernetes.io/service-name: app-%[1]d}}
addressType: IPv4
ports: [{name: http, port: 8080}]
endpoints: [{addresses: [10.0.%[1]d.1]}, {addresses: [10.0.0.9]}]
---
apiVersion: v1
kind: Node
metadata: {name: node-%[1]d, labels: {rack: r%[1]d}}
status: {addresses: [{type: InternalIP, address: 192.168.0.%[1]d}], conditions: [{type: Ready, status: "True"}]}
`, i)
	}
	for i, b := range bindings {
		text += fmt.Sprintf("---\napiVersion: elbv2.k8s.aws/v1beta1\nkind: TargetGroupBinding\nmetadata: {name: binding-%d}\nspec: {%s}\n", i, b)
	}
	return text
}

func buildBound(t *testing.T, text string, inventory *Inventory) *lb.Config {
	t.Helper()
	objects, problems := Parse("f.yaml", []byte(text))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	return Build(objects, Options{Inventory: inventory})
}

func TestBindings(t *testing.T) {
	byARN, byName := `"targetGroupARN":"`+webARN+`"`, `"targetGroupName":"web"`
	service := func(i int) string { return fmt.Sprintf("serviceRef: {name: app-%d, port: 80}", i) }
	arn := "targetGroupARN: " + webARN + ", "
	for _, c := range []struct {
		name     string
		forward  string
		bindings []string
		want     string // targets of the group that the rule forwards to
		say      string // part of a problem
	}{
		{"none", byARN, nil, "", "no TargetGroupBinding brings targets to target group arn:aws"},
		{"by ARN", byARN, []string{arn + "targetType: ip, " + service(0)}, "10.0.0.1:8080 10.0.0.9:8080", ""},
		{"a port by name", byARN, []string{arn + "targetType: ip, serviceRef: {name: app-0, port: http}"}, "10.0.0.1:8080 10.0.0.9:8080", ""},
		{"by name", byName, []string{"targetGroupName: web, targetType: ip, " + service(0)}, "10.0.0.1:8080 10.0.0.9:8080", ""},
		{"by ARN and by name", byARN, []string{"targetGroupName: web, targetType: ip, " + service(0)}, "10.0.0.1:8080 10.0.0.9:8080", ""},
		{"by name and by ARN", byName, []string{arn + "targetType: ip, " + service(0)}, "10.0.0.1:8080 10.0.0.9:8080", ""},
		{"the ARN beats the name", byARN, []string{arn + "targetGroupName: other, targetType: ip, " + service(1)}, "10.0.0.9:8080 10.0.1.1:8080", ""},
		{"another ARN of that name", byARN, []string{"targetGroupARN: " + strings.Replace(webARN, "us-west-2", "eu-west-1", 1) + ", " + service(0)}, "", "no TargetGroupBinding"},
		{"nodes", byARN, []string{arn + service(0)}, "192.168.0.0:30000 192.168.0.1:30000", ""},
		{"nodes by label", byARN, []string{arn + "nodeSelector: {matchLabels: {rack: r1}}, " + service(0)}, "192.168.0.1:30000", ""},
		{"nodes by expression", byARN, []string{arn + "nodeSelector: {matchExpressions: [{key: rack, operator: NotIn, values: [r1]}]}, " + service(0)}, "192.168.0.0:30000", ""},
		{"two add up", byARN, []string{arn + "targetType: ip, multiClusterTargetGroup: true, " + service(0), arn + "targetType: ip, multiClusterTargetGroup: true, " + service(1)},
			"10.0.0.1:8080 10.0.0.9:8080 10.0.1.1:8080", "spec.multiClusterTargetGroup: means nothing outside AWS"},
		{"two that AWS would refuse", byARN, []string{arn + "targetType: ip, " + service(0), arn + "targetType: ip, " + service(1)},
			"10.0.0.1:8080 10.0.0.9:8080 10.0.1.1:8080", "TargetGroupBinding default/binding-1: spec.multiClusterTargetGroup: AWS refuses a second binding"},
		{"two by ARN and name", byARN, []string{arn + "targetType: ip, " + service(0), "targetGroupName: web, targetType: ip, " + service(1)},
			"10.0.0.1:8080 10.0.0.9:8080 10.0.1.1:8080", "AWS refuses a second binding"},
		{"two of two kinds", byARN, []string{arn + "targetType: ip, " + service(0), arn + "targetType: instance, " + service(1)},
			"10.0.0.1:8080 10.0.0.9:8080", "binding-1: spec.targetType: the target group is bound by default/binding-0 already"},
		{"no Service", byARN, []string{arn + "serviceRef: {name: nobody, port: 80}"}, "", "spec.serviceRef.name: there is no Service default/nobody"},
		{"no port", byARN, []string{arn + "serviceRef: {name: app-0, port: 81}"}, "", "spec.serviceRef.port: unable to find port 81"},
		{"no group", byARN, []string{service(0)}, "", "spec.targetGroupARN: the binding names no target group"},
		{"no ARN", byARN, []string{"targetGroupARN: web, " + service(0)}, "", `"web" is no ARN of a target group`},
		{"a type that is none", byARN, []string{arn + "targetType: lambda, " + service(0)}, "", `spec.targetType: target type "lambda" is not known`},
		{"nodes of Pods", byARN, []string{arn + "targetType: ip, nodeSelector: {}, " + service(0)}, "", "spec.nodeSelector: targets of type ip are no nodes"},
		{"addresses", byARN, []string{arn + "ipAddressType: ipv5, " + service(0)}, "", `spec.ipAddressType: "ipv5" is not known`},
		{"a VPC that is none", byARN, []string{arn + "vpcID: vpc-x, " + service(0)}, "", `spec.vpcID: "vpc-x" is no VPC`},
		{"a role for nodes", byARN, []string{arn + "targetType: instance, iamRoleArnToAssume: r, " + service(0)}, "", "spec.iamRoleArnToAssume"},
		{"a protocol", byARN, []string{arn + "targetGroupProtocol: QUIC, " + service(0)}, "", `spec.targetGroupProtocol: "QUIC" cannot be served`},
		{"networking", byARN, []string{arn + "targetType: ip, networking: {ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8}}], ports: [{port: 80}]}]}, " + service(0)},
			"10.0.0.1:8080 10.0.0.9:8080", "spec.networking: means nothing outside AWS"},
	} {
		cfg := buildBound(t, bindingTown(c.forward, c.bindings...), nil)
		f := cfg.LoadBalancers[0].Listeners[0].Rules[0].Actions[0].Forward.TargetGroups[0]
		var got []string
		if g := cfg.TargetGroups[f.TargetGroup]; g != nil {
			for _, target := range g.Targets {
				got = append(got, target.Addr.String())
			}
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: targets %v, want %s", c.name, got, c.want)
		}
		problems := slices.Concat(cfg.SetAside, cfg.Warnings, cfg.Notes)
		if !slices.ContainsFunc(problems, func(p lb.Problem) bool { return strings.Contains(p.String(), c.say) }) && c.say != "" {
			t.Errorf("%s: %v says no %q", c.name, problems, c.say)
		}
		if c.say == "" && len(problems) > 0 {
			t.Errorf("%s: %v", c.name, problems)
		}
		if text, _ := f.MarshalJSON(); strings.Contains(string(text), `"targetGroup"`) {
			t.Errorf("%s: %s; an existing group is named by its ARN alone", c.name, text)
		}
	}
}

func TestTheInventoryDescribesBoundGroups(t *testing.T) {
	inventory, err := ParseInventory([]byte(`
targetGroups:
  plain: ` + strings.Replace(webARN, "/web/", "/plain/", 1) + `
  web: {arn: "` + webARN + `", protocol: HTTPS, protocolVersion: HTTP2, port: 8443, targetType: ip, attributes: {slow_start.duration_seconds: "30"},
    healthCheck: {path: /ready, port: 9000, intervalSeconds: 7, matcher: {httpCode: "204"}}}
`))
	if err != nil {
		t.Fatal(err)
	}
	cfg := buildBound(t, bindingTown(`"targetGroupName":"web"`, "targetGroupName: web, serviceRef: {name: app-0, port: 80}"), inventory)
	g := cfg.TargetGroups[webARN]
	if g == nil {
		t.Fatalf("groups %v, problems %v", cfg.TargetGroups, cfg.SetAside)
	}
	h := g.HealthCheck
	if g.Name != "web" || g.Protocol != lb.HTTPS || g.ProtocolVersion != lb.HTTP2 || g.Port != 8443 || g.TargetType != "ip" || g.Attributes["slow_start.duration_seconds"] != "30" ||
		h.Path != "/ready" || h.Port != 9000 || h.IntervalSeconds != 7 || h.TimeoutSeconds != 5 || h.HealthyThreshold != 5 || h.Matcher.HTTPCode != "204" || h.Protocol != lb.HTTPS {
		t.Errorf("group %+v, check %+v", g, h)
	}
	if g.ARN("1", "r") != webARN || g.FullName() != "targetgroup/web/0123456789abcdef" {
		t.Errorf("ARN %s, full name %s", g.ARN("1", "r"), g.FullName())
	}
	for binding, want := range map[string]string{
		"targetGroupName: none":                           `there is no target group "none"`,
		"targetGroupName: web, targetType: instance":      "spec.targetType: the target group has targets of type ip",
		"targetGroupName: web, targetGroupProtocol: HTTP": "spec.targetGroupProtocol: the target group speaks HTTPS",
	} {
		cfg := buildBound(t, bindingTown(`"targetGroupName":"web"`, binding+", serviceRef: {name: app-0, port: 80}"), inventory)
		if len(cfg.SetAside) != 1 || !strings.Contains(cfg.SetAside[0].String(), want) {
			t.Errorf("%s: %v, want %q", binding, cfg.SetAside, want)
		}
	}
	if _, err := ParseInventory([]byte("targetGroups: {web: {arm: x}}")); err == nil || !strings.Contains(err.Error(), "arm") {
		t.Errorf("a field that is none: %v", err)
	}
}
