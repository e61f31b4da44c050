package sock

import (
	"encoding/binary"
	"net"
	"net/netip"
	"os"
	"strconv"
	"syscall"
	"unsafe"
)

// Acceptor takes the connections of a listening socket. It is net.TCPListener without what is done there
// for each connection: a poller's entry, options that Linux takes over from the listening
// socket, the look-up of its own address.
type Acceptor struct {
	file    *os.File
	raw     syscall.RawConn
	address net.Addr
	local   netip.AddrPort // of the connections; invalid where each has its own
	one     Accepted       // that the accept in progress has come to
	errno   syscall.Errno
	accept  func(fd uintptr) bool // doAccept, made once
}

// NewAcceptor takes l over.
func NewAcceptor(l *net.TCPListener) (*Acceptor, error) {
	defer l.Close()
	f, err := l.File() // the same socket by another descriptor, and one that may be read in one's own way
	if err != nil {
		return nil, err
	}
	a := &Acceptor{file: f, address: l.Addr()}
	if a.raw, err = f.SyscallConn(); err != nil {
		f.Close()
		return nil, err
	}
	if at := l.Addr().(*net.TCPAddr).AddrPort(); !at.Addr().IsUnspecified() {
		a.local = unmapped(at)
	}
	a.accept = a.doAccept
	return a, nil
}

// Addr is the address that the socket is bound to.
func (a *Acceptor) Addr() net.Addr { return a.address }

// Close ends listening, and Accept.
func (a *Acceptor) Close() error { return a.file.Close() }

// Accept waits for a connection; net.ErrClosed after Close. It is for one goroutine.
func (a *Acceptor) Accept() (Accepted, error) {
	if a.raw.Read(a.accept) != nil { // no deadline is set, so it is closed
		return Accepted{}, net.ErrClosed
	}
	if a.errno != 0 {
		return Accepted{}, os.NewSyscallError("accept4", a.errno)
	}
	return a.one, nil
}

func (a *Acceptor) doAccept(fd uintptr) bool {
	var from syscall.RawSockaddrAny
	for {
		size := uint32(unsafe.Sizeof(from))
		n, _, errno := syscall.RawSyscall6(syscall.SYS_ACCEPT4, fd, uintptr(unsafe.Pointer(&from)), uintptr(unsafe.Pointer(&size)),
			syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC, 0, 0)
		switch errno {
		case syscall.EINTR, syscall.ECONNABORTED: // the latter: a client that has left already
		case syscall.EAGAIN:
			return false
		default:
			if a.errno = errno; errno == 0 {
				a.one = Accepted{fd: int(n), remote: addrPort(&from), local: a.local}
			}
			return true
		}
	}
}

// Accepted is a connection as the kernel gives it: a descriptor that no poller knows. It
// is to be closed, or made a Conn of.
type Accepted struct {
	fd            int
	remote, local netip.AddrPort
}

// Conn gives it to Go's poller.
func (a Accepted) Conn() *Conn { return Adopt(a.fd, a.remote, a.local) }

// Adopt gives a descriptor of a connection to Go's poller. Local may be invalid.
func Adopt(fd int, remote, local netip.AddrPort) *Conn {
	c, _ := wrap(&file{File: os.NewFile(uintptr(fd), "socket"), remote: remote, local: local}) // an open file has a RawConn
	return c
}

// At is the same connection by another descriptor.
func (a Accepted) At(fd int) Accepted {
	a.fd = fd
	return a
}

// Detach takes a connection away from Go's poller. Nobody may be using it.
func (c *Conn) Detach() (fd int, err error) {
	errno := syscall.EBADF
	c.raw.Control(func(old uintptr) { //nolint:errcheck // closed: errno stays
		var n uintptr
		n, _, errno = syscall.RawSyscall(syscall.SYS_FCNTL, old, syscall.F_DUPFD_CLOEXEC, 0)
		if fd = int(n); errno == 0 {
			c.watched.letGo(old)
		}
	})
	if errno != 0 {
		return -1, os.NewSyscallError("fcntl", errno)
	}
	return fd, c.Close()
}

// Close closes it.
func (a Accepted) Close() { CloseFD(a.fd, false) }

// Crowded reports whether it is the last one for now: clients have used up their share of descriptors.
func (a Accepted) Crowded() bool { return crowded(a.fd) }

// FD is the descriptor.
func (a Accepted) FD() int { return a.fd }

// Remote is the client's address.
func (a Accepted) Remote() netip.AddrPort { return a.remote }

// Local is what the client has connected to.
func (a Accepted) Local() netip.AddrPort {
	if a.local.IsValid() {
		return a.local
	}
	var local syscall.RawSockaddrAny
	size := uint32(unsafe.Sizeof(local))
	if _, _, errno := syscall.RawSyscall(syscall.SYS_GETSOCKNAME, uintptr(a.fd), uintptr(unsafe.Pointer(&local)), uintptr(unsafe.Pointer(&size))); errno != 0 {
		return netip.AddrPort{}
	}
	return addrPort(&local)
}

// addrPort reads an address that the kernel has written; ports are in network order there.
func addrPort(any *syscall.RawSockaddrAny) netip.AddrPort {
	switch any.Addr.Family {
	case syscall.AF_INET:
		at := (*syscall.RawSockaddrInet4)(unsafe.Pointer(any))
		return netip.AddrPortFrom(netip.AddrFrom4(at.Addr), hostOrder(at.Port))
	case syscall.AF_INET6:
		at := (*syscall.RawSockaddrInet6)(unsafe.Pointer(any))
		ip := netip.AddrFrom16(at.Addr).Unmap()
		if at.Scope_id != 0 && ip.Is6() {
			ip = ip.WithZone(zoneName(at.Scope_id))
		}
		return netip.AddrPortFrom(ip, hostOrder(at.Port))
	}
	return netip.AddrPort{}
}

func hostOrder(port uint16) uint16 {
	return binary.BigEndian.Uint16((*[2]byte)(unsafe.Pointer(&port))[:])
}

func zoneName(number uint32) string {
	if i, err := net.InterfaceByIndex(int(number)); err == nil {
		return i.Name
	}
	return strconv.FormatUint(uint64(number), 10)
}

func unmapped(a netip.AddrPort) netip.AddrPort { return netip.AddrPortFrom(a.Addr().Unmap(), a.Port()) }
