package http2

import (
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func uint32Bytes(v ...uint32) string {
	var b []byte
	for _, n := range v {
		b = binary.BigEndian.AppendUint32(b, n)
	}
	return string(b)
}

func setting(id uint16, value uint32) string { return string(appendSetting(nil, id, value)) }

// waitBody reads the body to its end and answers then.
func waitBody(s *Stream) {
	buf := make([]byte, 1000)
	for {
		if _, err := s.Read(buf); err != nil {
			break
		}
	}
	page(s)
}

// TestFrameErrors sends one wrong thing each, and looks at how it is told: an
// error of the connection, or of a stream.
func TestFrameErrors(t *testing.T) {
	open := func(r *rawClient) { r.headers(1, false, post) }
	done := func(r *rawClient) {
		r.headers(1, true, get)
		r.until("DATA 1")
	}
	for _, c := range []struct {
		name string
		send func(r *rawClient)
		want string
	}{
		{"no preface", nil, "GOAWAY 0 PROTOCOL_ERROR"},
		{"first frame is not SETTINGS", nil, "GOAWAY 0 PROTOCOL_ERROR"},
		{"frame too large", func(r *rawClient) { r.frame(frameData, 0, 1, strings.Repeat("x", maxFrame+1)) }, "GOAWAY 0 FRAME_SIZE_ERROR"},
		{"DATA on stream 0", func(r *rawClient) { r.frame(frameData, 0, 0, "x") }, "GOAWAY 0 PROTOCOL_ERROR"},
		{"DATA on an idle stream", func(r *rawClient) { r.frame(frameData, 0, 1, "x") }, "GOAWAY 0 PROTOCOL_ERROR"},
		{"DATA with too much padding", func(r *rawClient) { open(r); r.frame(frameData, flagPadded, 1, "\x03ab") }, "GOAWAY 1 PROTOCOL_ERROR"},
		{"DATA padded without a length", func(r *rawClient) { open(r); r.frame(frameData, flagPadded, 1, "") }, "GOAWAY 1 FRAME_SIZE_ERROR"},
		{"DATA behind END_STREAM", func(r *rawClient) { r.headers(1, true, get+"x: wait\n"); r.frame(frameData, 0, 1, "x") }, "RST_STREAM 1 STREAM_CLOSED"},
		{"DATA on a closed stream", func(r *rawClient) { done(r); r.frame(frameData, 0, 1, "x") }, "RST_STREAM 1 STREAM_CLOSED"},
		{"DATA behind the client's reset", func(r *rawClient) {
			open(r)
			r.frame(frameRSTStream, 0, 1, uint32Bytes(8))
			r.frame(frameData, 0, 1, "x")
		}, "RST_STREAM 1 STREAM_CLOSED"},
		{"HEADERS on stream 0", func(r *rawClient) { r.headers(0, true, get) }, "GOAWAY 0 PROTOCOL_ERROR"},
		{"HEADERS on an even stream", func(r *rawClient) { r.headers(2, true, get) }, "GOAWAY 0 PROTOCOL_ERROR"},
		{"HEADERS with an id that goes down", func(r *rawClient) { r.headers(5, true, get); r.until("DATA 5"); r.headers(3, true, get) }, "GOAWAY 5 PROTOCOL_ERROR"},
		{"HEADERS on a closed stream", func(r *rawClient) {
			done(r)
			r.fr.WritePing(false, [8]byte{})
			r.until("PING")
			r.headers(1, true, get)
		}, "GOAWAY 1 STREAM_CLOSED"},
		{"HEADERS behind END_STREAM", func(r *rawClient) { r.headers(1, true, get+"x: wait\n"); r.headers(1, true, "x: y\n") }, "RST_STREAM 1 STREAM_CLOSED"},
		{"HEADERS too short for priority", func(r *rawClient) { r.frame(frameHeaders, flagEndHeaders|flagPriority, 1, "abc") }, "GOAWAY 0 FRAME_SIZE_ERROR"},
		{"HEADERS depend on themselves", func(r *rawClient) {
			r.frame(frameHeaders, flagEndHeaders|flagPriority|flagEndStream, 1, uint32Bytes(1)+"\x00"+string(r.block(get)))
		}, "RST_STREAM 1 PROTOCOL_ERROR"},
		{"HEADERS interrupted", func(r *rawClient) { r.frame(frameHeaders, 0, 1, "\x82"); r.frame(framePing, 0, 0, "12345678") }, "GOAWAY 0 PROTOCOL_ERROR"},
		{"CONTINUATION of another stream", func(r *rawClient) { r.frame(frameHeaders, 0, 1, "\x82"); r.frame(frameContinuation, 4, 3, "\x82") }, "GOAWAY 0 PROTOCOL_ERROR"},
		{"CONTINUATION alone", func(r *rawClient) { r.frame(frameContinuation, 4, 1, "\x82") }, "GOAWAY 0 PROTOCOL_ERROR"},
		{"header block that is none", func(r *rawClient) { r.frame(frameHeaders, 5, 1, "\xff\xff\xff\xff\xff\xff") }, "GOAWAY 0 COMPRESSION_ERROR"},
		{"header block with index 0", func(r *rawClient) { r.frame(frameHeaders, 5, 1, "\x80") }, "GOAWAY 0 COMPRESSION_ERROR"},
		{"header block with a table too large", func(r *rawClient) { r.frame(frameHeaders, 5, 1, "\x3f\xe2\x1f\x82") }, "GOAWAY 0 COMPRESSION_ERROR"},
		{"trailers without END_STREAM", func(r *rawClient) { open(r); r.headers(1, false, "x: y\n") }, "RST_STREAM 1 PROTOCOL_ERROR"},
		{"trailers with a pseudo-field", func(r *rawClient) { open(r); r.headers(1, true, ":path: /\n") }, "RST_STREAM 1 PROTOCOL_ERROR"},
		{"trailers too large", func(r *rawClient) {
			open(r)
			r.headers(1, true, strings.Repeat("x: "+strings.Repeat("y", 3000)+"\n", 6))
		}, "RST_STREAM 1 ENHANCE_YOUR_CALM"},
		{"PRIORITY on stream 0", func(r *rawClient) { r.frame(framePriority, 0, 0, "12345") }, "GOAWAY 0 PROTOCOL_ERROR"},
		{"PRIORITY of a wrong size", func(r *rawClient) { open(r); r.frame(framePriority, 0, 1, "1234") }, "RST_STREAM 1 FRAME_SIZE_ERROR"},
		{"PRIORITY on itself", func(r *rawClient) { open(r); r.frame(framePriority, 0, 1, uint32Bytes(1)+"\x00") }, "RST_STREAM 1 PROTOCOL_ERROR"},
		{"RST_STREAM on stream 0", func(r *rawClient) { r.frame(frameRSTStream, 0, 0, "1234") }, "GOAWAY 0 PROTOCOL_ERROR"},
		{"RST_STREAM on an idle stream", func(r *rawClient) { r.frame(frameRSTStream, 0, 1, "1234") }, "GOAWAY 0 PROTOCOL_ERROR"},
		{"RST_STREAM of a wrong size", func(r *rawClient) { open(r); r.frame(frameRSTStream, 0, 1, "123") }, "GOAWAY 1 FRAME_SIZE_ERROR"},
		{"SETTINGS on a stream", func(r *rawClient) { r.frame(frameSettings, 0, 1, "") }, "GOAWAY 0 PROTOCOL_ERROR"},
		{"SETTINGS of a wrong size", func(r *rawClient) { r.frame(frameSettings, 0, 0, "12345") }, "GOAWAY 0 FRAME_SIZE_ERROR"},
		{"SETTINGS acknowledged with a payload", func(r *rawClient) { r.frame(frameSettings, flagAck, 0, "123456") }, "GOAWAY 0 FRAME_SIZE_ERROR"},
		{"SETTINGS_ENABLE_PUSH", func(r *rawClient) { r.frame(frameSettings, 0, 0, setting(settingEnablePush, 2)) }, "GOAWAY 0 PROTOCOL_ERROR"},
		{"SETTINGS_INITIAL_WINDOW_SIZE", func(r *rawClient) { r.frame(frameSettings, 0, 0, setting(settingInitialWindowSize, 1<<31)) }, "GOAWAY 0 FLOW_CONTROL_ERROR"},
		{"SETTINGS_MAX_FRAME_SIZE small", func(r *rawClient) { r.frame(frameSettings, 0, 0, setting(settingMaxFrameSize, 16383)) }, "GOAWAY 0 PROTOCOL_ERROR"},
		{"SETTINGS_MAX_FRAME_SIZE large", func(r *rawClient) { r.frame(frameSettings, 0, 0, setting(settingMaxFrameSize, 1<<24)) }, "GOAWAY 0 PROTOCOL_ERROR"},
		{"SETTINGS_ENABLE_CONNECT_PROTOCOL", func(r *rawClient) { r.frame(frameSettings, 0, 0, setting(settingEnableConnectProtocol, 2)) }, "GOAWAY 0 PROTOCOL_ERROR"},
		{"SETTINGS_NO_RFC7540_PRIORITIES", func(r *rawClient) { r.frame(frameSettings, 0, 0, setting(settingNoRFC7540Priorities, 2)) }, "GOAWAY 0 PROTOCOL_ERROR"},
		{"SETTINGS make a window too large", func(r *rawClient) {
			open(r)
			r.frame(frameWindowUpdate, 0, 1, uint32Bytes(maxWindow-initialWindow))
			r.frame(frameSettings, 0, 0, setting(settingInitialWindowSize, initialWindow+1))
		}, "GOAWAY 1 FLOW_CONTROL_ERROR"},
		{"PUSH_PROMISE", func(r *rawClient) { r.frame(framePushPromise, 4, 1, uint32Bytes(2)) }, "GOAWAY 0 PROTOCOL_ERROR"},
		{"PING on a stream", func(r *rawClient) { r.frame(framePing, 0, 1, "12345678") }, "GOAWAY 0 PROTOCOL_ERROR"},
		{"PING of a wrong size", func(r *rawClient) { r.frame(framePing, 0, 0, "1234567") }, "GOAWAY 0 FRAME_SIZE_ERROR"},
		{"GOAWAY on a stream", func(r *rawClient) { r.frame(frameGoAway, 0, 1, "12345678") }, "GOAWAY 0 PROTOCOL_ERROR"},
		{"GOAWAY of a wrong size", func(r *rawClient) { r.frame(frameGoAway, 0, 0, "1234567") }, "GOAWAY 0 FRAME_SIZE_ERROR"},
		{"WINDOW_UPDATE of a wrong size", func(r *rawClient) { r.frame(frameWindowUpdate, 0, 0, "123") }, "GOAWAY 0 FRAME_SIZE_ERROR"},
		{"WINDOW_UPDATE by 0", func(r *rawClient) { r.frame(frameWindowUpdate, 0, 0, uint32Bytes(0)) }, "GOAWAY 0 PROTOCOL_ERROR"},
		{"WINDOW_UPDATE by too much", func(r *rawClient) { r.frame(frameWindowUpdate, 0, 0, uint32Bytes(maxWindow)) }, "GOAWAY 0 FLOW_CONTROL_ERROR"},
		{"WINDOW_UPDATE on an idle stream", func(r *rawClient) { r.frame(frameWindowUpdate, 0, 1, uint32Bytes(1)) }, "GOAWAY 0 PROTOCOL_ERROR"},
		{"WINDOW_UPDATE on a stream by 0", func(r *rawClient) { open(r); r.frame(frameWindowUpdate, 0, 1, uint32Bytes(0)) }, "RST_STREAM 1 PROTOCOL_ERROR"},
		{"WINDOW_UPDATE on a stream by too much", func(r *rawClient) { open(r); r.frame(frameWindowUpdate, 0, 1, uint32Bytes(maxWindow)) }, "RST_STREAM 1 FLOW_CONTROL_ERROR"},
		{"more DATA than content-length", func(r *rawClient) { r.headers(1, false, post+"content-length: 3\n"); r.frame(frameData, 0, 1, "abcd") }, "RST_STREAM 1 PROTOCOL_ERROR"},
		{"less DATA than content-length", func(r *rawClient) { r.headers(1, false, post+"content-length: 3\n"); r.frame(frameData, 1, 1, "ab") }, "RST_STREAM 1 PROTOCOL_ERROR"},
		{"less DATA than content-length before trailers", func(r *rawClient) {
			r.headers(1, false, post+"content-length: 3\n")
			r.frame(frameData, 0, 1, "ab")
			r.headers(1, true, "x: y\n")
		}, "RST_STREAM 1 PROTOCOL_ERROR"},
	} {
		t.Run(c.name, func(t *testing.T) {
			release := make(chan struct{})
			s := serve(t, Limits{}, nil, func(s *Stream) {
				if _, wait := s.Get("x"); wait {
					<-release
					return
				}
				waitBody(s)
			})
			defer close(release)
			r := dialNaked(t, s.addr)
			switch {
			case c.name == "no preface":
				r.c.Write([]byte("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"))
			case c.send == nil:
				r.c.Write([]byte(preface))
				r.frame(framePing, 0, 0, "12345678")
			default:
				r.c.Write([]byte(preface))
				r.frame(frameSettings, 0, 0, "")
				c.send(r)
			}
			if got := r.until("GOAWAY", "RST_STREAM"); got != c.want {
				t.Fatalf("got %s, want %s", got, c.want)
			}
			if strings.HasPrefix(c.want, "GOAWAY") {
				r.want("EOF")
				return
			}
			// An error of a stream leaves the others alone.
			r.headers(101, true, get)
			r.want("HEADERS 101 :status=200", `DATA 101 "ok" END`)
		})
	}
	noGoroutines(t)
}

// TestForgiven sends what looks odd but must be taken.
func TestForgiven(t *testing.T) {
	for _, c := range []struct {
		name string
		send func(r *rawClient)
	}{
		{"unknown frame", func(r *rawClient) { r.frame(0xfa, 0xff, 7, "whatever") }},
		{"unknown setting", func(r *rawClient) { r.frame(frameSettings, 0, 0, setting(0xfafa, 1)) }},
		{"unknown flags", func(r *rawClient) { r.frame(framePriority, 0xff, 3, "\x00\x00\x00\x00\x10") }},
		{"reserved bits", func(r *rawClient) { r.frame(frameWindowUpdate, 0, 0, uint32Bytes(1<<31|1)) }},
		{"RST_STREAM twice", func(r *rawClient) {
			r.headers(1, false, post)
			r.frame(frameRSTStream, 0, 1, uint32Bytes(8))
			r.frame(frameRSTStream, 0, 1, uint32Bytes(0xffff))
		}},
		{"WINDOW_UPDATE behind the end", func(r *rawClient) {
			r.headers(1, true, get)
			r.until("DATA 1")
			r.frame(frameWindowUpdate, 0, 1, uint32Bytes(10))
		}},
		{"DATA behind our reset", func(r *rawClient) {
			r.headers(1, false, post+"x: reset\n")
			r.want("RST_STREAM 1 CANCEL")
			r.frame(frameData, 0, 1, "late")
			r.headers(1, true, "x: late\n")
		}},
		{"DATA behind our reset, while the handler runs", func(r *rawClient) {
			r.headers(1, false, post+"x: wait\n")
			r.want("RST_STREAM 1 CANCEL")
			r.frame(frameData, 0, 1, "late")
			r.headers(1, true, "x: late\n")
			r.frame(frameWindowUpdate, 0, 1, uint32Bytes(0))
			r.frame(frameRSTStream, 0, 1, uint32Bytes(0))
		}},
		{"padding", func(r *rawClient) {
			r.headers(1, false, post)
			r.frame(frameData, flagPadded|flagEndStream, 1, "\x04body\x00\x00\x00\x00")
			r.until("DATA 1")
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			release := make(chan struct{})
			defer close(release)
			s := serve(t, Limits{}, nil, func(s *Stream) {
				if x, reset := s.Get("x"); reset {
					s.Reset(Cancel)
					if string(x) == "wait" {
						<-release
					}
					return
				}
				waitBody(s)
			})
			r := dialRaw(t, s.addr)
			c.send(r)
			r.headers(101, true, get)
			r.want("HEADERS 101 :status=200", `DATA 101 "ok" END`)
		})
	}
}

// TestIdle: a connection without streams ends after the idle timeout, one with a
// stream does not, nor does one that is used.
func TestIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		s := servePipe(t, Limits{Idle: time.Minute, Write: time.Hour}, func(s *Stream) {
			<-release
			page(s)
		})
		begin := time.Now()
		idle, busy, pings := s.dial(), s.dial(), s.dial()
		busy.headers(1, true, get)
		go func() {
			for range 3 {
				time.Sleep(50 * time.Second)
				pings.fr.WritePing(false, [8]byte{})
			}
		}()
		idle.want("GOAWAY 0 NO_ERROR")
		if took := time.Since(begin); took < time.Minute || took > 2*time.Minute {
			t.Errorf("idle for %v", took)
		}
		pings.want("PING 0000000000000000 true", "PING 0000000000000000 true", "PING 0000000000000000 true", "GOAWAY 0 NO_ERROR")
		if took := time.Since(begin); took < 210*time.Second || took > 240*time.Second {
			t.Errorf("idle behind pings for %v", took)
		}
		close(release)
		busy.want("HEADERS 1 :status=200", `DATA 1 "ok" END`, "GOAWAY 1 NO_ERROR")
		for range 3 {
			if err := <-s.errs; err != nil {
				t.Errorf("Serve = %v", err)
			}
		}
	})
}

