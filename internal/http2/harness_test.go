package http2

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"sync"
	"testing"
	"time"
)

// server accepts connections on loopback and runs each with the handler.
type server struct {
	t     testing.TB
	addr  string
	lim   Limits
	conns chan *Conn // accepted
	errs  chan error // what Serve gave
	wg    sync.WaitGroup
}

func serve(t testing.TB, lim Limits, tc *tls.Config, handler func(*Stream)) *server {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &server{t: t, addr: l.Addr().String(), conns: make(chan *Conn, 1000), errs: make(chan error, 1000)}
	s.wg.Go(func() {
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			if tc != nil {
				nc = tls.Server(nc, tc)
			}
			c := NewConn(nc, lim, handler)
			s.conns <- c
			s.wg.Go(func() { s.errs <- c.Serve() })
		}
	})
	t.Cleanup(func() {
		l.Close()
		s.wg.Wait()
	})
	return s
}

var testTLS = sync.OnceValue(func() *tls.Config {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		panic(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, NextProtos: []string{"h2"}}
})

// hello answers every request with a fixed page, once it has read its body.
func hello(s *Stream) {
	buf := make([]byte, 4096)
	for {
		if _, err := s.Read(buf); err != nil {
			break
		}
	}
	if s.WriteHead(200, []byte("Content-Type: text/plain\r\nContent-Length: 13\r\n"), string(s.Method) == "HEAD") == nil && string(s.Method) != "HEAD" {
		s.WriteEnd([]byte("Hello, world!"))
	}
}
