package flow

import (
	"net"
	"syscall"
	"time"
)

// attempts is how often the kernel sends a SYN again: after 1 and 3 s, and after 7 s it
// gives up (tcp(7) TCP_SYNCNT).
const attempts = 2

// bound limits how long d may take. On Linux the kernel looks after that, which costs
// one system call; a deadline costs net a timer and a goroutine for each connection.
func bound(d *net.Dialer, _ time.Time) { d.Control = giveUpSoon }

func giveUpSoon(_, _ string, c syscall.RawConn) error {
	var failed error
	err := c.Control(func(fd uintptr) {
		failed = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_SYNCNT, attempts)
	})
	if err == nil {
		err = failed
	}
	return err
}
