package rollout

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
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

// binaries is the folder of what TestMain has built.
var binaries string

func TestMain(m *testing.M) { os.Exit(build(m)) }

func build(m *testing.M) int {
	var err error
	if binaries, err = os.MkdirTemp("", "albatross-rollout"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(binaries)
	out, err := exec.Command("go", "build", "-o", binaries, "../../cmd/albatross", "../../cmd/retail-api").CombinedOutput()
	if err != nil {
		fmt.Fprintf(os.Stderr, "building: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// patience bounds every wait.
const patience = 2 * time.Minute

// world is one albatross and its replicas.
type world struct {
	t         *testing.T
	manifests string
	http      string // base URL of port 80
	admin     string
	ports     []int // of the replicas
	replicas  []*exec.Cmd
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, manifests: t.TempDir()}
	for i := range 3 {
		w.ports = append(w.ports, freePort(t))
		w.replicas = append(w.replicas, nil)
		w.startReplica(i)
		w.slice(i, true)
	}
	w.put("ingress.yaml", ingress)
	port, admin := freePort(t), freePort(t)
	w.http, w.admin = fmt.Sprintf("http://127.0.0.1:%d", port), fmt.Sprintf("http://127.0.0.1:%d", admin)
	command := start(t, "albatross", "run", "--bind", "127.0.0.1", "--port-map", fmt.Sprintf("80=%d", port),
		"--admin", fmt.Sprintf("127.0.0.1:%d", admin), "--state", t.TempDir(), "--log-level", "error", w.manifests)
	t.Cleanup(func() { end(t, command) })
	w.await("three healthy targets", func() bool { return w.states()["healthy"] == 3 })
	return w
}

func freePort(t *testing.T) int {
	port, err := ports.Free()
	if err != nil {
		t.Fatal(err)
	}
	return port
}

func start(t *testing.T, binary string, args ...string) *exec.Cmd {
	command := exec.Command(filepath.Join(binaries, binary), args...)
	command.Stderr = os.Stderr
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	return command
}

func end(t *testing.T, command *exec.Cmd) {
	command.Process.Signal(syscall.SIGTERM)
	if err := command.Wait(); err != nil {
		t.Errorf("%s ended with %v", command.Path, err)
	}
}

func (w *world) startReplica(i int) {
	address := fmt.Sprintf("127.0.0.1:%d", w.ports[i])
	w.replicas[i] = start(w.t, "retail-api", "--listen", address, "--name", fmt.Sprintf("replica-%d", i), "--auth=off", "--quiet", "--drain", "500ms")
	command := w.replicas[i]
	w.t.Cleanup(func() {
		command.Process.Kill()
		command.Wait()
	})
	w.await("replica "+address, func() bool {
		r, err := http.Get("http://" + address + "/readyz")
		if err != nil {
			return false
		}
		r.Body.Close()
		return r.StatusCode == 200
	})
}

// put replaces a manifest in one step, as kubectl or an editor does.
func (w *world) put(name, text string) {
	w.t.Helper()
	part := filepath.Join(w.manifests, "."+name+".part")
	if err := os.WriteFile(part, []byte(text), 0o644); err != nil {
		w.t.Fatal(err)
	}
	if err := os.Rename(part, filepath.Join(w.manifests, name)); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) remove(name string) {
	w.t.Helper()
	if err := os.Remove(filepath.Join(w.manifests, name)); err != nil {
		w.t.Fatal(err)
	}
}

// slice writes the EndpointSlice of a replica; one that is not ready is terminating.
func (w *world) slice(i int, ready bool) {
	w.put(fmt.Sprintf("slice-%d.yaml", i), fmt.Sprintf(endpointSlice, i, w.ports[i], ready, !ready))
}

func (w *world) await(what string, ok func() bool) time.Duration {
	w.t.Helper()
	begin := time.Now()
	for !ok() {
		if time.Since(begin) > patience {
			w.t.Fatalf("waited %v in vain for %s", patience, what)
		}
		time.Sleep(5 * time.Millisecond)
	}
	return time.Since(begin)
}

// states counts the targets by state.
func (w *world) states() map[string]int {
	counts := map[string]int{}
	for _, state := range w.targets() {
		counts[state]++
	}
	return counts
}

// targets gives the state of each target by its port.
func (w *world) targets() map[int]string {
	r, err := http.Get(w.admin + "/target-health")
	if err != nil {
		return nil
	}
	defer r.Body.Close()
	var answer struct {
		TargetHealthDescriptions []struct {
			Target       struct{ Port int }
			TargetHealth struct{ State string }
		}
	}
	if err := json.NewDecoder(r.Body).Decode(&answer); err != nil {
		return nil
	}
	states := map[int]string{}
	for _, d := range answer.TargetHealthDescriptions {
		states[d.Target.Port] = d.TargetHealth.State
	}
	return states
}

// request sends one request on a client of its own connections.
func request(c *http.Client, method, url, host, body string) (status int, replica, answer string, err error) {
	r, err := http.NewRequest(method, url, bytes.NewReader([]byte(body)))
	if err != nil {
		return 0, "", "", err
	}
	r.Host = host
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	response, err := c.Do(r)
	if err != nil {
		return 0, "", "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return response.StatusCode, response.Header.Get("X-Retail-Replica"), strings.TrimSpace(string(text)), err
}

const prediction = `{"features":{"store_id":1,"product_id":123,"date":"2024-01-01","price":29.99,"promotion":0}}`

const ingress = `
apiVersion: networking.k8s.io/v1
kind: IngressClass
metadata: {name: alb}
spec: {controller: ingress.k8s.aws/alb}
---
apiVersion: v1
kind: Service
metadata: {name: api, namespace: retail}
spec: {ports: [{name: http, port: 80, targetPort: http}]}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: api
  namespace: retail
  annotations:
    alb.ingress.kubernetes.io/group.name: shop
    alb.ingress.kubernetes.io/target-type: ip
    alb.ingress.kubernetes.io/healthcheck-path: /health
    alb.ingress.kubernetes.io/healthcheck-interval-seconds: '5'
    alb.ingress.kubernetes.io/healthcheck-timeout-seconds: '4'
    alb.ingress.kubernetes.io/target-group-attributes: deregistration_delay.timeout_seconds=5
spec:
  ingressClassName: alb
  rules:
  - http:
      paths:
      - path: /
        pathType: Prefix
        backend: {service: {name: api, port: {number: 80}}}
`

const endpointSlice = `
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata:
  name: api-%d
  namespace: retail
  labels: {kubernetes.io/service-name: api}
addressType: IPv4
ports: [{name: http, port: %d}]
endpoints:
- addresses: [127.0.0.1]
  conditions: {ready: %t, serving: true, terminating: %t}
`

// marker is an Ingress of the same group whose one rule shows that it is in force.
const marker = `
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: marker
  namespace: retail
  annotations:
    alb.ingress.kubernetes.io/group.name: shop
    alb.ingress.kubernetes.io/group.order: '-1'
    alb.ingress.kubernetes.io/actions.mark: '{"type":"fixed-response","fixedResponseConfig":{"contentType":"text/plain","statusCode":"200","messageBody":"%d"}}'
spec:
  ingressClassName: alb
  rules:
  - host: marker.example
    http:
      paths:
      - path: /
        pathType: Prefix
        backend: {service: {name: mark, port: {name: use-annotation}}}
`
