package http2

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	nethttp2 "golang.org/x/net/http2"
)

// targets is what a Transport connects to in memory: each connection is handed to the test.
type targets struct {
	t      *testing.T
	dialed chan net.Conn
	*Transport
}

func newTargets(t *testing.T, most int) *targets {
	r := &targets{t: t, dialed: make(chan net.Conn, 100)}
	r.Transport = NewTransport(func(context.Context) (net.Conn, error) {
		near, far := net.Pipe()
		r.dialed <- far
		return near, nil
	}, Limits{Streams: 1000}, most)
	t.Cleanup(r.Close)
	return r
}

// accept gives the next connection, behind its client's preface, as the target's side of it. It has no SETTINGS of its own yet.
func (r *targets) accept() *rawClient {
	far := <-r.dialed
	r.t.Cleanup(func() { far.Close() })
	target := newRaw(r.t, far)
	begin := make([]byte, len(preface))
	if io.ReadFull(far, begin); string(begin) != preface {
		r.t.Fatalf("preface %q", begin)
	}
	return target
}

// greet sends SETTINGS; the acknowledgement is read with what comes next.
func (r *rawClient) greet(settings string) { r.frame(frameSettings, 0, 0, settings) }

// open begins n requests, each in a goroutine of its own, and gives their outcomes.
func (r *targets) open(n int) chan error {
	outcomes := make(chan error, n)
	for range n {
		go func() {
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			s, err := r.Open(ctx, getCall)
			if err == nil {
				_, err = s.ReadHead()
				s.Release()
			}
			outcomes <- err
		}()
	}
	return outcomes
}

// ids reads request heads until there are n.
func (r *rawClient) ids(n int) (ids []uint32) {
	r.t.Helper()
	for range n {
		var id uint32
		if got := r.next(); !strings.HasPrefix(got, "HEADERS ") {
			r.t.Fatalf("got %s, want HEADERS", got)
		} else {
			fmt.Sscan(strings.TrimPrefix(got, "HEADERS "), &id)
		}
		ids = append(ids, id)
	}
	return ids
}

// answer answers requests with an empty page.
func (r *rawClient) answer(ids []uint32) {
	for _, id := range ids {
		r.headers(id, true, ":status: 200\n")
	}
}

func all(t *testing.T, outcomes chan error, n int) {
	t.Helper()
	for range n {
		if err := <-outcomes; err != nil {
			t.Errorf("a request failed: %v", err)
		}
	}
}

// serve greets and answers every request at once, until the connection ends.
func (r *rawClient) serve(settings string) {
	r.greet(settings)
	for {
		got := r.next()
		var id uint32
		if n, _ := fmt.Sscanf(got, "HEADERS %d", &id); n == 1 {
			r.headers(id, true, ":status: 200\n")
		} else if got == "EOF" || strings.HasPrefix(got, "ERROR") {
			return
		}
	}
}

// none insists that no further connection is being made.
func (r *targets) none(why string) {
	r.t.Helper()
	synctest.Wait()
	if n := len(r.dialed); n != 0 {
		r.t.Fatalf("%d more connections were made: %s", n, why)
	}
}

// TestSettingsComeFirst: one request does not wait for the target's SETTINGS, and all others do, so that there are never
// more streams than the target takes. Then there are as many connections as that makes necessary, at once.
func TestSettingsComeFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newTargets(t, 0)
		outcomes := r.open(25)
		first := r.accept()
		ids := first.ids(1)
		r.none("the target has not said how many streams it takes")
		first.greet(setting(settingMaxConcurrentStreams, 10))
		ids = append(ids, first.ids(9)...)
		second, third := r.accept(), r.accept()
		r.none("25 requests need three")
		go second.serve(setting(settingMaxConcurrentStreams, 10))
		go third.serve(setting(settingMaxConcurrentStreams, 10))
		all(t, outcomes, 15)
		first.answer(ids)
		all(t, outcomes, 10)
	})
}

// TestStreamsAreFewer: a limit that goes down, to nothing at last, holds for what is opened from then on; one that goes up
// lets those on that wait.
func TestStreamsAreFewer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newTargets(t, 1)
		outcomes := r.open(2)
		target := r.accept()
		ids := target.ids(1)
		target.greet("")
		ids = append(ids, target.ids(1)...)
		target.greet(setting(settingMaxConcurrentStreams, 2))
		target.fr.ReadFrame()
		if err := <-r.open(1); err != ErrBusy {
			t.Errorf("with as many streams as may be: %v", err)
		}
		target.answer(ids)
		all(t, outcomes, 2)
		target.greet(setting(settingMaxConcurrentStreams, 0))
		target.fr.ReadFrame()
		late := r.open(3)
		synctest.Wait()
		target.greet(setting(settingMaxConcurrentStreams, 3))
		target.answer(target.ids(3))
		all(t, late, 3)
	})
}

