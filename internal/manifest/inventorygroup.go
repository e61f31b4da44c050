package manifest

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/albatross-lb/albatross/lb"
)

// InventoryTargetGroup is a target group that exists beside the manifests. In JSON it is
// its ARN alone, or an object. What it leaves out, a TargetGroupBinding may say; else the
// defaults hold.
type InventoryTargetGroup struct {
	ARN             string             `json:"arn"`
	Protocol        lb.Protocol        `json:"protocol,omitempty"`
	ProtocolVersion lb.ProtocolVersion `json:"protocolVersion,omitempty"`
	Port            int                `json:"port,omitempty"`
	TargetType      string             `json:"targetType,omitempty"`
	IPAddressType   string             `json:"ipAddressType,omitempty"`
	HealthCheck     *lb.HealthCheck    `json:"healthCheck,omitempty"` // numbers left out: the elbv2 API's defaults
	Attributes      map[string]string  `json:"attributes,omitempty"`
}

// UnmarshalJSON reads an ARN, or an object; a field it does not know is an error.
func (g *InventoryTargetGroup) UnmarshalJSON(data []byte) error {
	if strings.HasPrefix(string(data), `"`) {
		return json.Unmarshal(data, &g.ARN)
	}
	type plain InventoryTargetGroup // without this method
	decoder := json.NewDecoder(strings.NewReader(string(data)))
	decoder.DisallowUnknownFields()
	return decoder.Decode((*plain)(g))
}

// targetGroup finds a target group by its name.
func (i *Inventory) targetGroup(name string) (InventoryTargetGroup, bool) {
	if i == nil {
		return InventoryTargetGroup{ARN: name}, true
	}
	arns := make(map[string]string, len(i.TargetGroups))
	for pattern, g := range i.TargetGroups {
		arns[pattern] = g.ARN
	}
	arn, ok := find(arns, name)
	if !ok {
		return InventoryTargetGroup{}, false
	}
	keys := slices.SortedFunc(maps.Keys(arns), func(x, y string) int { return cmp.Compare(len(y), len(x)) })
	at := slices.IndexFunc(keys, func(k string) bool { return k == name })
	if at < 0 { // the longest pattern, as find has it
		at = slices.IndexFunc(keys, func(k string) bool {
			start, pattern := strings.CutSuffix(k, "*")
			return pattern && strings.HasPrefix(name, start)
		})
	}
	g := i.TargetGroups[keys[at]]
	g.ARN = arn
	return g, true
}

// describe gives a target group its version and health check. The numbers are those of
// the elbv2 API (CreateTargetGroup), since nobody's controller made the group.
func (k InventoryTargetGroup) describe(g *lb.TargetGroup) {
	h := lb.HealthCheck{Protocol: lb.TCP}
	if g.Protocol == lb.HTTP || g.Protocol == lb.HTTPS {
		g.ProtocolVersion = cmp.Or(k.ProtocolVersion, lb.HTTP1)
		h = lb.HealthCheck{Protocol: g.Protocol, Path: "/", Matcher: &lb.Matcher{HTTPCode: "200"}}
		if g.ProtocolVersion == lb.GRPC {
			h.Path, h.Matcher = "/AWS.ALB/healthcheck", &lb.Matcher{GRPCCode: "12"}
		}
	}
	if said := k.HealthCheck; said != nil {
		h.Port, h.Matcher = said.Port, cmp.Or(said.Matcher, h.Matcher)
		if h.Protocol = cmp.Or(said.Protocol, h.Protocol); h.Protocol != lb.TCP {
			h.Path = cmp.Or(said.Path, h.Path, "/")
		}
		h.IntervalSeconds, h.TimeoutSeconds = said.IntervalSeconds, said.TimeoutSeconds
		h.HealthyThreshold, h.UnhealthyThreshold = said.HealthyThreshold, said.UnhealthyThreshold
	}
	interval, timeout := 30, 5
	if h.Protocol == lb.TCP {
		timeout = 10
	}
	h.IntervalSeconds, h.TimeoutSeconds = cmp.Or(h.IntervalSeconds, interval), cmp.Or(h.TimeoutSeconds, timeout)
	h.HealthyThreshold, h.UnhealthyThreshold = cmp.Or(h.HealthyThreshold, 5), cmp.Or(h.UnhealthyThreshold, 2)
	g.HealthCheck = &h
}
