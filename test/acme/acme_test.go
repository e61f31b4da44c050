package acme

import (
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const (
	ordered = `albatross.io/acme: "true"`
	year    = 365 * 24 * 3600
)

func TestHTTP(t *testing.T) {
	w := newWorld(t)
	w.startPebble(year)
	// The redirect shows that the question is answered before any rule.
	w.ingress("web", `[{"HTTP":80},{"HTTPS":8443}]`, ordered+"\n    alb.ingress.kubernetes.io/ssl-redirect: '8443'", "a.example.com", "b.example.com")
	w.startAlbatross()
	if leaf := w.shown(w.alt, "a.example.com"); leaf == nil {
		t.Error("nobody serves while the certificate is ordered")
	}
	w.awaitTrusted(w.alt, "a.example.com", "b.example.com")
	if names := w.shown(w.alt, "b.example.com").DNSNames; len(names) != 2 {
		t.Errorf("one order for each set of hosts: the certificate has %v", names)
	}
	if got := w.metric(`albatross_acme_orders_total{result="success"}`); got != "1" {
		t.Errorf("%s orders, want 1", got)
	}
	if got := w.metric(`albatross_acme_certificate_expiry_timestamp_seconds{certificate="acme:shop/web"}`); got == "" || got == "0" {
		t.Errorf("expiry is %q", got)
	}
	request, err := http.NewRequest("GET", fmt.Sprintf("http://127.0.0.1:%d/.well-known/acme-challenge/unknown", w.http), nil)
	w.check(err)
	request.Host = "a.example.com"
	response, err := http.DefaultTransport.RoundTrip(request)
	w.check(err)
	response.Body.Close()
	if response.StatusCode != 301 {
		t.Errorf("a token that nobody waits for is answered with %s, want the rule's redirect", response.Status)
	}
	if strings.Contains(w.said.String(), "problem=") {
		t.Errorf("something is said to be wrong:\n%s", w.said)
	}
}

func TestTLSALPN(t *testing.T) {
	w := newWorld(t)
	w.startPebble(year)
	w.ingress("web", `[{"HTTPS":443}]`, ordered, "a.example.com", "b.example.com", "c.example.com")
	w.startAlbatross()
	w.awaitTrusted(w.https, "a.example.com", "b.example.com", "c.example.com")
}

func TestDNS(t *testing.T) {
	w := newWorld(t)
	w.startPebble(year)
	w.ingress("web", `[{"HTTPS":8443}]`, ordered, "example.com", "*.example.com", "deep.sub.example.com")
	at := fmt.Sprintf("127.0.0.1:%d", freePort(t))
	w.names.delegate(at)
	w.startAlbatross("--acme-dns", at)
	w.awaitTrusted(w.alt, "example.com", "any.example.com", "deep.sub.example.com")
}

// TestWildcardWithoutDNS: what cannot be proven is said, and the rest is ordered.
func TestWildcardWithoutDNS(t *testing.T) {
	w := newWorld(t)
	w.startPebble(year)
	w.ingress("web", `[{"HTTP":80},{"HTTPS":443}]`, ordered, "example.com", "*.example.com")
	w.startAlbatross()
	w.awaitTrusted(w.https, "example.com")
	w.awaitProblem("*.example.com: wildcards are proven by DNS only")
	if w.trusted(w.https, "any.example.com") {
		t.Error("there is a certificate for the wildcard")
	}
}

func (w *world) awaitProblem(text string) {
	w.t.Helper()
	w.await("the problem "+text, func() bool { _, all := w.ask("/set-aside"); return strings.Contains(all, text) })
}

func (w *world) awaitNoProblem(text string) {
	w.t.Helper()
	w.await("the end of the problem "+text, func() bool { status, all := w.ask("/set-aside"); return status == 200 && !strings.Contains(all, text) })
}

// TestBadHost: a host that cannot be proven does not keep the others of its set from
// their certificate, and joins them when it can.
func TestBadHost(t *testing.T) {
	w := newWorld(t)
	w.startPebble(year)
	w.names.lose("b.example.com", true)
	w.ingress("web", `[{"HTTP":80},{"HTTPS":443}]`, ordered, "a.example.com", "b.example.com", "c.example.com")
	w.startAlbatross()
	w.awaitTrusted(w.https, "a.example.com", "c.example.com")
	w.awaitProblem("ordering a certificate for b.example.com from 127.0.0.1")
	w.names.lose("b.example.com", false)
	w.awaitTrusted(w.https, "a.example.com", "b.example.com", "c.example.com")
	w.awaitNoProblem("ordering a certificate")
}

// TestAuthorityDown: while nobody answers, a placeholder serves; when somebody does, his certificate.
func TestAuthorityDown(t *testing.T) {
	w := newWorld(t)
	w.ingress("web", `[{"HTTPS":443}]`, ordered, "a.example.com")
	w.startAlbatross()
	w.awaitProblem("connection refused")
	if leaf := w.shown(w.https, "a.example.com"); leaf == nil || leaf.Subject.CommonName != "Albatross placeholder" || leaf.VerifyHostname("a.example.com") != nil {
		t.Errorf("shown is %+v", leaf)
	}
	if got := w.metric(`albatross_acme_orders_total{result="failure"}`); got == "0" || got == "" {
		t.Errorf("%s failures are counted", got)
	}
	w.startPebble(year)
	w.awaitTrusted(w.https, "a.example.com")
	w.awaitNoProblem("ordering a certificate")
}

// TestAuthorityForgets: an authority that knows nothing of our account any more gets a
// new one, and the order goes on.
func TestAuthorityForgets(t *testing.T) {
	w := newWorld(t)
	w.startPebble(year)
	w.ingress("web", `[{"HTTPS":443}]`, ordered, "a.example.com")
	w.startAlbatross()
	w.awaitTrusted(w.https, "a.example.com")
	w.end(w.pebble)
	w.startPebble(year)
	w.ingress("web", `[{"HTTPS":443}]`, ordered, "b.example.com")
	w.awaitTrusted(w.https, "b.example.com")
	if got := w.metric(`albatross_acme_orders_total{result="failure"}`); got != "0" {
		t.Errorf("%s orders failed", got)
	}
}

// TestDev: with --dev, the local authority serves until the certificate is there.
func TestDev(t *testing.T) {
	w := newWorld(t)
	w.ingress("web", `[{"HTTPS":443}]`, ordered, "a.example.com")
	w.startAlbatross("--dev")
	if leaf := w.shown(w.https, "a.example.com"); leaf == nil || !strings.HasPrefix(leaf.Issuer.CommonName, "Albatross local CA") {
		t.Errorf("shown is %+v", leaf)
	}
	w.startPebble(year)
	w.awaitTrusted(w.https, "a.example.com")
}

// TestAdminTaken: what cannot start ends, and does not wait for orders.
func TestAdminTaken(t *testing.T) {
	w := newWorld(t)
	w.startPebble(year)
	w.ingress("web", `[{"HTTPS":443}]`, ordered, "a.example.com")
	out, err := exec.Command(filepath.Join(binaries, "albatross"), "run", "--bind", "127.0.0.1", "--admin", fmt.Sprintf("127.0.0.1:%d", w.authority),
		"--state", w.path("state"), "--acme-directory", "letsencrypt-staging", w.manifests).CombinedOutput()
	if err == nil || !strings.Contains(string(out), "binding the admin API") {
		t.Errorf("%v: %s", err, out)
	}
}

// TestRestart: what was issued is kept, and shown from the first connection on; nothing
// of it is for others' eyes.
func TestRestart(t *testing.T) {
	w := newWorld(t)
	w.startPebble(year)
	w.ingress("web", `[{"HTTPS":443}]`, ordered, "a.example.com")
	w.startAlbatross()
	w.awaitTrusted(w.https, "a.example.com")
	before := w.shown(w.https, "a.example.com")
	w.end(w.albatross)
	w.startAlbatross()
	if after := w.shown(w.https, "a.example.com"); after == nil || !after.Equal(before) {
		t.Error("another certificate is shown after the restart")
	}
	if got := w.metric(`albatross_acme_orders_total{result="success"}`); got != "0" {
		t.Errorf("%s orders after the restart", got)
	}
	w.check(filepath.WalkDir(w.path("state/acme"), func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		return err
	}))
	// Another set of hosts: the old certificate serves what it can until the new one is there.
	w.ingress("web", `[{"HTTPS":443}]`, ordered, "a.example.com", "b.example.com")
	w.awaitTrusted(w.https, "b.example.com", "a.example.com")
}

