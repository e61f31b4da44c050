package http2

import (
	"cmp"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestAnsweredEarly: a request that is answered before it has ended may still end, in any way
// that it could have before, and what would have been a fault before is one still.
func TestAnsweredEarly(t *testing.T) {
	const trailer = "x-sum: 1\n"
	for _, c := range []struct {
		name, head string
		then       func(r *rawClient)
		want       []string
	}{
		{"it ends by DATA", post, func(r *rawClient) { r.frame(frameData, 1, 1, "rest") }, nil},
		{"it ends by trailers", post, func(r *rawClient) { r.headers(1, true, trailer) }, nil},
		{"it is cancelled", post, func(r *rawClient) { r.frame(frameRSTStream, 0, 1, uint32Bytes(8)) }, nil},
		{"windows of use to nobody", post, func(r *rawClient) { r.frame(frameWindowUpdate, 0, 1, uint32Bytes(10)) }, nil},
		{"it goes on", post, func(r *rawClient) { r.frame(frameData, 0, 1, "more") }, []string{"RST_STREAM 1 NO_ERROR"}},
		{"it goes on and on", post, func(r *rawClient) {
			r.frame(frameData, 0, 1, "more")
			r.frame(frameData, 0, 1, "and more")
			r.headers(1, true, trailer)
		}, []string{"RST_STREAM 1 NO_ERROR"}},
		{"it stands still", post, func(r *rawClient) { time.Sleep(time.Second) }, []string{"RST_STREAM 1 NO_ERROR"}},

		{"DATA behind the end", post, func(r *rawClient) {
			r.frame(frameData, 1, 1, "rest")
			r.frame(frameData, 1, 1, "rest")
		}, []string{"RST_STREAM 1 STREAM_CLOSED"}},
		{"HEADERS behind the end", post, func(r *rawClient) {
			r.headers(1, true, trailer)
			r.headers(1, true, trailer)
		}, []string{"GOAWAY 1 STREAM_CLOSED"}},
		{"DATA behind RST_STREAM", post, func(r *rawClient) {
			r.frame(frameRSTStream, 0, 1, uint32Bytes(8))
			r.frame(frameData, 0, 1, "more")
		}, []string{"RST_STREAM 1 STREAM_CLOSED"}},
		{"DATA behind RST_STREAM that crossed ours", post, func(r *rawClient) {
			r.frame(frameData, 0, 1, "more")
			r.frame(frameRSTStream, 0, 1, uint32Bytes(8))
			r.frame(frameData, 0, 1, "more")
		}, []string{"RST_STREAM 1 NO_ERROR", "RST_STREAM 1 STREAM_CLOSED"}},
		{"HEADERS behind RST_STREAM", post, func(r *rawClient) {
			r.frame(frameRSTStream, 0, 1, uint32Bytes(8))
			r.headers(1, true, trailer)
		}, []string{"GOAWAY 1 STREAM_CLOSED"}},
		{"trailers that do not end it", post, func(r *rawClient) { r.headers(1, false, trailer) }, []string{"RST_STREAM 1 PROTOCOL_ERROR"}},
		{"trailers with a pseudo-field", post, func(r *rawClient) { r.headers(1, true, ":path: /\n") }, []string{"RST_STREAM 1 PROTOCOL_ERROR"}},
		{"the same behind our RST_STREAM", post, func(r *rawClient) {
			r.frame(frameData, 0, 1, "more")
			r.headers(1, true, ":path: /\n")
		}, []string{"RST_STREAM 1 NO_ERROR", "RST_STREAM 1 PROTOCOL_ERROR"}},
		{"a window of nothing", post, func(r *rawClient) { r.frame(frameWindowUpdate, 0, 1, uint32Bytes(0)) }, []string{"RST_STREAM 1 PROTOCOL_ERROR"}},
		{"a window too large", post, func(r *rawClient) {
			r.frame(frameWindowUpdate, 0, 1, uint32Bytes(1<<30))
			r.frame(frameWindowUpdate, 0, 1, uint32Bytes(1<<30))
		}, []string{"RST_STREAM 1 FLOW_CONTROL_ERROR"}},
		{"a window too large for one that has ended well", "", func(r *rawClient) {
			r.frame(frameWindowUpdate, 0, 1, uint32Bytes(maxWindow))
		}, []string{"RST_STREAM 1 FLOW_CONTROL_ERROR"}},
		{"a window that SETTINGS have made room for", post, func(r *rawClient) {
			r.frame(frameSettings, 0, 0, setting(settingInitialWindowSize, 0))
			r.frame(frameWindowUpdate, 0, 1, uint32Bytes(maxWindow))
		}, nil},
		{"the length that was announced", post + "content-length: 4\n", func(r *rawClient) { r.frame(frameData, 1, 1, "rest") }, nil},
		{"less than that", post + "content-length: 5\n", func(r *rawClient) { r.frame(frameData, 1, 1, "rest") }, []string{"RST_STREAM 1 PROTOCOL_ERROR"}},
		{"more than that", post + "content-length: 3\n", func(r *rawClient) { r.frame(frameData, 0, 1, "rest") }, []string{"RST_STREAM 1 PROTOCOL_ERROR"}},
		{"trailers instead of that", post + "content-length: 3\n", func(r *rawClient) { r.headers(1, true, trailer) }, []string{"RST_STREAM 1 PROTOCOL_ERROR"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := servePipe(t, Limits{}, page)
				r := s.dial()
				r.headers(1, c.head == "", cmp.Or(c.head, get))
				r.want("HEADERS 1 :status=200", `DATA 1 "ok" END`)
				synctest.Wait() // the handler has ended
				go func() {
					c.then(r)
					r.frame(framePing, 0, 0, "12345678")
				}()
				r.want(c.want...)
				if len(c.want) == 0 || c.want[0][0] != 'G' {
					r.want("PING 3132333435363738 true")
				}
				r.c.Close()
				<-s.errs
			})
		})
	}
}

