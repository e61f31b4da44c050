package sock

import (
	"math"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Loop waits for events on many descriptors (epoll(7), edge-triggered) and tells those who
// own them, one after the other. It is one goroutine; what it waits on is an epoll
// descriptor, which can be waited for like a socket: without a thread that stands still for it,
// but where that is cheaper (stay).
type Loop struct {
	// Number is the loop's among Loops.
	Number int
	// Buffer is what owners may read into while they are told of an event.
	Buffer []byte

	fd     int
	file   *os.File // the same
	raw    syscall.RawConn
	wait   func(fd uintptr) bool // doWait, made once
	events [128]syscall.EpollEvent
	came   int          // events that the last wait has brought
	ready  [128]*Polled // whose each of them is; nil: of one that has ended
	again  []*Polled    // that have had their turn and have more to do
	next   []*Polled    // spare room for the same

	telling sync.Mutex // held while owners are told
	mu      sync.Mutex
	slots   Slots[Polled]
}

// Owner is told of events on its descriptors, by their loop, with the loop locked. It
// does what can be done without waiting. No events mean that it has asked for another turn.
type Owner interface {
	Event(l *Loop, p *Polled, events uint32)
}

// Polled is a descriptor that a Loop waits on. The zero Polled has none. Who takes one from a loop that is not
// locked has to keep its owner, who may be told of an event just now, from taking that for his own.
type Polled struct {
	loop       atomic.Pointer[Loop]
	owner      Owner
	slot       int32
	generation int32
	fd         int32
}

// Events of a Polled.
const (
	Readable  = unix.EPOLLIN | unix.EPOLLRDHUP | unix.EPOLLHUP | unix.EPOLLERR
	Writable  = unix.EPOLLOUT
	Ended     = unix.EPOLLRDHUP | BrokenOff // no more will come
	BrokenOff = unix.EPOLLHUP | unix.EPOLLERR
)

// LoopBufferSize is that of a loop's buffer.
const LoopBufferSize = 16 << 10

// Loops gives as many loops as threads may run Go code. They run as long as the process
// does, like Go's own poller. Without descriptors for them there are none.
var Loops = sync.OnceValue(func() []*Loop {
	var all []*Loop
	for i := range runtime.GOMAXPROCS(0) {
		l, err := newLoop(i)
		if err != nil {
			break
		}
		all = append(all, l)
		go l.run()
	}
	return all
})

func newLoop(number int) (*Loop, error) {
	fd, file, raw, err := newEpoll()
	if err != nil {
		return nil, err
	}
	l := &Loop{Number: number, fd: fd, file: file, raw: raw, Buffer: make([]byte, LoopBufferSize)}
	l.wait = l.doWait
	return l, nil
}

// newEpoll makes an epoll descriptor that Go's poller knows.
func newEpoll() (int, *os.File, syscall.RawConn, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return -1, nil, nil, os.NewSyscallError("epoll_create1", err)
	}
	if err := unix.SetNonblock(fd, true); err != nil { // for os.NewFile, which gives only such a one to the poller
		unix.Close(fd)
		return -1, nil, nil, os.NewSyscallError("fcntl", err)
	}
	file := os.NewFile(uintptr(fd), "epoll")
	raw, err := file.SyscallConn()
	return fd, file, raw, err
}

// run serves events for ever.
func (l *Loop) run() {
	for stays := 0; ; {
		switch {
		case len(l.again) > 0:
			l.doWait(uintptr(l.fd))
		case stays < mostStays && attended.Load() == 0 && l.stay():
			stays++
		case l.raw.Read(l.wait) == nil:
			stays = 0
		default:
			return
		}
		l.tell()
	}
}

// mostStays bounds how often in a row a loop stays on its thread.
const mostStays = 16

// stay waits on the loop's own thread, for a millisecond at most, and tells whether something has come.
//
// Waiting by Go's poller means to give the thread up to the scheduler, which looks for other work, with
// threads that wake each other to do so, and in the end waits for the same events one epoll descriptor
// further on: some four context switches, where this is one. But the
// scheduler does not know: for it this goroutine is at work, and what waits by Go's poller has to wait for it.
// So a loop stays only while no goroutine waits for a socket of this package, after others have had
// their turn, and goes by the scheduler now and then all the same. To collect garbage the runtime
// interrupts it by a signal.
func (l *Loop) stay() bool {
	runtime.Gosched()
	l.came = l.poll(1)
	return l.came > 0
}

// tell tells the owners of what has come.
func (l *Loop) tell() {
	l.telling.Lock()
	defer l.telling.Unlock()
	l.resolve()
	for i, p := range l.ready[:l.came] {
		if p != nil && p.Loop() == l { // it may have left at an event before
			p.owner.Event(l, p, l.events[i].Events)
		}
		l.ready[i] = nil
	}
	l.again, l.next = l.next[:0], l.again
	for i, p := range l.next {
		if p.Loop() == l {
			p.owner.Event(l, p, 0)
		}
		l.next[i] = nil
	}
}

