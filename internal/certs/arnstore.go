package certs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// maxPEM bounds what is read of a certificate or key file.
const maxPEM = 1 << 20

// ARNStore stands in for AWS Certificate Manager: it finds the certificate of an
// ARN in a folder, as <folder>/<last part of the ARN>/tls.crt (the chain, leaf first)
// and tls.key, both in PEM. These are the file names of a mounted Secret of type
// kubernetes.io/tls.
type ARNStore struct {
	dir string

	mu      sync.Mutex
	read    map[string]*stored // by name of the subfolder
	seen    map[string][2]look // how tls.crt and tls.key looked when they were looked up
	listed  []string           // the subfolders at the last Discover
	listing bool               // there was one
}

// stored is a certificate with the look its files had when it was read.
type stored struct {
	cert     *Certificate
	crt, key look
}

// look is what changes when a file is written or replaced.
type look struct {
	modified time.Time
	size     int64
}

// OpenARNStore uses a folder, which need not exist yet. Nothing is read before Lookup.
func OpenARNStore(dir string) *ARNStore {
	return &ARNStore{dir: dir, read: make(map[string]*stored), seen: make(map[string][2]look)}
}

// Lookup gives the certificate of an ARN; an error that is fs.ErrNotExist where the
// store has none, with the files to put where. Files that have changed since are
// read again. Where that fails (one of the two is not written yet, say), the
// certificate read before is returned, Stale: what is served goes on being served. It
// is forgotten when its whole subfolder is gone.
func (s *ARNStore) Lookup(arn string) (*Certificate, error) {
	name, err := folderOf(arn)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen[name] = s.look(name)
	before := s.read[name]
	now, err := s.load(arn, name, before)
	if err != nil {
		err = fmt.Errorf("reading the certificate %s from %s: %w", arn, filepath.Join(s.dir, name), err)
		if _, gone := os.Stat(filepath.Join(s.dir, name)); before == nil || errors.Is(gone, fs.ErrNotExist) {
			delete(s.read, name)
			return nil, err
		}
		stale := *before.cert
		stale.Stale = err
		return &stale, nil
	}
	s.read[name] = now
	return now.cert, nil
}

// load reads the pair of a subfolder, or gives before where its files look the same.
func (s *ARNStore) load(arn, name string, before *stored) (*stored, error) {
	crtFile, keyFile := filepath.Join(s.dir, name, "tls.crt"), filepath.Join(s.dir, name, "tls.key")
	crt, err := lookAt(crtFile, maxPEM)
	if err != nil {
		return nil, err
	}
	key, err := lookAt(keyFile, maxPEM)
	if err != nil {
		return nil, err
	}
	if before != nil && before.crt == crt && before.key == key && before.cert.Ref == arn {
		return before, nil
	}
	certPEM, err := os.ReadFile(crtFile)
	if err != nil {
		return nil, err
	}
	keyPEM, err := os.ReadFile(keyFile)
	if err != nil {
		return nil, err
	}
	c, err := ParsePair(arn, certPEM, keyPEM)
	if err != nil {
		return nil, err
	}
	return &stored{c, crt, key}, nil
}

// lookAt gives how a file looks, which must be a regular one of at most so many bytes.
func lookAt(file string, most int64) (look, error) {
	info, err := os.Stat(file)
	switch {
	case err != nil:
		return look{}, err
	case !info.Mode().IsRegular() || info.Size() > most:
		return look{}, fmt.Errorf("%s is not a file of at most %d bytes", filepath.Base(file), most)
	}
	return look{info.ModTime(), info.Size()}, nil
}

// folderOf is the last part of an ARN: of
// "arn:aws:acm:us-east-1:111122223333:certificate/12345678-1234", "12345678-1234".
// It comes from a manifest, so it must not lead out of the store.
func folderOf(arn string) (string, error) {
	name := arn[strings.LastIndexAny(arn, "/:")+1:]
	allowed := func(r rune) bool {
		return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("-_.+=,@", r)
	}
	if !strings.HasPrefix(arn, "arn:") || strings.Trim(name, ".") == "" || strings.TrimLeftFunc(name, allowed) != "" {
		return "", fmt.Errorf("%q is not the ARN of a certificate (arn:aws:acm:<region>:<account>:certificate/<id>)", arn)
	}
	return name, nil
}
