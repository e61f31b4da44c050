package proxy

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/albatross-lb/albatross/internal/snapshot"
	"github.com/albatross-lb/albatross/lb"
)

// frames starts a target that speaks HTTP/2 in frames: serve is run for each connection, behind the preface and SETTINGS, with
// its number from 0.
func frames(t testing.TB, settings []http2.Setting, serve func(c *framed, n int)) string {
	var conns atomic.Int32
	return raw(t, func(nc net.Conn) {
		nc.SetDeadline(time.Now().Add(time.Minute))
		if _, err := io.ReadFull(nc, make([]byte, len(http2.ClientPreface))); err != nil {
			return
		}
		c := &framed{Framer: http2.NewFramer(nc, nc), bodies: map[uint32]string{}, ended: map[uint32]bool{}, close: func() { nc.Close() }}
		c.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
		c.WriteSettings(settings...)
		serve(c, int(conns.Add(1))-1)
		io.Copy(io.Discard, nc)
	})
}

// framed is a connection of such a target.
type framed struct {
	*http2.Framer
	bodies map[uint32]string // of requests, by their ids
	ended  map[uint32]bool
	close  func()
}

// next reads until another request has begun; 0 at the end.
func (c *framed) next() uint32 {
	for {
		f, err := c.ReadFrame()
		if err != nil {
			return 0
		}
		c.take(f)
		if f, ok := f.(*http2.MetaHeadersFrame); ok && c.bodies[f.StreamID] == "" {
			return f.StreamID
		}
	}
}

// whole reads a request to its end. It reports false if the connection ends before.
func (c *framed) whole(id uint32) bool {
	for !c.ended[id] {
		f, err := c.ReadFrame()
		if err != nil {
			return false
		}
		c.take(f)
	}
	return true
}

func (c *framed) take(f http2.Frame) {
	id := f.Header().StreamID
	switch f := f.(type) {
	case *http2.MetaHeadersFrame:
		c.ended[id] = f.StreamEnded()
	case *http2.DataFrame:
		c.bodies[id] += string(f.Data())
		c.ended[id] = f.StreamEnded()
		if n := uint32(len(f.Data())); n > 0 {
			c.WriteWindowUpdate(0, n)
		}
	}
}

// head answers with a status, and fields after that.
func (c *framed) head(id uint32, end bool, fields ...string) {
	var b bytes.Buffer
	e := hpack.NewEncoder(&b)
	e.WriteField(hpack.HeaderField{Name: ":status", Value: "200"})
	for i := 0; i < len(fields); i += 2 {
		e.WriteField(hpack.HeaderField{Name: fields[i], Value: fields[i+1], Sensitive: true})
	}
	c.WriteHeaders(http2.HeadersFrameParam{StreamID: id, EndHeaders: true, EndStream: end, BlockFragment: b.Bytes()})
}

// echo answers every request with its body, once that is there.
func (c *framed) echo() {
	for id := c.next(); id != 0; id = c.next() {
		if !c.whole(id) {
			return
		}
		c.head(id, false)
		for body := c.bodies[id]; body != ""; body = body[min(len(body), 16<<10):] {
			c.WriteData(id, false, []byte(body[:min(len(body), 16<<10)]))
		}
		c.WriteData(id, true, nil)
	}
}

// put sends a body, of announced length or not, and wants it echoed.
func put(c *http.Client, path string, size int, announced bool) error {
	body := strings.Repeat("0123456789abcdef", size/16+1)[:size]
	r, _ := http.NewRequest("PATCH", "https://shop.example"+path, strings.NewReader(body))
	if !announced && size > 0 {
		r.Body = io.NopCloser(r.Body)
		r.ContentLength = -1
		r.Trailer = http.Header{"X-Sent": {"yes"}}
	}
	if size == 0 {
		r.Body = nil
	}
	response, err := c.Do(r)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	got, err := io.ReadAll(response.Body)
	switch {
	case err != nil:
		return err
	case response.StatusCode != 200:
		return fmt.Errorf("status %d", response.StatusCode)
	case string(got) != body:
		return fmt.Errorf("%d bytes came back of %d, or others", len(got), size)
	}
	return nil
}

