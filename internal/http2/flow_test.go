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

	nethttp2 "golang.org/x/net/http2"
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

// TestConnectionWindow: bodies that nobody reads take a connection's window up, also those
// of requests that have been answered.
func TestConnectionWindow(t *testing.T) {
	release := make(chan struct{})
	s := serve(t, Limits{Streams: 1}, nil, func(s *Stream) {
		page(s)
		<-release
	})
	r := dialRaw(t, s.addr)
	for _, id := range []uint32{1, 3} {
		r.headers(id, false, post)
		r.data(id, initialWindow)
		r.frame(frameData, flagEndStream, id, "")
		r.want(fmt.Sprintf("HEADERS %d :status=200", id), fmt.Sprintf(`DATA %d "ok" END`, id))
	}
	r.headers(5, false, post)
	r.frame(frameData, 0, 5, "x") // the window was that of one stream, and a step
	r.want("HEADERS 5 :status=200", `DATA 5 "ok" END`)
	r.frame(frameData, 0, 5, "x")
	r.want("GOAWAY 5 FLOW_CONTROL_ERROR")
	close(release)
}

// data sends n bytes of DATA.
func (r *rawClient) data(id uint32, n int) {
	for ; n > 0; n -= min(n, maxFrame) {
		r.frame(frameData, 0, id, strings.Repeat("x", min(n, maxFrame)))
	}
}

// upload sends n bytes of DATA as windows allow, and takes part in the connection's.
func (r *rawClient) upload(id uint32, n int, conn *int) {
	r.t.Helper()
	stream := initialWindow
	for n > 0 {
		if size := min(n, maxFrame, stream, *conn); size > 0 {
			r.data(id, size)
			n, stream, *conn = n-size, stream-size, *conn-size
			continue
		}
		f, err := r.fr.ReadFrame()
		if err != nil {
			r.t.Fatalf("%v; stream %d has %d bytes to send, a window of %d, and %d of the connection's", err, id, n, stream, *conn)
		}
		if f, ok := f.(*nethttp2.WindowUpdateFrame); ok {
			switch f.StreamID {
			case 0:
				*conn += int(f.Increment)
			case id:
				stream += int(f.Increment)
			}
		}
	}
}

// TestStalledUploads: however many requests are not read, the last one moves, also over many
// windows; and all that they make us hold is their windows.
func TestStalledUploads(t *testing.T) {
	for _, stalled := range []uint32{1, 2, 50, 127} {
		t.Run(fmt.Sprint(stalled), func(t *testing.T) {
			const size = 10 * connStep
			release := make(chan struct{})
			defer close(release)
			s := serve(t, Limits{}, nil, func(s *Stream) {
				if _, moves := s.Get("moves"); !moves {
					<-release
					return
				}
				if n, err := io.Copy(io.Discard, s); n != size || err != nil {
					t.Errorf("%d bytes came, %v", n, err)
				}
				page(s)
			})
			r := dialRaw(t, s.addr)
			conn := initialWindow
			for i := range stalled {
				r.headers(2*i+1, false, post)
				r.upload(2*i+1, initialWindow, &conn)
			}
			id := 2*stalled + 1
			r.headers(id, false, post+"moves: yes\n")
			r.upload(id, size, &conn)
			c := <-s.conns
			if n := c.heldBytes(); n > int(stalled+1)<<16+256<<10 {
				t.Errorf("%d bytes held", n)
			}
			r.frame(frameData, 0, 1, "x") // beyond its window
			r.until("RST_STREAM 1 FLOW_CONTROL_ERROR")
			r.frame(frameData, flagEndStream, id, "")
			r.until(fmt.Sprintf("DATA %d \"ok\" END", id))
		})
	}
}

// TestStalledDownloads: the same for responses of a target whose clients do not read.
func TestStalledDownloads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const size = 10 * connStep
		r := dialTarget(t, Limits{})
		r.frame(frameSettings, 0, 0, setting(settingMaxConcurrentStreams, 128))
		begin := func(id uint32) *Stream {
			s, err := r.conn.Open(getCall)
			if err != nil {
				t.Fatal(err)
			}
			r.until(fmt.Sprintf("HEADERS %d", id))
			r.headers(id, false, ":status: 200\n")
			return s
		}
		r.fr.ReadFrame() // the acknowledgement
		var streams []*Stream
		for i := range uint32(127) {
			streams = append(streams, begin(2*i+1))
			r.data(2*i+1, initialWindow)
		}
		last := begin(255)
		read := make(chan error)
		go func() {
			n, err := io.Copy(io.Discard, last)
			if n != size || err != nil {
				err = fmt.Errorf("%d bytes, %w", n, err)
			}
			read <- err
		}()
		go func() {
			for sent := 0; sent < size; sent += connStep / 4 {
				r.data(255, connStep/4)
				synctest.Wait()
			}
			r.frame(frameData, flagEndStream, 255, "")
		}()
		go func() {
			for r.next() != "EOF" {
			}
		}()
		if err := <-read; err != nil {
			t.Error(err)
		}
		r.c.Close()
		for _, s := range append(streams, last) {
			s.Release()
		}
		<-r.served
	})
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

// TestDryConnection: where a target does not read what it was sent, and the connection's window
// is used up, uploads go to another connection; to that one only if there may be no other.
func TestDryConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		postCall := func() *Call { return &Call{Method: []byte("POST"), Scheme: []byte("http"), Path: []byte("/")} }
		r := newTargets(t, 2)
		// upload sends more than a window.
		upload := func() chan error {
			done := make(chan error, 1)
			go func() {
				s, err := r.Open(t.Context(), postCall())
				if err == nil {
					_, err = s.Write(make([]byte, 100_000))
					s.Release()
				}
				done <- err
			}()
			return done
		}
		// takes reads a whole window, and no more.
		takes := func(target *rawClient, id uint32) {
			target.until(fmt.Sprintf("HEADERS %d", id))
			for n := 0; n < initialWindow; {
				n += strings.Count(target.until("DATA "), `\x00`)
			}
		}
		first := upload()
		one := r.accept()
		one.greet("")
		takes(one, 1)
		moment := upload() // the window may be back in a moment
		one.until("HEADERS 3")
		time.Sleep(dryAfter)
		get := r.open(1) // needs no window
		one.until("HEADERS 5")
		second := upload()
		two := r.accept()
		two.greet("")
		takes(two, 1)
		time.Sleep(dryAfter)
		third := upload() // there may be no third connection
		one.until("HEADERS 7")
		for _, target := range []*rawClient{one, two} {
			go func() {
				for got := ""; got != "EOF"; got = target.next() {
				}
			}()
			target.frame(frameSettings, 0, 0, setting(settingInitialWindowSize, 1<<20))
			target.frame(frameWindowUpdate, 0, 0, uint32Bytes(1<<20))
		}
		one.answer([]uint32{5})
		all(t, get, 1)
		for _, done := range []chan error{first, moment, second, third} {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
		fourth := upload() // the first connection has a window again
		if err := <-fourth; err != nil {
			t.Error(err)
		}
		r.none("windows are back")
	})
}
