package manifest

import (
	"cmp"
	"errors"
	"regexp"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/albatross-lb/albatross/lb"
)

// TargetGroupBinding is elbv2.k8s.aws/v1beta1 TargetGroupBinding: it registers what is
// behind a Service as targets of a target group that exists already, which actions name
// by ARN or name.
type TargetGroupBinding struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec   TargetGroupBindingSpec `json:"spec"`
	Status any                    `json:"status,omitempty"`
}

// TargetGroupBindingSpec says which target group, and which targets.
type TargetGroupBindingSpec struct {
	TargetGroupARN          string                `json:"targetGroupARN,omitempty"`
	TargetGroupName         string                `json:"targetGroupName,omitempty"` // the ARN beats it
	MultiClusterTargetGroup bool                  `json:"multiClusterTargetGroup,omitempty"`
	TargetType              string                `json:"targetType,omitempty"`
	TargetGroupProtocol     string                `json:"targetGroupProtocol,omitempty"`
	ServiceRef              ServiceReference      `json:"serviceRef"`
	Networking              any                   `json:"networking,omitempty"`
	NodeSelector            *metav1.LabelSelector `json:"nodeSelector,omitempty"`
	IPAddressType           string                `json:"ipAddressType,omitempty"`
	VPCID                   string                `json:"vpcID,omitempty"`
	IAMRoleARNToAssume      string                `json:"iamRoleArnToAssume,omitempty"`
	AssumeRoleExternalID    string                `json:"assumeRoleExternalId,omitempty"`
}

// ServiceReference names a port of a Service in the binding's namespace.
type ServiceReference struct {
	Name string             `json:"name"`
	Port intstr.IntOrString `json:"port"`
}

type binding struct {
	*TargetGroupBinding
	name   name
	origin lb.Origin
}

var (
	groupARN = regexp.MustCompile(`^arn:[a-z-]+:elasticloadbalancing:[a-z0-9-]*:[0-9]*:targetgroup/([A-Za-z0-9-]+)/[^/]+$`)
	vpcID    = regexp.MustCompile(`^vpc-([0-9a-f]{8}|[0-9a-f]{17}|[0-9a-f]{32})$`)
)

// groupNameOf is the name within the ARN of a target group; a name is its own.
func groupNameOf(arn string) string {
	if m := groupARN.FindStringSubmatch(arn); m != nil {
		return m[1]
	}
	return arn
}

// buildBindings makes the target groups of all TargetGroupBindings. What they are
// like, AWS knows; here the inventory may say it, then the binding, then the defaults do.
func (b *builder) buildBindings() {
	byName := func(x, y *binding) int { return cmp.Compare(x.name.String(), y.name.String()) }
	slices.SortFunc(b.bindings, byName)
	first := map[string]*binding{}
	for _, t := range b.bindings {
		if t.DeletionTimestamp != nil {
			b.ignore(t.name)
			continue
		}
		if err := b.bind(t, first); err != nil {
			b.setAside(t.origin, err)
		}
	}
}

// bind makes the target group of a binding, or adds its targets to what an earlier one made.
func (b *builder) bind(t *binding, first map[string]*binding) error {
	known, key, badGroup := b.boundGroup(&t.Spec)
	s, port := b.bindingService(t)
	g, selector, err := newBoundGroup(t, known, port)
	if err := errors.Join(badGroup, err); err != nil {
		return err
	}
	if same := b.bound[g.Name]; strings.HasPrefix(same, "arn:") != strings.HasPrefix(key, "arn:") {
		key = cmp.Or(same, key) // one binding names it by ARN, the other by name
	}
	g.Key, g.ARNGiven = key, key
	b.noteBinding(t)
	if s != nil {
		b.register(g, s, port, t.origin, selector)
	}
	have := b.cfg.TargetGroups[key]
	if have == nil {
		b.cfg.TargetGroups[key], first[key] = g, t
		b.bound[groupNameOf(key)] = key
		return nil
	}
	return b.joinBinding(t, first[key], have, g)
}

