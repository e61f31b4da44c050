package client

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestAnswerLength(t *testing.T) {
	for _, c := range []struct {
		name, data string
		length     int
		bad        string
	}{
		{"half a head", "HTTP/1.1 200 OK\r\nContent-Len", 0, ""},
		{"a head and its body", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", 40, ""},
		{"another spelling", "HTTP/1.1 200 OK\r\ncontent-length:20\r\nA: b\r\n\r\n", 64, ""},
		{"another status", "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n", 0, "502 Bad Gateway"},
		{"no length", "HTTP/1.1 200 OK\r\nA: b\r\n\r\n", 0, "without a length"},
		{"no number", "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", 0, "length"},
	} {
		got, err := answerLength([]byte(c.data))
		if c.bad != "" && (err == nil || !strings.Contains(err.Error(), c.bad)) || c.bad == "" && err != nil || got != c.length {
			t.Errorf("%s: %d, %v; want %d, %q", c.name, got, err, c.length, c.bad)
		}
	}
}

// serve answers requests on loopback until the test ends. It is told the number of each.
func serve(t *testing.T, answer func(i int, r *http.Request) string) (address string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	numbers := make(chan int)
	done := make(chan struct{})
	t.Cleanup(func() { close(done) })
	go func() {
		for i := 0; ; i++ {
			select {
			case numbers <- i:
			case <-done:
				return
			}
		}
	}()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				in := bufio.NewReader(c)
				for {
					r, err := http.ReadRequest(in)
					if err != nil {
						return
					}
					io.Copy(io.Discard, r.Body)
					out := answer(<-numbers, r)
					if _, err := io.WriteString(c, out); err != nil || strings.Contains(out, "close") {
						return
					}
				}
			}()
		}
	}()
	return l.Addr().String()
}

const ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

func TestRepeat(t *testing.T) {
	var wrong string
	address := serve(t, func(i int, r *http.Request) string {
		if r.Method != http.MethodPost || r.ContentLength != MiB {
			wrong = fmt.Sprint(r.Method, r.ContentLength)
		}
		if i%3 == 2 {
			return strings.Replace(ok, "\r\n", "\r\nConnection: close\r\n", 1)
		}
		return ok
	})
	for done, d := 0, 50*time.Millisecond; done < 4; d *= 2 { // for longer as long as that is too short for a busy machine
		var err error
		if done, err = Repeat(context.Background(), address, Upload(address, "/up"), 2, d); err != nil || wrong != "" || d > time.Minute {
			t.Fatalf("%d answers in %v, %v, %s", done, d, err, wrong)
		}
	}
	address = serve(t, func(int, *http.Request) string { return "HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n" })
	if _, err := Repeat(context.Background(), address, Download(address, "/"), 2, time.Minute); err == nil || !strings.Contains(err.Error(), "503") {
		t.Errorf("an answer of 503 gives %v", err)
	}
}

func TestRest(t *testing.T) {
	address := serve(t, func(int, *http.Request) string { return ok })
	idle, err := Rest(context.Background(), address, false, Download(address, "/"), 40)
	if err != nil || len(idle.connections) != 40 {
		t.Fatalf("%v", err)
	}
	idle.Close()
}

// A pause must be seen by every request that was due in it, not by those alone that were under way.
func TestScheduleOmitsNothing(t *testing.T) {
	const rate, pause = 500, 200 * time.Millisecond
	over := sync.OnceValue(func() <-chan struct{} { // the pause, which begins with the first request that calls this
		c := make(chan struct{})
		time.AfterFunc(pause, func() { close(c) })
		return c
	})
	address := serve(t, func(i int, _ *http.Request) string {
		if i >= rate/5 {
			<-over()
		}
		return ok
	})
	taken, err := Schedule(address, Download(address, "/"), 2, rate, time.Second)
	if err != nil {
		t.Skip(err)
	}
	slow := 0
	for _, d := range taken {
		if d > pause/10 {
			slow++
		}
	}
	// 100 were due in the pause, 90 of them more than a tenth of it before its end.
	if len(taken) != rate || slow < 60 || taken.At(1) < pause/2 {
		t.Errorf("%d answers, %d of them slow, the slowest %v", len(taken), slow, taken.At(1))
	}
	if taken.At(0) > taken.At(0.5) || taken.At(0.5) > taken.At(0.99) {
		t.Error("the latencies are not sorted")
	}
}
