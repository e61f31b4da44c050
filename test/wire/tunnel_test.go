package wire

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/net/http2"

	"github.com/albatross-lb/albatross/test/ports"
)

// Tunnels are WebSocket, over HTTP/1.1 and, by RFC 8441, in a stream of HTTP/2; the client of the latter
// is x/net's. Targets are raw sockets.

const switching = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"

// tunnel is what a client has of an open tunnel, and what its target has.
type tunnel struct {
	t      *testing.T
	client io.ReadWriteCloser
	target *net.TCPConn
	in     *bufio.Reader // of the target
}

// http2Client is a client of HTTP/2 on one connection at a time.
func http2Client(t *testing.T, addr string) *http.Client {
	transport := &http2.Transport{DialTLSContext: func(ctx context.Context, _, _ string, _ *tls.Config) (net.Conn, error) {
		dialer := tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}}}
		return dialer.DialContext(ctx, "tcp", addr)
	}}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// duplex is a stream of HTTP/2: the body of a request and of its response.
type duplex struct {
	io.ReadCloser
	io.Writer
	end func() error // of what is written
}

func (d duplex) Close() error {
	d.end()
	return d.ReadCloser.Close()
}

func (d duplex) CloseWrite() error { return d.end() }

// connect asks for a tunnel by extended CONNECT.
func connect(c *http.Client, addr, protocol string) (*http.Response, *io.PipeWriter, error) {
	in, out := io.Pipe()
	r, err := http.NewRequest("CONNECT", "https://"+addr+"/chat?room=1", in)
	if err != nil {
		return nil, nil, err
	}
	r.Header = http.Header{":protocol": {protocol}, "Sec-Websocket-Version": {"13"}, "Origin": {"https://a"}}
	response, err := c.Do(r)
	return response, out, err
}

// openTunnel opens one through the place, with a target that agrees.
func openTunnel(t *testing.T, addr string, targets *net.TCPListener, overHTTP2 bool) *tunnel {
	t.Helper()
	u := &tunnel{t: t}
	agreed := make(chan error, 1)
	go func() { agreed <- u.agree(targets) }()
	if overHTTP2 {
		response, out, err := connect(http2Client(t, addr), addr, "websocket")
		if err != nil || response.StatusCode != 200 {
			t.Fatalf("extended CONNECT: %v, %v", response, err)
		}
		u.client = duplex{response.Body, out, out.Close}
	} else {
		c, _, err := dialTLS(addr)
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(c, "GET /chat?room=1 HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
		in := bufio.NewReader(c)
		response, err := http.ReadResponse(in, nil)
		if err != nil || response.StatusCode != 101 {
			t.Fatalf("upgrade: %v, %v", response, err)
		}
		u.client = duplex{io.NopCloser(in), c, c.Close}
	}
	if err := <-agreed; err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { u.client.Close(); u.target.Close() })
	return u
}

// agree is the target's part.
func (u *tunnel) agree(targets *net.TCPListener) (err error) {
	targets.SetDeadline(time.Now().Add(patience))
	if u.target, err = targets.AcceptTCP(); err != nil {
		return err
	}
	u.target.SetDeadline(time.Now().Add(patience))
	u.in = bufio.NewReader(u.target)
	r, err := http.ReadRequest(u.in)
	if err != nil {
		return err
	}
	if r.Method != "GET" || r.RequestURI != "/chat?room=1" || r.Header.Get("Upgrade") != "websocket" || !strings.EqualFold(r.Header.Get("Connection"), "upgrade") {
		return fmt.Errorf("the target was asked %s %s %v", r.Method, r.RequestURI, r.Header)
	}
	_, err = io.WriteString(u.target, switching)
	return err
}

