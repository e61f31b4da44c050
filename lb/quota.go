package lb

// AWS's default quotas. Nothing here stops at them; Validate says where AWS would.
const (
	quotaRules           = 100 // a load balancer, default rules not counted
	quotaCertificates    = 25  // a load balancer, default certificates not counted
	quotaTargetGroups    = 100 // a load balancer
	quotaListeners       = 50  // a load balancer
	quotaGroupsPerAction = 5
	quotaTargets         = 1000 // a target group
	quotaConditionValues = 5    // a rule
	quotaWildcards       = 5    // a rule
	maxPriority          = 50000
)

// quotas names those that b exceeds.
func (v *validation) quotas(b *LoadBalancer) {
	rules, certificates, groups := 0, 0, map[string]bool{}
	for _, l := range b.Listeners {
		rules += len(l.Rules)
		certificates += max(len(l.Certificates)-1, 0)
		collectGroups(groups, l.DefaultActions)
		for _, r := range l.Rules {
			collectGroups(groups, r.Actions)
		}
		if n := len(l.Rules); n > 0 && l.Rules[n-1].Priority > maxPriority {
			v.warn(l.Origin, "", "AWS takes priorities from 1 to %d, and listener %s:%d goes to %d", maxPriority, l.Protocol, l.Port, l.Rules[n-1].Priority)
		}
	}
	for _, q := range []struct {
		what     string
		n, quota int
	}{
		{"listeners", len(b.Listeners), quotaListeners},
		{"rules", rules, quotaRules},
		{"certificates", certificates, quotaCertificates},
		{"target groups", len(groups), quotaTargetGroups},
	} {
		if q.n > q.quota {
			v.warn(b.Origin, "", "AWS takes at most %d %s a load balancer, and %s has %d", q.quota, q.what, b.Key, q.n)
		}
	}
}

func collectGroups(into map[string]bool, actions []Action) {
	for _, a := range actions {
		if a.Forward == nil {
			continue
		}
		for _, g := range a.Forward.TargetGroups {
			into[g.Name()] = true
		}
	}
}
