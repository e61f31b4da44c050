package sock

import (
	"bytes"
	"io"
	"os"
	"strconv"
	"testing"
	"time"
)

// watchedPair is a pair of which a Watch has the first.
func watchedPair(t *testing.T, w *Watch) (*Conn, io.WriteCloser) {
	s, peer := pair(t)
	w.Add(s)
	return s, peer
}

// arrived waits until there is something to read.
func arrived(t *testing.T, s *Conn) {
	t.Helper()
	if err := s.WaitReadable(); err != nil {
		t.Fatal(err)
	}
}

func TestWatch(t *testing.T) {
	w, begin := NewWatch(), time.Now()
	s, peer := watchedPair(t, w)
	other, _ := watchedPair(t, w)
	quiet := func(c *Conn) bool { return c.Quiet(begin, time.Now(), 1) } // by a look that is taken now
	if !quiet(s) || !quiet(other) {
		t.Error("nothing has come, and it is not known")
	}
	io.WriteString(peer, "unasked")
	arrived(t, s)
	if quiet(s) || !quiet(other) {
		t.Error("what has come on one is not heard of, or of another")
	}
	if quiet(s) {
		t.Error("a second look has made it forgotten, though nobody has read it")
	}
	s.Read(make([]byte, 16))
	if !quiet(s) {
		t.Error("what was read is heard of again")
	}
	io.WriteString(peer, "more")
	arrived(t, s)
	if _, unread := s.Closed(); !unread || quiet(s) {
		t.Error("what Closed has seen is forgotten, though nobody has read it")
	}
	s.Read(make([]byte, 16))
	peer.Close()
	arrived(t, s)
	if quiet(s) {
		t.Error("the end is not heard of")
	}
	if _, err := s.Read(make([]byte, 16)); err != io.EOF || quiet(s) {
		t.Errorf("the end is forgotten; %v", err)
	}
}

// What is known is told only of the time before the last look, and as long as that is recent.
func TestWatchKnowsWhenItLooked(t *testing.T) {
	w, begin := NewWatch(), time.Now()
	s, peer := watchedPair(t, w)
	first := time.Now()
	if !s.Quiet(begin, first, time.Second) {
		t.Fatal("the first question takes no look")
	}
	io.WriteString(peer, "unasked")
	arrived(t, s)
	for _, c := range []struct {
		since, now time.Time
		quiet      bool
	}{
		{begin, first.Add(time.Second - 1), true}, // by the look there was
		{first.Add(1), first.Add(2), false},       // in use when that was taken
		{begin, first.Add(time.Second), false},    // by one taken now
	} {
		if s.Quiet(c.since, c.now, time.Second) != c.quiet {
			t.Errorf("since %v, asked at %v: not %v", c.since.Sub(first), c.now.Sub(first), c.quiet)
		}
	}
}

// What comes on a closed connection is not heard of for the one that has its place.
func TestWatchPlacesAreUsedAgain(t *testing.T) {
	w, begin := NewWatch(), time.Now()
	for range 10 {
		s, peer := watchedPair(t, w)
		if !s.Quiet(begin, time.Now(), 1) {
			t.Fatal("a new connection has heard of another's")
		}
		io.WriteString(peer, "unasked")
		arrived(t, s)
		s.Close()
		s.Close() // again
	}
	if len(w.slots.all) != 1 || len(w.slots.free) != 1 {
		t.Errorf("%d places, %d of them free", len(w.slots.all), len(w.slots.free))
	}
	var none *Watch
	s, _ := pair(t)
	none.Add(s)
	if s.Quiet(begin, time.Now(), 1) {
		t.Error("a connection that nobody watches is known to be quiet")
	}
}

// A connection that is taken away from Go's poller is none of the Watch's any more: its descriptor
// has a twin, with which the kernel would go on to tell of it, by one entry more each time.
func TestDetachEndsTheWatch(t *testing.T) {
	w := NewWatch()
	s, _ := pair(t)
	w.Add(s)
	entries := func() int {
		info, err := os.ReadFile("/proc/self/fdinfo/" + strconv.Itoa(w.fd))
		if err != nil {
			t.Skip(err)
		}
		return bytes.Count(info, []byte("tfd:"))
	}
	if n := entries(); n != 1 {
		t.Fatalf("%d entries", n)
	}
	fd, err := s.Detach()
	if err != nil {
		t.Fatal(err)
	}
	defer CloseFD(fd, false)
	if n := entries(); n != 0 {
		t.Errorf("%d entries are left", n)
	}
}
