package certs

import (
	"crypto/tls"
	"errors"
	"strings"
)

// Handshake is what the connection log says of a handshake (Elastic Load Balancing
// user guide, "Connection logs", fields 8 to 11). All fields are printable ASCII.
type Handshake struct {
	LeafSubject  string // RFC 2253; "-" without a certificate, as the next two
	LeafValidity string // NotBefore=...Z;NotAfter=...Z
	LeafSerial   string // hexadecimal
	VerifyStatus string // "Success", or "Failed:" and a reason
}

// HandshakeOf tells of a handshake on a listener with a mode of mutual
// authentication: conn.ConnectionState() and the error of conn.HandshakeContext,
// which may both be of a handshake that failed.
func HandshakeOf(mode string, state *tls.ConnectionState, err error) Handshake {
	h := Handshake{"-", "-", "-", "Success"}
	if err != nil {
		h.VerifyStatus = "Failed:" + failure(err)
	}
	if mode == "" || mode == Off || state == nil || len(state.PeerCertificates) == 0 {
		return h
	}
	leaf := state.PeerCertificates[0]
	h.LeafSubject, h.LeafValidity, h.LeafSerial = distinguishedName(leaf.RawSubject), validity(leaf), serialHex(leaf)
	return h
}

// failure is the reason word for a handshake's error.
func failure(err error) string {
	if refused, ok := errors.AsType[*VerifyError](err); ok {
		return refused.Reason
	}
	for text, reason := range map[string]string{ // crypto/tls looks at these before we can
		"failed to parse client certificate":                       ClientCertInvalid,
		"client sent certificate containing RSA key larger":        ClientCertTypeUnsupported,
		"client certificate contains an unsupported public key":    ClientCertTypeUnsupported,
		"client certificate used with invalid signature algorithm": ClientCertIncompatible,
		"invalid signature by the client certificate":              ClientCertRejected,
	} {
		if strings.Contains(err.Error(), text) {
			return reason
		}
	}
	return UnmappedConnectionError
}
