package proxy

import (
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/albatross-lb/albatross/internal/balance"
	"github.com/albatross-lb/albatross/internal/certs"
	"github.com/albatross-lb/albatross/internal/snapshot"
	"github.com/albatross-lb/albatross/lb"
)

// Each of the headers that a listener attribute sets: on targets' answers, in place of their own, and on our pages.
func TestResponseHeaderAttributes(t *testing.T) {
	names := map[string]string{
		"strict_transport_security": "Strict-Transport-Security", "access_control_allow_origin": "Access-Control-Allow-Origin",
		"access_control_allow_methods": "Access-Control-Allow-Methods", "access_control_allow_headers": "Access-Control-Allow-Headers",
		"access_control_allow_credentials": "Access-Control-Allow-Credentials", "access_control_expose_headers": "Access-Control-Expose-Headers",
		"access_control_max_age": "Access-Control-Max-Age", "content_security_policy": "Content-Security-Policy",
		"x_content_type_options": "X-Content-Type-Options", "x_frame_options": "X-Frame-Options",
	}
	cfg := config(serve(t, func(w http.ResponseWriter, _ *http.Request) {
		for _, name := range names {
			w.Header().Set(name, "the target's own")
		}
		w.Header().Set("Server", "target/1.0")
	}))
	l := cfg.LoadBalancers[0].Listeners[0]
	l.Attributes = map[string]string{"routing.http.response.server.enabled": "false"}
	for key := range names {
		l.Attributes["routing.http.response."+key+".header_value"] = "value of " + key
	}
	l.Rules = []*lb.Rule{{Priority: 1, Actions: []lb.Action{{Type: lb.FixedResponseAction, FixedResponse: &lb.FixedResponse{StatusCode: "404"}}},
		Conditions: []lb.Condition{{Field: lb.PathPattern, PathPattern: &lb.ValuesConfig{Values: []string{"/page"}}}}}}
	c := newBalancer(t, cfg).dial()
	for _, path := range []string{"/", "/page"} {
		c.send("GET %s HTTP/1.1\nHost: x\n\n", path)
		r, _ := c.response("GET")
		for key, name := range names {
			if got := r.Header.Values(name); len(got) != 1 || got[0] != "value of "+key {
				t.Errorf("%s: %s is %q", path, name, got)
			}
		}
		if got := r.Header.Values("Server"); len(got) > 0 {
			t.Errorf("%s: Server is %q", path, got)
		}
	}
}

// overTLS asks over TLS and gives what the target has got.
func overTLS(t *testing.T, b *balancer, lines string, certificates ...tls.Certificate) string {
	t.Helper()
	c, err := tls.Dial("tcp", b.addr(), &tls.Config{InsecureSkipVerify: true, Certificates: certificates})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(time.Minute))
	fmt.Fprintf(c, "GET / HTTP/1.1\r\nHost: x\r\n%sConnection: close\r\n\r\n", lines)
	text, err := io.ReadAll(c)
	if err != nil {
		t.Fatal(err)
	}
	_, body, _ := strings.Cut(string(text), "\r\n\r\n")
	return body
}

// showHeaders is a target that answers with the lines of the request that have these prefixes, sorted.
func showHeaders(t *testing.T, prefixes ...string) string {
	return serve(t, func(w http.ResponseWriter, r *http.Request) {
		var lines []string
		for name, values := range r.Header {
			for _, prefix := range prefixes {
				if strings.HasPrefix(name, prefix) {
					lines = append(lines, name+": "+strings.Join(values, "|"))
				}
			}
		}
		slices.Sort(lines)
		io.WriteString(w, strings.Join(lines, "\n"))
	})
}

