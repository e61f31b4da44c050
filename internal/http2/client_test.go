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
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	nethttp2 "golang.org/x/net/http2"
)

// roundTripper makes an http.RoundTripper of a Transport, so that it can run what
// x/net's client runs.
type roundTripper struct{ t *Transport }

func (r roundTripper) RoundTrip(req *http.Request) (*http.Response, error) {
	var lines bytes.Buffer
	req.Header.Write(&lines)
	for name := range req.Trailer {
		fmt.Fprintf(&lines, "Trailer: %s\r\n", name)
	}
	if req.ContentLength > 0 {
		fmt.Fprintf(&lines, "Content-Length: %d\r\n", req.ContentLength)
	}
	s, err := r.t.Open(req.Context(), &Call{Method: []byte(req.Method), Scheme: []byte(req.URL.Scheme), Authority: []byte(req.URL.Host),
		Path: []byte(req.URL.RequestURI()), Lines: lines.Bytes(), End: req.Body == nil})
	if err != nil {
		return nil, err
	}
	body := &responseBody{s: s, req: req, sent: make(chan struct{})}
	go body.send()
	cancelled := make(chan struct{})
	stop := context.AfterFunc(req.Context(), func() { s.Reset(Cancel); close(cancelled) })
	status, err := s.ReadHead()
	for err == nil && status < 200 {
		if trace := contextTrace(req.Context()); trace != nil {
			link, _ := s.Get("link")
			trace(status, http.Header{"Link": {string(link)}})
		}
		status, err = s.ReadHead()
	}
	body.stop = func() {
		if !stop() {
			<-cancelled
		}
	}
	if err != nil {
		body.Close()
		return nil, err
	}
	body.resp = &http.Response{StatusCode: status, ProtoMajor: 2, Header: headerOf(&s.Header), Body: body, ContentLength: s.ContentLength, Request: req, Trailer: http.Header{}}
	return body.resp, nil
}

func headerOf(h *Header) http.Header {
	out := http.Header{}
	for i := range h.Len() {
		out.Add(string(h.Name(i)), string(h.Value(i)))
	}
	return out
}

type responseBody struct {
	s    *Stream
	req  *http.Request
	resp *http.Response
	stop func()
	sent chan struct{}
	once sync.Once
}

func (b *responseBody) send() {
	defer close(b.sent)
	if b.req.Body == nil {
		return
	}
	buf := make([]byte, 20_000)
	for {
		n, err := b.req.Body.Read(buf)
		if _, failed := b.s.Write(buf[:n]); failed != nil {
			return
		}
		if err != nil {
			break
		}
	}
	var lines bytes.Buffer
	b.req.Trailer.Write(&lines)
	b.s.WriteTrailers(lines.Bytes())
}

func (b *responseBody) Read(p []byte) (int, error) {
	n, err := b.s.Read(p)
	if err == io.EOF {
		for k, v := range headerOf(b.s.Trailer()) {
			b.resp.Trailer[k] = v
		}
	}
	return n, err
}

func (b *responseBody) Close() error {
	b.once.Do(func() {
		b.stop()
		b.s.Reset(Cancel)
		<-b.sent
		b.s.Release()
	})
	return nil
}

type traceKey struct{}

func contextTrace(ctx context.Context) func(int, http.Header) {
	f, _ := ctx.Value(traceKey{}).(func(int, http.Header))
	return f
}

// TestOurClient runs the same exchanges by our client against our server.
func TestOurClient(t *testing.T) {
	s := serve(t, Limits{}, nil, behave)
	tr := NewTransport(func(ctx context.Context) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "tcp", s.addr)
	}, Limits{}, 0)
	defer tr.Close()
	ourExchanges(t, tr, "http://"+s.addr, "/")
}

// TestTheirServer runs them against x/net's server.
func TestTheirServer(t *testing.T) {
	l, err := tls.Listen("tcp", "127.0.0.1:0", testTLS())
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: http.HandlerFunc(behaveTheirs)}
	if err := nethttp2.ConfigureServer(srv, nil); err != nil {
		t.Fatal(err)
	}
	go srv.Serve(l)
	defer srv.Close()
	tr := NewTransport(func(ctx context.Context) (net.Conn, error) {
		d := tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}}}
		return d.DialContext(ctx, "tcp", l.Addr().String())
	}, Limits{}, 0)
	defer tr.Close()
	ourExchanges(t, tr, "https://"+l.Addr().String(), "/")
}

