package manifest

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
)

// digest is the ten hex digits at the end of a generated name.
func digest(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "")))
	return hex.EncodeToString(sum[:])[:10]
}

// plain keeps the letters and digits of s, at most so many.
func plain(s string, most int) string {
	var kept []byte
	for i := 0; i < len(s) && len(kept) < most; i++ {
		c := s[i]
		if c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' {
			kept = append(kept, c)
		}
	}
	return string(kept)
}

// resourceName is the name of something made for an object.
func resourceName(of name, digest string) string {
	return fmt.Sprintf("k8s-%s-%s-%s", plain(of.namespace, 8), plain(of.name, 8), digest)
}

// groupName is the name of something made for a group: an explicit group has a
// name of its own, a lone Ingress is its own group.
func (g *group) resourceName(digest string) string {
	if g.explicit {
		return fmt.Sprintf("k8s-%s-%s", plain(g.key, 17), digest)
	}
	return resourceName(g.members[0].name, digest)
}
