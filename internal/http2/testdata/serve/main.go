// Command serve answers every request with a fixed page over HTTP/2, for h2load,
// h2spec and profiles. It listens on loopback with TLS, or with -plain without it,
// prints its address, and ends with its standard input. It then says how much CPU
// time it took in all.
package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"flag"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"os"
	"runtime"
	"runtime/pprof"
	"syscall"
	"time"

	"github.com/albatross-lb/albatross/internal/http2"
	"github.com/albatross-lb/albatross/internal/sock"
)

var (
	addr    = flag.String("addr", "127.0.0.1:0", "where to listen")
	plain   = flag.Bool("plain", false, "prior knowledge instead of TLS")
	size    = flag.Int("size", 85, "bytes of the page")
	profile = flag.String("profile", "", "write a CPU profile there")
)

func main() {
	flag.Parse()
	l, err := net.Listen("tcp", *addr)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(l.Addr())
	if *profile != "" {
		f, err := os.Create(*profile)
		if err != nil {
			log.Fatal(err)
		}
		pprof.StartCPUProfile(f)
		defer pprof.StopCPUProfile()
	}
	go accept(l, certificate())
	io.Copy(io.Discard, os.Stdin)
	var u syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	fmt.Println("CPU", time.Duration(u.Utime.Nano()+u.Stime.Nano()), "user", time.Duration(u.Utime.Nano()), "allocations", m.Mallocs)
}

func accept(l net.Listener, tc *tls.Config) {
	page := make([]byte, *size)
	head := fmt.Appendf(nil, "Content-Type: text/plain\r\nServer: serve\r\nContent-Length: %d\r\n", *size)
	for {
		nc, err := l.Accept()
		if err != nil {
			log.Fatal(err)
		}
		c, err := sock.New(nc.(*net.TCPConn))
		if err != nil {
			log.Fatal(err)
		}
		nc = c
		if !*plain {
			nc = tls.Server(c, tc)
		}
		go http2.NewConn(nc, http2.Limits{}, func(s *http2.Stream) {
			if !s.EndStream {
				drain(s)
			}
			if s.WriteHead(200, head, false) == nil {
				s.WriteEnd(page)
			}
		}).Serve()
	}
}

func drain(s *http2.Stream) {
	buf := make([]byte, 32<<10)
	for {
		if _, err := s.Read(buf); err != nil {
			return
		}
	}
}

func certificate() *tls.Config {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		log.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"localhost"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		log.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, NextProtos: []string{"h2"}}
}
