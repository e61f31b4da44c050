package sock

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"
)

func pair(t testing.TB) (*Conn, *net.TCPConn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	peer, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(c.(*net.TCPConn))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close(); peer.Close() })
	return s, peer.(*net.TCPConn)
}

func TestReadWrite(t *testing.T) {
	s, peer := pair(t)
	peer.Write([]byte("hello"))
	buf := make([]byte, 16)
	n, err := s.Read(buf)
	if string(buf[:n]) != "hello" || err != nil {
		t.Fatalf("Read = %q, %v", buf[:n], err)
	}
	peer.CloseWrite()
	if _, err := s.Read(buf); err != io.EOF {
		t.Fatalf("Read after the peer's FIN: %v, want EOF", err)
	}
	big := bytes.Repeat([]byte("0123456789abcdef"), 1<<18) // 4 MiB: fills the socket's buffers, so Write has to wait
	got := make(chan []byte)
	go func() { all, _ := io.ReadAll(peer); got <- all }()
	if n, err := s.Write(big); n != len(big) || err != nil {
		t.Fatalf("Write = %d, %v", n, err)
	}
	s.Close()
	if all := <-got; !bytes.Equal(all, big) {
		t.Fatalf("the peer got %d bytes, or others than were sent", len(all))
	}
}

func TestReadPooledTakesNoBufferWhileWaiting(t *testing.T) {
	s, peer := pair(t)
	taken := 0
	pool := &sync.Pool{New: func() any { taken++; b := make([]byte, 8); return &b }}
	s.SetReadIdle(time.Now(), time.Millisecond)
	if buf, _, err := s.ReadPooled(pool); buf != nil || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("ReadPooled without data = %v, %v, want a deadline error and no buffer", buf, err)
	}
	s.ResetDeadlines()
	peer.Write([]byte("x"))
	buf, n, err := s.ReadPooled(pool)
	if err != nil || string((*buf)[:n]) != "x" {
		t.Fatalf("ReadPooled = %v, %d, %v", buf, n, err)
	}
	peer.Close()
	if buf, _, err := s.ReadPooled(pool); buf != nil || err != io.EOF {
		t.Fatalf("ReadPooled after close = %v, %v", buf, err)
	}
}

func TestClosed(t *testing.T) {
	s, peer := pair(t)
	if closed, unread := s.Closed(); closed || unread {
		t.Fatalf("idle: Closed = %v, %v", closed, unread)
	}
	peer.Write([]byte("x"))
	var one [1]byte
	s.Read(one[:])
	peer.Write([]byte("y"))
	peer.CloseWrite()
	for { // the byte is on its way
		closed, unread := s.Closed()
		if closed {
			t.Fatal("closed before the last byte was read")
		}
		if unread {
			break
		}
	}
	s.Read(one[:])
	for {
		if closed, _ := s.Closed(); closed {
			break
		}
	}
}

func TestInterrupt(t *testing.T) {
	s, _ := pair(t)
	done := make(chan error)
	go func() { _, err := s.Read(make([]byte, 1)); done <- err }()
	s.Interrupt()
	if err := <-done; !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("interrupted Read: %v", err)
	}
}

func TestRearm(t *testing.T) {
	now := time.Now()
	var until time.Time
	if !rearm(&until, now, time.Minute) {
		t.Error("the first deadline was not set")
	}
	if rearm(&until, now.Add(time.Second), time.Minute) {
		t.Error("set again a second later")
	}
	if !rearm(&until, now.Add(20*time.Second), time.Minute) {
		t.Error("not set again although less than a minute is left")
	}
	if !rearm(&until, now, time.Second) {
		t.Error("a shorter idle time was not set")
	}
}

// BenchmarkEcho is one read and one write a turn on each side; the peer uses package net.
func BenchmarkEcho(b *testing.B) {
	s, peer := pair(b)
	go func() {
		buf := make([]byte, 256)
		for {
			n, err := peer.Read(buf)
			if err != nil {
				return
			}
			peer.Write(buf[:n])
		}
	}()
	msg, buf := bytes.Repeat([]byte("x"), 100), make([]byte, 256)
	b.ReportAllocs()
	for b.Loop() {
		s.Write(msg)
		s.Read(buf)
	}
}

func TestWriteThenRead(t *testing.T) {
	s, peer := pair(t)
	go func() {
		buf := make([]byte, 64)
		for {
			n, err := peer.Read(buf)
			if err != nil {
				return
			}
			peer.Write(bytes.ToUpper(buf[:n]))
		}
	}()
	buf := make([]byte, 64)
	for range 10000 { // an answer that is missed hangs
		sent, n, err := s.WriteThenRead([]byte("hello"), buf)
		if sent != 5 || string(buf[:n]) != "HELLO" || err != nil {
			t.Fatalf("WriteThenRead = %d, %q, %v", sent, buf[:n], err)
		}
	}
	// A FIN that came before is seen at once, or by the Read after the deadline: no answer comes to it.
	peer.CloseWrite()
	s.SetReadIdle(time.Now(), 10*time.Millisecond)
	sent, n, err := s.WriteThenRead([]byte("hello"), buf)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		s.ResetDeadlines()
		n, err = s.Read(buf)
	}
	if sent != 5 || n != 0 || err != io.EOF {
		t.Errorf("after the peer's FIN: %d, %d, %v, want it sent, and EOF", sent, n, err)
	}
}