// TestIdleBehindStream: the idle timeout begins when the last stream has ended. By
// then no goroutine is kept for further ones.
func TestIdleBehindStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := servePipe(t, Limits{Idle: time.Minute}, func(s *Stream) {
			time.Sleep(50 * time.Second)
			page(s)
		})
		begin := time.Now()
		r := s.dial()
		r.headers(1, true, get)
		r.headers(3, true, get)
		for range 4 {
			r.next()
		}
		c := <-s.conns
		time.Sleep(3 * time.Second)
		c.mu.Lock()
		if n := len(c.workers.idle); n > 0 || c.free != nil {
			t.Errorf("%d workers and %d streams are kept by an idle connection", n, len(c.free))
		}
		c.mu.Unlock()
		r.want("GOAWAY 3 NO_ERROR")
		if took := time.Since(begin); took < 110*time.Second || took > 180*time.Second {
			t.Errorf("took %v", took)
		}
		<-s.errs
	})
}

// TestSlowBlock: a header block that has begun must come to its end within the idle
// timeout, however many bytes trickle in.
func TestSlowBlock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := servePipe(t, Limits{Idle: time.Minute}, page)
		r := s.dial()
		begin := time.Now()
		trickled := make(chan struct{})
		go func() {
			defer close(trickled)
			r.frame(frameHeaders, 0, 1, "\x82")
			for {
				time.Sleep(10 * time.Second)
				if _, err := r.c.Write([]byte{0}); err != nil {
					return
				}
			}
		}()
		r.want("GOAWAY 0 ENHANCE_YOUR_CALM")
		if took := time.Since(begin); took > 80*time.Second {
			t.Errorf("took %v", took)
		}
		r.c.Close()
		<-s.errs
		<-trickled
	})
}

