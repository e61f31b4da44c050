// Package explain answers the question that every load balancer is asked and few
// answer: why did my request go there? It walks a request through a snapshot with
// the very code that serves requests, and keeps what that code throws away: which
// load balancer was chosen and by what, each rule that did not hold and the first of
// its conditions that did not, the rule that did, and which targets may be chosen.
package explain

import (
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/albatross-lb/albatross/internal/match"
	"github.com/albatross-lb/albatross/internal/snapshot"
	"github.com/albatross-lb/albatross/lb"
)

// Request is the request asked about.
type Request struct {
	Method  string // "" is GET
	URL     string // http://host:port/path?query
	Headers []string
	From    string // the client's address; "" is 127.0.0.1
}

// Answer is what becomes of it.
type Answer struct {
	Request      string    `json:"request"`
	LoadBalancer string    `json:"loadBalancer"`
	Chosen       string    `json:"chosen,omitempty"` // why, among several that share the port
	Listener     string    `json:"listener"`
	Client       string    `json:"client,omitempty"` // with TLS: what is shown and what a client must show
	Verdicts     []Verdict `json:"rules"`
	Taken        string    `json:"taken"`   // "rule 3", "default action"
	Actions      []string  `json:"actions"` // of the rule taken, in words
	Rewritten    []string  `json:"rewritten,omitempty"`
	Location     string    `json:"location,omitempty"`
	TargetGroups []Group   `json:"targetGroups,omitempty"`
}

// Verdict is what was found about one rule.
type Verdict struct {
	Priority int    `json:"priority"`
	Rule     string `json:"rule"`
	Origin   string `json:"origin"`
	Holds    bool   `json:"holds"`
	Why      string `json:"why,omitempty"`
}

// Group is a target group that the request may go to.
type Group struct {
	Key       string   `json:"key"`
	Name      string   `json:"name"`
	Weight    int      `json:"weight"`
	Share     string   `json:"share,omitempty"` // of several groups
	Algorithm string   `json:"algorithm"`
	Zone      string   `json:"zone,omitempty"` // cross-zone load balancing is off: targets of this zone only
	Sticky    string   `json:"sticky,omitempty"`
	FailOpen  bool     `json:"failOpen,omitempty"` // too few are healthy: all registered targets are used
	Targets   []Target `json:"targets"`
}

// Target is one target and whether it may be chosen now.
type Target struct {
	Addr   string         `json:"addr"`
	State  lb.HealthState `json:"state"`
	May    bool           `json:"mayBeChosen"`
	Away   bool           `json:"otherZone,omitempty"` // in another zone than Group.Zone
	Weight float64        `json:"weight,omitempty"`    // the part of its fair share that it gets because of anomalies; absent: all of it
}

// headers gives a Request's headers to the matcher.
type headers [][2]string

func (h headers) Values(name string, yield func([]byte) bool) {
	for _, f := range h {
		if strings.EqualFold(f[0], name) && !yield([]byte(f[1])) {
			return
		}
	}
}

// Explain walks the request through the snapshot. Errors are the question's: a URL
// that is none, a port that nothing listens on.
func Explain(s *snapshot.Snapshot, r Request) (*Answer, error) {
	u, err := url.Parse(r.URL)
	if err != nil || u.Host == "" || !slices.Contains([]string{"http", "https", "tcp", "tls", "udp"}, u.Scheme) {
		return nil, fmt.Errorf("%q is not a URL to explain: write http://host:port/path?query or https://..., or tcp://host:port, tls://... or udp://... of a network load balancer", r.URL)
	}
	look, err := question(u, r)
	if err != nil {
		return nil, err
	}
	if n := networkFor(s, u); n != nil && n.Behind == 0 {
		return explainFlow(n, r, look.Source), nil
	}
	socket, err := socketFor(s, u)
	if err != nil {
		return nil, err
	}
	l := socket.Listener(look.Host)
	a := &Answer{
		Request:      string(look.Method) + " " + r.URL,
		LoadBalancer: l.LoadBalancer.Config.Key + " (" + l.LoadBalancer.Config.Name + ")",
		Listener:     fmt.Sprintf("%s:%d", l.Config.Protocol, l.Port),
		Chosen:       chosenBy(socket, l, look.Host),
		Client:       client(l.Config),
	}
	if l.PublicPort != l.Port {
		a.Listener += fmt.Sprintf(", bound on port %d", l.PublicPort)
	}
	if !l.Allows(look.Source) {
		a.Taken = "connection refused: " + look.Source.String() + " is in none of the inbound-cidrs"
		return a, nil
	}
	verdicts, rule := l.Explain(look)
	for _, v := range verdicts {
		a.Verdicts = append(a.Verdicts, Verdict{
			Priority: v.Rule.Priority, Rule: conditions(v.Rule.Conditions), Origin: v.Rule.Origin.String(), Holds: v.Holds, Why: v.Why,
		})
	}
	a.take(l, rule, look)
	return a, nil
}