func behaveTheirs(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/echo":
		w.Header().Set("Trailer", "X-Sum")
		w.WriteHeader(200)
		http.NewResponseController(w).EnableFullDuplex()
		n, _ := io.Copy(w, r.Body)
		w.Header().Set("X-Sum", fmt.Sprint(n, " ", r.Trailer.Get("X-More")))
	case "/large":
		w.Write(bytes.Repeat([]byte("0123456789"), 300_000))
	case "/interim":
		w.Header().Set("Link", "</style.css>")
		w.WriteHeader(103)
		w.Write([]byte("ok"))
	case "/head":
		w.Header().Set("Content-Length", "1000")
	case "/early":
		w.WriteHeader(413)
	case "/reset":
		panic(http.ErrAbortHandler)
	}
}

func ourExchanges(t *testing.T, tr *Transport, base, _ string) {
	client := &http.Client{Transport: roundTripper{tr}}
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() { echo(t, client, base, i*i*i*50) })
	}
	for range 10 {
		wg.Go(func() {
			resp, err := client.Get(base + "/large")
			if err != nil {
				t.Error(err)
				return
			}
			defer resp.Body.Close()
			if n, err := io.Copy(io.Discard, resp.Body); n != 3_000_000 || err != nil {
				t.Errorf("/large: %d bytes, %v", n, err)
			}
		})
	}
	wg.Wait()
	var seen string
	ctx := context.WithValue(t.Context(), traceKey{}, func(status int, h http.Header) { seen += fmt.Sprint(status, h.Get("Link"), "|") })
	req, _ := http.NewRequestWithContext(ctx, "GET", base+"/interim", nil)
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	if body, _ := io.ReadAll(resp.Body); string(body) != "ok" || !strings.HasPrefix(seen, "103</style.css>|") {
		t.Errorf("/interim: %q, %s", body, seen)
	}
	resp.Body.Close()
	resp, err = client.Head(base + "/head")
	if err != nil || resp.ContentLength != 1000 {
		t.Fatal(resp, err)
	}
	resp.Body.Close()
	resp, err = client.Post(base+"/early", "text/plain", io.LimitReader(zeros{}, 1<<24))
	if err != nil || resp.StatusCode != 413 {
		t.Fatal(resp, err)
	}
	resp.Body.Close()
	_, err = client.Get(base + "/reset")
	if reset := new(StreamError); !errors.As(err, &reset) || !reset.Remote {
		t.Errorf("/reset: %v", err)
	}
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
	if n := len(*tr.conns.Load()); n != 1 {
		t.Errorf("%d connections were made", n)
	}
}

// rawTarget is a target that speaks frames.
type rawTarget struct {
	*rawClient
	conn   *Conn
	served chan error
}

// dialTarget connects our client to a target in frames, behind the prefaces.
func dialTarget(t *testing.T, lim Limits) *rawTarget {
	near, far := net.Pipe()
	r := &rawTarget{rawClient: newRaw(t, far), conn: NewClientConn(near, lim), served: make(chan error, 1)}
	go func() { r.served <- r.conn.Serve() }()
	begin := make([]byte, len(preface))
	if io.ReadFull(far, begin); string(begin) != preface {
		t.Fatalf("preface %q", begin)
	}
	r.fr.ReadFrame()
	r.fr.ReadFrame()
	r.fr.WriteSettings()
	r.fr.ReadFrame() // the acknowledgement
	t.Cleanup(func() { far.Close() })
	return r
}

var getCall = &Call{Method: []byte("GET"), Scheme: []byte("http"), Authority: []byte("a.example"), Path: []byte("/x?y=1"), End: true,
	Lines: []byte("Host: other\r\nX-One: 1\r\nTE: gzip\r\nte: trailers\r\nConnection: close\r\nCookie: a=1; b=2\r\n")}

func TestCallHead(t *testing.T) {
	r := dialTarget(t, Limits{})
	s, err := r.conn.Open(getCall)
	if err != nil {
		t.Fatal(err)
	}
	r.want("HEADERS 1 :method=GET :scheme=http :path=/x?y=1 :authority=a.example x-one=1 te=trailers cookie=a=1; b=2 END")
	defer s.Release()
	s, _ = r.conn.Open(&Call{Method: []byte("PATCH"), Scheme: []byte("https"), Authority: []byte("a"), Path: []byte("/")})
	go s.WriteEnd([]byte("body"))
	r.want("HEADERS 3 :method=PATCH :scheme=https :path=/ :authority=a", `DATA 3 "body" END`)
	defer s.Release()
	if _, err := r.conn.Open(&Call{Method: []byte("CONNECT"), Protocol: []byte("websocket"), Scheme: []byte("https"), Path: []byte("/")}); err != ErrNotOffered {
		t.Errorf("extended CONNECT: %v", err)
	}
	r.frame(frameSettings, 0, 0, setting(settingEnableConnectProtocol, 1))
	r.fr.ReadFrame()
	s, err = r.conn.Open(&Call{Method: []byte("CONNECT"), Protocol: []byte("websocket"), Scheme: []byte("https"), Path: []byte("/"), Authority: []byte("a")})
	if err != nil {
		t.Fatal(err)
	}
	go s.Flush()
	r.want("HEADERS 5 :method=CONNECT :scheme=https :path=/ :authority=a :protocol=websocket")
	s.Release()
	r.want("RST_STREAM 5 CANCEL")
	r.c.Close()
}

