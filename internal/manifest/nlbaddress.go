package manifest

import (
	"errors"
	"net/netip"
	"slices"
	"strings"

	"github.com/albatross-lb/albatross/lb"
)

// checkRoutingPolicy looks at the one attribute whose values AWS's controller checks.
func checkRoutingPolicy(notes annotations, annotation string, attributes map[string]string) error {
	policies := []string{"any_availability_zone", "partial_availability_zone_affinity", "availability_zone_affinity"}
	if v, ok := attributes["dns_record.client_routing_policy"]; ok && !slices.Contains(policies, v) {
		return notes.faultf(annotation, "dns_record.client_routing_policy=%s is not known; write one of %s", v, strings.Join(policies, ", "))
	}
	return nil
}

// checkAddresses reads the fixed addresses that the load balancer asks for. Where
// subnets are named there is one address for each.
func checkAddresses(notes annotations, l *lb.LoadBalancer) error {
	var errs []error
	if eips, ok := notes.list("eip-allocations"); ok {
		errs = append(errs, checkEIPs(notes, "eip-allocations", eips, l))
		if len(eips) == 0 {
			errs = append(errs, notes.faultf("eip-allocations", "the list is empty; write an allocation for each subnet, or leave the annotation out"))
		}
		l.EIPAllocations = eips
	}
	for _, fixed := range []struct {
		annotation, where string
		allowed, v6       bool
	}{
		{"private-ipv4-addresses", "internal load balancers", l.Scheme == internal, false},
		{"ipv6-addresses", "dualstack load balancers", l.IPAddressType == "dualstack", true},
	} {
		list, ok := notes.list(fixed.annotation)
		if !ok {
			continue
		}
		if !fixed.allowed {
			errs = append(errs, notes.faultf(fixed.annotation, "these addresses can only be set for %s", fixed.where))
		}
		if len(list) == 0 || len(l.Subnets) > 0 && len(list) != len(l.Subnets) {
			errs = append(errs, notes.faultf(fixed.annotation, "count of addresses (%d) and subnets (%d) must match", len(list), len(l.Subnets)))
		}
		for _, raw := range list {
			if a, err := netip.ParseAddr(raw); err != nil || a.Is6() != fixed.v6 {
				errs = append(errs, notes.faultf(fixed.annotation, "%q is no address of the right kind", raw))
			}
		}
	}
	return errors.Join(errs...)
}

// checkSourceNAT looks at annotations that are accepted and mean nothing here, as
// far as AWS's controller checks them without knowing the subnets.
func checkSourceNAT(notes annotations, l *lb.LoadBalancer) error {
	const prefixes = "source-nat-ipv6-prefixes"
	var errs []error
	for _, annotation := range []string{"enable-prefix-for-ipv6-source-nat", "inbound-sg-rules-on-private-link-traffic"} {
		if value, ok := notes.text(annotation); ok && value != "on" && value != "off" {
			errs = append(errs, notes.faultf(annotation, "%q is not known; write on or off", value))
		}
	}
	on := notes.textOr("enable-prefix-for-ipv6-source-nat", "off") == "on"
	if on && l.IPAddressType != "dualstack" {
		errs = append(errs, notes.faultf("enable-prefix-for-ipv6-source-nat", "this is for dual-stack load balancers only; write %sip-address-type: dualstack", notes.prefix))
	}
	list, given := notes.list(prefixes)
	switch {
	case !given:
	case !on:
		errs = append(errs, notes.faultf(prefixes, "prefixes need a dual-stack load balancer and %senable-prefix-for-ipv6-source-nat: \"on\"", notes.prefix))
	case len(l.Subnets) > 0 && len(list) != len(l.Subnets):
		errs = append(errs, notes.faultf(prefixes, "count of prefixes (%d) and subnets (%d) must match", len(list), len(l.Subnets)))
	}
	for _, raw := range list {
		if p, err := netip.ParsePrefix(raw); raw != "auto_assigned" && (err != nil || !p.Addr().Is6() || p.Bits() != 80) {
			errs = append(errs, notes.faultf(prefixes, "%q is no prefix for source NAT; write an IPv6 prefix of length 80, or auto_assigned", raw))
		}
	}
	return errors.Join(errs...)
}

func checkEIPs(notes annotations, annotation string, eips []string, l *lb.LoadBalancer) error {
	var errs []error
	if l.Scheme != internetFacing {
		errs = append(errs, notes.faultf(annotation, "EIP allocations can only be set for internet facing load balancers; write scheme: %s", internetFacing))
	}
	if len(l.Subnets) > 0 && len(eips) != len(l.Subnets) {
		errs = append(errs, notes.faultf(annotation, "count of EIP allocations (%d) and subnets (%d) must match", len(eips), len(l.Subnets)))
	}
	return errors.Join(errs...)
}
