package console

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// mayAsk tells whether the request's Host is one that the console goes by. A page
// that has its own name resolve to 127.0.0.1 still sends that name.
func (c *Console) mayAsk(r *http.Request) bool {
	host := hostname(r.Host)
	if strings.EqualFold(host, "localhost") || slices.ContainsFunc(c.options.Hosts, func(name string) bool { return strings.EqualFold(name, host) }) {
		return true
	}
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return false
	}
	if addr = addr.Unmap().WithZone(""); addr.IsLoopback() {
		return true
	}
	local, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	if !ok {
		return false
	}
	bound, err := netip.ParseAddrPort(local.String())
	return err == nil && bound.Addr().Unmap().WithZone("") == addr
}

// hostname is a Host header without its port, brackets and final dot.
func hostname(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	return strings.TrimSuffix(host, ".")
}