// TestRestless: a target may change its mind a hundred times.
func TestRestless(t *testing.T) {
	r := dialTarget(t, Limits{})
	for n := range uint32(100) {
		r.frame(frameSettings, 0, 0, setting(settingMaxConcurrentStreams, n))
		r.fr.ReadFrame()
	}
	s, err := r.conn.Open(getCall)
	if err != nil {
		t.Fatal(err)
	}
	r.ids(1)
	s.Release()
	r.c.Close()
	<-r.served
}

// TestBusy: who cannot be served over as many connections as there may be hears of it at once, and who can be waits.
func TestBusy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newTargets(t, 2)
		began := time.Now()
		outcomes := r.open(7)
		var held []*rawClient
		for range 2 {
			target := r.accept()
			target.ids(1)
			target.greet(setting(settingMaxConcurrentStreams, 3))
			target.ids(2)
			held = append(held, target)
		}
		if err := <-outcomes; err != ErrBusy {
			t.Errorf("the seventh request: %v", err)
		}
		if took := time.Since(began); took > 0 {
			t.Errorf("that took %v", took)
		}
		for _, target := range held {
			target.answer([]uint32{1, 3, 5})
		}
		all(t, outcomes, 6)
	})
}

// TestNoSettings: a target that says nothing has not accepted the connection.
func TestNoSettings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newTargets(t, 0)
		began := time.Now()
		outcomes := r.open(1)
		r.accept().ids(1)
		if err := <-outcomes; err != ErrNoSettings || time.Since(began) != settingsTimeout {
			t.Errorf("got %v after %v", err, time.Since(began))
		}
		outcomes = r.open(1) // over a connection of its own
		r.accept().serve("")
		all(t, outcomes, 1)
	})
}

// TestRedial: where another connection cannot be made, or takes no streams, that is tried again after a second, and who waits
// for longer than that hears why.
func TestRedial(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newTargets(t, 0)
		refused := errors.New("refused")
		var dials atomic.Int32
		connect := r.connect
		r.connect = func(ctx context.Context) (net.Conn, error) {
			if dials.Add(1) > 1 {
				return nil, refused
			}
			return connect(ctx)
		}
		outcomes := r.open(1)
		target := r.accept()
		ids := target.ids(1)
		target.greet(setting(settingMaxConcurrentStreams, 1))
		if err := <-r.open(1); err != refused || dials.Load() != 2 {
			t.Errorf("got %v after %d dials", err, dials.Load())
		}
		began := time.Now()
		if err := <-r.open(1); err != refused || dials.Load() != 3 || time.Since(began) != redialAfter {
			t.Errorf("got %v after %d dials and %v", err, dials.Load(), time.Since(began))
		}
		waiting := r.open(1)
		synctest.Wait()
		target.answer(ids)
		all(t, outcomes, 1)
		target.answer(target.ids(1))
		all(t, waiting, 1)
	})
}

// TestNoStreams: a target that takes no streams, on whatever connection, has a second to change its mind.
func TestNoStreams(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newTargets(t, 0)
		none := setting(settingMaxConcurrentStreams, 0)
		refuse := func(target *rawClient) {
			id := target.ids(1)[0]
			target.greet(none)
			target.frame(frameRSTStream, 0, id, uint32Bytes(uint32(RefusedStream)))
		}
		outcomes := r.open(1)
		target := r.accept()
		refuse(target)
		if err := <-outcomes; !Untouched(err) || Crowded(err) {
			t.Errorf("the first request: %v", err)
		}
		waiting := r.open(3)
		synctest.Wait()
		target.greet("")
		target.greet(setting(settingMaxConcurrentStreams, 3))
		target.answer(target.ids(3))
		all(t, waiting, 3)
		target.greet(none)
		target.fr.ReadFrame()
		began := time.Now()
		waiting = r.open(3)
		refuse(r.accept())
		busy := 0
		for range 3 {
			if err := <-waiting; err == ErrBusy {
				busy++
			} else if !Untouched(err) {
				t.Errorf("a request: %v", err)
			}
		}
		if took := time.Since(began); busy != 2 || took > redialAfter {
			t.Errorf("%d of three were refused, after %v", busy, took)
		}
	})
}

