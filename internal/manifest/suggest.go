package manifest

import (
	"slices"
	"strings"

	"github.com/albatross-lb/albatross/lb"
)

// misnomers are what people write for annotations, by prefix: names of the controller's
// first version, of other controllers, of fields and of attributes. What is advised is a
// name that is known, or whole words where more than the name is another.
var misnomers = map[string]map[string]string{
	ingressPrefix: {
		"attributes": "load-balancer-attributes", "security-group-inbound-cidrs": "inbound-cidrs", "successcodes": "success-codes", // of the first version
		"ssl-cert": "certificate-arn", "ssl-certificate": "certificate-arn", "tls-cert": "certificate-arn", "acm-cert": "certificate-arn", "certs": "certificate-arn", "cert": "certificate-arn",
		"ports": "listen-ports", "ssl-ports": "listen-ports", "port": "listen-ports", "listeners": "listen-ports", "listener-ports": "listen-ports", "http-port": "listen-ports", "https-port": "listen-ports",
		"internal": "scheme", "internet-facing": "scheme", "lb-scheme": "scheme", "name": "load-balancer-name", "lb-name": "load-balancer-name", "alb-name": "load-balancer-name",
		"order": "group.order", "ingress-group": "group.name", "priority": "group.order",
		"cidrs": "inbound-cidrs", "source-ranges": "inbound-cidrs", "load-balancer-source-ranges": "inbound-cidrs", "whitelist-source-range": "inbound-cidrs", "allowed-cidrs": "inbound-cidrs", "ip-whitelist": "inbound-cidrs",
		"https-redirect": "ssl-redirect", "force-ssl-redirect": "ssl-redirect", "http-to-https": "ssl-redirect", "redirect-to-https": "ssl-redirect",
		"ssl-negotiation-policy": "ssl-policy", "tls-policy": "ssl-policy", "security-policy": "ssl-policy",
		"web-acl": "wafv2-acl-arn", "web-acl-arn": "wafv2-acl-arn", "waf-acl": "wafv2-acl-arn", "waf-acl-arn": "wafv2-acl-arn", "wafv2-acl": "wafv2-acl-arn", "waf": "wafv2-acl-arn",
		"additional-resource-tags": "tags", "labels": "tags", "nlb-target-type": "target-type", "type": "target-type", "nodeport": "target-type",
		"healthcheck-success-codes": "success-codes", "healthcheck-codes": "success-codes", "healthcheck-matcher": "success-codes", "healthcheck-http-codes": "success-codes",
		"healthcheck-healthy-threshold": "healthy-threshold-count", "healthcheck-unhealthy-threshold": "unhealthy-threshold-count",
		"health-check": "healthcheck-path", "healthcheck": "healthcheck-path", "healthcheck-url": "healthcheck-path",
		"protocol": "backend-protocol", "target-protocol": "backend-protocol", "protocol-version": "backend-protocol-version",
		"subnet-ids": "subnets", "use-regex": "use-regex-path-match",
		"cross-zone-load-balancing-enabled": "target-group-attributes",
		"idle-timeout":                      "write load-balancer-attributes: idle_timeout.timeout_seconds=60",
		"connection-idle-timeout":           "write load-balancer-attributes: idle_timeout.timeout_seconds=60",
		"deletion-protection":               "write load-balancer-attributes: deletion_protection.enabled=true",
		"http2":                             "write load-balancer-attributes: routing.http2.enabled=true",
		"access-logs":                       "write load-balancer-attributes: access_logs.s3.enabled=true,access_logs.s3.bucket=my-bucket",
		"access-log-enabled":                "write load-balancer-attributes: access_logs.s3.enabled=true,access_logs.s3.bucket=my-bucket",
		"deregistration-delay":              "write target-group-attributes: deregistration_delay.timeout_seconds=30",
		"connection-draining-timeout":       "write target-group-attributes: deregistration_delay.timeout_seconds=30",
		"stickiness":                        "write target-group-attributes: stickiness.enabled=true,stickiness.lb_cookie.duration_seconds=3600",
		"sticky-sessions":                   "write target-group-attributes: stickiness.enabled=true,stickiness.lb_cookie.duration_seconds=3600",
		"slow-start":                        "write target-group-attributes: slow_start.duration_seconds=30",
		"algorithm":                         "write target-group-attributes: load_balancing.algorithm.type=least_outstanding_requests",
		"rewrite-target":                    `write transforms.<service>: '` + examples["transforms"] + `'`,
		"host":                              "write spec.rules[].host",
		"ingress-class":                     "write spec.ingressClassName: alb",
		"class":                             "write spec.ingressClassName: alb",
	},
	servicePrefix + awsPrefix: {
		"certificate-arn": "ssl-cert", "certificate": "ssl-cert", "ssl-certificate": "ssl-cert", "acm-cert": "ssl-cert", "cert": "ssl-cert", "certs": "ssl-cert", "ssl-port": "ssl-ports", "tls-ports": "ssl-ports", "listen-ports": "ssl-ports",
		"load-balancer-name": "name", "lb-name": "name", "load-balancer-attributes": "attributes", "tags": "additional-resource-tags",
		"ssl-policy": "ssl-negotiation-policy", "tls-policy": "ssl-negotiation-policy", "internet-facing": "scheme", "external": "scheme", "class": "type",
		"success-codes": "healthcheck-success-codes", "healthy-threshold-count": "healthcheck-healthy-threshold", "unhealthy-threshold-count": "healthcheck-unhealthy-threshold",
		"proxy-protocol-v2": "proxy-protocol", "ip-target-type": "nlb-target-type", "eip": "eip-allocations", "eips": "eip-allocations", "subnet-ids": "subnets",
		"cross-zone":           "cross-zone-load-balancing-enabled",
		"idle-timeout":         "connection-idle-timeout",
		"deregistration-delay": "write target-group-attributes: deregistration_delay.timeout_seconds=30",
		"stickiness":           "write target-group-attributes: stickiness.enabled=true,stickiness.type=source_ip",
		"preserve-client-ip":   "write target-group-attributes: preserve_client_ip.enabled=true",
		"inbound-cidrs":        "write spec.loadBalancerSourceRanges",
		"source-ranges":        "write spec.loadBalancerSourceRanges",
	},
}

