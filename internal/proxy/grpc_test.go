package proxy

import (
	"errors"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"

	"github.com/albatross-lb/albatross/lb"
)

// resets starts a target that resets every stream, behind a head and a piece of body if it is to begin an answer.
func resets(t testing.TB, code http2.ErrCode, begin bool) string {
	return frames(t, nil, func(c *framed, _ int) {
		for id := c.next(); id != 0; id = c.next() {
			if begin {
				c.head(id, false, "content-type", "application/grpc")
				c.WriteData(id, false, []byte("some"))
			}
			c.WriteRSTStream(id, code)
		}
	})
}

func call(path, kind string, fields ...string) *http.Request {
	r, _ := http.NewRequest("POST", "https://shop.example"+path, strings.NewReader("\x00\x00\x00\x00\x00"))
	r.Header.Set("Content-Type", kind)
	r.Header.Set("Te", "trailers")
	for i := 0; i < len(fields); i += 2 {
		r.Header.Set(fields[i], fields[i+1])
	}
	return r
}

// TestGRPCErrors: a call of gRPC that could not be served hears of it in gRPC's own words, and the log has what anybody else would
// have been told.
func TestGRPCErrors(t *testing.T) {
	reset := func(code http2.ErrCode) func(*testing.T) string {
		return func(t *testing.T) string { return resets(t, code, false) }
	}
	dead := func(t *testing.T) string { return unused(t) }
	for _, c := range []struct {
		name    string
		target  func(*testing.T) string
		kind    string
		timeout string
		want    string // grpc-status, or HTTP's
		log     string
	}{
		{"CANCEL", reset(http2.ErrCodeCancel), "application/grpc", "1H", "grpc 1", " 502 TargetReset"},
		{"CANCEL at the deadline", reset(http2.ErrCodeCancel), "application/grpc", "1n", "grpc 4", " 502 TargetReset"},
		{"CANCEL, and a deadline that is none", reset(http2.ErrCodeCancel), "application/grpc", "1s", "grpc 1", " 502 TargetReset"},
		{"PROTOCOL_ERROR at the deadline", reset(http2.ErrCodeProtocol), "application/grpc", "1n", "grpc 13", " 502 TargetReset"},
		{"NO_ERROR", reset(http2.ErrCodeNo), "application/grpc+proto", "", "grpc 13", " 502 TargetReset"},
		{"INTERNAL_ERROR", reset(http2.ErrCodeInternal), "application/grpc;x=y", "", "grpc 13", " 502 TargetReset"},
		{"STREAM_CLOSED", reset(http2.ErrCodeStreamClosed), "application/grpc", "", "grpc 2", " 502 TargetReset"},
		{"REFUSED_STREAM", reset(http2.ErrCodeRefusedStream), "application/grpc", "", "grpc 14", " 502 TargetRefusedStream"},
		{"ENHANCE_YOUR_CALM", reset(http2.ErrCodeEnhanceYourCalm), "application/grpc", "", "grpc 8", " 502 TargetReset"},
		{"INADEQUATE_SECURITY", reset(http2.ErrCodeInadequateSecurity), "application/grpc", "", "grpc 7", " 502 TargetReset"},
		{"HTTP_1_1_REQUIRED", reset(http2.ErrCodeHTTP11Required), "application/grpc", "", "grpc 2", " 502 TargetReset"},
		{"an unknown code", reset(77), "application/grpc", "", "grpc 13", " 502 TargetReset"},
		{"no connection", dead, "application/grpc", "", "grpc 14", " 502 TargetConnect"},
		{"gRPC-Web", reset(http2.ErrCodeCancel), "application/grpc-web+proto", "1n", "http 502", " 502 TargetReset"},
		{"no gRPC at all", reset(http2.ErrCodeCancel), "text/plain", "1n", "http 502", " 502 TargetReset"},
		{"no gRPC and no connection", dead, "text/plain", "", "http 502", " 502 TargetConnect"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBalancer(t, config2(lb.GRPC, c.target(t)), secured)
			r := call("/a.B/C", c.kind)
			if c.timeout != "" {
				r.Header.Set("Grpc-Timeout", c.timeout)
			}
			response, err := client2(b).Do(r)
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(response.Body)
			got := "http " + response.Status[:3]
			if status := response.Header.Get("Grpc-Status"); status != "" {
				got = "grpc " + status
				if kind := response.Header.Get("Content-Type"); response.StatusCode != 200 || kind != "application/grpc" || len(body) > 0 || err != nil {
					t.Errorf("answered with %d, %s, %q, %v", response.StatusCode, kind, body, err)
				}
				if message := response.Header.Get("Grpc-Message"); message != "502 Bad Gateway" {
					t.Errorf("the message is %q", message)
				}
			}
			if got != c.want {
				t.Errorf("answered with %s, want %s", got, c.want)
			}
			if log := b.log(); !strings.Contains(log, c.log[:4]+" ") || !strings.Contains(log, `"`+c.log[5:]+`"`) || !strings.HasPrefix(log, "grpcs ") {
				t.Errorf("log: %s, want%s", log, c.log)
			}
		})
	}
}