func question(u *url.URL, r Request) (*match.Request, error) {
	look := &match.Request{Host: []byte(u.Host), Path: []byte(u.EscapedPath()), Query: []byte(u.RawQuery), Method: []byte(r.Method)}
	if len(look.Path) == 0 {
		look.Path = []byte("/")
	}
	if r.Method == "" {
		look.Method = []byte("GET")
	}
	from := r.From
	if from == "" {
		from = "127.0.0.1"
	}
	var err error
	if look.Source, err = netip.ParseAddr(from); err != nil {
		return nil, fmt.Errorf("--from %q is not an address: write one like 192.0.2.7 or 2001:db8::7", from)
	}
	var h headers
	for _, line := range r.Headers {
		name, value, ok := strings.Cut(line, ":")
		if !ok {
			return nil, fmt.Errorf("header %q: write 'Name: value'", line)
		}
		if name, value = strings.TrimSpace(name), strings.TrimSpace(value); strings.EqualFold(name, "Host") {
			look.Host = []byte(value)
		}
		h = append(h, [2]string{name, value})
	}
	look.Headers = h
	return look, nil
}

// socketFor finds the socket of a URL: by the port that clients see, or by the one
// that the manifests name.
func socketFor(s *snapshot.Snapshot, u *url.URL) (*snapshot.Socket, error) {
	port := map[string]int{"http": 80, "https": 443}[u.Scheme]
	if p := u.Port(); p != "" {
		port, _ = strconv.Atoi(p)
	}
	var found *snapshot.Socket
	var open []string
	for _, k := range s.Sockets {
		if k.BoundPort == port || k.Port == port && found == nil {
			found = k
		}
		open = append(open, strconv.Itoa(k.BoundPort))
	}
	sort.Strings(open)
	switch {
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, fmt.Errorf("no network load balancer listens on port %d by %s", port, u.Scheme)
	case found == nil && networkFor(s, u) != nil:
		return s.Sockets[networkFor(s, u).Behind], nil // it stands before an application load balancer
	case len(open) == 0:
		return nil, fmt.Errorf("nothing is served: see albatross check")
	case found == nil:
		return nil, fmt.Errorf("nothing listens on port %d; open are %s", port, strings.Join(open, ", "))
	case found.Secure != (u.Scheme == "https"):
		return nil, fmt.Errorf("port %d does not speak %s; write the other scheme", port, u.Scheme)
	}
	return found, nil
}

func conditions(cs []lb.Condition) string {
	words := make([]string, len(cs))
	for i, c := range cs {
		words[i] = c.String()
	}
	return strings.Join(words, " and ")
}

// take describes what the rule taken does with the request.
func (a *Answer) take(l *snapshot.Listener, rule *snapshot.Rule, look *match.Request) {
	actions := l.Config.DefaultActions
	a.Taken = "default action"
	if rule.Config != nil {
		actions = rule.Config.Actions
		a.Taken = "rule " + strconv.Itoa(rule.Priority)
	}
	for _, action := range actions {
		a.Actions = append(a.Actions, action.String())
	}
	switch {
	case rule.Refused != "":
		a.Actions = append(a.Actions[:0], a.Actions[0]+", which is not carried out here: the answer is 500 ("+rule.Refused+")")
	case rule.Redirect != nil:
		protocol := strings.ToLower(string(l.Config.Protocol))
		a.Location = string(rule.Redirect.Location(nil, protocol, look.Host, l.PublicPort, look.Path, look.Query))
	case rule.Forward != nil:
		a.rewrite(rule, look)
		a.groups(rule.Forward.Members, actions[len(actions)-1].Forward)
	}
}

