package accesslog

import (
	"net/netip"
	"strconv"
	"time"
)

// maxUserAgent is where ALB cuts a User-Agent: 8 KiB (AWS, "Access log entries").
const maxUserAgent = 8 << 10

// Record is what one line says. The proxy fills one in as a request goes along and
// may use it again for the next request; its []byte fields may alias the proxy's
// own buffers, since the line is formatted before Log.Write returns.
//
// An empty text field is written as "-".
type Record struct {
	Type    string    // http | https | h2 | grpcs | ws | wss
	Time    time.Time // when the response was sent; for a WebSocket, when it was closed
	Created time.Time // when the request was received

	Client netip.AddrPort
	Target netip.AddrPort // zero: none was chosen or reached

	// RequestTime is from receiving the request to sending it to the target,
	// TargetTime from there to the first byte of the answer's header, ResponseTime
	// from there to sending it to the client. Negative: it did not come to that.
	RequestTime, TargetTime, ResponseTime time.Duration

	Status       int   // what the client got; 0: nothing
	TargetStatus int   // what the target answered; 0: nothing
	Received     int64 // bytes from the client, header included
	Sent         int64 // bytes to the client, header included

	Method    []byte
	URL       []byte // scheme://host:port/path?query
	Proto     string // HTTP/1.1
	UserAgent []byte // cut at 8 KiB

	Cipher      string // ECDHE-RSA-AES128-GCM-SHA256, as OpenSSL names it
	TLSProtocol string // TLSv1.3

	TargetGroupARN string
	TraceID        []byte // the X-Amzn-Trace-Id header
	Domain         string // the name the client sent in its TLS hello (SNI)
	CertARN        string // the certificate it was shown

	RulePriority   int // 0: the default rule; -1: no rule was looked for
	Actions        string
	RedirectURL    []byte
	ErrorReason    string
	Classification string // Acceptable | Ambiguous | Severe
	ClassReason    string
	ConnTraceID    string // TID_ and 32 hex digits, the same for all requests of a connection

	TransformedHost []byte
	TransformedURI  []byte
	TransformStatus string // TransformSuccess | TransformBufferTooSmall | ...

	// LoadBalancer is app/<name>/<id>, Node the address of this load balancer
	// node. Log.Write fills in both.
	LoadBalancer string
	Node         string
}

// AppendTo appends the record's line, its '\n' included, to dst. The fields are
// those of ALB in ALB's order: 34 of them, separated by one space. In a quoted field
// the quote, the backslash, control characters and bytes beyond ASCII are written
// as \xHH, in a bare one the space too, so that a line always splits back into
// its fields whatever a client sent. AppendTo allocates only where dst is too small.
func (r *Record) AppendTo(dst []byte) []byte {
	dst = appendBare(dst, r.Type)
	dst = appendTime(append(dst, ' '), r.Time)
	dst = appendBare(append(dst, ' '), r.LoadBalancer)
	dst = appendAddrPort(append(dst, ' '), r.Client)
	dst = append(dst, ' ')
	target := len(dst)
	dst = appendAddrPort(dst, r.Target)
	targetEnd := len(dst)
	dst = appendSeconds(append(dst, ' '), r.RequestTime)
	dst = appendSeconds(append(dst, ' '), r.TargetTime)
	dst = appendSeconds(append(dst, ' '), r.ResponseTime)
	dst = appendStatus(append(dst, ' '), r.Status)
	dst = appendStatus(append(dst, ' '), r.TargetStatus)
	dst = strconv.AppendInt(append(dst, ' '), r.Received, 10)
	dst = strconv.AppendInt(append(dst, ' '), r.Sent, 10)

	dst = appendBare(append(dst, ` "`...), r.Method)
	dst = appendText(append(dst, ' '), r.URL)
	dst = appendBare(append(dst, ' '), r.Proto)
	dst = appendText(append(dst, `" "`...), r.UserAgent[:min(len(r.UserAgent), maxUserAgent)])
	dst = appendBare(append(dst, `" `...), r.Cipher)
	dst = appendBare(append(dst, ' '), r.TLSProtocol)
	dst = appendBare(append(dst, ' '), r.TargetGroupARN)
	dst = appendText(append(dst, ` "`...), r.TraceID)
	dst = appendText(append(dst, `" "`...), r.Domain)
	dst = appendText(append(dst, `" "`...), r.CertARN)
	dst = appendPriority(append(dst, `" `...), r.RulePriority)
	dst = appendTime(append(dst, ' '), r.Created)
	dst = appendText(append(dst, ` "`...), r.Actions)
	dst = appendText(append(dst, `" "`...), r.RedirectURL)
	dst = appendText(append(dst, `" "`...), r.ErrorReason)
	// The lists of targets and of their status codes have one member each and
	// repeat what was said above (AWS: "currently, this list can contain one item").
	dst = append(append(dst, `" "`...), dst[target:targetEnd]...)
	dst = appendStatus(append(dst, `" "`...), r.TargetStatus)
	dst = appendText(append(dst, `" "`...), r.Classification)
	dst = appendText(append(dst, `" "`...), r.ClassReason)
	dst = appendBare(append(dst, `" `...), r.ConnTraceID)
	dst = appendText(append(dst, ` "`...), r.TransformedHost)
	dst = appendText(append(dst, `" "`...), r.TransformedURI)
	dst = appendText(append(dst, `" "`...), r.TransformStatus)
	dst = appendBare(append(dst, `" `...), r.Node)
	return append(dst, '\n')
}

// appendStatus writes a status code, "-" for 0.
func appendStatus(dst []byte, code int) []byte {
	if code <= 0 {
		return append(dst, '-')
	}
	return strconv.AppendInt(dst, int64(code), 10)
}

// appendPriority writes a rule's priority, "-" where there is none.
func appendPriority(dst []byte, priority int) []byte {
	if priority < 0 {
		return append(dst, '-')
	}
	return strconv.AppendInt(dst, int64(priority), 10)
}

// appendSeconds writes d in seconds with three decimals, -1 for a negative one.
func appendSeconds(dst []byte, d time.Duration) []byte {
	if d < 0 {
		return append(dst, "-1"...)
	}
	ms := uint64(d+time.Millisecond/2) / uint64(time.Millisecond)
	dst = strconv.AppendUint(dst, ms/1000, 10)
	ms %= 1000
	return append(dst, '.', byte('0'+ms/100), byte('0'+ms/10%10), byte('0'+ms%10))
}

// appendAddrPort writes ip:port, an IPv6 address in brackets and without its
// zone, "-" for the zero value.
func appendAddrPort(dst []byte, a netip.AddrPort) []byte {
	if !a.IsValid() {
		return append(dst, '-')
	}
	ip := a.Addr().Unmap()
	if ip.Is4() {
		b := ip.As4()
		dst = appendByte(dst, b[0])
		dst = appendByte(append(dst, '.'), b[1])
		dst = appendByte(append(dst, '.'), b[2])
		dst = appendByte(append(dst, '.'), b[3])
	} else {
		dst = append(ip.WithZone("").AppendTo(append(dst, '[')), ']')
	}
	return strconv.AppendUint(append(dst, ':'), uint64(a.Port()), 10)
}

// appendByte writes b in decimal; two thirds of the time of strconv, and a line has eight of them.
func appendByte(dst []byte, b byte) []byte {
	switch {
	case b >= 100:
		return append(dst, '0'+b/100, '0'+b/10%10, '0'+b%10)
	case b >= 10:
		return append(dst, '0'+b/10, '0'+b%10)
	}
	return append(dst, '0'+b)
}
