package sock

import (
	"io"
	"os"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Seat is a place at Go's poller that stays there while sockets come and go: an epoll
// descriptor with one socket in it after the other (epoll(7): such a descriptor can be waited for
// in turn, and is readable when its socket is ready). A goroutine that has a seat waits for
// a socket that package os does not know.
//
// For that package tells the scheduler of each call that might block, closing a socket among them.
// Where threads are idle now and then, as they are between new connections, each such call wakes
// the runtime's monitor, a thread that then looks at the others every 20 microseconds for a while:
// an eighth of what a new TLS connection costs. No call made here blocks, so the scheduler
// is told of none.
//
// A seat costs a second descriptor, so it is for short waits, such as those of a handshake.
type Seat struct {
	fd     int
	socket int
	file   *os.File
	raw    syscall.RawConn
	buf    []byte // what the Recv or Send in progress is about
	n      int
	errno  syscall.Errno
	recv   func(uintptr) bool // doRecv, made once
	send   func(uintptr) bool
}

// maxSeats bounds how many descriptors are spent so: by an eighth of those that the process may have.
var maxSeats = sync.OnceValue(func() int {
	var limit syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit) != nil {
		return 0
	}
	return int(min(1024, limit.Cur/8))
})

var seats struct {
	mu   sync.Mutex
	free []*Seat
	made int
}

// TakeSeat gives a socket a seat; nil when there is none.
func TakeSeat(socket int) *Seat {
	s := freeSeat()
	if s == nil {
		return nil
	}
	s.socket = socket
	if s.control(syscall.EPOLL_CTL_ADD, unix.EPOLLIN|unix.EPOLLRDHUP) != 0 {
		s.free()
		return nil
	}
	attended.Add(1)
	return s
}

func freeSeat() *Seat {
	seats.mu.Lock()
	defer seats.mu.Unlock()
	if n := len(seats.free); n > 0 {
		s := seats.free[n-1]
		seats.free = seats.free[:n-1]
		return s
	}
	if seats.made >= maxSeats() {
		return nil
	}
	s, err := newSeat()
	if err != nil {
		return nil
	}
	seats.made++
	return s
}

func newSeat() (*Seat, error) {
	fd, file, raw, err := newEpoll()
	if err != nil {
		return nil, err
	}
	s := &Seat{fd: fd, file: file, raw: raw}
	s.recv, s.send = s.doRecv, s.doSend
	return s, nil
}

func (s *Seat) control(what int, events uint32) syscall.Errno {
	e := syscall.EpollEvent{Events: events}
	_, _, errno := syscall.RawSyscall6(syscall.SYS_EPOLL_CTL, uintptr(s.fd), uintptr(what), uintptr(s.socket), uintptr(unsafe.Pointer(&e)), 0, 0)
	return errno
}

// Leave makes the seat free for another socket, of which this one must not be used any more.
func (s *Seat) Leave() {
	s.control(syscall.EPOLL_CTL_DEL, 0) //nolint:errcheck // what comes wakes nobody
	attended.Add(-1)
	s.free()
}

func (s *Seat) free() {
	s.file.SetReadDeadline(time.Time{}) //nolint:errcheck // it is open
	seats.mu.Lock()
	seats.free = append(seats.free, s)
	seats.mu.Unlock()
}

// SetDeadline has waits end at a time, with os.ErrDeadlineExceeded. It may be called from any goroutine.
func (s *Seat) SetDeadline(t time.Time) { s.file.SetReadDeadline(t) } //nolint:errcheck // it is open

// Recv reads up to len(b) bytes from the socket, and waits for them; io.EOF at the end.
func (s *Seat) Recv(b []byte) (int, error) {
	s.buf = b
	err := s.raw.Read(s.recv)
	s.buf = nil
	switch {
	case err != nil:
		return 0, err
	case s.errno != 0:
		return 0, os.NewSyscallError("recvfrom", s.errno)
	case s.n == 0:
		return 0, io.EOF
	}
	return s.n, nil
}

func (s *Seat) doRecv(uintptr) bool {
	s.n, s.errno = recv(uintptr(s.socket), s.buf, 0)
	return s.errno != syscall.EAGAIN
}

// Send sends all of b, and waits for room.
func (s *Seat) Send(b []byte) (sent int, err error) {
	s.buf = b
	if !s.doSend(0) {
		s.control(syscall.EPOLL_CTL_MOD, unix.EPOLLOUT) //nolint:errcheck // it is in there
		err = s.raw.Read(s.send)
		s.control(syscall.EPOLL_CTL_MOD, unix.EPOLLIN|unix.EPOLLRDHUP) //nolint:errcheck // as above
	}
	sent = len(b) - len(s.buf)
	s.buf = nil
	if err == nil && s.errno != 0 {
		err = os.NewSyscallError("sendto", s.errno)
	}
	return sent, err
}

func (s *Seat) doSend(uintptr) bool {
	for s.errno = 0; len(s.buf) > 0; s.buf = s.buf[s.n:] {
		if s.n, s.errno = send(uintptr(s.socket), s.buf); s.errno != 0 {
			return s.errno != syscall.EAGAIN
		}
	}
	return true
}
