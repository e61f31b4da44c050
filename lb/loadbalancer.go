package lb

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
)

// LoadBalancerType is application (layer 7) or network (layer 4).
type LoadBalancerType string

const (
	Application LoadBalancerType = "application"
	Network     LoadBalancerType = "network"
)

// LoadBalancer is one ALB (or NLB): a set of listeners with common attributes.
type LoadBalancer struct {
	// Key is the IngressGroup's name, or "namespace/name" of a lone Ingress or Service.
	Key           string            `json:"group"`
	Name          string            `json:"name"` // at most 32 characters
	Type          LoadBalancerType  `json:"type"`
	Scheme        string            `json:"scheme"`        // internal | internet-facing
	IPAddressType string            `json:"ipAddressType"` // ipv4 | dualstack | dualstack-without-public-ipv4
	Attributes    map[string]string `json:"attributes"`    // as written; see ParseLoadBalancerAttributes
	Tags          map[string]string `json:"tags"`

	// InboundCIDRs says who may connect: nil where SecurityGroups is given, empty: nobody.
	InboundCIDRs   []InboundCIDR `json:"inboundCidrs,omitzero"`
	SecurityGroups []string      `json:"securityGroups,omitempty"`
	Subnets        []string      `json:"subnets,omitempty"`
	EIPAllocations []string      `json:"eipAllocations,omitempty"`

	CustomerOwnedIPv4Pool string `json:"customerOwnedIPv4Pool,omitempty"`
	IPv4IPAMPool          string `json:"ipv4IPAMPool,omitempty"`
	MinimumCapacity       int    `json:"minimumCapacity,omitempty"` // capacity units; 0: none asked for

	WebACL         string `json:"webACL,omitempty"`        // WAFv2 ARN; "none" detaches
	WebACLClassic  string `json:"webACLClassic,omitempty"` // WAF classic id; "none" detaches
	ShieldAdvanced *bool  `json:"shieldAdvanced,omitempty"`

	Listeners []*Listener `json:"listeners"`

	Origin Origin `json:"-"` // the first object it was made of
}

// InboundCIDR lets addresses of one range, or of one named prefix list, connect to one port.
type InboundCIDR struct {
	Port       int    `json:"port"`
	CIDR       string `json:"cidr,omitempty"`
	PrefixList string `json:"prefixList,omitempty"`
	Protocol   string `json:"protocol,omitempty"` // udp; icmp or icmpv6 (Port is the type of the message); absent: tcp
}

// ID is the 16 hex digits that AWS would put behind the name in ARNs, DNS names
// and CloudWatch dimensions. Ours is derived from the key, so that it is the same in every run.
func (b *LoadBalancer) ID() string { return hexID("loadbalancer/" + b.Key) }

// CrossZone tells whether the load balancer sends to targets of every zone. Application load
// balancers always do ("cannot be turned off" there, only for target groups), network load
// balancers where their attribute says so.
func (b *LoadBalancer) CrossZone() bool {
	return b.Type != Network || b.Attributes["load_balancing.cross_zone.enabled"] == "true"
}

// ListenerID is the 16 hex digits that AWS would put behind a listener's ARN.
func (b *LoadBalancer) ListenerID(l *Listener) string {
	id := fmt.Sprintf("listener/%s/%s/%d", b.Type, b.Key, l.Port)
	if !l.Protocol.TakesTCP() { // a port of its own
		id += "/" + string(l.Protocol)
	}
	return hexID(id)
}

// FullName is the CloudWatch dimension: app/<name>/<id>, net/<name>/<id> for a network load balancer.
func (b *LoadBalancer) FullName() string {
	kind := "app"
	if b.Type == Network {
		kind = "net"
	}
	return kind + "/" + b.Name + "/" + b.ID()
}

// ARN of the load balancer for an account and region.
func (b *LoadBalancer) ARN(account, region string) string {
	return fmt.Sprintf("arn:aws:elasticloadbalancing:%s:%s:loadbalancer/%s", region, account, b.FullName())
}

func hexID(of string) string {
	sum := sha256.Sum256([]byte(of))
	return hex.EncodeToString(sum[:8])
}