func (l *Loop) doWait(uintptr) bool {
	l.came = l.poll(0)
	return l.came > 0
}

// poll gets events, and waits for them so many milliseconds.
func (l *Loop) poll(patience uintptr) int {
	n, _, errno := syscall.RawSyscall6(syscall.SYS_EPOLL_PWAIT, uintptr(l.fd), uintptr(unsafe.Pointer(&l.events)), uintptr(len(l.events)), patience, 0, 0)
	if errno != 0 { // interrupted
		return 0
	}
	return int(n)
}

// resolve finds whose the events are.
func (l *Loop) resolve() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, e := range l.events[:l.came] {
		l.ready[i] = l.slots.Owner(e.Fd, e.Pad)
	}
}

// Lock keeps the loop from telling anybody of anything until Unlock. Owners must not call it
// while they are told.
func (l *Loop) Lock() { l.telling.Lock() }

// Unlock undoes Lock.
func (l *Loop) Unlock() { l.telling.Unlock() }

// Enter gives owner a descriptor of a non-blocking socket, of which it is told from now on, also
// of what holds already. p must not move. Also asks for Writable, once there is room again.
func (l *Loop) Enter(p *Polled, fd int, owner Owner, also bool) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	p.owner, p.fd = owner, int32(fd)
	p.loop.Store(l)
	p.slot, p.generation = l.slots.Enter(p)
	e := syscall.EpollEvent{Events: (unix.EPOLLIN | unix.EPOLLRDHUP | unix.EPOLLET) & math.MaxUint32, Fd: p.slot, Pad: p.generation}
	if also {
		e.Events |= unix.EPOLLOUT
	}
	_, _, errno := syscall.RawSyscall6(syscall.SYS_EPOLL_CTL, uintptr(l.fd), syscall.EPOLL_CTL_ADD, uintptr(fd), uintptr(unsafe.Pointer(&e)), 0, 0)
	if errno != 0 {
		l.slots.Leave(p, p.slot)
		p.loop.Store(nil)
		return os.NewSyscallError("epoll_ctl", errno)
	}
	return nil
}

// leave ends the events.
func (p *Polled) leave() {
	l := p.Loop()
	l.mu.Lock()
	l.slots.Leave(p, p.slot)
	l.mu.Unlock()
	p.loop.Store(nil)
}

// Loop is the loop that waits on the descriptor; nil before Enter and after Close or Release.
func (p *Polled) Loop() *Loop { return p.loop.Load() }

// FD is the descriptor.
func (p *Polled) FD() int { return int(p.fd) }

// Again asks for another turn, after others have had theirs. It is for an owner that is being told.
func (p *Polled) Again() {
	l := p.Loop()
	l.again = append(l.again, p)
}

// Close closes the descriptor, with a reset where one is asked for.
func (p *Polled) Close(reset bool) {
	if p.Loop() != nil {
		p.leave()
		CloseFD(int(p.fd), reset)
	}
}

// Release ends the events of a descriptor that stays open.
func (p *Polled) Release() (fd int) {
	var none syscall.EpollEvent
	syscall.RawSyscall6(syscall.SYS_EPOLL_CTL, uintptr(p.Loop().fd), syscall.EPOLL_CTL_DEL, uintptr(p.fd), uintptr(unsafe.Pointer(&none)), 0, 0) //nolint:errcheck // what comes is nobody's
	p.leave()
	return int(p.fd)
}

// Recv reads what there is, up to len(b) bytes; 0 at the end of the peer's data.
func (p *Polled) Recv(b []byte) (int, syscall.Errno) { return recv(uintptr(p.fd), b, 0) }

// Peek is Recv of at most one byte that stays unread.
func (p *Polled) Peek() (int, syscall.Errno) {
	var b [1]byte
	return recv(uintptr(p.fd), b[:], peekFlags)
}

// Send sends what there is room for.
func (p *Polled) Send(b []byte) (int, syscall.Errno) { return send(uintptr(p.fd), b) }

// Each calls do for what the loop waits on, with the loop locked.
func (l *Loop) Each(do func(Owner)) {
	l.Lock()
	defer l.Unlock()
	var some [64]*Polled
	for from := 0; ; {
		n := 0
		l.mu.Lock()
		for ; from < len(l.slots.all) && n < len(some); from++ {
			if p := l.slots.all[from].owner; p != nil {
				some[n] = p
				n++
			}
		}
		end := from >= len(l.slots.all)
		l.mu.Unlock()
		for _, p := range some[:n] {
			if p.Loop() == l {
				do(p.owner)
			}
		}
		if end {
			return
		}
	}
}
