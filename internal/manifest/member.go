package manifest

import (
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"

	networkingv1 "k8s.io/api/networking/v1"

	"github.com/albatross-lb/albatross/lb"
)

// member is an Ingress of a group.
type member struct {
	*networkingv1.Ingress
	name   name
	origin lb.Origin
	notes  annotations
	params *IngressClassParamsSpec // never nil; empty without IngressClassParams
	order  int

	barred bool // it does not serve: for its class or group, or since it could not be read
	faulty bool // it does not serve: for what it says, or since others say something else

	words words
	plan  *plan // nil: its rules do not serve
}

// sound tells whether nothing is known to be wrong with a member.
func (m *member) sound() bool { return !m.barred && !m.faulty }

// words are what a member says about the load balancer as a whole.
type words struct {
	// exclusive are the settings that have one value in a group, by annotation name.
	exclusive map[string]string

	subnets     []string
	subnetsFrom string // IngressClassParams or annotation; "" if it says nothing
	attributes  map[string]string
	capacity    map[string]string
	tags        map[string]string
	ports       map[int]portWords // nil where listen-ports cannot be read

	noRedirect bool // the sslRedirectPort of its class is no number, which turns the redirect off for all
	// Faults that count only where the group makes use of the words.
	badManage, badCapacity error
}

// exclusiveSettings are read as they are; IngressClassParams beat the annotation.
var exclusiveSettings = []struct {
	name   string
	params func(*IngressClassParamsSpec) string // "" where there is no such field
	check  func(string) string                  // "" if good, else what to write
}{
	{"scheme", func(p *IngressClassParamsSpec) string { return deref(p.Scheme) }, oneOf(internal, internetFacing)},
	{"ip-address-type", func(p *IngressClassParamsSpec) string { return deref(p.IPAddressType) }, oneOf("ipv4", "dualstack", "dualstack-without-public-ipv4")},
	{"load-balancer-name", func(p *IngressClassParamsSpec) string { return p.LoadBalancerName }, atMost(32)},
	{"customer-owned-ipv4-pool", noParams, notEmpty},
	{"enable-frontend-nlb", noParams, boolean},
	{"shield-advanced-protection", noParams, boolean},
}

// saidIn is the field of a setting: its annotation's, unless IngressClassParams say it.
func (m *member) saidIn(annotation, byParams string) string {
	if byParams == "" {
		return m.notes.field(annotation)
	}
	return "spec.ingressClassName (its IngressClassParams, " + annotation + ")"
}

func noParams(*IngressClassParamsSpec) string { return "" }

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func oneOf(values ...string) func(string) string {
	return func(v string) string {
		if slices.Contains(values, v) {
			return ""
		}
		return "write one of " + strings.Join(values, ", ")
	}
}

func atMost(most int) func(string) string {
	return func(v string) string {
		if len(v) <= most {
			return ""
		}
		return "it has " + strconv.Itoa(len(v)) + " characters; write at most " + strconv.Itoa(most)
	}
}

func notEmpty(v string) string {
	if v == "" {
		return "it is empty; write a value, or leave the annotation out"
	}
	return ""
}

func boolean(v string) string {
	if _, err := strconv.ParseBool(v); err != nil {
		return "write 'true' or 'false'"
	}
	return ""
}

// newWords reads what a member says about the load balancer, on its own.
func (b *builder) newWords(m *member) error {
	w := &m.words
	w.exclusive = map[string]string{}
	var errs []error
	for _, s := range exclusiveSettings {
		value, ok := s.params(m.params), true
		if value == "" {
			value, ok = m.notes.text(s.name)
		}
		if !ok {
			continue
		}
		if advice := s.check(value); advice != "" {
			errs = append(errs, faultf(m.saidIn(s.name, s.params(m.params)), "%q: %s", shorten(value), advice))
			continue
		}
		if s.params(m.params) == "" && (s.name == "shield-advanced-protection" || s.name == "enable-frontend-nlb") {
			value = strconv.FormatBool(value == "1" || strings.HasPrefix(strings.ToLower(value), "t"))
		}
		w.exclusive[s.name] = value
	}
	for _, read := range []func(*member) error{b.readPlaces, readMaps, b.readWebACL, readRedirect, b.readPorts} {
		errs = append(errs, read(m))
	}
	return errors.Join(errs...)
}

