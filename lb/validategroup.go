package lb

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

func (v *validation) targetGroups() {
	for _, key := range sortedKeys(v.cfg.TargetGroups) {
		g := v.cfg.TargetGroups[key]
		if g == nil {
			delete(v.cfg.TargetGroups, key)
			continue
		}
		if v.cfg.TargetGroups[key] = v.judgeGroup(key, g); v.cfg.TargetGroups[key] == nil {
			delete(v.cfg.TargetGroups, key)
			v.gone[key] = true
		}
	}
}

func (v *validation) targetGroupFits(key string, g *TargetGroup) bool {
	types := []string{"instance", "ip", "alb"}
	protocols := []Protocol{HTTP, HTTPS, TCP, UDP, TLS, TCPUDP}
	versions := []ProtocolVersion{HTTP1, HTTP2, GRPC}
	switch {
	case !slices.Contains(types, g.TargetType):
		v.setAside(g.Origin, "", "target group %s has target type %q; write %s", key, g.TargetType, join(types))
	case !slices.Contains(protocols, g.Protocol):
		v.setAside(g.Origin, "", "target group %s has protocol %q; write %s", key, g.Protocol, join(protocols))
	case g.ProtocolVersion != "" && !slices.Contains(versions, g.ProtocolVersion):
		v.setAside(g.Origin, "", "target group %s has protocol version %q; write %s", key, g.ProtocolVersion, join(versions))
	default:
		return true
	}
	return false
}

func (v *validation) targetGroup(g *TargetGroup) {
	if !awsName.MatchString(g.Name) {
		v.warn(g.Origin, "", "AWS refuses the target group name %q; it takes 1 to 32 letters, digits and hyphens, no hyphen at the ends", g.Name)
	}
	if g.Port < 1 || g.Port > 65535 {
		v.warn(g.Origin, "", "AWS takes target group ports from 1 to 65535, and that of %s is %d; its targets bring their own", g.Key, g.Port)
	}
	a, errs := ParseTargetGroupAttributes(g.Attributes)
	v.attributes(g.Origin, errs)
	v.ofLayer(g.Origin, g.Attributes, g.layer7())
	v.combinations(g, a)
	v.targets(g)
	if g.HealthCheck != nil {
		check := *g.HealthCheck // Merge's copies share it
		v.healthCheck(g, &check)
		g.HealthCheck = &check
	}
}

// combinations of attributes that are fine one by one (reference: the ALB user guide,
// target group attributes).
func (v *validation) combinations(g *TargetGroup, a TargetGroupAttributes) {
	if a.SlowStart > 0 && a.Algorithm != RoundRobin {
		v.warn(g.Origin, "attributes[slow_start.duration_seconds]", "slow start works with round_robin only and is off, since the algorithm is %s", a.Algorithm)
	}
	if a.AnomalyMitigation && a.Algorithm != WeightedRandom {
		v.warn(g.Origin, "attributes[load_balancing.algorithm.anomaly_mitigation]", "anomaly mitigation works with weighted_random only and is off, since the algorithm is %s", a.Algorithm)
	}
	v.minimums(g, a)
	switch bySource := strings.HasPrefix(a.StickinessType, "source_ip"); {
	case !a.Stickiness:
	case bySource == g.layer7():
		v.warn(g.Origin, "attributes[stickiness.type]", "%s is of the other kind of load balancer; clients are not kept on a target: write lb_cookie or app_cookie for HTTP and HTTPS, source_ip for flows", a.StickinessType)
	case g.layer7():
		v.stickiness(g, a)
	}
}

// minimums: "the threshold for DNS failover must be greater than or equal to the threshold for
// routing failover, so that DNS failover occurs either with or before routing failover".
func (v *validation) minimums(g *TargetGroup, a TargetGroupAttributes) {
	const dns, routing = "target_group_health.dns_failover.minimum_healthy_targets.", "target_group_health.unhealthy_state_routing.minimum_healthy_targets."
	for _, m := range []struct {
		word         string
		dns, routing int
	}{{"count", a.DNSFailover.Count, a.UnhealthyRouting.Count}, {"percentage", a.DNSFailover.Percentage, a.UnhealthyRouting.Percentage}} {
		if g.Attributes[dns+m.word] != "" && g.Attributes[routing+m.word] != "" && m.dns > 0 && m.dns < m.routing {
			v.warn(g.Origin, "attributes["+dns+m.word+"]", "AWS wants it to be at least %s%s (%d), so that a node leaves DNS before its unhealthy targets are used", routing, m.word, m.routing)
		}
	}
}

// stickiness of a group of layer 7.
func (v *validation) stickiness(g *TargetGroup, a TargetGroupAttributes) {
	if a.CrossZone == "false" {
		v.warn(g.Origin, "attributes[stickiness.enabled]", "AWS has no target stickiness where cross-zone load balancing is off; here a client sticks to targets of the node's zone")
	}
	if a.Algorithm == WeightedRandom {
		v.warn(g.Origin, "attributes[stickiness.enabled]", "AWS has no target stickiness with weighted_random; here clients stick, to a target with anomalies too")
	}
	if a.StickinessType == "app_cookie" {
		name := a.AppCookieName
		if !isToken(name) || slices.ContainsFunc([]string{"AWSALB", "AWSALBAPP", "AWSALBTG"}, func(p string) bool { return strings.HasPrefix(name, p) }) {
			v.warn(g.Origin, "attributes[stickiness.app_cookie.cookie_name]", "app_cookie stickiness needs the name of the application's cookie, not starting with AWSALB, and %q is none; clients are not kept on a target", name)
		}
	}
}

