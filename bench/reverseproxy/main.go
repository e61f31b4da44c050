// Command reverseproxy is what one writes in Go in twenty lines, given its due: the
// standard library's httputil.ReverseProxy with enough idle connections, pooled
// buffers, round robin over the targets, X-Forwarded headers and a buffered access
// log of the same content as the others write.
//
// It stands in the comparison for every load balancer that is built on net/http,
// and shows what the choice not to build on it is worth.
package main

import (
	"bufio"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/signal"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

func main() {
	plain := flag.String("http", "", "`address` of the HTTP listener")
	secure := flag.String("https", "", "`address` of the HTTPS listener")
	cert := flag.String("cert", "", "certificate `file`")
	key := flag.String("key", "", "private key `file`")
	path := flag.String("log", "", "access log `file`")
	flag.Parse()

	access, err := openLog(*path)
	if err != nil {
		log.Fatal("opening the access log: ", err)
	}
	handler := access.around(proxy(flag.Args()))
	go func() { log.Fatal(http.ListenAndServe(*plain, handler)) }()
	if *secure != "" {
		server := &http.Server{Addr: *secure, Handler: handler}
		go func() { log.Fatal(server.ListenAndServeTLS(*cert, *key)) }()
	}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, os.Interrupt, syscall.SIGTERM)
	<-stop
	access.flush()
}

// proxy sends requests to the addresses in turn.
func proxy(addresses []string) http.Handler {
	targets := make([]*url.URL, len(addresses))
	for i, a := range addresses {
		targets[i] = &url.URL{Scheme: "http", Host: a}
	}
	var turn atomic.Uint64
	return &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(targets[turn.Add(1)%uint64(len(targets))])
			r.Out.Host = r.In.Host
			r.Out.Header["X-Forwarded-For"] = r.In.Header["X-Forwarded-For"]
			r.SetXForwarded()
			_, port, _ := net.SplitHostPort(r.In.Host)
			r.Out.Header.Set("X-Forwarded-Port", port)
		},
		Transport:  &http.Transport{MaxIdleConns: 1024, MaxIdleConnsPerHost: 256, IdleConnTimeout: time.Minute, DisableCompression: true},
		BufferPool: &buffers{sync.Pool{New: func() any { return make([]byte, 32<<10) }}},
	}
}

type buffers struct{ pool sync.Pool }

func (b *buffers) Get() []byte  { return b.pool.Get().([]byte) }
func (b *buffers) Put(p []byte) { b.pool.Put(p) }

// accessLog writes one line a request, buffered.
type accessLog struct {
	mutex sync.Mutex
	out   *bufio.Writer
}

func openLog(path string) (*accessLog, error) {
	file, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	return &accessLog{out: bufio.NewWriterSize(file, 64<<10)}, nil
}

func (a *accessLog) flush() {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	a.out.Flush()
}

// around serves by next and writes the line afterwards.
func (a *accessLog) around(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		seen := counted{ResponseWriter: w}
		next.ServeHTTP(&seen, r)
		scheme := "http"
		if r.TLS != nil {
			scheme = "https"
		}
		a.mutex.Lock()
		defer a.mutex.Unlock()
		fmt.Fprintf(a.out, "%s %s bench %s - %.6f %d %d %d \"%s %s://%s%s %s\" %q\n", scheme, start.UTC().Format(time.RFC3339Nano), r.RemoteAddr,
			time.Since(start).Seconds(), seen.code, r.ContentLength, seen.bytes, r.Method, scheme, r.Host, r.URL.RequestURI(), r.Proto,
			strings.ToValidUTF8(r.UserAgent(), "?"))
	})
}

// counted notes the status code and the bytes of the body.
type counted struct {
	http.ResponseWriter
	code, bytes int
}

func (c *counted) WriteHeader(code int) {
	c.code = code
	c.ResponseWriter.WriteHeader(code)
}

func (c *counted) Write(p []byte) (int, error) {
	n, err := c.ResponseWriter.Write(p)
	c.bytes += n
	return n, err
}

// Unwrap lets http.ResponseController flush.
func (c *counted) Unwrap() http.ResponseWriter { return c.ResponseWriter }