// carries sends a word each way.
func (u *tunnel) carries(word string) {
	u.t.Helper()
	got := make([]byte, len(word))
	if _, err := io.WriteString(u.client, word); err != nil {
		u.t.Fatalf("to the target: %v", err)
	}
	if _, err := io.ReadFull(u.in, got); string(got) != word {
		u.t.Fatalf("the target got %q, %v, want %q", got, err, word)
	}
	if _, err := io.WriteString(u.target, word); err != nil {
		u.t.Fatalf("to the client: %v", err)
	}
	if _, err := io.ReadFull(u.client, got); string(got) != word {
		u.t.Fatalf("the client got %q, %v, want %q", got, err, word)
	}
}

// ends waits until both sides have been told that the tunnel is over.
func (u *tunnel) ends() {
	u.t.Helper()
	if n, err := io.Copy(io.Discard, u.client); n > 0 || isTimeout(err) {
		u.t.Errorf("the client got %d bytes, %v, want the end", n, err)
	}
	if n, err := io.Copy(io.Discard, u.in); n > 0 || isTimeout(err) {
		u.t.Errorf("the target got %d bytes, %v, want the end", n, err)
	}
}

// TestWebSocketHTTP2: a tunnel in a stream, with early bytes, more than all windows in both directions at once, other
// streams beside it, and an end by each side.
func TestWebSocketHTTP2(t *testing.T) {
	t.Parallel()
	p := findPlace("tunnel-http2")
	if err := p.begin(); err != nil {
		t.Fatal(err)
	}
	asked := make(chan *http.Request, 1)
	client := http2Client(t, p.addr())
	const size = 256 << 10
	done := make(chan error, 1)
	go func() {
		done <- func() error {
			c, err := p.targets.AcceptTCP()
			if err != nil {
				return err
			}
			defer c.Close()
			c.SetDeadline(time.Now().Add(patience))
			in := bufio.NewReader(c)
			r, err := http.ReadRequest(in)
			if err != nil {
				return err
			}
			asked <- r
			io.WriteString(c, switching+"early")
			if n, err := io.CopyN(c, in, size); err != nil { // an echo
				return fmt.Errorf("echoing, behind %d bytes: %w", n, err)
			}
			if n, err := io.Copy(io.Discard, in); n > 0 || err != nil {
				return fmt.Errorf("instead of the client's end: %d bytes, %w", n, err)
			}
			_, err = io.WriteString(c, "bye")
			return err
		}()
	}()
	response, out, err := connect(client, p.addr(), "websocket")
	if err != nil || response.StatusCode != 200 || response.ContentLength >= 0 {
		t.Fatalf("extended CONNECT: %v, %v", response, err)
	}
	for _, name := range []string{"Connection", "Upgrade", "Transfer-Encoding"} {
		if response.Header.Get(name) != "" {
			t.Errorf("the client got %s: %s", name, response.Header.Get(name))
		}
	}
	r := <-asked
	key, err := base64.StdEncoding.DecodeString(r.Header.Get("Sec-WebSocket-Key"))
	if len(key) != 16 || err != nil || r.Method != "GET" || r.Header.Get("Sec-WebSocket-Version") != "13" || r.Header.Get("Origin") != "https://a" ||
		r.ContentLength != 0 || len(r.TransferEncoding) > 0 || r.Header.Get("X-Forwarded-Proto") != "https" {
		t.Errorf("the target was asked %s %s %v, %v", r.Method, r.RequestURI, r.Header, err)
	}
	word := make([]byte, 5)
	if _, err := io.ReadFull(response.Body, word); string(word) != "early" {
		t.Fatalf("got %q, %v", word, err)
	}
	go io.CopyN(out, endless{}, size)
	if n, err := io.CopyN(io.Discard, response.Body, size); err != nil {
		t.Fatalf("%d bytes came back, then %v", n, err)
	}
	out.Close()
	if rest, err := io.ReadAll(response.Body); string(rest) != "bye" || err != nil {
		t.Errorf("at the end: %q, %v", rest, err)
	}
	if err := <-done; err != nil {
		t.Errorf("the target: %v", err)
	}
	for _, err := range p.check([]string{"101 type=wss"}, nil) {
		t.Error(err)
	}
}

