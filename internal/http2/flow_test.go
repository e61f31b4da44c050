package http2

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestReceiveWindow: the peer gets no more window than handlers have read.
func TestReceiveWindow(t *testing.T) {
	read := make(chan int)
	s := serve(t, Limits{}, nil, func(s *Stream) {
		for n := range read {
			if got, err := io.ReadFull(s, make([]byte, n)); got != n {
				t.Errorf("read %d of %d: %v", got, n, err)
			}
		}
		page(s)
	})
	r := dialRaw(t, s.addr)
	r.headers(1, false, post)
	data := strings.Repeat("x", 16<<10)
	for range 3 {
		r.frame(frameData, 0, 1, data)
	}
	r.frame(frameData, 0, 1, data[:16<<10-1])
	read <- 10 // not worth a frame
	r.fr.WritePing(false, [8]byte{})
	r.want("PING 0000000000000000 true")
	read <- 16 << 10
	r.want(fmt.Sprintf("WINDOW_UPDATE 1 %d", 16<<10+10))
	r.frame(frameData, 0, 1, data)
	r.frame(frameData, 0, 1, data[:10])
	r.frame(frameData, 0, 1, "x") // one too many
	r.until("RST_STREAM 1 FLOW_CONTROL_ERROR")
	close(read)
}

// TestNoWindowForTheEnded: what is read behind END_STREAM gives the stream nothing
// back, and padding is given back at once.
func TestNoWindowForTheEnded(t *testing.T) {
	read := make(chan int)
	s := serve(t, Limits{}, nil, func(s *Stream) {
		for n := range read {
			io.ReadFull(s, make([]byte, n))
		}
		page(s)
	})
	r := dialRaw(t, s.addr)
	r.headers(1, false, post)
	for range 80 {
		r.frame(frameData, flagPadded, 1, "\xffx"+strings.Repeat("\x00", 255))
	}
	r.want("WINDOW_UPDATE 1 16384") // 64 times 256
	r.frame(frameData, 0, 1, strings.Repeat("x", 16<<10))
	r.frame(frameData, 1, 1, strings.Repeat("x", 16<<10))
	r.fr.WritePing(false, [8]byte{})
	r.want("PING 0000000000000000 true")
	read <- 32<<10 + 80
	close(read)
	r.want("HEADERS 1 :status=200", `DATA 1 "ok" END`)
}

// TestConnectionWindow: all streams together, and what reset streams had comes back.
func TestConnectionWindow(t *testing.T) {
	release := make(chan struct{})
	s := serve(t, Limits{}, nil, func(s *Stream) { <-release })
	r := dialRaw(t, s.addr)
	send := func(id uint32, n int) {
		r.headers(id, false, post)
		for ; n > 0; n -= maxFrame {
			r.frame(frameData, 0, id, strings.Repeat("x", min(n, maxFrame)))
		}
	}
	send(1, 48<<10)
	send(3, 32<<10)
	r.frame(frameRSTStream, 0, 1, uint32Bytes(8))
	send(5, 48<<10)
	send(7, 16<<10) // 96 KiB
	r.fr.WritePing(false, [8]byte{})
	r.want("PING 0000000000000000 true")
	r.frame(frameData, 0, 7, "x")
	r.want("GOAWAY 7 FLOW_CONTROL_ERROR")
	close(release)
}

// TestSendWindows: DATA stays within the stream's and the connection's windows, and
// streams get the connection's in turn.
func TestSendWindows(t *testing.T) {
	s := serve(t, Limits{}, nil, func(s *Stream) {
		s.WriteHead(200, nil, false)
		s.WriteEnd(bytes.Repeat([]byte("x"), 100_000))
	})
	r := dialRaw(t, s.addr)
	r.headers(1, true, get)
	r.want("HEADERS 1 :status=200")
	total := func(n int) map[string]int {
		got := map[string]int{}
		for n > 0 {
			f := r.next()
			var id, size int
			if _, err := fmt.Sscanf(f, "DATA %d", &id); err != nil {
				t.Fatal(f)
			}
			size = strings.Count(f, "x")
			if strings.HasSuffix(f, "END") {
				got["ended"]++
			}
			got[fmt.Sprint(id)] += size
			n -= size
		}
		return got
	}
	total(initialWindow)
	r.headers(3, true, get) // there is no window left on the connection
	r.want("HEADERS 3 :status=200")
	r.frame(frameWindowUpdate, 0, 1, uint32Bytes(100_000))
	r.frame(frameWindowUpdate, 0, 3, uint32Bytes(100_000))
	r.fr.WritePing(false, [8]byte{})
	r.want("PING 0000000000000000 true")
	r.frame(frameWindowUpdate, 0, 0, uint32Bytes(64_000))
	shared := total(64_000) // the first stream may have ended by then
	if shared["1"] < 20_000 || shared["3"] < 20_000 {
		t.Errorf("two streams had a window of 64000 to share: %v", shared)
	}
	r.frame(frameWindowUpdate, 0, 0, uint32Bytes(200_000))
	if got := total(200_000 - initialWindow - 64_000); got["ended"]+shared["ended"] != 2 {
		t.Errorf("ended: %v, then %v", shared, got)
	}
}

