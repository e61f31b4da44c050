package manifest

import (
	"maps"
	"slices"
	"strings"

	"github.com/albatross-lb/albatross/lb"
)

// Advice that several counterparts share.
const (
	toRewrite  = `write alb.ingress.kubernetes.io/transforms.<service>: '[{"type":"url-rewrite","urlRewriteConfig":{"rewrites":[{"regex":"^/api/","replace":"/"}]}}]'`
	toHTTPS    = `write alb.ingress.kubernetes.io/listen-ports: '[{"HTTP":80},{"HTTPS":443}]' and alb.ingress.kubernetes.io/ssl-redirect: '443'`
	toRedirect = `write alb.ingress.kubernetes.io/actions.<name>: '{"type":"redirect","redirectConfig":{"host":"www.example.com","statusCode":"HTTP_301"}}' and a backend with service.name: <name> and service.port.name: use-annotation`
	toSplit    = `write alb.ingress.kubernetes.io/actions.<name>: '{"type":"forward","forwardConfig":{"targetGroups":[{"serviceName":"stable","servicePort":80,"weight":90},{"serviceName":"canary","servicePort":80,"weight":10}]}}' and a backend with service.name: <name> and service.port.name: use-annotation`
	toSelect   = `write alb.ingress.kubernetes.io/conditions.<service>: '[{"field":"http-header","httpHeaderConfig":{"httpHeaderName":"X-Canary","values":["always"]}}]' on a rule of its own`
	toStick    = "write alb.ingress.kubernetes.io/target-group-attributes: stickiness.enabled=true,stickiness.lb_cookie.duration_seconds=3600"
	toIdle     = "write alb.ingress.kubernetes.io/load-balancer-attributes: idle_timeout.timeout_seconds=60"
	toBalance  = "write alb.ingress.kubernetes.io/target-group-attributes: load_balancing.algorithm.type=least_outstanding_requests"
	toAllow    = "write alb.ingress.kubernetes.io/inbound-cidrs; until then everybody may connect"
	toDeny     = "AWS has web ACLs for it (alb.ingress.kubernetes.io/wafv2-acl-arn); until then everybody may connect"
	toLimit    = "AWS has rate rules of web ACLs for it (alb.ingress.kubernetes.io/wafv2-acl-arn); until then nothing is limited"
	toLogin    = "write alb.ingress.kubernetes.io/auth-type with auth-idp-oidc or auth-idp-cognito, or jwt-validation; until then nobody is asked who they are"
	toMutual   = `write alb.ingress.kubernetes.io/mutual-authentication: '[{"port":443,"mode":"verify","trustStore":"name"}]'; until then no client is asked for a certificate`
	toCORS     = "write alb.ingress.kubernetes.io/listener-attributes.HTTPS-443: routing.http.response.access_control_allow_origin.header_value=https://example.com and the like"
	toProtocol = "write alb.ingress.kubernetes.io/backend-protocol: HTTPS, or backend-protocol-version: GRPC or HTTP2"
	toNetwork  = "a network load balancer passes TLS on: a Service with service.beta.kubernetes.io/aws-load-balancer-type: external"
	toHost     = "write alb.ingress.kubernetes.io/transforms.<service>: '[{\"type\":\"host-header-rewrite\",\"hostHeaderRewriteConfig\":{\"rewrites\":[{\"regex\":\"^.*$\",\"replace\":\"internal.example.com\"}]}}]'"
	toCert     = "write alb.ingress.kubernetes.io/certificate-arn, or a Secret in spec.tls"
	toNobody   = "AWS's load balancer has nothing like it"
)

