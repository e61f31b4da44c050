package accesslog

import (
	"net/netip"
	"strconv"
	"time"
)

// FlowRecord is a line of a network load balancer's access log, which has one for each
// connection to a TLS listener (AWS, "Access logs for your Network Load Balancer").
// An empty text field is written as "-".
type FlowRecord struct {
	Time     time.Time // when the connection was closed
	Created  time.Time // when it was accepted
	Listener string    // the listener's id, 16 hex digits

	Client netip.AddrPort
	Local  netip.AddrPort // what the client connected to

	Duration  time.Duration // of the whole connection
	Handshake time.Duration // of TLS; negative: it did not come to an end
	Received  int64         // bytes from the client, decrypted
	Sent      int64

	Alert    string // the TLS alert that the client sent, in decimal
	CertARN  string
	Cipher   string // as OpenSSL names it
	Protocol string // tlsv12 | tlsv13 ...
	Group    string // the key exchange: x25519, secp256r1
	Domain   string // SNI
	ALPN     string // the protocol agreed with the client
	// TargetALPN is the one agreed with the target, if TLS is spoken with it.
	TargetALPN string
	Offered    string // the client's list, each in quotes, with commas between

	// LoadBalancer is net/<name>/<id>. Log.WriteFlow fills it in.
	LoadBalancer string
}

// AppendTo appends the record's line, its '\n' included, to dst: 22 fields in AWS's
// order, version 2.0, separated by one space. Like Record.AppendTo it always splits
// back into its fields.
func (r *FlowRecord) AppendTo(dst []byte) []byte {
	dst = append(dst, "tls 2.0 "...)
	dst = appendWholeSeconds(dst, r.Time)
	dst = appendBare(append(dst, ' '), r.LoadBalancer)
	dst = appendBare(append(dst, ' '), r.Listener)
	dst = appendAddrPort(append(dst, ' '), r.Client)
	dst = appendAddrPort(append(dst, ' '), r.Local)
	dst = appendMilliseconds(append(dst, ' '), r.Duration)
	dst = appendMilliseconds(append(dst, ' '), r.Handshake)
	dst = strconv.AppendInt(append(dst, ' '), r.Received, 10)
	dst = strconv.AppendInt(append(dst, ' '), r.Sent, 10)
	dst = appendBare(append(dst, ' '), r.Alert)
	dst = appendBare(append(dst, ' '), r.CertARN)
	dst = append(dst, " -"...) // chosen_cert_serial, which AWS keeps for itself
	dst = appendBare(append(dst, ' '), r.Cipher)
	dst = appendBare(append(dst, ' '), r.Protocol)
	dst = appendBare(append(dst, ' '), r.Group)
	dst = appendBare(append(dst, ' '), r.Domain)
	dst = appendBare(append(dst, ' '), r.ALPN)
	dst = appendBare(append(dst, ' '), r.TargetALPN)
	dst = appendOffered(append(dst, ' '), r.Offered)
	dst = appendWholeSeconds(append(dst, ' '), r.Created)
	return append(dst, '\n')
}

// appendWholeSeconds writes 2018-12-20T02:59:40, in UTC.
func appendWholeSeconds(dst []byte, t time.Time) []byte {
	return t.UTC().AppendFormat(dst, "2006-01-02T15:04:05")
}

func appendMilliseconds(dst []byte, d time.Duration) []byte {
	if d < 0 {
		return append(dst, '-')
	}
	return strconv.AppendInt(dst, d.Milliseconds(), 10)
}

// appendOffered keeps the quotes that its caller has put around each protocol.
func appendOffered(dst []byte, list string) []byte {
	if list == "" {
		return append(dst, '-')
	}
	return append(dst, list...)
}

// QuoteProtocols writes a client's ALPN list as the log has it: "h2","http/1.1".
func QuoteProtocols(protocols []string) string {
	var list []byte
	for i, p := range protocols {
		if i > 0 {
			list = append(list, ',')
		}
		list = append(appendBare(append(list, '"'), p), '"')
	}
	return string(list)
}

// WriteFlow takes down one connection to a TLS listener. It fills in r.LoadBalancer.
// For the rest see Write.
func (l *Log) WriteFlow(shard uint32, r *FlowRecord) {
	if to := l.destination(); to != nil {
		r.LoadBalancer = to.elb
		l.append(shard, r)
	}
}
