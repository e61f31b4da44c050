package match

import "bytes"

// maxHost bounds a host name. RFC 1035 section 2.3.4 allows 255 octets; no host
// condition holds for a longer one, not even `*`.
const maxHost = 255

// trimPort cuts the port from a Host header: "shop:8080" and "[::1]:8080" become
// "shop" and "[::1]". ALB compares the host name only.
func trimPort(host []byte) []byte {
	colon := bytes.LastIndexByte(host, ':')
	if colon < 0 || bytes.IndexByte(host[colon:], ']') >= 0 {
		return host
	}
	return host[:colon]
}

// foldHost writes the name of a Host header in lower case into buf. It is false for a name that is too long.
func foldHost(buf *[maxHost]byte, host []byte) ([]byte, bool) {
	name := trimPort(host)
	if len(name) > maxHost {
		return nil, false
	}
	for i, c := range name {
		buf[i] = lower[c]
	}
	return buf[:len(name)], true
}
