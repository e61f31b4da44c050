package main

import (
	"cmp"
	"context"
	"fmt"
)

// HAProxy writes no log file by itself. Its documents recommend standard output or a socket
// of syslog; standard output it is, a pipe here: one write a request.
const haproxyConfig = `
global
  nbthread 2
  no strict-limits
  maxconn %[5]d
  log stdout format raw local0
  ssl-default-bind-options ssl-min-ver TLSv1.2
  ssl-default-bind-ciphersuites TLS_AES_128_GCM_SHA256
defaults
  mode http
  log global
  option dontlognull
  option forwardfor
  option http-keep-alive
  http-reuse always
  timeout connect 5s
  timeout client 3600s
  timeout server 60s
  timeout http-keep-alive 3600s
  log-format '%%[ssl_fc,iif(https,http)] %%trl bench %%ci:%%cp %%si:%%sp %%TR %%Tw %%Tc %%Tr %%Ta %%ST %%U %%B "%%r" "%%[capture.req.hdr(0)]" %%sslc %%sslv "%%[capture.req.hdr(1)]"'
frontend in
  bind %[1]s
  bind %[2]s ssl crt %[3]s alpn h2,http/1.1
  capture request header User-Agent len 128
  capture request header Host len 64
  http-request set-header X-Forwarded-Proto https if { ssl_fc }
  http-request set-header X-Forwarded-Proto http unless { ssl_fc }
  http-request set-header X-Forwarded-Port %%[dst_port]
  default_backend targets
backend targets
  balance roundrobin
%[4]s`

func haproxy(program string) *proxy {
	return &proxy{name: "haproxy", begin: func(_ context.Context, s *site, p *proxy) (*child, error) {
		binary, err := lookUp(cmp.Or(program, "haproxy"))
		if err != nil {
			return nil, err
		}
		p.version = versionOf(binary, "-v")
		folder, err := s.folderFor(p)
		if err != nil {
			return nil, err
		}
		servers := serverLines(s.targets, func(i int, address string) string { return fmt.Sprintf("  server t%d %s", i, address) })
		config := folder + "/haproxy.cfg"
		if err := writeFile(config, fmt.Sprintf(haproxyConfig, p.plain, p.secure, s.key+".pem", servers, p.connections+1024)); err != nil {
			return nil, err
		}
		return s.start(binary, "-db", "-f", config)
	}}
}