// TestResponses sends one response each and looks at what comes out.
func TestResponses(t *testing.T) {
	read := func(s *Stream) string {
		var out strings.Builder
		for {
			status, err := s.ReadHead()
			if err != nil {
				return out.String() + err.Error()
			}
			fmt.Fprintf(&out, "%d ", status)
			if status >= 200 {
				break
			}
		}
		if s.EndStream {
			out.WriteString("only ")
		}
		body, err := io.ReadAll(s)
		fmt.Fprintf(&out, "%q", body)
		if err != nil {
			return out.String() + " " + err.Error()
		}
		for i := range s.Trailer().Len() {
			fmt.Fprintf(&out, " %s=%s", s.Trailer().Name(i), s.Trailer().Value(i))
		}
		return out.String()
	}
	const bad = "http2: malformed response"
	for _, c := range []struct {
		name   string
		method string
		send   func(r *rawTarget)
		want   string
	}{
		{"plain", "GET", func(r *rawTarget) { r.headers(1, false, ":status: 200\n"); r.frame(frameData, 1, 1, "ok") }, `200 "ok"`},
		{"only a head", "GET", func(r *rawTarget) { r.headers(1, true, ":status: 204\n") }, `204 only ""`},
		{"interim", "GET", func(r *rawTarget) {
			r.headers(1, false, ":status: 103\n")
			r.headers(1, false, ":status: 100\n")
			r.headers(1, true, ":status: 404\n")
		}, `103 100 404 only ""`},
		{"trailers", "GET", func(r *rawTarget) {
			r.headers(1, false, ":status: 200\n")
			r.frame(frameData, 0, 1, "ok")
			r.headers(1, true, "grpc-status: 0\n")
		}, `200 "ok" grpc-status=0`},
		{"trailers without a body", "GET", func(r *rawTarget) { r.headers(1, false, ":status: 200\n"); r.headers(1, true, "grpc-status: 0\n") }, `200 "" grpc-status=0`},
		{"HEAD", "HEAD", func(r *rawTarget) { r.headers(1, true, ":status: 200\ncontent-length: 10\n") }, `200 only ""`},
		{"304", "GET", func(r *rawTarget) { r.headers(1, true, ":status: 304\ncontent-length: 10\n") }, `304 only ""`},
		{"a reset that only stops the upload", "POST", func(r *rawTarget) {
			r.headers(1, true, ":status: 413\n")
			r.frame(frameRSTStream, 0, 1, uint32Bytes(0))
		}, `413 only ""`},
		{"a body of HEAD", "HEAD", func(r *rawTarget) { r.headers(1, false, ":status: 200\n"); r.frame(frameData, 1, 1, "ok") }, bad},
		{"a body too short", "GET", func(r *rawTarget) { r.headers(1, true, ":status: 200\ncontent-length: 10\n") }, bad},
		{"a body too long", "GET", func(r *rawTarget) {
			r.headers(1, false, ":status: 200\ncontent-length: 1\n")
			r.frame(frameData, 1, 1, "ok")
		}, bad},
		{"no status", "GET", func(r *rawTarget) { r.headers(1, true, "x: y\n") }, bad},
		{"a status that is none", "GET", func(r *rawTarget) { r.headers(1, true, ":status: 20\n") }, bad},
		{"101", "GET", func(r *rawTarget) { r.headers(1, false, ":status: 101\n") }, bad},
		{"the end with an interim response", "GET", func(r *rawTarget) { r.headers(1, true, ":status: 103\n") }, bad},
		{"too many interim responses", "GET", func(r *rawTarget) {
			for range maxInterim + 1 {
				r.headers(1, false, ":status: 103\n")
			}
		}, bad},
		{"a pseudo-field of requests", "GET", func(r *rawTarget) { r.headers(1, true, ":status: 200\n:path: /\n") }, bad},
		{"a field of the connection", "GET", func(r *rawTarget) { r.headers(1, true, ":status: 200\nconnection: close\n") }, bad},
		{"a header too large", "GET", func(r *rawTarget) {
			r.headers(1, true, ":status: 200\n"+strings.Repeat("x: "+strings.Repeat("0", 3_000)+"\n", 11))
		}, bad},
		{"DATA before the head", "GET", func(r *rawTarget) { r.frame(frameData, 0, 1, "x") }, bad},
		{"a second head", "GET", func(r *rawTarget) { r.headers(1, false, ":status: 200\n"); r.headers(1, false, ":status: 200\n") }, bad},
		{"a reset", "GET", func(r *rawTarget) { r.frame(frameRSTStream, 0, 1, uint32Bytes(2)) }, "http2: stream reset by peer with INTERNAL_ERROR"},
		{"the end of the connection", "GET", func(r *rawTarget) { r.c.Close() }, "http2: connection closed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := dialTarget(t, Limits{})
			call := *getCall
			call.Method, call.End = []byte(c.method), c.method != "POST"
			s, err := r.conn.Open(&call)
			if err != nil {
				t.Fatal(err)
			}
			s.Flush()
			r.until("HEADERS")
			go func() { // the pipe has no buffer
				for !strings.HasPrefix(r.next(), "E") {
				}
			}()
			reset := make(interrupts, 1)
			s.SetInterrupt(reset)
			c.send(r)
			if c.name == "too many interim responses" {
				<-reset
			}
			if got := read(s); got != c.want && (c.want != bad || !strings.HasSuffix(got, bad)) {
				t.Errorf("%s, want %s", got, c.want)
			}
			s.Release()
			r.c.Close()
			<-r.served
		})
	}
	noGoroutines(t)
}

