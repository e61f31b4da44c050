//go:build unix && !linux

package sock

import (
	"errors"
	"syscall"
)

const peekFlags = syscall.MSG_PEEK | 0x80 // MSG_DONTWAIT, the same number on the BSDs and macOS

func recv(fd uintptr, p []byte, flags int) (int, syscall.Errno) {
	for {
		var n int
		var err error
		if flags == 0 {
			n, err = syscall.Read(int(fd), p)
		} else {
			n, _, err = syscall.Recvfrom(int(fd), p, flags)
		}
		if errno := number(err); errno != syscall.EINTR {
			return n, errno
		}
	}
}

func send(fd uintptr, p []byte) (int, syscall.Errno) {
	for {
		n, err := syscall.Write(int(fd), p)
		if errno := number(err); errno != syscall.EINTR {
			return n, errno
		}
	}
}

func number(err error) syscall.Errno {
	if err == nil {
		return 0
	}
	var errno syscall.Errno
	if errors.As(err, &errno) {
		return errno
	}
	return syscall.EIO
}
