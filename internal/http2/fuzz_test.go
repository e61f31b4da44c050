package http2

import (
	"bytes"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	nethttp2 "golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// script is a peer that sends given bytes, then closes, and keeps what it gets.
type script struct {
	turnConn
	mu  sync.Mutex
	in  []byte
	out bytes.Buffer
}

func (s *script) Read(p []byte) (int, error) {
	n := copy(p, s.in)
	s.in = s.in[n:]
	if n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

func (s *script) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.out.Write(p)
}

func (s *script) Close() error { return nil }

var _ net.Conn = (*script)(nil)

// seeds are connections, without the preface.
func seeds() [][]byte {
	settings := appendFrameHeader(nil, 0, frameSettings, 0, 0)
	block := []byte("\x82\x87\x84\x41\x09a.example\x40\x01x\x01y")
	with := func(frames ...[]byte) []byte { return bytes.Join(append([][]byte{settings}, frames...), nil) }
	frame := func(kind frameType, flags uint8, id uint32, payload string) []byte {
		return append(appendFrameHeader(nil, len(payload), kind, flags, id), payload...)
	}
	return [][]byte{
		with(),
		with(appendHeaderBlock(nil, 1, block, maxFrame, true), appendHeaderBlock(nil, 3, block, 5, true)),
		with(appendHeaderBlock(nil, 1, []byte("\x83\x87\x84"), maxFrame, false), frame(frameData, 0, 1, "hello"), frame(frameData, 9, 1, "\x02ab\x00\x00")),
		with(appendHeaderBlock(nil, 1, []byte("\x83\x87\x84"), maxFrame, false), frame(frameData, 0, 1, "hello"), appendHeaderBlock(nil, 1, []byte("\x00\x01x\x01y"), 99, true)),
		with(appendHeaderBlock(nil, 1, block, maxFrame, true), appendRSTStream(nil, 1, Cancel), appendWindowUpdate(nil, 0, 100), appendWindowUpdate(nil, 1, 100)),
		with(appendPing(nil, 0, drainPing), appendPing(nil, flagAck, drainPing), appendGoAway(nil, 1, NoError, "bye"), frame(framePriority, 0, 3, "\x00\x00\x00\x01\x10")),
		with(frame(frameSettings, 0, 0, setting(settingInitialWindowSize, 1)+setting(settingHeaderTableSize, 0)+setting(settingMaxFrameSize, 1<<20)), frame(0x55, 1, 2, "?")),
	}
}

// FuzzConn gives a connection any bytes. It must end, and what it says must be
// HTTP/2 by x/net's reckoning.
func FuzzConn(f *testing.F) {
	for _, s := range seeds() {
		f.Add(s, false)
		f.Add(s, true)
	}
	f.Fuzz(func(t *testing.T, b []byte, compact bool) {
		if compact {
			b = unpack(b)
		}
		peer := &script{in: append([]byte(preface), b...)}
		conn := NewConn(peer, Limits{ExtendedConnect: true}, func(s *Stream) {
			head := s.AppendHead(nil)
			if bytes.Count(head, []byte("\r\n\r\n")) != 1 || !bytes.HasSuffix(head, []byte("\r\n\r\n")) {
				t.Errorf("head %q", head)
			}
			s.WriteHead(200, []byte("Server: x\r\nContent-Type: text/plain\r\n"), false)
			buf := make([]byte, 100)
			for {
				n, err := s.Read(buf)
				if _, failed := s.Write(buf[:n]); failed != nil {
					return
				}
				if err != nil {
					break
				}
			}
			if s.Trailer().Len() > 0 {
				s.WriteTrailers(s.Trailer().Lines())
			}
			s.Close()
		})
		stuck := time.AfterFunc(time.Minute, func() { panic("the connection does not end") })
		conn.Serve()
		stuck.Stop()
		peer.mu.Lock()
		defer peer.mu.Unlock()
		checkOutput(t, peer.out.Bytes())
		if conn.held != 0 || len(conn.streams) != 0 || conn.active != 0 {
			t.Fatalf("left behind: %d bytes of headers, %d streams, %d active", conn.held, len(conn.streams), conn.active)
		}
	})
}

// FuzzClientConn has a target answer any bytes to two requests. The connection must end, and what we say must be
// HTTP/2 by x/net's reckoning.
func FuzzClientConn(f *testing.F) {
	head, status := appendFrameHeader(nil, 0, frameSettings, 0, 0), []byte("\x88")
	with := func(frames ...[]byte) []byte { return bytes.Join(append([][]byte{head}, frames...), nil) }
	f.Add(with(appendHeaderBlock(nil, 1, status, maxFrame, true), appendHeaderBlock(nil, 3, status, maxFrame, false), appendFrameHeader(nil, 0, frameData, flagEndStream, 3)), false)
	f.Add(with(appendGoAway(nil, 1, NoError, "bye"), appendHeaderBlock(nil, 1, status, maxFrame, true)), false)
	f.Add(with(appendGoAway(nil, maxID, NoError, ""), appendRSTStream(nil, 3, RefusedStream), appendRSTStream(nil, 1, Cancel)), false)
	for _, s := range seeds() {
		f.Add(s, true)
	}
	f.Fuzz(func(t *testing.T, b []byte, compact bool) {
		if compact {
			b = unpack(b)
		}
		peer := &script{in: b}
		conn := NewClientConn(peer, Limits{})
		conn.greeted = true // both are opened before anything comes
		var wg sync.WaitGroup
		for _, call := range []*Call{getCall, {Method: []byte("POST"), Scheme: []byte("http"), Authority: []byte("a"), Path: []byte("/")}} {
			s, err := conn.Open(call)
			if err != nil {
				t.Fatal(err)
			}
			wg.Go(func() {
				defer s.Release()
				if !call.End {
					s.WriteEnd([]byte("body"))
				}
				for status := 0; status < 200; {
					var err error
					if status, err = s.ReadHead(); err != nil {
						return
					}
				}
				io.Copy(io.Discard, s)
			})
		}
		conn.greeted = false
		stuck := time.AfterFunc(time.Minute, func() { panic("the connection does not end") })
		conn.Serve()
		wg.Wait()
		stuck.Stop()
		peer.mu.Lock()
		defer peer.mu.Unlock()
		checkOutput(t, bytes.TrimPrefix(peer.out.Bytes(), []byte(preface)))
		if len(conn.streams) != 0 || conn.active != 0 {
			t.Fatalf("left behind: %d streams, %d active", len(conn.streams), conn.active)
		}
	})
}

// unpack reads b as frames with short headers: type, flags, id, length. Unlike whole
// headers these survive mutation.
func unpack(b []byte) []byte {
	out := appendFrameHeader(nil, 0, frameSettings, 0, 0)
	for len(b) >= 4 {
		n := min(int(b[3]), len(b)-4)
		out = appendFrameHeader(out, n, frameType(b[0]%12), b[1], uint32(b[2]%16))
		out = append(out, b[4:4+n]...)
		b = b[4+n:]
	}
	return out
}

func checkOutput(t *testing.T, b []byte) {
	fr := nethttp2.NewFramer(io.Discard, bytes.NewReader(b))
	fr.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	for first := true; ; first = false {
		f, err := fr.ReadFrame()
		if err == io.EOF {
			return
		}
		if err != nil {
			t.Fatalf("we have sent %x: %v", b, err)
		}
		if _, settings := f.(*nethttp2.SettingsFrame); first && !settings {
			t.Fatalf("we begin with %v", f)
		}
	}
}

// FuzzFrame compares our frame parser with x/net's.
func FuzzFrame(f *testing.F) {
	for _, s := range seeds() {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		theirs := nethttp2.NewFramer(io.Discard, bytes.NewReader(b))
		for {
			ours, n, ok := parseFrame(b)
			h, err := nethttp2.ReadFrameHeader(bytes.NewReader(b))
			if err != nil {
				if ok {
					t.Fatalf("we take %x", b)
				}
				return
			}
			if ours.kind != frameType(h.Type) || ours.flags != uint8(h.Flags) || ours.id != h.StreamID || n != int(h.Length)+frameHeaderSize {
				t.Fatalf("%+v, want %+v", ours, h)
			}
			if !ok {
				return
			}
			if data, err := theirs.ReadFrame(); err == nil && ours.kind == frameData {
				if ours.unpad() != nil || !bytes.Equal(ours.payload, data.(*nethttp2.DataFrame).Data()) {
					t.Fatalf("DATA %x, want %x", ours.payload, data.(*nethttp2.DataFrame).Data())
				}
			}
			b = b[n:]
		}
	})
}