// TestFaultsOfOthers: whatever is wrong with responses to others, a stream on the same connection goes on.
func TestFaultsOfOthers(t *testing.T) {
	for name, send := range map[string]func(r *rawTarget, id uint32){
		"no status":       func(r *rawTarget, id uint32) { r.headers(id, true, "x: y\n") },
		"a header field":  func(r *rawTarget, id uint32) { r.headers(id, false, ":status: 200\nconnection: close\n") },
		"a short body":    func(r *rawTarget, id uint32) { r.headers(id, true, ":status: 200\ncontent-length: 1\n") },
		"no head":         func(r *rawTarget, id uint32) { r.frame(frameData, 1, id, "x") },
		"a window of 0":   func(r *rawTarget, id uint32) { r.frame(frameWindowUpdate, 0, id, uint32Bytes(0)) },
		"a window of all": func(r *rawTarget, id uint32) { r.frame(frameWindowUpdate, 0, id, uint32Bytes(maxWindow)) },
		"a reset":         func(r *rawTarget, id uint32) { r.frame(frameRSTStream, 0, id, uint32Bytes(1)) },
		"a huge header": func(r *rawTarget, id uint32) {
			lines := ":status: 200\n"
			for i := range 30 {
				lines += fmt.Sprintf("x-%d: %s\n", i, strings.Repeat("~", 8_000)) // larger than the table
			}
			block := r.block(lines)
			r.fr.WriteHeaders(nethttp2.HeadersFrameParam{StreamID: id, BlockFragment: block[:maxFrame]})
			for block = block[maxFrame:]; len(block) > 0; block = block[min(len(block), maxFrame):] {
				r.fr.WriteContinuation(id, len(block) <= maxFrame, block[:min(len(block), maxFrame)])
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := dialTarget(t, Limits{})
			good, err := r.conn.Open(getCall)
			if err != nil {
				t.Fatal(err)
			}
			r.until("HEADERS")
			for range maxResets + 50 {
				s, err := r.conn.Open(getCall)
				if err != nil {
					t.Fatal(err)
				}
				r.until("HEADERS")
				sent := make(chan bool)
				go func() { send(r, s.ID()); close(sent) }()
				if name != "a reset" {
					r.until("RST_STREAM")
				}
				<-sent
				if _, err := s.ReadHead(); err == nil {
					t.Fatal("the response is a good one")
				}
				s.Release()
			}
			go r.headers(good.ID(), true, ":status: 200\n")
			if status, err := good.ReadHead(); status != 200 || err != nil {
				t.Errorf("the stream beside them: %d, %v", status, err)
			}
			good.Release()
			r.c.Close()
			<-r.served
		})
	}
}