// TestNoTargetsForGRPC: other reasons, too.
func TestNoTargetsForGRPC(t *testing.T) {
	b := newBalancer(t, config2(lb.GRPC), secured)
	response, err := client2(b).Do(call("/a.B/C", "application/grpc"))
	if err != nil || response.StatusCode != 200 || response.Header.Get("Grpc-Status") != "14" {
		t.Errorf("got %v, %v", response, err)
	}
}

// TestResetCodes: an answer that breaks off hears why, unless that would say what is not so.
func TestResetCodes(t *testing.T) {
	for code, want := range map[http2.ErrCode]http2.ErrCode{
		http2.ErrCodeCancel: http2.ErrCodeCancel, http2.ErrCodeInternal: http2.ErrCodeInternal, http2.ErrCodeEnhanceYourCalm: http2.ErrCodeEnhanceYourCalm,
		http2.ErrCodeProtocol: http2.ErrCodeProtocol, 77: 77,
		http2.ErrCodeNo: http2.ErrCodeInternal, http2.ErrCodeRefusedStream: http2.ErrCodeInternal, http2.ErrCodeHTTP11Required: http2.ErrCodeInternal,
		http2.ErrCodeInadequateSecurity: http2.ErrCodeInternal,
	} {
		b := newBalancer(t, config2(lb.GRPC, resets(t, code, true)), secured)
		response, err := client2(b).Do(call("/a.B/C", "application/grpc"))
		if err == nil {
			_, err = io.ReadAll(response.Body)
		}
		var reset http2.StreamError
		if !errors.As(err, &reset) || reset.Code != want {
			t.Errorf("%v: the client got %v, want %v", code, err, want)
		}
		b.close()
	}
}

func TestGRPCTimeout(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"1H": time.Hour, "90M": 90 * time.Minute, "100m": 100 * time.Millisecond, "99999999S": 99999999 * time.Second, "5u": 5 * time.Microsecond, "0n": 0, "99999999H": math.MaxInt64 / time.Hour * time.Hour,
		"": -1, "S": -1, "1": -1, "1s": -1, "-1S": -1, "+1S": -1, "123456789S": -1, "1 S": -1,
	} {
		got, ok := grpcTimeout([]byte(text))
		if ok != (want >= 0) || ok && got != want {
			t.Errorf("%q is %v, %v; want %v", text, got, ok, want)
		}
	}
}

// TestGRPCCountedOnce: a call that goes out several times is one request.
func TestGRPCCountedOnce(t *testing.T) {
	refusing := resets(t, http2.ErrCodeRefusedStream, false)
	good := frames(t, nil, func(c *framed, _ int) { c.echo() })
	b := newBalancer(t, config2(lb.GRPC, refusing, good), secured)
	client := client2(b)
	for range 4 {
		if response, err := client.Do(call("/a.B/C", "application/grpc")); err != nil || response.Header.Get("Grpc-Status") != "" {
			t.Fatal(response, err)
		}
	}
	w := httptest.NewRecorder()
	b.metrics.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	count := regexp.MustCompile(`(?m)^albatross_grpc_request_count_total.* (\d+)$`).FindStringSubmatch(w.Body.String())
	if count == nil || count[1] != "4" {
		t.Errorf("counted as %v", count)
	}
}
