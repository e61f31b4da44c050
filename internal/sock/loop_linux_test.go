package sock

import (
	"net"
	"net/netip"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// heard is an owner that tells of its events.
type heard chan uint32

func (h heard) Event(_ *Loop, _ *Polled, events uint32) { h <- events }

// raw gives a descriptor that no poller has, and the peer.
func raw(t *testing.T) (int, net.Conn) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	peer := Adopt(fds[1], netip.AddrPort{}, netip.AddrPort{})
	t.Cleanup(func() { peer.Close() })
	return fds[0], peer
}

// What comes is told of, then nothing more until more comes, and nothing at all of one that has left.
func TestLoop(t *testing.T) {
	l := Loops()[0]
	fd, peer := raw(t)
	h, p := make(heard, 8), new(Polled)
	if err := l.Enter(p, fd, h, false); err != nil {
		t.Fatal(err)
	}
	peer.Write([]byte("some"))
	if events := <-h; events&Readable == 0 || events&Ended != 0 {
		t.Errorf("events %x", events)
	}
	if n, errno := p.Peek(); n != 1 || errno != 0 {
		t.Errorf("%d bytes, %v", n, errno)
	}
	b := make([]byte, 16)
	if n, errno := p.Recv(b); string(b[:max(n, 0)]) != "some" || errno != 0 {
		t.Errorf("read %q, %v", b[:max(n, 0)], errno)
	}
	if _, errno := p.Recv(b); errno != syscall.EAGAIN {
		t.Errorf("more: %v", errno)
	}
	if n, errno := p.Send([]byte("answer")); n != 6 || errno != 0 {
		t.Errorf("sent %d, %v", n, errno)
	}
	peer.(*Conn).CloseWrite()
	if events := <-h; events&Ended == 0 {
		t.Errorf("events %x at the end", events)
	}
	l.Lock()
	if p.Release() != fd || p.Loop() != nil {
		t.Error("it has not left")
	}
	l.Unlock()
	again := make(heard, 8)
	if err := l.Enter(p, fd, again, true); err != nil { // what holds already is told of at once
		t.Fatal(err)
	}
	if events := <-again; events&Ended == 0 || events&Writable == 0 {
		t.Errorf("events %x", events)
	}
	var owners []Owner
	l.Each(func(o Owner) { owners = append(owners, o) })
	if len(owners) != 1 || owners[0] != Owner(again) {
		t.Errorf("%d owners", len(owners))
	}
	l.Lock()
	p.Close(false)
	p.Close(false) // again
	l.Unlock()
	if n := len(h); n != 0 {
		t.Errorf("%d events more than there were", n)
	}
}

// An event that was on its way when its owner left is not the next one's in its slot.
func TestLoopKnowsOldEvents(t *testing.T) {
	l, err := newLoop(0)
	if err != nil {
		t.Fatal(err)
	}
	defer l.file.Close()
	first, second, h := new(Polled), new(Polled), make(heard, 8)
	fd, peer := raw(t)
	if err := l.Enter(first, fd, h, false); err != nil {
		t.Fatal(err)
	}
	peer.Write([]byte("some"))
	if !l.doWait(uintptr(l.fd)) {
		t.Fatal("nothing has come")
	}
	first.Close(false)
	fd, _ = raw(t)
	if err := l.Enter(second, fd, h, false); err != nil {
		t.Fatal(err)
	}
	defer second.Close(false)
	if second.slot != first.slot {
		t.Fatalf("slots %d and %d", first.slot, second.slot)
	}
	if l.tell(); len(h) != 0 {
		t.Error("an old event has come to a new owner")
	}
	l.came = 0
}

// Who asks for another turn has it after the others.
func TestLoopTakesTurns(t *testing.T) {
	l, err := newLoop(0)
	if err != nil {
		t.Fatal(err)
	}
	defer l.file.Close()
	var order []uint32
	var ps [2]Polled
	turns := func(p *Polled, events uint32) {
		order = append(order, events&Readable)
		if events != 0 {
			p.Again()
		}
	}
	for i := range ps {
		fd, peer := raw(t)
		if err := l.Enter(&ps[i], fd, told(turns), false); err != nil {
			t.Fatal(err)
		}
		defer ps[i].Close(false)
		peer.Write([]byte("some"))
	}
	for l.came < 2 {
		l.doWait(uintptr(l.fd))
	}
	l.tell()
	if len(order) != 4 || order[0] == 0 || order[1] == 0 || order[2] != 0 || order[3] != 0 {
		t.Errorf("turns %v", order)
	}
}

type told func(*Polled, uint32)

func (do told) Event(_ *Loop, p *Polled, events uint32) { do(p, events) }

// A connection that is taken away from Go's poller and given back has lost nothing.
func TestDetach(t *testing.T) {
	s, peer := pair(t)
	peer.Write([]byte("before"))
	arrived(t, s)
	fd, err := s.Detach()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Read(make([]byte, 1)); err == nil {
		t.Error("it can be read from still")
	}
	again := Adopt(fd, netip.AddrPort{}, netip.AddrPort{})
	defer again.Close()
	var wg sync.WaitGroup
	wg.Go(func() { again.Write([]byte("answer")) })
	b := make([]byte, 16)
	if n, err := again.Read(b); string(b[:n]) != "before" || err != nil {
		t.Errorf("read %q, %v", b[:n], err)
	}
	if n, err := peer.Read(b); string(b[:n]) != "answer" || err != nil {
		t.Errorf("the peer has read %q, %v", b[:n], err)
	}
	wg.Wait()
}
