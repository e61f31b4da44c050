package proxy

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/albatross-lb/albatross/lb"
)

// serve2 starts a target that speaks HTTP/2 in plaintext.
func serve2(t testing.TB, h http.HandlerFunc) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: h, Protocols: new(http.Protocols)}
	s.Protocols.SetUnencryptedHTTP2(true)
	go s.Serve(l)
	t.Cleanup(func() { s.Close() })
	return l.Addr().String()
}

func config2(version lb.ProtocolVersion, targets ...string) *lb.Config {
	cfg := config(targets...)
	cfg.TargetGroups["shop/web:80"].ProtocolVersion = version
	return cfg
}

func TestHTTP2Targets(t *testing.T) {
	target := serve2(t, func(w http.ResponseWriter, r *http.Request) {
		n, err := io.Copy(io.Discard, r.Body)
		w.Header().Set("X-Seen", fmt.Sprintf("%s %s %s %s %d %s %v", r.Proto, r.Method, r.Host, r.RequestURI, n, r.Header.Get("X-Forwarded-For"), err))
		w.Header().Set(http.TrailerPrefix+"X-Sum", r.Trailer.Get("X-Sent"))
		io.WriteString(w, strings.Repeat("z", int(n)))
	})
	b := newBalancer(t, config2(lb.HTTP2, target), secured)
	c := client2(b)
	for _, size := range []int{0, 1, 20 << 10, 300 << 10} {
		for _, announced := range []bool{true, false} {
			r, _ := http.NewRequest("PUT", "https://shop.example/x?y", bytes.NewReader(make([]byte, size)))
			if !announced {
				r.Body = io.NopCloser(r.Body)
				r.ContentLength = -1
				r.Trailer = http.Header{"X-Sent": {"yes"}}
			}
			response, err := c.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(response.Body)
			if want := fmt.Sprintf("HTTP/2.0 PUT shop.example:80 /x?y %d 127.0.0.1 <nil>", size); response.Header.Get("X-Seen") != want || len(body) != size || err != nil {
				t.Errorf("size %d: seen %q, want %q; %d bytes back, %v", size, response.Header.Get("X-Seen"), want, len(body), err)
			}
			if !announced && response.Trailer.Get("X-Sum") != "yes" {
				t.Errorf("size %d: trailers %v", size, response.Trailer)
			}
		}
	}
}

// TestHTTP2BothWays: each message of one side is answered before the next is sent.
func TestHTTP2BothWays(t *testing.T) {
	target := serve2(t, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(200)
		w.(http.Flusher).Flush()
		buf := make([]byte, 64)
		for {
			n, err := r.Body.Read(buf)
			w.Write(bytes.ToUpper(buf[:n]))
			w.(http.Flusher).Flush()
			if err != nil {
				w.Header().Set(http.TrailerPrefix+"Grpc-Status", "0")
				return
			}
		}
	})
	b := newBalancer(t, config2(lb.GRPC, target), secured)
	in, out := io.Pipe()
	r, _ := http.NewRequest("POST", "https://shop.example/echo.Echo/Talk", in)
	r.Header.Set("Content-Type", "application/grpc")
	response, err := client2(b).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 64)
	for _, word := range []string{"one", "two", "three"} {
		io.WriteString(out, word)
		if n, err := io.ReadFull(response.Body, buf[:len(word)]); string(buf[:n]) != strings.ToUpper(word) || err != nil {
			t.Fatalf("%s came back as %q, %v", word, buf[:n], err)
		}
	}
	out.Close()
	if rest, err := io.ReadAll(response.Body); len(rest) > 0 || err != nil || response.Trailer.Get("Grpc-Status") != "0" {
		t.Errorf("at the end: %q, %v, trailers %v", rest, err, response.Trailer)
	}
	if log := b.log(); !strings.HasPrefix(log, "grpcs ") {
		t.Errorf("log: %s", log)
	}
}

func TestProtocolMismatch(t *testing.T) {
	for _, test := range []struct {
		version lb.ProtocolVersion
		method  string
		kind    string
		want    int
	}{
		{lb.GRPC, "GET", "", 464}, {lb.GRPC, "POST", "application/grpc", 200}, {lb.HTTP2, "GET", "", 200}, {lb.HTTP1, "POST", "application/grpc+proto", 464},
	} {
		start := serve2
		if test.version == lb.HTTP1 {
			start = serve
		}
		b := newBalancer(t, config2(test.version, start(t, func(http.ResponseWriter, *http.Request) {})), secured)
		r, _ := http.NewRequest(test.method, "https://shop.example/", nil)
		r.Header.Set("Content-Type", test.kind)
		if response, err := client2(b).Do(r); err != nil || response.StatusCode != test.want {
			t.Errorf("%s %s to a group of %s: %v, %v, want %d", test.method, test.kind, test.version, response, err, test.want)
		}
	}
}

func TestHTTP2TargetThatRefusesIsPassedOver(t *testing.T) {
	good := serve2(t, func(w http.ResponseWriter, r *http.Request) { io.Copy(w, r.Body) })
	b := newBalancer(t, config2(lb.HTTP2, unused(t), good), secured)
	c := client2(b)
	for range 4 {
		response, err := c.Post("https://shop.example/", "text/plain", strings.NewReader("hello"))
		if err != nil {
			t.Fatal(err)
		}
		if body, _ := io.ReadAll(response.Body); response.StatusCode != 200 || string(body) != "hello" {
			t.Fatalf("got %d %q", response.StatusCode, body)
		}
	}
}
