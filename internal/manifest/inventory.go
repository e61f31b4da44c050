package manifest

import (
	"slices"
	"strings"
)

// Inventory is what exists beside the manifests and may be named in them. With an
// Inventory, a name that it does not hold is a fault, as it is on AWS. Without
// one (nil) every name stands for itself and no certificate is discovered.
//
// The maps go from a name to an ARN or id. A name that ends in `*` stands for all
// names that begin so, the longest such counts, and `{name}` in its value is the
// name looked up. An empty value says that it does not exist.
type Inventory struct {
	Certificates   []InventoryCertificate `json:"certificates,omitempty"`
	TrustStores    map[string]string      `json:"trustStores,omitempty"`
	SecurityGroups map[string]string      `json:"securityGroups,omitempty"`
	WebACLs        map[string]string      `json:"webACLs,omitempty"`
	// TargetGroups may be more than ARNs: what TargetGroupBindings do not say of them.
	TargetGroups map[string]InventoryTargetGroup `json:"targetGroups,omitempty"`
}

// InventoryCertificate is a certificate that is found by the hosts it is for.
type InventoryCertificate struct {
	ARN     string   `json:"arn"`
	Domains []string `json:"domains"` // a `*.` in front stands for exactly one label
}

// find looks a name up in one of the maps.
func find(m map[string]string, name string) (string, bool) {
	if value, ok := m[name]; ok {
		return value, value != ""
	}
	longest, found := "", false
	for pattern := range m {
		start, ok := strings.CutSuffix(pattern, "*")
		if ok && strings.HasPrefix(name, start) && (!found || len(pattern) > len(longest)) {
			longest, found = pattern, true
		}
	}
	value := strings.ReplaceAll(m[longest], "{name}", name)
	return value, found && value != ""
}

func (i *Inventory) trustStore(name string) (string, bool) {
	if i == nil {
		return name, true
	}
	return find(i.TrustStores, name)
}

func (i *Inventory) webACL(name string) (string, bool) {
	if i == nil {
		return name, true
	}
	return find(i.WebACLs, name)
}

// securityGroups gives ids for ids and names: first the ids, then those found by name.
func (i *Inventory) securityGroups(idsAndNames []string) (ids []string, missing string) {
	if i == nil {
		return idsAndNames, ""
	}
	var named []string
	for _, s := range idsAndNames {
		if strings.HasPrefix(s, "sg-") {
			ids = append(ids, s)
			continue
		}
		id, ok := find(i.SecurityGroups, s)
		if !ok {
			return nil, s
		}
		if !slices.Contains(named, id) {
			named = append(named, id)
		}
	}
	return append(ids, named...), ""
}

// certificates gives the ARNs of all certificates for any of the hosts, in order,
// and the first host that has none.
func (i *Inventory) certificates(hosts []string) (arns []string, missing string) {
	for _, host := range hosts {
		found := false
		for _, c := range i.Certificates {
			if slices.ContainsFunc(c.Domains, func(domain string) bool { return covers(domain, host) }) {
				found = true
				arns = append(arns, c.ARN)
			}
		}
		if !found {
			return nil, host
		}
	}
	slices.Sort(arns)
	return slices.Compact(arns), ""
}

// covers tells whether a certificate's domain is for a host. The first label of
// a wildcard stands for any one label, so `*.example.com` is for the rule host
// `*.example.com` too.
func covers(domain, host string) bool {
	behind, wildcard := strings.CutPrefix(domain, "*.")
	if !wildcard {
		return domain == host
	}
	_, hostBehind, ok := strings.Cut(host, ".")
	return ok && behind == hostBehind
}