// joinBinding adds the targets of a further binding to one group.
func (b *builder) joinBinding(t, first *binding, have, g *lb.TargetGroup) error {
	if have.TargetType != g.TargetType || have.Protocol != g.Protocol || have.IPAddressType != g.IPAddressType {
		return faultf("spec.targetType", "the target group is bound by %s already, with %s targets of %s addresses for %s; a group has one kind of targets, write the same here",
			first.name, have.TargetType, have.IPAddressType, have.Protocol)
	}
	if !t.Spec.MultiClusterTargetGroup || !first.Spec.MultiClusterTargetGroup {
		b.warn(t.origin, "spec.multiClusterTargetGroup", "AWS refuses a second binding of a target group, which %s binds already, unless all of them have multiClusterTargetGroup: true; here the targets add up", first.name)
	}
	for _, target := range g.Targets {
		if !slices.ContainsFunc(have.Targets, func(h lb.Target) bool { return h.Addr == target.Addr }) {
			have.Targets = append(have.Targets, target)
		}
	}
	sortTargets(have.Targets)
	return nil
}

// boundGroup finds which target group a binding means: its ARN, or its name where
// nothing knows the ARN.
func (b *builder) boundGroup(spec *TargetGroupBindingSpec) (known InventoryTargetGroup, key string, err error) {
	switch arn, groupName := spec.TargetGroupARN, spec.TargetGroupName; {
	case arn == "" && groupName == "":
		return known, "", faultf("spec.targetGroupARN", "the binding names no target group; write targetGroupARN or targetGroupName")
	case arn != "" && !groupARN.MatchString(arn):
		return known, "", faultf("spec.targetGroupARN", "%q is no ARN of a target group; write arn:aws:elasticloadbalancing:<region>:<account>:targetgroup/<name>/<id>", shorten(arn))
	case arn != "":
		known, _ = b.opts.Inventory.targetGroup(groupNameOf(arn))
		if known.ARN != arn { // another one of that name
			known = InventoryTargetGroup{}
		}
		return known, arn, nil
	default:
		known, ok := b.opts.Inventory.targetGroup(groupName)
		if !ok {
			return known, "", faultf("spec.targetGroupName", "there is no target group %q", groupName)
		}
		return known, known.ARN, nil
	}
}

// bindingService finds the Service and its port; without them there are no targets, as on AWS.
func (b *builder) bindingService(t *binding) (*service, corev1.ServicePort) {
	ref := t.Spec.ServiceRef
	s := b.services[name{t.name.namespace, ref.Name}]
	if s == nil && ref.Name == "" {
		return nil, corev1.ServicePort{} // a fault of its own
	}
	if s == nil {
		b.warn(t.origin, "spec.serviceRef.name", "%s, so that the binding brings no targets", b.missing("Service", name{t.name.namespace, ref.Name}))
		return nil, corev1.ServicePort{}
	}
	port, err := findPort(s, ref.Port)
	if err != nil {
		b.warn(t.origin, "spec.serviceRef.port", "%s; until then the binding brings no targets", err)
		return nil, port
	}
	return s, port
}

// newBoundGroup is the group as it is known, without targets, and which nodes it takes.
func newBoundGroup(t *binding, known InventoryTargetGroup, port corev1.ServicePort) (*lb.TargetGroup, labels.Selector, error) {
	spec := &t.Spec
	g := &lb.TargetGroup{Origin: t.origin, Name: groupNameOf(cmp.Or(spec.TargetGroupARN, known.ARN)), Attributes: over(known.Attributes, map[string]string{}),
		Protocol:      lb.Protocol(cmp.Or(string(known.Protocol), spec.TargetGroupProtocol, string(lb.HTTP))),
		IPAddressType: cmp.Or(spec.IPAddressType, known.IPAddressType, "ipv4"), Port: cmp.Or(known.Port, int(port.Port), 80)}
	if spec.MultiClusterTargetGroup {
		g.MultiCluster = &spec.MultiClusterTargetGroup
	}
	if g.TargetType = cmp.Or(spec.TargetType, known.TargetType); g.TargetType == "" {
		if g.TargetType = ipTargets; port.NodePort != 0 {
			g.TargetType = instanceTargets
		}
	}
	wrong := checkBinding(g, spec, known)
	known.describe(g)
	selector, err := metav1.LabelSelectorAsSelector(spec.NodeSelector)
	if err != nil {
		wrong = errors.Join(wrong, faultf("spec.nodeSelector", "%s", err))
	}
	if spec.NodeSelector == nil { // in Kubernetes no selector selects nothing; here it is no choice
		selector = labels.Everything()
	}
	return g, selector, wrong
}