// targets leaves each address once and only those that can be connected to.
func (v *validation) targets(g *TargetGroup) {
	kept, seen := make([]Target, 0, len(g.Targets)), make(map[netip.AddrPort]bool, len(g.Targets))
	for _, t := range g.Targets {
		if !t.Addr.IsValid() || t.Addr.Port() == 0 || t.Addr.Addr().IsUnspecified() || t.Addr.Addr().IsMulticast() {
			v.setAside(g.Origin, "", "target %s of target group %s is no address that can be connected to%s", t.Addr, g.Key, orName(t.Name))
			continue
		}
		if !seen[t.Addr] {
			seen[t.Addr] = true
			kept = append(kept, t)
		}
	}
	if len(kept) < len(g.Targets) {
		g.Targets = kept
	}
	if len(kept) > quotaTargets {
		v.warn(g.Origin, "", "AWS takes at most %d targets a target group, and %s has %d", quotaTargets, g.Key, len(kept))
	}
}

func orName(name string) string {
	if name == "" {
		return ""
	}
	return " (" + name + ")"
}

// healthCheck makes every number of h one that can be worked with. AWS's ranges:
// CreateTargetGroup in the elbv2 API.
func (v *validation) healthCheck(g *TargetGroup, h *HealthCheck) {
	v.inRange(g, "interval (seconds)", &h.IntervalSeconds, 5, 300, 15)
	v.inRange(g, "timeout (seconds)", &h.TimeoutSeconds, 2, 120, 5)
	v.inRange(g, "healthy threshold", &h.HealthyThreshold, 2, 10, 2)
	v.inRange(g, "unhealthy threshold", &h.UnhealthyThreshold, 2, 10, 2)
	if g.layer7() && h.TimeoutSeconds >= h.IntervalSeconds {
		v.warn(g.Origin, "health check", "AWS wants the timeout (%d s) of target group %s below its interval (%d s)", h.TimeoutSeconds, g.Key, h.IntervalSeconds)
	}
	if h.Port < 0 || h.Port > 65535 {
		v.warn(g.Origin, "health check", "port %d of target group %s is none, traffic-port stands in; write traffic-port or a port from 1 to 65535", int(h.Port), g.Key)
		h.Port = TrafficPort
	}
	protocols := []Protocol{HTTP, HTTPS}
	fallback := g.Protocol
	if !g.layer7() {
		protocols, fallback = append(protocols, TCP), TCP
	}
	if !slices.Contains(protocols, h.Protocol) {
		v.warn(g.Origin, "health check", "protocol %q of target group %s is none, %s stands in; write %s", h.Protocol, g.Key, fallback, join(protocols))
		h.Protocol = fallback
	}
	if h.Protocol != TCP {
		v.healthRequest(g, h)
	}
}

// healthRequest looks at what an HTTP check asks for and what it takes for a pass.
func (v *validation) healthRequest(g *TargetGroup, h *HealthCheck) {
	if p := h.Path; p != "" && p[0] != '/' || hasControl(p) || strings.Contains(p, " ") {
		v.warn(g.Origin, "health check", "path %q of target group %s cannot be asked for, / stands in; write a path that starts with / and has no spaces", p, g.Key)
		h.Path = "/"
	}
	if h.Matcher == nil {
		return
	}
	low, high, codes, usual := 200, 499, &h.Matcher.HTTPCode, "200"
	if !g.layer7() {
		high = 599
	}
	if g.ProtocolVersion == GRPC {
		low, high, codes, usual = 0, 99, &h.Matcher.GRPCCode, "12"
	}
	if *codes == "" {
		return
	}
	least, most, ok := codeRange(*codes)
	switch {
	case !ok:
		v.warn(g.Origin, "health check", "success codes %q of target group %s are none, %s stands in; write codes such as 200 or 200,202 or 200-299", *codes, g.Key, usual)
		own := *h.Matcher
		if codes == &h.Matcher.GRPCCode {
			own.GRPCCode = usual
		} else {
			own.HTTPCode = usual
		}
		h.Matcher = &own
	case least < low || most > high:
		v.warn(g.Origin, "health check", "AWS takes success codes from %d to %d, and those of target group %s are %q", low, high, g.Key, *codes)
	}
}

// codeRange is the least and the greatest code of a matcher such as "200,204-299".
func codeRange(codes string) (least, most int, ok bool) {
	least, most = 1<<31, -1
	for part := range strings.SplitSeq(codes, ",") {
		from, to, isRange := strings.Cut(strings.TrimSpace(part), "-")
		if !isRange {
			to = from
		}
		low, errLow := strconv.ParseUint(from, 10, 16)
		high, errHigh := strconv.ParseUint(to, 10, 16)
		if errLow != nil || errHigh != nil || low > high {
			return 0, 0, false
		}
		least, most = min(least, int(low)), max(most, int(high))
	}
	return least, most, true
}

// inRange warns of a number outside of AWS's range and replaces one below 1.
func (v *validation) inRange(g *TargetGroup, what string, n *int, low, high, usual int) {
	switch {
	case *n < 1:
		v.warn(g.Origin, "health check", "%s of target group %s is %d, %d stands in; write %d to %d", what, g.Key, *n, usual, low, high)
		*n = usual
	case *n < low || *n > high:
		v.warn(g.Origin, "health check", "AWS takes %s from %d to %d, and that of target group %s is %d", what, low, high, g.Key, *n)
	}
}
