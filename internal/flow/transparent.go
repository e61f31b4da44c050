package flow

import (
	"net"
	"net/netip"

	"github.com/albatross-lb/albatross/internal/snapshot"
	"github.com/albatross-lb/albatross/lb"
)

// preserves tells whether targets of the group are to see their clients' addresses. By
// default that is so for targets of type instance and for UDP (AWS, "Client IP
// preservation"); here it is so only where the process was asked for it, since it
// takes routes that bring the targets' answers back to this host.
func (c *Carrier) preserves(g *snapshot.TargetGroup) bool {
	if !c.opts.Transparent {
		return false
	}
	if p := g.Attributes.PreserveClientIP; p != nil {
		return *p
	}
	return g.Config.TargetType == "instance" || g.Config.Protocol == lb.UDP || g.Config.Protocol == lb.TCPUDP
}

// sourcesOf are the addresses to try as the source of a connection to a target, best
// first: the client's own with its port, with any port, and this host's. A client of
// the other address family has none to lend.
func (c *Carrier) sourcesOf(g *snapshot.TargetGroup, client netip.AddrPort, target netip.AddrPort) []netip.AddrPort {
	if !c.preserves(g) || client.Addr().Is4() != target.Addr().Unmap().Is4() {
		return nil
	}
	return []netip.AddrPort{client, netip.AddrPortFrom(client.Addr(), 0)}
}

// CanPreserve says why this process cannot keep clients' addresses; nil if it can.
func CanPreserve() error {
	c, err := (&net.ListenConfig{Control: transparent}).ListenPacket(background, "udp4", "127.0.0.1:0")
	if err != nil {
		return err
	}
	return c.Close()
}
