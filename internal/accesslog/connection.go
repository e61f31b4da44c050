package accesslog

import (
	"net/netip"
	"strconv"
	"time"
)

// A client chooses what is in its certificate. Names are a few hundred bytes long and serial
// numbers at most 20 (RFC 5280 section 4.1.2.2); what is longer is cut off.
const (
	maxSubject = 1 << 10
	maxSerial  = 64
)

// ConnectionRecord is a line of an application load balancer's connection log, which has
// one for each connection that a client made or tried to make (AWS: Connection logs for
// your Application Load Balancer). An empty text field is written as "-".
type ConnectionRecord struct {
	Time   time.Time // when the connection was established, or failed to be
	Client netip.AddrPort
	Port   int // the listener's, as the manifests have it

	Protocol    string // TLSv1.3; empty, as all that follows: no TLS
	Cipher      string // as OpenSSL names it
	KeyExchange string // x25519, X25519MLKEM768
	// Handshake is how long the handshake took. It is written where Status is Success.
	Handshake time.Duration
	// Status is Success, or Failed: and one of AWS's error reason codes.
	Status string

	// Of the client's own certificate, where the listener asks for one.
	LeafSubject  string // cut at 1 KiB
	LeafValidity string // NotBefore=2023-09-21T22:43:21Z;NotAfter=2026-06-17T22:43:21Z
	LeafSerial   string // hexadecimal; cut at 64 digits

	ConnTraceID string // that of the access log's lines for the requests of the connection

	// LoadBalancer is app/<name>/<id>, Node the address of this load balancer
	// node. Log.WriteConnection fills in both.
	LoadBalancer string
	Node         string
}

// AppendTo appends the record's line, its '\n' included, to dst: 15 fields in AWS's order,
// separated by one space. Like Record.AppendTo it always splits back into its fields.
func (r *ConnectionRecord) AppendTo(dst []byte) []byte {
	dst = appendTime(dst, r.Time)
	dst = r.Client.Addr().Unmap().WithZone("").AppendTo(append(dst, ' '))
	dst = strconv.AppendUint(append(dst, ' '), uint64(r.Client.Port()), 10)
	dst = strconv.AppendInt(append(dst, ' '), int64(r.Port), 10)
	dst = appendBare(append(dst, ' '), r.Protocol)
	dst = appendBare(append(dst, ' '), r.Cipher)
	if dst = append(dst, ' '); r.Status == "Success" {
		dst = appendSeconds(dst, r.Handshake)
	} else {
		dst = append(dst, '-')
	}
	dst = appendText(append(dst, ` "`...), r.LeafSubject[:min(len(r.LeafSubject), maxSubject)])
	dst = appendBare(append(dst, `" `...), r.LeafValidity)
	dst = appendBare(append(dst, ' '), r.LeafSerial[:min(len(r.LeafSerial), maxSerial)])
	dst = appendBare(append(dst, ' '), r.Status)
	dst = appendBare(append(dst, ' '), r.ConnTraceID)
	dst = appendBare(append(dst, ' '), r.KeyExchange)
	dst = appendBare(append(dst, ' '), r.LoadBalancer)
	dst = appendBare(append(dst, ' '), r.Node)
	return append(dst, '\n')
}

// WriteConnection takes down one client's connection. It fills in r.LoadBalancer and
// r.Node. For the rest see Write.
func (l *Log) WriteConnection(shard uint32, r *ConnectionRecord) {
	if to := l.destination(); to != nil {
		r.LoadBalancer, r.Node = to.elb, to.node
		l.append(shard, r)
	}
}
