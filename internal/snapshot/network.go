package snapshot

import (
	"crypto/tls"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/albatross-lb/albatross/internal/balance"
	"github.com/albatross-lb/albatross/internal/metrics"
	"github.com/albatross-lb/albatross/lb"
)

// Network is a compiled listener of a network load balancer (layer 4). It has its
// port to itself: a flow names no host that could decide between several.
type Network struct {
	LoadBalancer *LoadBalancer
	Config       *lb.Listener
	Attributes   lb.ListenerAttributes
	Metrics      *metrics.Network
	Port         int         // as the manifests have it
	BoundPort    int         // as the port map has it
	TLS          *tls.Config // of a TLS listener that is served
	Forward      Forward
	Sticky       bool // a client keeps its target group (targetGroupStickinessConfig)

	// Behind is the port of the application load balancer that this listener stands
	// before (a frontend network load balancer); 0: it has targets of its own.
	Behind int

	allowed allowed
}

// Allows tells whether the load balancer's inbound ranges let this address connect.
func (n *Network) Allows(client netip.Addr) bool { return n.allowed.contains(client) }

// Choose gives the target group of a flow, nil where no weight is above zero. hash is that
// of the client's address and counts where clients keep their target group.
func (n *Network) Choose(hash uint64) *TargetGroup {
	i := n.Forward.only
	switch {
	case n.Forward.split == nil:
	case n.Sticky:
		i = n.Forward.split.At(hash)
	default:
		i = n.Forward.split.Choose()
	}
	if i < 0 || i >= len(n.Forward.Members) {
		return nil
	}
	return n.Forward.Members[i].Group
}

// TCP and UDP tell what a listener's port is bound for.
func (n *Network) TCP() bool { return n.Config.Protocol.TakesTCP() }

// UDP tells whether the listener takes datagrams.
func (n *Network) UDP() bool { return n.Config.Protocol.TakesUDP() }

// network compiles a network load balancer. Its listeners are put on their ports when
// every application load balancer has taken its own.
func (b *builder) network(c *lb.LoadBalancer) {
	balancer := &LoadBalancer{Config: c, ARN: c.ARN(b.Account, b.Region)}
	balancer.Attributes, _ = lb.ParseLoadBalancerAttributes(c.Attributes)
	balancer.Log = b.Logs.NetworkLog(c.FullName(), c.Name, c.ID(), balancer.Attributes.AccessLogs)
	figures := b.Metrics.Network(c.FullName())
	figures.SetDroppedLogLines(balancer.Log.Dropped)
	for _, l := range c.Listeners {
		n := &Network{LoadBalancer: balancer, Config: l, Metrics: figures, Port: l.Port, BoundPort: b.bound(l.Port)}
		n.Attributes, _ = lb.ParseListenerAttributes(l.Attributes)
		b.networks = append(b.networks, n)
	}
}

// placeNetworks puts each network listener on its port, or says why that cannot be.
func (b *builder) placeNetworks() {
	for _, n := range b.networks {
		origin := n.Config.Origin
		if origin == (lb.Origin{}) {
			origin = n.LoadBalancer.Config.Origin
		}
		field := fmt.Sprintf("listener %s:%d", n.Config.Protocol, n.Port)
		switch {
		case !b.forwardFlows(n, origin, field):
			b.unserved[n.Config] = true
		case b.needsNoPort(n):
			b.note(origin, field, "port %d is the application load balancer's own here, so that clients reach it without the network load balancer", n.Port)
		case !b.portFree(n, origin, field) || n.Config.Protocol == lb.TLS && !b.secureFlows(n, origin, field):
			b.unserved[n.Config] = true
		default:
			b.place(n)
		}
	}
}

func (b *builder) place(n *Network) {
	if n.TCP() {
		b.out.Streams[n.Port] = n
	}
	if n.UDP() {
		b.out.Packets[n.Port] = n
	}
}

// needsNoPort tells whether the listener stands before an application load balancer that has
// the same port: clients reach that one anyway.
func (b *builder) needsNoPort(n *Network) bool {
	s := b.out.Sockets[n.Port]
	return n.Behind == n.Port && s != nil && slices.ContainsFunc(s.Listeners, func(l *Listener) bool { return l.LoadBalancer.Config.Key == n.LoadBalancer.Config.Key })
}

// portFree tells whether nobody has the port yet, and takes it.
func (b *builder) portFree(n *Network, origin lb.Origin, field string) bool {
	other := ""
	if s := b.out.Sockets[n.Port]; s != nil && n.TCP() {
		other = s.Listeners[0].LoadBalancer.Config.Key
	}
	if s := b.out.Streams[n.Port]; s != nil && n.TCP() {
		other = s.LoadBalancer.Config.Key
	}
	if s := b.out.Packets[n.Port]; s != nil && n.UDP() {
		other = s.LoadBalancer.Config.Key
	}
	if other != "" {
		b.problem(origin, field, "port %d is already served by load balancer %s, and a network load balancer has its port to itself; choose another port, or run it on another machine or --bind address", n.Port, other)
		return false
	}
	for _, udp := range []bool{false, true} {
		if udp && !n.UDP() || !udp && !n.TCP() {
			continue
		}
		if port, taken := b.claim(n.Port, udp); taken {
			b.problem(origin, field, portTaken, n.BoundPort, port)
			return false
		}
	}
	return true
}

