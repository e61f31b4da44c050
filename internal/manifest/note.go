package manifest

import (
	"cmp"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/albatross-lb/albatross/lb"
)

// The two ways in which a setting has no effect.
const (
	notYet  = "accepted, not active yet: "
	nowhere = "means nothing outside AWS: "
)

const (
	ownAddresses  = nowhere + "the load balancer has the addresses of the machine it runs on (--bind)"
	noGroups      = nowhere + "security groups are not known here, so that everybody who can reach the machine may connect; inbound ranges work here"
	noLists       = nowhere + "prefix lists are not known here and let nobody in; write the ranges in inbound-cidrs"
	noTags        = nowhere + "tags are kept and shown; there is no AWS resource to put them on"
	noCapacity    = nowhere + "there is no capacity to reserve"
	noShared      = nowhere + "targets are registered by this load balancer alone"
	noDNS         = "there is no DNS record of the load balancer here"
	noLogin       = notYet + "logging users in; requests are refused rather than let through"
	noWebACL      = notYet + "the web ACL; requests are not judged by it"
	keepAddresses = "targets see clients' addresses only where `albatross run` has the flag --transparent and routes bring answers back to it (docs/layer4.md)"
)

// inert are the annotations that have no effect, or not yet, by their names: for
// Ingresses behind the prefix, for Services behind servicePrefix and awsPrefix.
var inert = map[string]string{
	"wafv2-acl-arn": noWebACL, "wafv2-acl-name": noWebACL, "waf-acl-id": noWebACL, "web-acl-id": noWebACL,
	"shield-advanced-protection": notYet + "Shield Advanced protection",
	"jwt-validation":             notYet + "checking tokens; requests are refused rather than let through",
	"create-acm-cert":            notYet + "having certificates made",
	"acm-pca-arn":                notYet + "having certificates made",
	"dry-run-plan":               nowhere + "`albatross check` shows the plan",

	"subnets": ownAddresses, "eip-allocations": ownAddresses, "private-ipv4-addresses": ownAddresses, "ipv6-addresses": ownAddresses,
	"customer-owned-ipv4-pool": ownAddresses, "ipam-ipv4-pool-id": ownAddresses,
	"enable-prefix-for-ipv6-source-nat": ownAddresses, "source-nat-ipv6-prefixes": ownAddresses,
	"security-groups": noGroups, "extra-security-groups": noGroups, "manage-backend-security-group-rules": noGroups,
	"inbound-sg-rules-on-private-link-traffic": noGroups, "disable-nlb-sg": noGroups, "enable-icmp-for-path-mtu-discovery": noGroups,
	"security-group-prefix-lists": noLists, "tags": noTags, "additional-resource-tags": noTags,
	"minimum-load-balancer-capacity": noCapacity, "multi-cluster-target-group": noShared,

	"connection-draining-enabled": nowhere + "targets always drain; connection-draining-timeout says for how long",
	"access-log-emit-interval":    nowhere + "log files are closed every 5 minutes",
}

// noteInert says of an object's annotations what has no effect.
func (b *builder) noteInert(origin lb.Origin, notes annotations) {
	for _, key := range slices.Sorted(maps.Keys(notes.values)) {
		word, ours := strings.CutPrefix(key, notes.prefix)
		if !ours {
			continue
		}
		for _, text := range notes.inert(word) {
			if p := (lb.Problem{Origin: origin, Field: "metadata.annotations[" + key + "]", Text: text}); b.firstTime(p.Origin, p.Field, p.Text) {
				b.cfg.Notes = append(b.cfg.Notes, p)
			}
		}
	}
}

// inert says what of one annotation has no effect.
func (a annotations) inert(word string) []string {
	value := a.values[a.key(word)]
	off := value == "" || value == "none" || value == "false"
	text, known := inert[word]
	switch {
	case known && !off:
		return []string{text}
	case word == "auth-type" && (value == "oidc" || value == "cognito"):
		return []string{noLogin}
	case strings.HasPrefix(word, "target-control-port."):
		return []string{notYet + "the target control port"}
	case word == "load-balancer-attributes", word == "attributes", word == "target-group-attributes", strings.HasPrefix(word, "target-group-attributes."):
		attributes, _, _ := a.pairs(word)
		return inertAttributes(attributes)
	case word == "access-log-enabled" && value == "true":
		return inertAttributes(map[string]string{"access_logs.s3.enabled": "true"})
	}
	return nil
}

