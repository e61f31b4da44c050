package wire

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"runtime"
	"sync"
	"time"
)

// recorder is a target that answers everything with 200 and keeps every byte that it got.
// Where a request ends it learns from net/http, which is the first of the parsers
// that what is forwarded is held against.
type recorder struct {
	place *place
	mu    sync.Mutex
	all   []*recorded
}

// recorded is what came on one connection.
type recorded struct {
	requests []seen
	rest     []byte        // bytes behind the last request: of one that net/http refused, or that was broken off
	refused  error         // by net/http
	ended    chan struct{} // closed when the connection has ended
}

// seen is one request as net/http reads it.
type seen struct {
	raw    []byte
	method string
	uri    string
	host   string
	body   string
}

// recorders are those that run, by their places.
var recorders sync.Map

// recorderAt gives the recorder of a place, which is one for the whole run.
func recorderAt(place string) *recorder {
	had, running := recorders.LoadOrStore(place, &recorder{place: findPlace(place)})
	r := had.(*recorder)
	if running {
		return r
	}
	go func() {
		for {
			c, err := r.place.targets.Accept()
			if err != nil {
				return
			}
			go r.record(c)
		}
	}()
	return r
}

// record follows a connection. The last answer to what net/http refuses ends it.
func (r *recorder) record(c net.Conn) {
	defer c.Close()
	got := &recorded{ended: make(chan struct{})}
	defer close(got.ended)
	r.mu.Lock()
	r.all = append(r.all, got)
	r.mu.Unlock()
	var raw bytes.Buffer
	in := bufio.NewReaderSize(io.TeeReader(c, &raw), 1<<20)
	for {
		request, err := http.ReadRequest(in)
		var body []byte
		if err == nil {
			body, err = io.ReadAll(request.Body)
		}
		used := raw.Next(raw.Len() - in.Buffered())
		r.mu.Lock()
		if err != nil {
			got.rest = bytes.Clone(used)
			if err != io.EOF && !errors.Is(err, io.ErrUnexpectedEOF) {
				got.refused = err // if it was broken off, the client has to be told so: see compare
			}
			r.mu.Unlock()
			break
		}
		got.requests = append(got.requests, seen{bytes.Clone(used), request.Method, request.RequestURI, request.Host, string(body)})
		r.mu.Unlock()
		io.WriteString(c, "HTTP/1.1 200 OK\r\nX-Recorded: yes\r\nContent-Length: 0\r\n\r\n")
	}
	if got.refused != nil {
		io.WriteString(c, "HTTP/1.1 400 Bad Request\r\nX-Recorded: no\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
		c.(*net.TCPConn).CloseWrite()
		io.Copy(io.Discard, c)
	}
}

// take gives what has been recorded since the last take, for as far as it has come.
func (r *recorder) take() (requests []seen, refused []error, conns []*recorded) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.all {
		requests = append(requests, c.requests...)
		c.requests = nil
		if c.refused != nil {
			refused = append(refused, fmt.Errorf("%q: %w", c.rest, c.refused))
			c.refused = nil
		}
	}
	conns = r.all
	open := r.all[:0:0]
	for _, c := range r.all {
		select {
		case <-c.ended:
		default:
			open = append(open, c)
		}
	}
	r.all = open
	return requests, refused, conns
}

// dialFromAnywhere connects from one of the many addresses of loopback, where the system has them, so that
// thousands of connections a second do not use up the ports of one.
func dialFromAnywhere(addr string) (net.Conn, error) {
	d := net.Dialer{Timeout: patience}
	if runtime.GOOS == "linux" {
		d.LocalAddr = &net.TCPAddr{IP: net.IPv4(127, byte(1+rand.IntN(254)), byte(rand.IntN(256)), byte(1+rand.IntN(254)))}
	}
	return d.Dial("tcp", addr)
}

// exchange sends bytes on a connection of its own, half-closes, and gives all that comes back.
func (r *recorder) exchange(raw []byte) ([]byte, error) {
	c, err := dialFromAnywhere(r.place.addr())
	if err != nil {
		return nil, err
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(patience))
	if _, err := c.Write(raw); err != nil {
		return nil, nil // refused before all was read
	}
	c.(*net.TCPConn).CloseWrite()
	answer, err := io.ReadAll(c)
	if isTimeout(err) {
		return answer, fmt.Errorf("no end of the answer to %q: %w", raw, err)
	}
	return answer, nil
}
