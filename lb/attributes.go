package lb

import (
	"fmt"
	"sort"
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
	CrossZone               bool   // load_balancing.cross_zone.enabled, default true
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

// attribute reads one value into its place.
type attribute func(value string) error

// ParseLoadBalancerAttributes gives the typed form of m with AWS's defaults for
// what m leaves out. Keys it does not know and values out of range are returned as
// errors, in key order; the default stands in for them.
func ParseLoadBalancerAttributes(m map[string]string) (LoadBalancerAttributes, []AttributeError) {
	a := LoadBalancerAttributes{
		IdleTimeout: time.Minute, ClientKeepAlive: time.Hour, HTTP2: true,
		DesyncMode: "defensive", XFFMode: "append", CrossZone: true,
	}
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
	return a, parseAttributes(m, known)
}

// ParseTargetGroupAttributes gives the typed form of m with AWS's defaults for what m leaves out.
func ParseTargetGroupAttributes(m map[string]string) (TargetGroupAttributes, []AttributeError) {
	a := TargetGroupAttributes{
		DeregistrationDelay: 300 * time.Second, Algorithm: RoundRobin, CrossZone: "use_load_balancer_configuration",
		StickinessType: "lb_cookie", LBCookieDuration: 24 * time.Hour, AppCookieDuration: 24 * time.Hour,
		UnhealthyRouting: MinimumHealthy{Count: 1}, DNSFailover: MinimumHealthy{Count: 1}, EndUnhealthy: true,
	}
	algorithm, anomaly := string(a.Algorithm), "off"
	var preserve bool
	known := map[string]attribute{
		"deregistration_delay.timeout_seconds":                         seconds(&a.DeregistrationDelay, 0, 3600),
		"deregistration_delay.connection_termination.enabled":          boolean(&a.ConnectionsOnDrain),
		"slow_start.duration_seconds":                                  slowStart(&a.SlowStart),
		"load_balancing.algorithm.type":                                oneOf(&algorithm, string(RoundRobin), string(LeastOutstanding), string(WeightedRandom)),
		"load_balancing.algorithm.anomaly_mitigation":                  oneOf(&anomaly, "off", "on"),
		"load_balancing.cross_zone.enabled":                            oneOf(&a.CrossZone, "true", "false", "use_load_balancer_configuration"),
		"stickiness.enabled":                                           boolean(&a.Stickiness),
		"stickiness.type":                                              oneOf(&a.StickinessType, "lb_cookie", "app_cookie", "source_ip", "source_ip_dest_ip", "source_ip_dest_ip_proto"),
		"stickiness.lb_cookie.duration_seconds":                        seconds(&a.LBCookieDuration, 1, 604800),
		"stickiness.app_cookie.cookie_name":                            text(&a.AppCookieName),
		"stickiness.app_cookie.duration_seconds":                       seconds(&a.AppCookieDuration, 1, 604800),
		"proxy_protocol_v2.enabled":                                    boolean(&a.ProxyProtocolV2),
		"preserve_client_ip.enabled":                                   boolean(&preserve),
		"target_health_state.unhealthy.connection_termination.enabled": boolean(&a.EndUnhealthy),
		"target_health_state.unhealthy.draining_interval_seconds":      seconds(&a.UnhealthyDraining, 0, 360000),
		"lambda.multi_value_headers.enabled":                           anything,
	}
	for prefix, min := range map[string]*MinimumHealthy{
		"target_group_health.unhealthy_state_routing": &a.UnhealthyRouting, "target_group_health.dns_failover": &a.DNSFailover,
	} {
		known[prefix+".minimum_healthy_targets.count"] = numberOrOff(&min.Count, 1, 100000)
		known[prefix+".minimum_healthy_targets.percentage"] = numberOrOff(&min.Percentage, 1, 100)
	}
	errs := parseAttributes(m, known)
	a.Algorithm, a.AnomalyMitigation = Algorithm(algorithm), anomaly == "on"
	if _, given := m["preserve_client_ip.enabled"]; given {
		a.PreserveClientIP = &preserve
	}
	return a, errs
}

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
	return a, parseAttributes(m, known)
}

func parseAttributes(m map[string]string, known map[string]attribute) []AttributeError {
	var errs []AttributeError
	for key, value := range m {
		set, ok := known[key]
		if !ok {
			errs = append(errs, AttributeError{key, value, "unknown attribute" + didYouMean(key, known)})
			continue
		}
		if err := set(value); err != nil {
			errs = append(errs, AttributeError{key, value, err.Error()})
		}
	}
	sort.Slice(errs, func(i, j int) bool { return errs[i].Key < errs[j].Key })
	return errs
}

func didYouMean(key string, known map[string]attribute) string {
	names := make([]string, 0, len(known))
	for name := range known {
		names = append(names, name)
	}
	if near := Nearest(key, names); near != "" {
		return "; did you mean " + near + "?"
	}
	return ""
}

func anything(string) error { return nil }

func text(into *string) attribute {
	return func(v string) error { *into = v; return nil }
}

func boolean(into *bool) attribute {
	return func(v string) error {
		switch v {
		case "true":
			*into = true
		case "false":
			*into = false
		default:
			return fmt.Errorf("write true or false")
		}
		return nil
	}
}

func oneOf(into *string, values ...string) attribute {
	return func(v string) error {
		for _, known := range values {
			if v == known {
				*into = v
				return nil
			}
		}
		return fmt.Errorf("write one of %s", strings.Join(values, ", "))
	}
}

func number(v string, min, max int) (int, error) {
	n, err := strconv.Atoi(v)
	if err != nil || n < min || n > max {
		return 0, fmt.Errorf("write a whole number from %d to %d", min, max)
	}
	return n, nil
}

func seconds(into *time.Duration, min, max int) attribute {
	return func(v string) error {
		n, err := number(v, min, max)
		if err == nil {
			*into = time.Duration(n) * time.Second
		}
		return err
	}
}

func slowStart(into *time.Duration) attribute {
	return func(v string) error {
		n, err := number(v, 0, 900)
		if err != nil || (n > 0 && n < 30) {
			return fmt.Errorf("write 0 (off) or a whole number of seconds from 30 to 900")
		}
		*into = time.Duration(n) * time.Second
		return nil
	}
}

func numberOrOff(into *int, min, max int) attribute {
	return func(v string) error {
		if v == "off" {
			*into = 0
			return nil
		}
		n, err := number(v, min, max)
		if err != nil {
			return fmt.Errorf("write off or a whole number from %d to %d", min, max)
		}
		*into = n
		return nil
	}
}

func headerValue(into map[string]string, name string) attribute {
	return func(v string) error {
		if strings.ContainsAny(v, "\r\n\x00") {
			return fmt.Errorf("a header value has no line breaks")
		}
		into[name] = v
		return nil
	}
}

func headerName(into map[string]string, name string) attribute {
	return func(v string) error {
		if v == "" || strings.Trim(v, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") != "" {
			return fmt.Errorf("write a header name of letters, digits, - and _")
		}
		into[name] = v
		return nil
	}
}
