package script

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// ask is one request as a script wrote it.
type ask struct {
	method  string
	headers []string
	body    string
	ca      string
	cert    string // a client's certificate and key
	blind   bool   // take any certificate
	later   string // do not wait for the answer; it is asked for by this name
	sticky  bool   // bring the cookies of one answer with the next request
	url     string
}

func parseAsk(ts *testscript.TestScript, args []string) ask {
	var a ask
	f := flag.NewFlagSet("request", flag.ContinueOnError)
	f.SetOutput(io.Discard)
	f.StringVar(&a.method, "X", "", "")
	f.StringVar(&a.body, "d", "", "")
	f.StringVar(&a.ca, "cacert", "state/ca/ca.pem", "")
	f.StringVar(&a.cert, "cert", "", "")
	f.BoolVar(&a.blind, "k", false, "")
	f.StringVar(&a.later, "later", "", "")
	f.BoolVar(&a.sticky, "sticky", false, "")
	path := f.Int("long-path", 0, "")
	header := f.Int("long-header", 0, "")
	f.Func("H", "", func(h string) error {
		a.headers = append(a.headers, h)
		return nil
	})
	if err := f.Parse(args); err != nil || f.NArg() != 1 {
		ts.Fatalf("usage: [-X METHOD] [-H 'NAME: VALUE']... [-d BODY] [-cacert FILE] [-cert FILE] [-k] [-later NAME] [-sticky] URL (%v)", err)
	}
	if a.method == "" {
		a.method = "GET"
		if a.body != "" {
			a.method = "POST"
		}
	}
	a.ca = ts.MkAbs(a.ca)
	if a.cert != "" {
		a.cert = ts.MkAbs(a.cert)
	}
	a.url = locate(ts, f.Arg(0)) + strings.Repeat("x", *path)
	if *header > 0 {
		a.headers = append(a.headers, "X-Long: "+strings.Repeat("x", *header))
	}
	return a
}

// locate makes a whole URL of a path, https:/path, alt:/path, admin:/path or name:/path.
func locate(ts *testscript.TestScript, url string) string {
	place, path, named := strings.Cut(url, ":/")
	switch {
	case place == "http" || place == "https" && strings.HasPrefix(path, "/"):
		return url
	case strings.HasPrefix(url, "/"):
		return "http://127.0.0.1:" + ts.Getenv("HTTP") + url
	case named && place == "https":
		return "https://localhost:" + ts.Getenv("HTTPS") + "/" + path
	case named && place == "alt":
		return "http://127.0.0.1:" + ts.Getenv("ALT") + "/" + path
	case named && place == "admin":
		return "http://127.0.0.1:" + ts.Getenv("ADMIN") + "/" + path
	case named && worldOf(ts).targets[place] != nil:
		return fmt.Sprintf("http://127.0.0.1:%d/%s", worldOf(ts).targets[place].port, path)
	}
	ts.Fatalf("%q is neither a path nor place:/path nor a URL", url)
	return ""
}

