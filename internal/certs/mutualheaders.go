package certs

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"strings"
	"time"
)

// Header is one header of a request.
type Header struct{ Name, Value string }

// MutualHeaderNames are the headers that tell a target of the client's certificate,
// on a listener with mutual authentication. Only a load balancer may set them: what
// a client sends of that name must not reach a target, on any listener.
var MutualHeaderNames = []string{
	"X-Amzn-Mtls-Clientcert",
	"X-Amzn-Mtls-Clientcert-Serial-Number",
	"X-Amzn-Mtls-Clientcert-Issuer",
	"X-Amzn-Mtls-Clientcert-Subject",
	"X-Amzn-Mtls-Clientcert-Validity",
	"X-Amzn-Mtls-Clientcert-Leaf",
}

// MutualHeaders are the headers for the requests of a connection whose handshake is
// done (Elastic Load Balancing user guide, "HTTP headers and mutual TLS"); none
// where the client showed no certificate. They hold for the whole connection: compute
// them once. Their values are printable ASCII whatever is in the certificate; with what
// ConfigMutual lets in, each of them is under 50 KiB.
func MutualHeaders(mode string, state *tls.ConnectionState) []Header {
	if state == nil || len(state.PeerCertificates) == 0 {
		return nil
	}
	leaf := state.PeerCertificates[0]
	switch mode {
	case Passthrough:
		return []Header{{"X-Amzn-Mtls-Clientcert", escapedPEM(state.PeerCertificates)}}
	case Verify:
		return []Header{
			{"X-Amzn-Mtls-Clientcert-Serial-Number", serialHex(leaf)},
			{"X-Amzn-Mtls-Clientcert-Issuer", distinguishedName(leaf.RawIssuer)},
			{"X-Amzn-Mtls-Clientcert-Subject", distinguishedName(leaf.RawSubject)},
			{"X-Amzn-Mtls-Clientcert-Validity", validity(leaf)},
			{"X-Amzn-Mtls-Clientcert-Leaf", escapedPEM(state.PeerCertificates[:1])},
		}
	}
	return nil
}

// escapedPEM is a chain in PEM, URL-encoded with +, = and / left as they are. (A
// target must not decode + as a space.) What is left to encode of PEM is its white space.
func escapedPEM(chain []*x509.Certificate) string {
	var text strings.Builder
	for _, c := range chain {
		text.Write(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}))
	}
	return strings.NewReplacer(" ", "%20", "\n", "%0A").Replace(text.String())
}

// serialHex is a serial number in whole octets, in capitals: "03A5B1".
func serialHex(c *x509.Certificate) string {
	octets := c.SerialNumber.Bytes()
	if len(octets) == 0 {
		octets = []byte{0}
	}
	return strings.ToUpper(hex.EncodeToString(octets))
}

// validity is "NotBefore=2023-09-21T01:50:17Z;NotAfter=2024-09-20T01:50:17Z".
func validity(c *x509.Certificate) string {
	return "NotBefore=" + c.NotBefore.UTC().Format(time.RFC3339) + ";NotAfter=" + c.NotAfter.UTC().Format(time.RFC3339)
}
