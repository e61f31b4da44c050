package conformance_test

import "testing"

// TestSlices: what keeps a hand-written EndpointSlice from being used is told apart, at the slice.
func TestSlices(t *testing.T) {
	for file, want := range map[string]string{
		"1-slice-port-without-name": "EndpointSlice shop/web-x1: ports[0]: port 21101 has no name, and Kubernetes matches ports by name: those of Service shop/web are http=80; write name: http",
		"2-slice-in-other-namespace": "EndpointSlice default/web-x1: metadata.namespace: there is no Service default/web, and one in namespace shop: " +
			"a Service has its addresses from its own namespace; write namespace: shop",
		"3-address-is-a-host-name": `EndpointSlice shop/web-x1: endpoints[0].addresses[0]: "localhost" is no IP address, and host names are not looked up; write one, such as 127.0.0.1`,
		"4-address-with-port":      `"127.0.0.1:21101": an address has no port; write "127.0.0.1" here, and port: 21101 in ports`,
		"5-no-addressType":         "EndpointSlice shop/web-x1: addressType: it is missing; write addressType: IPv4",
		"6-really-not-ready":       "no endpoint of the Service is ready on port http: EndpointSlice web-x1 has 1 endpoint, of which 1 is not ready (conditions.ready: false): requests get 503",
	} {
		inCase(t, "13-hand-written-slices-wrong-cause", "check", "-q", "m/"+file+".yaml").says(t, want)
	}
}

// TestEndpointsObjects: v1 Endpoints are read as Kubernetes mirrors them.
func TestEndpointsObjects(t *testing.T) {
	o := inCase(t, "19-endpoints-objects", "check", "m.yaml")
	o.says(t, "127.0.0.1:21101", "0 set aside, 0 warnings")
	o.saysNot(t, "passed over")
}

// TestNodes: which Nodes are targets, and what is said of the others.
func TestNodes(t *testing.T) {
	o := inCase(t, "11-nodes-that-take-no-traffic", "check", "m.yaml")
	o.says(t, "127.0.0.1:31080  ec2-1", "Node fargate-1", "compute-type: fargate", "Node old-excluded")
	o.saysNot(t, "127.0.0.2:31080", "127.0.0.3:31080", "127.0.0.4:31080")

	for _, file := range []string{"m.yaml", "nlb.yaml"} {
		inCase(t, "12-no-usable-node-no-word", "check", file).says(t, "none of the Nodes (1) is known to be ready", "n1 has no condition Ready", "1 warning")
	}
	o = inCase(t, "12-no-usable-node-no-word", "check", "unknown.yaml")
	o.says(t, "127.0.0.1:31080  ec2-1", "ec2-1 has the condition Ready: Unknown", "1 warning")
	o.saysNot(t, "127.0.0.2:31080", "127.0.0.3:31080", "127.0.0.4:31080")
}

// TestPathsThatAWSRefuses: characters that AWS takes in no path, and regular expressions as nginx takes them.
func TestPathsThatAWSRefuses(t *testing.T) {
	const folder = "09-paths-that-aws-refuses"
	inCase(t, folder, "check", "-q", "m.yaml").says(t, "AWS would refuse", `"/api(/|$)(.*)" holds ( | )`, `"/v[0-9]+/.*" holds [ ]`, `"/über" holds ü`,
		"alb.ingress.kubernetes.io/use-regex-path-match: 'true', pathType: ImplementationSpecific and path: /^/api(/|$)(.*)",
		`alb.ingress.kubernetes.io/transforms.web: '[{"type":"url-rewrite","urlRewriteConfig":{"rewrites":[{"regex":"^/api(/|$)(.*)","replace":"/$2"}]}}]'`)
	inCase(t, folder, "check", "-q", "more.yaml").says(t, `write "/api"`, `write the path alone: "/y"`, `"/a?x=1" holds =`, `"/b c" holds a blank`, `"/d#e" holds #`, "path: /^/f")
}

// TestOldVersions: with the apiVersion all else that has to change is told.
func TestOldVersions(t *testing.T) {
	inCase(t, "24-old-api-versions", "check", "-q", "m.yaml").says(t,
		"write apiVersion: networking.k8s.io/v1, which wants backend.service.name and backend.service.port.number (or name) in place of backend.serviceName and servicePort, and pathType in every path",
		"write apiVersion: networking.k8s.io/v1, which wants spec.defaultBackend in place of spec.backend",
		"write defaultBackend: {service: {name: web, port: {number: 80}}}", "3 set aside")
	inCase(t, "21-ingress-without-rules", "check", "-q", "v1beta1-renamed.yaml").says(t, "it is service.name", "it is service.port.number", "it is spec.defaultBackend")
}

// TestIngressWithoutRules: what the API server refuses opens no load balancer that answers 404 to everything.
func TestIngressWithoutRules(t *testing.T) {
	o := inCase(t, "21-ingress-without-rules", "check", "m.yaml")
	o.says(t, "Ingress argocd/cd: spec.rules: it is missing; either `defaultBackend` or `rules` must be specified", "0 load balancers", "1 set aside")
	if o.code != 1 {
		t.Errorf("it exits %d", o.code)
	}
}