// forwardFlows compiles the only action that a network load balancer has.
func (b *builder) forwardFlows(n *Network, origin lb.Origin, field string) bool {
	var bad []string
	if n.allowed, bad = allowedOn(n.LoadBalancer.Config, n.Port); bad != nil {
		b.problem(origin, "load-balancer-source-ranges", "%s: write address ranges like 10.0.0.0/8", strings.Join(bad, ", "))
	}
	actions := n.Config.DefaultActions
	if len(actions) == 0 || actions[len(actions)-1].Forward == nil {
		b.problem(origin, field, "a network load balancer forwards and does nothing else, and this listener has no target group to forward to")
		return false
	}
	f := actions[len(actions)-1].Forward
	n.Sticky = f.Stickiness != nil && f.Stickiness.Enabled != nil && *f.Stickiness.Enabled
	var weights []int
	for _, w := range f.TargetGroups {
		g := b.out.TargetGroups[w.TargetGroup]
		if g == nil {
			b.problem(origin, field, "target group %s is not in these manifests; add a TargetGroupBinding for it, or name a Service", w.Name())
			continue
		}
		weight := 1
		if w.Weight != nil {
			weight = *w.Weight
		}
		n.Forward.Members = append(n.Forward.Members, Member{Group: g})
		weights = append(weights, weight)
		if g.Config.TargetType == "alb" {
			return b.standBefore(n, g.Config, origin, field)
		}
		b.notePreservation(g, origin)
	}
	switch {
	case len(weights) > 1:
		n.Forward.split = balance.NewSplit(weights)
	case len(weights) == 1 && weights[0] == 0 && len(f.TargetGroups) > 1:
		n.Forward.only = -1
	}
	return true
}

// standBefore joins a frontend network load balancer to the application load balancer
// of the same key: connections to its port are served as if they had come to the
// other's, so that the client's address is kept, as AWS keeps it.
func (b *builder) standBefore(n *Network, g *lb.TargetGroup, origin lb.Origin, field string) bool {
	n.Behind = g.BehindPort
	s := b.out.Sockets[n.Behind]
	if s == nil || !slices.ContainsFunc(s.Listeners, func(l *Listener) bool { return l.LoadBalancer.Config.Key == n.LoadBalancer.Config.Key }) {
		b.problem(origin, field, "the application load balancer behind it has no listener on port %d", n.Behind)
		return false
	}
	return true
}

// notePreservation says why targets do not see clients' addresses where they were asked to.
func (b *builder) notePreservation(g *TargetGroup, origin lb.Origin) {
	if p := g.Attributes.PreserveClientIP; p != nil && *p && !b.Transparent {
		b.note(origin, "attributes[preserve_client_ip.enabled]", "targets see the load balancer's address: keeping clients' needs the flag --transparent, "+
			"the capability CAP_NET_ADMIN and routes that bring answers back here (docs/layer4.md); proxy_protocol_v2.enabled tells targets the address without any of that")
	}
}

// alpnPolicies are the protocols that each of AWS's ALPN policies offers, most wanted first.
var alpnPolicies = map[string][]string{
	"HTTP1Only":      {"http/1.1", "http/1.0"},
	"HTTP2Only":      {"h2"},
	"HTTP2Optional":  {"http/1.1", "http/1.0", "h2"},
	"HTTP2Preferred": {"h2", "http/1.1", "http/1.0"},
}

// secureFlows finds the policy and the certificates of a TLS listener.
func (b *builder) secureFlows(n *Network, origin lb.Origin, field string) bool {
	var alpn []string
	if len(n.Config.ALPN) > 0 {
		alpn = alpnPolicies[n.Config.ALPN[0]]
	}
	l := &Listener{LoadBalancer: n.LoadBalancer, Config: n.Config}
	if !b.secure(l, origin, field) {
		return false
	}
	if l.tls != nil { // nil: only to be asked
		l.tls.NextProtos = alpn
		n.TLS = l.tls
	}
	return true
}

// note adds to the Config's notes; once, where the same Config is built again.
func (b *builder) note(o lb.Origin, field, format string, args ...any) {
	b.said++
	p := lb.Problem{Origin: o, Field: field, Text: fmt.Sprintf(format, args...)}
	if !slices.Contains(b.cfg.Notes, p) {
		b.cfg.Notes = append(b.cfg.Notes, p)
	}
}

// flowUses are the target groups that network load balancers forward to.
func (s *Snapshot) flowUses() []Use {
	var uses []Use
	for _, networks := range []map[int]*Network{s.Streams, s.Packets} {
		for _, n := range networks {
			for _, m := range n.Forward.Members {
				if n.Behind == 0 {
					uses = append(uses, Use{n.LoadBalancer, m.Group})
				}
			}
		}
	}
	return uses
}
