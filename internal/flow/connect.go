package flow

import (
	"crypto/tls"
	"net"
	"time"

	"github.com/albatross-lb/albatross/internal/snapshot"
	"github.com/albatross-lb/albatross/internal/sock"
	"github.com/albatross-lb/albatross/lb"
)

// connectTimeout is how long one target may take to accept a connection, TLS included.
const connectTimeout = 5 * time.Second

// connect finds a target that accepts the flow. It passes over those that do not.
func (s *Stream) connect() bool {
	group := s.network.Choose(clientHash(s.client.Addr()))
	if group == nil {
		return false
	}
	var room [mostAttempts]int
	for tried := room[:0]; len(tried) < mostAttempts; {
		i := s.choose(group, tried)
		if i < 0 {
			return false
		}
		to, err := s.reach(group, group.Targets[i])
		if err == nil {
			return s.take(group, group.Targets[i], to)
		}
		s.countFailure(err)
		tried = append(tried, i)
	}
	return false
}

// take makes to the flow's other side, unless the flow has been ended meanwhile.
func (s *Stream) take(group *snapshot.TargetGroup, target *snapshot.Target, to side) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over {
		to.sock.Close()
		return false
	}
	s.to = to
	s.join(group, target)
	return true
}

// tlsError is a failed TLS handshake with a target.
type tlsError struct{ error }

// reach opens a connection to a target and says on it what is to be said before the
// client's own bytes.
func (s *Stream) reach(group *snapshot.TargetGroup, target *snapshot.Target) (side, error) {
	deadline := time.Now().Add(connectTimeout)
	c, err := s.dial(group, target, deadline)
	if err != nil {
		return side{}, err
	}
	to := side{sock: c, conn: c}
	if group.Attributes.ProxyProtocolV2 {
		var header [maxProxyHeader]byte
		if _, err := c.Write(appendProxyHeader(header[:0], overStream, s.client, s.local)); err != nil {
			c.Close()
			return side{}, err
		}
	}
	if group.Config.Protocol != lb.TLS {
		return to, nil
	}
	to.secure, to.conn, err = s.secure(c, deadline)
	return to, err
}

// secure speaks TLS with a target, whose certificate is not verified, as on AWS. It is
// offered the protocol that the client and the listener have agreed on.
func (s *Stream) secure(c *sock.Conn, deadline time.Time) (bool, net.Conn, error) {
	cfg := &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS10}
	if s.tls.alpn != "" {
		cfg.NextProtos = []string{s.tls.alpn}
	}
	c.SetDeadline(deadline) //nolint:errcheck // fails only when closed
	t := tls.Client(c, cfg)
	if err := t.HandshakeContext(background); err != nil {
		c.Close()
		return true, nil, tlsError{err}
	}
	c.ResetDeadlines()
	s.tls.targetALPN = t.ConnectionState().NegotiatedProtocol
	return true, t, nil
}
