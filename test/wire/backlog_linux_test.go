package wire

import (
	"fmt"
	"net"
	"syscall"
	"time"

	"github.com/albatross-lb/albatross/test/ports"
)

// fullBacklog gives a port that listens and never accepts, with its queue full: the kernel
// drops further SYNs, so that whoever connects waits.
func fullBacklog() (int, error) {
	port, err := ports.Free()
	if err != nil {
		return 0, err
	}
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, err
	}
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Port: port, Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		return 0, err
	}
	if err := syscall.Listen(fd, 0); err != nil {
		return 0, err
	}
	for range 8 {
		c, err := net.DialTimeout("tcp", fmt.Sprintf("127.0.0.1:%d", port), time.Second/4)
		if isTimeout(err) {
			return port, nil
		}
		if err != nil {
			return 0, err
		}
		filling = append(filling, c)
	}
	return 0, fmt.Errorf("the backlog of port %d does not fill up", port)
}

// filling are the connections that fill backlogs; they stay open.
var filling []net.Conn
