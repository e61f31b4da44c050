package lb

import "strings"

// Protocol of a listener or of a target group.
type Protocol string

const (
	HTTP   Protocol = "HTTP"
	HTTPS  Protocol = "HTTPS"
	TCP    Protocol = "TCP"
	UDP    Protocol = "UDP"
	TLS    Protocol = "TLS"
	TCPUDP Protocol = "TCP_UDP"
)

// DefaultSSLPolicy is what an HTTPS listener gets that names no policy (elbv2 API default).
const DefaultSSLPolicy = "ELBSecurityPolicy-2016-08"

// Listener is one port of a load balancer: its protocol, its certificates and its rules.
type Listener struct {
	Port     int      `json:"port"` // 1-65535
	Protocol Protocol `json:"protocol"`

	SSLPolicy string `json:"sslPolicy,omitempty"`
	// Certificates: ARNs, "secret:namespace/name" for a Secret of the manifests, or a
	// reference into Config.ACME or Config.Discover.
	// The first is the default certificate; the rest are chosen by SNI.
	Certificates         []string              `json:"certificates,omitempty"`
	MutualAuthentication *MutualAuthentication `json:"mutualAuthentication,omitempty"`
	ALPN                 []string              `json:"alpn,omitempty"`

	Attributes map[string]string `json:"attributes,omitempty"` // as written; see ParseListenerAttributes
	Tags       map[string]string `json:"tags,omitempty"`

	// DefaultActions run when no rule holds; logged as priority 0.
	DefaultActions []Action `json:"defaultActions"`
	// Rules in the order of their priority: 1 is looked at first.
	Rules []*Rule `json:"rules"`

	Origin Origin `json:"-"`
}

// Secure tells whether the listener speaks TLS.
func (l *Listener) Secure() bool { return l.Protocol == HTTPS || l.Protocol == TLS }

// TakesTCP reports whether a port of the protocol is one of TCP, alone or with UDP.
func (p Protocol) TakesTCP() bool { return p != UDP }

// TakesUDP reports whether a port of the protocol is one of UDP, alone or with TCP.
func (p Protocol) TakesUDP() bool { return p == UDP || p == TCPUDP }

// meets reports whether two listeners need the same port. Ports of TCP and of UDP are apart, whatever their number.
func (l *Listener) meets(other *Listener) bool {
	return l.Port == other.Port && (l.Protocol.TakesTCP() && other.Protocol.TakesTCP() || l.Protocol.TakesUDP() && other.Protocol.TakesUDP())
}

// place is what tells a listener from others of its load balancer.
type place struct {
	port int
	udp  bool // alone
}

func (l *Listener) place() place { return place{l.Port, !l.Protocol.TakesTCP()} }

// MutualAuthentication is how a listener treats client certificates.
type MutualAuthentication struct {
	Mode                          string `json:"mode"` // off | passthrough | verify
	TrustStoreARN                 string `json:"trustStoreArn,omitempty"`
	IgnoreClientCertificateExpiry *bool  `json:"ignoreClientCertificateExpiry,omitempty"`
	AdvertiseTrustStoreCANames    string `json:"advertiseTrustStoreCaNames,omitempty"` // on | off
}

// Rule is taken when all of its conditions hold and no rule of a smaller priority does.
type Rule struct {
	Priority   int               `json:"priority"` // 1..n, unique in its listener
	Conditions []Condition       `json:"conditions"`
	Actions    []Action          `json:"actions"` // authentication first; the last one answers
	Transforms []Transform       `json:"transforms,omitempty"`
	Tags       map[string]string `json:"tags,omitempty"`

	Origin Origin `json:"-"`
	Field  string `json:"-"` // where in the object: "spec.rules[0].http.paths[1]"
}

// Transform rewrites the request before it is forwarded; rules are chosen by the original request.
type Transform struct {
	Type              string         `json:"type"` // url-rewrite | host-header-rewrite
	URLRewrite        *RewriteConfig `json:"urlRewriteConfig,omitempty"`
	HostHeaderRewrite *RewriteConfig `json:"hostHeaderRewriteConfig,omitempty"`
}

// String says the transform in words: `url-rewrite of ^/api/ to /`.
func (t Transform) String() string {
	config := t.URLRewrite
	if t.HostHeaderRewrite != nil {
		config = t.HostHeaderRewrite
	}
	if config == nil {
		return t.Type
	}
	var words []string
	for _, r := range config.Rewrites {
		words = append(words, "of "+r.Regex+" to "+r.Replace)
	}
	return t.Type + " " + strings.Join(words, ", or ")
}

// RewriteConfig holds the regular expressions of a transform; the first that matches is applied.
type RewriteConfig struct {
	Rewrites []Rewrite `json:"rewrites"`
}

// Rewrite replaces what Regex matches; $1 to $9 in Replace stand for its groups.
type Rewrite struct {
	Regex   string `json:"regex"`
	Replace string `json:"replace"`
}
