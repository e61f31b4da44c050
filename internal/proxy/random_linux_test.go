package proxy

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

var seed = flag.Uint64("seed", 0, "of TestRandomRequests; 0: another each time")

// kind is how a target answers.
type kind int

const (
	whole      kind = iota // in one write
	pieces                 // in some
	chunked                // in chunks, with a trailer
	untilClose             // with the end of the connection as that of the body
	hinted                 // after responses that are none yet
	bodiless               // by a 204 or a 304
	lastOne                // and says that it closes
	atRest                 // whole, and closes without a word
	resetting              // not at all, when asked for the first time
	brokenOff              // by half a body
	kinds

	calm = atRest // those before are no trouble for any request
)

// plan is one exchange of a conversation, which both sides know.
type plan struct {
	id                 string // the path as well
	seed               uint64
	method             string
	sent               int // length of the request's body; -1: it has none
	sentChunked, early bool
	kind               kind
	answered           int  // length of the answer's body
	pipelined          bool // the next request does not wait for the answer
}

var methods = []string{"GET", "GET", "POST", "POST", "PUT", "HEAD", "DELETE", "PATCH"}

func planOf(seed, number, i uint64, below kind) plan {
	r := rand.New(rand.NewPCG(seed, number<<8|i))
	size := func() int { return int(r.Uint64N(1 << r.UintN(19))) }
	p := plan{id: fmt.Sprintf("/%d/%d", number, i), seed: r.Uint64(), method: methods[r.IntN(len(methods))], sent: -1}
	if p.method[0] == 'P' || r.IntN(8) == 0 {
		p.sent, p.sentChunked = size(), r.IntN(3) == 0
	}
	p.kind, p.answered = kind(r.IntN(int(below))), size()
	if p.kind == untilClose && p.method == "HEAD" {
		p.kind = whole
	}
	p.early = p.kind <= chunked && r.IntN(6) == 0
	p.pipelined = r.IntN(3) == 0
	return p
}

// repeatable tells whether the request may go out again after a connection at rest turned out to be closed.
func (p *plan) repeatable() bool {
	return idempotent([]byte(p.method)) && p.sent < bufferSize/2 && (p.sent < 0 || !p.sentChunked)
}

// bytes gives n bytes that are the exchange's own.
func (p *plan) bytes(n int, of byte) []byte {
	b := make([]byte, max(n, 0))
	rand.NewChaCha8([32]byte{of, byte(p.seed), byte(p.seed >> 8), byte(p.seed >> 16), byte(p.seed >> 24)}).Read(b)
	return b
}

// appendBody appends a body, in chunks where it is to be.
func (p *plan) appendBody(out, body []byte, chunked bool, r *rand.Rand) []byte {
	if !chunked {
		return append(out, body...)
	}
	for len(body) > 0 {
		n := min(len(body), 1+int(r.Uint64N(1<<r.UintN(17))))
		out = append(fmt.Appendf(out, "%x\r\n", n), body[:n]...)
		out, body = append(out, "\r\n"...), body[n:]
	}
	return append(out, "0\r\nX-Sum: "+p.id+"\r\n\r\n"...)
}

// request is what the client sends.
func (p *plan) request(r *rand.Rand) []byte {
	out := fmt.Appendf(nil, "%s %s HTTP/1.1\r\nHost: shop.example\r\nX-Id: %s\r\n", p.method, p.id, p.id)
	switch {
	case p.sent < 0:
		return append(out, "\r\n"...)
	case p.sentChunked:
		out = append(out, "Transfer-Encoding: chunked\r\n\r\n"...)
	default:
		out = fmt.Appendf(out, "Content-Length: %d\r\n\r\n", p.sent)
	}
	return p.appendBody(out, p.bytes(p.sent, 0), p.sentChunked, r)
}

