package proxy

import (
	"crypto/tls"

	"github.com/albatross-lb/albatross/internal/certs"
	"github.com/albatross-lb/albatross/internal/http1"
	"github.com/albatross-lb/albatross/internal/snapshot"
)

// tlsInfo is what the access log and the X-Amzn-Tls headers say of a connection.
type tlsInfo struct {
	version string // TLSv1.3
	cipher  string // as OpenSSL and ALB name it
	sni     string
	h2      bool   // ALPN chose HTTP/2
	mutual  []byte // X-Amzn-Mtls lines that tell targets of the client's certificate
	agreed  string // key of the load balancer whose listener's rules the handshake followed
	cert    string // reference of the certificate that was shown, an ARN mostly
}

// plaintext is the one of every connection without TLS.
var plaintext tlsInfo

func newTLSInfo(c *tls.Conn) *tlsInfo {
	state := c.ConnectionState()
	return &tlsInfo{version: versionName(state.Version), cipher: certs.CipherName(state.CipherSuite), sni: state.ServerName, h2: state.NegotiatedProtocol == "h2"}
}

// goodFor tells whether the handshake has asked of the client what the listener wants:
// where load balancers share a port, a client can name one in its hello and another in
// its request.
func (t *tlsInfo) goodFor(l *snapshot.Listener) bool {
	return l.Mutual.Mode == "" || l.Mutual.Mode == certs.Off || t.agreed == l.LoadBalancer.Config.Key
}

// agree notes the listener that the handshake followed, and what its targets are to be told.
func (t *tlsInfo) agree(l *snapshot.Listener, c *tls.Conn) {
	t.agreed = l.LoadBalancer.Config.Key
	state := c.ConnectionState()
	for _, h := range certs.MutualHeaders(l.Mutual.Mode, &state) {
		name := h.Name
		if renamed, ok := l.Attributes.RequestHeaders[name]; ok {
			name = renamed
		}
		t.mutual = http1.AppendLine(t.mutual, name, h.Value)
	}
}

func versionName(v uint16) string {
	switch v {
	case tls.VersionTLS10:
		return "TLSv1"
	case tls.VersionTLS11:
		return "TLSv1.1"
	case tls.VersionTLS12:
		return "TLSv1.2"
	case tls.VersionTLS13:
		return "TLSv1.3"
	}
	return "-"
}
