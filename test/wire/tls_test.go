package wire

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"sync"
	"time"
)

// corkable is a TCP connection that can hold back what is written until it is closed, so
// that several TLS records arrive as one piece.
type corkable struct {
	*net.TCPConn
	corked bool
	held   []byte
}

func (c *corkable) Write(p []byte) (int, error) {
	if !c.corked {
		return c.TCPConn.Write(p)
	}
	c.held = append(c.held, p...)
	return len(p), nil
}

func (c *corkable) flush() error {
	c.SetWriteDeadline(time.Now().Add(patience)) // TLS lets no write pass behind close_notify
	_, err := c.TCPConn.Write(c.held)
	c.held = nil
	return err
}

func (c *corkable) Close() error {
	c.flush()
	return c.TCPConn.Close()
}

func (c *corkable) CloseWrite() error {
	if err := c.flush(); err != nil {
		return err
	}
	return c.TCPConn.CloseWrite()
}

func dialTLS(addr string) (*tls.Conn, *corkable, error) {
	c, err := net.DialTimeout("tcp", addr, patience)
	if err != nil {
		return nil, nil, err
	}
	wire := &corkable{TCPConn: c.(*net.TCPConn)}
	wire.SetDeadline(time.Now().Add(patience))
	t := tls.Client(wire, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"http/1.1"}})
	return t, wire, t.Handshake()
}

// certificate is what targets of TLS show.
var certificate = sync.OnceValue(func() tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"target"}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		panic(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
})
