package http2

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// message is a gRPC message of the shortest kind, about.
const message = "\x00\x00\x00\x00\x05hello"

const manyMessages = 3000

// TestPingsBehindData: gRPC measures by PINGs behind DATA how much may be under way.
func TestPingsBehindData(t *testing.T) {
	down := func(s *Stream) error {
		for range manyMessages {
			if _, err := s.Write([]byte(message)); err != nil {
				return err
			}
		}
		return s.WriteEnd(nil)
	}
	up := func(t *testing.T, s io.Reader) {
		if n, err := io.Copy(io.Discard, s); n != manyMessages*int64(len(message)) || err != nil {
			t.Errorf("%d bytes came, %v", n, err)
		}
	}
	send := func(r *rawClient) {
		for range manyMessages {
			r.frame(frameData, 0, 1, message)
			r.frame(framePing, 0, 0, "12345678")
		}
		r.frame(frameData, flagEndStream, 1, "")
	}
	// answer sends a PING behind each DATA frame that it gets.
	answer := func(t *testing.T, r *rawClient) {
		t.Helper()
		for {
			switch got := r.next(); {
			case strings.HasSuffix(got, " END"):
				return
			case strings.HasPrefix(got, "DATA"):
				r.frame(framePing, 0, 0, "12345678")
			case got == "EOF" || strings.HasPrefix(got, "GOAWAY") || strings.HasPrefix(got, "ERROR"):
				t.Fatal(got)
			}
		}
	}
	t.Run("of a client that gets messages", func(t *testing.T) {
		s := serve(t, Limits{}, nil, func(s *Stream) {
			s.WriteHead(200, nil, false)
			down(s)
		})
		r := dialRaw(t, s.addr)
		r.frame(frameSettings, 0, 0, setting(settingInitialWindowSize, 1<<20))
		r.frame(frameWindowUpdate, 0, 0, uint32Bytes(1<<20))
		r.headers(1, true, get)
		answer(t, r)
	})
	t.Run("of a client that sends messages", func(t *testing.T) {
		s := serve(t, Limits{}, nil, func(s *Stream) {
			up(t, s)
			page(s)
		})
		r := dialRaw(t, s.addr)
		r.headers(1, false, post)
		go send(r)
		r.until("HEADERS 1 :status=200")
	})
	t.Run("of a target that gets messages", func(t *testing.T) {
		r := dialTarget(t, Limits{})
		defer r.c.Close()
		s, err := r.conn.Open(&Call{Method: []byte("POST"), Scheme: []byte("http"), Path: []byte("/")})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Release()
		sent := make(chan error)
		go func() { sent <- down(s) }()
		r.frame(frameSettings, 0, 0, setting(settingInitialWindowSize, 1<<20))
		r.frame(frameWindowUpdate, 0, 0, uint32Bytes(1<<20))
		answer(t, r.rawClient)
		if err := <-sent; err != nil {
			t.Error(err)
		}
	})
	t.Run("of a target that sends messages", func(t *testing.T) {
		r := dialTarget(t, Limits{})
		defer r.c.Close()
		s, err := r.conn.Open(getCall)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Release()
		go func() {
			for r.next() != "EOF" {
			}
		}()
		r.headers(1, false, ":status: 200\n")
		go send(r.rawClient)
		if _, err := s.ReadHead(); err != nil {
			t.Fatal(err)
		}
		up(t, s)
	})
}

// TestPingsAreNotPiledUp: a client that earns PINGs by DATA, and does not read what they
// are answered with, is not read from, and given up in the end.
func TestPingsAreNotPiledUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := servePipe(t, Limits{}, func(s *Stream) { io.Copy(io.Discard, s) })
		r := s.dial()
		for range 2 { // what the server begins with; nothing after it is read
			r.fr.ReadFrame()
		}
		c := <-s.conns
		r.headers(1, false, post)
		both := append(appendFrameHeader(nil, len(message), frameData, 0, 1), message...)
		both = append(appendFrameHeader(both, 8, framePing, 0, 0), "12345678"...)
		most := 0
		for i := 0; ; i++ {
			if _, err := r.c.Write(both); err != nil {
				break
			}
			if i%100 == 0 {
				most = max(most, c.heldBytes())
			}
			if i > 1e5 {
				t.Fatal("goes on and on")
			}
		}
		if most > 256<<10 {
			t.Errorf("%d bytes held", most)
		}
		if err := <-s.errs; !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("Serve = %v", err)
		}
		r.c.Close()
	})
}

