package flow

import (
	"crypto/tls"
	"errors"
	"net"
	"syscall"
	"time"

	"github.com/albatross-lb/albatross/internal/snapshot"
	"github.com/albatross-lb/albatross/internal/sock"
	"github.com/albatross-lb/albatross/lb"
)

const (
	// connectTimeout is how long one target may take to accept a connection, TLS included.
	connectTimeout = 5 * time.Second
	// mostAttempts bounds the targets that are tried for one flow.
	mostAttempts = 4
)

// choose gives the index of a target for a flow: by the client's address where clients
// stick, else by the five-tuple.
func choose(g *snapshot.TargetGroup, client, tuple uint64, tried []int) int {
	if g.Attributes.KeepsClients() {
		return g.Balance.Kept(client, tried)
	}
	return g.Balance.Hashed(tuple, tried)
}

// connect finds a target that accepts the flow. It passes over those that do not.
func (s *Stream) connect() bool {
	client := clientHash(s.client.Addr())
	group := s.network.Choose(client)
	if group == nil {
		return false
	}
	tuple := tupleHash(tcpProtocol, s.client, s.local)
	var room [mostAttempts]int
	for tried := room[:0]; len(tried) < mostAttempts; {
		i := choose(group, client, tuple, tried)
		if i < 0 {
			return false
		}
		to, err := s.reach(group, group.Targets[i])
		if err == nil {
			return s.join(group, group.Targets[i], to)
		}
		s.countFailure(err)
		tried = append(tried, i)
	}
	return false
}

// join makes to the flow's other side, unless the flow has been ended meanwhile.
func (s *Stream) join(group *snapshot.TargetGroup, target *snapshot.Target, to side) bool {
	if group.Balance.FailsOpen() {
		s.figures().UnhealthyRouting.Add(1)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over {
		to.sock.Close()
		return false
	}
	target.Load.Begin()
	s.to, s.group, s.target = to, group, target
	return true
}

func (s *Stream) countFailure(err error) {
	figures := s.figures()
	figures.TargetConnectionErrors.Add(1)
	var inTLS tlsError
	switch {
	case errors.As(err, &inTLS):
		figures.TargetTLSErrors.Add(1)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		figures.PortAllocationErrors.Add(1)
	}
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
