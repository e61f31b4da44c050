package acme

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/albatross-lb/albatross/test/ports"
)

// binaries is the folder of what TestMain has built.
var binaries string

// noPebble is why there is no pebble, or "".
var noPebble string

func TestMain(m *testing.M) { os.Exit(build(m)) }

func build(m *testing.M) int {
	var err error
	if binaries, err = os.MkdirTemp("", "albatross-acme"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(binaries)
	if out, err := exec.Command("go", "build", "-o", binaries, "../../cmd/albatross").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "building: %v\n%s", err, out)
		return 1
	}
	command := exec.Command("go", "build", "-o", binaries, "github.com/letsencrypt/pebble/v2/cmd/pebble")
	command.Dir = "pebble"
	if out, err := command.CombinedOutput(); err != nil {
		noPebble = fmt.Sprintf("pebble cannot be built: %v\n%s", err, out)
	}
	return m.Run()
}

// patience bounds every wait.
const patience = 2 * time.Minute

// world is one albatross, one pebble, and the name server that pebble asks.
type world struct {
	t         *testing.T
	dir       string
	manifests string
	names     *names

	http, https, alt, admin int // ports of albatross, for 80, 443 and 8443 of the manifests
	authority, management   int // ports of pebble
	albatross, pebble       *exec.Cmd
	said                    *output // by albatross
}

func newWorld(t *testing.T) *world {
	if noPebble != "" {
		t.Skip(noPebble)
	}
	t.Parallel()
	w := &world{t: t, dir: t.TempDir(), http: freePort(t), https: freePort(t), alt: freePort(t), admin: freePort(t),
		authority: freePort(t), management: freePort(t)}
	w.manifests = filepath.Join(w.dir, "manifests")
	if err := os.Mkdir(w.manifests, 0o755); err != nil {
		t.Fatal(err)
	}
	w.names = startNames(t)
	w.ownCertificate()
	return w
}

func freePort(t *testing.T) int {
	port, err := ports.Free()
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// ownCertificate makes the one that pebble itself shows, which is its own authority.
func (w *world) ownCertificate() {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	w.check(err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	w.check(err)
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	w.check(err)
	w.write("pebble.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	w.write("pebble.key", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}))
}

func (w *world) check(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) path(name string) string { return filepath.Join(w.dir, name) }

func (w *world) write(name string, content []byte) {
	w.check(os.WriteFile(w.path(name), content, 0o600))
}

// startPebble starts an authority whose certificates live for so many seconds.
func (w *world) startPebble(life int) {
	w.t.Helper()
	config, err := json.Marshal(map[string]any{"pebble": map[string]any{
		"listenAddress": fmt.Sprintf("127.0.0.1:%d", w.authority), "managementListenAddress": fmt.Sprintf("127.0.0.1:%d", w.management),
		"certificate": w.path("pebble.pem"), "privateKey": w.path("pebble.key"), "httpPort": w.http, "tlsPort": w.https, "keyAlgorithm": "ecdsa",
		"retryAfter": map[string]int{"authz": 1, "order": 1},
		"profiles":   map[string]any{"default": map[string]any{"description": "the only one", "validityPeriod": life}}}})
	w.check(err)
	w.write("pebble.json", config)
	w.pebble = exec.Command(filepath.Join(binaries, "pebble"), "-strict", "-config", w.path("pebble.json"), "-dnsserver", w.names.address)
	// Every tenth nonce is refused and authorizations are never used twice: what is rare elsewhere happens here.
	w.pebble.Env = append(os.Environ(), "PEBBLE_VA_NOSLEEP=1", "PEBBLE_WFE_NONCEREJECT=10", "PEBBLE_AUTHZREUSE=0")
	w.start(w.pebble, "pebble.log")
	w.await("pebble", func() bool {
		response, err := w.anyone().Get(fmt.Sprintf("https://127.0.0.1:%d/dir", w.authority))
		if err != nil {
			return false
		}
		response.Body.Close()
		return response.StatusCode == 200
	})
}

// output collects what a process says.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

func (w *world) start(command *exec.Cmd, name string) *output {
	w.t.Helper()
	out := &output{}
	command.Stdout, command.Stderr = out, out
	w.check(command.Start())
	w.t.Cleanup(func() {
		w.end(command)
		if w.t.Failed() {
			w.t.Logf("%s:\n%s", name, out)
		}
	})
	return out
}

// end ends a process, if it has not ended yet.
func (w *world) end(command *exec.Cmd) {
	if command.ProcessState != nil {
		return
	}
	command.Process.Signal(syscall.SIGTERM)
	late := time.AfterFunc(10*time.Second, func() { command.Process.Kill() })
	defer late.Stop()
	command.Wait()
}

// startAlbatross serves the manifests.
func (w *world) startAlbatross(flags ...string) {
	w.t.Helper()
	w.albatross = exec.Command(filepath.Join(binaries, "albatross"), slices.Concat([]string{"run", "--bind", "127.0.0.1",
		"--port-map", fmt.Sprintf("80=%d,443=%d,8443=%d", w.http, w.https, w.alt), "--admin", fmt.Sprintf("127.0.0.1:%d", w.admin),
		"--state", w.path("state"), "--acme-directory", fmt.Sprintf("https://127.0.0.1:%d/dir", w.authority), "--acme-ca-file", w.path("pebble.pem"),
		"--acme-email", "ops@example.com", "--acme-retry", "100ms", "--access-log", "off", "--drain", "1s"}, flags, []string{w.manifests})...)
	w.said = w.start(w.albatross, "albatross")
	w.await("albatross", func() bool { status, _ := w.ask("/readyz"); return status == 200 })
}

// ask asks the admin API.
func (w *world) ask(path string) (int, string) {
	response, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d%s", w.admin, path))
	if err != nil {
		return 0, err.Error()
	}
	defer response.Body.Close()
	body, _ := io.ReadAll(response.Body)
	return response.StatusCode, string(body)
}

func (w *world) await(what string, happened func() bool) {
	w.t.Helper()
	for deadline := time.Now().Add(patience); !happened(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			w.t.Fatalf("waited in vain for %s", what)
		}
	}
}

// ingress writes an Ingress with a fixed answer on every host and the annotation given.
func (w *world) ingress(name, listenPorts, annotation string, hosts ...string) {
	w.t.Helper()
	var text strings.Builder
	fmt.Fprintf(&text, `apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: %s
  namespace: shop
  annotations:
    kubernetes.io/ingress.class: alb
    alb.ingress.kubernetes.io/listen-ports: '%s'
    alb.ingress.kubernetes.io/actions.hello: '{"type":"fixed-response","fixedResponseConfig":{"statusCode":"200","contentType":"text/plain","messageBody":"hello"}}'
    %s
spec:
  rules:
`, name, listenPorts, annotation)
	for _, h := range hosts {
		fmt.Fprintf(&text, "  - host: %q\n    http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: hello, port: {name: use-annotation}}}}]}\n", h)
	}
	temporary := w.path("new-" + name)
	w.write("new-"+name, []byte(text.String()))
	w.check(os.Rename(temporary, filepath.Join(w.manifests, name+".yaml")))
}

// anyone is a client that trusts everybody.
func (w *world) anyone() *http.Client {
	return &http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
}

// roots are what pebble's certificates go back to; nil where it does not say.
func (w *world) roots() *x509.CertPool {
	response, err := w.anyone().Get(fmt.Sprintf("https://127.0.0.1:%d/roots/0", w.management))
	if err != nil {
		return nil
	}
	defer response.Body.Close()
	text, _ := io.ReadAll(response.Body)
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(text)
	return pool
}

// shown is the leaf that a client is shown on a port.
func (w *world) shown(port int, host string) *x509.Certificate {
	c, err := tls.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port), &tls.Config{ServerName: host, InsecureSkipVerify: true})
	if err != nil {
		return nil
	}
	defer c.Close()
	return c.ConnectionState().PeerCertificates[0]
}

