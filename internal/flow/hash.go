package flow

import (
	"encoding/binary"
	"net/netip"
)

// clientHash is the same for all flows of one client address, in every process.
func clientHash(client netip.Addr) uint64 {
	b := client.As16()
	return mix(mix(binary.BigEndian.Uint64(b[:8])) ^ binary.BigEndian.Uint64(b[8:]))
}

// The protocols of five-tuples, by their numbers in IP (RFC 790).
const tcpProtocol, udpProtocol = 6, 17

// tupleHash is of protocol, source and destination. AWS also takes the first TCP
// sequence number, which user space does not see.
func tupleHash(protocol uint64, client, local netip.AddrPort) uint64 {
	ports := uint64(client.Port())<<32 | uint64(local.Port())<<8 | protocol
	return mix(mix(clientHash(client.Addr())^ports) ^ clientHash(local.Addr()))
}

// mix spreads the bits of a number over the whole of it (splitmix64; Steele, Lea and Flood 2014).
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
