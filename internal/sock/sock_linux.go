package sock

import (
	"syscall"
	"unsafe"
)

const peekFlags = syscall.MSG_PEEK | syscall.MSG_DONTWAIT

// recv and send never block (the socket is non-blocking), so they may go as raw
// system calls, which do not tell the scheduler that a thread might be lost.
// recvfrom and sendto skip the file-descriptor checks of read and write.

func recv(fd uintptr, p []byte, flags int) (int, syscall.Errno) {
	for {
		n, _, errno := syscall.RawSyscall6(syscall.SYS_RECVFROM, fd, uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)), uintptr(flags), 0, 0)
		if errno != syscall.EINTR {
			return int(n), errno
		}
	}
}

func send(fd uintptr, p []byte) (int, syscall.Errno) {
	for {
		n, _, errno := syscall.RawSyscall6(syscall.SYS_SENDTO, fd, uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)), syscall.MSG_NOSIGNAL, 0, 0)
		if errno != syscall.EINTR {
			return int(n), errno
		}
	}
}
