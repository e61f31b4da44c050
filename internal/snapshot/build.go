package snapshot

import (
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/albatross-lb/albatross/internal/accesslog"
	"github.com/albatross-lb/albatross/internal/balance"
	"github.com/albatross-lb/albatross/internal/certs"
	"github.com/albatross-lb/albatross/internal/health"
	"github.com/albatross-lb/albatross/internal/http1"
	"github.com/albatross-lb/albatross/internal/metrics"
	"github.com/albatross-lb/albatross/lb"
)

// Options is what a Snapshot is built with besides the Config.
type Options struct {
	Account, Region string
	// Zone is the availability zone of this node; "": not known.
	Zone string
	// PortMap says on which port a port of the manifests is bound; absent: the same.
	PortMap map[int]int
	// Certificate finds the key pair for a reference of a listener ("" asks for one
	// for a listener that names none); hosts are the names that it should cover. nil:
	// the Snapshot is only to be asked, not served, and needs none.
	Certificate func(ref string, hosts []string) (*certs.Certificate, error)
	// Discover finds certificates for hosts, and says for which there are none. nil: there is nothing to look in.
	Discover func(hosts []string) (found []*certs.Certificate, missing []string)
	// Transparent: network load balancers may keep clients' addresses towards targets.
	Transparent bool
	// Previous is the snapshot in service, or nil: what is the same object in its Config
	// is not compiled again. It was built with the same Options.
	Previous *Snapshot
	// TrustStores has the CAs that clients' certificates are verified by.
	TrustStores *certs.TrustStores
	Live        *Live
	Metrics     *metrics.Registry
	Logs        *accesslog.Store
}

// builder collects what one Build makes and finds wrong.
type builder struct {
	Options
	cfg      *lb.Config
	out      *Snapshot
	zonal    map[string]bool       // target groups that keep to a zone unless they say otherwise, by key
	networks []*Network            // to be placed on their ports
	fresh    []*LoadBalancer       // that were not taken over from Previous
	replaced map[*TargetGroup]bool // those of Previous that were not taken over
	claims   map[bound]int         // which port of the manifests a bound port is for
	unserved map[*lb.Listener]bool // those that cannot be served
	problems []lb.Problem
	said     int // problems, warnings and notes so far
	// logsChecks: some load balancer has a health check log.
	logsChecks bool
}

// Build compiles a validated Config. What cannot be served is left out and
// reported, each with its reason; everything else is in the Snapshot. Listeners that
// cannot be served are out of the Config afterwards, whose load balancers are replaced
// for that and not written to.
func Build(cfg *lb.Config, o Options) (*Snapshot, []lb.Problem) {
	b := &builder{Options: o, cfg: cfg, zonal: zonalByDefault(cfg), claims: map[bound]int{}, unserved: map[*lb.Listener]bool{}, out: &Snapshot{
		Config: cfg, Sockets: map[int]*Socket{}, Streams: map[int]*Network{}, Packets: map[int]*Network{},
		TargetGroups: make(map[string]*TargetGroup, len(cfg.TargetGroups)), balancers: make(map[string]*LoadBalancer, len(cfg.LoadBalancers)),
	}}
	if b.Previous == nil {
		b.Previous = &Snapshot{Config: &lb.Config{}}
	}
	b.targetGroups()
	for _, balancer := range cfg.LoadBalancers {
		b.loadBalancer(balancer)
	}
	b.placeNetworks()
	b.serveTLS()
	b.mapRedirects()
	b.healthLogs()
	b.takeOut()
	return b.out, b.problems
}

func (b *builder) problem(o lb.Origin, field, format string, args ...any) {
	b.said++
	b.problems = append(b.problems, lb.Problem{Origin: o, Field: field, Text: fmt.Sprintf(format, args...)})
}

// warn adds to the Config's warnings; once, where the same Config is built again.
func (b *builder) warn(o lb.Origin, field, format string, args ...any) {
	b.said++
	p := lb.Problem{Origin: o, Field: field, Text: fmt.Sprintf(format, args...)}
	if !slices.Contains(b.cfg.Warnings, p) {
		b.cfg.Warnings = append(b.cfg.Warnings, p)
	}
}

func (b *builder) targetGroup(g *lb.TargetGroup) *TargetGroup {
	t := &TargetGroup{Config: g, ARN: g.ARN(b.Account, b.Region), byDefault: b.zonal[g.Key]}
	t.fullName = t.ARN[strings.LastIndexByte(t.ARN, ':')+1:]
	t.Attributes, _ = lb.ParseTargetGroupAttributes(g.Attributes) // what is wrong with them, lb.Validate has said
	loads := make([]*balance.Target, 0, len(g.Targets))
	for _, target := range g.Targets {
		if target.Draining {
			continue // health keeps it until its delay is over; nothing new goes there
		}
		live := b.Live.target(health.Key{Group: g.Key, Addr: target.Addr}, g.Protocol == lb.HTTPS)
		t.Targets = append(t.Targets, live)
		loads = append(loads, live.Load)
	}
	t.Balance = balance.NewZoneGroup(loads, b.confine(t), t.Attributes)
	return t
}

