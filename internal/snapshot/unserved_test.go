package snapshot

import (
	"errors"
	"strings"
	"testing"

	"github.com/albatross-lb/albatross/internal/certs"
	"github.com/albatross-lb/albatross/lb"
)

// TestUnservedListeners: what cannot be served is out of the Config after a Build, and the load
// balancers that the Config was made with are as they were.
func TestUnservedListeners(t *testing.T) {
	answer := []lb.Action{{Type: lb.FixedResponseAction, FixedResponse: &lb.FixedResponse{StatusCode: "200"}}}
	on := func(port int, p lb.Protocol) *lb.Listener {
		return &lb.Listener{Port: port, Protocol: p, SSLPolicy: lb.DefaultSSLPolicy, DefaultActions: answer}
	}
	for name, c := range map[string]struct {
		listeners []*lb.Listener
		ports     map[int]int
		served    string
		problem   string
	}{
		"all":                      {listeners: []*lb.Listener{on(80, lb.HTTP), on(81, lb.HTTP)}, served: "80 81"},
		"no certificate":           {listeners: []*lb.Listener{on(80, lb.HTTP), on(443, lb.HTTPS)}, served: "80", problem: "no usable certificate"},
		"nothing left":             {listeners: []*lb.Listener{on(443, lb.HTTPS)}, served: "", problem: "no usable certificate"},
		"ports bound as one":       {listeners: []*lb.Listener{on(80, lb.HTTP), on(81, lb.HTTP)}, ports: map[int]int{80: 8080, 81: 8080}, served: "80", problem: "binds it as port 8080, and port 80 as well"},
		"bound as another's":       {listeners: []*lb.Listener{on(80, lb.HTTP), on(81, lb.HTTP)}, ports: map[int]int{81: 80}, served: "80", problem: "binds it as port 80"},
		"ports that are exchanged": {listeners: []*lb.Listener{on(80, lb.HTTP), on(81, lb.HTTP)}, ports: map[int]int{80: 81, 81: 80}, served: "80 81"},
	} {
		t.Run(name, func(t *testing.T) {
			given := &lb.LoadBalancer{Key: "a", Name: "a", Type: lb.Application, Listeners: c.listeners}
			cfg := &lb.Config{LoadBalancers: []*lb.LoadBalancer{given}}
			o := options(t)
			o.PortMap = c.ports
			o.Certificate = func(string, []string) (*certs.Certificate, error) { return nil, errors.New("none") }
			s, problems := Build(cfg, o)
			var served []string
			for _, l := range cfg.LoadBalancers[0].Listeners {
				served = append(served, map[int]string{80: "80", 81: "81", 443: "443"}[l.Port])
				if s.Sockets[l.Port] == nil {
					t.Errorf("port %d is in the Config and has no socket", l.Port)
				}
			}
			if got := strings.Join(served, " "); got != c.served || len(s.Sockets) != len(served) {
				t.Errorf("served are %q and %d sockets, want %q", got, len(s.Sockets), c.served)
			}
			if len(given.Listeners) != len(c.listeners) {
				t.Error("the load balancer that was given has lost listeners")
			}
			if c.problem == "" && len(problems) > 0 || c.problem != "" && (len(problems) == 0 || !strings.Contains(problems[len(problems)-1].Text, c.problem)) {
				t.Errorf("problems %v, want %q", problems, c.problem)
			}
			if warned := len(cfg.Warnings) == 1 && strings.Contains(cfg.Warnings[0].Text, "serves nothing"); warned != (c.served == "") {
				t.Errorf("warnings %v", cfg.Warnings)
			}
		})
	}
}
