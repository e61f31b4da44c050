package script

import (
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/albatross-lb/albatross/test/ports"
)

// target is a server that tells who it is and what it was sent.
type target struct {
	name string
	port int
	tls  *tls.Config // nil: plain HTTP

	mutex     sync.Mutex
	server    *http.Server // nil while down
	unhealthy bool
	manner    manner
	busy      int           // requests being answered, without health checks
	held      chan struct{} // closed when those that are held may be answered
}

// manner is how a target answers what is no health check.
type manner struct {
	kind  string // ok | hold | slow | reset | hang-up | status | tunnel
	delay time.Duration
	code  int
}

func targets(ts *testscript.TestScript, neg bool, args []string) {
	var config *tls.Config
	if len(args) > 0 && args[0] == "-tls" {
		pair, err := selfSignedPair("target.test")
		ts.Check(err)
		config, args = &tls.Config{Certificates: []tls.Certificate{pair}}, args[1:]
	}
	if neg || len(args) == 0 {
		ts.Fatalf("usage: target [-tls] NAME...")
	}
	for _, name := range args {
		port, err := ports.Free()
		ts.Check(err)
		t := &target{name: name, port: port, tls: config, manner: manner{kind: "ok"}, held: make(chan struct{})}
		worldOf(ts).targets[name] = t
		ts.Check(t.up())
		ts.Setenv(name, strconv.Itoa(t.port))
	}
}

func tell(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: tell NAME WHAT [ARGUMENT]")
	}
	t := worldOf(ts).targets[args[0]]
	if t == nil {
		ts.Fatalf("no target is named %s", args[0])
	}
	ts.Check(t.change(args[1], args[2:]))
}

func (t *target) change(what string, args []string) (err error) {
	switch what {
	case "up":
		return t.up()
	case "down":
		return t.down()
	}
	t.mutex.Lock()
	defer t.mutex.Unlock()
	switch what {
	case "healthy", "unhealthy":
		t.unhealthy = what == "unhealthy"
	case "release":
		close(t.held)
		t.held = make(chan struct{})
	case "ok", "hold", "reset", "hang-up", "tunnel":
		t.manner = manner{kind: what}
	case "slow":
		t.manner = manner{kind: what}
		t.manner.delay, err = time.ParseDuration(strings.Join(args, " "))
	case "status":
		t.manner = manner{kind: what}
		t.manner.code, err = strconv.Atoi(strings.Join(args, " "))
	default:
		err = fmt.Errorf("a target cannot be told %q", what)
	}
	return err
}

// up listens on the target's port, the same each time. A child that is being started
// when it goes down has its socket, too, until its exec.
func (t *target) up() error {
	listener, err := listenAgain(net.JoinHostPort("127.0.0.1", strconv.Itoa(t.port)))
	if err != nil {
		return err
	}
	if t.tls != nil {
		listener = tls.NewListener(listener, t.tls)
	}
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.server = &http.Server{Handler: t, ErrorLog: log.New(io.Discard, "", 0)}
	go t.server.Serve(listener)
	return nil
}

func listenAgain(address string) (listener net.Listener, err error) {
	for deadline := time.Now().Add(patience); ; time.Sleep(beat) {
		listener, err = net.Listen("tcp", address)
		if err == nil || time.Now().After(deadline) {
			return listener, err
		}
	}
}

// down closes the listener and every connection, and waits until the port refuses. A child that is being started has the
// listener, too, until its exec, and connections to it would be taken up to then.
func (t *target) down() error {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	if t.server == nil {
		return nil
	}
	t.server.Close()
	t.server = nil
	for deadline := time.Now().Add(patience); ; time.Sleep(beat) {
		c, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(t.port)))
		if err != nil {
			return nil
		}
		c.Close()
		if time.Now().After(deadline) {
			return fmt.Errorf("the port of target %s does not close", t.name)
		}
	}
}

