package manifest

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"

	"github.com/albatross-lb/albatross/lb"
)

// Options are what AWS's controller takes from its flags and its account. The
// zero value has that controller's defaults.
type Options struct {
	ClusterName       string // part of every generated name; default "albatross"
	DefaultScheme     string // internal (default) or internet-facing
	DefaultTargetType string // instance (default) or ip
	DefaultSSLPolicy  string // default lb.DefaultSSLPolicy
	// IngressClass is the value of the annotation kubernetes.io/ingress.class that
	// is ours; default "alb".
	IngressClass string
	// OnlyListedClasses leaves away what an installation of AWS's controller adds to manifests: the IngressClass
	// object that spec.ingressClassName needs even for the name of IngressClass, and the class that its webhook gives to
	// Services of type LoadBalancer without one. Of two ports of a Service with one number the last one has a listener then,
	// as it is there. It is for comparisons with that controller's own code.
	OnlyListedClasses bool
	// LocalTargets lets the annotation albatross.io/targets of a Service say where its targets
	// are. It is for manifests from files: in a cluster, EndpointSlices know.
	LocalTargets bool
	Inventory    *Inventory
}

func (o Options) withDefaults() Options {
	o.ClusterName = cmp.Or(o.ClusterName, "albatross")
	o.DefaultScheme = cmp.Or(o.DefaultScheme, internal)
	o.DefaultTargetType = cmp.Or(o.DefaultTargetType, instanceTargets)
	o.DefaultSSLPolicy = cmp.Or(o.DefaultSSLPolicy, lb.DefaultSSLPolicy)
	o.IngressClass = cmp.Or(o.IngressClass, "alb")
	return o
}

// The words that several annotations share.
const (
	internal        = "internal"
	internetFacing  = "internet-facing"
	instanceTargets = "instance"
	ipTargets       = "ip"
)

// Build makes one Config of all objects. It never fails: what cannot be served is
// in SetAside with its origin, field and reason, and the rest serves. The result
// does not depend on the order of the objects, but for an object that is there
// twice: then the last one counts, as with kubectl apply, and a warning says so.
func Build(objects []Object, opts Options) *lb.Config { return NewTranslation(opts).Build(objects) }

func newBuilder(opts Options) *builder {
	whole := emptyConfig()
	return &builder{
		opts: opts.withDefaults(), cfg: whole, whole: whole,
		services: map[name]*service{}, secrets: map[name]*secret{}, namespaces: map[string]*corev1.Namespace{},
		classes: map[string]*networkingv1.IngressClass{}, params: map[paramsName]*classParams{}, unread: map[objectName]lb.Origin{},
		bound:  map[string]string{},
		slices: map[name][]endpointSlice{}, endpoints: map[name]*endpoints{}, madeOf: map[string]string{}, secretARNs: map[secretARN]name{},
		seen: map[lb.Problem]bool{}, told: map[lb.Problem]bool{}, keys: map[string]string{}, newGroups: map[string]*groupMemory{},
	}
}

func emptyConfig() *lb.Config {
	return &lb.Config{LoadBalancers: []*lb.LoadBalancer{}, TargetGroups: map[string]*lb.TargetGroup{}, Certificates: map[string]*lb.KeyPair{}}
}

func (b *builder) build() *lb.Config {
	b.remarkTargets()
	b.remarkOrphans()
	b.remarkEndpoints()
	b.buildBindings()
	b.buildIngresses()
	b.buildServices()
	b.cfg.Sort()
	slices.SortFunc(b.cfg.LoadBalancers, func(x, y *lb.LoadBalancer) int {
		return cmp.Or(cmp.Compare(x.Key, y.Key), cmp.Compare(x.Type, y.Type))
	})
	return b.cfg
}

