package retail

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/albatross-lb/albatross/retail/request"
)

// What a whole request costs over a kept connection, beyond what net/http takes for the same request to a handler that does
// nothing: CPU time of the process, client included, which is the same for both. The budget is 8 microseconds.
//
// The two take turns, a few milliseconds each, and what is reported is the median of their differences in the quietest quarter of
// turns: other work on the machine slows neighbours in time alike, and never makes anything faster. On one processor, for with two the scheduler's hand-overs make figures of
// their own:
//
//	go test -run '^$' -bench Served -cpu 1 -count 3 ./retail
func BenchmarkServed(b *testing.B) {
	open, _ := newServer(b, false)
	closed, _ := newServer(b, true)
	closed.Now = time.Now
	bearer, err := closed.Tokens.Issue("ann")
	if err != nil {
		b.Fatal(err)
	}
	open.Log, closed.Log = slog.New(slog.DiscardHandler), slog.New(slog.DiscardHandler)
	nothing := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	for _, bench := range []struct {
		name    string
		handler http.Handler
		header  string
	}{
		{"predict", open, ""},
		{"with a token", closed, "Authorization: Bearer " + bearer + "\r\n"},
	} {
		b.Run(bench.name, func(b *testing.B) {
			empty, full := connect(b, nothing, bench.header), connect(b, bench.handler, bench.header)
			var turns []turn
			for b.Loop() {
				turns = append(turns, turn{empty.turn(b), full.turn(b)})
			}
			nothing, more := quietest(turns)
			b.ReportMetric(nothing, "nothing-cpu-ns")
			b.ReportMetric(more, "more-cpu-ns")
		})
	}
}

// turn is what one request cost, in nanoseconds.
type turn struct{ nothing, all float64 }

// quietest returns the medians over the quarter of turns that cost least in all.
func quietest(turns []turn) (nothing, more float64) {
	slices.SortFunc(turns, func(a, b turn) int { return cmp.Compare(a.nothing+a.all, b.nothing+b.all) })
	var base, differences []float64
	for _, t := range turns[:(len(turns)+3)/4] {
		base, differences = append(base, t.nothing), append(differences, t.all-t.nothing)
	}
	slices.Sort(base)
	slices.Sort(differences)
	return base[len(base)/2], differences[len(differences)/2]
}

// turnLength is how many requests a turn has.
const turnLength = 200

// connection is a server and one connection to it, over which the documented question is asked.
type connection struct {
	net.Conn
	question, answer []byte
}

func connect(b *testing.B, handler http.Handler, header string) *connection {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	server := &http.Server{Handler: handler}
	go server.Serve(l)
	b.Cleanup(func() { server.Shutdown(context.Background()) })
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { c.Close() })
	question := fmt.Appendf(nil, "POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n%sContent-Length: %d\r\n\r\n%s", header, len(documented), documented)
	all := &connection{c, question, make([]byte, 4096)}
	for range 5 {
		all.turn(b)
	}
	return all
}

// turn asks and returns the CPU time of one request in nanoseconds.
func (c *connection) turn(b *testing.B) float64 {
	before := cpu(b)
	for range turnLength {
		if _, err := c.Write(c.question); err != nil {
			b.Fatal(err)
		}
		n, err := c.Read(c.answer) // small enough to come in one piece
		if err != nil || string(c.answer[:15]) != "HTTP/1.1 200 OK" {
			b.Fatalf("%s, %v", c.answer[:n], err)
		}
	}
	return float64(cpu(b)-before) / turnLength
}

// cpu is the time that processors have spent on this process.
func cpu(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func BenchmarkBatch10000(b *testing.B) {
	s, _ := newServer(b, false)
	s.Log = slog.New(slog.DiscardHandler)
	row := documented[len(`{"features": `) : len(documented)-1]
	body := `{"instances":[` + strings.Repeat(row+",", request.MaxRows-1) + row + `]}`
	w := nullWriter{http.Header{}}
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		r, err := http.ReadRequest(bufio.NewReader(strings.NewReader("POST /batch-predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n\r\n")))
		if err != nil {
			b.Fatal(err)
		}
		r.Body = io.NopCloser(strings.NewReader(body))
		s.ServeHTTP(w, r)
	}
}