// TestGoAway: what a target has not looked at goes out to it again, with its body as long as that is at hand.
func TestGoAway(t *testing.T) {
	for _, c := range []struct {
		name   string
		refuse func(c *framed, id uint32)
	}{
		{"GOAWAY", func(c *framed, id uint32) { c.WriteGoAway(id-2, http2.ErrCodeNo, nil) }},
		{"GOAWAY twice", func(c *framed, id uint32) {
			c.WriteGoAway(1<<31-1, http2.ErrCodeNo, nil)
			c.WriteGoAway(id-2, http2.ErrCodeNo, nil)
		}},
		{"REFUSED_STREAM", func(c *framed, id uint32) { c.WriteRSTStream(id, http2.ErrCodeRefusedStream) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			target := frames(t, nil, func(conn *framed, n int) {
				if n == 0 {
					first := conn.next()
					conn.whole(first)
					conn.head(first, true)
					second := conn.next()
					for len(conn.bodies[second]) < 60<<10 && !conn.ended[second] {
						if f, err := conn.ReadFrame(); err == nil {
							conn.take(f)
						}
					}
					c.refuse(conn, second)
				}
				conn.echo()
			})
			for _, size := range []int{0, 1, 1000, 20_000, 60 << 10} {
				for _, announced := range []bool{true, false} {
					b := newBalancer(t, config2(lb.HTTP2, target), secured)
					client := client2(b)
					if err := put(client, "/first", 0, true); err != nil {
						t.Fatal(err)
					}
					if err := put(client, "/second", size, announced); err != nil {
						t.Errorf("%d bytes, announced %v: %v", size, announced, err)
					}
					b.close()
				}
			}
		})
	}
}

// TestGoneBody: a body whose beginning is not at hand any more cannot go out again.
func TestGoneBody(t *testing.T) {
	target := frames(t, []http2.Setting{{ID: http2.SettingInitialWindowSize, Val: 1 << 20}}, func(c *framed, _ int) {
		id := c.next()
		for len(c.bodies[id]) < 500<<10 {
			f, err := c.ReadFrame()
			if err != nil {
				return
			}
			c.take(f)
		}
		c.WriteRSTStream(id, http2.ErrCodeRefusedStream)
	})
	b := newBalancer(t, config2(lb.HTTP2, target), secured)
	if err := put(client2(b), "/", 1<<20, true); err == nil || err.Error() != "status 502" {
		t.Errorf("got %v, want 502", err)
	}
	if log := b.log(); !strings.Contains(log, "TargetRefusedStream") {
		t.Errorf("log: %s", log)
	}
}

// TestRefusedStreams: a target that refuses each time is asked a few times, and then another one is.
func TestRefusedStreams(t *testing.T) {
	var asked atomic.Int32
	refusing := frames(t, nil, func(c *framed, _ int) {
		for id := c.next(); id != 0; id = c.next() {
			asked.Add(1)
			c.WriteRSTStream(id, http2.ErrCodeRefusedStream)
		}
	})
	b := newBalancer(t, config2(lb.HTTP2, refusing), secured)
	if err := put(client2(b), "/", 100, false); err == nil || err.Error() != "status 502" || asked.Load() != maxRefused {
		t.Errorf("got %v, and the target was asked %d times", err, asked.Load())
	}
	if log := b.log(); !strings.Contains(log, "TargetRefusedStream") {
		t.Errorf("log: %s", log)
	}
	good := frames(t, nil, func(c *framed, _ int) { c.echo() })
	b = newBalancer(t, config2(lb.HTTP2, refusing, good), secured)
	client := client2(b)
	for range 4 {
		if err := put(client, "/", 100, false); err != nil {
			t.Error(err)
		}
	}
}