// TestConcurrentStreams: the 129th is refused, and a reset frees no place as long
// as the handler runs.
func TestConcurrentStreams(t *testing.T) {
	release := make(chan struct{})
	s := serve(t, Limits{}, nil, func(s *Stream) { <-release; page(s) })
	r := dialRaw(t, s.addr)
	for i := range uint32(128) {
		r.headers(2*i+1, true, get)
	}
	r.headers(257, true, get)
	r.want("RST_STREAM 257 REFUSED_STREAM")
	r.frame(frameRSTStream, 0, 1, uint32Bytes(uint32(Cancel)))
	r.headers(259, true, get)
	r.want("RST_STREAM 259 REFUSED_STREAM")
	close(release)
	for range 127 * 2 {
		r.next()
	}
	r.headers(261, true, get)
	r.want("HEADERS 261 :status=200", `DATA 261 "ok" END`)
}

// TestPlaceFreedByEnd: a stream that has ended both ways counts no longer, though
// its handler is still busy.
func TestPlaceFreedByEnd(t *testing.T) {
	release := make(chan struct{})
	s := serve(t, Limits{Streams: 1}, nil, func(s *Stream) {
		page(s)
		<-release
	})
	r := dialRaw(t, s.addr)
	for id := uint32(1); id < 9; id += 2 {
		r.headers(id, true, get)
		r.want(fmt.Sprintf("HEADERS %d :status=200", id), fmt.Sprintf(`DATA %d "ok" END`, id))
	}
	close(release)
}

