package sock

import (
	"os"
	"sync"
	"syscall"
)

// Descriptors is how many files this process may have open; Go has raised the soft limit to the hard one.
var Descriptors = sync.OnceValue(func() int {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 1024
	}
	return int(min(uint64(limit.Cur), 4<<20))
})

// Descriptors are shared out, so that a crowd of clients does not shut out the admin API, health checks and
// log files: clients come to an end first, connections to targets next, and the last ones are for
// everything else. Which share is used up is told by a new descriptor's number, since POSIX
// gives the lowest that is free.

// reserve is how many descriptors are left to all else, and as many again to connections to targets.
func reserve(limit int) int { return min(limit/8, 256) }

// crowded reports whether clients have used up their share when one of them has been given fd.
func crowded(fd int) bool { return fd >= Descriptors()-2*reserve(Descriptors()) }

// Crowded reports whether clients have used up their share of descriptors: none is to be accepted now.
func Crowded() bool {
	fd, err := syscall.Open(os.DevNull, syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return true
	}
	defer syscall.Close(fd) //nolint:errcheck // nothing was written
	return crowded(fd)
}

// spare closes a new descriptor for a connection to a target if it is one of those that are left to all else.
func spare(fd int) error {
	if fd < Descriptors()-reserve(Descriptors()) {
		return nil
	}
	syscall.Close(fd) //nolint:errcheck // nothing was written
	return os.NewSyscallError("socket", syscall.EMFILE)
}
