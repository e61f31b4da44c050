package console

import (
	"net/http"
	"time"

	"github.com/albatross-lb/albatross/lb"
)

// The running configuration in the form that `check -o json` prints, with what that
// form leaves out: where things were written, ARNs, targets. A field of an outer
// struct takes the place of the embedded one of the same name.
type (
	configView struct {
		Generation    uint64                      `json:"generation"`
		Time          *time.Time                  `json:"time,omitempty"`
		LoadBalancers []loadBalancerView          `json:"loadBalancers"`
		TargetGroups  map[string]*targetGroupView `json:"targetGroups"`
		Ignored       []string                    `json:"ignored,omitempty"`
	}
	loadBalancerView struct {
		*lb.LoadBalancer
		ARN       string         `json:"arn"`
		Origin    lb.Origin      `json:"origin"`
		Listeners []listenerView `json:"listeners"`
	}
	listenerView struct {
		*lb.Listener
		Origin         lb.Origin   `json:"origin"`
		DefaultActions []lb.Action `json:"defaultActions"`
		Rules          []ruleView  `json:"rules"`
	}
	ruleView struct {
		*lb.Rule
		Origin  lb.Origin   `json:"origin"`
		Field   string      `json:"field,omitempty"`
		Actions []lb.Action `json:"actions"`
	}
	targetGroupView struct {
		*lb.TargetGroup
		ARN     string       `json:"arn"`
		Origin  lb.Origin    `json:"origin"`
		Targets []targetView `json:"targets"`
	}
	targetView struct {
		ID       string `json:"id"`
		Port     uint16 `json:"port"`
		Zone     string `json:"availabilityZone,omitempty"`
		Name     string `json:"name,omitempty"`
		Draining bool   `json:"draining,omitempty"`
	}
)

func (c *Console) config(w http.ResponseWriter, _ *http.Request) {
	r := c.report()
	view := configView{Generation: r.Generation, LoadBalancers: []loadBalancerView{}, TargetGroups: map[string]*targetGroupView{}}
	if r.Config != nil {
		view.Time, view.Ignored = &r.Time, r.Config.Ignored
		for _, b := range r.Config.LoadBalancers {
			view.LoadBalancers = append(view.LoadBalancers, c.loadBalancer(b))
		}
		for key, g := range r.Config.TargetGroups {
			view.TargetGroups[key] = c.targetGroup(g)
		}
	}
	writeJSON(w, http.StatusOK, view)
}

func (c *Console) loadBalancer(b *lb.LoadBalancer) loadBalancerView {
	view := loadBalancerView{b, b.ARN(c.options.Account, c.options.Region), b.Origin, make([]listenerView, len(b.Listeners))}
	for i, l := range b.Listeners {
		listener := listenerView{l, l.Origin, withoutSecrets(l.DefaultActions), make([]ruleView, len(l.Rules))}
		for j, r := range l.Rules {
			listener.Rules[j] = ruleView{r, r.Origin, r.Field, withoutSecrets(r.Actions)}
		}
		view.Listeners[i] = listener
	}
	return view
}

func (c *Console) targetGroup(g *lb.TargetGroup) *targetGroupView {
	view := &targetGroupView{g, g.ARN(c.options.Account, c.options.Region), g.Origin, make([]targetView, len(g.Targets))}
	for i, t := range g.Targets {
		view.Targets[i] = targetView{t.Addr.Addr().String(), t.Addr.Port(), t.Zone, t.Name, t.Draining}
	}
	return view
}

// redacted stands where a secret is.
const redacted = "(redacted)"

// withoutSecrets is actions with every client secret blanked.
func withoutSecrets(actions []lb.Action) []lb.Action {
	out := make([]lb.Action, len(actions))
	for i, a := range actions {
		if a.OIDC != nil {
			blank := *a.OIDC
			if blank.ClientSecret != "" {
				blank.ClientSecret = redacted
			}
			a.OIDC = &blank
		}
		out[i] = a
	}
	return out
}