// builder holds the objects by their names while the Config grows.
type builder struct {
	opts  Options
	cfg   *lb.Config // what is being built: the whole, or the part of it that is to be remembered
	whole *lb.Config

	ingresses  []*member
	services   map[name]*service
	secrets    map[name]*secret
	namespaces map[string]*corev1.Namespace
	classes    map[string]*networkingv1.IngressClass
	params     map[paramsName]*classParams
	unread     map[objectName]lb.Origin // objects of which not all could be read
	nodes      []node
	bindings   []*binding
	bound      map[string]string        // name of a target group -> its key, of those that are bound
	slices     map[name][]endpointSlice // by Service
	unlabelled []endpointSlice          // those that name none
	endpoints  map[name]*endpoints

	secretARNs map[secretARN]name // Secrets that stand for ARNs

	madeOf map[string]string   // target group key -> the Ingress and Service it was made of
	seen   map[lb.Problem]bool // warnings and notes
	told   map[lb.Problem]bool // of cfg.SetAside

	oldGroups, newGroups map[string]*groupMemory // of the last Config, and of this one
	old, now             *groupMemory            // of the group that is being built; old may be nil
	looked               []look                  // by what is being made
	keys                 map[string]string       // madeOf, as far as that is concerned
}

// service is a Service and what the Config needs to know of it.
type service struct {
	*corev1.Service
	name   name
	origin lb.Origin
}

// saysNothing stands for IngressClassParams where there are none.
var saysNothing IngressClassParamsSpec

// unknownParams stands for those that are not there, with the target type that asks for least.
var unknownParams = IngressClassParamsSpec{TargetType: ipTargets}

type classParams struct {
	*IngressClassParams
	origin lb.Origin
	broken bool // not all of it could be read
}

// objectName names an object of any kind.
type objectName struct {
	kind string
	name name
}

type secret struct {
	*corev1.Secret
	origin lb.Origin
}

// index puts every object where it will be looked for.
func (b *builder) index(objects []Object) {
	var foreign []lb.Origin
	for _, o := range b.withoutDoubles(objects) {
		b.cfg.Warnings = append(b.cfg.Warnings, o.Warnings...)
		n := name{o.Origin.Namespace, o.Origin.Name}
		if o.broken() {
			b.unread[objectName{o.Origin.Kind, n}] = o.Origin
		}
		if o.broken() && !o.heardOf() {
			continue
		}
		switch v := o.Value.(type) {
		case *networkingv1.Ingress:
			b.ingresses = append(b.ingresses, &member{Ingress: v, name: n, origin: o.Origin,
				notes: annotations{ingressPrefix, v.Annotations}, params: &saysNothing, barred: o.broken()})
		case *corev1.Service:
			b.services[n] = &service{v, n, o.Origin}
		case *corev1.Secret:
			b.secrets[n] = &secret{v, o.Origin}
		case *corev1.Namespace:
			b.namespaces[v.Name] = v
		case *corev1.Node:
			b.nodes = append(b.nodes, node{v, o.Origin})
		case *networkingv1.IngressClass:
			b.classes[v.Name] = v
		case *IngressClassParams:
			b.params[paramsName{apiGroup(v.APIVersion), v.Name}] = &classParams{v, o.Origin, o.broken()}
		case *TargetGroupBinding:
			b.bindings = append(b.bindings, &binding{v, n, o.Origin})
		case *discoveryv1.EndpointSlice:
			b.indexSlice(endpointSlice{EndpointSlice: v, origin: o.Origin, refused: o.broken()})
		case *corev1.Endpoints:
			b.endpoints[n] = &endpoints{v, o.Origin}
		case nil:
			if o.Origin.Kind == "" {
				foreign = append(foreign, o.Origin)
				continue
			}
			b.notePassedOver(o.Origin)
		}
	}
	b.noteForeign(foreign)
	b.indexARNs()
	for _, s := range b.slices {
		slices.SortFunc(s, func(x, y endpointSlice) int { return cmp.Compare(x.Name, y.Name) })
	}
	slices.SortFunc(b.nodes, func(x, y node) int { return cmp.Compare(x.Name, y.Name) })
	slices.SortFunc(b.ingresses, func(x, y *member) int { return cmp.Compare(x.name.String(), y.name.String()) })
}

