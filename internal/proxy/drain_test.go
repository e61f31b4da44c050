package proxy

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
)

// A client of a load balancer that is stopping is answered once more on each connection that it has
// kept alive, and is told that this was the last time.
func TestDrain(t *testing.T) {
	for _, secure := range []bool{false, true} {
		for _, driver := range []string{"loop", "goroutine"} {
			for name, play := range drains {
				t.Run(fmt.Sprintf("secure=%v/%s/%s", secure, driver, name), func(t *testing.T) {
					t.Parallel()
					play(newDraining(t, secure, driver == "goroutine"))
				})
			}
		}
	}
}

// draining is a connection of which one request has been answered.
type draining struct {
	t       *testing.T
	b       *balancer
	s       *Session
	c       net.Conn
	in      *bufio.Reader
	targets chan net.Conn // that the load balancer has opened
	target  net.Conn
	asked   *bufio.Reader
}

func newDraining(t *testing.T, secure, goroutine bool) *draining {
	d := &draining{t: t, targets: make(chan net.Conn, 1)}
	ended := make(chan struct{})
	t.Cleanup(func() { close(ended) })
	target := raw(t, func(c net.Conn) { d.targets <- c; <-ended })
	var variants []variant
	if secure {
		variants = append(variants, secured)
	}
	d.b = newBalancer(t, config(target), variants...)
	if goroutine {
		d.b.mu.Lock()
		d.b.opened = func(s *Session) { s.turn = turn{} } // without a loop
		d.b.mu.Unlock()
	}
	plain := d.b.dial()
	d.c = plain.TCPConn
	if secure {
		d.c = tls.Client(d.c, &tls.Config{InsecureSkipVerify: true})
	}
	d.in = bufio.NewReader(d.c)
	d.send("/first")
	d.target = <-d.targets
	d.asked = bufio.NewReader(d.target)
	d.answer()
	d.receives(false)
	d.s = d.b.last()
	d.rests()
	return d
}

func (d *draining) send(path string) {
	d.t.Helper()
	if _, err := fmt.Fprintf(d.c, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", path); err != nil {
		d.t.Fatal(err)
	}
}

// reaches waits until the target has the request.
func (d *draining) reaches() {
	d.t.Helper()
	if _, err := http.ReadRequest(d.asked); err != nil {
		d.t.Fatal(err)
	}
}

func (d *draining) write(text string) {
	d.t.Helper()
	if _, err := io.WriteString(d.target, text); err != nil {
		d.t.Fatal(err)
	}
}

func (d *draining) answer() {
	d.t.Helper()
	d.reaches()
	d.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
}

// receives reads a response, which says that it is the last or does not.
func (d *draining) receives(last bool) {
	d.t.Helper()
	r, err := http.ReadResponse(d.in, nil)
	if err != nil {
		d.t.Fatal("reading the response: ", err)
	}
	if body, err := io.ReadAll(r.Body); string(body) != "ok" || err != nil {
		d.t.Fatalf("the body is %q, %v", body, err)
	}
	if r.Close != last {
		d.t.Fatalf("Connection: close is %v, want %v", r.Close, last)
	}
}

// ends insists that the connection ends here, by FIN.
func (d *draining) ends() {
	d.t.Helper()
	if rest, err := io.ReadAll(d.in); err != nil || len(rest) > 0 {
		d.t.Fatalf("the connection goes on with %q, %v; want its end", rest, err)
	}
}

// rests waits until the session waits for a request.
func (d *draining) rests() {
	d.t.Helper()
	await(d.t, "a session at rest", func() bool { return d.s.state.Load() == waiting || d.s.restsInLoop() })
}

var drains = map[string]func(*draining){
	"asked after": func(d *draining) {
		d.s.Drain()
		d.send("/second")
		d.answer()
		d.receives(true)
		d.ends()
	},
	"asked before": func(d *draining) {
		d.send("/second")
		d.reaches()
		d.s.Drain()
		d.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
		d.receives(true)
		d.ends()
	},
	"answered in part": func(d *draining) {
		d.send("/second")
		d.reaches()
		d.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no")
		d.in.Peek(1) // its head has gone out
		d.s.Drain()
		d.write("k")
		d.receives(false)
		d.send("/third")
		d.answer()
		d.receives(true)
		d.ends()
	},
	"not asked any more": func(d *draining) {
		d.s.Drain()
		d.s.CloseIdle()
		d.ends()
	},
	"not asked and answered in part": func(d *draining) {
		d.send("/second")
		d.reaches()
		d.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no")
		d.in.Peek(1)
		d.s.CloseIdle()
		d.write("k")
		d.receives(false)
		d.ends()
	},
}
