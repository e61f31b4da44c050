package sock

import (
	"encoding/binary"
	"net/netip"
	"os"
	"syscall"
	"unsafe"
)

// What follows is for those who wait for events on descriptors themselves. None of it
// ever blocks, so all of it goes without the scheduler's hand-off (sock_linux.go).

// Recv reads what there is, up to len(p) bytes; 0 at the end of the peer's data.
func Recv(fd int, p []byte) (int, syscall.Errno) { return recv(uintptr(fd), p, 0) }

// Send sends what there is room for.
func Send(fd int, p []byte) (int, syscall.Errno) { return send(uintptr(fd), p) }

// ShutdownWrite ends what this side has to say.
func ShutdownWrite(fd int) { syscall.RawSyscall(syscall.SYS_SHUTDOWN, uintptr(fd), syscall.SHUT_WR, 0) } //nolint:errcheck // the next Recv tells

// CloseFD closes a connection, with a reset where one is asked for. Nothing lingers.
func CloseFD(fd int, reset bool) {
	if reset {
		setsockopt(fd, syscall.SOL_SOCKET, syscall.SO_LINGER, unsafe.Pointer(&syscall.Linger{Onoff: 1}), unsafe.Sizeof(syscall.Linger{})) //nolint:errcheck // the peer sees an end then
	}
	syscall.RawSyscall(syscall.SYS_CLOSE, uintptr(fd), 0, 0) //nolint:errcheck // it is gone whatever it says
}

// Failure is what went wrong with a connection, once; nil if nothing did.
func Failure(fd int) error {
	errno, err := syscall.GetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_ERROR)
	if err == nil && errno != 0 {
		err = syscall.Errno(errno)
	}
	return os.NewSyscallError("connect", err)
}

// BeginConnect begins to open a connection. It is established when its descriptor becomes
// writable. prepare, if not nil, is called before.
func BeginConnect(addr netip.AddrPort, prepare func(fd int) error) (fd int, err error) {
	var to syscall.RawSockaddrInet6 // has room for either
	family, size := rawSockaddr(&to, addr)
	fd, err = syscall.Socket(family, syscall.SOCK_STREAM|syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC, syscall.IPPROTO_TCP)
	if err != nil {
		return -1, os.NewSyscallError("socket", err)
	}
	if err := spare(fd); err != nil {
		return -1, err
	}
	on := int32(1)
	setsockopt(fd, syscall.IPPROTO_TCP, syscall.TCP_NODELAY, unsafe.Pointer(&on), unsafe.Sizeof(on)) //nolint:errcheck // slower without, no more
	if prepare != nil {
		if err := prepare(fd); err != nil {
			CloseFD(fd, false)
			return -1, err
		}
	}
	if errno := connectOnce(uintptr(fd), &to, size); errno != 0 && errno != syscall.EINPROGRESS {
		CloseFD(fd, false)
		return -1, os.NewSyscallError("connect", errno)
	}
	return fd, nil
}

func connectOnce(fd uintptr, to *syscall.RawSockaddrInet6, size uintptr) syscall.Errno {
	_, _, errno := syscall.RawSyscall(syscall.SYS_CONNECT, fd, uintptr(unsafe.Pointer(to)), size)
	if errno == syscall.EINTR { // it goes on by itself
		return syscall.EINPROGRESS
	}
	return errno
}

func setsockopt(fd, level, option int, value unsafe.Pointer, size uintptr) syscall.Errno {
	_, _, errno := syscall.RawSyscall6(syscall.SYS_SETSOCKOPT, uintptr(fd), uintptr(level), uintptr(option), uintptr(value), size, 0)
	return errno
}

// Bind gives a socket its own address.
func Bind(fd int, addr netip.AddrPort) error {
	_, at := sockaddr(addr)
	return os.NewSyscallError("bind", syscall.Bind(fd, at))
}

// rawSockaddr writes an address as the kernel reads it.
func rawSockaddr(to *syscall.RawSockaddrInet6, addr netip.AddrPort) (family int, size uintptr) {
	ip := addr.Addr().Unmap()
	if ip.Is4() {
		v4 := (*syscall.RawSockaddrInet4)(unsafe.Pointer(to))
		v4.Family, v4.Addr = syscall.AF_INET, ip.As4()
		binary.BigEndian.PutUint16((*[2]byte)(unsafe.Pointer(&v4.Port))[:], addr.Port())
		return syscall.AF_INET, syscall.SizeofSockaddrInet4
	}
	to.Family, to.Addr, to.Scope_id = syscall.AF_INET6, ip.As16(), zone(ip)
	binary.BigEndian.PutUint16((*[2]byte)(unsafe.Pointer(&to.Port))[:], addr.Port())
	return syscall.AF_INET6, syscall.SizeofSockaddrInet6
}

// Probes as Go's net package sets them: after 15 s of silence, nine times.
const keepAliveSeconds, keepAliveProbes = 15, 9

// KeepAlive has the kernel find out whether a peer that is silent is still there.
func KeepAlive(fd int) error {
	for _, o := range [...][3]int{
		{syscall.SOL_SOCKET, syscall.SO_KEEPALIVE, 1},
		{syscall.IPPROTO_TCP, syscall.TCP_KEEPIDLE, keepAliveSeconds},
		{syscall.IPPROTO_TCP, syscall.TCP_KEEPINTVL, keepAliveSeconds},
		{syscall.IPPROTO_TCP, syscall.TCP_KEEPCNT, keepAliveProbes},
	} {
		if err := syscall.SetsockoptInt(fd, o[0], o[1], o[2]); err != nil {
			return os.NewSyscallError("setsockopt", err)
		}
	}
	return nil
}
