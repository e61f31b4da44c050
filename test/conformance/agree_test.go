package conformance_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/albatross-lb/albatross/test/ports"
)

// agreed are manifests of which check and run must say the same, with --dev and without.
var agreed = map[string]string{
	"certificate of an ARN":      ingress(`alb.ingress.kubernetes.io/certificate-arn: arn:aws:acm:us-east-1:000000000000:certificate/a`, ""),
	"certificate of no ARN":      ingress(`alb.ingress.kubernetes.io/certificate-arn: arn:aws:acm:us-east-1:<ACCOUNT>:certificate/a`, ""),
	"certificate by host":        ingress(`alb.ingress.kubernetes.io/listen-ports: '[{"HTTPS": 443}]'`, ""),
	"Secret that is not there":   ingress(`alb.ingress.kubernetes.io/listen-ports: '[{"HTTP": 80}, {"HTTPS": 443}]'`, "tls: [{secretName: gone}]"),
	"Secret, and no HTTPS":       ingress(`alb.ingress.kubernetes.io/target-type: ip`, "tls: [{secretName: gone}]"),
	"certificate to be ordered":  ingress(`albatross.io/acme: letsencrypt`, ""),
	"unknown policy":             ingress("alb.ingress.kubernetes.io/certificate-arn: arn:aws:acm:us-east-1:000000000000:certificate/a\n    alb.ingress.kubernetes.io/ssl-policy: ELBSecurityPolicy-None", ""),
	"trust store":                ingress("alb.ingress.kubernetes.io/certificate-arn: arn:aws:acm:us-east-1:000000000000:certificate/a\n    alb.ingress.kubernetes.io/mutual-authentication: '[{\"port\": 443, \"mode\": \"verify\", \"trustStore\": \"arn:aws:elasticloadbalancing:us-east-1:000000000000:truststore/t/1\"}]'", ""),
	"bad annotation":             ingress(`alb.ingress.kubernetes.io/listen-ports: '[{"HTTP": 80]'`, ""),
	"redirect to no listener":    ingress(`alb.ingress.kubernetes.io/ssl-redirect: '443'`, ""),
	"port of two load balancers": ingress(`alb.ingress.kubernetes.io/target-type: ip`, "") + "\n---\n" + service("net", "80", "service.beta.kubernetes.io/aws-load-balancer-nlb-target-type: ip"),
	"TLS at layer 4":             service("net", "443", "service.beta.kubernetes.io/aws-load-balancer-ssl-cert: arn:aws:acm:us-east-1:000000000000:certificate/a"),
	"no YAML":                    "a: [",
}

func ingress(annotation, spec string) string {
	return fmt.Sprintf(`apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: web
  annotations:
    kubernetes.io/ingress.class: alb
    %s
spec:
  %s
  rules:
  - host: shop.example.com
    http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]}
---
apiVersion: v1
kind: Service
metadata: {name: web, annotations: {alb.ingress.kubernetes.io/target-type: ip}}
spec: {ports: [{port: 80}]}`, annotation, spec)
}

func service(name, port, annotation string) string {
	return fmt.Sprintf(`apiVersion: v1
kind: Service
metadata:
  name: %s
  annotations: {%s}
spec: {type: LoadBalancer, ports: [{port: %s}]}`, name, annotation, port)
}

// TestCheckAgreesWithRun: what is set aside, and the counts of the last line, are the same.
func TestCheckAgreesWithRun(t *testing.T) {
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range agreed {
		for _, dev := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/dev=%v", name, dev), func(t *testing.T) {
				t.Parallel()
				dir := t.TempDir()
				if err := os.WriteFile(filepath.Join(dir, "m.yaml"), []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
				first, err := ports.Neighbours(3)
				if err != nil {
					t.Fatal(err)
				}
				common := []string{"--state", filepath.Join(dir, "state"), "--port-map", fmt.Sprintf("80=%d,443=%d", first, first+1), "m.yaml"}
				word := "--no-dev"
				if dev {
					word = "--dev"
				}
				checked := inFolder(t, dir, "", append([]string{"check", "-q", word}, common...)...)
				if dev {
					common = append([]string{"--dev"}, common...)
				}
				served := whatRunSays(t, path, dir, first+2, common)
				if got := setAsideBy(checked.stdout); !slices.Equal(got, served) {
					t.Errorf("check sets aside\n%s\nand run\n%s", strings.Join(got, "\n"), strings.Join(served, "\n"))
				}
				if (checked.code == 1) != (len(served) > 0) {
					t.Errorf("check exits with %d, and run sets aside %d", checked.code, len(served))
				}
			})
		}
	}
}

// setAsideBy gives the lines of what check sets aside.
func setAsideBy(stdout string) (lines []string) {
	_, rest, _ := strings.Cut(stdout, "set aside\n")
	for line := range strings.Lines(rest) {
		if !strings.HasPrefix(line, "  ") {
			break
		}
		lines = append(lines, strings.TrimSpace(line))
	}
	slices.Sort(lines)
	return lines
}

// whatRunSays gives what run sets aside, in the form of check.
func whatRunSays(t *testing.T, path, dir string, port int, args []string) (lines []string) {
	t.Helper()
	admin := fmt.Sprintf("127.0.0.1:%d", port)
	var stderr bytes.Buffer
	command := exec.Command(path, append([]string{"run", "--bind", "127.0.0.1", "--admin", admin, "--access-log", "off", "--drain", "1s"}, args...)...)
	command.Dir, command.Stderr = dir, &stderr
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- command.Wait() }()
	defer func() {
		command.Process.Signal(syscall.SIGTERM)
		<-ended
	}()
	type problem struct {
		File, Object, Field, Text string
		Line                      int
	}
	var said struct {
		Generation       int
		Unread, SetAside []problem
	}
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		if r, err := http.Get("http://" + admin + "/set-aside"); err == nil {
			text, _ := io.ReadAll(r.Body)
			r.Body.Close()
			if err := json.Unmarshal(text, &said); err != nil {
				t.Fatal(err)
			}
			if said.Generation > 0 {
				break
			}
		}
		if time.Now().After(deadline) {
			t.Fatalf("run serves nothing:\n%s", &stderr)
		}
	}
	for _, p := range append(said.Unread, said.SetAside...) {
		line := fmt.Sprintf("%s:%d: ", p.File, p.Line)
		for _, part := range []string{p.Object, p.Field} {
			if part != "" {
				line += part + ": "
			}
		}
		lines = append(lines, line+p.Text)
	}
	slices.Sort(lines)
	return lines
}
