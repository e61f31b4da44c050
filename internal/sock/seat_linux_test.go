package sock

import (
	"errors"
	"io"
	"os"
	"testing"
	"time"
)

// A goroutine that has a seat waits for what comes, for room, and no longer than it is told to.
func TestSeat(t *testing.T) {
	fd, peer := raw(t)
	defer CloseFD(fd, false)
	s := TakeSeat(fd)
	if s == nil {
		t.Fatal("there is no seat")
	}
	go io.WriteString(peer, "some")
	b := make([]byte, 16)
	if n, err := s.Recv(b); string(b[:n]) != "some" || err != nil {
		t.Errorf("read %q, %v", b[:n], err)
	}
	s.SetDeadline(time.Unix(1, 0))
	if _, err := s.Recv(b); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("waiting for too long: %v", err)
	}
	s.SetDeadline(time.Time{})
	much := make([]byte, 4<<20) // more than there is room for
	got := make(chan int)
	go func() {
		n, _ := io.ReadFull(peer, make([]byte, len(much)))
		got <- n
		peer.(*Conn).CloseWrite()
	}()
	if n, err := s.Send(much); n != len(much) || err != nil {
		t.Errorf("sent %d, %v", n, err)
	}
	if n := <-got; n != len(much) {
		t.Errorf("%d bytes have come", n)
	}
	if n, err := s.Recv(b); n != 0 || err != io.EOF {
		t.Errorf("at the end: %d bytes, %v", n, err)
	}
	peer.Close()
	if _, err := s.Send(b); err == nil {
		t.Error("sending to nobody")
	}
	s.Leave()
}

// A seat that was left serves the next socket, and has forgotten deadlines and the one before.
func TestSeatsAreUsedAgain(t *testing.T) {
	first, before := raw(t)
	defer CloseFD(first, false)
	s := TakeSeat(first)
	s.SetDeadline(time.Unix(1, 0))
	s.Leave()
	second, peer := raw(t)
	defer CloseFD(second, false)
	if again := TakeSeat(second); again != s {
		t.Fatal("another seat is taken, though one is free")
	}
	defer s.Leave()
	io.WriteString(before, "of the one before")
	waited := make(chan string)
	go func() {
		b := make([]byte, 32)
		n, err := s.Recv(b)
		if err != nil {
			t.Error(err)
		}
		waited <- string(b[:n])
	}()
	io.WriteString(peer, "of this one")
	if got := <-waited; got != "of this one" {
		t.Errorf("read %q", got)
	}
}