// TestDrain runs in fake time: a client that is held up for a second counts as silent.
func TestDrain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		s := servePipe(t, Limits{}, func(s *Stream) { <-release; page(s) })
		r := s.dial()
		r.headers(1, true, get)
		synctest.Wait()
		c := <-s.conns
		go func() { // a pipe has no buffer
			c.Drain()
			c.Drain()
		}()
		r.want("GOAWAY 2147483647 NO_ERROR", fmt.Sprintf("PING %x false", drainPing))
		r.headers(3, true, get) // was on its way
		r.fr.WritePing(true, drainPing)
		r.want("GOAWAY 3 NO_ERROR")
		r.headers(5, true, get) // was told not to
		r.frame(frameData, 0, 5, "no fault, either")
		close(release)
		got := map[string]bool{}
		for range 4 {
			got[r.next()] = true
		}
		for _, want := range []string{"HEADERS 1 :status=200", `DATA 1 "ok" END`, "HEADERS 3 :status=200", `DATA 3 "ok" END`} {
			if !got[want] {
				t.Errorf("%s is missing", want)
			}
		}
		r.want("EOF")
		if err := <-s.errs; err != nil {
			t.Errorf("Serve = %v", err)
		}
	})
	noGoroutines(t)
}

// TestDrainOfTheSilent: a client that does not answer PING is drained after a second.
func TestDrainOfTheSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := servePipe(t, Limits{}, page)
		r := s.dial()
		r.headers(1, true, get)
		r.want("HEADERS 1 :status=200", `DATA 1 "ok" END`)
		begin := time.Now()
		(<-s.conns).Drain()
		r.want("GOAWAY 2147483647 NO_ERROR", fmt.Sprintf("PING %x false", drainPing), "GOAWAY 1 NO_ERROR")
		if took := time.Since(begin); took != lastAfter {
			t.Errorf("the last id was said after %v", took)
		}
		r.c.Close()
		if err := <-s.errs; err != nil {
			t.Errorf("Serve = %v", err)
		}
	})
}

