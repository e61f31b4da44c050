package http2

import (
	"io"
	"strings"
	"testing"
	"time"
)

// heldBytes is how many bytes the peer makes the connection keep, besides a header
// block that is coming in.
func (c *Conn) heldBytes() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := c.held + cap(c.out.b) + len(c.enc.table.text) + inboxSize + tableSize
	for _, s := range c.streams {
		if s.body.mem != nil {
			n += len(*s.body.mem)
		}
	}
	return n
}

// TestFloods: what keeps us busy for nothing ends in ENHANCE_YOUR_CALM, within a
// second and with little held.
func TestFloods(t *testing.T) {
	id := func(i int) uint32 { return uint32(2*i + 1) }
	for _, c := range []struct {
		name  string
		begin func(r *rawClient)
		each  func(r *rawClient, i int)
	}{
		{"rapid reset", nil, func(r *rawClient, i int) {
			r.headers(id(i), true, get)
			r.frame(frameRSTStream, 0, id(i), uint32Bytes(8))
		}},
		{"rapid reset of uploads", nil, func(r *rawClient, i int) {
			r.headers(id(i), false, post)
			r.frame(frameData, 0, id(i), "body")
			r.frame(frameRSTStream, 0, id(i), uint32Bytes(8))
		}},
		{"too many streams", nil, func(r *rawClient, i int) { r.headers(id(i), true, get) }},
		{"malformed requests", nil, func(r *rawClient, i int) { r.headers(id(i), true, "x: y\n") }},
		{"empty names", nil, func(r *rawClient, i int) {
			r.frame(frameHeaders, 5, id(i), strings.Repeat("\x00\x00\x00", 100))
		}},
		{"MadeYouReset by windows", nil, func(r *rawClient, i int) {
			r.headers(id(i), true, get)
			r.frame(frameWindowUpdate, 0, id(i), uint32Bytes(maxWindow))
		}},
		{"MadeYouReset by windows of nothing", nil, func(r *rawClient, i int) {
			r.headers(id(i), true, get)
			r.frame(frameWindowUpdate, 0, id(i), uint32Bytes(0))
		}},
		{"MadeYouReset by DATA", nil, func(r *rawClient, i int) {
			r.headers(id(i), true, get)
			r.frame(frameData, 0, id(i), "x")
		}},
		{"MadeYouReset by HEADERS", nil, func(r *rawClient, i int) {
			r.headers(id(i), true, get)
			r.headers(id(i), true, get)
		}},
		{"MadeYouReset by PRIORITY", nil, func(r *rawClient, i int) {
			r.headers(id(i), true, get)
			r.frame(framePriority, 0, id(i), uint32Bytes(id(i))+"\x00")
		}},
		{"MadeYouReset by content-length", nil, func(r *rawClient, i int) {
			r.headers(id(i), false, post+"content-length: 1\n")
			r.frame(frameData, 1, id(i), "xx")
		}},
		{"CONTINUATION", func(r *rawClient) { r.frame(frameHeaders, 0, 1, "\x82") },
			func(r *rawClient, i int) { r.frame(frameContinuation, 0, 1, strings.Repeat("\x82", 16000)) }},
		{"tiny CONTINUATION", func(r *rawClient) { r.frame(frameHeaders, 0, 1, "\x82") },
			func(r *rawClient, i int) { r.frame(frameContinuation, 0, 1, "\x82") }},
		{"empty CONTINUATION", func(r *rawClient) { r.frame(frameHeaders, 0, 1, "\x82") },
			func(r *rawClient, i int) { r.frame(frameContinuation, 0, 1, "") }},
		{"PING", nil, func(r *rawClient, i int) { r.frame(framePing, 0, 0, "12345678") }},
		{"PING acknowledged", nil, func(r *rawClient, i int) { r.frame(framePing, flagAck, 0, "12345678") }},
		{"SETTINGS", nil, func(r *rawClient, i int) { r.frame(frameSettings, 0, 0, "") }},
		{"large SETTINGS", nil, func(r *rawClient, i int) {
			r.frame(frameSettings, 0, 0, strings.Repeat(setting(settingInitialWindowSize, uint32(i)), 2000))
		}},
		{"SETTINGS acknowledged", nil, func(r *rawClient, i int) { r.frame(frameSettings, flagAck, 0, "") }},
		{"empty DATA", func(r *rawClient) { r.headers(1, false, post) }, func(r *rawClient, i int) { r.frame(frameData, 0, 1, "") }},
		{"padding alone", func(r *rawClient) { r.headers(1, false, post) },
			func(r *rawClient, i int) { r.frame(frameData, flagPadded, 1, "\x02\x00\x00") }},
		{"DATA on a closed stream", func(r *rawClient) { r.headers(1, false, post); r.frame(frameRSTStream, 0, 1, uint32Bytes(8)) },
			func(r *rawClient, i int) { r.frame(frameRSTStream, 0, 1, uint32Bytes(8)) }},
		{"WINDOW_UPDATE", nil, func(r *rawClient, i int) { r.frame(frameWindowUpdate, 0, 0, uint32Bytes(1)) }},
		{"a byte of DATA for each WINDOW_UPDATE", func(r *rawClient) {
			r.frame(frameSettings, 0, 0, setting(settingInitialWindowSize, 0))
			r.headers(1, true, get+"x: large\n")
		}, func(r *rawClient, i int) { r.frame(frameWindowUpdate, 0, 1, uint32Bytes(1)) }},
		{"a byte of DATA for each PING", func(r *rawClient) { r.headers(1, false, post) }, func(r *rawClient, i int) {
			r.frame(frameData, 0, 1, "x")
			r.frame(framePing, 0, 0, "12345678")
		}},
		{"PING for each byte that a window lets out", func(r *rawClient) {
			r.frame(frameSettings, 0, 0, setting(settingInitialWindowSize, 0))
			r.headers(1, true, get+"x: large\n")
		}, func(r *rawClient, i int) {
			r.frame(frameWindowUpdate, 0, 1, uint32Bytes(1))
			r.frame(framePing, 0, 0, "12345678")
		}},
		{"rapid reset of uploads that have begun", nil, func(r *rawClient, i int) {
			r.headers(id(i), false, post)
			r.frame(frameData, 0, id(i), strings.Repeat("x", 100))
			r.frame(frameRSTStream, 0, id(i), uint32Bytes(8))
		}},
		{"MadeYouReset behind a head", nil, func(r *rawClient, i int) {
			r.headers(id(i), true, get+"x: head\n")
			r.frame(frameWindowUpdate, 0, id(i), uint32Bytes(0))
		}},
		{"PRIORITY", nil, func(r *rawClient, i int) { r.frame(framePriority, 0, id(i), uint32Bytes(0)+"\x00") }},
		{"unknown frames", nil, func(r *rawClient, i int) { r.frame(0x77, 0, 0, "") }},
		{"GOAWAY", func(r *rawClient) { r.headers(1, false, post) }, func(r *rawClient, i int) { r.frame(frameGoAway, 0, 0, "12345678") }},
		{"header bomb", func(r *rawClient) {
			r.headers(1, true, get)
			r.frame(frameHeaders, 5, 3, "\x40\x01x\x7f\xa1\x1e"+strings.Repeat("y", 4000)) // 1 of the table's entries
		}, func(r *rawClient, i int) { r.frame(frameHeaders, 5, id(i+2), strings.Repeat("\xbe", 16000)) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			release := make(chan struct{})
			s := serve(t, Limits{}, nil, func(s *Stream) {
				if x, special := s.Get("x"); special {
					s.WriteHead(200, nil, false)
					if string(x) == "large" {
						s.WriteEnd(make([]byte, 1<<20))
						return
					}
				}
				<-release // a slow handler: resetting must not free its place
			})
			r := dialRaw(t, s.addr)
			conn := <-s.conns
			told := make(chan string, 1)
			go func() { told <- r.until("GOAWAY") }()
			begin := time.Now()
			if c.begin != nil {
				c.begin(r)
			}
			most := 0
			for i := 0; len(told) == 0 && time.Since(begin) < 20*time.Second; i++ {
				c.each(r, i)
				if i%16 == 0 {
					most = max(most, conn.heldBytes())
				}
			}
			if got := <-told; !strings.HasSuffix(got, "ENHANCE_YOUR_CALM") {
				t.Errorf("got %s", got)
			}
			if _, err := io.Copy(io.Discard, r.c); time.Since(begin) > 20*time.Second {
				t.Errorf("closed after %v (%v)", time.Since(begin), err)
			}
			if most += blockSize; most > 256<<10 {
				t.Errorf("%d bytes held", most)
			}
			r.c.Close()
			close(release)
			<-s.errs
		})
	}
	noGoroutines(t)
}

