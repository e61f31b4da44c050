package wire

import (
	"fmt"
	"net"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

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
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		c, err := net.DialTimeout("tcp", fmt.Sprintf("127.0.0.1:%d", port), patience)
		if err != nil {
			return 0, err
		}
		filling = append(filling, c)
		for range 50 { // the client is connected a moment before its connection is in the queue
			// Of a socket that listens, these are the length of its queue and the most that it should be.
			queue, err := unix.GetsockoptTCPInfo(fd, unix.IPPROTO_TCP, unix.TCP_INFO)
			if err != nil {
				return 0, err
			}
			if queue.Unacked > queue.Sacked {
				return port, nil
			}
			time.Sleep(beat)
		}
	}
	return 0, fmt.Errorf("the backlog of port %d does not fill up", port)
}

// filling are the connections that fill backlogs; they stay open.
var filling []net.Conn