// refusals runs a target, once, that answers with the codes sent there.
var refusals = sync.OnceValue(func() chan int {
	answers := make(chan int, 1)
	targets := findPlace("tunnel-refused").targets
	go http.Serve(targets, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(<-answers)
		io.WriteString(w, "no rooms")
	}))
	return answers
})

// TestWebSocketHTTP2Refused: an answer that opens no tunnel is an answer like any other, and the
// connection goes on; a protocol that is not known is refused.
func TestWebSocketHTTP2Refused(t *testing.T) {
	t.Parallel()
	p := findPlace("tunnel-refused")
	if err := p.begin(); err != nil {
		t.Fatal(err)
	}
	p.targets.SetDeadline(time.Time{})
	answers := refusals()
	client := http2Client(t, p.addr())
	for _, c := range []struct {
		protocol     string
		answer, want int
	}{{"websocket", 403, 403}, {"websocket", 200, 502}, {"connect-udp", 0, 501}, {"WebSocket", 404, 404}} {
		if c.answer != 0 {
			answers <- c.answer
		}
		response, out, err := connect(client, p.addr(), c.protocol)
		if err != nil {
			t.Fatal(err)
		}
		out.Close()
		if _, err := io.ReadAll(response.Body); response.StatusCode != c.want || err != nil {
			t.Errorf("%s answered with %d: got %v, %v, want %d", c.protocol, c.answer, response, err, c.want)
		}
	}
	answers <- 403
	if response, err := client.Get("https://" + p.addr()); err != nil || response.StatusCode != 403 {
		t.Errorf("the next request: %v, %v", response, err)
	}
	for _, err := range p.check([]string{"403 type=h2", "502 target=- reason=TargetResponseNoUpgrade", "501 reason=UnsupportedProtocol", "404", "403"}, nil) {
		t.Error(err)
	}
}

const ownManifest = `
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: own
  annotations:
    kubernetes.io/ingress.class: alb
    alb.ingress.kubernetes.io/target-type: ip
    alb.ingress.kubernetes.io/healthcheck-port: '%[2]d'
    alb.ingress.kubernetes.io/listen-ports: '[{"HTTPS": %[1]d}]'
    alb.ingress.kubernetes.io/certificate-arn: arn:aws:acm:us-east-1:000000000000:certificate/wire
    alb.ingress.kubernetes.io/target-group-attributes: deregistration_delay.timeout_seconds=10
    alb.ingress.kubernetes.io/ssl-policy: %[3]s
spec:
  defaultBackend: {service: {name: own, port: {number: 80}}}
---
apiVersion: v1
kind: Service
metadata: {name: own}
spec: {ports: [{name: http, port: 80, targetPort: http}]}
`

// own is an albatross for tunnels alone, whose configuration can change and which can be told to end.
type own struct {
	t       *testing.T
	dir     string
	port    int
	admin   string
	targets *net.TCPListener
	process *os.Process
	ended   chan error
}

// startOwn starts it. wrap is a command that runs it in place of itself, if any.
func startOwn(t *testing.T, wrap ...string) *own {
	o := &own{t: t, dir: t.TempDir(), ended: make(chan error, 1)}
	var err error
	if o.targets, err = net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { o.targets.Close() })
	admin, err := ports.Free()
	if err != nil {
		t.Fatal(err)
	}
	if o.port, err = ports.Free(); err != nil {
		t.Fatal(err)
	}
	o.admin = fmt.Sprintf("127.0.0.1:%d", admin)
	if err := os.Mkdir(filepath.Join(o.dir, "manifests"), 0o755); err != nil {
		t.Fatal(err)
	}
	o.write("own.yaml", fmt.Sprintf(ownManifest, o.port, world.health, "ELBSecurityPolicy-2016-08"))
	o.register()
	words := append(wrap, filepath.Join(world.dir, "albatross"), "run", "--bind", "127.0.0.1", "--admin", o.admin, "--dev",
		"--state", filepath.Join(o.dir, "state"), "--access-log", "off", "--log-level", "error", "--drain", "10s", filepath.Join(o.dir, "manifests"))
	command := exec.Command(words[0], words[1:]...)
	command.Stderr = os.Stderr
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	o.process = command.Process
	go func() { o.ended <- command.Wait() }()
	t.Cleanup(func() { command.Process.Kill() })
	o.await("the target to be healthy", `"State": "healthy"`, "/target-health")
	return o
}

