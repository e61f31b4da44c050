package upstream

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/albatross-lb/albatross/internal/http2"
	"github.com/albatross-lb/albatross/internal/sock"
)

// maxStreamConns bounds the HTTP/2 connections to one target. Each carries as many
// requests at a time as the target allows.
const maxStreamConns = 32

// Streams keeps the HTTP/2 connections to one target: TLS with ALPN h2, or plaintext
// with prior knowledge (h2c), as its target group's protocol is.
type Streams struct {
	pool *Pool

	mu     sync.Mutex
	conns  []*http2.Conn
	dials  *dial // the one under way; nil: none
	closed bool
}

// dial is a connection being made; all who need one wait for it.
type dial struct {
	done chan struct{}
	err  error
}

// Open begins a request on a connection that has room for it, on a new one if need be.
// With an error nothing of the request has reached the target.
func (s *Streams) Open(ctx context.Context, call *http2.Call, idle time.Duration) (*http2.Stream, error) {
	for {
		s.mu.Lock()
		stream := s.openOn(call)
		if stream != nil {
			s.mu.Unlock()
			return stream, nil
		}
		if s.closed || s.dials == nil && len(s.conns) >= maxStreamConns {
			s.mu.Unlock()
			return nil, fmt.Errorf("opening a stream to target %s: %w", s.pool.addr, http2.ErrFull)
		}
		d := s.dials
		if d == nil {
			d = &dial{done: make(chan struct{})}
			s.dials = d
			go s.dial(d, idle)
		}
		s.mu.Unlock()
		select {
		case <-d.done:
			if d.err != nil {
				return nil, d.err
			}
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// openOn tries the connections that there are, the newest first: they drop out as
// they go away. Called with mu held.
func (s *Streams) openOn(call *http2.Call) *http2.Stream {
	for i := len(s.conns) - 1; i >= 0; i-- {
		stream, err := s.conns[i].Open(call)
		switch {
		case err == nil:
			return stream
		case errors.Is(err, http2.ErrGoing):
			s.conns = slices.Delete(s.conns, i, i+1) // it ends by itself
		}
	}
	return nil
}

// dial makes a connection and runs it.
func (s *Streams) dial(d *dial, idle time.Duration) {
	c, err := s.connect()
	var conn *http2.Conn
	if err == nil {
		conn = http2.NewClientConn(c, http2.Limits{Idle: idle})
	}
	s.mu.Lock()
	s.dials = nil
	if conn != nil && !s.closed {
		s.conns = append(s.conns, conn)
	}
	closed := s.closed
	s.mu.Unlock()
	d.err = err
	close(d.done)
	if conn == nil {
		return
	}
	if closed {
		conn.Abort()
	}
	conn.Serve() // its streams are told how it ended
	s.mu.Lock()
	if i := slices.Index(s.conns, conn); i >= 0 {
		s.conns = slices.Delete(s.conns, i, i+1)
	}
	s.mu.Unlock()
}

func (s *Streams) connect() (net.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), ConnectTimeout)
	defer cancel()
	c, err := new(net.Dialer).DialContext(ctx, "tcp", s.pool.addr)
	if err != nil {
		return nil, fmt.Errorf("connecting to target: %w", err)
	}
	k, err := sock.New(c.(*net.TCPConn))
	if err != nil {
		c.Close()
		return nil, fmt.Errorf("connecting to target %s: %w", s.pool.addr, err)
	}
	if s.pool.secure == nil {
		return k, nil
	}
	config := s.pool.secure.Clone()
	config.NextProtos = []string{"h2"}
	t := tls.Client(k, config)
	if err := t.HandshakeContext(ctx); err != nil {
		k.Close()
		return nil, &TLSError{fmt.Errorf("TLS handshake with target %s: %w", s.pool.addr, err)}
	}
	if got := t.ConnectionState().NegotiatedProtocol; got != "h2" {
		t.Close()
		return nil, &TLSError{fmt.Errorf("target %s does not speak HTTP/2: it chose %q", s.pool.addr, got)}
	}
	return t, nil
}

// close ends all connections, and with them what is under way.
func (s *Streams) close() {
	s.mu.Lock()
	s.closed = true
	conns := s.conns
	s.conns = nil
	s.mu.Unlock()
	for _, c := range conns {
		c.Abort()
	}
}
