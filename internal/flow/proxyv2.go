package flow

import (
	"encoding/binary"
	"hash/crc32"
	"net/netip"
)

// The PROXY protocol, version 2 (HAProxy's proxy-protocol.txt, section 2.2).
const (
	proxySignature = "\r\n\r\n\x00\r\nQUIT\n"
	proxyCommand   = 0x21 // version 2, command PROXY
	familyIPv4     = 0x10
	familyIPv6     = 0x20
	overStream     = 0x01
	overDatagram   = 0x02
	typeCRC32C     = 0x03

	maxProxyHeader = 16 + 36 + 7
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// appendProxyHeader appends the header that tells a target who its client is and what
// the client connected to. It carries one TLV, the checksum, as a network load
// balancer's does; AWS's own TLV names the VPC endpoint, and there is none here.
func appendProxyHeader(dst []byte, over byte, client, local netip.AddrPort) []byte {
	start := len(dst)
	from, to := client.Addr().Unmap(), local.Addr().Unmap()
	dst = append(dst, proxySignature...)
	if from.Is4() && to.Is4() {
		dst = append(dst, proxyCommand, familyIPv4|over, 0, 12+7)
		dst = append(append(dst, from.AsSlice()...), to.AsSlice()...)
	} else {
		f, t := from.As16(), to.As16() // of an IPv4 address: mapped
		dst = append(dst, proxyCommand, familyIPv6|over, 0, 36+7)
		dst = append(append(dst, f[:]...), t[:]...)
	}
	dst = binary.BigEndian.AppendUint16(dst, client.Port())
	dst = binary.BigEndian.AppendUint16(dst, local.Port())
	dst = append(dst, typeCRC32C, 0, 4, 0, 0, 0, 0)
	sum := crc32.Checksum(dst[start:], castagnoli) // over the whole header, the sum's own bytes zero
	binary.BigEndian.PutUint32(dst[len(dst)-4:], sum)
	return dst
}
