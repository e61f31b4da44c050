package main

import (
	"context"
	"encoding/base64"
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// Health checks every 300 seconds, the most there is: the others have none. The security
// policy is one that has TLS 1.3.
const albatrossManifests = `
apiVersion: networking.k8s.io/v1
kind: IngressClass
metadata: {name: alb}
spec: {controller: ingress.k8s.aws/alb}
---
apiVersion: v1
kind: Secret
metadata: {namespace: bench, name: bench-tls}
type: kubernetes.io/tls
data:
  tls.crt: %[1]s
  tls.key: %[2]s
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  namespace: bench
  name: bench
  annotations:
    alb.ingress.kubernetes.io/target-type: ip
    alb.ingress.kubernetes.io/listen-ports: '[{"HTTP": 80}, {"HTTPS": 443}]'
    alb.ingress.kubernetes.io/ssl-policy: ELBSecurityPolicy-TLS13-1-2-2021-06
    alb.ingress.kubernetes.io/healthcheck-interval-seconds: '300'
    alb.ingress.kubernetes.io/load-balancer-attributes: access_logs.s3.enabled=true,access_logs.s3.bucket=bench,idle_timeout.timeout_seconds=3600
spec:
  ingressClassName: alb
  tls:
  - hosts: [localhost]
    secretName: bench-tls
  rules:
  - http:
      paths:
%[4]s      - path: /
        pathType: Prefix
        backend: {service: {name: targets, port: {name: http}}}
---
apiVersion: v1
kind: Service
metadata: {namespace: bench, name: targets}
spec:
  ports:
  - {name: http, port: 80, targetPort: http}
%[3]s`

const albatrossSlice = `---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata:
  namespace: bench
  name: targets-%d
  labels: {kubernetes.io/service-name: targets}
addressType: IPv4
ports:
- {name: http, port: %s}
endpoints:
- {addresses: [127.0.0.1], conditions: {ready: true}}`

// A path that no request of the comparison has. Longer ones come first: the rule for / is the last.
const albatrossPath = `      - path: /api/v1/shop-%02d
        pathType: Prefix
        backend: {service: {name: targets, port: {name: http}}}
`

// albatross has so many rules, of which the last holds for the requests of the comparison.
func albatross(rules int) func(program string) *proxy {
	return func(program string) *proxy {
		return &proxy{name: "albatross", begin: func(ctx context.Context, s *site, p *proxy) (_ *child, err error) {
			p.version = program
			if program == "" {
				if program, err = s.ownAlbatross(ctx); err != nil {
					return nil, err
				}
				p.version = commitOf()
			}
			folder, err := s.albatrossFolder(p, rules)
			if err != nil {
				return nil, err
			}
			if p.admin, err = freeAddress(); err != nil {
				return nil, err
			}
			return s.start(program, "run", "--bind", "127.0.0.1", "--port-map", "80="+portOf(p.plain)+",443="+portOf(p.secure),
				"--admin", p.admin, "--profile", "--state", folder+"/state", "--dev", folder+"/manifests")
		}}
	}
}

// ownAlbatross is the binary that is measured, built if there is none.
func (s *site) ownAlbatross(ctx context.Context) (binary string, err error) {
	if s.albatross == "" {
		s.albatross, err = s.build(ctx, "./cmd/albatross")
	}
	return s.albatross, err
}

// commitOf names the commit of the source that is measured.
func commitOf() string {
	out, err := exec.Command("git", "rev-parse", "--short", "HEAD").Output()
	if err != nil {
		return "devel"
	}
	return "commit " + strings.TrimSpace(string(out))
}

// albatrossFolder writes the manifests.
func (s *site) albatrossFolder(p *proxy, rules int) (string, error) {
	folder, err := s.folderFor(p)
	if err != nil {
		return "", err
	}
	if err := os.Mkdir(folder+"/manifests", 0o700); err != nil {
		return "", err
	}
	cert, err := os.ReadFile(s.cert)
	if err != nil {
		return "", err
	}
	key, err := os.ReadFile(s.key)
	if err != nil {
		return "", err
	}
	slices := serverLines(s.targets, func(i int, address string) string { return fmt.Sprintf(albatrossSlice, i, portOf(address)) })
	var paths strings.Builder
	for i := range rules - 1 {
		fmt.Fprintf(&paths, albatrossPath, i)
	}
	encode := base64.StdEncoding.EncodeToString
	text := fmt.Sprintf(albatrossManifests, encode(cert), encode(key), slices, paths.String())
	return folder, writeFile(folder+"/manifests/bench.yaml", text)
}
