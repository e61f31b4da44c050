package explain

import (
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"github.com/albatross-lb/albatross/internal/snapshot"
)

// networkFor finds the network listener of a URL, by the port that clients see or the
// one that the manifests name; nil if there is none. A URL of layer 7 finds it too:
// what is asked through a layer-4 port is a flow all the same.
func networkFor(s *snapshot.Snapshot, u *url.URL) *snapshot.Network {
	networks := s.Streams
	if u.Scheme == "udp" {
		networks = s.Packets
	}
	port := map[string]int{"http": 80, "https": 443, "tls": 443}[u.Scheme]
	if p := u.Port(); p != "" {
		port, _ = strconv.Atoi(p)
	}
	var found *snapshot.Network
	for _, n := range networks {
		if n.BoundPort == port || n.Port == port && found == nil {
			found = n
		}
	}
	return found
}

const aFlow = "flow to "

// nothing is what happens where a target group has no targets.
func (a *Answer) nothing() string {
	if strings.HasPrefix(a.Request, aFlow) {
		return "the flow is reset"
	}
	return "the answer is 503"
}

// explainFlow says where a flow may go: there are no rules, only target groups.
func explainFlow(n *snapshot.Network, r Request, from netip.Addr) *Answer {
	b := n.LoadBalancer.Config
	a := &Answer{
		Request:      aFlow + r.URL,
		LoadBalancer: b.Key + " (" + b.Name + ")",
		Listener:     fmt.Sprintf("%s:%d", n.Config.Protocol, n.Port),
		Taken:        "every flow",
		Client:       client(n.Config),
	}
	if n.BoundPort != n.Port {
		a.Listener += fmt.Sprintf(", bound on port %d", n.BoundPort)
	}
	if !n.Allows(from) {
		a.Taken = "flow refused: " + from.String() + " is in none of the load-balancer-source-ranges"
		return a
	}
	for _, action := range n.Config.DefaultActions {
		a.Actions = append(a.Actions, action.String())
		if action.Forward != nil {
			a.groups(n.Forward.Members, action.Forward)
		}
	}
	for i, m := range n.Forward.Members {
		if a.TargetGroups[i].Algorithm = "by the flow's addresses and ports"; m.Group.Attributes.KeepsClients() {
			a.TargetGroups[i].Algorithm = "by the client's address"
		}
	}
	return a
}