func (a *Answer) groups(members []snapshot.Member, f *lb.Forward) {
	weights := map[string]int{}
	for _, w := range f.TargetGroups {
		weights[w.TargetGroup] = 1
		if w.Weight != nil {
			weights[w.TargetGroup] = *w.Weight
		}
	}
	for _, m := range members {
		c := m.Group.Config
		g := Group{Key: c.Key, Name: c.Name, Weight: weights[c.Key], Algorithm: string(m.Group.Attributes.Algorithm), Zone: m.Group.Zone, Sticky: sticky(m.Group)}
		if len(members) > 1 {
			g.Share = share(g.Weight, weights)
		}
		var eligible []int
		eligible, g.FailOpen = m.Group.Balance.Eligible()
		may := map[int]bool{}
		for _, i := range eligible {
			may[i] = true
		}
		for i, t := range m.Group.Targets {
			target := Target{Addr: t.Addr.String(), State: t.Load.State(), May: may[i], Away: m.Group.Balance.Away(i)}
			if w := m.Group.Balance.Weight(i); w < 1 {
				target.Weight = w
			}
			g.Targets = append(g.Targets, target)
		}
		a.TargetGroups = append(a.TargetGroups, g)
	}
}

// lines are those of an answer. What is in them may come from anywhere, and stays on its line.
type lines struct{ text strings.Builder }

func (l *lines) add(format string, args ...any) {
	l.text.WriteString(lb.OneLine(fmt.Sprintf(format, args...)))
	l.text.WriteByte('\n')
}

// String is the answer in words.
func (a *Answer) String() string {
	var b lines
	b.add("%s", a.Request)
	b.add("  load balancer  %s", a.LoadBalancer)
	if a.Chosen != "" {
		b.add("                 %s", a.Chosen)
	}
	b.add("  listener       %s", a.Listener)
	if a.Client != "" {
		b.add("  TLS            %s", a.Client)
	}
	for _, v := range a.Verdicts {
		if v.Holds {
			b.add("  rule %-4d taken  %s", v.Priority, v.Rule)
		} else {
			b.add("  rule %-4d no     %s: %s", v.Priority, v.Rule, v.Why)
		}
	}
	if !strings.HasPrefix(a.Taken, "rule ") {
		b.add("  %s", a.Taken)
	}
	for _, action := range a.Actions {
		b.add("  then           %s", action)
	}
	for _, rewritten := range a.Rewritten {
		b.add("  rewritten      %s", rewritten)
	}
	if a.Location != "" {
		b.add("  location       %s", a.Location)
	}
	for _, g := range a.TargetGroups {
		a.group(&b, g)
	}
	return b.text.String()
}

func (a *Answer) group(b *lines, g Group) {
	head := fmt.Sprintf("  target group   %s (%s), %s", g.Key, g.Name, g.Algorithm)
	if len(a.TargetGroups) > 1 {
		head += fmt.Sprintf(", weight %d", g.Weight)
	}
	if g.Share != "" {
		head += " (" + g.Share + ")"
	}
	if g.Zone != "" {
		head += ", of zone " + g.Zone + " only"
	}
	switch {
	case len(g.Targets) == 0:
		head += ": no targets, so " + a.nothing()
	case !slices.ContainsFunc(g.Targets, func(t Target) bool { return !t.Away }):
		head += ": no targets there, so " + a.nothing()
	case g.FailOpen && !slices.ContainsFunc(g.Targets, func(t Target) bool { return t.State != lb.Initial }):
		head += ": the targets' health is not known yet, so all are used"
	case g.FailOpen:
		head += ": too few targets are known to be healthy, so all are used (fail open)"
	}
	b.add("%s", head)
	if g.Sticky != "" {
		b.add("    %s", g.Sticky)
	}
	for _, t := range g.Targets {
		b.add("    %-21s  %-9s  %s", t.Addr, t.State, t.chance())
	}
}

// chance says in words whether a target may be chosen.
func (t Target) chance() string {
	switch {
	case t.Away:
		return "not chosen: in another zone"
	case !t.May:
		return "not chosen"
	case t.Weight > 0:
		return fmt.Sprintf("may be chosen, for %g of its share: it has anomalies", t.Weight)
	}
	return "may be chosen"
}
