package flow

import (
	"os"
	"runtime"
	"sync"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/albatross-lb/albatross/internal/snapshot"
	"github.com/albatross-lb/albatross/internal/sock"
	"github.com/albatross-lb/albatross/lb"
)

// loop waits for events on the sockets of many relays (epoll(7), edge-triggered) and
// lets each do what there is to do. It is one goroutine; what it waits on is an epoll
// descriptor, which can be waited for like a socket, so that no thread stands still for it.
type loop struct {
	file   *os.File // the epoll descriptor
	fd     int
	raw    syscall.RawConn
	wait   func(fd uintptr) bool // doWait, made once
	events [128]syscall.EpollEvent
	came   int         // events that the last wait has brought
	ready  [128]*relay // whose each of them is; nil: of one that has ended
	buffer []byte      // what all relays of the loop read into
	again  []turn      // that have had their turn and have more to do
	next   []turn      // spare room for the same

	mu    sync.Mutex
	slots sock.Slots[relay]
}

// turn is one way of a relay.
type turn struct {
	relay *relay
	way   int
}

// loops carry the relays of a Carrier, as many as threads may run Go code.
type loops struct {
	all     []*loop
	running sync.WaitGroup
}

// start makes the loops. Without descriptors for them there are none, and Streams do.
func (ls *loops) start() {
	for range runtime.GOMAXPROCS(0) {
		l, err := newLoop()
		if err != nil {
			return
		}
		ls.all = append(ls.all, l)
		ls.running.Go(l.run)
	}
}

func (ls *loops) stop() {
	for _, l := range ls.all {
		l.file.Close()
	}
	ls.running.Wait()
}

func newLoop() (*loop, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	if err := unix.SetNonblock(fd, true); err != nil { // for os.NewFile, which gives only such a one to the poller
		unix.Close(fd)
		return nil, os.NewSyscallError("fcntl", err)
	}
	l := &loop{file: os.NewFile(uintptr(fd), "epoll"), fd: fd, buffer: make([]byte, bufferSize)}
	l.wait = l.doWait
	l.raw, err = l.file.SyscallConn()
	return l, err
}

// run serves events until the loop is stopped.
func (l *loop) run() {
	for {
		if len(l.again) > 0 {
			l.doWait(uintptr(l.fd))
		} else if l.raw.Read(l.wait) != nil {
			return
		}
		l.resolve()
		for i, r := range l.ready[:l.came] {
			if r != nil {
				e := &l.events[i]
				r.event(int(e.Fd&1), e.Events)
				l.ready[i] = nil
			}
		}
		l.again, l.next = l.next[:0], l.again
		for i, t := range l.next {
			t.relay.goOn(t.way)
			l.next[i] = turn{}
		}
	}
}

func (l *loop) doWait(fd uintptr) bool {
	n, _, errno := syscall.RawSyscall6(syscall.SYS_EPOLL_PWAIT, fd, uintptr(unsafe.Pointer(&l.events)), uintptr(len(l.events)), 0, 0, 0)
	l.came = 0
	if errno == 0 {
		l.came = int(n)
	}
	return l.came > 0
}

// resolve finds the relays of the events.
func (l *loop) resolve() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, e := range l.events[:l.came] {
		l.ready[i] = l.slots.Owner(e.Fd>>1, e.Pad)
	}
}

// enter gives a relay its slot.
func (l *loop) enter(r *relay) {
	l.mu.Lock()
	defer l.mu.Unlock()
	r.slot, r.generation = l.slots.Enter(r)
}

// leave takes the slot back. Closed sockets bring no events any more.
func (l *loop) leave(r *relay) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.slots.Leave(r, r.slot)
}

const (
	edges     = unix.EPOLLIN | unix.EPOLLOUT | unix.EPOLLRDHUP | unix.EPOLLET
	readable  = unix.EPOLLIN | unix.EPOLLRDHUP | unix.EPOLLHUP | unix.EPOLLERR
	brokenOff = unix.EPOLLHUP | unix.EPOLLERR
	ending    = unix.EPOLLRDHUP | brokenOff
)

// watch asks for the events of one side of a relay, for as long as its socket is open.
// What holds already is an event, too.
func (l *loop) watch(r *relay, side int) error {
	e := syscall.EpollEvent{Events: edges & 0xffffffff, Fd: r.slot<<1 | int32(side), Pad: r.generation}
	_, _, errno := syscall.RawSyscall6(syscall.SYS_EPOLL_CTL, uintptr(l.fd), syscall.EPOLL_CTL_ADD, uintptr(r.fds[side]), uintptr(unsafe.Pointer(&e)), 0, 0)
	if errno != 0 {
		return os.NewSyscallError("epoll_ctl", errno)
	}
	return nil
}

// forget ends what watch has begun, for sockets that stay open.
func (l *loop) forget(r *relay) {
	for _, fd := range r.fds {
		var none syscall.EpollEvent
		syscall.RawSyscall6(syscall.SYS_EPOLL_CTL, uintptr(l.fd), syscall.EPOLL_CTL_DEL, uintptr(fd), uintptr(unsafe.Pointer(&none)), 0, 0) //nolint:errcheck // what comes is nobody's
	}
}

// relay makes the flow of a connection, nil where a Stream has to do it.
func (c *Carrier) relay(a sock.Accepted, n *snapshot.Network) *relay {
	if len(c.loops.all) == 0 || n.Config.Protocol == lb.TLS {
		return nil
	}
	for _, m := range n.Forward.Members {
		if m.Group.Config.Protocol == lb.TLS {
			return nil
		}
	}
	r := &relay{fds: [2]int{a.FD(), -1}}
	r.open(c, a, n)
	r.loop = c.loops.all[int(r.number)%len(c.loops.all)]
	return r
}