// suggestion is what to write for an annotation that is not known; "" if nothing is near.
func suggestion(prefix, word string, known, families []string) string {
	advice := misnomers[prefix][kebab(word)]
	if strings.HasPrefix(advice, "write ") {
		return "; " + advice
	}
	near := []string{advice}
	if advice == "" {
		near = nearest(word, known, families)
	}
	if len(near) == 0 {
		return ""
	}
	text := "; did you mean " + prefix + strings.Join(near, " or "+prefix) + "?"
	if prefix == ingressPrefix && near[0] == "inbound-cidrs" {
		text += " Until then everybody may connect"
	}
	return text
}

// nearest gives the known names that a word most likely stands for. What people get wrong
// is, from the surest to the least sure: how words are joined, a letter or two, the ending,
// words too many in front or behind.
func nearest(word string, known, families []string) []string {
	plain := squeezed(word)
	if i := slices.IndexFunc(known, func(name string) bool { return squeezed(name) == plain }); i >= 0 {
		return []string{known[i]}
	}
	if family, rest, ok := strings.Cut(word, "."); ok && rest != "" {
		if near := lb.Nearest(family+".", families); near != "" {
			return []string{near + rest}
		}
	}
	word = kebab(word)
	if near := begunBy(word, known); len(near) > 0 {
		return near
	}
	if near := lb.Nearest(word, known); near != "" {
		return []string{near}
	}
	if near := lb.Nearest(word, shortened(known)); near != "" {
		return begunBy(near, known)
	}
	return longestWithin(word, known)
}

// squeezed is a name without regard to case and to what joins its words.
func squeezed(name string) string {
	return strings.Map(func(r rune) rune {
		if r == '-' || r == '_' || r == '.' || r == ' ' || r == '/' {
			return -1
		}
		return r
	}, strings.ToLower(name))
}

// kebab joins the words of a name by hyphens, as annotations do, in small letters.
func kebab(name string) string {
	var b strings.Builder
	for i, r := range name {
		switch {
		case r == '_' || r == ' ':
			r = '-'
		case r >= 'A' && r <= 'Z':
			if r += 'a' - 'A'; i > 0 && name[i-1] >= 'a' && name[i-1] <= 'z' {
				b.WriteByte('-')
			}
		}
		b.WriteRune(r)
	}
	return b.String()
}

// mostNear bounds the names that are suggested for one.
const mostNear = 2

// begunBy are the known names that begin with these whole words, however joined.
func begunBy(word string, known []string) (near []string) {
	for _, name := range known {
		if len(near) < mostNear && slices.ContainsFunc(beginnings(name), func(b string) bool { return squeezed(b) == squeezed(word) }) {
			near = append(near, name)
		}
	}
	return near
}

// beginnings of a name end where one of its words does, and are not all of it.
func beginnings(name string) (all []string) {
	for i, r := range name {
		if r == '-' || r == '.' {
			all = append(all, name[:i])
		}
	}
	return all
}

// shortened are the beginnings of all known names.
func shortened(known []string) (all []string) {
	for _, name := range known {
		all = append(all, beginnings(name)...)
	}
	return all
}

// longestWithin is the known name of the most letters whose words are within word's, or
// else the one that has word's within its own.
func longestWithin(word string, known []string) []string {
	longest, around := "", ""
	inWords := func(name string) string { return "-" + strings.ReplaceAll(name, ".", "-") + "-" }
	for _, name := range known {
		switch {
		case strings.Contains(inWords(word), inWords(name)) && len(name) > len(longest):
			longest = name
		case strings.Contains(inWords(name), inWords(word)) && (around == "" || len(name) < len(around)):
			around = name
		}
	}
	switch {
	case longest != "":
		return []string{longest}
	case around != "":
		return []string{around}
	}
	return nil
}
