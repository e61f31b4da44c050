package manifest

import (
	"strings"
	"testing"
)

// validCase is an object and what validation says of it.
type validCase struct {
	name, object string
	want         []string // "refused FIELD: TEXT", "left out FIELD: TEXT" or "warned FIELD: TEXT", all of them, TEXT in part
}

const anIngress = `{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: web, namespace: shop}, spec: `

var validCases = []validCase{
	{"a good Ingress", anIngress + `{rules: [{host: "*.example.com", http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]}}]}}`, nil},
	{"no rules", anIngress + `{}}`, []string{"refused spec.rules: it is missing; either `defaultBackend` or `rules` must be specified"}},
	{"a default alone", anIngress + `{defaultBackend: {service: {name: web, port: {name: http}}}}}`, nil},
	{"no paths", anIngress + `{rules: [{http: {paths: []}}]}}`, []string{"warned spec.rules[0].http.paths: Kubernetes refuses this: it is missing; write at least one path"}},
	{"hosts", anIngress + `{rules: [{host: 10.0.0.1}, {host: "[::1]"}, {host: "a.example.com:8080"}, {host: Shop.Example.com}, {host: shop_1.example.com}, {host: "a.*.example.com"}, {host: "*"}, {host: "*.Example.com"}, {host: "https://x.example.com"}], tls: [{hosts: [A.example.com], secretName: My_Secret}]}}`, []string{
		`warned spec.rules[0].host: Kubernetes refuses this: "10.0.0.1": must be a DNS name, not an IP address`,
		`warned spec.rules[1].host: Kubernetes refuses this: "[::1]": must be a DNS name, not an IP address`,
		`warned spec.rules[2].host: Kubernetes refuses this: "a.example.com:8080": a lowercase RFC 1123 subdomain must consist of`,
		`warned spec.rules[3].host: Kubernetes refuses this: "Shop.Example.com": must be in lower case; write shop.example.com`,
		`warned spec.rules[4].host: Kubernetes refuses this: "shop_1.example.com"`,
		`warned spec.rules[5].host: Kubernetes refuses this: "a.*.example.com": a wildcard DNS-1123 subdomain must start with '*.'`,
		`warned spec.rules[6].host: Kubernetes refuses this: "*"`,
		`warned spec.rules[7].host: Kubernetes refuses this: "*.Example.com": must be in lower case; write *.example.com`,
		`warned spec.rules[8].host: Kubernetes refuses this: "https://x.example.com"`,
		`warned spec.tls[0].hosts[0]: Kubernetes refuses this: "A.example.com": must be in lower case; write a.example.com`,
		`warned spec.tls[0].secretName: Kubernetes refuses this: "My_Secret"`,
	}},
	{"paths", anIngress + `{rules: [{http: {paths: [{path: api, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}, {pathType: Exact, backend: {service: {name: web, port: {number: 80}}}}, {path: /a//b/., pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}, {path: /%2f, pathType: Exact, backend: {service: {name: web, port: {number: 80}}}}, {path: //x, pathType: ImplementationSpecific, backend: {service: {name: web, port: {number: 80}}}}]}}]}}`, []string{
		`warned spec.rules[0].http.paths[0].path: Kubernetes refuses this: "api": must be an absolute path; write it with / in front`,
		`warned spec.rules[0].http.paths[1].path: Kubernetes refuses this: it is missing; an Exact or Prefix path begins with /`,
		`warned spec.rules[0].http.paths[2].path: Kubernetes refuses this: "/a//b/.": must not contain //`,
		`warned spec.rules[0].http.paths[2].path: Kubernetes refuses this: "/a//b/.": cannot end with /.`,
		`warned spec.rules[0].http.paths[3].path: Kubernetes refuses this: "/%2f": must not contain %2f`,
	}},
	{"backends", anIngress + `{defaultBackend: {resource: {kind: Bucket, name: x}, service: {name: web, port: {name: http, number: 80}}}, rules: [{http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80000}}}}]}}]}}`, []string{
		`refused spec.defaultBackend: "": cannot set both resource and service backends`,
		`refused spec.defaultBackend.service.port: "http": cannot set both port name & port number; write one of them`,
		`refused spec.rules[0].http.paths[0].backend.service.port.number: "80000": must be between 1 and 65535, inclusive`,
	}},
	{"two classes", `{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: web, annotations: {kubernetes.io/ingress.class: alb}}, spec: {ingressClassName: public, rules: [{}]}}`, []string{
		"warned metadata.annotations[kubernetes.io/ingress.class]: Kubernetes refuses this: \"alb\": it must match ingressClassName when both are specified; the annotation counts"}},
	{"names", `{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: My_Web, namespace: "a.b", labels: {app: "two words", "-x": z}, annotations: {"no good": x}}, spec: {rules: [{}]}}`, []string{
		`refused metadata.name: "My_Web": a lowercase RFC 1123 subdomain must consist of`,
		`refused metadata.namespace: "a.b": must not contain dots`,
		`warned metadata.annotations: Kubernetes refuses this: "no good": name part must consist of`,
		`warned metadata.labels: Kubernetes refuses this: "-x": name part must consist of`,
		`warned metadata.labels: Kubernetes refuses this: "two words": a valid label must be`,
	}},
	{"the name of a Service", `{apiVersion: v1, kind: Service, metadata: {name: web.shop}, spec: {ports: [{port: 80}]}}`, []string{`refused metadata.name: "web.shop": must not contain dots`}},
	{"a Service that begins with a digit", `{apiVersion: v1, kind: Service, metadata: {name: 2048-game}, spec: {ports: [{port: 80}]}}`, []string{`warned metadata.name: Kubernetes refuses this: "2048-game": a DNS-1035 label must consist of`}},
	{"a Namespace", `{apiVersion: v1, kind: Namespace, metadata: {name: A}}`, []string{`refused metadata.name: "A": a lowercase RFC 1123 label`}},
	{"a good class", `{apiVersion: networking.k8s.io/v1, kind: IngressClass, metadata: {name: alb}, spec: {controller: ingress.k8s.aws/alb}}`, nil},
	{"no controller", `{apiVersion: networking.k8s.io/v1, kind: IngressClass, metadata: {name: alb}}`, []string{"warned spec.controller: Kubernetes refuses this: it is missing; write controller: ingress.k8s.aws/alb"}},
	{"a controller that is none", `{apiVersion: networking.k8s.io/v1, kind: IngressClass, metadata: {name: alb}, spec: {controller: alb}}`, []string{`warned spec.controller: Kubernetes refuses this: "alb": must be a domain-prefixed path`}},
	{"a good Service", `{apiVersion: v1, kind: Service, metadata: {name: web}, spec: {type: NodePort, ports: [{name: dns, port: 53, protocol: UDP, nodePort: 30053}, {name: dns-tcp, port: 53, targetPort: dns, nodePort: 30053}]}}`, nil},
	{"no ports", `{apiVersion: v1, kind: Service, metadata: {name: web}, spec: {}}`, []string{"warned spec.ports: Kubernetes refuses this: it is missing; write at least one port"}},
	{"headless", `{apiVersion: v1, kind: Service, metadata: {name: web}, spec: {clusterIP: None}}`, nil},
	{"ports", `{apiVersion: v1, kind: Service, metadata: {name: web}, spec: {type: LoadBalancer, ports: [{name: http, port: 80, targetPort: 70000}, {name: http, port: 80}, {port: 0}, {name: UP, port: 81, protocol: tcp, nodePort: 99999}, {name: x, port: 82, targetPort: a-name-that-is-too-long}]}}`, []string{
		`refused spec.ports[0].targetPort: "70000": must be between 1 and 65535, inclusive`,
		`refused spec.ports[1].name: "http" is there twice; the name of a port is what tells it apart`,
		`refused spec.ports[1].port: "80" is there twice; two ports of a Service differ in number or protocol`,
		`refused spec.ports[2].port: "0": must be between 1 and 65535, inclusive`,
		`refused spec.ports[3].protocol: "tcp" is not known; write TCP`,
		`refused spec.ports[3].nodePort: "99999": must be between 1 and 65535, inclusive`,
		`warned spec.ports[2].name: Kubernetes refuses this: it is missing; each of several ports has a name`,
		`warned spec.ports[3].name: Kubernetes refuses this: "UP": a lowercase RFC 1123 label`,
		`warned spec.ports[4].targetPort: Kubernetes refuses this: "a-name-that-is-too-long": must be no more than 15`,
	}},
	{"one node port for two", `{apiVersion: v1, kind: Service, metadata: {name: web}, spec: {type: NodePort, ports: [{name: a, port: 80, nodePort: 30080}, {name: b, port: 81, nodePort: 30080}]}}`, []string{`refused spec.ports[1].nodePort: "30080" is there twice`}},
	{"types", `{apiVersion: v1, kind: Service, metadata: {name: web}, spec: {type: Loadbalancer, ports: [{port: 80}]}}`, []string{`refused spec.type: "Loadbalancer" is not known; write LoadBalancer`}},
	{"only of load balancers", `{apiVersion: v1, kind: Service, metadata: {name: web}, spec: {loadBalancerClass: x, externalTrafficPolicy: local, ports: [{port: 80, nodePort: 30080}]}}`, []string{
		"warned spec.loadBalancerClass: Kubernetes refuses this: may only be used when `type` is 'LoadBalancer'",
		`warned spec.externalTrafficPolicy: Kubernetes refuses this: "local": write Cluster or Local`,
		"warned spec.ports[0].nodePort: Kubernetes refuses this: may not be used when `type` is 'ClusterIP'; write type: NodePort",
	}},
	{"a good slice", `{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {name: x}, addressType: IPv6, ports: [{name: a, port: 1}, {name: b, port: 2}], endpoints: [{addresses: ["::1"]}]}`, nil},
	{"no addressType", `{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {name: x}, endpoints: [{addresses: ["::1"]}]}`, []string{"refused addressType: it is missing; write addressType: IPv6"}},
	{"addressType", `{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {name: x}, addressType: ipv4}`, []string{`refused addressType: "ipv4" is not known; write IPv4`}},
	{"addressType", `{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {name: x}, addressType: Hostname}`, []string{`refused addressType: "Hostname" is not known; write one of IPv4, IPv6, FQDN`}},
	{"names are FQDN", `{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {name: x}, addressType: FQDN, endpoints: [{addresses: [a.example.com]}]}`, nil},
	{"addresses", `{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {name: x}, addressType: IPv4, endpoints: [{addresses: [localhost]}, {addresses: ["127.0.0.1:21101"]}, {addresses: ["http://127.0.0.1:21101/"]}, {addresses: [10.0.0.0/8]}, {addresses: ["::1"]}, {addresses: ["web:8080"]}, {addresses: ["[127.0.0.1]"]}, {addresses: [010.0.0.1]}, {addresses: [10.0.0]}, {addresses: [""]}, {addresses: []}, {}, {addresses: [10.0.0.1, 10.0.0.2]}, {addresses: ["[::1]:80"]}]}`, []string{
		`left out endpoints[0].addresses[0]: "localhost" is no IP address, and host names are not looked up; write one, such as 127.0.0.1`,
		`left out endpoints[1].addresses[0]: "127.0.0.1:21101": an address has no port; write "127.0.0.1" here, and port: 21101 in ports`,
		`left out endpoints[2].addresses[0]: "http://127.0.0.1:21101/" is a URL; write the IP address alone`,
		`left out endpoints[3].addresses[0]: "10.0.0.0/8" is a range of addresses`,
		`left out endpoints[4].addresses[0]: "::1" is an IPv6 address, and addressType is IPv4`,
		`left out endpoints[5].addresses[0]: "web:8080" is no IP address but a host and a port`,
		`left out endpoints[6].addresses[0]: "[127.0.0.1]": write the address without brackets`,
		`left out endpoints[7].addresses[0]: "010.0.0.1" is no IP address; write four numbers from 0 to 255, without zeros in front`,
		`left out endpoints[8].addresses[0]: "10.0.0" is no IP address; write four numbers`,
		`left out endpoints[9].addresses[0]: "" is no IP address`,
		`left out endpoints[10].addresses: it is missing; write addresses: [<IP address>]`,
		`left out endpoints[11].addresses: it is missing; write addresses: [<IP address>]`,
		`left out endpoints[13].addresses[0]: "[::1]:80": an address has no port; write "::1" here, and port: 80 in ports`,
		`warned endpoints[12].addresses[1]: of several addresses of an endpoint the first alone is used; write an endpoint for each`,
	}},
	{"the other family", `{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {name: x}, addressType: IPv6, endpoints: [{addresses: [10.0.0.1]}, {addresses: ["fe80::1%eth0"]}]}`, []string{
		`left out endpoints[0].addresses[0]: "10.0.0.1" is an IPv4 address, and addressType is IPv6`,
		`left out endpoints[1].addresses[0]: "fe80::1%eth0": an address has no zone here; write fe80::1`,
	}},
	{"ports of a slice", `{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {name: x}, addressType: IPv4, ports: [{port: 80}, {port: 90}, {name: a, port: 70000}, {name: a, port: 1, protocol: HTTP}, {name: b}]}`, []string{
		`refused ports[1].name: "": several ports have this name, and nothing tells which is meant`,
		`refused ports[3].name: "a": several ports have this name`,
		`refused ports[3].protocol: "HTTP" is not known; write one of TCP, UDP, SCTP`,
		`left out ports[2].port: "70000": must be between 1 and 65535, inclusive; the port is not used`,
	}},
	{"Endpoints", `{apiVersion: v1, kind: Endpoints, metadata: {name: x}, subsets: [{addresses: [{ip: localhost}, {ip: "::1"}], notReadyAddresses: [{ip: 1.2.3}], ports: [{port: 0}, {name: a, port: 1}]}]}`, []string{
		`left out subsets[0].addresses[0].ip: "localhost" is no IP address`,
		`left out subsets[0].notReadyAddresses[0].ip: "1.2.3" is no IP address`,
		`left out subsets[0].ports[0].port: "0": must be between 1 and 65535`,
		`warned subsets[0].ports[0].name: Kubernetes refuses this: it is missing; each of several ports has a name`,
	}},
	{"what is left of templates", `{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: "${APP}-web", annotations: {alb.ingress.kubernetes.io/group.name: "{{ .Values.group }}", a.example.com/b: "<no value>"}}, spec: {rules: [{host: "${HOST}.example.com"}]}}`, []string{
		"refused metadata.name: it holds ${APP}, which is still to be filled in; do that first, for example by envsubst < FILE",
		"warned spec.rules[0].host: it holds ${HOST}, which is still",
		"warned metadata.annotations[a.example.com/b]: it holds <no value>, which is what Helm writes for a value that is not there; give it one",
		"warned metadata.annotations[alb.ingress.kubernetes.io/group.name]: it holds {{ .Values.group }}, which is still to be filled in; render the files first",
	}},
	{"the template of a Secret's own", `{apiVersion: v1, kind: Secret, metadata: {name: x}, stringData: {config: "${HOME}/x"}}`, nil},
}

