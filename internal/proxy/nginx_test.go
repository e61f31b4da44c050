package proxy

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/albatross-lb/albatross/lb"
	"github.com/albatross-lb/albatross/test/ports"
)

const nginxConfig = `
daemon off;
master_process off;
error_log stderr crit;
pid %[1]s/nginx.pid;
events { worker_connections 512; }
http {
  access_log off;
  client_body_temp_path %[1]s/body;
  proxy_temp_path %[1]s/proxy;
  fastcgi_temp_path %[1]s/fastcgi;
  uwsgi_temp_path %[1]s/uwsgi;
  scgi_temp_path %[1]s/scgi;
  %[3]s
  server {
    listen 127.0.0.1:%[2]d http2;
    location / { return 200 "ok"; }
  }
}
`

// nginx2 starts an nginx that speaks HTTP/2 in plaintext, as it does by default but for the settings given.
func nginx2(t *testing.T, settings string) string {
	program, err := exec.LookPath("nginx")
	if err != nil {
		t.Skip("nginx is not installed")
	}
	port, err := ports.Free()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	config := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(config, fmt.Appendf(nil, nginxConfig, dir, port, settings), 0o644); err != nil {
		t.Fatal(err)
	}
	command := exec.Command(program, "-c", config, "-p", dir, "-e", "stderr")
	command.Stderr = os.Stderr
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		command.Process.Signal(syscall.SIGTERM)
		command.Wait()
	})
	addr := fmt.Sprintf("127.0.0.1:%d", port)
	await(t, "nginx", func() bool {
		c, err := net.Dial("tcp", addr)
		if err == nil {
			c.Close()
		}
		return err == nil
	})
	return addr
}

// TestNginxEndsConnections: nginx ends each connection after keepalive_requests, with GOAWAY. No request is lost by that,
// be there another target or not, a body or none.
func TestNginxEndsConnections(t *testing.T) {
	for _, c := range []struct {
		settings string
		targets  int
		requests int // for each kind of body
	}{
		{"", 1, 4000}, {"", 2, 4000}, {"keepalive_requests 10;", 1, 2000}, {"keepalive_requests 1;", 1, 200},
	} {
		t.Run(fmt.Sprintf("%s%d targets", c.settings, c.targets), func(t *testing.T) {
			var targets []string
			for range c.targets {
				targets = append(targets, nginx2(t, c.settings))
			}
			b := newBalancer(t, config2(lb.HTTP2, targets...), secured)
			client := client2(b)
			for _, size := range []int{0, 100, 40_000} {
				requests := c.requests
				if size > 100 {
					requests /= 10
				}
				for _, announced := range []bool{true, false} {
					if failed := flood(client, requests, size, announced); failed != "" {
						t.Errorf("%d bytes, announced %v: %s", size, announced, failed)
					}
				}
			}
			if t.Failed() {
				t.Log(reasons(b.log()))
			}
		})
	}
}

// flood sends requests, thirty at a time, and tells how they failed.
func flood(client *http.Client, requests, size int, announced bool) string {
	var next, failed atomic.Int32
	var mu sync.Mutex
	first := ""
	var wg sync.WaitGroup
	body := strings.Repeat("x", size)
	for range 30 {
		wg.Go(func() {
			for next.Add(1) <= int32(requests) {
				r, _ := http.NewRequest("POST", "https://shop.example/", strings.NewReader(body))
				if !announced {
					r.Body, r.ContentLength = io.NopCloser(r.Body), -1
				}
				response, err := client.Do(r)
				problem := fmt.Sprint(err)
				if err == nil {
					_, err = io.Copy(io.Discard, response.Body)
					response.Body.Close()
					problem = fmt.Sprint(response.Status, err)
				}
				if err == nil && response.StatusCode == 200 {
					continue
				}
				failed.Add(1)
				mu.Lock()
				if first == "" {
					first = problem
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if failed.Load() == 0 {
		return ""
	}
	return fmt.Sprintf("%d of %d failed, the first with %s", failed.Load(), requests, first)
}

// reasons counts the error reasons of an access log.
func reasons(log string) map[string]int {
	n := map[string]int{}
	for line := range strings.Lines(log) {
		if fields := strings.Split(line, `" "`); len(fields) > 6 {
			n[fields[len(fields)-7]]++
		}
	}
	return n
}
