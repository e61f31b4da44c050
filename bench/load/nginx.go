package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/albatross-lb/albatross/bench/certificate"
)

// nginxConfig does what the manifests ask of albatross: HTTP and HTTPS, round robin over the replicas, the usual forwarding
// headers, an access log.
const nginxConfig = `
daemon off;
worker_processes 2;
pid %[1]s/nginx.pid;
error_log %[1]s/error.log warn;
events { worker_connections 4096; }
http {
  log_format alb '$scheme $time_iso8601 $remote_addr:$remote_port $upstream_addr $request_time $upstream_response_time $status $upstream_status '
                 '$request_length $bytes_sent "$request_method $scheme://$http_host$request_uri $server_protocol" "$http_user_agent" $ssl_cipher $ssl_protocol';
  access_log %[1]s/access.log alb buffer=64k flush=1s;
  client_body_temp_path %[1]s/body; proxy_temp_path %[1]s/proxy; fastcgi_temp_path %[1]s/fastcgi; uwsgi_temp_path %[1]s/uwsgi; scgi_temp_path %[1]s/scgi;
  keepalive_requests 100000000;
  proxy_http_version 1.1;
  proxy_set_header Connection "";
  proxy_set_header Host $http_host;
  proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
  proxy_set_header X-Forwarded-Proto $scheme;
  proxy_set_header X-Forwarded-Port $server_port;
  upstream replicas {
%[2]s    keepalive 256;
    keepalive_requests 100000000;
  }
  server {
    listen 127.0.0.1:%[3]d;
    listen 127.0.0.1:%[4]d ssl http2;
    ssl_certificate %[5]s;
    ssl_certificate_key %[6]s;
    location / { proxy_pass http://replicas; }
  }
}
`

// startNginx puts nginx in front of the replicas, on ports of its own.
func (s *scene) startNginx(ctx context.Context, ports ports) (f front, stop func(), err error) {
	folder := filepath.Join(s.folder, "nginx")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return f, nil, err
	}
	cert, key, err := certificate.Make(folder)
	if err != nil {
		return f, nil, err
	}
	var servers strings.Builder
	for i := range replicas {
		fmt.Fprintf(&servers, "    server 127.0.0.1:%d;\n", ports.api()+i)
	}
	config := filepath.Join(folder, "nginx.conf")
	text := fmt.Sprintf(nginxConfig, folder, &servers, ports.nginx(), ports.nginx()+1, cert, key)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		return f, nil, err
	}
	binary, err := exec.LookPath("nginx")
	if err != nil {
		binary = "/usr/sbin/nginx" // where Debian puts it, off the path of most users
	}
	command := exec.CommandContext(ctx, binary, "-p", folder, "-e", filepath.Join(folder, "error.log"), "-c", config)
	command.Cancel = func() error { return command.Process.Signal(syscall.SIGTERM) }
	command.Stderr = os.Stderr
	if err := command.Start(); err != nil {
		return f, nil, fmt.Errorf("starting nginx: %w", err)
	}
	stop = func() {
		command.Process.Signal(syscall.SIGTERM)
		command.Wait()
	}
	f = front{name: "nginx", url: fmt.Sprintf("http://localhost:%d", ports.nginx())}
	port := ports.nginx()
	if s.auth == "on" {
		port++
		f.url, f.ca = fmt.Sprintf("https://localhost:%d", port), cert
	}
	if err := listening(ctx, port); err != nil {
		stop()
		return f, nil, fmt.Errorf("starting nginx: %w", err)
	}
	return f, stop, nil
}

// listening waits until somebody listens on a port of loopback, ten seconds at most.
func listening(ctx context.Context, port int) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	for {
		c, err := (&net.Dialer{}).DialContext(ctx, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err == nil {
			return c.Close()
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(10 * time.Millisecond):
		}
	}
}
