package wire

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"syscall"
	"testing"
	"time"
)

// kept is a client's connection, kept alive.
type kept struct {
	t  *testing.T
	c  net.Conn
	in *bufio.Reader
}

// asks sends a request and reads the answer, which says whether it is the last.
func (k *kept) asks() (last bool) {
	k.t.Helper()
	if _, err := io.WriteString(k.c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		k.t.Fatal(err)
	}
	r, err := http.ReadResponse(k.in, nil)
	if err != nil {
		k.t.Fatal("reading the response: ", err)
	}
	if body, err := io.ReadAll(r.Body); string(body) != "ok" || err != nil {
		k.t.Fatalf("the body is %q, %v", body, err)
	}
	return r.Close
}

// answerOK has the targets answer everything with "ok".
func (o *own) answerOK() {
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "ok") })}
	go server.Serve(o.targets) //nolint:errcheck // ends with the test
	o.t.Cleanup(func() { server.Close() })
}

// dial opens a client's connection.
func (o *own) dial() *kept {
	o.t.Helper()
	c, err := tls.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", o.port), &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		o.t.Fatal(err)
	}
	o.t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(patience))
	return &kept{o.t, c, bufio.NewReader(c)}
}

// TestStopAnswersKeptConnections: whoever asks on a connection that was kept alive while the process is
// stopping is answered, and told that this was the last time; the process does not wait for those that do not ask.
func TestStopAnswersKeptConnections(t *testing.T) {
	t.Parallel()
	o := startOwn(t)
	o.answerOK()
	address := fmt.Sprintf("127.0.0.1:%d", o.port)
	var clients []*kept
	for range 58 {
		k := o.dial()
		if k.asks() {
			t.Fatal("the first answer says that it is the last")
		}
		clients = append(clients, k)
	}
	o.process.Signal(syscall.SIGTERM)
	for c, err := net.Dial("tcp", address); err == nil; c, err = net.Dial("tcp", address) {
		c.Close() // it has not begun to stop
		time.Sleep(beat)
	}
	o.await("not being ready", "not ready: stopping", "/readyz")
	silent := clients[:8]
	for _, k := range clients[8:] {
		if !k.asks() {
			t.Error("an answer while stopping does not say that it is the last")
		}
		if rest, err := io.ReadAll(k.in); len(rest) > 0 || err != nil {
			t.Errorf("behind it comes %q, %v", rest, err)
		}
	}
	for _, k := range silent {
		if rest, err := io.ReadAll(k.in); len(rest) > 0 || err != nil {
			t.Errorf("who does not ask gets %q, %v", rest, err)
		}
	}
	if err := <-o.ended; err != nil {
		t.Errorf("albatross: %v", err)
	}
}
