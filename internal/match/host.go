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

// folded is a host name in lower case. It holds its bytes itself, so that it stays on the stack.
type folded struct {
	length int // -1: too long
	bytes  [maxHost]byte
}

func (f *folded) set(name []byte) {
	if f.length = len(name); f.length > maxHost {
		f.length = -1
		return
	}
	for i, c := range name {
		f.bytes[i] = lower[c]
	}
}

// get is the name; ok is false where no host condition can hold.
func (f *folded) get() (name []byte, ok bool) {
	if f.length < 0 {
		return nil, false
	}
	return f.bytes[:f.length], true
}