// TestValidate: what the API server would refuse, all of an object at once, and what becomes of the object.
func TestValidate(t *testing.T) {
	for _, c := range validCases {
		objects, problems := Parse("f", []byte(c.object))
		if len(problems) > 0 || len(objects) != 1 {
			t.Errorf("%s: %v", c.name, problems)
			continue
		}
		o := objects[0]
		var got []string
		for _, p := range o.Faults {
			word := "left out "
			for _, field := range o.Broken {
				if field == p.Field {
					word = "refused "
				}
			}
			got = append(got, word+p.Field+": "+p.Text)
		}
		for _, p := range o.Warnings {
			got = append(got, "warned "+p.Field+": "+p.Text)
		}
		for i, want := range c.want {
			if i >= len(got) || !strings.HasPrefix(got[i], want) {
				t.Errorf("%s: want %s in\n%s", c.name, want, strings.Join(got, "\n"))
				break
			}
		}
		if len(got) > len(c.want) {
			t.Errorf("%s: more than expected is said:\n%s", c.name, strings.Join(got, "\n"))
		}
	}
}

// TestValidateMany: what is said of one object has an end, and says so.
func TestValidateMany(t *testing.T) {
	object := "{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {name: x}, addressType: IPv4, endpoints: [" + strings.Repeat("{addresses: [x]}, ", 250) + "]}"
	objects, _ := Parse("f", []byte(object))
	faults := objects[0].Faults
	if len(faults) != mostVerdicts+1 || !strings.HasPrefix(faults[mostVerdicts].Text, "150 more parts of it") {
		t.Errorf("%d faults, the last is %v", len(faults), faults[len(faults)-1])
	}
}
