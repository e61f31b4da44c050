package manifest

import (
	"errors"
	"net"
	"strings"

	"github.com/albatross-lb/albatross/lb"
)

// serviceInbound reads who may connect: security groups, or ranges of addresses.
func (b *builder) serviceInbound(s *service, l *lb.LoadBalancer) error {
	notes := serviceNotes(s)
	off, _, badOff := notes.boolean("disable-nlb-sg")
	if off && l.Type == lb.Network {
		_, _, badManage := notes.boolean(manageGroups)
		return badManage
	}
	if list, _ := notes.list("security-groups"); len(list) > 0 {
		groups, missing := b.opts.Inventory.securityGroups(list)
		var badGroups error
		if missing != "" {
			badGroups = notes.faultf("security-groups", "there is no security group %q", missing)
		}
		manage, _, badManage := notes.boolean(manageGroups)
		if manage {
			groups = append(groups, "shared-backend")
		}
		l.SecurityGroups = groups
		return errors.Join(badOff, badGroups, badManage)
	}
	prefixLists, listed := notes.list("security-group-prefix-lists")
	ranges := s.Spec.LoadBalancerSourceRanges
	if len(ranges) == 0 {
		ranges, _ = annotations{servicePrefix, s.Annotations}.list("load-balancer-source-ranges")
	}
	errs := []error{badOff}
	for _, cidr := range ranges {
		_, _, err := net.ParseCIDR(strings.TrimSpace(cidr))
		switch {
		case err != nil && l.Type == lb.Application:
			errs = append(errs, faultf("spec.loadBalancerSourceRanges", "%q is no range of addresses; write it as 10.0.0.0/8", cidr))
		case strings.Contains(cidr, ":") && !hasIPv6(l.IPAddressType):
			errs = append(errs, faultf("spec.loadBalancerSourceRanges", "unsupported IPv6 range %s: the load balancer is not dualstack", cidr))
		}
	}
	if len(ranges) == 0 && !listed {
		if ranges = []string{"0.0.0.0/0"}; hasIPv6(l.IPAddressType) {
			ranges = append(ranges, "::/0")
		}
	}
	l.InboundCIDRs = []lb.InboundCIDR{}
	for _, port := range s.Spec.Ports {
		protocol := strings.TrimPrefix(strings.ToLower(string(port.Protocol)), "tcp")
		for _, cidr := range ranges {
			l.InboundCIDRs = append(l.InboundCIDRs, lb.InboundCIDR{Port: int(port.Port), CIDR: strings.TrimSpace(cidr), Protocol: protocol})
			if l.Type == lb.Network && notes.textOr("enable-icmp-for-path-mtu-discovery", "") == "on" {
				l.InboundCIDRs = append(l.InboundCIDRs, tooBig(cidr))
			}
		}
		for _, id := range prefixLists {
			l.InboundCIDRs = append(l.InboundCIDRs, lb.InboundCIDR{Port: int(port.Port), PrefixList: id, Protocol: protocol})
		}
	}
	sortInbound(l.InboundCIDRs)
	return errors.Join(errs...)
}

// tooBig lets the ICMP message in that a packet is too large. In place of a port
// it has the type of the message: 3 for IPv4 (RFC 1191), 2 for IPv6 (RFC 8201).
func tooBig(cidr string) lb.InboundCIDR {
	if strings.Contains(cidr, ":") {
		return lb.InboundCIDR{Port: 2, CIDR: strings.TrimSpace(cidr), Protocol: "icmpv6"}
	}
	return lb.InboundCIDR{Port: 3, CIDR: strings.TrimSpace(cidr), Protocol: "icmp"}
}