// ofNGINX are annotations of the NGINX Ingress controller (kubernetes/ingress-nginx,
// docs/user-guide/nginx-configuration/annotations.md) that change what is served, with
// what does the same here.
var ofNGINX = map[string]string{
	"rewrite-target": toRewrite, "app-root": toRedirect, "permanent-redirect": toRedirect, "permanent-redirect-code": toRedirect, "temporal-redirect": toRedirect,
	"from-to-www-redirect": toRedirect, "ssl-redirect": toHTTPS, "force-ssl-redirect": toHTTPS,
	"whitelist-source-range": toAllow, "allowlist-source-range": toAllow, "denylist-source-range": toDeny, "blacklist-source-range": toDeny,
	"backend-protocol": toProtocol, "secure-backends": toProtocol, "grpc-backend": toProtocol,
	"affinity": toStick, "affinity-mode": toStick, "session-cookie-name": toStick, "session-cookie-max-age": toStick, "session-cookie-expires": toStick,
	"canary": toSplit, "canary-weight": toSplit, "canary-weight-total": toSplit,
	"canary-by-header": toSelect, "canary-by-header-value": toSelect, "canary-by-header-pattern": toSelect, "canary-by-cookie": toSelect,
	"use-regex":          "write alb.ingress.kubernetes.io/use-regex-path-match: 'true' and pathType: ImplementationSpecific",
	"proxy-read-timeout": toIdle, "proxy-send-timeout": toIdle,
	"upstream-vhost": toHost, "server-alias": "write a rule with this host, or a condition host-header with both (alb.ingress.kubernetes.io/conditions.<service>)",
	"auth-url": toLogin, "auth-signin": toLogin, "auth-type": toLogin, "auth-secret": toLogin, "auth-realm": toLogin,
	"auth-tls-secret": toMutual, "auth-tls-verify-client": toMutual,
	"limit-rps": toLimit, "limit-rpm": toLimit, "limit-connections": toLimit, "limit-rate": toLimit,
	"enable-cors": toCORS, "cors-allow-origin": toCORS, "cors-allow-methods": toCORS, "cors-allow-headers": toCORS, "cors-allow-credentials": toCORS, "cors-max-age": toCORS, "cors-expose-headers": toCORS,
	"load-balance": toBalance, "upstream-hash-by": toStick, "ssl-passthrough": toNetwork, "default-backend": "write spec.defaultBackend",
	"configuration-snippet": toNobody, "server-snippet": toNobody, "custom-http-errors": toNobody, "enable-modsecurity": toDeny, "mirror-target": toNobody,
}

// controller is another Ingress controller whose annotations people leave in place.
type controller struct {
	name         string
	counterparts map[string]string // of those that change what is served, by the name behind the prefix
}

var (
	nginx   = controller{"the NGINX Ingress controller", ofNGINX}
	haproxy = controller{"an HAProxy Ingress controller", map[string]string{"whitelist": toAllow, "allow-list": toAllow, "deny-list": toDeny, "ssl-redirect": toHTTPS, "path-rewrite": toRewrite, "rewrite-target": toRewrite, "load-balance": toBalance, "cookie-persistence": toStick, "affinity": toStick}}
	traefik = controller{"Traefik", map[string]string{"router.middlewares": "Traefik's middlewares have no meaning here; what AWS has of them are actions, conditions and transforms (alb.ingress.kubernetes.io/)",
		"rule-type": toRewrite, "redirect-entry-point": toHTTPS, "redirect-permanent": toHTTPS, "whitelist-source-range": toAllow, "affinity": toStick, "service.sticky.cookie": toStick}}
	google = controller{"Google's Ingress controller (GKE)", map[string]string{"ingress.allow-http": `write alb.ingress.kubernetes.io/listen-ports: '[{"HTTPS":443}]'`, "managed-certificates": toCert, "pre-shared-cert": toCert}}
	azure  = controller{"Azure's Application Gateway controller", map[string]string{"backend-path-prefix": toRewrite, "ssl-redirect": toHTTPS, "backend-protocol": toProtocol, "cookie-based-affinity": toStick, "appgw-ssl-certificate": toCert, "request-timeout": toIdle, "backend-hostname": toHost, "use-private-ip": "write alb.ingress.kubernetes.io/scheme: internal"}}
	kong   = controller{"Kong", map[string]string{"strip-path": toRewrite, "protocols": toHTTPS, "https-redirect-status-code": toHTTPS, "plugins": toNobody}}
	others = controller{name: "another Ingress controller"}
)

// controllers are those of others, by the part of their annotations before the slash.
var controllers = map[string]controller{
	"nginx.ingress.kubernetes.io": nginx, "nginx.org": nginx, "nginx.com": nginx,
	"haproxy.org": haproxy, "haproxy.com": haproxy, "ingress.haproxy.org": haproxy, "haproxy-ingress.github.io": haproxy, "haproxy.ingress.kubernetes.io": haproxy,
	"traefik.ingress.kubernetes.io": traefik, "traefik.containo.us": traefik, "traefik.io": traefik, "ingress.traefik.io": traefik,
	"networking.gke.io": google, "ingress.gcp.kubernetes.io": google, "cloud.google.com": google,
	"appgw.ingress.kubernetes.io": azure, "appgw.ingress.azure.io": azure,
	"konghq.com": kong, "configuration.konghq.com": kong, "plugins.konghq.com": kong,
	"projectcontour.io": others, "contour.heptio.com": others, "zalando.org": others, "getambassador.io": others, "ingress.bluemix.net": others, "ingress.cilium.io": others, "voyager.appscode.com": others,
}

