package console

import (
	"maps"
	"net/http"
	"slices"
	"strconv"

	"github.com/albatross-lb/albatross/lb"
)

// The answer of elbv2 DescribeTargetHealth as the AWS command line prints it.
type (
	describedHealth struct {
		TargetHealthDescriptions []healthDescription
	}
	healthDescription struct {
		Target          describedTarget
		HealthCheckPort string `json:",omitempty"`
		TargetHealth    describedState
		// AnomalyDetection is there only where it is asked for, as on AWS (--include AnomalyDetection).
		AnomalyDetection *describedAnomaly `json:",omitempty"`
	}
	describedAnomaly struct {
		Result             string // normal | anomalous
		MitigationInEffect string // yes | no
	}
	describedTarget struct {
		ID               string `json:"Id"`
		Port             uint16
		AvailabilityZone string `json:",omitempty"`
	}
	describedState struct {
		State       lb.HealthState
		Reason      lb.HealthReason `json:",omitempty"`
		Description string          `json:",omitempty"`
	}

	// groupHealth is that answer for one of several target groups.
	groupHealth struct {
		TargetGroupARN  string `json:"TargetGroupArn"`
		TargetGroupName string
		TargetGroupKey  string
		describedHealth
	}
)

// targetHealth describes one target group as AWS does, and several, or any number of them
// where all are asked for, as a list of such descriptions.
func (c *Console) targetHealth(w http.ResponseWriter, r *http.Request) {
	wanted := r.URL.Query().Get("target-group")
	include := r.URL.Query().Get("include")
	groups, anomalies := c.targetGroups(wanted), include == "AnomalyDetection" || include == "All"
	switch {
	case include != "" && !anomalies:
		fail(w, http.StatusBadRequest, "ValidationError", "there is no "+quote(include)+" to include; write AnomalyDetection or All")
	case len(groups) == 1 && !r.URL.Query().Has("all"):
		writeJSON(w, http.StatusOK, c.describe(groups[0], anomalies))
	case len(groups) == 0 && wanted != "":
		fail(w, http.StatusNotFound, "TargetGroupNotFound", "there is no target group "+quote(wanted)+"; GET /config lists those there are")
	default:
		all := struct{ TargetGroups []groupHealth }{make([]groupHealth, len(groups))}
		for i, g := range groups {
			all.TargetGroups[i] = groupHealth{g.ARN(c.options.Account, c.options.Region), g.Name, g.Key, c.describe(g, anomalies)}
		}
		writeJSON(w, http.StatusOK, all)
	}
}

// targetGroups are those that wanted names by key, name or ARN, all for "", in the
// order of their keys.
func (c *Console) targetGroups(wanted string) []*lb.TargetGroup {
	cfg := c.report().Config
	if cfg == nil {
		return nil
	}
	var list []*lb.TargetGroup
	for _, key := range slices.Sorted(maps.Keys(cfg.TargetGroups)) {
		g := cfg.TargetGroups[key]
		if wanted == "" || wanted == key || wanted == g.Name || wanted == g.ARN(c.options.Account, c.options.Region) {
			list = append(list, g)
		}
	}
	return list
}

func (c *Console) describe(g *lb.TargetGroup, anomalies bool) describedHealth {
	targets := c.options.Health(g.Key)
	out := describedHealth{make([]healthDescription, len(targets))}
	for i, t := range targets {
		d := healthDescription{
			Target:       describedTarget{t.Target.Addr.Addr().String(), t.Target.Addr.Port(), t.Target.Zone},
			TargetHealth: describedState{t.Health.State, t.Health.Reason, t.Health.Description},
		}
		if t.HealthCheckPort > 0 {
			d.HealthCheckPort = strconv.Itoa(t.HealthCheckPort)
		}
		if anomalies && t.Anomaly != nil {
			d.AnomalyDetection = t.Anomaly.describe()
		}
		out.TargetHealthDescriptions[i] = d
	}
	return out
}

func (a Anomaly) describe() *describedAnomaly {
	d := &describedAnomaly{"normal", "no"}
	if a.Anomalous {
		d.Result = "anomalous"
	}
	if a.Mitigated {
		d.MitigationInEffect = "yes"
	}
	return d
}