func (o *own) write(name, text string) {
	file := filepath.Join(o.dir, "manifests", name)
	if err := os.WriteFile(file+".part", []byte(text), 0o644); err != nil {
		o.t.Fatal(err)
	}
	if err := os.Rename(file+".part", file); err != nil {
		o.t.Fatal(err)
	}
}

func (o *own) register() {
	o.write("slice.yaml", fmt.Sprintf(endpointSlice, "own", o.targets.Addr().(*net.TCPAddr).Port))
}

// await waits until the admin API has that to say at a path.
func (o *own) await(what, text, path string) {
	o.t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(beat) {
		r, err := http.Get("http://" + o.admin + path)
		if err == nil {
			said, _ := io.ReadAll(r.Body)
			r.Body.Close()
			if strings.Contains(string(said), text) {
				return
			}
			err = errors.New(string(said))
		}
		if time.Now().After(deadline) {
			o.t.Fatalf("waiting for %s: %v", what, err)
		}
	}
}

// open opens a tunnel over each protocol.
func (o *own) open() (all []*tunnel) {
	o.t.Helper()
	for _, overHTTP2 := range []bool{false, true} {
		u := openTunnel(o.t, fmt.Sprintf("127.0.0.1:%d", o.port), o.targets, overHTTP2)
		u.carries("first")
		all = append(all, u)
	}
	return all
}

// endAfter: the tunnels go on for a while and end together, not before the drain limit of ten seconds. Where the machine
// has taken so long that they may end any time, what they carry is not looked at.
func endAfter(t *testing.T, all []*tunnel, begin time.Time) {
	t.Helper()
	for _, u := range all {
		if since := time.Since(begin); since < 2*time.Second {
			u.carries("meanwhile")
		} else {
			t.Logf("not looked at meanwhile: it took %v until here", since)
		}
	}
	for _, u := range all {
		u.ends()
	}
	if since := time.Since(begin); since < 9900*time.Millisecond {
		t.Errorf("the tunnels ended after %v, want 10s", since)
	}
}

// TestTunnels: a change of the configuration that still names the target leaves tunnels alone. A target that is deregistered keeps them
// for the deregistration delay, a process that is told to end for as long as it was told to drain, and no longer.
func TestTunnels(t *testing.T) {
	t.Parallel()
	o := startOwn(t)
	all := o.open()
	o.write("own.yaml", fmt.Sprintf(ownManifest, o.port, world.health, "ELBSecurityPolicy-TLS13-1-2-2021-06"))
	o.await("the new policy", "ELBSecurityPolicy-TLS13-1-2-2021-06", "/config")
	for _, u := range all {
		u.carries("after the change")
	}

	begin := time.Now()
	if err := os.Remove(filepath.Join(o.dir, "manifests", "slice.yaml")); err != nil {
		t.Fatal(err)
	}
	o.await("the target to drain", `"State": "draining"`, "/target-health")
	endAfter(t, all, begin)

	o.register()
	o.await("the target to be healthy again", `"State": "healthy"`, "/target-health")
	all = o.open()
	begin = time.Now()
	o.process.Signal(syscall.SIGTERM)
	for c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", o.port)); err == nil; c, err = net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", o.port)) {
		c.Close() // it has not begun to drain
		time.Sleep(beat)
	}
	endAfter(t, all, begin)
	if err := <-o.ended; err != nil {
		t.Errorf("albatross: %v", err)
	}
}
