package lb

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// LogDelivery says whether logs of one kind are kept and under which names.
type LogDelivery struct {
	Enabled bool
	Bucket  string
	Prefix  string
}

// LoadBalancerAttributes is the typed form of LoadBalancer.Attributes. The zero
// value is not the default: use ParseLoadBalancerAttributes(nil).
type LoadBalancerAttributes struct {
	IdleTimeout     time.Duration // idle_timeout.timeout_seconds, 1-4000 s, default 60
	ClientKeepAlive time.Duration // client_keep_alive.seconds, 60-604800 s, default 3600

	AccessLogs      LogDelivery
	ConnectionLogs  LogDelivery
	HealthCheckLogs LogDelivery

	HTTP2                   bool   // routing.http2.enabled, default true
	DesyncMode              string // monitor | defensive (default) | strictest
	DropInvalidHeaderFields bool
	PreserveHostHeader      bool
	TLSVersionAndCipher     bool   // X-Amzn-Tls-Version and X-Amzn-Tls-Cipher-Suite
	XFFClientPort           bool   // X-Forwarded-For carries ip:port
	XFFMode                 string // append (default) | preserve | remove
	CrossZone               bool   // load_balancing.cross_zone.enabled, default false; see LoadBalancer.CrossZone
	WAFFailOpen             bool
	DeletionProtection      bool
	ZonalShift              bool
	DenyIGWTraffic          bool // ipv6.deny_all_igw_traffic
}

// TargetGroupAttributes is the typed form of TargetGroup.Attributes.
type TargetGroupAttributes struct {
	DeregistrationDelay time.Duration // 0-3600 s, default 300
	SlowStart           time.Duration // 0 (off) or 30-900 s
	Algorithm           Algorithm
	AnomalyMitigation   bool
	CrossZone           string // true | false | use_load_balancer_configuration (default)

	Stickiness         bool
	StickinessType     string        // lb_cookie (default) | app_cookie | source_ip
	LBCookieDuration   time.Duration // 1 s - 7 days, default 1 day
	AppCookieName      string
	AppCookieDuration  time.Duration // default 1 day
	UnhealthyRouting   MinimumHealthy
	DNSFailover        MinimumHealthy
	ProxyProtocolV2    bool  // layer 4
	PreserveClientIP   *bool // layer 4
	ConnectionsOnDrain bool  // deregistration_delay.connection_termination.enabled, layer 4
	// EndUnhealthy: flows to a target that becomes unhealthy are ended
	// (target_health_state.unhealthy.connection_termination.enabled, default true); if not,
	// they are UnhealthyDraining later (0-360000 s), or never where that is 0. Layer 4.
	EndUnhealthy      bool
	UnhealthyDraining time.Duration
}

// KeepsClients tells whether flows (layer 4) of one client address go to one target:
// stickiness of type source_ip and its kin.
func (a TargetGroupAttributes) KeepsClients() bool {
	return a.Stickiness && strings.HasPrefix(a.StickinessType, "source_ip")
}

// MinimumHealthy is a threshold below which a group counts as unhealthy as a whole.
// Count and Percentage both apply; 0 means that one is off.
type MinimumHealthy struct {
	Count      int
	Percentage int
}

// String is "1", "50%" or "1 and 50%"; "off" where neither applies.
func (m MinimumHealthy) String() string {
	switch {
	case m.Percentage == 0 && m.Count == 0:
		return "off"
	case m.Percentage == 0:
		return strconv.Itoa(m.Count)
	case m.Count == 0:
		return fmt.Sprintf("%d%%", m.Percentage)
	}
	return fmt.Sprintf("%d and %d%%", m.Count, m.Percentage)
}

// Algorithm chooses among the targets of a group.
type Algorithm string

const (
	RoundRobin       Algorithm = "round_robin"
	LeastOutstanding Algorithm = "least_outstanding_requests"
	WeightedRandom   Algorithm = "weighted_random"
)

// ListenerAttributes is the typed form of Listener.Attributes.
type ListenerAttributes struct {
	Server          bool              // routing.http.response.server.enabled, default true
	ResponseHeaders map[string]string // header name -> value added to or replaced in every response
	RequestHeaders  map[string]string // X-Amzn-... name -> the name to send it under
	TCPIdleTimeout  time.Duration     // tcp.idle_timeout.seconds, 60-6000 s, default 350; layer 4
}

// AttributeError is one attribute that could not be used; its default stands in.
type AttributeError struct {
	Key, Value string
	Text       string // what is wrong and what to write instead
}

func (e AttributeError) Error() string {
	return fmt.Sprintf("attribute %s=%s: %s", e.Key, e.Value, e.Text)
}

