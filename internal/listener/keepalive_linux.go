package listener

import "syscall"

// keepAlive leaves accepted connections as they are: on Linux they have the options
// of the listening socket, and four system calls for each are saved.
const keepAlive = -1

// Probes as Go's net package sets them: after 15 s of silence, nine times.
const keepAliveSeconds, keepAliveProbes = 15, 9

// inherit sets what accepted connections are to have on the listening socket.
func inherit(_, _ string, c syscall.RawConn) error {
	var failed error
	err := c.Control(func(fd uintptr) {
		for _, o := range [...][3]int{
			{syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 1},
			{syscall.SOL_SOCKET, syscall.SO_KEEPALIVE, 1},
			{syscall.IPPROTO_TCP, syscall.TCP_KEEPIDLE, keepAliveSeconds},
			{syscall.IPPROTO_TCP, syscall.TCP_KEEPINTVL, keepAliveSeconds},
			{syscall.IPPROTO_TCP, syscall.TCP_KEEPCNT, keepAliveProbes},
		} {
			if failed == nil {
				failed = syscall.SetsockoptInt(int(fd), o[0], o[1], o[2])
			}
		}
	})
	if err == nil {
		err = failed
	}
	return err
}