// TestDribble: a window of a byte at a time makes a frame of a byte each, and that
// comes to an end, though it is not fast at all.
func TestDribble(t *testing.T) {
	s := serve(t, Limits{}, nil, func(s *Stream) {
		s.WriteHead(200, nil, false)
		s.Write(make([]byte, 10_000))
	})
	r := dialRaw(t, s.addr)
	r.frame(frameSettings, 0, 0, setting(settingInitialWindowSize, 0))
	r.headers(1, true, get)
	r.until("HEADERS")
	for i := 0; ; i++ {
		r.frame(frameWindowUpdate, 0, 1, uint32Bytes(1))
		if got := r.next(); strings.HasPrefix(got, "GOAWAY") {
			break
		}
		if i > 4000 {
			t.Fatalf("%d frames of a byte", i)
		}
	}
}

// TestHeldBytes: the worst that one connection can hold without doing anything wrong.
func TestHeldBytes(t *testing.T) {
	release := make(chan struct{})
	s := serve(t, Limits{}, nil, func(s *Stream) { <-release })
	r := dialRaw(t, s.addr)
	conn := <-s.conns
	large := strings.Repeat("a: "+strings.Repeat("!", 15<<10)+"\n", 2)
	for i := range uint32(60) {
		r.frame(frameHeaders, 0, 2*i+1, string(r.block(post)))
		block := r.block(large)
		r.frame(frameContinuation, 0, 2*i+1, string(block[:16<<10]))
		r.frame(frameContinuation, 4, 2*i+1, string(block[16<<10:]))
	}
	for i := range uint32(3) {
		r.frame(frameData, 0, 2*i+1, strings.Repeat("x", 16<<10))
		r.frame(frameData, 0, 2*i+1, strings.Repeat("x", 16<<10))
	}
	r.frame(framePing, 0, 0, "all read")
	refused := 0
	for got := ""; !strings.HasPrefix(got, "PING"); {
		if got = r.next(); strings.HasSuffix(got, "REFUSED_STREAM") {
			refused++
		}
	}
	if n := conn.heldBytes() + 32<<10; refused != 57 || n > 256<<10 || n < 200<<10 { // 32 KiB of a header block could come
		t.Errorf("%d bytes held, %d streams refused", n, refused)
	}
	close(release)
}

