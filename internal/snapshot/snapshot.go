// Package snapshot is one immutable runtime, built from a whole lb.Config and
// swapped as a whole.
//
// A request takes the current Snapshot once and sees one state of the world from
// its first byte to its last; a change builds the next Snapshot beside it. What a
// request needs is compiled here, once: the rules of each listener, the parts of
// each redirect, the pages of each fixed response, the TLS configuration of each
// socket.
//
// What must outlive a change is not in a Snapshot but in Live: one Target for each
// address of each target group, with its requests in flight, its slow-start clock,
// its connections and its health. A Snapshot refers to those and never copies
// them, so that a new configuration neither forgets that a target is sick nor
// sends all traffic to one.
//
// Several load balancers may want the same port, which on AWS have addresses of
// their own. Here they share one Socket; the host that a request (or a TLS client)
// names decides between them, see Socket.Listener.
package snapshot

import (
	"crypto/tls"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/albatross-lb/albatross/internal/accesslog"
	"github.com/albatross-lb/albatross/internal/balance"
	"github.com/albatross-lb/albatross/internal/certs"
	"github.com/albatross-lb/albatross/internal/http1"
	"github.com/albatross-lb/albatross/internal/match"
	"github.com/albatross-lb/albatross/internal/metrics"
	"github.com/albatross-lb/albatross/lb"
)

// Snapshot is everything that requests are served by. It does not change.
type Snapshot struct {
	Config       *lb.Config
	Sockets      map[int]*Socket  // by the port that the manifests name
	Streams      map[int]*Network // network listeners for TCP and TLS, likewise
	Packets      map[int]*Network // and those for UDP; TCP_UDP is in both
	TargetGroups map[string]*TargetGroup

	balancers  map[string]*LoadBalancer    // application load balancers, by their key
	healthLogs map[string][]*accesslog.Log // by target group; nil: nobody keeps any
}

// Socket is a port that is listened on, with the listeners that share it.
type Socket struct {
	Port      int // as the manifests have it
	BoundPort int // as the port map has it
	Secure    bool
	Listeners []*Listener // in the order of their load balancers' keys; at least one
	TLS       *tls.Config // of a Secure socket
}

// LoadBalancer is what the listeners of one load balancer have in common.
type LoadBalancer struct {
	Config     *lb.LoadBalancer
	ARN        string
	Attributes lb.LoadBalancerAttributes
	Limits     http1.Limits
	Metrics    *metrics.LoadBalancer
	Log        *accesslog.Log // access log
	// Of an application load balancer alone.
	ConnectionLog  *accesslog.Log
	HealthCheckLog *accesslog.Log

	listeners []*Listener // that are on their sockets
	whole     bool        // there was nothing to say about it, and it may be taken over
}

// Listener is a compiled listener.
type Listener struct {
	LoadBalancer *LoadBalancer
	Config       *lb.Listener
	Attributes   lb.ListenerAttributes
	// ResponseHeaders are the lines that the listener's attributes add to every response.
	ResponseHeaders []byte
	// ReplacedHeaders are the names in ResponseHeaders: a target's own lines of these names are left out.
	ReplacedHeaders []string
	Mutual          certs.Mutual // how clients' certificates are treated
	Port            int          // as the manifests have it
	PublicPort      int          // as clients see it: after the port map

	table    *match.Table
	rules    []*Rule
	compiled []*lb.Rule     // what rules were made of, one by one
	fallback *Rule          // the default rule, priority 0
	uses     []*TargetGroup // that are forwarded to, each once
	allowed  allowed
	tls      *tls.Config
}

// Rule is a compiled rule: what to do with a request that it holds for.
type Rule struct {
	Config   *lb.Rule // nil for the default rule
	Priority int      // 0 for the default rule
	Logged   string   // the access log's actions_executed
	// Transforms rewrite what is forwarded.
	Transforms []Transform
	// Exactly one of these is set.
	Forward  *Forward
	Redirect *Redirect
	Fixed    *Fixed
	// Refused says why the rule cannot be carried out safely: its requests get 500.
	Refused string

	whole bool // there was nothing to say about it
}

// Forward is a choice between target groups by weight.
type Forward struct {
	Members []Member
	// StickyFor is how long a client stays with the group it was first sent to; 0: not
	// at all. StickyID is what its cookie is sealed for.
	StickyFor time.Duration
	StickyID  string

	byHash map[balance.Hash]int
	split  *balance.Split // nil: one member that may be chosen
	only   int
}

