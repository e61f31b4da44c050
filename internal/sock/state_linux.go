package sock

import (
	"encoding/binary"
	"syscall"
	"time"
	"unsafe"
)

// States of tcp_info's first byte (linux/tcp_states.h).
const (
	tcpClose     = 7
	tcpCloseWait = 8
)

// Places in tcp_info (linux/tcp.h), in bytes.
const (
	infoState        = 0
	infoSendMSS      = 16
	infoLastDataSent = 44 // milliseconds ago
	infoLastAckCame  = 56
)

// info is the part of tcp_info that is looked at.
type info [60]byte

func (i *info) number(at int) uint32 { return binary.NativeEndian.Uint32(i[at:]) }

// ask asks the kernel for the first bytes of its info; they stay 0 if it does not know.
func (c *Conn) ask(i []byte) error {
	return c.raw.Control(func(fd uintptr) {
		size := uint32(len(i))
		_, _, errno := syscall.RawSyscall6(syscall.SYS_GETSOCKOPT, fd, syscall.IPPROTO_TCP, syscall.TCP_INFO,
			uintptr(unsafe.Pointer(unsafe.SliceData(i))), uintptr(unsafe.Pointer(&size)), 0)
		if errno != 0 {
			clear(i)
		}
	})
}

// HungUp tells whether the peer has closed its side or reset the connection, even
// where bytes that nobody has read hide it from Closed.
func (c *Conn) HungUp() bool {
	var state [1]byte
	failed := c.ask(state[:])
	return failed != nil || state[infoState] == tcpClose || state[infoState] == tcpCloseWait
}

// lastTaken tells how long ago the peer has last taken some of what was written. Data is sent only
// into a window that is open, which it is for a peer that reads; but it is sent anew as well to
// one that has vanished, which acknowledges nothing. So the longer of both times counts.
func (c *Conn) lastTaken() (ago time.Duration, known bool) {
	var i info
	if c.ask(i[:]) != nil || i.number(infoSendMSS) == 0 {
		return 0, false
	}
	ms := max(i.number(infoLastDataSent), i.number(infoLastAckCame))
	return time.Duration(ms) * time.Millisecond, true
}
