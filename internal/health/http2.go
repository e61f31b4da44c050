package health

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"

	"github.com/albatross-lb/albatross/lb"
)

// emptyMessage is a gRPC message of no bytes: not compressed, length 0.
var emptyMessage = []byte{0, 0, 0, 0, 0}

// askHTTP2 asks over HTTP/2, with prior knowledge where there is no TLS: a GET for
// version HTTP2, a call of the method Path with an empty message for GRPC.
func (n *NetProber) askHTTP2(ctx context.Context, p Probe) Result {
	transport := n.http2Transport(p)
	conn, err := transport.NewClientConn(ctx, scheme(p.Protocol), p.Addr.String())
	if err != nil {
		return failure(during(ctx, "connecting", err))
	}
	defer conn.Close()

	request, err := http2Request(ctx, p)
	if err != nil {
		return Result{Reason: lb.ELBInternalError, Code: -1, Err: err}
	}
	response, err := conn.RoundTrip(request)
	if err != nil {
		return failure(during(ctx, "asking", err))
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, io.LimitReader(response.Body, maxResponseBody)); err != nil {
		return failure(during(ctx, "reading the response", err))
	}
	if p.Version == lb.GRPC {
		return grpcResult(p.Matcher, response)
	}
	return mismatch(p.Matcher, response.StatusCode)
}

// http2Transport speaks HTTP/2 only and opens its one connection by dial.
func (n *NetProber) http2Transport(p Probe) *http.Transport {
	t := &http.Transport{
		DialContext:            func(ctx context.Context, _, _ string) (net.Conn, error) { return n.reach(ctx, p) },
		Protocols:              new(http.Protocols),
		DisableCompression:     true,
		MaxResponseHeaderBytes: maxResponseHeader,
	}
	if p.Protocol == lb.HTTPS {
		t.Protocols.SetHTTP2(true)
		t.TLSClientConfig = targetTLS.Clone()
		t.TLSClientConfig.NextProtos = []string{"h2"}
	} else {
		t.Protocols.SetUnencryptedHTTP2(true)
	}
	return t
}

func scheme(p lb.Protocol) string {
	if p == lb.HTTPS {
		return "https"
	}
	return "http"
}

func http2Request(ctx context.Context, p Probe) (*http.Request, error) {
	method, body := http.MethodGet, io.Reader(nil)
	if p.Version == lb.GRPC {
		method, body = http.MethodPost, bytes.NewReader(emptyMessage)
	}
	request, err := http.NewRequestWithContext(ctx, method, scheme(p.Protocol)+"://"+p.Addr.String()+p.Path, body)
	if err != nil {
		return nil, fmt.Errorf("making the request for %s: %w", p.Path, err)
	}
	request.Header.Set("User-Agent", UserAgent)
	if p.Version == lb.GRPC {
		request.Header.Set("Content-Type", "application/grpc")
		request.Header.Set("TE", "trailers")
	}
	return request, nil
}

// grpcResult judges by grpc-status: in the trailers, or in the header of a response
// that has nothing but trailers (gRPC over HTTP/2, "Responses").
func grpcResult(m Matcher, response *http.Response) Result {
	status := response.Trailer.Get("Grpc-Status")
	if status == "" {
		status = response.Header.Get("Grpc-Status")
	}
	if status == "" {
		return failure(fmt.Errorf("response %d %w", response.StatusCode, errNoStatus))
	}
	code, err := strconv.ParseUint(status, 10, 16)
	if err != nil {
		return failure(fmt.Errorf("response %d %w", response.StatusCode, errOddStatus))
	}
	return mismatch(m, int(code))
}
