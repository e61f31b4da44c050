package sock

import (
	"math"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Watch tells of many connections whether anything has come on them while nobody read. It
// asks the kernel about all of them by one call (epoll(7), edge-triggered), where Closed takes
// one for each. Go's own poller hears the same, but does not tell those who do not wait.
type Watch struct {
	fd     int
	base   time.Time
	looked atomic.Int64 // when the last look began, in nanoseconds since base

	mu     sync.Mutex
	events [128]syscall.EpollEvent
	slots  Slots[watched]
}

// watched is what a Watch knows of a connection.
type watched struct {
	by    *Watch
	slot  int32
	heard atomic.Bool // something has come since it was last read from, and may be there still
	ended atomic.Bool // the peer has closed or reset it
}

// NewWatch makes a Watch, which lives as long as it is in use, or has a connection; nil where the system gives none, and a
// nil Watch knows nothing.
func NewWatch() *Watch {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil
	}
	w := &Watch{fd: fd, base: time.Now()}
	w.looked.Store(math.MinInt64 / 2)
	runtime.AddCleanup(w, func(fd int) { syscall.Close(fd) }, fd)
	return w
}

// Add watches a connection until it is closed. It must come before the connection is used.
func (w *Watch) Add(c *Conn) {
	if w == nil {
		return
	}
	of := &watched{by: w}
	w.mu.Lock()
	defer w.mu.Unlock()
	var generation int32
	of.slot, generation = w.slots.Enter(of)
	e := syscall.EpollEvent{Events: (unix.EPOLLIN | unix.EPOLLRDHUP | unix.EPOLLET) & math.MaxUint32, Fd: of.slot, Pad: generation}
	errno := syscall.ENOTCONN
	c.raw.Control(func(fd uintptr) { //nolint:errcheck // closed: errno stays
		_, _, errno = syscall.RawSyscall6(syscall.SYS_EPOLL_CTL, uintptr(w.fd), syscall.EPOLL_CTL_ADD, fd, uintptr(unsafe.Pointer(&e)), 0, 0)
	})
	if errno != 0 {
		w.slots.Leave(of, of.slot)
		return
	}
	c.watched = of
}

// look finds out what has come, unless that was done within the last d. Between two looks
// a connection is told of once, however much came.
func (w *Watch) look(now int64, d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if now-w.looked.Load() < int64(d) {
		return // by another goroutine
	}
	for {
		n, _, errno := syscall.RawSyscall6(syscall.SYS_EPOLL_PWAIT, uintptr(w.fd), uintptr(unsafe.Pointer(&w.events)), uintptr(len(w.events)), 0, 0, 0)
		if errno == syscall.EINTR {
			continue
		}
		if errno != 0 {
			return
		}
		for _, e := range w.events[:n] {
			of := w.slots.Owner(e.Fd, e.Pad)
			if of == nil {
				continue
			}
			of.heard.Store(true)
			if e.Events&(unix.EPOLLRDHUP|unix.EPOLLHUP|unix.EPOLLERR) != 0 {
				of.ended.Store(true)
			}
		}
		if int(n) < len(w.events) {
			break
		}
	}
	w.looked.Store(now)
}

// forget is called before the connection is read from: what has come until now will be seen by that.
func (of *watched) forget() {
	if of != nil && of.heard.Load() {
		of.heard.Store(false)
	}
}

// remember is called when something was found unread: the kernel tells of it once only.
func (of *watched) remember() {
	if of != nil {
		of.heard.Store(true)
	}
}

// quiet is Conn.Quiet.
func (of *watched) quiet(since, now time.Time, d time.Duration) bool {
	if of == nil {
		return false
	}
	w := of.by
	at := int64(now.Sub(w.base))
	if at-w.looked.Load() >= int64(d) {
		w.look(at, d)
	}
	looked := w.looked.Load()
	return at-looked < int64(d) && int64(since.Sub(w.base)) <= looked && !of.heard.Load() && !of.ended.Load()
}

// letGo takes a descriptor out of the kernel's table, which does so by itself only when no other is
// left of the same socket.
func (of *watched) letGo(fd uintptr) {
	if of != nil {
		var none syscall.EpollEvent
		syscall.RawSyscall6(syscall.SYS_EPOLL_CTL, uintptr(of.by.fd), syscall.EPOLL_CTL_DEL, fd, uintptr(unsafe.Pointer(&none)), 0, 0) //nolint:errcheck // what comes is nobody's
	}
}

// remove ends the watch, before the connection is closed.
func (of *watched) remove() {
	if of != nil {
		of.by.mu.Lock()
		of.by.slots.Leave(of, of.slot)
		of.by.mu.Unlock()
	}
}
