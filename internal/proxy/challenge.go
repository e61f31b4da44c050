package proxy

import "bytes"

// Certificate authorities ask whether a host is ours, in plain requests below this
// path (RFC 8555 section 8.3) and in handshakes of this protocol (RFC 8737).
const (
	challengePath     = "/.well-known/acme-challenge/"
	challengeProtocol = "acme-tls/1"
)

// AnswerChallenges says who answers for host (which may have a port) and token; false
// where no order waits for that.
func (p *Proxy) AnswerChallenges(answer func(host, token string) (string, bool)) {
	p.challenges.Store(&answer)
}

// challenge answers a certificate authority, before any rule. A request for which no
// order waits is one like any other: a target may have certificates of its own.
func (e *exchange) challenge() bool {
	answer, path := e.s.proxy.challenges.Load(), e.req.Path
	if answer == nil || !bytes.HasPrefix(path, []byte(challengePath)) || string(e.req.Method) != "GET" {
		return false
	}
	body, ok := (*answer)(string(e.req.Host), string(path[len(challengePath):]))
	if ok {
		e.own(200, "application/octet-stream", body, nil)
	}
	return ok
}
