package certs

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// mostListed bounds the subfolders that are looked at; AWS allows 2500 certificates an account.
const mostListed = 2500

// Discover finds the certificates of the store that cover any of hosts, in the order
// of their subfolders, and says which hosts none covers. A certificate that has expired
// counts only for hosts that no other covers. They are called prefix and the name
// of the subfolder, which makes an ARN.
func (s *ARNStore) Discover(prefix string, hosts []string) (found []*Certificate, missing []string) {
	var valid, expired []*Certificate
	for _, name := range s.list() {
		c, err := s.Lookup(prefix + name)
		switch {
		case err != nil: // not a certificate, or not yet: the file's owner is told where it is named
		case time.Now().After(c.NotAfter):
			expired = append(expired, c)
		default:
			valid = append(valid, c)
		}
	}
	found, missing = covering(valid, hosts)
	late, missing := covering(expired, missing)
	return append(found, late...), missing
}

// covering gives those of all that cover some of hosts, and the hosts that none covers.
func covering(all []*Certificate, hosts []string) (found []*Certificate, missing []string) {
	for _, c := range all {
		if slices.ContainsFunc(hosts, c.Covers) {
			found = append(found, c)
		}
	}
	for _, h := range hosts {
		if !slices.ContainsFunc(found, func(c *Certificate) bool { return c.Covers(h) }) {
			missing = append(missing, h)
		}
	}
	return found, missing
}

// list names the subfolders, and remembers them for Changed.
func (s *ARNStore) list() []string {
	names := s.subfolders()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.listed, s.listing = names, true
	return names
}

func (s *ARNStore) subfolders() []string {
	entries, _ := os.ReadDir(s.dir) // sorted; none where the folder is not there yet
	var names []string
	for _, e := range entries[:min(len(entries), mostListed)] {
		if name, err := folderOf("arn:" + e.Name()); err == nil && name == e.Name() {
			names = append(names, name)
		}
	}
	return names
}

// Changed tells whether what was looked up, found or not, looks different now, and
// whether subfolders have come or gone since the last Discover. It tells of each change once.
func (s *ARNStore) Changed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	changed := false
	for _, name := range slices.Sorted(maps.Keys(s.seen)) {
		if now := s.look(name); now != s.seen[name] {
			s.seen[name], changed = now, true
		}
	}
	if names := s.subfolders(); s.listing && !slices.Equal(names, s.listed) {
		s.listed, changed = names, true
	}
	return changed
}

// look is how the pair of a subfolder looks; a file that is not there looks like nothing.
func (s *ARNStore) look(name string) (pair [2]look) {
	pair[0], _ = lookAt(filepath.Join(s.dir, name, "tls.crt"), maxPEM)
	pair[1], _ = lookAt(filepath.Join(s.dir, name, "tls.key"), maxPEM)
	return pair
}
