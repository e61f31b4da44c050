package upstream

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"time"

	"github.com/albatross-lb/albatross/internal/http2"
	"github.com/albatross-lb/albatross/internal/sock"
)

// Streams carries requests to a target that is spoken HTTP/2 to: over TLS with ALPN
// h2, or in plaintext with prior knowledge (h2c), as its target group's protocol is.
// idle is how long a target may be silent; the first call's counts, as does MaxHTTP2.
func (p *Pool) Streams(idle time.Duration) *http2.Transport {
	p.once.Do(func() {
		p.streams.Store(http2.NewTransport(p.connectHTTP2, http2.Limits{Idle: idle}, p.MaxHTTP2))
		if p.closed.Load() {
			p.closeStreams()
		}
	})
	return p.streams.Load()
}

func (p *Pool) closeStreams() {
	if t := p.streams.Load(); t != nil {
		t.Close()
	}
}

// connectHTTP2 opens a new connection, within ConnectTimeout.
func (p *Pool) connectHTTP2(ctx context.Context) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, ConnectTimeout)
	defer cancel()
	s, err := p.connect(ctx)
	switch {
	case err != nil:
		return nil, err
	case p.secure == nil:
		return s, nil
	}
	config := p.secure.Clone()
	config.NextProtos = []string{"h2"}
	t, err := p.handshake(ctx, s, config)
	if err != nil {
		return nil, err
	}
	if got := t.ConnectionState().NegotiatedProtocol; got != "h2" {
		t.Close()
		return nil, &TLSError{fmt.Errorf("target %s does not speak HTTP/2: it chose %q", p.addr, got)}
	}
	return t, nil
}

// connect opens a socket to the target.
func (p *Pool) connect(ctx context.Context) (*sock.Conn, error) {
	c, err := new(net.Dialer).DialContext(ctx, "tcp", p.addr)
	if err != nil {
		return nil, fmt.Errorf("connecting to target: %w", err)
	}
	s, err := sock.New(c.(*net.TCPConn))
	if err != nil {
		c.Close()
		return nil, fmt.Errorf("connecting to target %s: %w", p.addr, err)
	}
	return s, nil
}

// handshake speaks TLS over a socket, which it closes if that fails.
func (p *Pool) handshake(ctx context.Context, s *sock.Conn, config *tls.Config) (*tls.Conn, error) {
	t := tls.Client(s, config)
	if err := t.HandshakeContext(ctx); err != nil {
		s.Close()
		return nil, &TLSError{fmt.Errorf("TLS handshake with target %s: %w", p.addr, err)}
	}
	return t, nil
}
