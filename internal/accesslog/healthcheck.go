package accesslog

import (
	"net/netip"
	"strconv"
	"time"
)

// HealthCheckRecord is a line of an application load balancer's health check log, which has
// one for each health check of each registered target (AWS: Health check logs). An empty
// text field is written as "-".
type HealthCheckRecord struct {
	Type        string        // http | https | h2 | grpc
	Time        time.Time     // when the check began
	Latency     time.Duration // until the answer or the failure
	Target      netip.AddrPort
	TargetGroup string // its name
	Passed      bool
	Code        int    // what the target answered, of gRPC its status; negative: nothing
	Reason      string // why it failed, one of AWS's error reason codes

	// LoadBalancer is app/<name>/<id>, Node the address of this load balancer
	// node. Log.WriteHealthCheck fills in both.
	LoadBalancer string
	Node         string
}

// AppendTo appends the record's line, its '\n' included, to dst: 10 fields in AWS's order,
// separated by one space.
func (r *HealthCheckRecord) AppendTo(dst []byte) []byte {
	dst = appendBare(dst, r.Type)
	dst = appendTime(append(dst, ' '), r.Time)
	dst = appendNanoseconds(append(dst, ' '), r.Latency)
	dst = appendAddrPort(append(dst, ' '), r.Target)
	dst = appendBare(append(dst, ' '), r.TargetGroup)
	if r.Passed {
		dst = append(dst, " PASS "...)
	} else {
		dst = append(dst, " FAIL "...)
	}
	if r.Code < 0 {
		dst = append(dst, '-')
	} else {
		dst = strconv.AppendInt(dst, int64(r.Code), 10)
	}
	dst = appendBare(append(dst, ' '), r.Reason)
	dst = appendBare(append(dst, ' '), r.LoadBalancer)
	dst = appendBare(append(dst, ' '), r.Node)
	return append(dst, '\n')
}

// appendNanoseconds writes d in seconds with nine decimals (0.019584011), 0 for a negative one.
func appendNanoseconds(dst []byte, d time.Duration) []byte {
	ns := uint64(max(d, 0))
	dst = append(strconv.AppendUint(dst, ns/1e9, 10), '.')
	fraction := strconv.AppendUint(dst, 1e9+ns%1e9, 10) // the leading 1 holds the zeros
	return append(dst, fraction[len(dst)+1:]...)
}

// WriteHealthCheck takes down one health check. It fills in r.LoadBalancer and r.Node.
// For the rest see Write.
func (l *Log) WriteHealthCheck(r *HealthCheckRecord) {
	if to := l.destination(); to != nil {
		r.LoadBalancer, r.Node = to.elb, to.node
		l.append(0, r)
	}
}
