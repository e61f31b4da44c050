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
    alb.ingress.kubernetes.io/load-balancer-attributes: access_logs.s3.enabled=true,access_logs.s3.bucket=bench
spec:
  ingressClassName: alb
  tls:
  - hosts: [localhost]
    secretName: bench-tls
  rules:
  - http:
      paths:
      - path: /
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

func albatross() *proxy {
	p := &proxy{name: "albatross"}
	p.begin = func(ctx context.Context, s *site, plain, secure string) (*child, error) {
		binary := s.albatross
		if binary == "" {
			var err error
			if binary, err = s.build(ctx, "./cmd/albatross"); err != nil {
				return nil, err
			}
		}
		p.version = commitOf()
		folder, err := s.albatrossFolder()
		if err != nil {
			return nil, err
		}
		admin, err := freeAddress()
		if err != nil {
			return nil, err
		}
		return s.start(binary, "run", "--bind", "127.0.0.1", "--port-map", "80="+portOf(plain)+",443="+portOf(secure),
			"--admin", admin, "--state", s.path("albatross-state"), "--dev", folder)
	}
	return p
}

// commitOf names the commit of the source that is measured.
func commitOf() string {
	out, err := exec.Command("git", "rev-parse", "--short", "HEAD").Output()
	if err != nil {
		return "devel"
	}
	return "commit " + strings.TrimSpace(string(out))
}

// albatrossFolder writes the manifests into a folder of their own.
func (s *site) albatrossFolder() (string, error) {
	folder := s.path("manifests")
	if err := os.Mkdir(folder, 0o700); err != nil {
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
	encode := base64.StdEncoding.EncodeToString
	return folder, writeFile(folder+"/bench.yaml", fmt.Sprintf(albatrossManifests, encode(cert), encode(key), slices))
}
