package snapshot

import (
	"crypto/tls"
	"strconv"

	"github.com/albatross-lb/albatross/lb"
)

// serveTLS gives each secure socket a TLS configuration. Where load balancers share
// the socket, the client's SNI chooses whose policy and certificates it meets.
func (b *builder) serveTLS() {
	for _, s := range b.out.Sockets {
		if !s.Secure {
			continue
		}
		s.TLS = s.Listeners[0].tls
		if len(s.Listeners) > 1 {
			socket := s
			s.TLS = &tls.Config{GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
				cfg := socket.Listener([]byte(hello.ServerName)).tls
				if newer, err := cfg.GetConfigForClient(hello); newer != nil || err != nil {
					return newer, err // it also notes its choice of certificate, for the log
				}
				return cfg, nil
			}}
		}
	}
}

// mapRedirects makes redirects name the port that clients see: a redirect to
// https://#{host}:443 leads nowhere where 443 is bound as 8443. It is done only
// where the redirect stays here: the host is the request's own, or one that a
// listener on that port names.
func (b *builder) mapRedirects() {
	for _, balancer := range b.fresh {
		for _, l := range balancer.listeners {
			for _, r := range l.rules {
				b.mapRedirect(r.Redirect, r.Config.Actions)
			}
			b.mapRedirect(l.fallback.Redirect, l.Config.DefaultActions)
		}
	}
}

func (b *builder) mapRedirect(r *Redirect, actions []lb.Action) {
	if r == nil {
		return
	}
	c := *actions[len(actions)-1].Redirect
	if c.Port == nil {
		return
	}
	port, err := strconv.Atoi(*c.Port)
	if err != nil || b.bound(port) == port || !b.staysHere(c.Host, port) {
		return
	}
	mapped := strconv.Itoa(b.bound(port))
	c.Port = &mapped
	r.parts = compileTemplate(c.Template())
}

func (b *builder) staysHere(host *string, port int) bool {
	if host == nil || *host == "" || *host == "#{host}" {
		return true
	}
	s := b.out.Sockets[port]
	if s == nil {
		return false
	}
	for _, l := range s.Listeners {
		if l.table.Claims([]byte(*host)) {
			return true
		}
	}
	return false
}