// TestDrainThenFault: the last id does not go up again (RFC 9113 section 6.8).
func TestDrainThenFault(t *testing.T) {
	release := make(chan struct{})
	s := serve(t, Limits{}, nil, func(s *Stream) { <-release })
	r := dialRaw(t, s.addr)
	r.headers(1, true, get)
	r.fr.WritePing(false, [8]byte{})
	r.want("PING 0000000000000000 true")
	(<-s.conns).Drain()
	r.until("PING")
	r.fr.WritePing(true, drainPing)
	r.want("GOAWAY 1 NO_ERROR")
	r.headers(3, true, get)
	r.frame(framePing, 0, 0, "wrong")
	r.want("GOAWAY 1 FRAME_SIZE_ERROR", "EOF")
	close(release)
}

func TestAbort(t *testing.T) {
	started := make(chan *Stream)
	ended := make(chan error)
	s := serve(t, Limits{}, nil, func(s *Stream) {
		started <- s
		_, err := s.Read(make([]byte, 1))
		ended <- err
	})
	r := dialRaw(t, s.addr)
	r.headers(1, false, post)
	<-started
	(<-s.conns).Abort()
	if err := <-ended; err != ErrClosed {
		t.Errorf("Read = %v, want ErrClosed", err)
	}
	r.want("EOF")
	r.c.Close()
	<-s.errs
	noGoroutines(t)
}