// ParseLoadBalancerAttributes gives the typed form of m with AWS's defaults for
// what m leaves out. Keys it does not know and values out of range are returned as
// errors, in key order; the default stands in for them.
func ParseLoadBalancerAttributes(m map[string]string) (LoadBalancerAttributes, []AttributeError) {
	a := LoadBalancerAttributes{
		IdleTimeout: time.Minute, ClientKeepAlive: time.Hour, HTTP2: true,
		DesyncMode: "defensive", XFFMode: "append",
	}
	if len(m) == 0 { // most have none, and ten thousand are read at every change
		return a, nil
	}
	return a, parseAttributes(m, a.known())
}

// known are the attributes of load balancers, each with its place in a.
func (a *LoadBalancerAttributes) known() map[string]attribute {
	known := map[string]attribute{
		"idle_timeout.timeout_seconds":                             seconds(&a.IdleTimeout, 1, 4000),
		"client_keep_alive.seconds":                                seconds(&a.ClientKeepAlive, 60, 604800),
		"routing.http2.enabled":                                    boolean(&a.HTTP2),
		"routing.http.desync_mitigation_mode":                      oneOf(&a.DesyncMode, "defensive", "strictest", "monitor"),
		"routing.http.drop_invalid_header_fields.enabled":          boolean(&a.DropInvalidHeaderFields),
		"routing.http.preserve_host_header.enabled":                boolean(&a.PreserveHostHeader),
		"routing.http.x_amzn_tls_version_and_cipher_suite.enabled": boolean(&a.TLSVersionAndCipher),
		"routing.http.xff_client_port.enabled":                     boolean(&a.XFFClientPort),
		"routing.http.xff_header_processing.mode":                  oneOf(&a.XFFMode, "append", "preserve", "remove"),
		"load_balancing.cross_zone.enabled":                        boolean(&a.CrossZone),
		"waf.fail_open.enabled":                                    boolean(&a.WAFFailOpen),
		"deletion_protection.enabled":                              boolean(&a.DeletionProtection),
		"zonal_shift.config.enabled":                               boolean(&a.ZonalShift),
		"ipv6.deny_all_igw_traffic":                                boolean(&a.DenyIGWTraffic),
		"dns_record.client_routing_policy":                         anything,
		"secondary_ips.auto_assigned.per_subnet":                   anything,
	}
	for prefix, logs := range map[string]*LogDelivery{
		"access_logs": &a.AccessLogs, "connection_logs": &a.ConnectionLogs, "health_check_logs": &a.HealthCheckLogs,
	} {
		known[prefix+".s3.enabled"] = boolean(&logs.Enabled)
		known[prefix+".s3.bucket"] = text(&logs.Bucket)
		known[prefix+".s3.prefix"] = text(&logs.Prefix)
	}
	return known
}

// ParseTargetGroupAttributes gives the typed form of m with AWS's defaults for what m leaves out.
func ParseTargetGroupAttributes(m map[string]string) (TargetGroupAttributes, []AttributeError) {
	a := TargetGroupAttributes{
		DeregistrationDelay: 300 * time.Second, Algorithm: RoundRobin, CrossZone: "use_load_balancer_configuration",
		StickinessType: "lb_cookie", LBCookieDuration: 24 * time.Hour, AppCookieDuration: 24 * time.Hour,
		UnhealthyRouting: MinimumHealthy{Count: 1}, DNSFailover: MinimumHealthy{Count: 1}, EndUnhealthy: true,
	}
	if len(m) == 0 { // most have none, and ten thousand are read at every change
		return a, nil
	}
	errs := parseAttributes(m, a.known())
	return a, errs
}

