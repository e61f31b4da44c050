package client

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"sync"
	"time"
)

// sources is over how many addresses of loopback the connections are spread: one address has
// some 28,000 ports for each it connects to.
const sources = 8

// Idle are connections at rest.
type Idle struct {
	mutex       sync.Mutex
	connections []net.Conn
}

// Rest opens n connections, has one request answered on each, and keeps them open without
// another word until Close.
func Rest(ctx context.Context, address string, secure bool, request []byte, n int) (*Idle, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	idle := &Idle{}
	var running sync.WaitGroup
	const workers = 32
	for w := range workers {
		running.Go(func() {
			buffer := make([]byte, 8<<10)
			for i := w; i < n && ctx.Err() == nil; i += workers {
				if err := idle.open(ctx, address, secure, request, buffer, i); err != nil {
					cancel(fmt.Errorf("connection %d: %w", i+1, err))
				}
			}
		})
	}
	running.Wait()
	if err := context.Cause(ctx); err != nil {
		idle.Close()
		return nil, err
	}
	return idle, nil
}

func (d *Idle) open(ctx context.Context, address string, secure bool, request, buffer []byte, i int) error {
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, byte(2+i%sources))}, KeepAlive: -1, Control: latePort}
	c, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	if secure {
		// The certificate is the comparison's own. One group for all: what a proxy keeps of a
		// handshake may depend on how long its messages were.
		c = tls.Client(c, &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS13, CurvePreferences: []tls.CurveID{tls.X25519}})
	}
	d.mutex.Lock()
	d.connections = append(d.connections, c)
	d.mutex.Unlock()
	if err := c.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		return err
	}
	if _, err := exchange(c, request, buffer); err != nil {
		return err
	}
	return c.SetDeadline(time.Time{})
}

// Close ends the connections.
func (d *Idle) Close() {
	for _, c := range d.connections {
		if s, ok := c.(*tls.Conn); ok {
			c = s.NetConn()
		}
		c.Close()
	}
}