func (b *builder) loadBalancer(c *lb.LoadBalancer) {
	if c.Type == lb.Network {
		b.network(c)
		return
	}
	if b.keep(c) {
		return
	}
	said := b.said
	balancer := &LoadBalancer{Config: c, ARN: c.ARN(b.Account, b.Region)}
	b.fresh, b.out.balancers[c.Key] = append(b.fresh, balancer), balancer
	balancer.Attributes, _ = lb.ParseLoadBalancerAttributes(c.Attributes)
	balancer.Limits.Mode, _ = http1.ParseMode(balancer.Attributes.DesyncMode)
	balancer.Metrics = b.Metrics.LoadBalancer(c.FullName())
	b.logs(balancer)
	for _, l := range c.Listeners {
		if !b.listener(balancer, l) {
			b.unserved[l] = true
		}
	}
	balancer.whole = b.said == said && !slices.ContainsFunc(balancer.listeners, func(l *Listener) bool { return l.Config.Secure() || l.pointsElsewhere() })
}

// logs gives an application load balancer its logs.
func (b *builder) logs(balancer *LoadBalancer) {
	c, a := balancer.Config, &balancer.Attributes
	balancer.Log = b.Logs.Log(c.Key, c.Name, c.ID(), a.AccessLogs)
	balancer.ConnectionLog = b.Logs.ConnectionLog(c.Key, c.Name, c.ID(), a.ConnectionLogs)
	balancer.HealthCheckLog = b.Logs.HealthCheckLog(c.Key, c.Name, c.ID(), a.HealthCheckLogs)
	b.logsChecks = b.logsChecks || balancer.HealthCheckLog.On()
	balancer.Metrics.SetDroppedLogLines(metrics.DroppedLines{
		Access: balancer.Log.Dropped, Connection: balancer.ConnectionLog.Dropped, HealthCheck: balancer.HealthCheckLog.Dropped,
	})
}

// listener compiles one listener and puts it on its socket, or says why that cannot be.
func (b *builder) listener(balancer *LoadBalancer, c *lb.Listener) bool {
	origin := c.Origin
	if origin == (lb.Origin{}) {
		origin = balancer.Config.Origin
	}
	field := fmt.Sprintf("listener %s:%d", c.Protocol, c.Port)
	if c.Protocol != lb.HTTP && c.Protocol != lb.HTTPS {
		b.problem(origin, field, "protocol %s does not belong on an application load balancer; write HTTP or HTTPS", c.Protocol)
		return false
	}
	socket := b.out.Sockets[c.Port]
	if socket != nil && socket.Secure != c.Secure() {
		other := socket.Listeners[0].LoadBalancer.Config
		b.problem(origin, field, "port %d is already served with the other protocol by load balancer %s; choose another port in listen-ports", c.Port, other.Key)
		return false
	}
	l := &Listener{LoadBalancer: balancer, Config: c, Port: c.Port, PublicPort: b.bound(c.Port)}
	l.Attributes, _ = lb.ParseListenerAttributes(c.Attributes)
	l.compileResponseHeaders()
	var bad []string
	if l.allowed, bad = allowedOn(balancer.Config, c.Port); bad != nil {
		b.problem(origin, "inbound-cidrs", "%s: write address ranges like 10.0.0.0/8", strings.Join(bad, ", "))
	}
	if c.Secure() && !b.secure(l, origin, field) {
		return false
	}
	if other, taken := b.claim(c.Port, false); taken {
		b.problem(origin, field, portTaken, l.PublicPort, other)
		return false
	}
	b.rules(l)
	if socket == nil {
		socket = &Socket{Port: c.Port, BoundPort: l.PublicPort, Secure: c.Secure()}
		b.out.Sockets[c.Port] = socket
	}
	socket.Listeners = append(socket.Listeners, l)
	balancer.listeners = append(balancer.listeners, l)
	return true
}

// portTaken is told where the port map binds two ports as one.
const portTaken = "the port map binds it as port %d, and port %d as well; give one of them another port"

func (b *builder) bound(port int) int {
	if mapped, ok := b.PortMap[port]; ok {
		return mapped
	}
	return port
}

