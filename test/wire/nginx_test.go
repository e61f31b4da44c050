package wire

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"sync"
	"syscall"
	"time"

	"github.com/albatross-lb/albatross/test/ports"
)

// nginx is the second parser that what is forwarded is held against, where it is installed.
type nginx struct {
	addr    string
	command *exec.Cmd
}

const nginxConfig = `
daemon off;
master_process off;
error_log stderr crit;
pid %[1]s/nginx.pid;
events { worker_connections 256; }
http {
  access_log off;
  client_body_temp_path %[1]s/body;
  proxy_temp_path %[1]s/proxy;
  fastcgi_temp_path %[1]s/fastcgi;
  uwsgi_temp_path %[1]s/uwsgi;
  scgi_temp_path %[1]s/scgi;
  large_client_header_buffers 8 64k;
  %[3]s
  server {
    listen 127.0.0.1:%[2]d%[4]s;
    location / { return 200 "$request_method $request_uri\n"; }
  }
}
`

// secondParser starts nginx once; nil where there is none.
var secondParser = sync.OnceValues(func() (*nginx, error) {
	n, err := startNginx("keepalive_requests 1000000;", "")
	if n != nil {
		atEnd = append(atEnd, n.stop)
	}
	return n, err
})

// startNginx starts one with these settings, and options of its port; nil where there is none.
func startNginx(settings, listen string) (*nginx, error) {
	program, err := exec.LookPath("nginx")
	if err != nil {
		return nil, nil
	}
	port, err := ports.Free()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(world.dir, "nginx")
	if err != nil {
		return nil, err
	}
	config := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(config, fmt.Appendf(nil, nginxConfig, dir, port, settings, listen), 0o644); err != nil {
		return nil, err
	}
	n := &nginx{addr: fmt.Sprintf("127.0.0.1:%d", port), command: exec.Command(program, "-c", config, "-p", dir, "-e", "stderr")}
	n.command.Stderr = os.Stderr
	if err := n.command.Start(); err != nil {
		return nil, err
	}
	for deadline := time.Now().Add(patience); ; time.Sleep(beat) {
		c, err := net.Dial("tcp", n.addr)
		if err == nil {
			return n, c.Close()
		}
		if time.Now().After(deadline) {
			n.stop()
			return nil, err
		}
	}
}

func (n *nginx) stop() {
	n.command.Process.Signal(syscall.SIGTERM)
	n.command.Wait()
}

var answersOfNginx = regexp.MustCompile(`HTTP/1\.1 (\d+) `)

// agrees sends one request as it reached the target, and another one behind it. nginx
// must find the second where the first ends, or refuse the first.
func (n *nginx) agrees(s seen) error {
	c, err := dialFromAnywhere(n.addr)
	if err != nil {
		return err
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(patience))
	go c.Write(append(bytes.Clone(s.raw), "GET /sentinel HTTP/1.1\r\nHost: s\r\nConnection: close\r\n\r\n"...))
	answer, err := io.ReadAll(c)
	if err != nil && !errors.Is(err, syscall.ECONNRESET) {
		return fmt.Errorf("%q: nginx says %q, %w", s.raw, answer, err)
	}
	answer = bytes.ReplaceAll(answer, []byte("HTTP/1.1 100 Continue\r\n\r\n"), nil)
	codes := answersOfNginx.FindAllSubmatch(answer, -1)
	switch {
	case len(codes) == 1 && codes[0][1][0] >= '4' && !bytes.Contains(answer, []byte("GET /sentinel\n")):
		return nil // refused: not framed in another way
	case len(codes) == 2 && bytes.HasSuffix(answer, []byte("GET /sentinel\n")):
		return nil
	}
	return fmt.Errorf("%q: net/http reads one request; nginx does not find the end there: %q", s.raw, answer)
}
