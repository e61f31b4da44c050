package manifest

import (
	"slices"
	"strings"
	"testing"

	"github.com/albatross-lb/albatross/lb"
)

// TestImagined: what validation would find is told of an Ingress too that is set aside for
// another reason; and what is wrong is not told twice.
func TestImagined(t *testing.T) {
	for _, c := range []struct{ name, value, want string }{
		{"actions.act", `{"type":"fixed-response","fixedResponseConfig":{"statusCode":"99"}}`, "99"},
		{"actions.act", `{"type":"redirect","redirectConfig":{"host":"www.example.com","statusCode":"HTTP_999"}}`, "HTTP_999"},
		{"actions.act", `{"type":"forward","forwardConfig":{"targetGroups":[{"serviceName":"web","servicePort":80,"weight":-1},{"serviceName":"web","servicePort":"http","weight":1}]}}`, "-1"},
		{"conditions.web", `[{"field":"source-ip","sourceIpConfig":{"values":["10.0.0"]}}]`, "10.0.0"},
		{"transforms.web", `[{"type":"url-rewrite","urlRewriteConfig":{"rewrites":[{"regex":"(","replace":"x"}]}}]`, "RE2"},
		{"load-balancer-attributes", "idle_timeout.timeout_seconds=never", "never"},
		{"target-group-attributes", "slow_start.duration_seconds=never", "never"},
		{"healthcheck-interval-seconds", "0", "interval"},
	} {
		for _, other := range [][2]string{{"group.name", "Bad"}, {"scheme", "public"}, {"listen-ports", "["}, {"conditions.act", "["}, {"group.order", "x"}} {
			cfg := annotated(t, [2]string{c.name, c.value}, other)
			all := slices.Concat(cfg.SetAside, cfg.Warnings)
			if !slices.ContainsFunc(all, func(p lb.Problem) bool { return strings.Contains(p.Text, c.want) }) {
				t.Errorf("%s: %s beside %v: nothing says %q: %v", c.name, c.value, other, c.want, all)
			}
			if len(cfg.LoadBalancers)+len(cfg.TargetGroups) > 0 {
				t.Errorf("%s beside %v: it serves", c.value, other)
			}
			before := len(all)
			lb.Validate(cfg)
			if after := len(cfg.SetAside) + len(cfg.Warnings); after != before {
				t.Errorf("%s beside %v: %d problems, and %d validated", c.value, other, before, after)
			}
		}
	}
}