func (t *target) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	t.mutex.Lock()
	unhealthy, manner, held := t.unhealthy, t.manner, t.held
	t.mutex.Unlock()
	w.Header().Set("X-Target", t.name)
	if strings.HasPrefix(r.UserAgent(), "ELB-HealthChecker/") {
		if unhealthy {
			w.WriteHeader(http.StatusInternalServerError)
		}
		return
	}
	t.count(1)
	defer t.count(-1)
	switch manner.kind {
	case "hold":
		select {
		case <-held:
		case <-r.Context().Done():
		}
	case "slow":
		select {
		case <-time.After(manner.delay):
		case <-r.Context().Done():
		}
	case "reset":
		breakOff(w, true)
		return
	case "hang-up":
		breakOff(w, false)
		return
	case "tunnel":
		tunnel(w)
		return
	case "status":
		w.WriteHeader(manner.code)
	}
	t.tellAll(w, r)
}

func (t *target) count(n int) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.busy += n
}

// busy waits until one of the targets is answering a request.
func busy(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: busy TARGET...")
	}
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(beat) {
		for _, name := range args {
			t := worldOf(ts).targets[name]
			if t == nil {
				ts.Fatalf("no target is named %s", name)
			}
			t.mutex.Lock()
			n := t.busy
			t.mutex.Unlock()
			if n > 0 {
				return
			}
		}
	}
	ts.Fatalf("no request arrives at %s", strings.Join(args, " or "))
}

// breakOff ends the connection without an answer: by RST, or by FIN in the middle of the head.
func breakOff(w http.ResponseWriter, reset bool) {
	c, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	if tcp, ok := c.(*net.TCPConn); ok && reset {
		tcp.SetLinger(0)
	} else {
		io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-")
	}
	c.Close()
}

// tunnel agrees to any upgrade, sends one line back and ends.
func tunnel(w http.ResponseWriter) {
	c, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer c.Close()
	io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
	if line, err := buffered.ReadString('\n'); err == nil {
		io.WriteString(c, "echo: "+line)
	}
}

// tellAll writes the target's name and the request as it came in, headers sorted.
func (t *target) tellAll(w io.Writer, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	fmt.Fprintf(w, "target: %s\n%s %s %s\nHost: %s\n", t.name, r.Method, r.RequestURI, r.Proto, r.Host)
	writeHeaders(w, r.Header)
	if len(r.TransferEncoding) > 0 {
		fmt.Fprintf(w, "Transfer-Encoding: %s\n", strings.Join(r.TransferEncoding, ", "))
	}
	if err != nil {
		fmt.Fprintf(w, "body: broken off: %v\n", err)
		return
	}
	fmt.Fprintf(w, "body: %s\n", body)
	writeHeaders(w, r.Trailer)
}

// writeHeaders writes one line for each value, sorted by name.
func writeHeaders(w io.Writer, headers http.Header) {
	var names []string
	for name := range headers {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		for _, value := range headers[name] {
			fmt.Fprintf(w, "%s: %s\n", name, value)
		}
	}
}

// service writes a Service and its EndpointSlices. One target more or less: call it again.
func service(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: service NAME TARGET...")
	}
	name := args[0]
	var b strings.Builder
	fmt.Fprintf(&b, "apiVersion: v1\nkind: Service\nmetadata: {name: %s}\nspec:\n  ports:\n  - {name: http, port: 80, targetPort: http}\n", name)
	for _, targetName := range args[1:] {
		t := worldOf(ts).targets[targetName]
		if t == nil {
			ts.Fatalf("no target is named %s", targetName)
		}
		fmt.Fprintf(&b, "---\napiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata:\n  name: %s-%s\n  labels: {kubernetes.io/service-name: %s}\n"+
			"addressType: IPv4\nports:\n- {name: http, port: %d}\nendpoints:\n- {addresses: [127.0.0.1], conditions: {ready: true}}\n", name, targetName, name, t.port)
	}
	ts.Check(writeWhole(ts.MkAbs("manifests/service-"+name+".yaml"), b.String()))
}

// writeWhole replaces a file at once, as editors and kubelets do.
func writeWhole(path, text string) error {
	part := path + ".part"
	if err := os.WriteFile(part, []byte(text), 0o644); err != nil {
		return err
	}
	return os.Rename(part, path)
}
