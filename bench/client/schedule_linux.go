package client

import (
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Schedule sends requests at a fixed rate per second for the time given, over connections
// that are opened first, and returns the sorted latencies. A request that is due while
// every connection waits for an answer is sent on the first that becomes free, and its time
// counts from when it was due.
//
// One thread does all of it, with epoll and the kernel's fine timers: the runtime's
// timers are as coarse as a millisecond where nothing else wakes it, which is
// more than what is to be measured.
func Schedule(address string, request []byte, connections int, rate float64, d time.Duration) (Latencies, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	// The thread's sleeps may otherwise be 50 us late.
	if err := unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0); err != nil {
		return nil, fmt.Errorf("asking for fine timers: %w", err)
	}
	s := &schedule{request: request, every: float64(time.Second) / rate, total: int(rate * d.Seconds())}
	s.taken = make(Latencies, 0, s.total)
	defer s.close()
	if err := s.open(address, connections); err != nil {
		return nil, err
	}
	if err := s.run(); err != nil {
		return nil, err
	}
	s.taken.sort()
	return s.taken, nil
}

type schedule struct {
	request []byte
	every   float64 // nanoseconds between requests
	total   int
	begun   time.Time
	sent    int // requests so far, due in their order
	taken   Latencies
	epoll   int
	lines   []line
	free    []int // lines
}

// line is one connection and the request on it.
type line struct {
	fd     int
	due    time.Duration
	have   int
	buffer [4 << 10]byte
}

func (s *schedule) open(address string, connections int) (err error) {
	to, err := net.ResolveTCPAddr("tcp4", address)
	if err != nil {
		return err
	}
	if s.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return fmt.Errorf("making an epoll: %w", err)
	}
	s.lines = make([]line, 0, connections)
	for i := range connections {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return fmt.Errorf("making a socket: %w", err)
		}
		s.lines = append(s.lines, line{fd: fd})
		if err := unix.Connect(fd, &unix.SockaddrInet4{Port: to.Port, Addr: [4]byte(to.IP.To4())}); err != nil {
			return fmt.Errorf("connecting to %s: %w", address, err)
		}
		err = errors.Join(unix.SetNonblock(fd, true), unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1),
			unix.EpollCtl(s.epoll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(i)}))
		if err != nil {
			return fmt.Errorf("preparing a connection: %w", err)
		}
		s.free = append(s.free, i)
	}
	return nil
}

func (s *schedule) close() {
	for i := range s.lines {
		unix.Close(s.lines[i].fd)
	}
	if s.epoll > 0 {
		unix.Close(s.epoll)
	}
}

// patience is how long the last answers may take.
const patience = 30 * time.Second

func (s *schedule) run() error {
	events := make([]unix.EpollEvent, 128)
	s.begun = time.Now()
	end := time.Duration(s.every*float64(s.total)) + patience
	for len(s.taken) < s.total {
		if err := s.sendDue(); err != nil {
			return err
		}
		now := time.Since(s.begun)
		if now > end {
			return fmt.Errorf("%d of %d answers are missing", s.total-len(s.taken), s.total)
		}
		wait := time.Second
		if len(s.free) > 0 && s.sent < s.total {
			wait = max(0, s.due(s.sent)-now)
		}
		n, err := pause(s.epoll, events, wait)
		if err != nil {
			return err
		}
		for _, e := range events[:n] {
			if err := s.receive(int(e.Fd)); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *schedule) due(i int) time.Duration { return time.Duration(s.every * float64(i)) }

// sendDue sends what is due on the connections that are free.
func (s *schedule) sendDue() error {
	for len(s.free) > 0 && s.sent < s.total && s.due(s.sent) <= time.Since(s.begun) {
		// The one that has rested longest, so that all of them are used.
		l := &s.lines[s.free[0]]
		s.free = append(s.free[:0], s.free[1:]...)
		l.due, l.have = s.due(s.sent), 0
		s.sent++
		n, err := unix.Write(l.fd, s.request)
		if err == nil && n < len(s.request) {
			err = io.ErrShortWrite
		}
		if err != nil {
			return fmt.Errorf("sending a request: %w", err)
		}
	}
	return nil
}

func (s *schedule) receive(i int) error {
	l := &s.lines[i]
	n, err := unix.Read(l.fd, l.buffer[l.have:])
	if err == unix.EAGAIN || err == unix.EINTR {
		return nil
	}
	if err == nil && n == 0 {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return fmt.Errorf("reading an answer: %w", err)
	}
	l.have += n
	whole, err := answerLength(l.buffer[:l.have])
	if err != nil || whole == 0 || whole > l.have {
		return err
	}
	s.taken = append(s.taken, time.Since(s.begun)-l.due)
	s.free = append(s.free, i)
	return nil
}

// pause waits for an event, or for the time to pass (epoll_pwait2, Linux 5.11).
func pause(epoll int, events []unix.EpollEvent, wait time.Duration) (int, error) {
	t := unix.NsecToTimespec(int64(wait))
	n, _, errno := syscall.Syscall6(unix.SYS_EPOLL_PWAIT2, uintptr(epoll), uintptr(unsafe.Pointer(&events[0])), uintptr(len(events)),
		uintptr(unsafe.Pointer(&t)), 0, 0)
	if errno != 0 && errno != unix.EINTR {
		return 0, fmt.Errorf("waiting for answers: %w", errno)
	}
	return max(0, int(int32(n))), nil
}

// latePort leaves the choice of a port to connect, which needs it to be free for one address only.
func latePort(_, _ string, c syscall.RawConn) (err error) {
	outer := c.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1) })
	return errors.Join(outer, err)
}