// secure finds the policy and the certificates of an HTTPS listener.
func (b *builder) secure(l *Listener, origin lb.Origin, field string) bool {
	policy, ok := certs.LookupPolicy(l.Config.SSLPolicy)
	if !ok {
		text := "unknown ssl-policy " + strconv.Quote(l.Config.SSLPolicy)
		if near := lb.Nearest(l.Config.SSLPolicy, certs.PolicyNames()); near != "" {
			text += "; did you mean " + near + "?"
		}
		b.problem(origin, field, "%s", text)
		return false
	}
	var err error
	if b.Certificate == nil {
		return true
	}
	if l.Mutual, err = b.TrustStores.Mutual(l.Config.MutualAuthentication); err != nil {
		b.problem(origin, field, "mutual-authentication: %v; the listener is not served, since without it everyone would be let in", err)
		return false
	}
	refs := l.Config.Certificates
	if len(refs) == 0 {
		refs = []string{""}
	}
	hosts := hostsOf(l)
	var pairs []*certs.Certificate
	for _, ref := range refs {
		if ask := b.cfg.Discover[ref]; ask != nil {
			pairs = append(pairs, b.discovered(ref, ask, origin, field)...)
			continue
		}
		pair, err := b.Certificate(ref, hosts)
		if err != nil {
			b.problem(origin, field, "%v", err)
			continue
		}
		// What is ordered is renewed in time, or its order says why not.
		if warning := pair.Warning(time.Now()); warning != "" && b.cfg.ACME[ref] == nil {
			b.warn(origin, field, "certificate %s: %s", pair.Ref, warning)
		}
		pairs = append(pairs, pair)
	}
	if len(pairs) == 0 {
		b.problem(origin, field, "not served: it has no usable certificate")
		return false
	}
	protocols := []string{"h2", "http/1.1"}
	if !l.LoadBalancer.Attributes.HTTP2 {
		protocols = protocols[1:]
	}
	if l.Mutual.Mode == certs.Off {
		l.tls = certs.Config(policy, pairs, protocols)
	} else {
		if store := l.Mutual.TrustStore; store != nil {
			if warning := store.Warning(time.Now()); warning != "" {
				b.warn(origin, field, "trust store: %s", warning)
			}
		}
		l.tls = certs.ConfigMutual(policy, pairs, protocols, l.Mutual)
	}
	return true
}

// discovered are the certificates that are there for the hosts of an Ingress. For hosts
// that have none, one may be made: see Certificate.
func (b *builder) discovered(ref string, ask *lb.Discovery, origin lb.Origin, field string) []*certs.Certificate {
	var found []*certs.Certificate
	missing := ask.Hosts
	if b.Discover != nil {
		found, missing = b.Discover(ask.Hosts)
	}
	for _, c := range found {
		if warning := c.Warning(time.Now()); warning != "" {
			b.warn(origin, field, "certificate %s: %s", c.Ref, warning)
		}
	}
	if len(missing) == 0 {
		return found
	}
	made, err := b.Certificate(ref, missing)
	switch {
	case err == nil:
		return append(found, made)
	case len(found) == 0:
		b.problem(ask.Origin, ask.Field, "no certificate found for %s: %v", strings.Join(missing, ", "), err)
	default:
		b.warn(ask.Origin, ask.Field, "no certificate found for %s, whose clients are shown another's: %v", strings.Join(missing, ", "), err)
	}
	return found
}

// hostsOf lists the names that a certificate for the listener should cover: the
// hosts of its rules, and how it is reached on this machine.
func hostsOf(l *Listener) []string {
	seen := map[string]bool{}
	for _, r := range l.Config.Rules {
		for _, c := range r.Conditions {
			if c.HostHeader == nil {
				continue
			}
			for _, h := range c.HostHeader.Values {
				if h = strings.ToLower(h); certifiable(h) {
					seen[h] = true
				}
			}
		}
	}
	hosts := make([]string, 0, len(seen)+3)
	for h := range seen {
		hosts = append(hosts, h)
	}
	sort.Strings(hosts)
	return append(hosts, "localhost", "127.0.0.1", "::1")
}

// certifiable: a certificate can name exact hosts, and a wildcard for the whole first label.
func certifiable(host string) bool {
	rest := strings.TrimPrefix(host, "*.")
	return rest != "" && !strings.ContainsAny(rest, "*?")
}

func (b *builder) rules(l *Listener) {
	old := b.earlier(l)
	pairs := lb.Earlier(old.compiled, l.Config.Rules)
	l.rules, l.compiled = make([]*Rule, 0, len(l.Config.Rules)), make([]*lb.Rule, 0, len(l.Config.Rules))
	for i, c := range l.Config.Rules {
		r := b.kept(old, pairs.Of(i), c)
		if r == nil {
			r = b.rule(l, c, c.Priority, c.Actions)
		}
		if r != nil {
			l.compiled = append(l.compiled, c)
			l.rules = append(l.rules, r)
		}
	}
	l.fallback = b.rule(l, nil, 0, l.Config.DefaultActions)
	if l.fallback == nil {
		l.fallback = &Rule{Logged: "-", Refused: "InvalidDefaultAction"}
	}
	if l.table = old.table; !old.table.Of(l.compiled) {
		var problems []lb.Problem
		l.table, problems = old.table.Next(l.compiled)
		b.problems = append(b.problems, problems...)
		b.said += len(problems)
	}
	l.uses = l.groups()
}

func (l *Listener) compileResponseHeaders() {
	for name, value := range l.Attributes.ResponseHeaders {
		if value != "" {
			l.ReplacedHeaders = append(l.ReplacedHeaders, name)
		}
	}
	sort.Strings(l.ReplacedHeaders)
	for _, name := range l.ReplacedHeaders {
		l.ResponseHeaders = append(l.ResponseHeaders, name+": "+l.Attributes.ResponseHeaders[name]+"\r\n"...)
	}
}
