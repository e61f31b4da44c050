package certs

import (
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// AWS's quotas for a trust store ("Quotas for your Application Load Balancers",
// certificates).
const (
	maxCAs         = 25
	maxCASubjects  = 10_000 // bytes of all subjects, since a CertificateRequest has to hold them
	maxLists       = 30
	maxListFile    = 50 << 20
	maxRevocations = 500_000
)

// lookEvery is how long a trust store that is in use goes without looking whether
// its files have changed.
const lookEvery = 5 * time.Second

// TrustStores is a folder of trust stores, which stands in for those of the elbv2
// API. The trust store arn:aws:elasticloadbalancing:<region>:<account>:truststore/<name>/<id>
// is its subfolder <name>, with
//
//	ca.pem    the CAs, in PEM; each is trusted as it stands, roots and intermediate ones alike
//	crl*      revocation lists of these CAs, in PEM or DER, one or more; none is fine
type TrustStores struct {
	dir string

	mu   sync.Mutex
	open map[string]*TrustStore // by name
}

// OpenTrustStores uses a folder, which need not exist yet. Nothing is read before Lookup.
func OpenTrustStores(dir string) *TrustStores {
	return &TrustStores{dir: dir, open: make(map[string]*TrustStore)}
}

// Lookup gives the trust store of an ARN; an error that is fs.ErrNotExist where
// there is none, with the file to put where. It is the same one each time, and
// follows its files while it is in use: see TrustStore.
func (s *TrustStores) Lookup(arn string) (*TrustStore, error) {
	name, err := trustStoreName(arn)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	store := s.open[name]
	if store == nil {
		store = &TrustStore{Name: name, dir: filepath.Join(s.dir, name)}
	}
	err = store.reload(time.Now())
	if _, gone := os.Stat(store.dir); store.latest.Load() == nil || errors.Is(gone, fs.ErrNotExist) {
		delete(s.open, name)
		return nil, fmt.Errorf("reading the trust store %s from %s: %w", arn, store.dir, err)
	}
	s.open[name] = store
	return store, nil
}

// TrustStore is the CAs whose clients a listener lets in, and whom they have
// revoked. It looks at its files again every few seconds in which it is used. What
// it cannot read, and what is over a limit, changes nothing: see Warning.
type TrustStore struct {
	Name string
	dir  string

	latest  atomic.Pointer[trust]
	looked  atomic.Int64 // when, in Unix nanoseconds
	loading sync.Mutex   // for the two below
	tried   map[string]look
	fault   atomic.Pointer[error] // why what was tried last is not in latest
}

// trust is what the files of a trust store said at one time.
type trust struct {
	cas   []*x509.Certificate
	pool  *x509.CertPool
	lists map[string][]*revocationList // by the issuer's name, raw
}

// current is what there is to verify with, fresh to lookEvery. A handshake that
// finds another one reading does not wait for it.
func (s *TrustStore) current() *trust {
	now := time.Now()
	if now.UnixNano()-s.looked.Load() > int64(lookEvery) && s.loading.TryLock() {
		s.load(now)
		s.loading.Unlock()
	}
	return s.latest.Load()
}

func (s *TrustStore) reload(now time.Time) error {
	s.loading.Lock()
	defer s.loading.Unlock()
	return s.load(now)
}

// load reads the files if they look different from those tried last. It gives what
// is wrong with them.
func (s *TrustStore) load(now time.Time) error {
	defer s.looked.Store(now.UnixNano())
	files, err := s.files()
	if err == nil && s.tried != nil && maps.Equal(files, s.tried) {
		if fault := s.fault.Load(); fault != nil {
			return *fault
		}
		return nil
	}
	var read *trust
	if err == nil {
		read, err = s.read(files)
	}
	s.tried = files
	if err != nil {
		if _, ok := errors.AsType[*fs.PathError](err); ok {
			s.tried = nil // it may be readable next time, however it looks
		}
		s.fault.Store(&err)
		return err
	}
	s.latest.Store(read)
	s.fault.Store(nil)
	return nil
}

// files lists what there is to read, and how it looks.
func (s *TrustStore) files() (map[string]look, error) {
	ca := filepath.Join(s.dir, "ca.pem")
	found, err := lookAt(ca, maxPEM)
	if err != nil {
		return nil, err
	}
	files := map[string]look{ca: found}
	lists, err := filepath.Glob(filepath.Join(escapeGlob(s.dir), "crl*"))
	if err != nil {
		return nil, err
	}
	if len(lists) > maxLists {
		return nil, fmt.Errorf("%d revocation lists, of at most %d", len(lists), maxLists)
	}
	for _, file := range lists {
		if files[file], err = lookAt(file, maxListFile); err != nil {
			return nil, err
		}
	}
	return files, nil
}

// escapeGlob is a folder as a pattern that matches only itself.
func escapeGlob(dir string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(dir)
}

func (s *TrustStore) read(files map[string]look) (*trust, error) {
	text, err := os.ReadFile(filepath.Join(s.dir, "ca.pem"))
	if err != nil {
		return nil, err
	}
	t := &trust{pool: x509.NewCertPool(), lists: make(map[string][]*revocationList)}
	if t.cas, err = parseBundle(text); err != nil {
		return nil, fmt.Errorf("ca.pem: %w", err)
	}
	for _, ca := range t.cas {
		t.pool.AddCert(ca)
	}
	lists, entries := 0, 0
	for file := range files {
		if filepath.Base(file) == "ca.pem" {
			continue
		}
		content, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		found, err := parseLists(content, t.cas)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", filepath.Base(file), err)
		}
		for _, list := range found {
			key := string(list.issuer.RawSubject)
			t.lists[key] = append(t.lists[key], list)
			lists++
			entries += len(list.serials)
		}
	}
	return t, listsFault(lists, entries)
}