// send makes the request on a new connection and follows nothing. The Host header
// is also the name asked for by TLS.
func (a ask) send() (*http.Response, []byte, error) {
	r, err := http.NewRequest(a.method, a.url, strings.NewReader(a.body))
	if err != nil {
		return nil, nil, err
	}
	r.Header.Set("User-Agent", "script")
	for _, h := range a.headers {
		name, value, found := strings.Cut(h, ":")
		if !found {
			return nil, nil, fmt.Errorf("header %q has no colon", h)
		}
		r.Header.Add(name, strings.TrimSpace(value))
	}
	config := &tls.Config{InsecureSkipVerify: a.blind}
	if host := r.Header.Get("Host"); host != "" {
		r.Host = host
		r.Header.Del("Host")
		if config.ServerName, _, err = net.SplitHostPort(host); err != nil {
			config.ServerName = host
		}
	}
	if !a.blind && r.URL.Scheme == "https" {
		pem, err := os.ReadFile(a.ca)
		if err != nil {
			return nil, nil, err
		}
		config.RootCAs = x509.NewCertPool()
		config.RootCAs.AppendCertsFromPEM(pem)
	}
	if a.cert != "" {
		pair, err := tls.LoadX509KeyPair(a.cert, a.cert)
		if err != nil {
			return nil, nil, err
		}
		config.Certificates = []tls.Certificate{pair}
	}
	transport := &http.Transport{DisableKeepAlives: true, DisableCompression: true, TLSClientConfig: config}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: patience,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := client.Do(r)
	if err != nil {
		return nil, nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return response, body, err
}

// show is the response as text: status line, sorted headers, blank line, body, trailers.
func show(response *http.Response, body []byte) string {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s\n", response.Proto, response.Status)
	writeHeaders(&b, response.Header)
	if response.TLS != nil {
		fmt.Fprintf(&b, "TLS: %s %s\n", tls.VersionName(response.TLS.Version), tls.CipherSuiteName(response.TLS.CipherSuite))
		for _, c := range response.TLS.PeerCertificates[:1] {
			fmt.Fprintf(&b, "Certificate: %s by %s for %s\n", c.Subject.CommonName, c.Issuer.CommonName, strings.Join(c.DNSNames, " "))
		}
	}
	b.WriteByte('\n')
	b.Write(body)
	if len(body) > 0 && body[len(body)-1] != '\n' {
		b.WriteByte('\n')
	}
	writeHeaders(&b, response.Trailer)
	return b.String()
}

func request(ts *testscript.TestScript, neg bool, args []string) {
	a := parseAsk(ts, args)
	if a.later != "" {
		arrival := make(chan string, 1)
		worldOf(ts).later[a.later] = arrival
		go func() {
			response, body, err := a.send()
			if err != nil {
				arrival <- err.Error() + "\n"
				return
			}
			arrival <- show(response, body)
		}()
		return
	}
	response, body, err := a.send()
	if err != nil {
		if neg {
			fmt.Fprintln(ts.Stderr(), err)
			return
		}
		ts.Fatalf("request: %v", err)
	}
	if neg {
		ts.Fatalf("request: got an answer where none was wanted:\n%s", show(response, body))
	}
	io.WriteString(ts.Stdout(), show(response, body))
}

// arrived waits for the answer to a request that was sent in the background.
func arrived(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 || worldOf(ts).later[args[0]] == nil {
		ts.Fatalf("usage: arrived NAME, after request -later NAME")
	}
	io.WriteString(ts.Stdout(), <-worldOf(ts).later[args[0]])
}

func eventually(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: eventually REGEXP [REQUEST-FLAG...] URL")
	}
	pattern, err := regexp.Compile("(?m)" + args[0])
	ts.Check(err)
	a := parseAsk(ts, args[1:])
	for deadline := time.Now().Add(patience); ; {
		response, body, err := a.send()
		got := ""
		if err == nil {
			got = show(response, body)
		}
		if pattern.MatchString(got) {
			io.WriteString(ts.Stdout(), got)
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("nothing matched %s; at last %v\n%s", args[0], err, got)
		}
		time.Sleep(beat)
	}
}

// spread counts who answers, and how. The target is "-" where the load balancer answers itself.
func spread(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: spread N [REQUEST-FLAG...] URL")
	}
	n, err := strconv.Atoi(args[0])
	ts.Check(err)
	a := parseAsk(ts, args[1:])
	counts := map[string]int{}
	for range n {
		response, _, err := a.send()
		ts.Check(err)
		if a.sticky {
			a.headers = a.withCookies(response)
		}
		name := response.Header.Get("X-Target")
		if name == "" {
			name = "-"
		}
		counts[fmt.Sprintf("%d %s", response.StatusCode, name)]++
	}
	var lines []string
	for who, count := range counts {
		lines = append(lines, fmt.Sprintf("%s: %d\n", who, count))
	}
	slices.Sort(lines)
	io.WriteString(ts.Stdout(), strings.Join(lines, ""))
}

// withCookies is the headers with the cookies that the response sets in place of those there were.
func (a ask) withCookies(response *http.Response) []string {
	headers := slices.DeleteFunc(slices.Clone(a.headers), func(h string) bool { return strings.HasPrefix(h, "Cookie:") })
	var cookies []string
	for _, c := range response.Cookies() {
		cookies = append(cookies, c.Name+"="+c.Value)
	}
	if len(cookies) == 0 {
		return a.headers
	}
	return append(headers, "Cookie: "+strings.Join(cookies, "; "))
}

// raw sends bytes and reads until the other side closes.
func raw(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: raw FILE|TEXT")
	}
	text := strings.NewReplacer(`\r`, "\r", `\n`, "\n", `\t`, "\t").Replace(args[0])
	if file, err := os.ReadFile(ts.MkAbs(args[0])); err == nil {
		text = strings.ReplaceAll(string(file), "\n", "\r\n")
	}
	got, err := exchange("127.0.0.1:"+ts.Getenv("HTTP"), text)
	io.WriteString(ts.Stdout(), strings.ReplaceAll(string(got), "\r\n", "\n"))
	ts.Check(err)
}

func exchange(address, text string) ([]byte, error) {
	c, err := net.Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(c, text); err != nil {
		return nil, err
	}
	got, err := io.ReadAll(c)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		err = fmt.Errorf("the connection stays open; so far:\n%s", got)
	}
	return got, err
}
