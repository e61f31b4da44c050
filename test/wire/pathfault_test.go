package wire

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestFaultFragment: a target with '#' is refused in every form.
func TestFaultFragment(t *testing.T) {
	t.Parallel()
	f := startFault(t, "12-fragment-in-target", startOK(t))
	for target, want := range map[string]int{
		"/admin.html": 403, "/other.html": 200,
		"/admin.html#x": 400, "/admin.html#.png": 400, "http://shop.example.com/admin.html#x": 400, "http://shop.example.com#x": 400,
	} {
		if status, _ := askFor(t, f.http, target); status != want {
			t.Errorf("%s: %d, want %d", target, status, want)
		}
	}
}

// TestFaultTrailers: an answer arrives whole without the trailers that may not be ones.
func TestFaultTrailers(t *testing.T) {
	t.Parallel()
	body := strings.Repeat("x", 100_000)
	for _, trailer := range []string{"ETag", "Server-Timing", "Content-Type", "Cache-Control", "Set-Cookie", "Location", "Content-Length", "Transfer-Encoding"} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		go answerRaw(l, fmt.Sprintf("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\nX-Sum: 1\r\n%s: 1\r\n\r\n", len(body), body, trailer))
		f := startFault(t, "13-response-trailers-cut", l.Addr())
		r, err := http.Get("http://" + f.http)
		if err != nil {
			t.Fatalf("%s: %v", trailer, err)
		}
		got, err := io.ReadAll(r.Body)
		r.Body.Close()
		if r.StatusCode != http.StatusOK || string(got) != body || err != nil || r.Trailer.Get("X-Sum") != "1" {
			t.Errorf("%s: %s with %d bytes and trailers %v, %v", trailer, r.Status, len(got), r.Trailer, err)
		}
	}
}

// answerRaw answers each request without a body by these bytes.
func answerRaw(l net.Listener, answer string) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer c.Close()
			for in := bufio.NewReader(c); ; {
				if _, err := http.ReadRequest(in); err != nil {
					return
				}
				io.WriteString(c, answer) //nolint:errcheck // the next read tells
			}
		}()
	}
}

// TestFaultClosedUploads: uploads cost no connections.
func TestFaultClosedUploads(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n, _ := io.Copy(io.Discard, r.Body)
		fmt.Fprint(w, n)
	})}
	go server.Serve(l) //nolint:errcheck // ends with the test
	t.Cleanup(func() { server.Close() })
	f := startFault(t, "17-needless-close-after-post", l.Addr())
	c, err := net.Dial("tcp", f.http)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(patience))
	in := bufio.NewReader(c)
	for i := range 900 {
		size := []int{10_000, 30_000, 100_000}[i%3]
		fmt.Fprintf(c, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n", size)
		c.Write(bytes.Repeat([]byte("x"), size)) //nolint:errcheck // reading tells
		r, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatal(err)
		}
		if body, _ := io.ReadAll(r.Body); string(body) != fmt.Sprint(size) || r.Close {
			t.Fatalf("upload %d of %d bytes: %q, Connection: close is %v", i, size, body, r.Close)
		}
	}
}
