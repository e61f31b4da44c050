package acme

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/mholt/acmez/v3"
	"github.com/mholt/acmez/v3/acme"
)

const (
	// orderTimeout bounds one order from its first request to its last.
	orderTimeout = 10 * time.Minute
	// requestTimeout bounds one request to an authority, mostAnswer its answer.
	requestTimeout = 30 * time.Second
	mostAnswer     = 1 << 20
)

// authority is one certificate authority and our account with it.
type authority struct {
	url    string
	folder folder
	email  string
	client *acme.Client
	began  time.Time

	mu      sync.Mutex
	account *acme.Account // nil: not registered since the process began

	// kept are the certificates of this authority, by id. The Issuer's lock guards them.
	kept map[string]*certificate
}

// order is what an authority is asked for.
type order struct {
	names    []string
	replaces *x509.Certificate // nil: none
	solvers  map[string]acmez.Solver
}

// hostOf is the host of a URL, for people.
func hostOf(directory string) string {
	u, err := url.Parse(directory)
	if err != nil {
		return directory
	}
	return u.Host
}

// folderName is the same for the same directory and tells which it is.
func folderName(directory string) string {
	u, _ := url.Parse(directory) // was parsed before it came here
	sum := sha256.Sum256([]byte(directory))
	return u.Hostname() + "-" + hex.EncodeToString(sum[:4])
}

func newAuthority(o *Options, directory string, in folder) *authority {
	transport := &http.Transport{
		Proxy: http.ProxyFromEnvironment, TLSClientConfig: &tls.Config{RootCAs: o.Roots},
		TLSHandshakeTimeout: 10 * time.Second, IdleConnTimeout: 30 * time.Second, MaxIdleConnsPerHost: 2, ForceAttemptHTTP2: true,
		MaxResponseHeaderBytes: 64 << 10,
	}
	return &authority{
		url: directory, folder: in, email: o.Email, began: time.Now(), kept: map[string]*certificate{},
		client: &acme.Client{Directory: directory, UserAgent: "albatross", PollTimeout: orderTimeout,
			HTTPClient: &http.Client{Timeout: requestTimeout, Transport: bounded{transport}, CheckRedirect: stayHTTPS}},
	}
}

func stayHTTPS(r *http.Request, via []*http.Request) error {
	if r.URL.Scheme != "https" || len(via) > 3 {
		return errors.New("the authority redirects to where nobody should follow")
	}
	return nil
}

// bounded keeps an authority from sending without end.
type bounded struct{ http.RoundTripper }

func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := b.RoundTripper.RoundTrip(r)
	if err == nil {
		response.Body = struct {
			io.Reader
			io.Closer
		}{io.LimitReader(response.Body, mostAnswer), response.Body}
	}
	return response, err
}

// obtain carries one order out. It gives chain and key in PEM, one behind the other.
func (a *authority) obtain(ctx context.Context, o order) ([]byte, window, error) {
	ctx, cancel := context.WithTimeout(ctx, orderTimeout)
	defer cancel()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, window{}, err
	}
	csr, err := acmez.NewCSR(key, o.names)
	if err != nil {
		return nil, window{}, err
	}
	chain, err := a.carryOut(ctx, o, csr)
	if a.forget(err) {
		chain, err = a.carryOut(ctx, o, csr)
	}
	if err != nil {
		return nil, window{}, err
	}
	keyPEM, err := encodeKey(key)
	if err != nil {
		return nil, window{}, err
	}
	w := window{}
	if info := chain.RenewalInfo; info != nil {
		w = windowOf(*info)
	}
	return append(append(chain.ChainPEM, '\n'), keyPEM...), w, nil
}

func (a *authority) carryOut(ctx context.Context, o order, csr *x509.CertificateRequest) (*acme.Certificate, error) {
	account, err := a.register(ctx)
	if err != nil {
		return nil, fmt.Errorf("registering an account: %w", err)
	}
	parameters, err := acmez.OrderParametersFromCSR(account, csr)
	if err != nil {
		return nil, err
	}
	parameters.Replaces = o.replaces
	client := acmez.Client{Client: a.client, ChallengeSolvers: o.solvers}
	chains, err := client.ObtainCertificate(ctx, parameters)
	if err != nil {
		return nil, err
	}
	if len(chains) == 0 {
		return nil, errors.New("the authority gave no certificate")
	}
	return &chains[0], nil
}

// How long an authority's advice on renewal holds, where it does not say; and
// between what bounds, where it does.
const (
	usualAsk    = 6 * time.Hour
	shortestAsk = time.Hour
	longestAsk  = 24 * time.Hour
)

// renewalWindow asks when the authority would like leaf to be renewed. Where it
// does not know, the window is empty, and is asked for again later all the same.
func (a *authority) renewalWindow(ctx context.Context, leaf *x509.Certificate) window {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	info, err := a.client.GetRenewalInfo(ctx, leaf)
	if err != nil {
		return window{ask: time.Now().Add(usualAsk)}
	}
	return windowOf(info)
}

func windowOf(info acme.RenewalInfo) window {
	w := window{start: info.SuggestedWindow.Start, end: info.SuggestedWindow.End, ask: time.Now().Add(usualAsk)}
	if info.RetryAfter != nil {
		w.ask = time.Now().Add(min(longestAsk, max(shortestAsk, time.Until(*info.RetryAfter))))
	}
	return w
}

// register gives our account, which exists already where the key is known.
func (a *authority) register(ctx context.Context) (acme.Account, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.account != nil {
		return *a.account, nil
	}
	key, err := a.key()
	if err != nil {
		return acme.Account{}, err
	}
	var contact []string
	if a.email != "" {
		contact = []string{"mailto:" + a.email}
	}
	account, err := a.client.NewAccount(ctx, acme.Account{Contact: contact, TermsOfServiceAgreed: true, PrivateKey: key})
	if err != nil {
		return acme.Account{}, err
	}
	account.PrivateKey = key
	a.account = &account
	return account, nil
}

// forget has the account registered anew where the authority does not know it any
// more, and tells whether that is so.
func (a *authority) forget(err error) bool {
	var p acme.Problem
	if !errors.As(err, &p) || p.Type != acme.ProblemTypeAccountDoesNotExist {
		return false
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.account = nil
	return true
}

// key reads the account's key, or makes it; of several processes that make it at
// once, one wins.
func (a *authority) key() (crypto.Signer, error) {
	const name = "account.key"
	text, err := a.folder.read(name)
	if errors.Is(err, fs.ErrNotExist) {
		var fresh *ecdsa.PrivateKey
		if fresh, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
			return nil, err
		}
		if text, err = encodeKey(fresh); err != nil {
			return nil, err
		}
		if err = a.folder.writeOnce(name, text); errors.Is(err, fs.ErrExist) {
			text, err = a.folder.read(name)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("the account's key: %w", err)
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, fmt.Errorf("the account's key: no PEM in %s; remove it for a new account", a.folder.file(name))
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("the account's key: %s: %w; remove it for a new account", a.folder.file(name), err)
	}
	key, ok := parsed.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("the account's key: %s cannot sign; remove it for a new account", a.folder.file(name))
	}
	return key, nil
}