// TestBarren: a target that ends every connection at once is not connected to again and again.
func TestBarren(t *testing.T) {
	for range 20 { // the request may be on its way by then, or not
		synctest.Test(t, func(t *testing.T) {
			r := newTargets(t, 0)
			dials := 0
			connect := r.connect
			r.connect = func(ctx context.Context) (net.Conn, error) {
				dials++
				near, err := connect(ctx)
				far := <-r.dialed
				go func() {
					go io.Copy(io.Discard, far)
					far.Write(append(appendFrameHeader(nil, 0, frameSettings, 0, 0), appendGoAway(nil, 0, NoError, "")...))
				}()
				return near, err
			}
			began := time.Now()
			if err := <-r.open(1); !Untouched(err) || dials > 2 || time.Since(began) > redialAfter {
				t.Errorf("got %v after %d dials and %v", err, dials, time.Since(began))
			}
		})
	}
}

// TestManyDials: a thousand requests that come at once have few connections made at a time.
func TestManyDials(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newTargets(t, 0)
		var under, most atomic.Int32
		connect := r.connect
		r.connect = func(ctx context.Context) (net.Conn, error) {
			if n := under.Add(1); n > most.Load() {
				most.Store(n)
			}
			time.Sleep(10 * time.Millisecond) // of the bubble
			under.Add(-1)
			return connect(ctx)
		}
		outcomes := r.open(1200)
		h := &holding{want: 1200, whole: make(chan struct{})}
		made := 0
		for accepting := true; accepting; {
			select {
			case far := <-r.dialed:
				made++
				go h.serve(r.t, far)
			case <-h.whole:
				accepting = false
			}
		}
		if most.Load() > maxDialing {
			t.Errorf("%d connections were made at a time", most.Load())
		}
		// Who was woken and has not gone on yet counts as waiting, so that there may be a few too many.
		if made < 12 || made > 12+maxDialing {
			t.Errorf("%d connections were made; 1200 requests need twelve", made)
		}
		h.answer()
		all(t, outcomes, 1200)
	})
}

// holding are targets that take a hundred requests each, and answer when all have come.
type holding struct {
	want  int
	whole chan struct{} // closed when they have

	mu   sync.Mutex
	held map[*rawClient][]uint32
}

func (h *holding) serve(t testing.TB, far net.Conn) {
	defer far.Close()
	target := newRaw(t, far)
	io.ReadFull(far, make([]byte, len(preface))) //nolint:errcheck // what follows tells
	for greeted := false; ; {
		var id uint32
		switch got := target.next(); {
		case got == "EOF" || strings.HasPrefix(got, "ERROR"):
			return
		case !strings.HasPrefix(got, "HEADERS "):
			continue
		default:
			fmt.Sscan(strings.TrimPrefix(got, "HEADERS "), &id)
		}
		if !greeted {
			greeted = true
			target.greet(setting(settingMaxConcurrentStreams, 100))
		}
		h.hold(target, id)
	}
}

func (h *holding) hold(target *rawClient, id uint32) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.held == nil {
		h.held = map[*rawClient][]uint32{}
	}
	h.held[target] = append(h.held[target], id)
	if h.want--; h.want == 0 {
		close(h.whole)
	}
}

func (h *holding) answer() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for target, ids := range h.held {
		target.answer(ids)
	}
}

// TestUnsent: what never left us is told from what may have been read.
func TestUnsent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := dialTarget(t, Limits{})
		var opened []*Stream
		for i := range 3 {
			s, err := r.conn.Open(getCall)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Release()
			if opened = append(opened, s); i == 0 {
				r.ids(1)
			} else {
				synctest.Wait() // the second is being written, and nobody reads
			}
		}
		r.c.Close()
		for i, untouched := range []bool{false, true, true} {
			if _, err := opened[i].ReadHead(); err == nil || Untouched(err) != untouched {
				t.Errorf("request %d: %v", i, err)
			}
		}
	})
}

// deaf is a connection that can only be read from.
type deaf struct {
	net.Conn
	mu   sync.Mutex
	deaf bool
}

func (c *deaf) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.deaf {
		return 0, io.ErrClosedPipe
	}
	return c.Conn.Write(p)
}

