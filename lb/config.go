package lb

import (
	"fmt"
	"slices"
	"strings"
)

// Config is a whole desired state as one door sees it.
type Config struct {
	// LoadBalancers in the order of their Key.
	LoadBalancers []*LoadBalancer `json:"loadBalancers"`
	// TargetGroups by TargetGroup.Key; Forward refers to them by that key.
	TargetGroups map[string]*TargetGroup `json:"targetGroups"`
	// Ignored names objects ("namespace/name") that are not ours to serve.
	Ignored []string `json:"ignored,omitempty"`

	// Certificates holds key pairs that came with the manifests, by the reference
	// that a Listener uses for them: an ARN, or "secret:namespace/name".
	Certificates map[string]*KeyPair `json:"-"`
	// ACME holds what is to be had by ACME, by the reference ("acme:namespace/name")
	// that a Listener uses for it.
	ACME map[string]*ACME `json:"-"`
	// Discover holds what is to be found by host, by the reference
	// ("discover:namespace/name") that a Listener uses for it.
	Discover map[string]*Discovery `json:"-"`
	// SetAside lists what is not served, each with its reason.
	SetAside []Problem `json:"-"`
	// Warnings lists what is served, though not quite as its author may think.
	Warnings []Problem `json:"-"`
	// Notes lists what was accepted but is not active yet, or passed over on purpose.
	Notes []Problem `json:"-"`
}

// KeyPair is a certificate chain and its private key in PEM, with the place it
// came from. It never leaves the process: it has no JSON form.
type KeyPair struct {
	CertPEM []byte `json:"-"`
	KeyPEM  []byte `json:"-"`
	Origin  Origin `json:"-"`
}

// Origin says where an object was written.
type Origin struct {
	File      string `json:"file,omitempty"`
	Line      int    `json:"line,omitempty"` // 1-based; 0: not known
	Kind      string `json:"kind,omitempty"`
	Namespace string `json:"namespace,omitempty"`
	Name      string `json:"name,omitempty"`
}

// String is "file:line: Kind namespace/name", leaving out what is not known.
func (o Origin) String() string {
	s := ""
	if o.File != "" {
		s = o.File
		if o.Line > 0 {
			s = fmt.Sprintf("%s:%d", s, o.Line)
		}
	}
	object := o.Object()
	switch {
	case s == "":
		return object
	case object == "":
		return s
	}
	return s + ": " + object
}

// Identity is the origin with what tells its object from others alone: the place does
// not, if there is a name.
func (o Origin) Identity() Origin {
	if o.Name != "" {
		o.Line = 0
	}
	return o
}

// Object is "Kind namespace/name", leaving out what is not known.
func (o Origin) Object() string {
	name := o.Name
	if o.Namespace != "" && name != "" {
		name = o.Namespace + "/" + name
	}
	switch {
	case o.Kind == "":
		return name
	case name == "":
		return o.Kind
	}
	return o.Kind + " " + name
}

// Problem is one thing to tell the owner of an object: the place, the field, and
// what is wrong and what to write instead.
type Problem struct {
	Origin Origin `json:"origin"`
	Field  string `json:"field,omitempty"` // "metadata.annotations[...]", "spec.rules[0].http.paths[1]"
	Text   string `json:"text"`
}

// OfAWS tells whether the problem is one on AWS alone: something is served here, and
// would be refused there. The texts of all of them begin with the word AWS, and of no others.
func (p Problem) OfAWS() bool { return strings.HasPrefix(p.Text, "AWS ") }

// String is "origin: field: text".
func (p Problem) String() string {
	s := p.Origin.String()
	if p.Field != "" {
		if s != "" {
			s += ": "
		}
		s += p.Field
	}
	if s != "" {
		s += ": "
	}
	return s + p.Text
}

// Objects counts the objects that problems are about.
func Objects(problems []Problem) int {
	all := map[Origin]bool{}
	for _, p := range problems {
		all[p.Origin.Identity()] = true
	}
	return len(all)
}

// Sort puts load balancers, listeners and rules into their canonical order: by
// key, by port, by priority.
func (c *Config) Sort() {
	order(c.LoadBalancers, byKey)
	for _, b := range c.LoadBalancers {
		order(b.Listeners, func(x, y *Listener) int { return x.Port - y.Port })
		for _, l := range b.Listeners {
			order(l.Rules, func(x, y *Rule) int { return x.Priority - y.Priority })
		}
	}
	order(c.Ignored, strings.Compare)
}

func byKey(x, y *LoadBalancer) int { return strings.Compare(x.Key, y.Key) }

// order sorts what is not sorted yet, and does not touch what is: others may be reading it.
func order[T any](list []T, compare func(x, y T) int) {
	if !slices.IsSortedFunc(list, compare) {
		slices.SortStableFunc(list, compare)
	}
}
