package flow

import (
	"fmt"
	"net/netip"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/albatross-lb/albatross/internal/sock"
)

// transparent lets a socket have an address that is not this host's (ip(7) IP_TRANSPARENT).
func transparent(network, _ string, c syscall.RawConn) error {
	level, option := unix.SOL_IP, unix.IP_TRANSPARENT
	if strings.HasSuffix(network, "6") {
		level, option = unix.SOL_IPV6, unix.IPV6_TRANSPARENT
	}
	var failed error
	err := c.Control(func(fd uintptr) {
		if failed = unix.SetsockoptInt(int(fd), level, option, 1); failed == nil {
			failed = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEADDR, 1)
		}
	})
	if err == nil {
		err = failed
	}
	if err != nil {
		return fmt.Errorf("taking a client's address for a socket (it needs CAP_NET_ADMIN): %w", err)
	}
	return nil
}

// lend gives a stream's socket a client's address.
func lend(fd int, client netip.AddrPort) error {
	level, option := unix.SOL_IP, unix.IP_TRANSPARENT
	if client.Addr().Is6() {
		level, option = unix.SOL_IPV6, unix.IPV6_TRANSPARENT
	}
	if err := unix.SetsockoptInt(fd, level, option, 1); err != nil {
		return fmt.Errorf("taking a client's address for a socket (it needs CAP_NET_ADMIN): %w", err)
	}
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1); err != nil {
		return err
	}
	return sock.Bind(fd, client)
}