// answer is what the target sends.
func (p *plan) answer(r *rand.Rand) []byte {
	var out []byte
	if p.kind == hinted {
		out = append(out, strings.Repeat("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", p.hints())...)
	}
	out = fmt.Appendf(out, "HTTP/1.1 %d Fine\r\nX-Id: %s\r\n", p.status(), p.id)
	body := p.bytes(p.answered, 1)
	switch p.kind {
	case bodiless:
		return append(out, "\r\n"...)
	case chunked:
		out = append(out, "Transfer-Encoding: chunked\r\n\r\n"...)
	case untilClose:
		out = append(out, "\r\n"...)
	case lastOne:
		out = append(out, "Connection: close\r\n"...)
		fallthrough
	default:
		out = fmt.Appendf(out, "Content-Length: %d\r\n\r\n", len(body))
	}
	switch {
	case p.method == "HEAD":
		return out
	case p.kind == brokenOff:
		body = body[:len(body)/2]
	}
	return p.appendBody(out, body, p.kind == chunked, r)
}

func (p *plan) hints() int { return 1 + int(p.seed%3) }

func (p *plan) status() int {
	if p.kind == bodiless {
		return []int{204, 304}[p.seed%2]
	}
	return []int{200, 201, 404, 503}[p.seed%4]
}

// inPieces writes in pieces, between which others have their turn.
type inPieces struct {
	net.Conn
	random *rand.Rand
}

func (w inPieces) Write(b []byte) (n int, err error) {
	for n < len(b) && err == nil {
		size := len(b) - n
		if w.random.IntN(4) > 0 {
			size = min(size, 1+int(w.random.Uint64N(1<<w.random.UintN(18))))
		}
		size, err = w.Conn.Write(b[n : n+size])
		n += size
		runtime.Gosched()
	}
	return n, err
}

// talks is a test of random conversations.
type talks struct {
	*balancer
	t        testing.TB
	seed     uint64
	below    kind         // the kinds that there are
	open     atomic.Int64 // connections that the target has
	answers  atomic.Int64 // that clients have got
	mu       sync.Mutex
	attempts map[string]int
}

// serve is the target.
func (w *talks) serve(c net.Conn) {
	in := bufio.NewReader(c)
	for {
		r, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		var number, i uint64
		fmt.Sscanf(r.URL.Path, "/%d/%d", &number, &i)
		p := planOf(w.seed, number, i, w.below)
		w.mu.Lock()
		w.attempts[p.id]++
		attempt := w.attempts[p.id]
		w.mu.Unlock()
		if attempt > 1 && !idempotent([]byte(p.method)) {
			w.t.Errorf("%s %s has come %d times", p.method, p.id, attempt)
		}
		random := rand.New(rand.NewPCG(p.seed, 2))
		out := inPieces{c, random}
		if p.early {
			out.Write(p.answer(random))
			if w.heard(&p, r) != nil { // the connection may end with the answer
				return
			}
			continue
		}
		if err := w.heard(&p, r); err != nil {
			w.t.Errorf("%s %s: %v", p.method, p.id, err)
			return
		}
		switch {
		case p.kind == resetting && attempt == 1:
			c.(*net.TCPConn).SetLinger(0)
			return
		case p.kind == pieces || p.kind == chunked || random.IntN(2) == 0:
			out.Write(p.answer(random))
		default:
			c.Write(p.answer(random))
		}
		switch p.kind {
		case untilClose, lastOne, atRest:
			return
		case brokenOff:
			if p.seed%2 == 0 {
				c.(*net.TCPConn).SetLinger(0)
			}
			return
		}
	}
}

// heard compares a request that a target has got.
func (w *talks) heard(p *plan, r *http.Request) error {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	switch {
	case r.Method != p.method || strings.TrimSuffix(r.Host, ":80") != "shop.example" || r.Header.Get("X-Id") != p.id:
		return fmt.Errorf("it has come as %s for %s of %q", r.Method, r.Host, r.Header.Get("X-Id"))
	case !bytes.Equal(body, p.bytes(p.sent, 0)):
		return fmt.Errorf("%d bytes of body have come, want %d", len(body), p.sent)
	case p.sentChunked && r.Trailer.Get("X-Sum") != p.id:
		return fmt.Errorf("trailer %v", r.Trailer)
	}
	return nil
}