// TestManyAnsweredEarly: what is remembered is bounded, and who falls out of it is told to stop.
func TestManyAnsweredEarly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := servePipe(t, Limits{}, page)
		r := s.dial()
		stopped := 0
		for i := range uint32(40) {
			id := 2*i + 1
			r.headers(id, false, post)
			for range 2 {
				if got := r.next(); got == fmt.Sprintf("RST_STREAM %d NO_ERROR", 2*stopped+1) {
					stopped++
					r.next()
				}
			}
			synctest.Wait()
		}
		go r.frame(framePing, 0, 0, "12345678")
		for got := r.next(); got != "PING 3132333435363738 true"; got = r.next() {
			stopped++
		}
		if stopped != 8 {
			t.Errorf("%d of 40 streams were told to stop at once, want 8", stopped)
		}
		r.c.Close()
		<-s.errs
	})
}

// TestAllAnsweredEarly: what was on its way of as many requests as there may be is no fault,
// though all of them have been answered.
func TestAllAnsweredEarly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := servePipe(t, Limits{}, page)
		r := s.dial()
		over := make(chan string)
		go func() {
			for {
				if got := r.next(); strings.HasPrefix(got, "PING") || strings.HasPrefix(got, "GOAWAY") || got == "EOF" {
					over <- got
					return
				}
			}
		}()
		id := uint32(1)
		for range 5 {
			first := id
			for ; id < first+2*128; id += 2 {
				r.headers(id, false, post)
			}
			synctest.Wait()
			for range 4 {
				for stream := first; stream < id; stream += 2 {
					r.frame(frameData, 0, stream, "on its way")
				}
			}
		}
		r.frame(framePing, 0, 0, "12345678")
		if got := <-over; !strings.HasPrefix(got, "PING") {
			t.Errorf("got %s", got)
		}
		r.c.Close()
		<-s.errs
	})
}