// known are the attributes of target groups, each with its place in a.
func (a *TargetGroupAttributes) known() map[string]attribute {
	known := map[string]attribute{
		"deregistration_delay.timeout_seconds":                         seconds(&a.DeregistrationDelay, 0, 3600),
		"deregistration_delay.connection_termination.enabled":          boolean(&a.ConnectionsOnDrain),
		"slow_start.duration_seconds":                                  slowStart(&a.SlowStart),
		"load_balancing.algorithm.type":                                oneOf((*string)(&a.Algorithm), string(RoundRobin), string(LeastOutstanding), string(WeightedRandom)),
		"load_balancing.algorithm.anomaly_mitigation":                  onOff(&a.AnomalyMitigation),
		"load_balancing.cross_zone.enabled":                            oneOf(&a.CrossZone, "true", "false", "use_load_balancer_configuration"),
		"stickiness.enabled":                                           boolean(&a.Stickiness),
		"stickiness.type":                                              oneOf(&a.StickinessType, "lb_cookie", "app_cookie", "source_ip", "source_ip_dest_ip", "source_ip_dest_ip_proto"),
		"stickiness.lb_cookie.duration_seconds":                        seconds(&a.LBCookieDuration, 1, 604800),
		"stickiness.app_cookie.cookie_name":                            text(&a.AppCookieName),
		"stickiness.app_cookie.duration_seconds":                       seconds(&a.AppCookieDuration, 1, 604800),
		"proxy_protocol_v2.enabled":                                    boolean(&a.ProxyProtocolV2),
		"preserve_client_ip.enabled":                                   optional(&a.PreserveClientIP),
		"target_health_state.unhealthy.connection_termination.enabled": boolean(&a.EndUnhealthy),
		"target_health_state.unhealthy.draining_interval_seconds":      seconds(&a.UnhealthyDraining, 0, 360000),
		"lambda.multi_value_headers.enabled":                           anything,
	}
	const routing, dns = "target_group_health.unhealthy_state_routing.minimum_healthy_targets.", "target_group_health.dns_failover.minimum_healthy_targets."
	known[routing+"count"] = wholeNumber(&a.UnhealthyRouting.Count, 1, mostMinimum) // AWS has no off here
	known[dns+"count"] = numberOrOff(&a.DNSFailover.Count, 1, mostMinimum)
	known[routing+"percentage"] = numberOrOff(&a.UnhealthyRouting.Percentage, 1, 100)
	known[dns+"percentage"] = numberOrOff(&a.DNSFailover.Percentage, 1, 100)
	return known
}

// mostMinimum bounds a minimum of healthy targets, for which AWS takes up to the number of targets.
const mostMinimum = 100_000

// responseHeaders are the response headers that a listener attribute
// "routing.http.response.<key>.header_value" sets.
var responseHeaders = map[string]string{
	"strict_transport_security":        "Strict-Transport-Security",
	"access_control_allow_origin":      "Access-Control-Allow-Origin",
	"access_control_allow_methods":     "Access-Control-Allow-Methods",
	"access_control_allow_headers":     "Access-Control-Allow-Headers",
	"access_control_allow_credentials": "Access-Control-Allow-Credentials",
	"access_control_expose_headers":    "Access-Control-Expose-Headers",
	"access_control_max_age":           "Access-Control-Max-Age",
	"content_security_policy":          "Content-Security-Policy",
	"x_content_type_options":           "X-Content-Type-Options",
	"x_frame_options":                  "X-Frame-Options",
}

// requestHeaders are the X-Amzn headers that a listener attribute
// "routing.http.request.<key>.header_name" renames.
var requestHeaders = map[string]string{
	"x_amzn_mtls_clientcert":               "X-Amzn-Mtls-Clientcert",
	"x_amzn_mtls_clientcert_serial_number": "X-Amzn-Mtls-Clientcert-Serial-Number",
	"x_amzn_mtls_clientcert_issuer":        "X-Amzn-Mtls-Clientcert-Issuer",
	"x_amzn_mtls_clientcert_subject":       "X-Amzn-Mtls-Clientcert-Subject",
	"x_amzn_mtls_clientcert_validity":      "X-Amzn-Mtls-Clientcert-Validity",
	"x_amzn_mtls_clientcert_leaf":          "X-Amzn-Mtls-Clientcert-Leaf",
	"x_amzn_tls_version":                   "X-Amzn-Tls-Version",
	"x_amzn_tls_cipher_suite":              "X-Amzn-Tls-Cipher-Suite",
}

// ParseListenerAttributes gives the typed form of m with AWS's defaults for what m leaves out.
func ParseListenerAttributes(m map[string]string) (ListenerAttributes, []AttributeError) {
	a := ListenerAttributes{Server: true, TCPIdleTimeout: 350 * time.Second,
		ResponseHeaders: map[string]string{}, RequestHeaders: map[string]string{}}
	if len(m) == 0 { // most have none, and ten thousand are read at every change
		return a, nil
	}
	return a, parseAttributes(m, a.known())
}

// known are the attributes of listeners, each with its place in a.
func (a *ListenerAttributes) known() map[string]attribute {
	known := map[string]attribute{
		"routing.http.response.server.enabled": boolean(&a.Server),
		"tcp.idle_timeout.seconds":             seconds(&a.TCPIdleTimeout, 60, 6000),
	}
	for key, name := range responseHeaders {
		known["routing.http.response."+key+".header_value"] = headerValue(a.ResponseHeaders, name)
	}
	for key, name := range requestHeaders {
		known["routing.http.request."+key+".header_name"] = headerName(a.RequestHeaders, name)
	}
	return known
}

// KnownAttributes are the keys that there are, sorted: of load balancers, target groups and listeners.
func KnownAttributes() (loadBalancer, targetGroup, listener []string) {
	return sortedKeys(new(LoadBalancerAttributes).known()), sortedKeys(new(TargetGroupAttributes).known()), sortedKeys(new(ListenerAttributes).known())
}
