package lb

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// ProtocolVersion is what a target group's targets speak.
type ProtocolVersion string

const (
	HTTP1 ProtocolVersion = "HTTP1"
	HTTP2 ProtocolVersion = "HTTP2"
	GRPC  ProtocolVersion = "GRPC"
)

// TargetGroup is a set of targets that are checked and balanced together.
type TargetGroup struct {
	// Key is unique in a Config: "<namespace>/<ingress>-<service>:<port as written>", or
	// "<namespace>/<service>:<port>" of a Service's own load balancer, with "/UDP" behind it beside one for TCP.
	Key             string            `json:"-"`
	Name            string            `json:"name"`
	TargetType      string            `json:"targetType"` // instance | ip | alb
	Port            int               `json:"port"`
	Protocol        Protocol          `json:"protocol"`
	ProtocolVersion ProtocolVersion   `json:"protocolVersion,omitempty"` // absent for layer 4
	IPAddressType   string            `json:"ipAddressType"`             // ipv4 | ipv6
	HealthCheck     *HealthCheck      `json:"healthCheck,omitempty"`
	Attributes      map[string]string `json:"attributes"` // as written; see ParseTargetGroupAttributes

	TargetControlPort int               `json:"targetControlPort,omitempty"`
	NodeSelector      map[string]string `json:"nodeSelector,omitempty"`
	MultiCluster      *bool             `json:"multiCluster,omitempty"`
	Tags              map[string]string `json:"tags,omitempty"`

	// ARNGiven of a group that exists beside the manifests: its ARN, or its name where
	// nobody knows the ARN.
	ARNGiven string `json:"-"`
	// BehindPort of a group of target type alb: the listener, of the application load
	// balancer of the same key, that connections are for.
	BehindPort int `json:"-"`
	// Targets as the EndpointSlices have them.
	Targets []Target `json:"-"`
	Origin  Origin   `json:"-"`
}

// Target is one registered address of a target group.
type Target struct {
	Addr netip.AddrPort `json:"-"`
	Zone string         `json:"-"` // availability zone; "" if not known
	// Draining: the endpoint is terminating; it gets no new requests.
	Draining bool   `json:"-"`
	Name     string `json:"-"` // the Pod behind it, if known
}

// ID of the target group, stable over runs.
func (g *TargetGroup) ID() string { return hexID("targetgroup/" + g.Key) }

// FullName is the CloudWatch dimension: targetgroup/<name>/<id>.
func (g *TargetGroup) FullName() string {
	if _, name, ok := strings.Cut(g.ARNGiven, ":targetgroup/"); ok {
		return "targetgroup/" + name
	}
	return "targetgroup/" + g.Name + "/" + g.ID()
}

// ARN of the target group: the one it was given, or one for an account and region.
func (g *TargetGroup) ARN(account, region string) string {
	if strings.HasPrefix(g.ARNGiven, "arn:") {
		return g.ARNGiven
	}
	return fmt.Sprintf("arn:aws:elasticloadbalancing:%s:%s:%s", region, account, g.FullName())
}

// HealthCheck is how the targets of a group are probed.
type HealthCheck struct {
	Port               HealthCheckPort `json:"port"`
	Protocol           Protocol        `json:"protocol"`
	Path               string          `json:"path,omitempty"`
	Matcher            *Matcher        `json:"matcher,omitempty"`
	IntervalSeconds    int             `json:"intervalSeconds"`         // 5-300
	TimeoutSeconds     int             `json:"timeoutSeconds"`          // 2-120, below the interval
	HealthyThreshold   int             `json:"healthyThresholdCount"`   // 2-10
	UnhealthyThreshold int             `json:"unhealthyThresholdCount"` // 2-10
}

// Matcher lists the codes that count as a pass: "200", "200,202", "200-299".
type Matcher struct {
	HTTPCode string `json:"httpCode,omitempty"`
	GRPCCode string `json:"grpcCode,omitempty"`
}

// HealthCheckPort is a port number, or 0 for the port that traffic goes to.
type HealthCheckPort int

// TrafficPort stands for the port that traffic goes to.
const TrafficPort HealthCheckPort = 0

// String is "traffic-port" or the number.
func (p HealthCheckPort) String() string {
	if p == TrafficPort {
		return "traffic-port"
	}
	return strconv.Itoa(int(p))
}

// MarshalJSON writes "traffic-port" or a number.
func (p HealthCheckPort) MarshalJSON() ([]byte, error) {
	if p == TrafficPort {
		return []byte(`"traffic-port"`), nil
	}
	return json.Marshal(int(p))
}

// UnmarshalJSON reads what MarshalJSON writes.
func (p *HealthCheckPort) UnmarshalJSON(data []byte) error {
	if string(data) == `"traffic-port"` {
		*p = TrafficPort
		return nil
	}
	var n int
	if err := json.Unmarshal(data, &n); err != nil {
		return fmt.Errorf("reading health check port %s: write \"traffic-port\" or a number", data)
	}
	*p = HealthCheckPort(n)
	return nil
}
