package conformance_test

import "testing"

// TestCaseServiceDefaults: a Service of type LoadBalancer is a network load balancer, also where no annotation says so.
func TestCaseServiceDefaults(t *testing.T) {
	const name = "06-plain-service-of-type-loadbalancer"
	plain := inCase(t, name, "check", "m.yaml")
	plain.says(t, "network, internet-facing", "listener 1883 TCP", "127.0.0.1:21101", "service.k8s.aws/nlb")
	plain.saysNot(t, "not ours to serve")
	alone := inCase(t, name, "check", "external-alone.yaml")
	alone.says(t, "network, internal", "listener 443 TCP", "warnings", "aws-load-balancer-nlb-target-type")
	inCase(t, name, "check", "elb.yaml").says(t, "network, internal", "listener 80 TCP", "warnings")
}

// TestCaseAutoMode: EKS Auto Mode's names are read.
func TestCaseAutoMode(t *testing.T) {
	got := inCase(t, "07-eks-auto-mode", "check", "m.yaml")
	got.says(t, "application, internet-facing, ipv4; of apps", "127.0.0.1:21101  web-0", "network, internet-facing", "listener 9000 TCP", "0 set aside")
}

// TestCaseTLSSecret: a Secret in spec.tls does not move an Ingress from port 80 to 443.
func TestCaseTLSSecret(t *testing.T) {
	const name = "08-tls-secret-moves-http-to-https"
	for _, file := range []string{"m.yaml", "group.yaml"} {
		got := inCase(t, name, "check", file)
		got.says(t, "listener 80 HTTP", "AWS's controller, which does not use Secrets", "0 set aside")
		got.saysNot(t, "listener 443")
		if got.code != 0 {
			t.Errorf("%s: exit code %d", file, got.code)
		}
	}
	inCase(t, name, "check", "group.yaml").says(t, "host is a.example.com", "host is b.example.com")
}

// TestCaseCloudProvider: type nlb follows the cloud provider's rules.
func TestCaseCloudProvider(t *testing.T) {
	const name = "18-service-type-nlb-by-the-wrong-rules"
	inside := inCase(t, name, "check", "internal.yaml")
	inside.says(t, "network, internal", "listener 80 TCP", "0 set aside")
	ports := inCase(t, name, "check", "ssl-ports.yaml")
	ports.says(t, "listener 80 TLS", "listener 443 TLS", "0 set aside")
}

// TestCaseTwinPorts: TCP and UDP of one port number are two listeners with a target group each.
func TestCaseTwinPorts(t *testing.T) {
	const name = "05-tcp-and-udp-on-one-port"
	inCase(t, name, "check", "m.yaml").says(t, "listener 53 UDP", "listener 53 TCP", "net/dns:53/UDP", ": TCP, ip targets", ": UDP, ip targets", "enable-tcp-udp-listener")
	inCase(t, name, "explain", "udp://localhost:53", "m.yaml").says(t, "listener       UDP:53", "net/dns:53/UDP", "127.0.0.1:21153")
	inCase(t, name, "explain", "tcp://localhost:53", "m.yaml").says(t, "listener       TCP:53", "127.0.0.1:21153")
}
