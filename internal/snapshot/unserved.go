package snapshot

import (
	"slices"

	"github.com/albatross-lb/albatross/lb"
)

// bound is a port of this machine that is listened on.
type bound struct {
	port int
	udp  bool
}

// claim takes the port that a port of the manifests is bound as. It gives the port of the
// manifests that has it already, where the port map sends two to one.
func (b *builder) claim(port int, udp bool) (other int, taken bool) {
	at := bound{b.bound(port), udp}
	if other, taken = b.claims[at]; taken {
		return other, other != port
	}
	b.claims[at] = port
	return 0, false
}

// takeOut leaves the listeners out of the Config that are not served, so that whoever
// shows it shows what is. The load balancers that others remember stay as they are.
func (b *builder) takeOut() {
	if len(b.unserved) == 0 {
		return
	}
	for i, c := range b.cfg.LoadBalancers {
		if !slices.ContainsFunc(c.Listeners, func(l *lb.Listener) bool { return b.unserved[l] }) {
			continue
		}
		own := *c
		own.Listeners = slices.DeleteFunc(slices.Clone(c.Listeners), func(l *lb.Listener) bool { return b.unserved[l] })
		if len(own.Listeners) == 0 {
			b.warn(c.Origin, "", "load balancer %s has no listener left and serves nothing", c.Key)
		}
		b.cfg.LoadBalancers[i] = &own
	}
}
