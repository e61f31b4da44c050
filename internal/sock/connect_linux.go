package sock

import (
	"net"
	"net/netip"
	"os"
	"syscall"
	"time"
)

// Connect opens a TCP connection, by the deadline. It is net.Dialer without what most
// connections never need: the search for addresses, a context, a timer and a goroutine
// for its end, the look-up of both ends' names. That is half of what opening a
// connection on this host costs.
func Connect(addr netip.AddrPort, deadline time.Time) (*Conn, error) {
	c, err := connect(addr, deadline)
	if err != nil {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Addr: net.TCPAddrFromAddrPort(addr), Err: err}
	}
	return wrap(c)
}

// Finish waits until a connection that BeginConnect has begun is open, by the deadline. It closes
// the descriptor if it does not get there.
func Finish(fd int, addr netip.AddrPort, deadline time.Time) (*Conn, error) {
	_, to := sockaddr(addr)
	f := &file{File: os.NewFile(uintptr(fd), "socket"), remote: addr}
	if err := f.established(to, deadline); err != nil {
		f.Close()
		return nil, err
	}
	return wrap(f)
}

func connect(addr netip.AddrPort, deadline time.Time) (*file, error) {
	family, to := sockaddr(addr)
	fd, err := syscall.Socket(family, syscall.SOCK_STREAM|syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC, syscall.IPPROTO_TCP)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	if err := spare(fd); err != nil {
		return nil, err
	}
	syscall.SetsockoptInt(fd, syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 1) //nolint:errcheck // slower without, no more
	if err := syscall.Connect(fd, to); err != nil && err != syscall.EINPROGRESS {
		syscall.Close(fd)
		return nil, os.NewSyscallError("connect", err)
	}
	f := &file{File: os.NewFile(uintptr(fd), "socket"), remote: addr} // registers it with the poller
	if err := f.established(to, deadline); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// established waits until the connection is. Asking again is what tells: connect(2)
// gives EALREADY as long as it is under way, then 0, EISCONN or what went wrong.
func (f *file) established(to syscall.Sockaddr, deadline time.Time) error {
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var result error
	asked := false
	err = raw.Write(func(fd uintptr) bool {
		result = syscall.Connect(int(fd), to)
		if result != syscall.EALREADY && result != syscall.EINPROGRESS {
			return true
		}
		if !asked { // on this host it is established by now; elsewhere it takes a while
			asked = true
			f.SetWriteDeadline(deadline) //nolint:errcheck // fails only when closed
		}
		return false
	})
	if asked && err == nil {
		err = f.SetWriteDeadline(time.Time{})
	}
	if err == nil && result != nil && result != syscall.EISCONN {
		err = os.NewSyscallError("connect", result)
	}
	return err
}

func sockaddr(addr netip.AddrPort) (family int, to syscall.Sockaddr) {
	if ip := addr.Addr().Unmap(); ip.Is4() {
		return syscall.AF_INET, &syscall.SockaddrInet4{Port: int(addr.Port()), Addr: ip.As4()}
	}
	return syscall.AF_INET6, &syscall.SockaddrInet6{Port: int(addr.Port()), Addr: addr.Addr().As16(), ZoneId: zone(addr.Addr())}
}

func zone(ip netip.Addr) uint32 {
	if ip.Zone() == "" {
		return 0
	}
	i, err := net.InterfaceByName(ip.Zone())
	if err != nil {
		return 0
	}
	return uint32(i.Index)
}

// file is a socket that package os looks after.
type file struct {
	*os.File
	remote netip.AddrPort
	local  netip.AddrPort // invalid: the kernel is asked
}

func (f *file) control(do func(fd int) error) error {
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	if err := raw.Control(func(fd uintptr) { failed = do(int(fd)) }); err != nil {
		return err
	}
	return failed
}

// CloseWrite ends what this side has to say.
func (f *file) CloseWrite() error {
	return f.control(func(fd int) error { return os.NewSyscallError("shutdown", syscall.Shutdown(fd, syscall.SHUT_WR)) })
}

// SetLinger is net.TCPConn's.
func (f *file) SetLinger(seconds int) error {
	return f.control(func(fd int) error {
		l := syscall.Linger{Onoff: 1, Linger: int32(seconds)}
		if seconds < 0 {
			l = syscall.Linger{}
		}
		return os.NewSyscallError("setsockopt", syscall.SetsockoptLinger(fd, syscall.SOL_SOCKET, syscall.SO_LINGER, &l))
	})
}

// SetReadBuffer and SetWriteBuffer are net.TCPConn's.
func (f *file) SetReadBuffer(bytes int) error { return f.setBuffer(syscall.SO_RCVBUF, bytes) }

// SetWriteBuffer see SetReadBuffer.
func (f *file) SetWriteBuffer(bytes int) error { return f.setBuffer(syscall.SO_SNDBUF, bytes) }

func (f *file) setBuffer(option, bytes int) error {
	return f.control(func(fd int) error {
		return os.NewSyscallError("setsockopt", syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, option, bytes))
	})
}

// RemoteAddr is the peer's address.
func (f *file) RemoteAddr() net.Addr { return net.TCPAddrFromAddrPort(f.remote) }

// LocalAddr is nil where the socket is closed.
func (f *file) LocalAddr() net.Addr {
	if f.local.IsValid() {
		return net.TCPAddrFromAddrPort(f.local)
	}
	var local net.Addr
	f.control(func(fd int) error { //nolint:errcheck // then there is none
		from, err := syscall.Getsockname(fd)
		switch from := from.(type) {
		case *syscall.SockaddrInet4:
			local = &net.TCPAddr{IP: from.Addr[:], Port: from.Port}
		case *syscall.SockaddrInet6:
			local = &net.TCPAddr{IP: from.Addr[:], Port: from.Port}
		}
		return err
	})
	return local
}