// Member is one target group of a forward, and its counters under the load balancer.
type Member struct {
	Group   *TargetGroup
	Metrics *metrics.TargetGroup
}

// Choose gives the member to use, -1 where no weight is above zero.
func (f *Forward) Choose() int {
	if f.split == nil {
		return f.only
	}
	return f.split.Choose()
}

// TargetGroup is a compiled target group over live targets.
type TargetGroup struct {
	Config     *lb.TargetGroup
	ARN        string
	Attributes lb.TargetGroupAttributes
	Targets    []*Target
	Balance    *balance.Group // indexes into Targets
	Zonal      bool           // cross-zone load balancing is off
	Zone       string         // the only one whose targets are used; "": all are

	fullName  string
	byDefault bool // it would keep to a zone by default
	whole     bool // there was nothing to say about it
}

// FullName is that of lb.TargetGroup.
func (t *TargetGroup) FullName() string { return t.fullName }

// Index is the place of an address in Targets, -1 where it is not there (or the group is nil).
func (t *TargetGroup) Index(addr netip.AddrPort) int {
	if t == nil {
		return -1
	}
	return slices.IndexFunc(t.Targets, func(target *Target) bool { return target.Addr == addr })
}

// Match finds the rule for a request, and how many rules were looked at to find it.
func (l *Listener) Match(r *match.Request) (rule *Rule, evaluated int) {
	if i := l.table.Find(r); i >= 0 {
		return l.rules[i], i + 1
	}
	return l.fallback, len(l.rules)
}

// Explain gives the verdict on every rule up to the one that is taken, and that one.
func (l *Listener) Explain(r *match.Request) ([]match.Verdict, *Rule) {
	rule, _ := l.Match(r)
	return l.table.Explain(r), rule
}

// Claims tells whether one of the listener's rules names the host; TakesAnyHost, whether it
// serves requests for hosts that none names.
func (l *Listener) Claims(host []byte) bool { return l.table.Claims(host) }
func (l *Listener) TakesAnyHost() bool      { return l.table.HasAnyHost() || len(l.rules) == 0 }

// Allows tells whether the load balancer's inbound ranges let this address connect.
func (l *Listener) Allows(client netip.Addr) bool { return l.allowed.contains(client) }

// Listener chooses the listener for a host: the first load balancer one of whose
// rules names the host (exactly or by pattern); else the first that has a rule for
// any host; else the first.
func (s *Socket) Listener(host []byte) *Listener {
	if len(s.Listeners) == 1 {
		return s.Listeners[0]
	}
	for _, l := range s.Listeners {
		if l.Claims(host) {
			return l
		}
	}
	for _, l := range s.Listeners {
		if l.TakesAnyHost() {
			return l
		}
	}
	return s.Listeners[0]
}

// Allows tells whether any of the socket's load balancers lets this address connect.
func (s *Socket) Allows(client netip.Addr) bool {
	for _, l := range s.Listeners {
		if l.Allows(client) {
			return true
		}
	}
	return false
}

// allowed is a compiled list of inbound ranges.
type allowed struct {
	everyone bool
	ranges   []netip.Prefix
}

func (a *allowed) contains(ip netip.Addr) bool {
	if a.everyone {
		return true
	}
	ip = ip.Unmap()
	for _, r := range a.ranges {
		if r.Contains(ip) {
			return true
		}
	}
	return false
}

// allowedOn compiles the ranges that may connect to a port. Everyone may where no
// list is given at all (nil: security groups decide, which mean nothing outside AWS);
// nobody where the list has no range for the port, or only prefix lists, whose
// addresses nobody here knows. 0.0.0.0/0 stands for everyone: a listener here serves
// both families.
func allowedOn(b *lb.LoadBalancer, port int) (allowed, []string) {
	a := allowed{everyone: b.InboundCIDRs == nil}
	var bad []string
	for _, c := range b.InboundCIDRs {
		if c.Port != port || c.CIDR == "" || strings.HasPrefix(c.Protocol, "icmp") { // which has the type of a message for its port
			continue
		}
		r, err := netip.ParsePrefix(c.CIDR)
		switch {
		case err != nil:
			bad = append(bad, c.CIDR)
		case r.Bits() == 0:
			a.everyone = true
		default:
			a.ranges = append(a.ranges, r.Masked())
		}
	}
	return a, bad
}
