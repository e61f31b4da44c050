package grpc

import (
	"context"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/grpclog"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/interop"
	testpb "google.golang.org/grpc/interop/grpc_testing"

	"github.com/albatross-lb/albatross/test/ports"
)

const patience = 2 * time.Minute

func freePort(t *testing.T) int {
	port, err := ports.Free()
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// startServer starts gRPC's interoperability server, and gives its port.
func startServer(t *testing.T) int {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := grpc.NewServer()
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

// startBalancer starts an albatross in front of the server and gives a connection through it.
func startBalancer(t *testing.T, server int) *grpc.ClientConn {
	dir := t.TempDir()
	binary := filepath.Join(dir, "albatross")
	build := exec.Command("go", "build", "-o", binary, "./cmd/albatross")
	build.Dir = "../.."
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building: %v\n%s", err, out)
	}
	file := filepath.Join(dir, "interop.yaml")
	if err := os.WriteFile(file, fmt.Appendf(nil, manifests, server), 0o644); err != nil {
		t.Fatal(err)
	}
	port, admin := freePort(t), freePort(t)
	command := exec.Command(binary, "run", "--dev", "--bind", "127.0.0.1", "--port-map", fmt.Sprintf("443=%d", port),
		"--admin", fmt.Sprintf("127.0.0.1:%d", admin), "--state", filepath.Join(dir, "state"), "--log-level", "warn", file)
	command.Stderr = os.Stderr
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		command.Process.Signal(syscall.SIGTERM)
		command.Wait()
	})
	awaitReady(t, fmt.Sprintf("http://127.0.0.1:%d/readyz", admin))
	roots := x509.NewCertPool()
	ca, err := os.ReadFile(filepath.Join(dir, "state", "ca", "ca.pem"))
	if err != nil || !roots.AppendCertsFromPEM(ca) {
		t.Fatalf("the local CA: %v", err)
	}
	conn, err := grpc.NewClient(fmt.Sprintf("127.0.0.1:%d", port), grpc.WithTransportCredentials(credentials.NewClientTLSFromCert(roots, "localhost")))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
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

// failing ends a test where the suite's functions would end the process.
type failing struct {
	grpclog.LoggerV2
	t *testing.T
}

func (f failing) Fatalf(format string, args ...any) {
	f.t.Errorf(format, args...)
	runtime.Goexit()
}

func (f failing) Fatal(args ...any) {
	f.t.Error(args...)
	runtime.Goexit()
}

func TestInterop(t *testing.T) {
	conn := startBalancer(t, startServer(t))
	client := testpb.NewTestServiceClient(conn)
	type call = func(context.Context, testpb.TestServiceClient, ...grpc.CallOption)
	cases := map[string]call{
		"empty_unary": interop.DoEmptyUnaryCall, "large_unary": interop.DoLargeUnaryCall,
		"client_streaming": interop.DoClientStreaming, "server_streaming": interop.DoServerStreaming,
		"ping_pong": interop.DoPingPong, "empty_stream": interop.DoEmptyStream,
		"timeout_on_sleeping_server": interop.DoTimeoutOnSleepingServer,
		"cancel_after_begin":         interop.DoCancelAfterBegin, "cancel_after_first_response": interop.DoCancelAfterFirstResponse,
		"status_code_and_message": interop.DoStatusCodeAndMessage, "special_status_message": interop.DoSpecialStatusMessage,
		"custom_metadata": interop.DoCustomMetadata,
		"unimplemented_method": func(ctx context.Context, _ testpb.TestServiceClient, _ ...grpc.CallOption) {
			interop.DoUnimplementedMethod(ctx, conn)
		},
		"unimplemented_service": func(ctx context.Context, _ testpb.TestServiceClient, _ ...grpc.CallOption) {
			interop.DoUnimplementedService(ctx, testpb.NewUnimplementedServiceClient(conn))
		},
	}
	passed := 0
	for name, do := range cases {
		if t.Run(name, func(t *testing.T) {
			grpclog.SetLoggerV2(failing{grpclog.NewLoggerV2(os.Stderr, os.Stderr, os.Stderr), t})
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			defer cancel()
			do(ctx, client)
		}) {
			passed++
		}
	}
	fmt.Printf("grpc: %d of %d pass\n", passed, len(cases))
}
