package retail

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/albatross-lb/albatross/retail/request"
)

// What a whole request costs over a kept connection, beside what net/http takes for a handler that does nothing: CPU time
// of the process, client included, which is the same for all. The budget is 8 microseconds between "nothing" and "predict".
//
// On one processor, for with two the scheduler's hand-overs make figures of their own:
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
	for _, bench := range []struct {
		name    string
		handler http.Handler
		header  string
	}{
		{"nothing", http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}), ""},
		{"predict", open, ""},
		{"predict with a token", closed, "Authorization: Bearer " + bearer + "\r\n"},
	} {
		b.Run(bench.name, func(b *testing.B) { overConnection(b, bench.handler, bench.header) })
	}
}

func overConnection(b *testing.B, handler http.Handler, header string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	server := &http.Server{Handler: handler}
	go server.Serve(l)
	defer server.Shutdown(context.Background())
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	question := fmt.Appendf(nil, "POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n%sContent-Length: %d\r\n\r\n%s", header, len(documented), documented)
	answer := make([]byte, 4096)
	ask := func() int {
		if _, err := c.Write(question); err != nil {
			b.Fatal(err)
		}
		n, err := c.Read(answer) // small enough to come in one piece
		if err != nil || string(answer[:15]) != "HTTP/1.1 200 OK" {
			b.Fatalf("%s, %v", answer[:n], err)
		}
		return n
	}
	for range 1000 {
		ask()
	}
	before := cpu(b)
	for b.Loop() {
		ask()
	}
	b.ReportMetric(float64(cpu(b)-before)/float64(b.N), "cpu-ns/op")
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
