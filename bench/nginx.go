package main

import (
	"cmp"
	"context"
	"fmt"
	"os/exec"
)

const nginxConfig = `
daemon off;
worker_processes 2;
pid %[1]s/nginx.pid;
error_log %[1]s/nginx-error.log warn;
worker_rlimit_nofile %[7]d;
events { worker_connections %[8]d; }
http {
  # What an ALB logs, through a buffer that is written at least every second.
  log_format alb '$scheme $time_iso8601 bench $remote_addr:$remote_port $upstream_addr $request_time $upstream_header_time $upstream_response_time '
                 '$status $upstream_status $request_length $bytes_sent "$request_method $scheme://$http_host$request_uri $server_protocol" "$http_user_agent" '
                 '$ssl_cipher $ssl_protocol "$host" "$upstream_addr" "$upstream_status"';
  access_log %[1]s/nginx-access.log alb buffer=64k flush=1s;
  client_body_temp_path %[1]s/nginx-body; proxy_temp_path %[1]s/nginx-proxy; fastcgi_temp_path %[1]s/nginx-fastcgi;
  uwsgi_temp_path %[1]s/nginx-uwsgi; scgi_temp_path %[1]s/nginx-scgi;
  keepalive_requests 100000000;
  keepalive_timeout 3600s;
  client_max_body_size 0;
  proxy_http_version 1.1;
  proxy_set_header Connection "";
  proxy_set_header Host $http_host;
  proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
  proxy_set_header X-Forwarded-Proto $scheme;
  proxy_set_header X-Forwarded-Port $server_port;
  upstream targets {
%[4]s    keepalive 1024;
    keepalive_requests 100000000;
  }
  server {
    listen %[2]s;
    listen %[3]s ssl http2;
    ssl_certificate %[5]s;
    ssl_certificate_key %[6]s;
    ssl_protocols TLSv1.2 TLSv1.3;
    ssl_conf_command Ciphersuites TLS_AES_128_GCM_SHA256;
    location / { proxy_pass http://targets; }
    # The access log in gzip, as albatross has it.
    location /packed/ { proxy_pass http://targets; access_log %[1]s/nginx-access.log.gz alb gzip=1 buffer=64k flush=1s; }
    # Bodies as they come, instead of whole through memory and files.
    location /stream/ { proxy_pass http://targets; proxy_buffering off; proxy_request_buffering off; }
  }
}
`

// nginx needs room for its connections to the targets, too.
func nginx(program string) *proxy {
	return &proxy{name: "nginx", begin: func(_ context.Context, s *site, p *proxy) (*child, error) {
		binary, err := lookUp(cmp.Or(program, "nginx"))
		if err != nil {
			return nil, err
		}
		p.version = versionOf(binary, "-v")
		folder, err := s.folderFor(p)
		if err != nil {
			return nil, err
		}
		servers := serverLines(s.targets, func(_ int, address string) string { return "    server " + address + ";" })
		config := folder + "/nginx.conf"
		text := fmt.Sprintf(nginxConfig, folder, p.plain, p.secure, servers, s.cert, s.key, s.files, p.connections+1024)
		if err := writeFile(config, text); err != nil {
			return nil, err
		}
		return s.start(binary, "-p", folder, "-e", folder+"/nginx-error.log", "-c", config)
	}}
}

// lookUp finds a program on the path or where Debian puts those of the administrator.
func lookUp(name string) (string, error) {
	path, err := exec.LookPath(name)
	if err == nil {
		return path, nil
	}
	if path, sbin := exec.LookPath("/usr/sbin/" + name); sbin == nil {
		return path, nil
	}
	return "", err
}