// TestCancelledIsNoFlood: streams that were answered in part, or whose deadline has passed,
// may be reset as often as there are any.
func TestCancelledIsNoFlood(t *testing.T) {
	const rounds = 20 // of 100 streams
	held := func(s *Stream) {
		gone := make(interrupts, 1)
		if s.SetInterrupt(gone) == nil {
			<-gone
		}
		s.SetInterrupt(nil)
	}
	answered := func(s *Stream) {
		if s.WriteHead(200, nil, false) == nil {
			s.Write([]byte(message))
		}
		held(s)
	}
	for _, c := range []struct {
		name    string
		handler func(*Stream)
		lived   time.Duration
		atOnce  int // that many more are given up at once
	}{
		{"answered in part", answered, 0, 0},
		{"deadlines of 20 ms", held, 20 * time.Millisecond, 0},
		{"deadlines of a second", held, time.Second, 0},
		{"not the most are given up at once", held, 20 * time.Millisecond, 100},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := servePipe(t, Limits{}, c.handler)
				r := s.dial()
				over := make(chan string)
				go func() {
					for {
						switch got := r.next(); {
						case strings.HasPrefix(got, "HEADERS"), strings.HasPrefix(got, "DATA"):
						default:
							over <- got
							return
						}
					}
				}()
				id := uint32(1)
				for range rounds {
					first := id
					for range 100 {
						r.headers(id, true, get)
						id += 2
					}
					synctest.Wait()
					time.Sleep(c.lived)
					for ; first < id; first += 2 {
						r.frame(frameRSTStream, 0, first, uint32Bytes(uint32(Cancel)))
					}
					for range c.atOnce {
						r.headers(id, true, get)
						r.frame(frameRSTStream, 0, id, uint32Bytes(uint32(Cancel)))
						id += 2
					}
				}
				r.frame(framePing, 0, 0, "12345678")
				if got := <-over; !strings.HasPrefix(got, "PING") {
					t.Errorf("got %s", got)
				}
				r.c.Close()
				<-s.errs
			})
		})
	}
}

// TestPlaceOfALeaver: the reader waits for the place of a stream that the client has reset,
// once and for a moment only if its handler does not end.
func TestPlaceOfALeaver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		s := servePipe(t, Limits{Streams: 1}, func(s *Stream) {
			<-release
			page(s)
		})
		r := s.dial()
		begin := time.Now()
		r.headers(1, true, get)
		go func() {
			r.frame(frameRSTStream, 0, 1, uint32Bytes(uint32(Cancel)))
			for id := uint32(3); id < 50; id += 2 {
				r.headers(id, true, get)
			}
		}()
		for id := 3; id < 50; id += 2 {
			r.want(fmt.Sprintf("RST_STREAM %d REFUSED_STREAM", id))
		}
		if took := time.Since(begin); took != leaveTime {
			t.Errorf("waited for %v, want %v", took, leaveTime)
		}
		close(release)
		synctest.Wait()
		r.headers(51, true, get)
		r.want("HEADERS 51 :status=200", `DATA 51 "ok" END`)
		r.c.Close()
		<-s.errs
	})
}

// TestTargetOfSmallWindows: a target may take as little at a time as it wants to.
func TestTargetOfSmallWindows(t *testing.T) {
	const size = 3 * minWindows
	r := dialTarget(t, Limits{})
	defer r.c.Close()
	r.frame(frameSettings, 0, 0, setting(settingInitialWindowSize, 0))
	r.fr.ReadFrame() // the acknowledgement
	s, err := r.conn.Open(&Call{Method: []byte("POST"), Scheme: []byte("http"), Path: []byte("/")})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Release()
	sent := make(chan error)
	go func() {
		_, err := s.Write(make([]byte, size))
		sent <- err
	}()
	r.until("HEADERS 1")
	for range size {
		r.frame(frameWindowUpdate, 0, 1, uint32Bytes(1))
		r.until("DATA 1")
	}
	if err := <-sent; err != nil {
		t.Error(err)
	}
}