// checkBinding refuses what AWS's controller refuses of a new binding.
func checkBinding(g *lb.TargetGroup, spec *TargetGroupBindingSpec, known InventoryTargetGroup) error {
	var errs []error
	refuse := func(wrong bool, field, format string, args ...any) {
		if wrong {
			errs = append(errs, faultf("spec."+field, format, args...))
		}
	}
	differs := func(said, is string) bool { return said != "" && is != "" && said != is }
	instances, ips := g.TargetType == instanceTargets, g.TargetType == ipTargets
	refuse(spec.ServiceRef.Name == "", "serviceRef.name", "the binding names no Service; write one, and its port")
	refuse(!instances && !ips, "targetType", "target type %q is not known; write instance or ip", g.TargetType)
	refuse((instances || ips) && differs(spec.TargetType, known.TargetType), "targetType", "the target group has targets of type %s, by the inventory; write that, or leave it out", known.TargetType)
	refuse(ips && spec.NodeSelector != nil, "nodeSelector", "targets of type ip are no nodes; leave nodeSelector out, or write targetType: instance")
	refuse(instances && spec.IAMRoleARNToAssume != "", "iamRoleArnToAssume", "AWS takes no role to assume for targets of type instance; write targetType: ip")
	family := g.IPAddressType == "ipv4" || g.IPAddressType == "ipv6"
	refuse(!family, "ipAddressType", "%q is not known; write ipv4 or ipv6", g.IPAddressType)
	refuse(family && differs(spec.IPAddressType, known.IPAddressType), "ipAddressType", "the target group has %s addresses, by the inventory; write that, or leave it out", known.IPAddressType)
	refuse(spec.VPCID != "" && !vpcID.MatchString(spec.VPCID), "vpcID", "%q is no VPC; write vpc- and 8, 17 or 32 of the characters 0-9 and a-f, or leave it out", shorten(spec.VPCID))
	served := slices.Contains([]lb.Protocol{lb.HTTP, lb.HTTPS, lb.TCP, lb.TLS, lb.UDP, lb.TCPUDP}, g.Protocol)
	refuse(!served, "targetGroupProtocol", "%q cannot be served; write HTTP, HTTPS, TCP, TLS, UDP or TCP_UDP", g.Protocol)
	refuse(served && differs(spec.TargetGroupProtocol, string(known.Protocol)), "targetGroupProtocol", "the target group speaks %s, by the inventory; write that, or leave it out", known.Protocol)
	return errors.Join(errs...)
}

func (b *builder) noteBinding(t *binding) {
	for _, n := range []struct {
		given       bool
		field, text string
	}{
		{t.Spec.Networking != nil, "networking", noGroups},
		{t.Spec.VPCID != "", "vpcID", nowhere + "there is no VPC"},
		{t.Spec.IAMRoleARNToAssume != "", "iamRoleArnToAssume", nowhere + "there is no account to act in"},
		{t.Spec.MultiClusterTargetGroup, "multiClusterTargetGroup", noShared},
	} {
		if n.given {
			b.note(t.origin, "spec."+n.field, "%s", n.text)
		}
	}
}

// boundTo is the key of the target group that an ARN, or a name, means; "" if no
// binding brings it targets. A name and an ARN of the same name mean the same group.
func (b *builder) boundTo(arn string) string {
	b.looked = append(b.looked, b.look('b', name{"", arn}))
	return b.boundKey(arn)
}

func (b *builder) boundKey(arn string) string {
	key := b.bound[groupNameOf(arn)]
	if key != arn && strings.HasPrefix(key, "arn:") && strings.HasPrefix(arn, "arn:") {
		key = "" // of another account or region
		if b.whole.TargetGroups[arn] != nil {
			key = arn
		}
	}
	return key
}