// TestSecretLimit: a target that takes fewer streams than it says gets further ones on other connections.
func TestSecretLimit(t *testing.T) {
	const takes, requests = 3, 10
	taken, release := make(chan bool, requests), make(chan bool)
	target := frames(t, nil, func(c *framed, _ int) {
		held := make(chan uint32, takes)
		var mu sync.Mutex // a Framer writes one frame at a time
		go func() {
			<-release
			mu.Lock()
			defer mu.Unlock()
			for range len(held) {
				c.head(<-held, true)
			}
		}()
		for id := c.next(); id != 0; id = c.next() {
			select {
			case held <- id:
				taken <- true
			default:
				mu.Lock()
				c.WriteRSTStream(id, http2.ErrCodeRefusedStream)
				mu.Unlock()
			}
		}
	})
	b := newBalancer(t, config2(lb.HTTP2, target), secured)
	client := client2(b)
	var wg sync.WaitGroup
	for range requests {
		wg.Go(func() {
			if err := put(client, "/", 0, true); err != nil {
				t.Error(err)
			}
		})
	}
	await(t, "that all are taken", func() bool { return len(taken) == requests })
	close(release)
	wg.Wait()
}

// TestClosedUnderRequest: a connection that has served others and then ends without a word takes no request with it that does
// no harm when it is done twice; a new one does, and so does one with a request of another kind.
func TestClosedUnderRequest(t *testing.T) {
	for _, c := range []struct {
		method string
		want   int
	}{{"GET", 200}, {"POST", 502}} {
		target := frames(t, nil, func(c *framed, _ int) {
			id := c.next()
			c.whole(id)
			c.head(id, true)
			c.next()
			c.close()
		})
		b := newBalancer(t, config2(lb.HTTP2, target), secured)
		client := client2(b)
		for i, want := range []int{200, c.want} {
			r, _ := http.NewRequest(c.method, "https://shop.example/", strings.NewReader("body"))
			if response, err := client.Do(r); err != nil || response.StatusCode != want {
				t.Errorf("%s, request %d: %v, %v, want %d", c.method, i, response, err, want)
			}
		}
		b.close()
	}
}

// TestNotRepeated: what a target has begun to answer, or has closed a connection of its own under, may have been done.
func TestNotRepeated(t *testing.T) {
	for name, end := range map[string]func(c *framed, id uint32){
		"refused behind an interim response": func(c *framed, id uint32) {
			var b bytes.Buffer
			hpack.NewEncoder(&b).WriteField(hpack.HeaderField{Name: ":status", Value: "103"})
			c.WriteHeaders(http2.HeadersFrameParam{StreamID: id, EndHeaders: true, BlockFragment: b.Bytes()})
			c.WriteRSTStream(id, http2.ErrCodeRefusedStream)
		},
		"closed under the first request": func(c *framed, _ uint32) { c.close() },
	} {
		t.Run(name, func(t *testing.T) {
			var asked atomic.Int32
			target := frames(t, nil, func(c *framed, _ int) {
				for id := c.next(); id != 0; id = c.next() {
					asked.Add(1)
					end(c, id)
				}
			})
			b := newBalancer(t, config2(lb.HTTP2, target), secured)
			response, err := client2(b).Get("https://shop.example/")
			if err != nil || response.StatusCode != 502 || asked.Load() != 1 {
				t.Errorf("got %v, %v, and the target was asked %d times", response, err, asked.Load())
			}
		})
	}
}

// TestNetHTTPEndsConnections: net/http says GOAWAY when a connection has been idle, and when it shuts down. Requests that come at the same
// moment are not lost by that.
func TestNetHTTPEndsConnections(t *testing.T) {
	const conns = 50
	var opened atomic.Int32
	target := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.Copy(w, r.Body) }))
	target.Config.Protocols = new(http.Protocols)
	target.Config.Protocols.SetUnencryptedHTTP2(true)
	target.Config.IdleTimeout = time.Millisecond
	target.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			opened.Add(1)
		}
	}
	target.Start()
	defer target.Close()
	b := newBalancer(t, config2(lb.HTTP2, target.Listener.Addr().String()), secured)
	client := client2(b)
	for i := 0; opened.Load() < conns; i++ {
		if err := put(client, "/", i%3*1000, i%2 == 0); err != nil {
			t.Fatal(err)
		}
		for begin := time.Now(); time.Since(begin) < time.Duration(950+i%100)*time.Microsecond; { // about as long as a connection may be idle
			runtime.Gosched()
		}
	}
}

