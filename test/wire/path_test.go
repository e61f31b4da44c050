package wire

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/albatross-lb/albatross/test/ports"
)

// A rule denies /admin.html. Each form is a request target by which the file might be had from a target all the same.
// What must be refused is refused whoever the target is.
var refusedForms = []string{
	"/admin.html#x", "/admin.html#", "/admin.html#.png", "/x#/../admin.html", "/admin.html?a#b", "/#/admin.html",
	"http://shop.example.com/admin.html#x", "http://shop.example.com#/admin.html", "*#x",
	"/admin.html\x00", "/admin.html\x00.png", "/adm\rin.html",
	"http://user@shop.example.com/admin.html", "http:/admin.html", "http:admin.html", "ftp://shop.example.com/admin.html",
	"admin.html", "//#/admin.html", "\\admin.html", "",
}

// remainingForms pass by the rule, as they do on an application load balancer, which compares paths as they were sent;
// docs/security.md says which targets take them for the file.
var remainingForms = map[string]bool{
	"//admin.html": true, "/./admin.html": true, "/x/../admin.html": true, "/%61dmin.html": true, "/admin%2ehtml": true,
	"/%2e/admin.html": true, "/x/%2e%2e/admin.html": true, "/.//admin.html": true, "///admin.html": true, "/admin.html/": true,
	"/x/..%2fadmin.html": true, "/%2fadmin.html": true, "/admin.html;a=b": true, "/;a/admin.html": true, "/admin.html/.": true,
	"/admin.html%23x": true, "/admin.html%3fx": true, "/admin.html%00": true, "/admin.html%20": true, "/ADMIN.HTML": true,
	"/x/..;/admin.html": true, "/x\\..\\admin.html": true, "/\\admin.html": true, "/%5cadmin.html": true, "/x/..\\admin.html": true,
	"/admin.html\t": true, "/admin.html\x01": true, "/\tadmin.html": true, "/ admin.html": true, "/admin.html\x7f": true,
	"/\xc0\xaeadmin.html": true, "/%c0%ae%c0%ae/admin.html": true, "/admin.html\xc2\xa0": true, "/admin%25%32%65html": true,
	"http://shop.example.com//admin.html": true, "HTTP://shop.example.com/./admin.html": true, "//shop.example.com/admin.html": true,
	"/admin.html%0a": true, "/admin.html%0d%0ax": true, "/a/b/../../admin.html": true, "/..//admin.html": true, "/../admin.html": true,
}

// deniedForms mean the file to whoever reads them, so the rule holds.
var deniedForms = []string{
	"/admin.html", "/admin.html?x", "/admin.html?", "http://shop.example.com/admin.html", "HTTP://shop.example.com/admin.html?x",
	"http://shop.example.com:80/admin.html",
}

const secret = "SECRET"

// TestPathsPastARule asks real servers for what a rule denies, in forms that they may read in another way than the rule.
func TestPathsPastARule(t *testing.T) {
	t.Parallel()
	root, err := os.MkdirTemp("", "albatross-paths") // which Apache's own user may read, unlike t.TempDir
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(root) })
	if err := os.WriteFile(filepath.Join(root, "admin.html"), []byte(secret+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(root, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, start := range pathServers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			target := start(t, root)
			if _, body := askFor(t, target.String(), "/admin.html"); !strings.Contains(body, secret) {
				t.Fatalf("the server itself does not give the file: %q", body)
			}
			address := startFaultOf(t, denyManifest, target).http
			for _, form := range refusedForms {
				if status, body := askFor(t, address, form); status != 400 && status != 505 || strings.Contains(body, secret) {
					t.Errorf("%q: %d, want 400; %.80q", form, status, body)
				}
			}
			for _, form := range deniedForms {
				if status, body := askFor(t, address, form); status != 403 || strings.Contains(body, secret) {
					t.Errorf("%q: %d, want 403; %.80q", form, status, body)
				}
			}
			for form := range remainingForms {
				if _, body := askFor(t, address, form); strings.Contains(body, secret) {
					t.Logf("%q is had", form)
				}
			}
			narrow := startFaultOf(t, narrowManifest, target).http
			if status, body := askFor(t, narrow, "/x.html"); status != 404 {
				t.Errorf("an ordinary path: %d; %.80q", status, body)
			}
			for form := range remainingForms {
				if _, body := askFor(t, narrow, form); strings.Contains(body, secret) {
					t.Errorf("%q is had where odd paths are refused", form)
				}
			}
		})
	}
}

// askFor sends a request line with this target, and gives the status and all that comes.
func askFor(t *testing.T, address, target string) (status int, answer string) {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(patience))
	fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: shop.example.com\r\nConnection: close\r\n\r\n", target)
	all, _ := io.ReadAll(c) // a reset behind a refusal is no matter
	fmt.Sscanf(string(all), "HTTP/1.1 %d", &status)
	return status, string(all)
}

