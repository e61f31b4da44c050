package http2

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	nethttp2 "golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// rawClient speaks frames, by an implementation that is not ours.
type rawClient struct {
	t   testing.TB
	c   net.Conn
	fr  *nethttp2.Framer
	enc *hpack.Encoder
	buf bytes.Buffer
}

// dialRaw connects and sends the preface with empty SETTINGS.
func dialRaw(t testing.TB, addr string) *rawClient {
	t.Helper()
	r := dialNaked(t, addr)
	io.WriteString(r.c, preface)
	r.fr.WriteSettings()
	return r
}

// dialNaked connects and sends nothing.
func dialNaked(t testing.TB, addr string) *rawClient {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(time.Minute))
	return newRaw(t, c)
}

func newRaw(t testing.TB, c net.Conn) *rawClient {
	r := &rawClient{t: t, c: c, fr: nethttp2.NewFramer(c, c)}
	r.fr.AllowIllegalWrites = true
	r.fr.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	r.enc = hpack.NewEncoder(&r.buf)
	return r
}

// pipeServer serves connections in memory, in the time of a synctest bubble.
type pipeServer struct {
	t       testing.TB
	lim     Limits
	handler func(*Stream)
	conns   chan *Conn
	errs    chan error
}

func servePipe(t testing.TB, lim Limits, handler func(*Stream)) *pipeServer {
	return &pipeServer{t, lim, handler, make(chan *Conn, 100), make(chan error, 100)}
}

func (s *pipeServer) dial() *rawClient {
	near, far := net.Pipe()
	c := NewConn(far, s.lim, s.handler)
	s.conns <- c
	go func() { s.errs <- c.Serve() }()
	r := newRaw(s.t, near)
	io.WriteString(r.c, preface)
	r.fr.WriteSettings()
	return r
}

// block encodes fields given as "name: value", one a line.
func (r *rawClient) block(lines string) []byte {
	r.buf.Reset()
	for line := range strings.Lines(lines) {
		line = strings.TrimRight(line, "\n")
		if line == "" {
			continue
		}
		i := strings.Index(line[1:], ":") + 1
		r.enc.WriteField(hpack.HeaderField{Name: line[:i], Value: strings.TrimPrefix(line[i+1:], " ")})
	}
	return bytes.Clone(r.buf.Bytes())
}

const get = ":method: GET\n:scheme: https\n:path: /\n:authority: a.example\n"
const post = ":method: POST\n:scheme: https\n:path: /\n:authority: a.example\n"

func (r *rawClient) headers(id uint32, end bool, lines string) {
	r.fr.WriteHeaders(nethttp2.HeadersFrameParam{StreamID: id, EndStream: end, EndHeaders: true, BlockFragment: r.block(lines)})
}

// frame writes any bytes as a frame.
func (r *rawClient) frame(kind frameType, flags uint8, id uint32, payload string) {
	r.c.Write(append(appendFrameHeader(nil, len(payload), kind, flags, id), payload...))
}

// next describes the next frame that is not SETTINGS, WINDOW_UPDATE on the
// connection, or PING of a drain.
func (r *rawClient) next() string {
	for {
		f, err := r.fr.ReadFrame()
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrClosedPipe):
			return "EOF"
		case err != nil:
			var op *net.OpError
			if errors.As(err, &op) && !op.Timeout() {
				return "EOF" // reset, since we had sent more than was read
			}
			return "ERROR: " + err.Error()
		}
		switch f := f.(type) {
		case *nethttp2.SettingsFrame:
		case *nethttp2.WindowUpdateFrame:
			if f.StreamID != 0 {
				return fmt.Sprintf("WINDOW_UPDATE %d %d", f.StreamID, f.Increment)
			}
		case *nethttp2.MetaHeadersFrame:
			return describe(f)
		case *nethttp2.DataFrame:
			return fmt.Sprintf("DATA %d %q%s", f.StreamID, f.Data(), ended(f.StreamEnded()))
		case *nethttp2.RSTStreamFrame:
			return fmt.Sprintf("RST_STREAM %d %v", f.StreamID, f.ErrCode)
		case *nethttp2.GoAwayFrame:
			return fmt.Sprintf("GOAWAY %d %v", f.LastStreamID, f.ErrCode)
		case *nethttp2.PingFrame:
			return fmt.Sprintf("PING %x %v", f.Data, f.IsAck())
		default:
			return f.Header().String()
		}
	}
}

func describe(f *nethttp2.MetaHeadersFrame) string {
	var b strings.Builder
	fmt.Fprintf(&b, "HEADERS %d", f.StreamID)
	for _, h := range f.Fields {
		fmt.Fprintf(&b, " %s=%s", h.Name, h.Value)
	}
	return b.String() + ended(f.StreamEnded())
}

func ended(end bool) string {
	if end {
		return " END"
	}
	return ""
}

// want reads frames and compares.
func (r *rawClient) want(frames ...string) {
	r.t.Helper()
	for _, want := range frames {
		if got := r.next(); got != want {
			r.t.Fatalf("got %s, want %s", got, want)
		}
	}
}

// drainUntil reads frames until one begins so, and gives it.
func (r *rawClient) until(prefixes ...string) string {
	r.t.Helper()
	for {
		got := r.next()
		for _, p := range prefixes {
			if strings.HasPrefix(got, p) {
				return got
			}
		}
		if got == "EOF" || strings.HasPrefix(got, "ERROR") {
			r.t.Fatalf("got %s, want %v", got, prefixes)
		}
	}
}

// noGoroutines waits until none of ours is left.
func noGoroutines(t testing.TB) {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	buf := make([]byte, 1<<20)
	for {
		stacks := string(buf[:runtime.Stack(buf, true)])
		if !strings.Contains(stacks, "http2.(*Conn)") && !strings.Contains(stacks, "http2.(*worker)") && !strings.Contains(stacks, "http2.(*Stream)") {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("goroutines are left:\n%s", stacks)
		}
		runtime.Gosched()
	}
}

// page answers with 200 and the page "ok", without looking at the body.
func page(s *Stream) {
	if s.WriteHead(200, nil, false) == nil {
		s.WriteEnd([]byte("ok"))
	}
}
