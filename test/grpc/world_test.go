package grpc

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/interop"
	testpb "google.golang.org/grpc/interop/grpc_testing"

	"github.com/albatross-lb/albatross/test/ports"
)

const patience = 2 * time.Minute

// scratch is a folder that goes when the tests end.
var scratch string

func TestMain(m *testing.M) {
	var err error
	if scratch, err = os.MkdirTemp("", "albatross-grpc"); err != nil {
		fmt.Fprintln(os.Stderr, "grpc:", err)
		os.Exit(1)
	}
	code := m.Run()
	os.RemoveAll(scratch)
	os.Exit(code)
}

// binary is the albatross that is tested, built once in the life of the process.
var binary = sync.OnceValues(func() (string, error) {
	path := filepath.Join(scratch, "albatross")
	build := exec.Command("go", "build", "-o", path, "./cmd/albatross")
	build.Dir = "../.."
	if out, err := build.CombinedOutput(); err != nil {
		return "", errors.New(string(out))
	}
	return path, nil
})

func freePort(t *testing.T) int {
	port, err := ports.Free()
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// startServer starts gRPC's interoperability server, and gives its port.
func startServer(t *testing.T, options ...grpc.ServerOption) int {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := grpc.NewServer(options...)
	testpb.RegisterTestServiceServer(s, interop.NewTestServer())
	healthpb.RegisterHealthServer(s, health.NewServer())
	go s.Serve(l)
	t.Cleanup(s.Stop)
	return l.Addr().(*net.TCPAddr).Port
}

const manifests = `
apiVersion: networking.k8s.io/v1
kind: IngressClass
metadata: {name: alb}
spec: {controller: ingress.k8s.aws/alb}
---
apiVersion: v1
kind: Service
metadata: {name: interop, namespace: test}
spec: {ports: [{name: grpc, port: 50051, targetPort: grpc}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: interop-1, namespace: test, labels: {kubernetes.io/service-name: interop}}
addressType: IPv4
ports: [{name: grpc, port: %d}]
endpoints: [{addresses: [127.0.0.1], conditions: {ready: true}}]
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: interop
  namespace: test
  annotations:
    alb.ingress.kubernetes.io/listen-ports: '[{"HTTPS":443}]'
    alb.ingress.kubernetes.io/certificate-arn: arn:aws:acm:us-east-1:000000000000:certificate/interop
    alb.ingress.kubernetes.io/target-type: ip
    alb.ingress.kubernetes.io/backend-protocol-version: GRPC
    alb.ingress.kubernetes.io/healthcheck-path: /grpc.health.v1.Health/Check
    alb.ingress.kubernetes.io/success-codes: '0'
spec:
  ingressClassName: alb
  rules:
  - http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: interop, port: {number: 50051}}}}]}
`

// casePort is the target's port in the manifests of the compatibility cases.
const casePort = "port: 22510"

// caseManifests are the manifests of a compatibility case, with the target's port put in.
// The test is skipped where the cases are absent.
func caseManifests(t *testing.T, name string, target int) string {
	t.Helper()
	root := os.Getenv("ALBATROSS_CONFORMANCE")
	if root == "" {
		root = "../../../shared/conformance"
	}
	text, err := os.ReadFile(filepath.Join(root, "wire", name, "manifest.yaml"))
	if err != nil {
		t.Skipf("the case is not here (ALBATROSS_CONFORMANCE names the folder of all cases): %v", err)
	}
	if !strings.Contains(string(text), casePort) {
		t.Fatalf("no %q in the manifests of %s", casePort, name)
	}
	return strings.ReplaceAll(string(text), casePort, fmt.Sprintf("port: %d", target))
}

// balancer is a running albatross.
type balancer struct {
	t     *testing.T
	addr  string
	roots *x509.CertPool
}

// startBalancer serves manifests that have a listener on port 443.
func startBalancer(t *testing.T, manifests string, flags ...string) *balancer {
	t.Helper()
	path, err := binary()
	if err != nil {
		t.Fatalf("building: %v", err)
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "manifests.yaml")
	if err := os.WriteFile(file, []byte(manifests), 0o644); err != nil {
		t.Fatal(err)
	}
	port, admin := freePort(t), freePort(t)
	flags = append([]string{"run", "--dev", "--bind", "127.0.0.1", "--port-map", fmt.Sprintf("443=%d", port),
		"--admin", fmt.Sprintf("127.0.0.1:%d", admin), "--state", filepath.Join(dir, "state"), "--access-log", "off", "--log-level", "warn"}, flags...)
	command := exec.Command(path, append(flags, file)...)
	command.Stderr = os.Stderr
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		command.Process.Signal(syscall.SIGTERM)
		command.Wait()
	})
	awaitReady(t, fmt.Sprintf("http://127.0.0.1:%d/readyz", admin))
	b := &balancer{t, fmt.Sprintf("127.0.0.1:%d", port), x509.NewCertPool()}
	ca, err := os.ReadFile(filepath.Join(dir, "state", "ca", "ca.pem"))
	if err != nil || !b.roots.AppendCertsFromPEM(ca) {
		t.Fatalf("the local CA: %v", err)
	}
	return b
}

// dial gives a client's connection with gRPC's defaults.
func (b *balancer) dial() *grpc.ClientConn {
	b.t.Helper()
	conn, err := grpc.NewClient(b.addr, grpc.WithTransportCredentials(credentials.NewClientTLSFromCert(b.roots, "localhost")))
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { conn.Close() })
	return conn
}

func awaitReady(t *testing.T, url string) {
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		if r, err := http.Get(url); err == nil {
			r.Body.Close()
			if r.StatusCode == http.StatusOK {
				return
			}
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s does not become ready", url)
		}
	}
}

// bounded gives a context for what takes seconds at most.
func bounded(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}