// pathServers start a server of files; each skips its test where it is not installed.
var pathServers = map[string]func(t *testing.T, root string) net.Addr{
	"Go": func(t *testing.T, root string) net.Addr {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		server := &http.Server{Handler: http.FileServer(http.Dir(root))}
		go server.Serve(l) //nolint:errcheck // ends with the test
		t.Cleanup(func() { server.Close() })
		return l.Addr()
	},
	"nginx": func(t *testing.T, root string) net.Addr {
		dir, port := t.TempDir(), freePort(t)
		config := filepath.Join(dir, "nginx.conf")
		write(t, config, fmt.Sprintf(`daemon off; master_process off; error_log stderr crit; pid %[1]s/pid; events {}
http { access_log off; client_body_temp_path %[1]s/1; proxy_temp_path %[1]s/2; fastcgi_temp_path %[1]s/3; uwsgi_temp_path %[1]s/4; scgi_temp_path %[1]s/5;
server { listen 127.0.0.1:%[2]d; root %[3]s; } }`, dir, port, root))
		return startServer(t, port, "nginx", "-c", config, "-p", dir, "-e", "stderr")
	},
	"Apache": func(t *testing.T, root string) net.Addr {
		dir, port := t.TempDir(), freePort(t)
		config := filepath.Join(dir, "apache.conf")
		write(t, config, fmt.Sprintf(`ServerRoot "%[1]s"
ServerName localhost
PidFile "%[1]s/pid"
ErrorLog "%[1]s/error.log"
Listen 127.0.0.1:%[2]d
LoadModule mpm_event_module /usr/lib/apache2/modules/mod_mpm_event.so
LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so
User nobody
Group nogroup
DocumentRoot "%[3]s"
<Directory "%[3]s">
  Require all granted
</Directory>
`, dir, port, root))
		return startServer(t, port, "apache2", "-f", config, "-X")
	},
	"Node": func(t *testing.T, root string) net.Addr {
		port := freePort(t)
		script := filepath.Join(t.TempDir(), "server.js")
		write(t, script, fmt.Sprintf(`const http = require('http'), fs = require('fs'), path = require('path');
http.createServer((q, r) => {
  try {
    const file = path.join(%q, path.normalize(decodeURIComponent(new URL(q.url, 'http://x').pathname)));
    fs.readFile(file, (e, d) => { r.writeHead(e ? 404 : 200); r.end(e ? '' : d); });
  } catch (e) { r.writeHead(400); r.end(); }
}).listen(%d, '127.0.0.1');`, root, port))
		return startServer(t, port, "node", script)
	},
	"Python": func(t *testing.T, root string) net.Addr {
		port := freePort(t)
		return startServer(t, port, "python3", "-m", "http.server", "--bind", "127.0.0.1", "--directory", root, fmt.Sprint(port))
	},
}

func freePort(t *testing.T) int {
	t.Helper()
	port, err := ports.Free()
	if err != nil {
		t.Fatal(err)
	}
	return port
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// startServer runs a program until the test ends, and waits until it listens.
func startServer(t *testing.T, port int, program string, args ...string) net.Addr {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		if path, err = exec.LookPath("/usr/sbin/" + program); err != nil {
			t.Skipf("%s is not installed", program)
		}
	}
	command := exec.Command(path, args...)
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- command.Wait() }()
	t.Cleanup(func() {
		command.Process.Signal(syscall.SIGKILL)
		<-ended
	})
	address := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port}
	for deadline := time.Now().Add(patience); ; time.Sleep(beat) {
		c, err := net.Dial("tcp", address.String())
		if err == nil {
			c.Close()
			return address
		}
		select {
		case err := <-ended:
			ended <- err
			t.Fatalf("%s ended: %v", program, err)
		default:
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}

// narrowManifest refuses odd paths before it looks at others, as docs/security.md advises.
var narrowManifest = strings.NewReplacer("metadata:\n  name: web\n  annotations:\n", `metadata:
  name: web
  annotations:
    alb.ingress.kubernetes.io/use-regex-path-match: 'true'
    alb.ingress.kubernetes.io/actions.odd: '{"type":"fixed-response","fixedResponseConfig":{"contentType":"text/plain","statusCode":"400","messageBody":"odd path"}}'
`, "spec:\n  rules:\n", `spec:
  rules:
  - http:
      paths:
      - {path: '/^.*(%|//|/\.|\\).*$', pathType: ImplementationSpecific, backend: {service: {name: odd, port: {name: use-annotation}}}}
`).Replace(denyManifest)

const denyManifest = `
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: web
  annotations:
    kubernetes.io/ingress.class: alb
    alb.ingress.kubernetes.io/target-type: ip
    alb.ingress.kubernetes.io/actions.deny: '{"type":"fixed-response","fixedResponseConfig":{"contentType":"text/plain","statusCode":"403","messageBody":"denied by rule"}}'
spec:
  rules:
  - host: shop.example.com
    http:
      paths:
      - {path: /admin.html, pathType: Exact, backend: {service: {name: deny, port: {name: use-annotation}}}}
      - {path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {ports: [{name: http, port: 80, targetPort: http}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: web-1, labels: {kubernetes.io/service-name: web}}
addressType: IPv4
ports: [{name: http, port: 22530}]
endpoints:
- {addresses: [127.0.0.1]}
`