// TestRenewal: certificates are renewed while requests go on on connections that were
// there before, and no request fails.
func TestRenewal(t *testing.T) {
	w := newWorld(t)
	w.startPebble(30) // so that an order, due when a third is left, has ten seconds: it takes two, and more where the machine is busy
	w.ingress("web", `[{"HTTP":80},{"HTTPS":443}]`, ordered, "a.example.com")
	w.startAlbatross()
	w.awaitTrusted(w.https, "a.example.com")

	client := w.anyone()
	transport := client.Transport.(*http.Transport)
	transport.DisableKeepAlives, transport.TLSClientConfig.ServerName = false, "a.example.com"
	defer transport.CloseIdleConnections()
	serials := map[string]bool{}
	requests, first := 0, ""
	w.await("the second renewal", func() bool {
		request, err := http.NewRequest("GET", fmt.Sprintf("https://127.0.0.1:%d/", w.https), nil)
		w.check(err)
		request.Host = "a.example.com"
		response, err := client.Do(request)
		if err != nil {
			t.Fatalf("request %d: %v", requests, err)
		}
		body, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil || string(body) != "hello" {
			t.Fatalf("request %d: %v %q", requests, err, body)
		}
		serial := response.TLS.PeerCertificates[0].SerialNumber.String()
		if requests++; first == "" {
			first = serial
		} else if serial != first {
			t.Fatal("the connection was not kept")
		}
		leaf := w.shown(w.https, "a.example.com")
		if leaf == nil || !w.trusted(w.https, "a.example.com") {
			t.Fatalf("a handshake failed; shown is %v", leaf)
		}
		serials[leaf.SerialNumber.String()] = true
		return len(serials) >= 3
	})
	t.Logf("%d requests on one connection, %d certificates", requests, len(serials))
}

// TestOthersFirst: hosts that have a certificate by other means are not ordered.
func TestOthersFirst(t *testing.T) {
	w := newWorld(t)
	w.startPebble(year)
	w.check(os.MkdirAll(w.path("state/acm/1"), 0o700))
	cert, key := selfSigned(t, "a.example.com")
	w.write("state/acm/1/tls.crt", cert)
	w.write("state/acm/1/tls.key", key)
	w.ingress("web", `[{"HTTP":80},{"HTTPS":443}]`, ordered+"\n    alb.ingress.kubernetes.io/certificate-arn: arn:aws:acm:r:1:certificate/1",
		"a.example.com", "b.example.com")
	w.startAlbatross()
	w.awaitTrusted(w.https, "b.example.com")
	if names := w.shown(w.https, "b.example.com").DNSNames; len(names) != 1 {
		t.Errorf("ordered were %v", names)
	}
	if leaf := w.shown(w.https, "a.example.com"); leaf.Issuer.CommonName != "ours" {
		t.Errorf("for a.example.com one of %v is shown", leaf.Issuer)
	}
}
