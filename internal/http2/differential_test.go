package http2

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"strings"
	"sync"
	"testing"

	nethttp2 "golang.org/x/net/http2"
)

// theirClient is x/net's client, to our server.
func theirClient(t testing.TB, s *server, secure bool) *http.Client {
	tr := &nethttp2.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, AllowHTTP: true}
	if !secure {
		tr.DialTLSContext = func(ctx context.Context, network, addr string, _ *tls.Config) (net.Conn, error) {
			return net.Dial(network, addr)
		}
	}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr}
}

// behave is a handler that does what the path says.
func behave(s *Stream) {
	switch path := string(s.Path); path {
	case "/echo":
		s.WriteHead(200, []byte("Trailer: X-Sum\r\n"), false)
		buf, n := make([]byte, 10_000), 0
		for {
			got, err := s.Read(buf)
			if got > 0 {
				n += got
				if _, err := s.Write(buf[:got]); err != nil {
					return
				}
			}
			if err != nil {
				break
			}
		}
		sum := fmt.Sprint(n)
		if v, ok := s.Trailer().Get("x-more"); ok {
			sum += " " + string(v)
		}
		s.WriteTrailers([]byte("X-Sum: " + sum + "\r\n"))
	case "/large":
		s.WriteHead(200, []byte("Content-Type: text/plain\r\n"), false)
		chunk := bytes.Repeat([]byte("0123456789"), 1000)
		for range 300 {
			if _, err := s.Write(chunk); err != nil {
				return
			}
		}
		s.Close()
	case "/interim":
		s.WriteHead(103, []byte("Link: </style.css>\r\n"), false)
		s.WriteHead(100, nil, false)
		s.WriteHead(200, []byte("Content-Length: 2\r\n"), false)
		s.WriteEnd([]byte("ok"))
	case "/fields":
		var lines []byte
		for i := range s.Len() {
			lines = append(append(append(lines, "Seen-"...), s.Name(i)...), ": "...)
			lines = append(append(lines, s.Value(i)...), "\r\n"...)
		}
		lines = append(lines, "Connection: close\r\nKeep-Alive: 5\r\nTransfer-Encoding: chunked\r\nUpgrade: h2c\r\nEmpty:\r\nLong: "...)
		lines = append(append(lines, strings.Repeat("l", 40_000)...), "\r\n"...)
		s.WriteHead(404, lines, true)
	case "/early":
		s.WriteHead(413, nil, true)
	case "/head":
		s.WriteHead(200, []byte("Content-Length: 1000\r\n"), true)
	case "/reset":
		s.Reset(EnhanceYourCalm)
	}
}

func TestTheirClient(t *testing.T) {
	for _, secure := range []bool{true, false} {
		tc := testTLS()
		if !secure {
			tc = nil
		}
		s := serve(t, Limits{}, tc, behave)
		client := theirClient(t, s, secure)
		scheme := map[bool]string{true: "https", false: "http"}[secure]
		base := scheme + "://" + s.addr
		t.Run(scheme, func(t *testing.T) { exchanges(t, client, base) })
		client.CloseIdleConnections()
	}
}

// exchanges is a round of requests, the same for every client and server.
func exchanges(t *testing.T, client *http.Client, base string) {
	var wg sync.WaitGroup
	for i := range 30 {
		wg.Go(func() { echo(t, client, base, i*i*i*20) })
	}
	for range 10 {
		wg.Go(func() {
			resp, err := client.Get(base + "/large")
			if err != nil {
				t.Error(err)
				return
			}
			n, err := io.Copy(io.Discard, resp.Body)
			if n != 3_000_000 || err != nil {
				t.Errorf("/large: %d bytes, %v", n, err)
			}
			resp.Body.Close()
		})
	}
	wg.Wait()
	t.Run("interim", func(t *testing.T) {
		var seen []string
		ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
			seen = append(seen, fmt.Sprint(code, h.Get("Link")))
			return nil
		}})
		req, _ := http.NewRequestWithContext(ctx, "GET", base+"/interim", nil)
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(resp.Body)
		if got := strings.Join(seen, "|"); got != "103</style.css>|100" || string(body) != "ok" {
			t.Errorf("%s, %s", got, body)
		}
	})
	t.Run("fields", func(t *testing.T) {
		req, _ := http.NewRequest("GET", base+"/fields", nil)
		req.Header.Set("X-One", "1")
		req.Header.Set("Cookie", "a=1; b=2; c=3")
		req.Header.Set("X-Big", strings.Repeat("b", 10_000))
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		h := resp.Header
		if resp.StatusCode != 404 || h.Get("Seen-X-One") != "1" || h.Get("Seen-Cookie") != "a=1; b=2; c=3" || len(h.Get("Seen-X-Big")) != 10_000 ||
			len(h.Get("Long")) != 40_000 || h.Get("Connection")+h.Get("Keep-Alive")+h.Get("Transfer-Encoding")+h.Get("Upgrade") != "" || h["Empty"] == nil {
			t.Errorf("%d %.200v", resp.StatusCode, h)
		}
	})
	t.Run("early", func(t *testing.T) {
		resp, err := client.Post(base+"/early", "text/plain", io.LimitReader(zeros{}, 1<<30))
		if err != nil || resp.StatusCode != 413 {
			t.Fatal(resp, err)
		}
		resp.Body.Close()
	})
	t.Run("head", func(t *testing.T) {
		resp, err := client.Head(base + "/head")
		if err != nil || resp.ContentLength != 1000 {
			t.Fatal(resp, err)
		}
		resp.Body.Close()
	})
	t.Run("reset", func(t *testing.T) {
		_, err := client.Get(base + "/reset")
		var reset nethttp2.StreamError
		if !errors.As(err, &reset) || reset.Code != nethttp2.ErrCodeEnhanceYourCalm {
			t.Errorf("%v", err)
		}
	})
	t.Run("cancel", func(t *testing.T) {
		for range 20 {
			ctx, cancel := context.WithCancel(t.Context())
			req, _ := http.NewRequestWithContext(ctx, "GET", base+"/large", nil)
			resp, err := client.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			io.ReadFull(resp.Body, make([]byte, 20_000))
			cancel()
			resp.Body.Close()
		}
		echo(t, client, base, 100_000)
	})
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// echo sends n bytes with a trailer and wants them back.
func echo(t *testing.T, client *http.Client, base string, n int) {
	body := bytes.Repeat([]byte("echo"), n/4)
	req, _ := http.NewRequest("POST", base+"/echo", io.MultiReader(bytes.NewReader(body))) // of unknown length
	req.Trailer = http.Header{"X-More": {"more"}}
	resp, err := client.Do(req)
	if err != nil {
		t.Error(err)
		return
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	if !bytes.Equal(got, body) || err != nil {
		t.Errorf("%d of %d bytes came back: %v", len(got), len(body), err)
	}
	if sum := resp.Trailer.Get("X-Sum"); sum != fmt.Sprint(len(body), " more") {
		t.Errorf("X-Sum: %s, want %d more", sum, len(body))
	}
}
