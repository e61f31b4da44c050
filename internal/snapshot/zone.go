package snapshot

import (
	"maps"
	"slices"
	"strings"

	"github.com/albatross-lb/albatross/lb"
)

const crossZone = "load_balancing.cross_zone.enabled"

// zonalByDefault are the target groups of network load balancers that do not balance across
// zones, their default. An application load balancer always does.
func zonalByDefault(cfg *lb.Config) map[string]bool {
	zonal := map[string]bool{}
	for _, b := range cfg.LoadBalancers {
		if b.CrossZone() {
			continue
		}
		for _, l := range b.Listeners {
			for _, a := range l.DefaultActions {
				if a.Forward == nil {
					continue
				}
				for _, g := range a.Forward.TargetGroups {
					zonal[g.TargetGroup] = true
				}
			}
		}
	}
	return zonal
}

// confine settles whether the group keeps to the node's zone, and gives which of its targets
// are elsewhere; nil: none is. A target whose zone nobody knows is used from every zone, as
// one of AvailabilityZone=all is on AWS.
func (b *builder) confine(t *TargetGroup) (away []bool) {
	own := t.Attributes.CrossZone
	t.Zonal = (own == "false" || own != "true" && b.zonal[t.Config.Key]) && t.Config.TargetType != "alb"
	if !t.Zonal || b.Zone == "" {
		b.noteUnconfined(t)
		return nil
	}
	t.Zone = b.Zone
	away = make([]bool, len(t.Targets))
	here, unknown := 0, 0
	for i, target := range t.registered() {
		away[i] = target.Zone != "" && target.Zone != b.Zone
		if !away[i] {
			here++
		}
		if target.Zone == "" {
			unknown++
		}
	}
	switch {
	case here == 0 && len(away) > 0:
		b.warn(t.Config.Origin, "attributes["+crossZone+"]", "cross-zone load balancing is off, and none of the targets of %s is in this node's zone %s (they are in %s): %s",
			t.Config.Key, b.Zone, strings.Join(t.zones(), ", "), t.nobody())
	case unknown > 0:
		b.note(t.Config.Origin, "attributes["+crossZone+"]", "cross-zone load balancing is off, and the zone of %d of the %d targets of %s is not known (endpoints[].zone, or the "+
			"Node's label topology.kubernetes.io/zone): they are used from every zone", unknown, len(away), t.Config.Key)
	}
	return away
}

// noteUnconfined says what a group does that is to keep to a zone where nobody has said
// which one this node is in. Network load balancers, where it is the default, say it where
// there are several zones.
func (b *builder) noteUnconfined(t *TargetGroup) {
	if t.Zonal && (t.Attributes.CrossZone == "false" || len(t.zones()) > 1) {
		b.note(t.Config.Origin, "attributes["+crossZone+"]", "cross-zone load balancing is off for %s, and this node does not know its own zone: all targets are used; "+
			"with the flag --zone only those of that zone are", t.Config.Key)
	}
}

// registered are the targets of the configuration in the order of Targets.
func (t *TargetGroup) registered() []lb.Target {
	return slices.DeleteFunc(slices.Clone(t.Config.Targets), func(target lb.Target) bool { return target.Draining })
}

// zones are those that targets are known to be in, sorted.
func (t *TargetGroup) zones() []string {
	seen := map[string]bool{}
	for _, target := range t.registered() {
		if target.Zone != "" {
			seen[target.Zone] = true
		}
	}
	return slices.Sorted(maps.Keys(seen))
}

// nobody is what becomes of traffic to a group without targets.
func (t *TargetGroup) nobody() string {
	if t.Layer7() {
		return "its requests are answered 503"
	}
	return "its flows are refused"
}

// Layer7 tells whether the group's targets are sent requests, not flows.
func (t *TargetGroup) Layer7() bool {
	return t.Config.Protocol == lb.HTTP || t.Config.Protocol == lb.HTTPS
}