// TestWindowBelowZero: SETTINGS may take back window that has been used (RFC 9113 section 6.9.2).
func TestWindowBelowZero(t *testing.T) {
	s := serve(t, Limits{}, nil, func(s *Stream) {
		s.WriteHead(200, nil, false)
		s.WriteEnd([]byte("0123456789abcdef"))
	})
	r := dialRaw(t, s.addr)
	r.frame(frameSettings, 0, 0, setting(settingInitialWindowSize, 10))
	r.headers(1, true, get)
	r.want("HEADERS 1 :status=200", `DATA 1 "0123456789"`)
	r.frame(frameSettings, 0, 0, setting(settingInitialWindowSize, 4))
	r.frame(frameWindowUpdate, 0, 1, uint32Bytes(6)) // 0 now
	r.fr.WritePing(false, [8]byte{})
	r.want("PING 0000000000000000 true")
	r.frame(frameWindowUpdate, 0, 1, uint32Bytes(1))
	r.want(`DATA 1 "a"`)
	r.frame(frameSettings, 0, 0, setting(settingInitialWindowSize, 100))
	r.want(`DATA 1 "bcdef" END`)
}

// TestIdleStream: Read and Write wait for so long and no longer; a peer that moves
// slowly is waited for.
func TestIdleStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		type result struct {
			op   string
			n    int
			err  error
			took time.Duration
		}
		results := make(chan result, 10)
		s := servePipe(t, Limits{Idle: time.Hour}, func(s *Stream) {
			s.Idle = 10 * time.Second
			begin := time.Now()
			n, err := io.ReadFull(s, make([]byte, 100))
			results <- result{"read", n, err, time.Since(begin)}
			s.WriteHead(200, nil, false)
			begin = time.Now()
			n, err = s.Write(make([]byte, 100))
			results <- result{"write", n, err, time.Since(begin)}
			s.Reset(Cancel)
		})
		r := s.dial()
		go func() {
			for {
				if _, err := r.fr.ReadFrame(); err != nil {
					return
				}
			}
		}()
		r.frame(frameSettings, 0, 0, setting(settingInitialWindowSize, 0))
		r.headers(1, false, post)
		for range 3 {
			time.Sleep(8 * time.Second)
			r.frame(frameData, 0, 1, "x")
		}
		got := <-results
		if got.n != 3 || !errors.Is(got.err, os.ErrDeadlineExceeded) || got.took.Round(time.Second) != 34*time.Second {
			t.Errorf("%+v", got)
		}
		for range 2 {
			time.Sleep(8 * time.Second)
			r.frame(frameWindowUpdate, 0, 1, uint32Bytes(1))
		}
		got = <-results
		if got.n != 2 || !errors.Is(got.err, os.ErrDeadlineExceeded) || got.took.Round(time.Second) != 26*time.Second {
			t.Errorf("%+v", got)
		}
		r.c.Close()
		<-s.errs
	})
}

// TestQueueOfTheDead: a stream that fails while it waits for its turn does not stop
// those behind it.
func TestQueueOfTheDead(t *testing.T) {
	stay := make(chan struct{})
	s := serve(t, Limits{}, nil, func(s *Stream) {
		s.WriteHead(200, nil, false)
		if s.WriteEnd(bytes.Repeat([]byte("x"), 80_000)) != nil {
			<-stay
		}
	})
	r := dialRaw(t, s.addr)
	r.frame(frameSettings, 0, 0, setting(settingInitialWindowSize, 1<<20))
	for _, id := range []uint32{1, 3, 5} {
		r.headers(id, true, get)
	}
	for n := 0; n < initialWindow; {
		n += strings.Count(r.next(), "x")
	}
	r.frame(frameRSTStream, 0, 1, uint32Bytes(8))
	r.frame(frameRSTStream, 0, 3, uint32Bytes(8))
	r.frame(frameWindowUpdate, 0, 0, uint32Bytes(1<<20))
	for !strings.HasSuffix(r.until("DATA 5"), "END") {
	}
	close(stay)
}

// TestHeadsWait: heads that the client does not read are not piled up without bound.
func TestHeadsWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := servePipe(t, Limits{Idle: time.Hour, Write: time.Minute}, func(s *Stream) {
			s.WriteHead(200, []byte("X: "+strings.Repeat("0", 20_000)+"\r\n"), true)
		})
		r := s.dial()
		for range 2 {
			r.fr.ReadFrame()
		}
		for i := range uint32(50) {
			r.headers(2*i+1, true, get)
		}
		synctest.Wait()
		c := <-s.conns
		c.mu.Lock()
		n, waiting := len(c.out.b), len(c.streams)
		c.mu.Unlock()
		if n > maxHeads+20_000 || waiting < 30 {
			t.Errorf("%d bytes wait, and %d streams", n, waiting)
		}
		<-s.errs // the write timeout ends it
	})
}

// TestNotReading: a client that takes nothing is given up after the write timeout.
func TestNotReading(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		errs := make(chan error, 1)
		s := servePipe(t, Limits{Idle: time.Hour, Write: time.Minute}, func(s *Stream) {
			s.WriteHead(200, nil, false)
			_, err := s.Write(make([]byte, 1<<20))
			errs <- err
		})
		r := s.dial()
		for range 2 { // what the server begins with
			r.fr.ReadFrame()
		}
		r.frame(frameSettings, 0, 0, setting(settingInitialWindowSize, 1<<30))
		r.frame(frameWindowUpdate, 0, 0, uint32Bytes(1<<30))
		begin := time.Now()
		r.headers(1, true, get)
		if err := <-errs; err != ErrClosed {
			t.Errorf("Write = %v", err)
		}
		if took := time.Since(begin); took < time.Minute || took > 80*time.Second {
			t.Errorf("given up after %v", took)
		}
		if err := <-s.errs; !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("Serve = %v", err)
		}
	})
}