// TestBusyClientIsNoFlood: clients that do much, and cancel much, but useful things.
func TestBusyClientIsNoFlood(t *testing.T) {
	s := serve(t, Limits{}, nil, func(s *Stream) {
		if _, err := io.Copy(io.Discard, s); err == nil {
			page(s)
		}
	})
	r := dialRaw(t, s.addr)
	places := make(chan bool, 50)
	go func() {
		for i := range uint32(5000) {
			if i%3 != 0 {
				places <- true
			}
			r.headers(2*i+1, false, post)
			r.frame(frameData, 0, 2*i+1, "hello")
			switch {
			case i%3 == 0:
				r.frame(frameRSTStream, 0, 2*i+1, uint32Bytes(8))
			default:
				r.frame(frameData, 1, 2*i+1, "world")
				r.frame(frameWindowUpdate, 0, 0, uint32Bytes(2))
				r.frame(framePing, 0, 0, "12345678")
			}
		}
		r.frame(framePing, 0, 0, "the last")
	}()
	done := 0
	for {
		got := r.next()
		if strings.HasPrefix(got, "GOAWAY") || got == "EOF" {
			t.Fatalf("%s after %d requests", got, done)
		}
		if strings.HasPrefix(got, "DATA") {
			done++
			<-places
		}
		if strings.HasPrefix(got, "PING "+"746865206c617374") {
			break
		}
	}
	if done < 3000 {
		t.Errorf("%d requests were answered", done)
	}
}

func TestPurseEarns(t *testing.T) {
	now := time.Now()
	p := newPurse(now)
	for range maxResets {
		if p.spendReset() != nil {
			t.Fatal("spent too early")
		}
	}
	if p.spendReset() == nil {
		t.Fatal("not spent")
	}
	p.refill(now.Add(3 * time.Second))
	if p.resets != 3*resetsPerSecond-1 {
		t.Errorf("%d after three seconds", p.resets)
	}
	p.refill(now.Add(time.Hour))
	p.served()
	if p.resets != maxResets || p.noise != maxNoise {
		t.Errorf("%d and %d after an hour", p.resets, p.noise)
	}
}
