package sock

import (
	"syscall"
	"unsafe"
)

// States of tcp_info's first byte (linux/tcp_states.h).
const (
	tcpClose     = 7
	tcpCloseWait = 8
)

// HungUp tells whether the peer has closed its side or reset the connection, even
// where bytes that nobody has read hide it from Closed.
func (c *Conn) HungUp() bool {
	var state [1]byte
	failed := c.raw.Control(func(fd uintptr) {
		size := uint32(len(state))
		_, _, errno := syscall.RawSyscall6(syscall.SYS_GETSOCKOPT, fd, syscall.IPPROTO_TCP, syscall.TCP_INFO,
			uintptr(unsafe.Pointer(&state[0])), uintptr(unsafe.Pointer(&size)), 0)
		if errno != 0 {
			state[0] = 0
		}
	})
	return failed != nil || state[0] == tcpClose || state[0] == tcpCloseWait
}
