package wire

import (
	"fmt"
	"net"
	"net/http"
	"testing"

	"github.com/albatross-lb/albatross/test/ports"
)

// TestClientsLeaveDescriptors: more clients than the process may have files open wait in the kernel's queue. The
// admin API answers, whoever has been accepted is served, and so are the others once there is room.
func TestClientsLeaveDescriptors(t *testing.T) {
	t.Parallel()
	o := startOwn(t, "sh", "-c", `ulimit -n 128 && exec "$0" "$@"`)
	o.answerOK()
	served := o.dial()
	served.asks()
	plain := o.openPlain()
	admin := &http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}
	var crowd []net.Conn
	for range 300 {
		c, err := net.Dial("tcp", plain)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		crowd = append(crowd, c)
	}
	for range 3 {
		served.asks()
		r, err := admin.Get("http://" + o.admin + "/readyz")
		if err != nil {
			t.Fatalf("the admin API: %v", err)
		}
		r.Body.Close()
		if r.StatusCode != http.StatusOK {
			t.Errorf("the admin API answers %s", r.Status)
		}
	}
	for _, c := range crowd {
		c.Close()
	}
	o.dial().asks()
}

// openPlain adds a listener without TLS, on which a connection may be silent for an hour, and gives its address.
func (o *own) openPlain() string {
	o.t.Helper()
	port, err := ports.Free()
	if err != nil {
		o.t.Fatal(err)
	}
	o.write("plain.yaml", fmt.Sprintf(plainManifest, port))
	o.await("the listener", fmt.Sprintf(`"port": %d`, port), "/config")
	return fmt.Sprintf("127.0.0.1:%d", port)
}

const plainManifest = `
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: plain
  annotations:
    kubernetes.io/ingress.class: alb
    alb.ingress.kubernetes.io/target-type: ip
    alb.ingress.kubernetes.io/listen-ports: '[{"HTTP": %d}]'
    alb.ingress.kubernetes.io/load-balancer-attributes: idle_timeout.timeout_seconds=3600
spec:
  defaultBackend: {service: {name: own, port: {number: 80}}}
`
