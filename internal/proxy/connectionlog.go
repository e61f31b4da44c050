package proxy

import (
	"crypto/tls"
	"time"

	"github.com/albatross-lb/albatross/internal/accesslog"
	"github.com/albatross-lb/albatross/internal/certs"
	"github.com/albatross-lb/albatross/internal/snapshot"
)

// logPlain takes down a connection without TLS, the first time that it is called. Where load
// balancers share the port, whose connection it is shows in its first request.
func (s *Session) logPlain(l *snapshot.Listener) {
	if s.logged {
		return
	}
	s.logged = true
	if log := l.LoadBalancer.ConnectionLog; log.On() {
		log.WriteConnection(s.shard, &accesslog.ConnectionRecord{Time: s.began, Client: s.client, Port: l.Port, ConnTraceID: s.traceID})
	}
}

// logTLS takes down a connection when its handshake is done, or has failed with err.
func (s *Session) logTLS(l *snapshot.Listener, c *tls.Conn, err error) {
	s.logged = true
	log := l.LoadBalancer.ConnectionLog
	if !log.On() {
		return
	}
	now, state := time.Now(), c.ConnectionState()
	h := certs.HandshakeOf(l.Mutual.Mode, &state, err)
	log.WriteConnection(s.shard, &accesslog.ConnectionRecord{
		Time: now, Client: s.client, Port: l.Port, ConnTraceID: s.traceID,
		Protocol: versionName(state.Version), Cipher: certs.CipherName(state.CipherSuite), KeyExchange: certs.KeyExchangeName(state.CurveID),
		Handshake: now.Sub(s.began), Status: h.VerifyStatus,
		LeafSubject: h.LeafSubject, LeafValidity: h.LeafValidity, LeafSerial: h.LeafSerial,
	})
}
