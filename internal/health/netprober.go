package health

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"time"

	"github.com/albatross-lb/albatross/lb"
)

// UserAgent is what a probe calls itself, so that rules written for AWS's probes hold for ours.
const UserAgent = "ELB-HealthChecker/2.0"

const (
	maxResponseHeader = 32 << 10 // as for any response of a target
	maxResponseBody   = 64 << 10 // read so that the target may end in good order; the rest is cut off
)

// NetProber asks over the network, on a new connection each time. The zero value is ready.
type NetProber struct {
	// Dial opens a TCP connection; nil stands for a net.Dialer.
	Dial func(ctx context.Context, addr netip.AddrPort) (net.Conn, error)
}

// targetTLS is how TLS is spoken to targets: their certificates are not verified
// (as on AWS), and old versions and suites are taken.
var targetTLS = &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS10, CipherSuites: allSuites()}

func allSuites() []uint16 {
	var ids []uint16
	for _, suites := range [][]*tls.CipherSuite{tls.CipherSuites(), tls.InsecureCipherSuites()} {
		for _, s := range suites {
			ids = append(ids, s.ID)
		}
	}
	return ids
}

// Probe asks once and closes the connection.
func (n *NetProber) Probe(ctx context.Context, p Probe) Result {
	if p.Protocol != lb.HTTP && p.Protocol != lb.HTTPS {
		return n.connect(ctx, p)
	}
	switch p.Version {
	case lb.HTTP2, lb.GRPC:
		return n.askHTTP2(ctx, p)
	}
	return n.askHTTP1(ctx, p)
}

// noClient is a header of the PROXY protocol, version 2, with the command LOCAL: the
// connection is the load balancer's own. Targets that expect a header get it with
// health checks too, as on AWS.
const noClient = "\r\n\r\n\x00\r\nQUIT\n\x20\x00\x00\x00"

// reach opens a connection for a probe.
func (n *NetProber) reach(ctx context.Context, p Probe) (net.Conn, error) {
	conn, err := n.dial(ctx, p.Addr)
	if err != nil || !p.ProxyHeader {
		return conn, err
	}
	if _, err := io.WriteString(conn, noClient); err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}

func (n *NetProber) dial(ctx context.Context, addr netip.AddrPort) (net.Conn, error) {
	if n.Dial != nil {
		return n.Dial(ctx, addr)
	}
	// Not DialTCP: without a local address it binds a port first, which then nobody else
	// gets for a minute, and there are 28,000. DialContext leaves the port to connect,
	// where it only has to be free towards this target.
	d := net.Dialer{KeepAlive: -1}
	return d.DialContext(ctx, "tcp", addr.String())
}

// connect passes if the target accepts a connection.
func (n *NetProber) connect(ctx context.Context, p Probe) Result {
	conn, err := n.reach(ctx, p)
	if err != nil {
		return failure(err)
	}
	conn.Close()
	return Result{Code: -1}
}

func (n *NetProber) askHTTP1(ctx context.Context, p Probe) Result {
	socket, err := n.reach(ctx, p)
	if err != nil {
		return failure(err)
	}
	defer socket.Close()
	// A deadline of the distant past wakes a blocked read or write when ctx ends.
	defer context.AfterFunc(ctx, func() { socket.SetDeadline(time.Unix(1, 0)) })()

	conn := socket
	if p.Protocol == lb.HTTPS {
		conn = tls.Client(socket, targetTLS)
	}
	request := "GET " + p.Path + " HTTP/1.1\r\nHost: " + p.Addr.String() +
		"\r\nUser-Agent: " + UserAgent + "\r\nConnection: close\r\n\r\n"
	if _, err := io.WriteString(conn, request); err != nil {
		return failure(during(ctx, "sending the request", err))
	}
	code, err := readResponse(conn)
	if err != nil {
		return failure(during(ctx, "reading the response", err))
	}
	return mismatch(p.Matcher, code)
}

// during says what was being done, and gives ctx's reason where ctx is what ended it.
func during(ctx context.Context, doing string, err error) error {
	if ctx.Err() != nil {
		err = ctx.Err()
	}
	return fmt.Errorf("%s: %w", doing, err)
}

// readResponse reads a whole response, or its header and maxResponseBody of its body.
func readResponse(conn io.Reader) (code int, err error) {
	limit := &io.LimitedReader{R: conn, N: maxResponseHeader}
	r := bufio.NewReader(limit)
	for range 10 { // 1xx responses may come before the one that counts
		response, err := http.ReadResponse(r, nil)
		if err != nil {
			if limit.N <= 0 {
				err = fmt.Errorf("header of more than %d bytes", maxResponseHeader)
			}
			return 0, err
		}
		if response.StatusCode < 200 {
			continue
		}
		limit.N = maxResponseBody
		if _, err := io.Copy(io.Discard, response.Body); err != nil && limit.N > 0 {
			return 0, err
		}
		return response.StatusCode, nil
	}
	return 0, fmt.Errorf("more than 10 interim responses")
}
