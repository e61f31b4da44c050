package manifest

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/albatross-lb/albatross/lb"
)

// TestServiceFaults: each annotation that cannot be served sets its Service aside and says
// why; and of two of them both are told.
func TestServiceFaults(t *testing.T) {
	both := []faultCase{
		{[][2]string{{"ip-address-type", "ipv6"}}, "write one of ipv4, dualstack"},
		{[][2]string{{"scheme", "public"}}, `"public" is not known`},
		{[][2]string{{"name", strings.Repeat("x", 33)}}, "the name has 33 characters"},
		{[][2]string{{"additional-resource-tags", "a"}}, `"a" is not key=value`},
		{[][2]string{{"attributes", "b"}}, `"b" is not key=value`},
		{[][2]string{{"access-log-enabled", "maybe"}}, `"maybe" is neither`},
		{[][2]string{{"cross-zone-load-balancing-enabled", "perhaps"}}, `"perhaps" is neither`},
		{[][2]string{{"minimum-load-balancer-capacity", "Units=1"}}, "write CapacityUnits=<number>"},
		{[][2]string{{"ssl-ports", "https"}}, `the Service has no port "https"`},
		{[][2]string{{"healthcheck-port", "admin"}}, "unable to find port admin"},
		{[][2]string{{"healthcheck-protocol", "ftp"}}, `"FTP" is not known`},
		{[][2]string{{"healthcheck-interval", "often"}}, `"often" is not a whole number`},
		{[][2]string{{"healthcheck-timeout", "soon"}}, `"soon" is not a whole number`},
		{[][2]string{{"target-group-attributes", "c"}}, `"c" is not key=value`},
		{[][2]string{{"target-group-attributes.80", "d"}}, `"d" is not key=value`},
	}
	pairsOfFaults(t, "application", append(both,
		faultCase{[][2]string{{"connection-idle-timeout", "long"}}, `"long" is not a whole number`},
		faultCase{[][2]string{{"backend-protocol", "tcp"}}, `"tcp" is not known to an application load balancer`},
		faultCase{[][2]string{{"backend-protocol-version", "http3"}}, "write HTTP1, HTTP2 or GRPC"},
		faultCase{[][2]string{{"target-type", "lambda"}}, `target type "lambda" is not known`},
		faultCase{[][2]string{{"connection-draining-timeout", "short"}}, `"short" is not a whole number`},
		faultCase{[][2]string{{"listener-attributes.HTTP-80", "e"}}, `"e" is not key=value`},
		faultCase{[][2]string{{"ssl-redirect", "443"}}, "no HTTPS listener is on port 443"}))
	pairsOfFaults(t, "external", append(both,
		faultCase{[][2]string{{"attributes", "dns_record.client_routing_policy=near"}}, "client_routing_policy=near is not known"},
		faultCase{[][2]string{{"eip-allocations", "eipalloc-1"}, {"scheme", "internal"}}, "EIP allocations can only be set for internet facing"},
		faultCase{[][2]string{{"private-ipv4-addresses", "one"}, {"scheme", "internal"}}, `"one" is no address`},
		faultCase{[][2]string{{"ipv6-addresses", "::1"}, {"ip-address-type", "ipv4"}}, "can only be set for dualstack"},
		faultCase{[][2]string{{"enable-prefix-for-ipv6-source-nat", "yes"}}, `"yes" is not known; write on or off`},
		faultCase{[][2]string{{"source-nat-ipv6-prefixes", "auto_assigned"}, {"enable-prefix-for-ipv6-source-nat", "off"}}, "prefixes need a dual-stack load balancer"},
		faultCase{[][2]string{{"quic-enabled-ports", "80"}}, "port 80 is TCP and cannot carry QUIC"},
		faultCase{[][2]string{{"proxy-protocol", "v2"}}, `"v2" is not known; write *`},
		faultCase{[][2]string{{"proxy-protocol-per-target-group", "http"}}, `"http" is no port number`},
		faultCase{[][2]string{{"multi-cluster-target-group", "1x"}}, `"1x" is neither`},
		faultCase{[][2]string{{"listener-attributes.TCP-80", "e"}}, `"e" is not key=value`}))
}

// pairsOfFaults looks at each case, and at every two that do not speak of the same annotation.
func pairsOfFaults(t *testing.T, kind string, cases []faultCase) {
	t.Helper()
	for i, x := range cases {
		cfg := annotatedService(t, kind, x.annotations)
		if len(cfg.SetAside) != 1 || !strings.Contains(cfg.SetAside[0].String(), x.want) || cfg.SetAside[0].Field == "" || len(cfg.LoadBalancers) > 0 {
			t.Errorf("%s: %v: set aside %v, want %q", kind, x.annotations, cfg.SetAside, x.want)
		}
		for _, y := range cases[i+1:] {
			if hides(x, y) {
				continue
			}
			cfg := annotatedService(t, kind, slices.Concat(x.annotations, y.annotations))
			for _, want := range []string{x.want, y.want} {
				if !slices.ContainsFunc(cfg.SetAside, func(p lb.Problem) bool { return strings.Contains(p.String(), want) }) {
					t.Errorf("%s: %v and %v: nothing says %q: %v", kind, x.annotations, y.annotations, want, cfg.SetAside)
				}
			}
		}
	}
}

func annotatedService(t *testing.T, kind string, annotations [][2]string) *lb.Config {
	t.Helper()
	objects, problems := Parse("f", fmt.Appendf(nil, `
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop, annotations: {service.beta.kubernetes.io/aws-load-balancer-type: %s, service.beta.kubernetes.io/aws-load-balancer-nlb-target-type: ip}}
spec: {type: LoadBalancer, ports: [{name: http, port: 80}]}
`, kind))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	for _, a := range annotations {
		objects[0].Value.(*corev1.Service).Annotations[servicePrefix+awsPrefix+a[0]] = a[1]
	}
	return Build(objects, Options{})
}

// TestBindingFaults: all that is wrong with a TargetGroupBinding is told at once.
func TestBindingFaults(t *testing.T) {
	objects, problems := Parse("f", []byte(`
apiVersion: elbv2.k8s.aws/v1beta1
kind: TargetGroupBinding
metadata: {name: web, namespace: shop}
spec: {targetType: lambda, ipAddressType: ipv5, vpcID: mine, targetGroupProtocol: SMTP, targetGroupARN: arn:nothing}
`))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	var fields []string
	for _, p := range Build(objects, Options{}).SetAside {
		fields = append(fields, p.Field)
	}
	slices.Sort(fields)
	want := []string{"spec.ipAddressType", "spec.serviceRef.name", "spec.targetGroupARN", "spec.targetGroupProtocol", "spec.targetType", "spec.vpcID"}
	if !slices.Equal(fields, want) {
		t.Errorf("set aside for %v, want %v", fields, want)
	}
}