func listsFault(lists, entries int) error {
	if lists > maxLists || entries > maxRevocations {
		return fmt.Errorf("%d revocation lists with %d entries, of at most %d with %d", lists, entries, maxLists, maxRevocations)
	}
	return nil
}

// parseBundle reads the CAs of a ca.pem.
func parseBundle(text []byte) ([]*x509.Certificate, error) {
	found, err := blocks(text, "certificate", func(kind string) bool { return kind == "CERTIFICATE" })
	if err != nil {
		return nil, err
	}
	if len(found) > maxCAs {
		return nil, fmt.Errorf("%d certificates, of at most %d", len(found), maxCAs)
	}
	subjects := 0
	cas := make([]*x509.Certificate, 0, len(found))
	for i, block := range found {
		c, err := x509.ParseCertificate(block.Bytes)
		switch {
		case err != nil:
			return nil, fmt.Errorf("certificate %d: %w", i+1, err)
		case len(c.Raw) > maxCertificate:
			return nil, fmt.Errorf("certificate %d: %d bytes, of at most %d", i+1, len(c.Raw), maxCertificate)
		case c.Version == 3 && !c.IsCA:
			return nil, fmt.Errorf("certificate %d: %s is not a CA; only those who issue certificates belong here", i+1, c.Subject)
		}
		subjects += len(c.RawSubject)
		cas = append(cas, c)
	}
	if subjects > maxCASubjects {
		return nil, fmt.Errorf("the subjects of the certificates have %d bytes, of at most %d", subjects, maxCASubjects)
	}
	return cas, nil
}

// CAs is how many certificate authorities the trust store has.
func (s *TrustStore) CAs() int { return len(s.current().cas) }

// Revocations is how many certificates its lists revoke.
func (s *TrustStore) Revocations() int {
	n := 0
	for _, lists := range s.current().lists {
		for _, list := range lists {
			n += len(list.serials)
		}
	}
	return n
}

// Warning says what its owner should know: that a change of its files could not be
// read and an older state is in force, that a CA has expired, or that a revocation
// list should have been replaced by now. "" if there is nothing to say.
func (s *TrustStore) Warning(now time.Time) string {
	t := s.current()
	if fault := s.fault.Load(); fault != nil {
		return "an older version of the trust store is in force: " + (*fault).Error()
	}
	for _, ca := range t.cas {
		if now.After(ca.NotAfter) {
			return fmt.Sprintf("CA %s expired on %s", ca.Subject, ca.NotAfter.UTC().Format(time.DateOnly))
		}
	}
	for _, lists := range t.lists {
		for _, list := range lists {
			if next := list.nextUpdate; !next.IsZero() && now.After(next) {
				return fmt.Sprintf("the revocation list of %s should have been replaced on %s; it stays in force", list.issuer.Subject, next.UTC().Format(time.DateOnly))
			}
		}
	}
	return ""
}

// trustStoreName is the name in the ARN of a trust store. It comes from a manifest,
// so it must not lead out of the folder: AWS's rule is letters, digits and single
// hyphens within, at most 32.
func trustStoreName(arn string) (string, error) {
	_, rest, ok := strings.Cut(arn, ":truststore/")
	name, _, _ := strings.Cut(rest, "/")
	inside := func(r rune) bool {
		return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '-'
	}
	if !ok || !strings.HasPrefix(arn, "arn:") || name == "" || len(name) > 32 || strings.TrimLeftFunc(name, inside) != "" {
		return "", fmt.Errorf("%q is not the ARN of a trust store (arn:aws:elasticloadbalancing:<region>:<account>:truststore/<name>/<id>)", arn)
	}
	return name, nil
}
