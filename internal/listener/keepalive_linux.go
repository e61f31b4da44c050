package listener

import (
	"syscall"

	"github.com/albatross-lb/albatross/internal/sock"
)

// keepAlive leaves accepted connections as they are: on Linux they have the options
// of the listening socket, and four system calls for each are saved.
const keepAlive = -1

// inherit sets what accepted connections are to have on the listening socket.
func inherit(_, _ string, c syscall.RawConn) error {
	var failed error
	err := c.Control(func(fd uintptr) {
		if failed = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 1); failed == nil {
			failed = sock.KeepAlive(int(fd))
		}
	})
	if err == nil {
		err = failed
	}
	return err
}