func TestWriteThenReadOfTooMuch(t *testing.T) {
	s, peer := pair(t)
	big := make([]byte, 16<<20) // more than the sockets take
	sent, n, err := s.WriteThenRead(big, make([]byte, 64))
	if sent <= 0 || sent >= len(big) || n != 0 || err != nil {
		t.Fatalf("WriteThenRead = %d, %d, %v, want a part sent", sent, n, err)
	}
	go func() { io.Copy(io.Discard, peer) }()
	if rest, err := s.Write(big[sent:]); sent+rest != len(big) || err != nil {
		t.Errorf("the rest: %d, %v", rest, err)
	}
}

func TestWriteThenReadDeadline(t *testing.T) {
	s, _ := pair(t)
	s.SetReadIdle(time.Now(), time.Millisecond)
	if sent, _, err := s.WriteThenRead([]byte("hello"), make([]byte, 8)); sent != 5 || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("WriteThenRead = %d, %v, want it sent, and a deadline error", sent, err)
	}
}

// A slowReader notes the longest that it was without a read.
type slowReader struct {
	*net.TCPConn
	last    time.Time
	longest time.Duration
}

func (r *slowReader) Read(p []byte) (int, error) {
	n, err := r.TCPConn.Read(p)
	now := time.Now()
	r.longest, r.last = max(r.longest, now.Sub(r.last)), now
	return n, err
}

// whileReaderIsHeldUp calls a test with an idle time, and with a longer one as long as the reader in it, which means to read more
// often by far, was held up by the machine: then a writer that gives up is right to do so, and nothing has been tested.
func whileReaderIsHeldUp(t *testing.T, idle time.Duration, test func(idle time.Duration, s *Conn, r *slowReader) error) {
	t.Helper()
	for ; ; idle *= 2 {
		s, peer := pair(t)
		peer.SetReadBuffer(64 << 10)
		peer.SetReadDeadline(time.Now().Add(time.Minute + 10*idle))
		r := &slowReader{TCPConn: peer, last: time.Now()}
		err := test(idle, s, r)
		if err == nil {
			return
		}
		if r.longest < idle/2 {
			t.Fatalf("Write to a reader that never paused for longer than %v, with an idle time of %v: %v", r.longest, idle, err)
		}
		t.Logf("the reader was held up for %v, of an idle time of %v: %v", r.longest, idle, err)
	}
}

// TestWriteIdleIsForEachWait: a peer that reads slowly is served for as long as it takes.
func TestWriteIdleIsForEachWait(t *testing.T) {
	t.Parallel()
	whileReaderIsHeldUp(t, time.Second, func(idle time.Duration, s *Conn, r *slowReader) error {
		s.raw.Control(func(fd uintptr) { syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_SNDBUF, 64<<10) }) // small, so that every piece that is read wakes the writer up
		const pieces, piece = 24, 256 << 10
		s.SetWriteIdle(time.Now(), idle)
		written := make(chan error, 1)
		go func() {
			_, err := s.Write(make([]byte, pieces*piece))
			if err != nil {
				s.Close() // ends the reading
			}
			written <- err
		}()
		buf := make([]byte, piece)
		for range pieces {
			if _, err := io.ReadFull(r, buf); err != nil {
				return errors.Join(err, <-written)
			}
			<-time.After(2 * idle / pieces) // twice the idle time in all
		}
		if err := <-written; err != nil {
			return err
		}
		s.SetWriteIdle(time.Now(), 10*time.Millisecond)
		if _, err := s.Write(make([]byte, pieces*piece)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("Write to a reader that has stopped: %v", err)
		}
		return nil
	})
}

// TestSlowReaderBehindLargeBuffer: a peer may read for longer than the idle time before so much of the kernel's
// buffer is free that the socket counts as writable. It is not idle for that.
func TestSlowReaderBehindLargeBuffer(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("what the kernel has sent is not known here")
	}
	whileReaderIsHeldUp(t, 500*time.Millisecond, func(idle time.Duration, s *Conn, r *slowReader) error {
		const size = 12 << 20
		s.SetWriteIdle(time.Now(), idle)
		written := make(chan error, 1)
		begin := time.Now()
		go func() {
			_, err := s.Write(make([]byte, size))
			if err != nil {
				s.Close() // ends the reading
			}
			written <- err
		}()
		buf := make([]byte, 128<<10)
		read := 0
		for len(written) == 0 && time.Since(begin) < 4*idle {
			n, err := io.ReadFull(r, buf)
			if err != nil {
				return errors.Join(err, <-written)
			}
			read += n
			<-time.After(idle / 4)
		}
		t.Logf("%d bytes read in %v", read, time.Since(begin))
		if n, err := io.CopyN(io.Discard, r, int64(size-read)); err != nil {
			return errors.Join(fmt.Errorf("%d bytes more, then %w", n, err), <-written)
		}
		return <-written
	})
}
