package flow

import (
	"crypto/tls"
	"errors"
	"strconv"
	"time"

	"github.com/albatross-lb/albatross/internal/accesslog"
	"github.com/albatross-lb/albatross/internal/certs"
)

// tlsInfo is what the access log says of a client's TLS.
type tlsInfo struct {
	version, cipher, group string
	domain, cert           string
	alpn, offered          string
	targetALPN             string
	alert                  string
	handshake              time.Duration // negative: it failed
}

func (i *tlsInfo) note(c *tls.Conn, chosen *certs.Chosen, err error, took time.Duration) {
	if chosen.Certificate != nil {
		i.cert = chosen.Certificate.Ref
	}
	i.domain, i.offered = chosen.ServerName, accesslog.QuoteProtocols(chosen.Offered)
	if err != nil {
		i.handshake = -1
		var alert tls.AlertError
		if errors.As(err, &alert) {
			i.alert = strconv.Itoa(int(alert))
		}
		return
	}
	state := c.ConnectionState()
	i.handshake, i.alpn = took, state.NegotiatedProtocol
	i.version, i.cipher = versionNames[state.Version], certs.CipherName(state.CipherSuite)
	i.group = certs.KeyExchangeName(state.CurveID)
}

// versionNames are as network load balancers write them, which application load balancers write TLSv1.3.
var versionNames = map[uint16]string{tls.VersionTLS10: "tlsv1", tls.VersionTLS11: "tlsv11", tls.VersionTLS12: "tlsv12", tls.VersionTLS13: "tlsv13"}

// log takes down a connection to a TLS listener.
func (s *Stream) log() {
	now := time.Now()
	s.network.LoadBalancer.Log.WriteFlow(s.number, &accesslog.FlowRecord{
		Time: now, Created: s.began, Listener: s.network.LoadBalancer.Config.ListenerID(s.network.Config), Client: s.client, Local: s.local,
		Duration: now.Sub(s.began), Handshake: s.tls.handshake, Received: s.carried[up].Load(), Sent: s.carried[down].Load(),
		Alert: s.tls.alert, CertARN: s.tls.cert, Cipher: s.tls.cipher, Protocol: s.tls.version, Group: s.tls.group,
		Domain: s.tls.domain, ALPN: s.tls.alpn, TargetALPN: s.tls.targetALPN, Offered: s.tls.offered,
	})
}
