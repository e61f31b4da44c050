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

// held starts a target that tells of each request and answers it with "ok" when it is released.
func held(t *testing.T) (at net.Addr, asked, release chan struct{}) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	asked, release = make(chan struct{}, 1), make(chan struct{})
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/held" {
			asked <- struct{}{}
			<-release
		}
		fmt.Fprint(w, "ok")
	})}
	go server.Serve(l) //nolint:errcheck // ends with the test
	t.Cleanup(func() { server.Close() })
	return l.Addr(), asked, release
}

// TestFaultDrain: an answer that is sent after SIGTERM says that it is the last.
func TestFaultDrain(t *testing.T) {
	t.Parallel()
	for _, secure := range []bool{false, true} {
		at, asked, release := held(t)
		f := startFault(t, "08-drain-no-connection-close", at)
		c, err := net.Dial("tcp", f.http)
		if secure {
			c, err = tls.Dial("tcp", f.https, &tls.Config{InsecureSkipVerify: true})
		}
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		c.SetDeadline(time.Now().Add(patience))
		io.WriteString(c, "GET /held HTTP/1.1\r\nHost: x\r\n\r\n") //nolint:errcheck // reading tells
		<-asked
		f.process.Signal(syscall.SIGTERM)
		for d, err := net.Dial("tcp", f.http); err == nil; d, err = net.Dial("tcp", f.http) {
			d.Close() // it has not begun to stop
			time.Sleep(beat)
		}
		close(release)
		r, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(r.Body)
		isOK(t, r, string(body))
		if !r.Close {
			t.Errorf("secure %v: the answer does not say Connection: close", secure)
		}
		if err := <-f.ended; err != nil {
			t.Error(err)
		}
	}
}

// TestFaultHangup: SIGHUP ends neither the process nor a request.
func TestFaultHangup(t *testing.T) {
	t.Parallel()
	at, asked, release := held(t)
	f := startFault(t, "11-sighup-kills", at)
	answers := make(chan error, 1)
	go func() {
		r, err := http.Get("http://" + f.http + "/held")
		if err == nil {
			r.Body.Close()
		}
		answers <- err
	}()
	<-asked
	f.process.Signal(syscall.SIGHUP)
	f.awaitReady()
	close(release)
	if err := <-answers; err != nil {
		t.Errorf("the request under way: %v", err)
	}
	r, err := http.Get("http://" + f.http)
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(r.Body)
	r.Body.Close()
	isOK(t, r, string(body))
}

// TestFaultALPN: a client of none but unknown application protocols is served HTTP/1.1.
func TestFaultALPN(t *testing.T) {
	t.Parallel()
	f := startFault(t, "10-alpn-unknown-refused", startOK(t))
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"http/1.0"}}}}
	r, err := client.Get("https://" + f.https)
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(r.Body)
	r.Body.Close()
	isOK(t, r, string(body))
}

// TestFaultIdleAdmin: 64 connections that were kept alive do not keep a probe from being answered.
func TestFaultIdleAdmin(t *testing.T) {
	t.Parallel()
	f := startFault(t, "18-admin-held-by-64-idle", startOK(t))
	probe := func() {
		c, err := net.Dial("tcp", f.admin)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		c.SetDeadline(time.Now().Add(patience))
		fmt.Fprintf(c, "GET /readyz HTTP/1.1\r\nHost: %s\r\n\r\n", f.admin)
		r, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil || r.StatusCode != http.StatusOK {
			t.Fatalf("the probe gets %v, %v", r, err)
		}
	}
	for range 65 {
		probe()
	}
}