// inertAttributes says what of attributes has no effect.
func inertAttributes(attributes map[string]string) []string {
	var texts []string
	add := func(key, text string) {
		if v := attributes[key]; v != "" && v != "false" && v != "off" {
			texts = append(texts, key+": "+text)
		}
	}
	add("access_logs.s3.enabled", notYet+"sending access logs to S3; they are kept as files under the state folder")
	for _, logs := range []string{"connection", "health check"} { // which network load balancers have not
		add(strings.ReplaceAll(logs, " ", "_")+"_logs.s3.enabled", notYet+"sending "+logs+" logs to S3; an application load balancer keeps them as files under the state folder")
	}
	add("waf.fail_open.enabled", noWebACL)
	add("zonal_shift.config.enabled", nowhere+"AWS starts zonal shifts; here a zone is left by stopping its nodes, or by what sends traffic to them")
	add("deletion_protection.enabled", nowhere+"the load balancer is there as long as its manifest is")
	add("ipv6.deny_all_igw_traffic", nowhere+"there is no internet gateway")
	add("dns_record.client_routing_policy", nowhere+noDNS)
	add("secondary_ips.auto_assigned.per_subnet", ownAddresses)
	add("lambda.multi_value_headers.enabled", nowhere+"targets are addresses, never Lambda functions")
	for _, word := range []string{"count", "percentage"} {
		add("target_group_health.dns_failover.minimum_healthy_targets."+word, noDNS+"; while there are fewer, GET /node-health of the admin API answers 503 to what chooses between nodes")
	}
	return texts
}

// noteParams says of IngressClassParams what has no effect.
func (b *builder) noteParams(origin lb.Origin, p *IngressClassParamsSpec) {
	for _, n := range []struct {
		given       bool
		field, text string
	}{
		{p.WAFv2ACLARN != "" && p.WAFv2ACLARN != "none", "wafv2AclArn", noWebACL},
		{p.WAFv2ACLName != "" && p.WAFv2ACLName != "none", "wafv2AclName", noWebACL},
		{p.Subnets != nil, "subnets", ownAddresses},
		{p.IPAMConfiguration != nil, "ipamConfiguration", ownAddresses},
		{len(p.PrefixListsIDs)+len(p.PrefixListsIDsOld) > 0, "prefixListsIDs", noLists},
		{len(p.Tags) > 0, "tags", noTags},
		{p.MinimumLoadBalancerCapacity != nil, "minimumLoadBalancerCapacity", noCapacity},
	} {
		if field := "spec." + n.field; n.given && b.firstTime(origin, field, n.text) {
			b.note(origin, field, "%s", n.text)
		}
	}
	for _, text := range inertAttributes(pairs(p.LoadBalancerAttributes)) {
		if b.firstTime(origin, "spec.loadBalancerAttributes", text) {
			b.note(origin, "spec.loadBalancerAttributes", "%s", text)
		}
	}
}

// mostNamed bounds the files that a note names.
const mostNamed = 5

// noteForeign says which files are passed over as other tools', of which a repository has many.
func (b *builder) noteForeign(origins []lb.Origin) {
	var files []string
	for _, o := range origins {
		if !slices.Contains(files[max(len(files)-1, 0):], o.File) { // the documents of a file are side by side
			files = append(files, o.File)
		}
	}
	switch more := len(files) - mostNamed; {
	case len(origins) == 0:
	case len(files) == 1:
		b.note(origins[0], "", "this is no Kubernetes object; passed over")
	case more > 0:
		b.note(lb.Origin{}, "", "%d files hold what is no Kubernetes object; passed over: %s and %d more", len(files), strings.Join(files[:mostNamed], ", "), more)
	default:
		b.note(lb.Origin{}, "", "%d files hold what is no Kubernetes object; passed over: %s", len(files), strings.Join(files, ", "))
	}
}

func (b *builder) notePassedOver(origin lb.Origin) {
	if folder, file := path.Split(origin.File); IsKustomization(file) {
		b.note(origin, "", "the files that this kustomization names are read as they stand; for what kustomize makes of them: kubectl kustomize %s | albatross check -, or give --render", cmp.Or(path.Clean(folder), "."))
		return
	}
	advice := "passed over"
	kinds := slices.Sorted(maps.Keys(kinds))
	if near := lb.Nearest(origin.Kind, kinds); near != "" && !slices.Contains(kinds, origin.Kind) {
		advice += "; did you mean kind: " + near + "?"
	}
	b.note(origin, "", "%s %s nothing to a load balancer; %s", lb.WithArticle(origin.Kind), verb(origin.Kind, "says", "say"), advice)
}

// verb is the form that goes with a kind of object.
func verb(kind, singular, plural string) string {
	if lb.IsPlural(kind) {
		return plural
	}
	return singular
}