var errLast = errors.New("the connection ends")

// hear reads an answer and compares it. errLast means that nothing follows it.
func (w *talks) hear(p *plan, in *bufio.Reader) error {
	hints := 0
	r, err := http.ReadResponse(in, &http.Request{Method: p.method})
	for ; err == nil && r.StatusCode == 103; r, err = http.ReadResponse(in, &http.Request{Method: p.method}) {
		hints++
	}
	if err != nil {
		return fmt.Errorf("reading the head: %w", err)
	}
	body, err := io.ReadAll(r.Body)
	w.answers.Add(1)
	want, status := p.bytes(p.answered, 1), p.status()
	if p.method == "HEAD" || p.kind == bodiless {
		want = nil
	}
	switch {
	case r.StatusCode == 502 && w.below == kinds && (p.kind == resetting || !p.repeatable()):
	case p.kind == brokenOff && p.method != "HEAD" && len(want) > 0:
		if r.StatusCode != status || err == nil || !bytes.HasPrefix(want[:len(want)/2], body) {
			return fmt.Errorf("status %d, %d bytes of body, %v; it was to break off", r.StatusCode, len(body), err)
		}
		return errLast
	case err != nil:
		return fmt.Errorf("after %d of %d bytes of body: %w", len(body), len(want), err)
	case r.StatusCode != status || r.Header.Get("X-Id") != p.id || p.kind == hinted && hints != p.hints():
		return fmt.Errorf("status %d of %q after %d hints, want %d", r.StatusCode, r.Header.Get("X-Id"), hints, status)
	case !bytes.Equal(body, want):
		return fmt.Errorf("%d bytes of body, want %d", len(body), len(want))
	case p.kind == chunked && p.method != "HEAD" && r.Trailer.Get("X-Sum") != p.id:
		return fmt.Errorf("trailer %v", r.Trailer)
	}
	if r.Close {
		return errLast
	}
	return nil
}

// converse has a client's conversation, on as many connections as it takes.
func (w *talks) converse(number uint64, secure bool) {
	var plans []plan
	for i := range 1 + number%8 {
		plans = append(plans, planOf(w.seed, number, i, w.below))
	}
	random := rand.New(rand.NewPCG(w.seed, number<<8|255))
	for len(plans) > 0 {
		tcp, err := net.Dial("tcp", w.addr())
		if err != nil {
			w.t.Error(err)
			return
		}
		tcp.SetDeadline(time.Now().Add(time.Minute))
		if random.IntN(4) == 0 {
			tcp.(*net.TCPConn).SetReadBuffer(32 << 10)
		}
		var c net.Conn = inPieces{tcp, rand.New(rand.NewPCG(random.Uint64(), 0))}
		if secure {
			c = tls.Client(c, &tls.Config{InsecureSkipVerify: true, MaxVersion: []uint16{tls.VersionTLS12, tls.VersionTLS13}[random.IntN(2)]})
		}
		done, err := w.ask(plans, c, random)
		if err != nil {
			w.t.Errorf("%s %s (%+v): %v", plans[done].method, plans[done].id, plans[done], err)
			tcp.Close()
			return
		}
		plans = plans[done:]
		switch random.IntN(3) {
		case 0:
			tcp.(*net.TCPConn).SetLinger(0)
		case 1:
			tcp.(*net.TCPConn).CloseWrite()
			io.Copy(io.Discard, tcp)
		}
		tcp.Close()
	}
}

// ask asks what can be asked on a connection, and gives how much of it was answered.
func (w *talks) ask(plans []plan, c net.Conn, random *rand.Rand) (done int, err error) {
	in := bufio.NewReader(c)
	for done < len(plans) {
		last := done
		for last+1 < len(plans) && plans[last].pipelined {
			last++
		}
		var out []byte
		for i := done; i <= last; i++ {
			out = append(out, plans[i].request(random)...)
		}
		written := make(chan struct{})
		go func() { c.Write(out); close(written) }() // that it fails shows in the answer
		for err == nil && done <= last {
			if err = w.hear(&plans[done], in); err == nil || err == errLast {
				done++
			}
		}
		if err != nil {
			c.SetWriteDeadline(time.Unix(1, 0))
		}
		<-written
		if err == errLast {
			return done, nil
		}
		if err != nil {
			return done, err
		}
	}
	return done, nil
}