// TestRefused: what the target has not touched is told apart from what it may have.
func TestRefused(t *testing.T) {
	r := dialTarget(t, Limits{})
	var opened []*Stream
	for range 4 {
		s, err := r.conn.Open(getCall)
		if err != nil {
			t.Fatal(err)
		}
		r.until("HEADERS")
		opened = append(opened, s)
	}
	r.frame(frameRSTStream, 0, 1, uint32Bytes(uint32(RefusedStream)))
	r.frame(frameRSTStream, 0, 3, uint32Bytes(uint32(Cancel)))
	r.frame(frameGoAway, 0, 0, uint32Bytes(5, 0))
	for i, untouched := range []bool{true, false, false, true} {
		if i == 2 {
			r.headers(5, true, ":status: 200\n")
		}
		status, err := opened[i].ReadHead()
		if i == 2 && (status != 200 || err != nil) || i != 2 && err == nil || Untouched(err) != untouched {
			t.Errorf("%d: %d, %v", i, status, err)
		}
	}
	if _, err := r.conn.Open(getCall); err != ErrGoing || !Untouched(err) {
		t.Errorf("Open on a connection that goes away: %v", err)
	}
	go io.Copy(io.Discard, r.c)
	for _, s := range opened {
		s.Release()
	}
	if err := <-r.served; err != nil { // nothing is left to do
		t.Errorf("Serve = %v", err)
	}
}

// TestSilentTarget: a target that answers nothing gets no further stream on that connection.
func TestSilentTarget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := dialTarget(t, Limits{Idle: time.Minute})
		s, _ := r.conn.Open(getCall)
		go io.Copy(io.Discard, r.c)
		if _, err := s.ReadHead(); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("ReadHead: %v", err)
		}
		if _, err := r.conn.Open(getCall); err != ErrGoing {
			t.Errorf("Open: %v", err)
		}
		s.Release()
		<-r.served
	})
}

// TestTransport: connections are made as they are needed, streams wait for room, and
// nothing is lost when a target drains.
func TestTransport(t *testing.T) {
	var under, most atomic.Int32
	s := serve(t, Limits{Streams: 5}, nil, func(s *Stream) {
		n := under.Add(1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
		page(s)
		under.Add(-1)
	})
	var dialed atomic.Int32
	tr := NewTransport(func(ctx context.Context) (net.Conn, error) {
		dialed.Add(1)
		return new(net.Dialer).DialContext(ctx, "tcp", s.addr)
	}, Limits{}, 8)
	var wg sync.WaitGroup
	var served atomic.Int32
	for range 40 {
		wg.Go(func() {
			for i := 0; i < 100; {
				err := get1(tr)
				switch {
				case err == nil:
					i++
					served.Add(1)
				case !Untouched(err):
					t.Error(err)
					return
				}
			}
		})
	}
	done, drained := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(drained)
		for {
			select {
			case c := <-s.conns:
				for before := served.Load(); served.Load() < min(before+500, 4000) && !t.Failed(); {
					runtime.Gosched()
				}
				c.Drain()
			case <-done:
				return
			}
		}
	}()
	wg.Wait()
	close(done)
	<-drained
	tr.Close()
	for len(s.errs) > 0 {
		// A frame that we had not read when we closed is answered by our kernel with RST.
		if err := <-s.errs; err != nil && !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("Serve = %v", err)
		}
	}
	if served.Load() != 4000 {
		t.Errorf("%d served", served.Load())
	}
	if dialed.Load() < 3 {
		t.Errorf("%d connections made", dialed.Load())
	}
	if err := get1(tr); err != ErrTransportClosed {
		t.Errorf("Open behind Close: %v", err)
	}
	noGoroutines(t)
}

func get1(tr *Transport) error {
	s, err := tr.Open(context.Background(), getCall)
	if err != nil {
		return err
	}
	defer s.Release()
	if status, err := s.ReadHead(); status != 200 || err != nil {
		return err
	}
	body, err := io.ReadAll(s)
	if err == nil && string(body) != "ok" {
		return fmt.Errorf("body %q", body)
	}
	return err
}

func TestDialFails(t *testing.T) {
	refused := errors.New("refused")
	tr := NewTransport(func(context.Context) (net.Conn, error) { return nil, refused }, Limits{}, 0)
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if err := get1(tr); err != refused {
				t.Errorf("Open: %v", err)
			}
		})
	}
	wg.Wait()
	tr.Close()
	hang := NewTransport(func(ctx context.Context) (net.Conn, error) { <-ctx.Done(); return nil, ctx.Err() }, Limits{}, 0)
	ctx, cancel := context.WithCancelCause(t.Context())
	go cancel(refused)
	if _, err := hang.Open(ctx, getCall); err != refused {
		t.Errorf("Open: %v", err)
	}
	hang.Close()
}
