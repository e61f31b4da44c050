package wire

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// patience bounds every wait that is not about time. Where all goes well nothing waits for long, and on a machine
// with ten times more to do than it can, a reload of all the cases' manifests takes half a minute.
const patience = 2 * time.Minute

// actor is a client or a target of a running case, with its connection.
type actor struct {
	*performance
	script *script
	steps  []step // of the script, those to come
	conn   halfCloser
	in     *bufio.Reader
	wire   *corkable // under TLS
	head   []string  // field lines of the head read last
}

// halfCloser is a TCP connection, or TLS over one.
type halfCloser interface {
	net.Conn
	CloseWrite() error
}

// verbs are what an actor can do, but for sending.
var verbs = map[string]func(*actor, string) error{
	">": nothing, ">|": nothing, ">*": nothing,
	"flood": (*actor).flood,
	"get":   func(a *actor, path string) error { return a.write("GET " + path + " HTTP/1.1\r\nHost: a\r\n\r\n") },
	"ok":    func(a *actor, _ string) error { return a.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok") },
	"is-ok": (*actor).isOK,
	"<":     func(a *actor, arg string) error { return a.expect(a.expand(arg) + "\r\n") },
	"<|":    (*actor).expectBytes,
	"<*":    (*actor).expectMany,
	"head":  (*actor).expectHead,
	"has":   (*actor).has,
	"lacks": (*actor).lacks,
	"page":  (*actor).page,

	"closed": (*actor).closed,
	"reset":  (*actor).wasReset,
	"gone":   (*actor).gone,

	"half-close": (*actor).halfClose,
	"close":      func(a *actor, _ string) error { return a.conn.Close() },
	"rst":        (*actor).rst,

	"tell":       func(a *actor, arg string) error { close(a.event(arg)); return nil },
	"await":      (*actor).await,
	"deregister": func(a *actor, _ string) error { return a.place.deregister() },
	"wait":       (*actor).wait,
	"tls":        (*actor).secure,
	"cork":       func(a *actor, _ string) error { a.wire.corked = true; return nil },
}

func nothing(*actor, string) error { return nil }

// act follows the script to its end.
func (a *actor) act() error {
	for len(a.steps) > 0 {
		s, n := a.steps[0], 0
		for n < len(a.steps) && a.steps[n].sends() {
			n++
		}
		a.conn.SetDeadline(time.Now().Add(patience))
		var err error
		if n > 0 {
			err = a.send(a.steps[:n])
		} else {
			n, err = 1, verbs[s.verb](a, s.arg)
		}
		if err != nil {
			return fmt.Errorf("line %d: %s: %w", s.line, a.script.name, err)
		}
		a.steps = a.steps[n:]
	}
	return nil
}

func (a *actor) expand(s string) string {
	return strings.ReplaceAll(s, "$PORT", strconv.Itoa(a.place.port))
}

// unescape reads Go's escapes.
func unescape(s string) (string, error) {
	text, err := strconv.Unquote(`"` + strings.ReplaceAll(s, `"`, `\"`) + `"`)
	if err != nil {
		return "", fmt.Errorf("reading %q: %w", s, err)
	}
	return text, nil
}

// many reads "N BYTES".
func many(arg string) (string, error) {
	count, text, _ := strings.Cut(arg, " ")
	n, err := strconv.Atoi(count)
	if err != nil {
		return "", err
	}
	text, err = unescape(text)
	return strings.Repeat(text, n), err
}

func (a *actor) send(steps []step) error {
	var b bytes.Buffer
	for _, s := range steps {
		text, err := s.arg+"\r\n", error(nil)
		switch s.verb {
		case ">|":
			text, err = unescape(s.arg)
		case ">*":
			text, err = many(s.arg)
		}
		if err != nil {
			return err
		}
		b.WriteString(a.expand(text))
	}
	return a.write(b.String())
}

func (a *actor) write(text string) error {
	_, err := io.WriteString(a.conn, text)
	return err
}

// isOK reads what a target's ok has become.
func (a *actor) isOK(string) error {
	if err := a.expectHead("HTTP/1.1 200 OK"); err != nil {
		return err
	}
	if err := a.has("Content-Length: 2"); err != nil {
		return err
	}
	return a.expect("ok")
}

// flood writes in the background until all is gone, or nobody takes it.
func (a *actor) flood(arg string) error {
	n, err := strconv.Atoi(arg)
	if err != nil {
		return err
	}
	go io.CopyN(a.conn, endless{}, int64(n))
	return nil
}

// endless is a body.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}

func (a *actor) expectBytes(arg string) error {
	text, err := unescape(arg)
	if err != nil {
		return err
	}
	return a.expect(a.expand(text))
}

func (a *actor) expectMany(arg string) error {
	text, err := many(arg)
	if err != nil {
		return err
	}
	return a.expect(text)
}

func (a *actor) expect(want string) error {
	got := make([]byte, len(want))
	n, err := io.ReadFull(a.in, got)
	if string(got) == want {
		return nil
	}
	got = got[:n]
	if rest := a.in.Buffered(); rest > 0 {
		more, _ := a.in.Peek(rest)
		got = append(got, more...)
	}
	return fmt.Errorf("got %s (%v), want %s", shorten(string(got)), err, shorten(want))
}

func shorten(s string) string {
	if len(s) > 300 {
		return fmt.Sprintf("%q... (%d bytes)", s[:300], len(s))
	}
	return strconv.Quote(s)
}

// readHead reads a head: the start line and the field lines.
func (a *actor) readHead() (string, error) {
	a.head = nil
	var all []string
	for {
		line, err := a.in.ReadString('\n')
		if err != nil {
			return "", fmt.Errorf("reading a head: got %s, then %w", shorten(strings.Join(append(all, line), "")), err)
		}
		all = append(all, line)
		line, ok := strings.CutSuffix(line, "\r\n")
		switch {
		case !ok:
			return "", fmt.Errorf("the line %q does not end in CRLF", line)
		case line == "":
			a.head = all[1 : len(all)-1]
			return strings.TrimSuffix(all[0], "\r\n"), nil
		}
	}
}

func (a *actor) expectHead(want string) error {
	got, err := a.readHead()
	if err == nil && got != a.expand(want) {
		err = fmt.Errorf("the head begins with %q, not %q: %q", got, a.expand(want), a.head)
	}
	return err
}

// values gives the values of all fields of that name in the head read last.
func (a *actor) values(name string) (all []string) {
	for _, line := range a.head {
		n, v, _ := strings.Cut(line, ":")
		if strings.EqualFold(n, name) {
			all = append(all, strings.TrimSpace(v))
		}
	}
	return all
}

func (a *actor) has(arg string) error {
	name, want, _ := strings.Cut(a.expand(arg), ": ")
	if got := a.values(name); len(got) != 1 || got[0] != want {
		return fmt.Errorf("want %s: %s once, got %q in %q", name, want, got, a.head)
	}
	return nil
}

func (a *actor) lacks(name string) error {
	if got := a.values(name); len(got) > 0 {
		return fmt.Errorf("want no %s, got %q", name, a.head)
	}
	return nil
}

// page reads a page of the load balancer's own.
func (a *actor) page(arg string) error {
	words := strings.Fields(arg)
	start, err := a.readHead()
	if err != nil {
		return err
	}
	status, found := strings.CutPrefix(start, "HTTP/1.1 ")
	if !found || !strings.HasPrefix(status, words[0]+" ") {
		return fmt.Errorf("got %q %q, want a page with %s", start, a.head, words[0])
	}
	body := "<html>\r\n<head><title>" + status + "</title></head>\r\n<body>\r\n<center><h1>" + status + "</h1></center>\r\n</body>\r\n</html>\r\n"
	connection := map[string]string{"keep": "keep-alive", "close": "close"}[words[1]]
	for _, field := range []string{"Server: awselb/2.0", "Content-Type: text/html", "Connection: " + connection, "Content-Length: " + strconv.Itoa(len(body))} {
		if err := a.has(field); err != nil {
			return err
		}
	}
	if len(a.values("Date")) != 1 || len(a.head) != 5 {
		return fmt.Errorf("want a Date and no other field in %q", a.head)
	}
	if len(words) == 3 {
		return nil
	}
	return a.expect(body)
}

// until sets another deadline than patience.
func (a *actor) until(arg string) error {
	if arg == "" {
		return nil
	}
	d, err := time.ParseDuration(arg)
	if err != nil {
		return err
	}
	return a.conn.SetReadDeadline(time.Now().Add(d))
}

func (a *actor) closed(arg string) error {
	if err := a.until(arg); err != nil {
		return err
	}
	rest, err := io.ReadAll(a.in)
	if err != nil || len(rest) > 0 {
		return fmt.Errorf("got %s and %v, want the end of the connection", shorten(string(rest)), err)
	}
	return nil
}

func (a *actor) wasReset(string) error {
	rest, err := io.ReadAll(a.in)
	if !errors.Is(err, syscall.ECONNRESET) || len(rest) > 0 {
		return fmt.Errorf("got %s and %v, want a reset", shorten(string(rest)), err)
	}
	return nil
}

func (a *actor) gone(arg string) error {
	if err := a.until(arg); err != nil {
		return err
	}
	_, err := io.Copy(io.Discard, a.in)
	if err != nil && !errors.Is(err, syscall.ECONNRESET) {
		return fmt.Errorf("want the connection's end, got %w", err)
	}
	return nil
}

// halfClose says that nothing more will come; under TLS by close_notify, then FIN.
func (a *actor) halfClose(string) error {
	if err := a.conn.CloseWrite(); err != nil || a.wire == nil {
		return err
	}
	return a.wire.CloseWrite()
}

func (a *actor) rst(string) error {
	if tcp, ok := a.conn.(*net.TCPConn); ok {
		tcp.SetLinger(0)
	}
	return a.conn.Close()
}

// secure has a target expect TLS, of version 1.2 at most if that is said.
func (a *actor) secure(version string) error {
	tcp, ok := a.conn.(*net.TCPConn)
	if !ok {
		return errors.New("there is TLS already")
	}
	a.wire = &corkable{TCPConn: tcp}
	config := &tls.Config{Certificates: []tls.Certificate{certificate()}}
	if version == "1.2" {
		config.MaxVersion = tls.VersionTLS12
	}
	c := tls.Server(a.wire, config)
	a.conn, a.in = c, bufio.NewReader(c)
	return c.Handshake()
}

func (a *actor) await(arg string) error {
	select {
	case <-a.event(arg):
		return nil
	case <-a.failed:
		return errors.New("another actor failed")
	case <-time.After(patience):
		return fmt.Errorf("nobody tells %s", arg)
	}
}

func (a *actor) wait(arg string) error {
	d, err := time.ParseDuration(arg)
	if err != nil {
		return err
	}
	select {
	case <-time.After(d):
	case <-a.failed:
	}
	return nil
}
