package lb

import (
	"net/url"
	"strings"
)

// ACME asks for a certificate that does not exist yet: it is to be ordered from a
// certificate authority (RFC 8555).
type ACME struct {
	// Directory is the authority's directory as ACMEDirectory gives it; "": the one
	// that the process was started with.
	Directory string
	// Hosts shall have a certificate where no other of the listener covers them.
	Hosts []string
	// Origin and Field are where it was asked for.
	Origin Origin
	Field  string
}

// acmeDirectories are the authorities that have a word.
var acmeDirectories = map[string]string{
	"letsencrypt":         "https://acme-v02.api.letsencrypt.org/directory",
	"letsencrypt-staging": "https://acme-staging-v02.api.letsencrypt.org/directory",
}

// ACMEDirectory gives the directory URL of a certificate authority, which is named by
// a word (letsencrypt, letsencrypt-staging) or by that URL itself. It must be https:
// RFC 8555 section 6.1.
func ACMEDirectory(name string) (directory string, ok bool) {
	if directory, ok = acmeDirectories[strings.ToLower(name)]; ok {
		return directory, true
	}
	u, err := url.Parse(name)
	if err != nil || u.Scheme != "https" || u.Hostname() == "" || u.User != nil || u.Fragment != "" {
		return "", false
	}
	return u.String(), true
}
