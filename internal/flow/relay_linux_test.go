package flow

import (
	"bytes"
	"io"
	"net"
	"net/netip"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/albatross-lb/albatross/internal/sock"
	"github.com/albatross-lb/albatross/lb"
)

// ends gives the two ends of a connection: a descriptor without a poller, and a file.
func ends(t *testing.T) (int, *os.File) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	f := os.NewFile(uintptr(fds[1]), "peer")
	t.Cleanup(func() { sock.CloseFD(fds[0], false); f.Close() })
	return fds[0], f
}

// What the receiving side has no room for is kept, in its order, until there is room.
func TestRelayKeepsTheRest(t *testing.T) {
	from, sender := ends(t)
	to, receiver := ends(t)
	r := &relay{loop: &sock.Loop{Buffer: make([]byte, sock.LoopBufferSize)}, fds: [2]int{from, to}, phase: carrying}
	if err := unix.SetsockoptInt(to, unix.SOL_SOCKET, unix.SO_SNDBUF, 4096); err != nil {
		t.Fatal(err)
	}
	var sent, got bytes.Buffer
	for i := range 4 {
		piece := bytes.Repeat([]byte{byte('a' + i)}, 7000)
		sent.Write(piece)
		if _, err := sender.Write(piece); err != nil {
			t.Fatal(err)
		}
		r.pump(up, false)
	}
	if r.lanes[up].buf == nil {
		t.Fatal("nothing was kept: the socket has room for all of it")
	}
	for got.Len() < sent.Len() {
		piece := make([]byte, 1000)
		n, err := receiver.Read(piece)
		if err != nil {
			t.Fatal(err)
		}
		got.Write(piece[:n])
		r.carry(target, unix.EPOLLOUT)
	}
	if !bytes.Equal(sent.Bytes(), got.Bytes()) || r.lanes[up].buf != nil || r.carried[up].Load() != int64(sent.Len()) {
		t.Errorf("%d bytes came of %d, or others; %d are counted; a buffer is kept: %v", got.Len(), sent.Len(), r.carried[up].Load(), r.lanes[up].buf != nil)
	}
}

// silent is a target whose backlog is full: it answers no SYN.
func silent(t *testing.T) string {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	if err := unix.Listen(fd, 0); err != nil {
		t.Fatal(err)
	}
	name, err := unix.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	addr := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), uint16(name.(*unix.SockaddrInet4).Port))
	for range 4 {
		waiting, err := sock.BeginConnect(addr, nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { sock.CloseFD(waiting, false) })
	}
	return addr.String()
}

// A target that does not answer is passed over after connectTimeout, as the sweeper sees it.
func TestSilentTargetIsPassedOver(t *testing.T) {
	deaf := silent(t)
	w := newWorld(t, config(lb.TCP, deaf, named(t, "2")), Options{Beat: time.Hour})
	var c net.Conn
	var r *relay
	for r == nil { // until a flow's hash falls to the silent one
		c = w.dial()
		w.eventually("the flow has not begun", func() bool {
			waiting, carried := w.phases(deaf)
			r = waiting
			return waiting != nil || carried
		})
		if r == nil {
			c.Close()
			w.awaitFigure("active_flow_count", 0)
		}
	}
	now, current := time.Now(), w.current.Load()
	r.sweep(now, current)
	r.sweep(now.Add(connectTimeout-time.Millisecond), current)
	if n := w.figure("flow_target_connection_error_count_total"); n != 0 {
		t.Errorf("%d failures before the time is over", n)
	}
	r.sweep(now.Add(connectTimeout), current)
	if got := read(t, c, 2); got != "2\n" {
		t.Errorf("the flow went to %q", got)
	}
	w.awaitFigure("flow_target_connection_error_count_total", 1)
}

// phases gives the flow that waits for that target, and whether there is one that is carried.
func (w *world) phases(target string) (waiting *relay, carried bool) {
	w.carrier.mu.Lock()
	defer w.carrier.mu.Unlock()
	for f := range w.carrier.flows {
		r := f.(*relay)
		r.mu.Lock()
		if r.phase == connecting && r.candidates.Targets[r.tried[len(r.tried)-1]].Addr.String() == target {
			waiting = r
		}
		carried = carried || r.phase == carrying
		r.mu.Unlock()
	}
	return waiting, carried
}

// What comes in bulk is handed over with what has gone before, also after one side's end.
func TestHandOver(t *testing.T) {
	const size = 4 << 20
	w := newWorld(t, config(lb.TCP, serve(t, func(c *net.TCPConn) {
		question, _ := io.ReadAll(c)
		c.Write(question)
		io.CopyN(struct{ io.Writer }{c}, zero{}, size)
	})), Options{})
	c := w.dial()
	io.WriteString(c, "a question")
	c.CloseWrite()
	if got := read(t, c, 10); got != "a question" {
		t.Errorf("%q", got)
	}
	if n, err := io.Copy(io.Discard, c); n != size || err != nil {
		t.Errorf("%d bytes came of %d, %v", n, size, err)
	}
	w.awaitFigure("active_flow_count", 0)
	w.awaitFigure("processed_bytes_tcp_total", 20+size)
	for _, who := range []string{"client", "target", "elb"} {
		if n := w.figure("tcp_" + who + "_reset_count_total"); n != 0 {
			t.Errorf("%d resets by %s", n, who)
		}
	}
}

// What a loop still has to say of a flow that goroutines carry by now is said to nobody: the sockets are not the relay's any more.
func TestEventsBehindTheHandOver(t *testing.T) {
	from, fromPeer := ends(t)
	to, toPeer := ends(t)
	r := &relay{fds: [2]int{from, to}, phase: handedOver}
	for _, events := range []uint32{0, sock.Readable, sock.Writable, sock.Readable | sock.Ended, sock.BrokenOff} {
		for side := range r.polled {
			r.Event(nil, &r.polled[side], events)
		}
	}
	if r.over || r.phase != handedOver || r.early != [2]uint32{} || r.fds != [2]int{from, to} {
		t.Errorf("the relay took it for its own: over %v, phase %d, early %v, sockets %v", r.over, r.phase, r.early, r.fds)
	}
	for fd, peer := range map[int]*os.File{from: fromPeer, to: toPeer} {
		if _, err := unix.Write(fd, []byte("x")); err != nil {
			t.Error("a socket was closed:", err)
		}
		if n, err := peer.Read(make([]byte, 2)); n != 1 || err != nil {
			t.Errorf("its peer read %d bytes, %v", n, err)
		}
	}
}