// TestIdleUpload: a client that does not go on with a body is to blame for that, and its target is not. A call of gRPC may
// be waiting for an answer meanwhile.
func TestIdleUpload(t *testing.T) {
	for kind, want := range map[string]string{"text/plain": "408 ClientIdle", "application/grpc": "504 TargetIdle"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel() // it is a second of waiting
			target := frames(t, nil, func(c *framed, _ int) {
				for {
					f, err := c.ReadFrame()
					if err != nil {
						return
					}
					c.take(f)
				}
			})
			cfg := config2(lb.HTTP2, target)
			cfg.LoadBalancers[0].Attributes["idle_timeout.timeout_seconds"] = "1"
			b := newBalancer(t, cfg, secured)
			body, more := io.Pipe()
			defer more.Close()
			go io.WriteString(more, "some of it")
			r, _ := http.NewRequest("POST", "https://shop.example/", body)
			r.Header.Set("Content-Type", kind)
			if _, err := client2(b).Do(r); err != nil {
				t.Fatal(err)
			}
			log := b.log()
			if status, reason, _ := strings.Cut(want, " "); !strings.Contains(log, " "+status+" ") || !strings.Contains(log, `"`+reason+`"`) {
				t.Errorf("log: %s, want %s", log, want)
			}
		})
	}
}

// TestConnectionLimit: a target that has all the streams it takes, over all the connections that it may have, is passed over at
// once.
func TestConnectionLimit(t *testing.T) {
	one := []http2.Setting{{ID: http2.SettingMaxConcurrentStreams, Val: 1}}
	asked, release := make(chan bool, 10), make(chan bool)
	target := frames(t, one, func(c *framed, _ int) {
		for id := c.next(); id != 0; id = c.next() {
			asked <- true
			<-release
			c.head(id, true)
		}
	})
	b := newBalancer(t, config2(lb.HTTP2, target), func(t testing.TB, cfg *lb.Config) (*lb.Config, func(*snapshot.Options)) {
		cfg, secure := secured(t, cfg)
		return cfg, func(o *snapshot.Options) { secure(o); o.Live.MaxHTTP2 = 2 }
	})
	client := client2(b)
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			if err := put(client, "/held", 0, true); err != nil {
				t.Error(err)
			}
		})
	}
	<-asked
	<-asked
	if err := put(client, "/over", 0, true); err == nil || err.Error() != "status 503" {
		t.Errorf("got %v, want 503", err)
	}
	close(release)
	wg.Wait()
	if log := b.log(); !strings.Contains(log, "TargetConnectionLimit") {
		t.Errorf("log: %s", log)
	}
}

// BenchmarkHTTP2Target is a request over HTTP/2 on both sides, client and target included.
func BenchmarkHTTP2Target(b *testing.B) {
	target := frames(b, nil, func(c *framed, _ int) {
		for id := c.next(); id != 0; id = c.next() {
			if c.whole(id) {
				c.head(id, true)
			}
			delete(c.bodies, id)
			delete(c.ended, id)
		}
	})
	client := client2(newBalancer(b, config2(lb.HTTP2, target), secured))
	for _, size := range []int{0, 10} {
		b.Run(fmt.Sprint(size, " bytes"), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				r, _ := http.NewRequest("POST", "https://shop.example/", strings.NewReader("0123456789"[:size]))
				response, err := client.Do(r)
				if err != nil || response.StatusCode != 200 {
					b.Fatal(response, err)
				}
				response.Body.Close()
			}
		})
	}
}
