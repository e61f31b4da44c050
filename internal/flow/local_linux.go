package flow

import (
	"encoding/binary"
	"net"
	"net/netip"

	"golang.org/x/sys/unix"
)

// A socket that is bound to every address has to answer from the one that the client
// has sent to. The kernel tells which one that was in a control message (ip(7)
// IP_PKTINFO, ipv6(7) IPV6_RECVPKTINFO), and takes the same message back for answers.

// controlSize holds either of the two messages.
const controlSize = 64

func tellLocal(c *net.UDPConn) error {
	raw, err := c.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	err = raw.Control(func(fd uintptr) {
		if failed = unix.SetsockoptInt(int(fd), unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO, 1); failed != nil { // an IPv4 socket
			failed = unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_PKTINFO, 1)
		}
	})
	if err == nil {
		err = failed
	}
	return err
}

// The messages' layout: a header (length, level, type), then struct in6_pktinfo
// (address, interface) or in_pktinfo (interface, local address, header's address).
const (
	headerBytes = unix.SizeofCmsghdr
	levelAt     = headerBytes - 8
	kindAt      = headerBytes - 4
)

// localOf reads the address that a datagram was sent to; the zero Addr where control does not say.
func localOf(control []byte) netip.Addr {
	level, kind := levelOf(control)
	switch {
	case level == unix.IPPROTO_IPV6 && kind == unix.IPV6_PKTINFO && len(control) >= headerBytes+20:
		return netip.AddrFrom16([16]byte(control[headerBytes:]))
	case level == unix.IPPROTO_IP && kind == unix.IP_PKTINFO && len(control) >= headerBytes+12:
		return netip.AddrFrom4([4]byte(control[headerBytes+4:]))
	}
	return netip.Addr{}
}

func levelOf(control []byte) (level, kind uint32) {
	if len(control) < headerBytes {
		return 0, 0
	}
	return binary.NativeEndian.Uint32(control[levelAt:]), binary.NativeEndian.Uint32(control[kindAt:])
}

// answerControl makes the message for answers of one that has come in: without the
// interface, which routing chooses, unless the address means nothing without it.
func answerControl(control []byte) []byte {
	answer := append([]byte(nil), control...)
	local := localOf(control)
	switch {
	case local.Is4():
		clear(answer[headerBytes : headerBytes+4])
	case !local.IsLinkLocalUnicast():
		clear(answer[headerBytes+16 : headerBytes+20])
	}
	return answer
}
