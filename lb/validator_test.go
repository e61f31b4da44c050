package lb_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"slices"
	"testing"

	"github.com/albatross-lb/albatross/lb"
)

// town is what a source wants, changed in one place after the other. What is changed is another
// object afterwards, as sources have it.
type town struct {
	r         *rand.Rand
	balancers []*lb.LoadBalancer
	groups    map[string]*lb.TargetGroup
}

func (o *town) group(key string) {
	g := group(key)
	for i := range o.r.IntN(4) {
		g.Targets = append(g.Targets, lb.Target{Addr: netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 0, byte(i)}), uint16(o.r.IntN(20)*40))})
	}
	switch o.r.IntN(30) {
	case 0:
		g.TargetType = "lambda" // set aside
	case 1:
		g.Protocol, g.ProtocolVersion = lb.TCP, "" // not for an application load balancer
	case 2:
		g.HealthCheck.IntervalSeconds = 0
	}
	o.groups[key] = g
}

func (o *town) rule() *lb.Rule {
	key := fmt.Sprintf("g%d", o.r.IntN(6))
	r := rule(1, forwardTo(key))
	r.Conditions = []lb.Condition{path(fmt.Sprintf("/%d", o.r.IntN(100)))}
	switch o.r.IntN(40) {
	case 0:
		r.Conditions = nil
	case 1:
		r.Conditions = []lb.Condition{path("no-slash")} // a warning
	case 2:
		r.Actions = []lb.Action{login(), forwardTo(key)} // closed where it cannot be
	case 3:
		r.Actions = []lb.Action{forwardTo(key, "g0", "g0")}
	case 4:
		r.Field, r.Conditions = "", []lb.Condition{path("no-slash")} // the priority names it
	}
	return r
}

// number gives rules their priorities, most times without a doublet.
func (o *town) number(rules []*lb.Rule) []*lb.Rule {
	for i, r := range rules {
		if r.Priority != i+1 {
			own := *r
			own.Priority = i + 1
			rules[i] = &own
		}
	}
	return rules
}

// change makes one change.
func (o *town) change() {
	if o.r.IntN(3) == 0 {
		if key := fmt.Sprintf("g%d", o.r.IntN(6)); o.r.IntN(20) == 0 {
			delete(o.groups, key)
		} else {
			o.group(key)
		}
		return
	}
	i := o.r.IntN(len(o.balancers))
	b := *o.balancers[i]
	l := *b.Listeners[0]
	l.Rules = slices.Clone(l.Rules)
	if len(l.Rules) > 12 {
		l.Rules = o.number(slices.Delete(l.Rules, 3, 8))
	}
	switch at := o.r.IntN(len(l.Rules) + 1); o.r.IntN(10) {
	case 0:
		l.DefaultActions = []lb.Action{page("404"), forwardTo(fmt.Sprintf("g%d", o.r.IntN(6)))}[o.r.IntN(2):][:1]
	case 1:
		l.Protocol = []lb.Protocol{lb.HTTP, lb.HTTPS}[o.r.IntN(2)]
	case 2:
		b.InboundCIDRs = []lb.InboundCIDR{{Port: 80, CIDR: []string{"10.0.0.0/8", "10.0.0.0/8", "10.0.0.0/8", "x"}[o.r.IntN(4)]}}
	case 3:
		if at < len(l.Rules) {
			l.Rules = o.number(slices.Delete(l.Rules, at, at+1))
		}
	case 4:
		if len(l.Rules) > 1 && o.r.IntN(4) == 0 { // two of one priority
			own := *l.Rules[1]
			own.Priority = 1
			l.Rules[1] = &own
		}
	default:
		l.Rules = o.number(slices.Insert(l.Rules, at, o.rule()))
	}
	b.Listeners = []*lb.Listener{&l}
	o.balancers[i] = &b
}

func (o *town) wanted() *lb.Config {
	return lb.Merge(lb.Part{Origin: "file", Config: &lb.Config{LoadBalancers: o.balancers, TargetGroups: o.groups}})
}

// TestAValidatorRemembersNothingWrong: whatever came before, a Config comes out as from Validate.
func TestAValidatorRemembersNothingWrong(t *testing.T) {
	o := &town{r: rand.New(rand.NewPCG(1, 2)), groups: map[string]*lb.TargetGroup{}}
	for i := range 3 {
		o.balancers = append(o.balancers, &lb.LoadBalancer{Key: fmt.Sprintf("b%d", i), Name: "shop", Type: lb.Application, Listeners: []*lb.Listener{listener(80, lb.HTTP)}})
	}
	var validator lb.Validator
	balancers, rules, kept := map[*lb.LoadBalancer]bool{}, map[*lb.Rule]bool{}, 0
	for step := range 3000 {
		o.change()
		got, want := o.wanted(), o.wanted()
		validator.Validate(got)
		lb.Validate(want)
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("step %d:\nset aside %s\n     want %s\nwarnings %s\n    want %s", step, texts(got.SetAside), texts(want.SetAside), texts(got.Warnings), texts(want.Warnings))
		}
		for _, b := range got.LoadBalancers {
			if balancers[b] {
				kept++
			}
			for _, r := range b.Listeners[0].Rules {
				rules[r] = true
			}
			balancers[b] = true
		}
	}
	if kept < 1000 || len(rules) < 1000 {
		t.Errorf("%d load balancers stayed as they were, and there were %d rules in all", kept, len(rules))
	}
}