// withoutDoubles keeps the last of the objects that have the same kind and name and can be
// served, or of those that cannot.
func (b *builder) withoutDoubles(objects []Object) []Object {
	of := func(o Object) objectName {
		kind := o.Origin.Kind
		switch v := o.Value.(type) { // of two makers, and so two objects
		case *IngressClassParams:
			kind += "." + apiGroup(v.APIVersion)
		case *TargetGroupBinding:
			kind += "." + apiGroup(v.APIVersion)
		}
		return objectName{kind, name{o.Origin.Namespace, o.Origin.Name}}
	}
	last, named := make(map[objectName]int, len(objects)), 0
	for i, o := range objects {
		if o.Value == nil {
			continue
		}
		named++
		if at, twice := last[of(o)]; !twice || !o.broken() || objects[at].broken() {
			last[of(o)] = i
		}
	}
	if len(last) == named {
		return objects
	}
	kept := make([]Object, 0, len(objects))
	for i, o := range objects {
		if o.Value != nil {
			if at := last[of(o)]; at != i {
				if !o.broken() {
					b.warn(o.Origin, "", "the same object is written again in %s, which counts; delete one of them", objects[at].Origin)
				}
				continue
			}
		}
		kept = append(kept, o)
	}
	return kept
}

// forget takes out what is only said since a value could not be read, which is said already.
func (b *builder) forget(objects []Object) {
	broken := map[lb.Origin]Object{}
	for _, o := range objects {
		if o.broken() {
			broken[o.Origin] = o
		}
	}
	if len(broken) == 0 {
		return
	}
	follows := func(p lb.Problem) bool { return broken[p.Origin].follows(p.Field) }
	b.cfg.SetAside = slices.DeleteFunc(b.cfg.SetAside, follows)
	b.cfg.Warnings = slices.DeleteFunc(b.cfg.Warnings, follows)
	b.cfg.Notes = slices.DeleteFunc(b.cfg.Notes, follows)
}

// tellFaults sets aside what Kubernetes would refuse, of what is ours to serve.
func (b *builder) tellFaults(objects []Object) {
	for _, o := range objects {
		if len(o.Faults) > 0 && slices.Contains(b.cfg.Ignored, name{o.Origin.Namespace, o.Origin.Name}.String()) {
			continue
		}
		for _, p := range o.Faults {
			b.setAsideOnce(p)
		}
	}
}

// setAside tells all that is wrong with an object.
func (b *builder) setAside(origin lb.Origin, err error) {
	for _, err := range each(err) {
		p := lb.Problem{Origin: origin, Text: err.Error()}
		if f, ok := err.(*fault); ok {
			p.Field, p.Text = f.field, f.text
		}
		b.setAsideOnce(p)
	}
}

// setAsideOnce tells a thing once, which may be found wrong in several places.
func (b *builder) setAsideOnce(p lb.Problem) {
	if !b.told[p] {
		b.told[p] = true
		b.cfg.SetAside = append(b.cfg.SetAside, p)
	}
}

func (b *builder) warn(origin lb.Origin, field, format string, args ...any) {
	b.cfg.Warnings = append(b.cfg.Warnings, lb.Problem{Origin: origin, Field: field, Text: fmt.Sprintf(format, args...)})
}

func (b *builder) note(origin lb.Origin, field, format string, args ...any) {
	b.cfg.Notes = append(b.cfg.Notes, lb.Problem{Origin: origin, Field: field, Text: fmt.Sprintf(format, args...)})
}

func (b *builder) ignore(n name) { b.cfg.Ignored = append(b.cfg.Ignored, n.String()) }

// missing says that an object is not there, or why it might as well not be.
func (b *builder) missing(kind string, n name) string {
	shown := strings.TrimPrefix(n.String(), "/")
	if at, known := b.unread[objectName{kind, n}]; known {
		return kind + " " + shown + " (" + lb.Origin{File: at.File, Line: at.Line}.String() + ") could not be read"
	}
	return "there is no " + kind + " " + shown
}
