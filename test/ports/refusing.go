//go:build unix

package ports

import (
	"fmt"
	"net/netip"
	"syscall"
)

// Refusing gives an address of loopback that refuses TCP connections, and keeps it so until
// release: a socket has the port and does not listen. A port that was merely closed may
// be somebody else's by the time it is used.
func Refusing() (addr netip.AddrPort, release func(), err error) {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		return addr, nil, fmt.Errorf("making a socket: %w", err)
	}
	syscall.CloseOnExec(fd)
	release = func() { syscall.Close(fd) }
	loopback := [4]byte{127, 0, 0, 1}
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: loopback}); err != nil {
		release()
		return addr, nil, fmt.Errorf("binding a socket: %w", err)
	}
	name, err := syscall.Getsockname(fd)
	if err != nil {
		release()
		return addr, nil, fmt.Errorf("asking for a socket's port: %w", err)
	}
	return netip.AddrPortFrom(netip.AddrFrom4(loopback), uint16(name.(*syscall.SockaddrInet4).Port)), release, nil
}
