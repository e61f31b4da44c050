package console

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"testing"
	"time"
)

// startServing serves the console on loopback and gives its address.
func startServing(t *testing.T, o Options) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- New(o).Serve(ctx, l) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return l.Addr().String()
}

func connectTo(t *testing.T, address string) (net.Conn, *bufio.Reader) {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(time.Minute))
	return c, bufio.NewReader(c)
}

// asks sends a request and gives the status; 0 where the connection ends without an answer.
func asks(c net.Conn, in *bufio.Reader, path string) int {
	io.WriteString(c, "GET "+path+" HTTP/1.1\r\nHost: localhost\r\n\r\n") //nolint:errcheck // reading tells
	r, err := http.ReadResponse(in, nil)
	if err != nil {
		return 0
	}
	io.Copy(io.Discard, r.Body)
	return r.StatusCode
}

// Connections at rest, and those that never say anything or begin to say something, give way to who asks.
func TestIdleConnectionsGiveWay(t *testing.T) {
	for name, occupy := range map[string]func(net.Conn, *bufio.Reader){
		"kept alive": func(c net.Conn, in *bufio.Reader) { asks(c, in, "/readyz") },
		"silent":     func(net.Conn, *bufio.Reader) {},
		"half a head": func(c net.Conn, _ *bufio.Reader) {
			io.WriteString(c, "GET /readyz HTTP/1.1\r\nHost: local")
		},
	} {
		t.Run(name, func(t *testing.T) {
			address := startServing(t, options())
			for range 2 * maxConnections {
				occupy(connectTo(t, address))
			}
			for range 3 {
				c, in := connectTo(t, address)
				if status := asks(c, in, "/readyz"); status != 200 {
					t.Fatalf("a probe gets %d", status)
				}
			}
		})
	}
}

// A request under way keeps its place. While all places are taken so, one more connection is closed at once, and none
// waits.
func TestRequestsUnderWayKeepTheirPlaces(t *testing.T) {
	o, entered, released := options(), make(chan struct{}), make(chan struct{})
	o.Metrics = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		entered <- struct{}{}
		<-released
		io.WriteString(w, "albatross_up 1\n")
	})
	address := startServing(t, o)
	answers := make(chan int, maxConnections)
	for range maxConnections {
		c, in := connectTo(t, address)
		go func() { answers <- asks(c, in, "/metrics") }()
		<-entered
	}
	c, in := connectTo(t, address)
	if status := asks(c, in, "/readyz"); status != 0 {
		t.Errorf("there was no place, and yet the answer is %d", status)
	}
	close(released)
	for range maxConnections {
		if status := <-answers; status != 200 {
			t.Errorf("a request under way got %d", status)
		}
	}
	c, in = connectTo(t, address)
	if status := asks(c, in, "/readyz"); status != 200 {
		t.Errorf("afterwards a probe gets %d", status)
	}
}
