package acme

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"
	"golang.org/x/net/netutil"
)

// challengeLabel begins the names that DNS-01 asks for (RFC 8555 section 8.4).
const challengeLabel = "_acme-challenge."

const (
	// queryBurst and queryEvery bound the queries of one network (an IPv4 /24, an IPv6
	// /56) over UDP. What is over that is told to come again over TCP, by which nobody
	// can ask in another's name.
	queryBurst = 50
	queryEvery = 50 * time.Millisecond
	// mostNetworks bounds how many networks are counted one by one.
	mostNetworks = 4096
	// totalBurst and totalEvery bound all queries; what is over that is not answered.
	totalBurst = 2000
	totalEvery = time.Millisecond
	// mostDNSConnections over TCP, and for how long each may rest.
	mostDNSConnections = 64
	dnsIdle            = 5 * time.Second
)

// NameServer is a small authoritative name server for challenges and nothing else. Each
// _acme-challenge.<host> of a host that is wanted is a zone of its own, to be
// delegated to this server; it holds the TXT values of the orders under way, several
// where an apex and its wildcard are proven together. Every other name is refused.
type NameServer struct {
	packets net.PacketConn
	streams net.Listener
	name    string
	answer  func(name string) (texts []string, known bool)

	total *bucket

	mu       sync.Mutex
	networks map[netip.Prefix]*bucket
}

// ListenDNS binds a name server to an address, for UDP and TCP. Port 0 takes one that
// is free for both. name is what the server is called in delegations, for its SOA and
// NS records; "": it has no NS records of its own, and the delegation must do.
func ListenDNS(address, name string) (*NameServer, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("binding the name server to %s: %w; write for example 0.0.0.0:53", address, err)
	}
	if name != "" {
		if !isName(strings.ToLower(strings.TrimSuffix(name, "."))) {
			return nil, fmt.Errorf("%q is no name for a name server; write for example ns1.example.com", name)
		}
		name = dns.Fqdn(name)
	}
	for try := 0; ; try++ {
		n := &NameServer{name: name, total: newBucket(totalBurst, totalEvery), networks: map[netip.Prefix]*bucket{},
			answer: func(string) ([]string, bool) { return nil, false }}
		var config net.ListenConfig
		if n.streams, err = config.Listen(context.Background(), "tcp", net.JoinHostPort(host, port)); err != nil {
			return nil, fmt.Errorf("binding the name server to %s: %w", address, err)
		}
		if n.packets, err = config.ListenPacket(context.Background(), "udp", n.streams.Addr().String()); err == nil {
			n.streams = netutil.LimitListener(n.streams, mostDNSConnections)
			return n, nil
		}
		n.streams.Close()
		if port != "0" || try > 10 {
			return nil, fmt.Errorf("binding the name server to %s: %w", address, err)
		}
	}
}

// Addr is where it listens.
func (n *NameServer) Addr() net.Addr { return n.packets.LocalAddr() }