// trusted tells whether a client that trusts pebble alone gets through to host.
func (w *world) trusted(port int, host string) bool {
	c, err := tls.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port), &tls.Config{ServerName: host, RootCAs: w.roots()})
	if err != nil {
		return false
	}
	c.Close()
	return true
}

func (w *world) awaitTrusted(port int, hosts ...string) {
	w.t.Helper()
	for _, h := range hosts {
		w.await("a certificate for "+h, func() bool { return w.trusted(port, h) })
	}
}

// metric gives the value of a line of the exposition, "" if there is none.
func (w *world) metric(name string) string {
	_, text := w.ask("/metrics")
	if m := regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(name) + ` (.*)$`).FindStringSubmatch(text); m != nil {
		return m[1]
	}
	return ""
}

// names is the resolver of the world: every host is on loopback, but for those that
// are lost; _acme-challenge names are delegated to albatross.
type names struct {
	address string

	mu        sync.Mutex
	lost      map[string]bool
	delegated string // address of albatross's name server; "": none
}

func startNames(t *testing.T) *names {
	n := &names{lost: map[string]bool{}}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	n.address = l.Addr().String()
	server := &dns.Server{Listener: l, Handler: n}
	ended := make(chan struct{})
	go func() { defer close(ended); server.ActivateAndServe() }()
	t.Cleanup(func() { l.Close(); server.Shutdown(); <-ended })
	return n
}

func (n *names) lose(host string, lost bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.lost[host] = lost
}

func (n *names) delegate(address string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.delegated = address
}

// ServeDNS implements dns.Handler.
func (n *names) ServeDNS(to dns.ResponseWriter, q *dns.Msg) {
	name := strings.ToLower(q.Question[0].Name)
	n.mu.Lock()
	lost, delegated := n.lost[strings.TrimSuffix(name, ".")], n.delegated
	n.mu.Unlock()
	r := new(dns.Msg).SetReply(q)
	switch {
	case lost:
		r.Rcode = dns.RcodeNameError
	case strings.HasPrefix(name, "_acme-challenge.") && delegated != "":
		client := &dns.Client{Net: "udp", Timeout: 2 * time.Second}
		answer, _, err := client.Exchange(q, delegated)
		if err == nil && answer.Truncated {
			client.Net = "tcp"
			answer, _, err = client.Exchange(q, delegated)
		}
		if r.Rcode = dns.RcodeServerFailure; err == nil {
			r = answer
		}
	case q.Question[0].Qtype == dns.TypeA:
		r.Answer = []dns.RR{&dns.A{Hdr: dns.RR_Header{Name: q.Question[0].Name, Rrtype: dns.TypeA, Class: dns.ClassINET}, A: net.IPv4(127, 0, 0, 1)}}
	}
	to.WriteMsg(r)
}

// selfSigned makes a certificate for a host that comes from elsewhere.
func selfSigned(t *testing.T, host string) (cert, key []byte) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "ours"}, DNSNames: []string{host},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})
}