// TestLastWords: what a target has said before it closed the connection is heard, though writing to it fails first.
func TestLastWords(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		c := &deaf{Conn: near}
		conn := NewClientConn(c, Limits{})
		served := make(chan error, 1)
		go func() { served <- conn.Serve() }()
		target := newRaw(t, far)
		var opened []*Stream
		open := func() {
			s, err := conn.Open(getCall)
			if err != nil {
				t.Fatal(err)
			}
			opened = append(opened, s)
		}
		open()
		io.ReadFull(far, make([]byte, len(preface)))
		target.ids(1)
		target.greet("")
		target.fr.ReadFrame()
		open()
		open()
		target.ids(2)
		c.mu.Lock()
		c.deaf = true
		c.mu.Unlock()
		open()
		synctest.Wait()
		if _, err := conn.Open(getCall); err != ErrGoing {
			t.Errorf("Open on a connection that cannot be written to: %v", err)
		}
		target.headers(1, true, ":status: 200\n")
		target.frame(frameGoAway, 0, 0, uint32Bytes(3, 0))
		far.Close()
		for i, want := range []struct{ ok, untouched bool }{{true, false}, {false, false}, {false, true}, {false, true}} {
			_, err := opened[i].ReadHead()
			if (err == nil) != want.ok || err != nil && Untouched(err) != want.untouched {
				t.Errorf("request %d: %v", i, err)
			}
			opened[i].Release()
		}
		<-served
	})
}

// TestGraceful: a target that means to close the connection says so twice (RFC 9113 section 6.8), as grpc-go and Envoy do.
func TestGraceful(t *testing.T) {
	r := dialTarget(t, Limits{})
	s, err := r.conn.Open(getCall)
	if err != nil {
		t.Fatal(err)
	}
	r.ids(1)
	r.frame(frameGoAway, 0, 0, uint32Bytes(maxID, 0))
	r.frame(framePing, 0, 0, "drained?")
	r.want("PING 647261696e65643f true")
	if _, err := r.conn.Open(getCall); err != ErrGoing {
		t.Errorf("Open: %v", err)
	}
	r.frame(frameGoAway, 0, 0, uint32Bytes(1, 0))
	r.answer([]uint32{1})
	if status, err := s.ReadHead(); status != 200 || err != nil {
		t.Errorf("the request before: %d, %v", status, err)
	}
	s.Release()
	r.want("GOAWAY 0 NO_ERROR")
	r.c.Close()
	<-r.served
}

// TestNoneServed: a target that serves nothing at all is told from one that goes on with the next connection.
func TestNoneServed(t *testing.T) {
	for last, left := range []bool{false, true} {
		r := dialTarget(t, Limits{})
		var opened []*Stream
		for range 2 {
			s, err := r.conn.Open(getCall)
			if err != nil {
				t.Fatal(err)
			}
			r.ids(1)
			opened = append(opened, s)
		}
		r.frame(frameGoAway, 0, 0, uint32Bytes(uint32(last), 0))
		if _, err := opened[1].ReadHead(); !Untouched(err) || LeftBehind(err) != left {
			t.Errorf("last id %d: %v", last, err)
		}
		r.c.Close()
		for _, s := range opened {
			s.Release()
		}
		<-r.served
	}
}

// TestHeaderList: a head that the target has said not to take is not sent to it; it might end the connection, which is
// others' as well.
func TestHeaderList(t *testing.T) {
	r := dialTarget(t, Limits{})
	call := &Call{Method: []byte("GET"), Scheme: []byte("http"), Authority: []byte("a"), Path: []byte("/"), End: true, Lines: []byte("x-one: 1\r\n")}
	size := uint32(len(":methodGET:schemehttp:authoritya:path/x-one1") + 5*entryOverhead)
	slack := uint32(len(":protocol")+entryOverhead) + 4*uint32(len(":authority")) - uint32(len(":method:scheme:authority:path")) // counted at most
	r.frame(frameSettings, 0, 0, setting(settingMaxHeaderListSize, size-1))
	r.fr.ReadFrame()
	if _, err := r.conn.Open(call); err != ErrHeaderList {
		t.Errorf("a byte too much: %v", err)
	}
	r.frame(frameSettings, 0, 0, setting(settingMaxHeaderListSize, size+slack+1))
	r.fr.ReadFrame()
	s, err := r.conn.Open(call)
	if err != nil {
		t.Fatal(err)
	}
	r.ids(1)
	r.c.Close()
	s.Release()
	<-r.served
}

