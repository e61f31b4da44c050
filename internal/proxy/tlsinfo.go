package proxy

import (
	"crypto/tls"

	"github.com/albatross-lb/albatross/internal/certs"
)

// tlsInfo is what the access log and the X-Amzn-Tls headers say of a connection.
type tlsInfo struct {
	version string // TLSv1.3
	cipher  string // as OpenSSL and ALB name it
	sni     string
	h2      bool   // ALPN chose HTTP/2
	cert    string // reference of the certificate that was shown, an ARN mostly
}

func newTLSInfo(c *tls.Conn) tlsInfo {
	state := c.ConnectionState()
	return tlsInfo{version: versionName(state.Version), cipher: certs.CipherName(state.CipherSuite), sni: state.ServerName, h2: state.NegotiatedProtocol == "h2"}
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