// controllerOf tells whose an annotation is, if it is that of another Ingress controller,
// and its name behind the prefix.
func controllerOf(key string) (of controller, word string, ok bool) {
	domain, word, _ := strings.Cut(key, "/")
	of, ok = controllers[domain]
	switch {
	case ok:
	case domain == "kubernetes.io" && (strings.HasPrefix(word, "ingress.allow-http") || strings.HasSuffix(word, "static-ip-name")):
		return google, word, true
	case domain == "ingress.kubernetes.io" && ofNGINX[word] != "" && !slices.Contains(ingressNames, word):
		return nginx, word, true // before it had a prefix of its own
	}
	return of, word, ok
}

// warnForeign warns of annotations of an object of ours that begin as no annotation does
// which is read: those of other controllers, with what does the same here, and misspelt
// beginnings. home is the beginning that is right for the object.
func (b *builder) warnForeign(origin lb.Origin, notes map[string]string, home string) {
	for _, key := range slices.Sorted(maps.Keys(notes)) {
		field := "metadata.annotations[" + key + "]"
		if of, word, ok := controllerOf(key); ok && home == ingressPrefix {
			text := "this speaks to " + of.name + ", and has no effect here"
			if same := of.counterparts[word]; same != "" {
				b.warnOnce(origin, field, text+"; "+same)
			} else if b.firstTime(origin, field, text) {
				b.note(origin, field, "%s", text)
			}
			continue
		}
		advice := misspeltOfIngress(key)
		if home != ingressPrefix {
			advice = misspeltOfService(key)
		}
		if advice != "" {
			b.warnOnce(origin, field, "there is no such annotation, and it has no effect"+advice)
		}
	}
}

// misspeltOfIngress is the advice for an annotation that begins nearly as those of
// Ingresses do; "" if it is one of them, or someone else's.
func misspeltOfIngress(key string) string {
	domain, word, slash := strings.Cut(key, "/")
	if !slash { // the beginning was left out
		if slices.Contains(ingressNames, key) && (strings.Contains(key, "-") || key == "scheme") {
			return "; did you mean " + ingressPrefix + key + "?"
		}
		return ""
	}
	ours, _, _ := strings.Cut(ingressPrefix, "/")
	near := domain == "ingress.kubernetes.io" || strings.HasSuffix(domain, "k8s.aws") || strings.HasPrefix(domain, "ingress.k8s") ||
		strings.HasPrefix(domain, "aws.") || strings.HasPrefix(domain, "elb.") || lb.Nearest(domain, []string{ours}) != ""
	sure := slices.ContainsFunc(strings.FieldsFunc(domain, joins), func(part string) bool { return part == "alb" || part == "albingress" })
	family, rest, _ := strings.Cut(word, ".")
	switch {
	case domain == ours || !near && !sure:
		return ""
	case slices.Contains(ingressNames, word), rest != "" && slices.Contains(ingressFamilies, family+"."):
		return "; did you mean " + ingressPrefix + word + "?"
	case sure:
		return suggestion(ingressPrefix, word, ingressNames, ingressFamilies)
	}
	return ""
}

func joins(r rune) bool { return r == '-' || r == '.' }

// misspeltOfService is that for an annotation of a Service: its name says aws-load-balancer,
// more or less, behind another beginning, or the beginning is right and the name is not.
func misspeltOfService(key string) string {
	domain, word, slash := strings.Cut(key, "/")
	if !slash {
		domain, word = "", key
	}
	starts := []string{awsPrefix, "aws-loadbalancer-", "aws-lb-", "aws-nlb-", "aws-elb-", "aws-alb-"}
	if strings.HasPrefix(domain, "service.") {
		starts = append(starts, "load-balancer-", "loadbalancer-")
	}
	for _, start := range starts {
		name, ok := strings.CutPrefix(word, start)
		switch {
		case strings.HasPrefix(key, servicePrefix+awsPrefix) || word == "load-balancer-source-ranges" || !ok:
		case slices.Contains(serviceNames, name):
			return "; did you mean " + servicePrefix + awsPrefix + name + "?"
		default:
			return suggestion(servicePrefix+awsPrefix, name, serviceNames, serviceFamilies)
		}
	}
	return ""
}
