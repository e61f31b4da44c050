package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

const l4HAProxyConfig = `
global
  nbthread 2
  maxconn 4096
defaults
  mode tcp
  timeout connect 5s
  timeout client 350s
  timeout server 350s
  %[1]s
frontend in
  bind %[2]s
  default_backend targets
backend targets
  server t1 %[3]s
`

func l4HAProxy(name, option string) *l4Proxy {
	return &l4Proxy{name: name, begin: func(_ context.Context, s *site, p *l4Proxy, target string) (*child, error) {
		binary, err := lookUp("haproxy")
		if err != nil {
			return nil, err
		}
		p.version = versionOf(binary, "-v")
		config := s.path(strings.ReplaceAll(name, ", ", "-") + "-l4.cfg")
		if err := writeFile(config, fmt.Sprintf(l4HAProxyConfig, option, p.address, target)); err != nil {
			return nil, err
		}
		return s.start(binary, "-db", "-f", config)
	}}
}

// A health check of 300 seconds, the most there is: HAProxy here has none.
const l4AlbatrossManifests = `
apiVersion: v1
kind: Service
metadata:
  namespace: bench
  name: flows
  annotations:
    service.beta.kubernetes.io/aws-load-balancer-type: nlb-ip
    service.beta.kubernetes.io/aws-load-balancer-healthcheck-interval: '300'
spec:
  type: LoadBalancer
  ports:
  - {name: l4, port: 80, targetPort: l4}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata:
  namespace: bench
  name: flows-1
  labels: {kubernetes.io/service-name: flows}
addressType: IPv4
ports:
- {name: l4, port: %s}
endpoints:
- {addresses: [127.0.0.1], conditions: {ready: true}}`

func l4Albatross(name, program string) *l4Proxy {
	return &l4Proxy{name: name, begin: func(ctx context.Context, s *site, p *l4Proxy, target string) (*child, error) {
		binary := cmp.Or(program, s.albatross)
		if binary == "" {
			var err error
			if binary, err = s.build(ctx, "./cmd/albatross"); err != nil {
				return nil, err
			}
		}
		if p.version = filepath.Base(program); program == "" {
			p.version = commitOf()
		}
		folder := s.path(name + "-l4-manifests")
		if err := os.Mkdir(folder, 0o700); err != nil {
			return nil, err
		}
		if err := writeFile(folder+"/flows.yaml", fmt.Sprintf(l4AlbatrossManifests, portOf(target))); err != nil {
			return nil, err
		}
		admin, err := freeAddress()
		if err != nil {
			return nil, err
		}
		return s.start(binary, "run", "--bind", "127.0.0.1", "--port-map", "80="+portOf(p.address), "--admin", admin, "--state", s.path(name+"-l4-state"), folder)
	}}
}