// interrupts counts.
type interrupts chan struct{}

func (i interrupts) Interrupt() { i <- struct{}{} }

func TestInterrupt(t *testing.T) {
	told := make(interrupts, 2)
	errs := make(chan error, 2)
	s := serve(t, Limits{}, nil, func(s *Stream) {
		if err := s.SetInterrupt(told); err != nil {
			t.Errorf("SetInterrupt = %v", err)
		}
		s.WriteHead(200, nil, false)
		s.Flush()
		<-told
		errs <- s.Err()
		if err := s.SetInterrupt(told); err == nil {
			t.Error("SetInterrupt on a failed stream gives no error")
		}
	})
	r := dialRaw(t, s.addr)
	r.headers(1, false, post)
	r.want("HEADERS 1 :status=200")
	r.frame(frameRSTStream, 0, 1, uint32Bytes(uint32(Cancel)))
	if err := <-errs; err == nil || err.Error() != "http2: stream reset by peer with CANCEL" {
		t.Errorf("Err = %v", err)
	}
	r.headers(3, false, post)
	r.want("HEADERS 3 :status=200")
	r.c.Close()
	if err := <-errs; err != ErrClosed {
		t.Errorf("Err = %v, want ErrClosed", err)
	}
}

// TestUnfinished: what a handler leaves open is reset.
func TestUnfinished(t *testing.T) {
	s := serve(t, Limits{}, nil, func(s *Stream) {
		switch string(s.Path) {
		case "/nothing":
		case "/half":
			s.WriteHead(200, nil, false)
			s.Write([]byte("half"))
		case "/early":
			page(s)
		}
	})
	r := dialRaw(t, s.addr)
	request := func(id uint32, path string) {
		r.headers(id, false, ":method: POST\n:scheme: https\n:authority: a.example\n:path: "+path+"\n")
	}
	request(1, "/nothing")
	r.want("RST_STREAM 1 INTERNAL_ERROR")
	request(3, "/half")
	r.want("HEADERS 3 :status=200", `DATA 3 "half"`, "RST_STREAM 3 INTERNAL_ERROR")
	request(5, "/early")
	r.want("HEADERS 5 :status=200", `DATA 5 "ok" END`, "RST_STREAM 5 NO_ERROR")
}