// The headers that tell targets of TLS, under their own names and under others.
func TestTLSHeaderAttributes(t *testing.T) {
	const enabled = "routing.http.x_amzn_tls_version_and_cipher_suite.enabled"
	renamed := map[string]string{"routing.http.request.x_amzn_tls_version.header_name": "X-My-Version", "routing.http.request.x_amzn_tls_cipher_suite.header_name": "X-My-Suite"}
	for _, c := range []struct {
		enabled string
		names   map[string]string
		want    string
	}{
		{"true", nil, "X-Amzn-Tls-Cipher-Suite: TLS_AES_128_GCM_SHA256\nX-Amzn-Tls-Version: TLSv1.3"},
		{"true", renamed, "X-My-Suite: TLS_AES_128_GCM_SHA256\nX-My-Version: TLSv1.3"},
		{"false", renamed, ""},
	} {
		cfg := config(showHeaders(t, "X-Amzn-Tls", "X-My"))
		cfg.LoadBalancers[0].Attributes[enabled] = c.enabled
		cfg.LoadBalancers[0].Listeners[0].Attributes = c.names
		b := newBalancer(t, cfg, secured)
		forged := "X-Amzn-Tls-Version: forged\r\nx-amzn-tls-cipher-suite: forged\r\n"
		if c.names != nil {
			forged = "X-My-Version: forged\r\nx-my-suite: forged\r\n"
		}
		if c.enabled == "false" {
			forged = ""
		}
		if got := overTLS(t, b, forged); got != c.want {
			t.Errorf("%s, renamed %v: the target got %q, want %q", c.enabled, c.names != nil, got, c.want)
		}
	}
}

// The headers that tell targets of the client's certificate, under other names.
func TestMutualHeaderAttributes(t *testing.T) {
	stores := t.TempDir()
	alice := authority(t, stores)
	for mode, want := range map[string][]string{
		"passthrough": {"X-My-Cert: "},
		"verify":      {"X-My-Issuer: CN=clients", "X-My-Leaf: ", "X-My-Serial: ", "X-My-Subject: CN=alice", "X-My-Validity: "},
	} {
		cfg := config(showHeaders(t, "X-Amzn-Mtls", "X-My"))
		l := cfg.LoadBalancers[0].Listeners[0]
		l.Attributes = map[string]string{}
		for key, name := range map[string]string{"": "Cert", "_serial_number": "Serial", "_issuer": "Issuer", "_subject": "Subject", "_validity": "Validity", "_leaf": "Leaf"} {
			l.Attributes["routing.http.request.x_amzn_mtls_clientcert"+key+".header_name"] = "X-My-" + name
		}
		l.MutualAuthentication = &lb.MutualAuthentication{Mode: mode}
		if mode == "verify" {
			l.MutualAuthentication.TrustStoreARN = "arn:aws:elasticloadbalancing:us-east-1:1:truststore/staff/1"
		}
		b := newBalancer(t, cfg, func(t testing.TB, cfg *lb.Config) (*lb.Config, func(*snapshot.Options)) {
			_, issue := secured(t, cfg)
			return cfg, func(o *snapshot.Options) { issue(o); o.TrustStores = certs.OpenTrustStores(stores) }
		})
		got := strings.Split(overTLS(t, b, "x-my-subject: CN=root\r\nX-My-Cert: forged\r\n", alice), "\n")
		if len(got) != len(want) {
			t.Fatalf("%s: the target got %q", mode, got)
		}
		for i := range want {
			if !strings.HasPrefix(got[i], want[i]) || strings.Contains(got[i], "|") || strings.Contains(got[i], "forged") {
				t.Errorf("%s: the target got %q, want %q", mode, got[i], want[i])
			}
		}
	}
}