// Serve answers until ctx is done.
func (n *NameServer) Serve(ctx context.Context) error {
	servers := []*dns.Server{
		{PacketConn: n.packets, Handler: n, UDPSize: dns.MinMsgSize},
		{Listener: n.streams, Handler: n, ReadTimeout: dnsIdle, WriteTimeout: dnsIdle, MaxTCPQueries: 16,
			IdleTimeout: func() time.Duration { return dnsIdle }},
	}
	ended := make(chan error, len(servers))
	for _, s := range servers {
		go func() { ended <- s.ActivateAndServe() }()
	}
	left := len(servers)
	var err error
	select {
	case <-ctx.Done():
	case err = <-ended:
		left--
	}
	for _, s := range servers {
		stop, cancel := context.WithTimeout(context.Background(), time.Second)
		s.ShutdownContext(stop) // knows nothing of a server that has not begun; so close as well
		cancel()
	}
	n.packets.Close()
	n.streams.Close()
	for ; left > 0; left-- {
		if next := <-ended; err == nil && ctx.Err() == nil {
			err = next
		}
	}
	if ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// ServeDNS implements dns.Handler.
func (n *NameServer) ServeDNS(w dns.ResponseWriter, q *dns.Msg) {
	now := time.Now()
	if n.total.take(now) > 0 {
		return
	}
	r := n.reply(q)
	_, udp := w.RemoteAddr().(*net.UDPAddr)
	if udp && n.network(w.RemoteAddr()).take(now) > 0 {
		r = new(dns.Msg).SetReply(q)
		r.Truncated = true
	}
	size := dns.MaxMsgSize
	if udp {
		size = dns.MinMsgSize
		if o := q.IsEdns0(); o != nil {
			size = min(1232, max(dns.MinMsgSize, int(o.UDPSize()))) // what passes every network whole
		}
	}
	r.Truncate(size)
	w.WriteMsg(r) // to a client that has gone there is nothing to say
}

// network gives the bucket of the network that an address is in.
func (n *NameServer) network(a net.Addr) *bucket {
	at, _ := netip.ParseAddrPort(a.String())
	ip, bits := at.Addr().Unmap(), 56
	if ip.Is4() {
		bits = 24
	}
	prefix, _ := ip.WithZone("").Prefix(bits)
	n.mu.Lock()
	defer n.mu.Unlock()
	b := n.networks[prefix]
	if b == nil {
		if len(n.networks) >= mostNetworks {
			clear(n.networks) // to begin again with full buckets is no worse than the total allows
		}
		b = newBucket(queryBurst, queryEvery)
		n.networks[prefix] = b
	}
	return b
}

// reply answers a query.
func (n *NameServer) reply(q *dns.Msg) *dns.Msg {
	r := new(dns.Msg).SetReply(q)
	if o := q.IsEdns0(); o != nil {
		r.SetEdns0(1232, false)
		if o.Version() != 0 {
			r.Rcode = dns.RcodeBadVers
			return r
		}
	}
	if q.Opcode != dns.OpcodeQuery {
		r.Rcode = dns.RcodeNotImplemented
		return r
	}
	if len(q.Question) != 1 || q.Question[0].Qclass != dns.ClassINET {
		r.Rcode = dns.RcodeRefused
		return r
	}
	question := q.Question[0]
	texts, known := n.answer(strings.ToLower(strings.TrimSuffix(question.Name, ".")))
	if !known {
		r.Rcode = dns.RcodeRefused
		return r
	}
	r.Authoritative = true
	header := func(kind uint16) dns.RR_Header {
		return dns.RR_Header{Name: question.Name, Rrtype: kind, Class: dns.ClassINET}
	}
	switch question.Qtype {
	case dns.TypeTXT:
		for _, t := range texts {
			r.Answer = append(r.Answer, &dns.TXT{Hdr: header(dns.TypeTXT), Txt: []string{t}})
		}
	case dns.TypeSOA:
		r.Answer = []dns.RR{n.authority(question.Name)}
	case dns.TypeNS:
		if n.name != "" {
			r.Answer = []dns.RR{&dns.NS{Hdr: header(dns.TypeNS), Ns: n.name}}
		}
	}
	if len(r.Answer) == 0 {
		r.Ns = []dns.RR{n.authority(question.Name)} // the name is there, this kind of record is not
	}
	return r
}

// authority is the SOA record of a zone. Nothing of it may be remembered: the next
// question may come when the answer is there.
func (n *NameServer) authority(zone string) dns.RR {
	return &dns.SOA{Hdr: dns.RR_Header{Name: zone, Rrtype: dns.TypeSOA, Class: dns.ClassINET},
		Ns: cmp.Or(n.name, zone), Mbox: "hostmaster." + strings.TrimPrefix(zone, challengeLabel),
		Serial: 1, Refresh: 3600, Retry: 600, Expire: 86400}
}