// Requests of all sizes and kinds come through to targets that answer in all ways, many at a
// time, byte for byte, and the books are right at the end.
func TestRandomRequests(t *testing.T) {
	lanes()
	from := *seed
	for from == 0 {
		from = rand.Uint64()
	}
	for name, below := range map[string]kind{"calm": calm, "rough": kinds} {
		for _, secure := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/tls=%v", name, secure), func(t *testing.T) {
				w := &talks{t: t, seed: from, below: below, attempts: map[string]int{}}
				w.run(secure)
			})
		}
	}
}

func (w *talks) run(secure bool) {
	t := w.t
	t.Logf("-seed %d", w.seed)
	goroutines, open := runtime.NumGoroutine(), sockets()
	target, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		for c, err := target.Accept(); err == nil; c, err = target.Accept() {
			w.open.Add(1)
			go func() {
				w.serve(c)
				c.Close()
				w.open.Add(-1)
			}()
		}
	}()
	var variants []variant
	if secure {
		variants = append(variants, secured)
	}
	w.balancer = newBalancer(t, config(target.Addr().String()), variants...)
	w.balancer.mu.Lock()
	w.opened = func(s *Session) {
		if s.shard%3 == 0 { // some have little room
			syscall.SetsockoptInt(s.accepted.FD(), syscall.SOL_SOCKET, syscall.SO_SNDBUF, 16<<10)
		}
	}
	w.balancer.mu.Unlock()
	const conversations, atOnce = 150, 30
	var clients sync.WaitGroup
	for i := range uint64(atOnce) {
		clients.Go(func() {
			for number := i; number < conversations; number += atOnce {
				w.converse(number, secure)
			}
		})
	}
	clients.Wait()
	if t.Failed() {
		return
	}
	w.settled()
	target.Close()
	if lines := int64(strings.Count(w.log(), "\n")); lines != w.answers.Load() {
		t.Errorf("%d lines in the log, %d answers", lines, w.answers.Load())
	}
	await(t, "the end of all goroutines", func() bool { return runtime.NumGoroutine() <= goroutines+mostWorkers+4 }) // those of testing
	await(t, "the end of all sockets", func() bool { return sockets() <= open })
}

// settled waits until the books are as they are to be when nobody asks for anything.
func (w *talks) settled() {
	w.t.Helper()
	counters := w.proxy.Snapshot().Sockets[80].Listeners[0].LoadBalancer.Metrics
	await(w.t, "the end of all connections", func() bool {
		active := int64(0)
		for i := range w.metrics.Shards() {
			active += counters.Shard(uint32(i)).ActiveConnections.Load()
		}
		return active == 0
	})
	for _, target := range w.proxy.Snapshot().TargetGroups["shop/web:80"].Targets {
		if n := target.Load.InFlight(); n != 0 {
			w.t.Errorf("%d requests in flight at %v", n, target.Addr)
		}
		if w.below == calm {
			await(w.t, "as many connections at rest as the target has", func() bool { return int64(target.Pool.Idle()) == w.open.Load() })
		}
		target.Pool.Close()
		if n := target.Pool.Idle(); n != 0 {
			w.t.Errorf("%d connections are at rest in a closed pool", n)
		}
	}
	await(w.t, "the end of all connections to the target", func() bool { return w.open.Load() == 0 })
}

// sockets counts those of the process.
func sockets() (n int) {
	all, _ := os.ReadDir("/proc/self/fd")
	for _, fd := range all {
		if to, _ := os.Readlink("/proc/self/fd/" + fd.Name()); strings.HasPrefix(to, "socket:") {
			n++
		}
	}
	return n
}