// TestLesson: a target that has refused a stream beside two others gets no third on that connection, nor on the next, as long
// as that is fresh.
func TestLesson(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newTargets(t, 0)
		outcomes := r.open(3)
		first := r.accept()
		first.ids(1)
		first.greet("")
		first.ids(2)
		first.frame(frameRSTStream, 0, 5, uint32Bytes(uint32(RefusedStream)))
		if err := <-outcomes; !Crowded(err) || !Untouched(err) {
			t.Errorf("the third request: %v", err)
		}
		more := r.open(3)
		second, third := r.accept(), (*rawClient)(nil)
		second.ids(1)
		second.greet("")
		second.ids(1)
		third = r.accept()
		third.ids(1)
		third.greet("")
		r.none("three requests need two")
		time.Sleep(lessonFor)
		late := r.open(1)
		if ids := first.ids(1); ids[0] != 7 {
			t.Errorf("the stream is %d", ids[0])
		}
		first.answer([]uint32{1, 3, 7})
		second.answer([]uint32{1, 3})
		third.answer([]uint32{1})
		all(t, outcomes, 2)
		all(t, more, 3)
		all(t, late, 1)
	})
}

// TestTableSize: a target whose decoder has a smaller table hears that ours is not larger, in the next block
// (RFC 9113 section 4.3.1): else it would have to end the connection.
func TestTableSize(t *testing.T) {
	r := dialTarget(t, Limits{})
	r.fr.ReadMetaHeaders = nil
	for _, c := range []struct {
		size uint32
		want byte
	}{{4096, 0x82}, {100, 0x20}, {100, 0x82}, {0, 0x20}, {4096, 0x82}} {
		r.frame(frameSettings, 0, 0, setting(settingHeaderTableSize, c.size))
		r.fr.ReadFrame()
		s, err := r.conn.Open(getCall)
		if err != nil {
			t.Fatal(err)
		}
		f, err := r.fr.ReadFrame()
		if err != nil {
			t.Fatal(err)
		}
		if h, ok := f.(*nethttp2.HeadersFrame); !ok || h.HeaderBlockFragment()[0] != c.want {
			t.Errorf("a table of %d: got %v, want a block that begins with %#x", c.size, f, c.want)
		}
		go s.Release()
		r.fr.ReadFrame()
	}
	r.c.Close()
	<-r.served
}

// TestUnsentStaysUnsent: what is said to be unsent, and so goes out elsewhere, is not sent in the connection's last moments.
func TestUnsentStaysUnsent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := dialTarget(t, Limits{})
		var opened []*Stream
		for range 2 { // the first is being written, and nobody reads
			s, err := r.conn.Open(getCall)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Release()
			opened = append(opened, s)
			synctest.Wait()
		}
		r.frame(framePushPromise, flagEndHeaders, 1, "\x00\x00\x00\x02")
		r.ids(1)
		r.want("GOAWAY 0 PROTOCOL_ERROR")
		for i, untouched := range []bool{false, true} {
			if _, err := opened[i].ReadHead(); err == nil || Untouched(err) != untouched {
				t.Errorf("request %d: %v", i, err)
			}
		}
		r.c.Close()
	})
}

// TestTied: a wait on one stream goes on as long as something moves on it or on another that it is tied to, and not longer.
func TestTied(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var clock atomic.Int64
		open := func() (*rawTarget, *Stream) {
			r := dialTarget(t, Limits{})
			s, err := r.conn.Open(&Call{Method: []byte("POST"), Scheme: []byte("http"), Authority: []byte("a"), Path: []byte("/")})
			if err != nil {
				t.Fatal(err)
			}
			s.Idle = time.Second
			s.Tie(&clock)
			t.Cleanup(s.Release)
			return r, s
		}
		one, s := open()
		other, tied := open()
		go io.Copy(io.Discard, one.c)
		go io.Copy(io.Discard, other.c)
		began := time.Now()
		go func() {
			for i := range 10 { // of the bubble's time, each
				time.Sleep(600 * time.Millisecond)
				switch {
				case i < 4:
					s.Write([]byte("x"))
				case i == 4:
					other.headers(1, false, ":status: 200\n")
				case i < 8:
					other.frame(frameData, 0, 1, "x")
				default:
					tied.Write([]byte("x"))
				}
			}
		}()
		if _, err := s.ReadHead(); !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(began) != 7*time.Second {
			t.Errorf("got %v after %v", err, time.Since(began))
		}
		one.c.Close()
		other.c.Close()
	})
}