// routing.http2.enabled=false: a client that could speak HTTP/2 is not offered it.
func TestHTTP2Attribute(t *testing.T) {
	for value, want := range map[string]string{"true": "h2", "false": "http/1.1", "": "h2"} {
		cfg := config(serve(t, func(http.ResponseWriter, *http.Request) {}))
		if value != "" {
			cfg.LoadBalancers[0].Attributes["routing.http2.enabled"] = value
		}
		c, err := tls.Dial("tcp", newBalancer(t, cfg, secured).addr(), &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2", "http/1.1"}})
		if err != nil {
			t.Fatal(err)
		}
		if got := c.ConnectionState().NegotiatedProtocol; got != want {
			t.Errorf("routing.http2.enabled=%s: the connection speaks %q", value, got)
		}
		c.Close()
	}
}

// How long a client sticks is inside the cookie of the load balancer, and on the one for the application's too.
func TestStickinessDurationAttributes(t *testing.T) {
	for _, c := range []struct {
		attributes string
		cookie     string
		lasts      time.Duration
	}{
		{"stickiness.type=lb_cookie,stickiness.lb_cookie.duration_seconds=90", balance.TargetCookie, 90 * time.Second},
		{"stickiness.type=app_cookie,stickiness.app_cookie.cookie_name=SID,stickiness.app_cookie.duration_seconds=90", appCookie, 90 * time.Second},
		{"stickiness.type=lb_cookie", balance.TargetCookie, 24 * time.Hour},
	} {
		cfg := config(serve(t, func(w http.ResponseWriter, _ *http.Request) { w.Header().Add("Set-Cookie", "SID=1") }))
		g := cfg.TargetGroups["shop/web:80"]
		g.Attributes["stickiness.enabled"] = "true"
		for pair := range strings.SplitSeq(c.attributes, ",") {
			key, value, _ := strings.Cut(pair, "=")
			g.Attributes[key] = value
		}
		b := newBalancer(t, cfg)
		client := b.dial()
		client.send("GET / HTTP/1.1\nHost: x\n\n")
		r, _ := client.response("GET")
		i := slices.IndexFunc(r.Cookies(), func(k *http.Cookie) bool { return k.Name == c.cookie })
		if i < 0 {
			t.Fatalf("%s: cookies %v", c.attributes, r.Cookies())
		}
		value, asked := []byte(r.Cookies()[i].Value), time.Now()
		_, before := b.proxy.cookies.Open(value, g.Key, asked.Add(c.lasts-10*time.Second))
		_, after := b.proxy.cookies.Open(value, g.Key, asked.Add(c.lasts+10*time.Second))
		if !before || after {
			t.Errorf("%s: good shortly before its end: %v, shortly after: %v", c.attributes, before, after)
		}
		if left := r.Cookies()[i].Expires.Sub(asked).Round(time.Minute / 2); c.cookie == appCookie && left != c.lasts {
			t.Errorf("%s: the browser keeps it for %v", c.attributes, left)
		}
	}
}

// A 5XX answer and a connection that breaks off speak against a target; what a client does, does not.
func TestWhatSpeaksAgainstATarget(t *testing.T) {
	manners := map[string]http.HandlerFunc{
		"well": func(http.ResponseWriter, *http.Request) {},
		"4xx":  func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(404) },
		"5xx":  func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) },
		"torn": func(w http.ResponseWriter, _ *http.Request) { panic(http.ErrAbortHandler) },
		"cut": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			w.Write([]byte("short"))
			panic(http.ErrAbortHandler)
		},
	}
	for manner, want := range map[string]bool{"well": false, "4xx": false, "5xx": true, "torn": true, "cut": true, "refused": true} {
		odd := unused(t)
		if h := manners[manner]; h != nil {
			odd = serve(t, h)
		}
		addrs := []string{odd, serve(t, manners["well"]), serve(t, manners["well"])}
		cfg := config(addrs...)
		cfg.TargetGroups["shop/web:80"].Attributes["load_balancing.algorithm.type"] = "weighted_random"
		b := newBalancer(t, cfg)
		for _, a := range addrs {
			b.setHealth(a, lb.Healthy)
		}
		for range 150 {
			c := b.dial()
			c.send("GET / HTTP/1.1\nHost: x\nConnection: close\n\n")
			io.Copy(io.Discard, c.in)
			c.Close()
		}
		g := b.proxy.Snapshot().TargetGroups["shop/web:80"]
		b.live.Judge()
		for i := range addrs {
			if anomalous, _ := g.Balance.Anomalous(i); anomalous != (want && i == 0) {
				t.Errorf("%s: target %d is anomalous: %v", manner, i, anomalous)
			}
		}
	}
}