// manageGroups has a meaning only beside security groups, which another member may give.
const manageGroups = "manage-backend-security-group-rules"

// readPlaces reads where the load balancer stands: subnets, security groups, address pools.
func (b *builder) readPlaces(m *member) (wrong error) {
	w := &m.words
	if list, ok := m.notes.list("subnets"); m.params.Subnets != nil {
		selector, _ := json.Marshal(m.params.Subnets)
		w.subnets, w.subnetsFrom = m.params.Subnets.IDs, "IngressClassParams "+string(selector)
	} else if ok {
		w.subnets, w.subnetsFrom = list, "annotation"
	}
	if list, ok := m.notes.list("security-groups"); ok {
		w.exclusive["security-groups"] = strings.Join(list, ",")
		if _, missing := b.opts.Inventory.securityGroups(list); missing != "" {
			wrong = m.notes.faultf("security-groups", "there is no security group %q", missing)
		}
	}
	manage, ok, err := m.notes.boolean(manageGroups)
	if w.badManage = err; ok && err == nil {
		w.exclusive[manageGroups] = strconv.FormatBool(manage)
	}
	if pool, ok := m.notes.text("ipam-ipv4-pool-id"); ok && pool != "" {
		w.exclusive["ipam-ipv4-pool-id"] = pool
	}
	return wrong
}

// readMaps reads attributes, tags and the capacity reservation.
func readMaps(m *member) error {
	w := &m.words
	attributes, _, badAttributes := m.notes.pairs("load-balancer-attributes")
	tags, _, badTags := m.notes.pairs("tags")
	w.attributes, w.tags = attributes, over(pairs(m.params.Tags), tags)
	w.capacity, w.badCapacity = readCapacity(m.notes)
	return errors.Join(badAttributes, badTags)
}

const capacityUnits = "CapacityUnits"

// readCapacity reads how much is to be reserved, the same for Ingresses and Services.
func readCapacity(notes annotations) (map[string]string, error) {
	const annotation = "minimum-load-balancer-capacity"
	capacity, _, err := notes.pairs(annotation)
	for key, value := range capacity {
		if key != capacityUnits {
			return nil, notes.faultf(annotation, "%q is not known; write %s=<number>", key, capacityUnits)
		}
		if _, err := strconv.ParseInt(value, 10, 32); err != nil {
			return nil, notes.faultf(annotation, "%q is not a whole number; write for example %s=500", value, capacityUnits)
		}
	}
	return capacity, err
}

// readWebACL reads which web ACLs are to judge requests. A name is looked up, an
// empty ARN or `none` detaches.
func (b *builder) readWebACL(m *member) (wrong error) {
	w := &m.words
	if acl := m.params.WAFv2ACLName; acl != "" {
		w.exclusive["wafv2-acl-name"] = acl
	} else if acl, _ := m.notes.text("wafv2-acl-name"); acl != "" {
		w.exclusive["wafv2-acl-name"] = acl
	}
	if acl := w.exclusive["wafv2-acl-name"]; acl != "" && acl != "none" {
		if _, ok := b.opts.Inventory.webACL(acl); !ok {
			wrong = faultf(m.saidIn("wafv2-acl-name", m.params.WAFv2ACLName), "there is no web ACL named %q", acl)
		}
	}
	if acl := m.params.WAFv2ACLARN; acl != "" {
		w.exclusive["wafv2-acl-arn"] = acl
	} else if acl, ok := m.notes.text("wafv2-acl-arn"); ok {
		w.exclusive["wafv2-acl-arn"] = acl
	}
	acl, ok := m.notes.text("waf-acl-id")
	if !ok {
		acl, _ = m.notes.text("web-acl-id")
	}
	if acl != "" {
		w.exclusive["waf-acl-id"] = acl
	}
	return wrong
}

func readRedirect(m *member) error {
	if m.params.SSLRedirectPort != "" {
		port, err := strconv.ParseInt(m.params.SSLRedirectPort, 10, 32)
		if m.words.noRedirect = err != nil; err == nil {
			m.words.exclusive["ssl-redirect"] = strconv.FormatInt(port, 10)
		}
		return nil
	}
	port, ok, err := m.notes.integer("ssl-redirect", 32)
	if ok && err == nil {
		m.words.exclusive["ssl-redirect"] = strconv.FormatInt(port, 10)
	}
	return err
}
