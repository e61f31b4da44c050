package wire

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
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

var protocols = map[string]bool{"http1": false, "http2": true}

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
	const size = 1 << 20
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

// TestTunnelsSurviveChange: a change of the configuration that still names the target leaves tunnels alone.
func TestTunnelsSurviveChange(t *testing.T) {
	t.Parallel()
	for name, overHTTP2 := range protocols {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := findPlace("change-" + name)
			if err := p.begin(); err != nil {
				t.Fatal(err)
			}
			u := openTunnel(t, p.addr(), p.targets, overHTTP2)
			u.carries("before")
			p.settings.attributes = "idle_timeout.timeout_seconds=77"
			p.settings.annotations = append(p.settings.annotations, "ssl-policy: ELBSecurityPolicy-TLS13-1-2-2021-06")
			if err := p.change("77"); err != nil {
				t.Fatal(err)
			}
			u.carries("after")
		})
	}
}

// change writes the Ingress anew and waits until that is in force.
func (p *place) change(idle string) error {
	if err := p.write("", p.ingress()); err != nil {
		return err
	}
	for deadline := time.Now().Add(patience); ; time.Sleep(beat) {
		got, err := p.idleTimeout()
		if err == nil && got == idle {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("waiting for an idle timeout of %s s: %v, it is %s", idle, err, got)
		}
	}
}

// idleTimeout is that of the load balancer as it is served.
func (p *place) idleTimeout() (string, error) {
	r, err := http.Get(world.admin + "/config")
	if err != nil {
		return "", err
	}
	defer r.Body.Close()
	var config struct {
		LoadBalancers []struct {
			Name       string
			Attributes map[string]any
		}
	}
	if err := json.NewDecoder(r.Body).Decode(&config); err != nil {
		return "", err
	}
	for _, b := range config.LoadBalancers {
		if b.Name == p.name {
			return fmt.Sprint(b.Attributes["idle_timeout.timeout_seconds"]), nil
		}
	}
	return "", nil
}

// TestTunnelsEndAtDrainLimit: a target that is deregistered keeps its tunnels for the deregistration delay and no longer.
func TestTunnelsEndAtDrainLimit(t *testing.T) {
	t.Parallel()
	for name, overHTTP2 := range protocols {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := findPlace("drain-" + name)
			if err := p.begin(); err != nil {
				t.Fatal(err)
			}
			u := openTunnel(t, p.addr(), p.targets, overHTTP2)
			u.carries("before")
			begin := time.Now()
			if err := p.deregister(); err != nil {
				t.Fatal(err)
			}
			if since := time.Since(begin); since < time.Second {
				u.carries("meanwhile")
			} else {
				t.Logf("not looked at meanwhile: the change took %v", since)
			}
			u.ends()
			if since := time.Since(begin); since < 2900*time.Millisecond {
				t.Errorf("the tunnel ended after %v, want 3s", since)
			}
		})
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
    alb.ingress.kubernetes.io/healthcheck-port: '%[3]d'
    alb.ingress.kubernetes.io/listen-ports: '[{"HTTPS": %[1]d}]'
    alb.ingress.kubernetes.io/certificate-arn: arn:aws:acm:us-east-1:000000000000:certificate/wire
spec:
  defaultBackend: {service: {name: own, port: {number: 80}}}
---
apiVersion: v1
kind: Service
metadata: {name: own}
spec: {ports: [{name: http, port: 80, targetPort: http}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: own, labels: {kubernetes.io/service-name: own}}
addressType: IPv4
ports: [{name: http, port: %[2]d}]
endpoints: [{addresses: [127.0.0.1], conditions: {ready: true}}]
`

// TestTunnelsEndWithProcess: a process that is told to end lets tunnels go on for as long as it was told to drain.
func TestTunnelsEndWithProcess(t *testing.T) {
	t.Parallel()
	targets, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer targets.Close()
	port, err := ports.Free()
	if err != nil {
		t.Fatal(err)
	}
	admin, err := ports.Free()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	manifest := filepath.Join(dir, "own.yaml")
	if err := os.WriteFile(manifest, fmt.Appendf(nil, ownManifest, port, targets.Addr().(*net.TCPAddr).Port, world.health), 0o644); err != nil {
		t.Fatal(err)
	}
	command := exec.Command(filepath.Join(world.dir, "albatross"), "run", "--bind", "127.0.0.1", "--admin", fmt.Sprintf("127.0.0.1:%d", admin), "--dev",
		"--state", filepath.Join(dir, "state"), "--access-log", "off", "--log-level", "error", "--drain", "3s", manifest)
	command.Stderr = os.Stderr
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- command.Wait() }()
	t.Cleanup(func() { command.Process.Kill() })
	addr := fmt.Sprintf("127.0.0.1:%d", port)
	awaitPort(t, fmt.Sprintf("http://127.0.0.1:%d/readyz", admin))
	var all []*tunnel
	for _, overHTTP2 := range protocols {
		all = append(all, openTunnel(t, addr, targets, overHTTP2))
	}
	begin := time.Now()
	command.Process.Signal(syscall.SIGTERM)
	for c, err := net.Dial("tcp", addr); err == nil; c, err = net.Dial("tcp", addr) { // until it has begun to drain
		c.Close()
		time.Sleep(beat)
	}
	for _, u := range all {
		u.carries("meanwhile")
	}
	for _, u := range all {
		u.ends()
	}
	if since := time.Since(begin); since < 2900*time.Millisecond {
		t.Errorf("the tunnels ended after %v, want 3s", since)
	}
	if err := <-ended; err != nil {
		t.Errorf("albatross: %v", err)
	}
}

func awaitPort(t *testing.T, url string) {
	for deadline := time.Now().Add(patience); ; time.Sleep(beat) {
		r, err := http.Get(url)
		if err == nil {
			r.Body.Close()
			if r.StatusCode == 200 {
				return
			}
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: %v", url, err)
		}
	}
}
