package lb

// AWS's default quotas (Quotas for your Application Load Balancers, in the user guide).
// Nothing here stops at them; Validate says where AWS would.
const (
	quotaRules           = 100 // a load balancer, default rules not counted
	quotaCertificates    = 25  // a load balancer, default certificates not counted
	quotaTargetGroups    = 100 // a load balancer
	quotaListeners       = 50  // a load balancer
	quotaGroupsPerAction = 5
	quotaTargets         = 1000 // a target group
	quotaConditionValues = 5    // a rule
	quotaWildcards       = 6    // a rule; it was 5 for long
	quotaBalancerTargets = 1000 // an application load balancer
	quotaVerifying       = 2    // listeners of a load balancer with mutual authentication in mode verify
	maxPriority          = 50000
)

// quotas names those that b exceeds.
func (v *validation) quotas(b *LoadBalancer, groups []string) {
	rules, certificates, verifying := 0, 0, 0
	for _, l := range b.Listeners {
		if m := l.MutualAuthentication; m != nil && m.Mode == "verify" {
			verifying++
		}
		rules += len(l.Rules)
		certificates += max(len(l.Certificates)-1, 0)
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
		{"targets", v.targetsOf(groups), quotaBalancerTargets},
		{"listeners that verify clients", verifying, quotaVerifying},
	} {
		if q.n > q.quota {
			v.warn(b.Origin, "", "AWS takes at most %d %s a load balancer, and %s has %d", q.quota, q.what, b.Key, q.n)
		}
	}
}

// targetsOf counts the targets of groups; those of a network load balancer's have another quota.
func (v *validation) targetsOf(groups []string) (n int) {
	for _, key := range groups {
		if g := v.cfg.TargetGroups[key]; g != nil && g.layer7() {
			n += len(g.Targets)
		}
	}
	return n
}

// sharedGroups names target groups that several load balancers forward to: AWS attaches a
// target group to one load balancer at most.
func (v *validation) sharedGroups() {
	users := map[string]*LoadBalancer{}
	for _, b := range v.cfg.LoadBalancers {
		for _, key := range v.now.balancers[b.identity()].groups {
			if first := users[key]; first != nil {
				v.warn(b.Origin, "", "AWS attaches a target group to one load balancer, and %s is used by %s and %s", key, first.Key, b.Key)
				continue
			}
			users[key] = b
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
