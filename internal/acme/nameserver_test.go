package acme

import (
	"context"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// patience bounds every wait for an answer; the client's own two seconds are less than a loaded machine may stall.
const patience = time.Minute

// exchange asks a name server over "udp" or "tcp".
func exchange(n *NameServer, network string, q *dns.Msg) (*dns.Msg, error) {
	r, _, err := (&dns.Client{Net: network, Timeout: patience}).Exchange(q, n.Addr().String())
	return r, err
}

// serveNames starts a name server on loopback with some answers.
func serveNames(t *testing.T, texts map[string][]string, name string) *NameServer {
	t.Helper()
	n, err := ListenDNS("127.0.0.1:0", name)
	if err != nil {
		t.Fatal(err)
	}
	n.answer = func(q string) ([]string, bool) {
		v, ok := texts[q]
		return v, ok
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- n.Serve(ctx) }()
	t.Cleanup(func() {
		cancel()
		select {
		case err := <-ended:
			if err != nil {
				t.Error(err)
			}
		case <-time.After(patience):
			t.Error("the name server does not end")
		}
	})
	return n
}

func TestNameServer(t *testing.T) {
	many := make([]string, 40)
	for i := range many {
		many[i] = fmt.Sprintf("%043d", i)
	}
	n := serveNames(t, map[string][]string{
		"_acme-challenge.a.example": {"one", "two"}, "_acme-challenge.idle.example": nil, "_acme-challenge.many.example": many,
	}, "ns1.Example.com")
	for _, c := range []struct {
		name    string
		kind    uint16
		rcode   int
		answers int
	}{
		{"_acme-challenge.a.example.", dns.TypeTXT, dns.RcodeSuccess, 2},
		{"_AcMe-Challenge.A.exAmple.", dns.TypeTXT, dns.RcodeSuccess, 2},
		{"_acme-challenge.a.example.", dns.TypeA, dns.RcodeSuccess, 0},
		{"_acme-challenge.a.example.", dns.TypeANY, dns.RcodeSuccess, 0},
		{"_acme-challenge.a.example.", dns.TypeSOA, dns.RcodeSuccess, 1},
		{"_acme-challenge.a.example.", dns.TypeNS, dns.RcodeSuccess, 1},
		{"_acme-challenge.idle.example.", dns.TypeTXT, dns.RcodeSuccess, 0},
		{"_acme-challenge.b.example.", dns.TypeTXT, dns.RcodeRefused, 0},
		{"a.example.", dns.TypeTXT, dns.RcodeRefused, 0},
		{"x._acme-challenge.a.example.", dns.TypeTXT, dns.RcodeRefused, 0},
		{".", dns.TypeNS, dns.RcodeRefused, 0},
		{"version.bind.", dns.TypeTXT, dns.RcodeRefused, 0},
	} {
		for _, network := range []string{"udp", "tcp"} {
			q := new(dns.Msg).SetQuestion(c.name, c.kind)
			r, err := exchange(n, network, q)
			if err != nil {
				t.Fatalf("%s %s: %v", network, c.name, err)
			}
			if r.Rcode != c.rcode || len(r.Answer) != c.answers || r.Authoritative != (c.rcode == dns.RcodeSuccess) || r.RecursionAvailable {
				t.Errorf("%s %s %s: got\n%s", network, c.name, dns.TypeToString[c.kind], r)
			}
			if c.rcode == dns.RcodeSuccess && c.answers == 0 && (len(r.Ns) != 1 || r.Ns[0].Header().Ttl != 0) {
				t.Errorf("%s %s: nothing is there, and no SOA says so:\n%s", network, c.name, r)
			}
			if r.Question[0].Name != c.name {
				t.Errorf("the question %s comes back as %s", c.name, r.Question[0].Name)
			}
		}
	}

	q := new(dns.Msg).SetQuestion("_acme-challenge.many.example.", dns.TypeTXT)
	r, err := exchange(n, "udp", q)
	if err != nil || !r.Truncated {
		t.Fatalf("40 values in one packet: %v, %v", err, r)
	}
	if r, err = exchange(n, "tcp", q); err != nil || len(r.Answer) != 40 {
		t.Errorf("40 values over TCP: %v, %v", err, r)
	}
	chaos := new(dns.Msg).SetQuestion("_acme-challenge.a.example.", dns.TypeTXT)
	chaos.Question[0].Qclass = dns.ClassCHAOS
	if r, err := exchange(n, "udp", chaos); err != nil || r.Rcode != dns.RcodeRefused {
		t.Errorf("another class: %v %v", err, r)
	}
	update := new(dns.Msg).SetUpdate("_acme-challenge.a.example.")
	if r, err := exchange(n, "udp", update); err != nil || r.Rcode != dns.RcodeNotImplemented {
		t.Errorf("an update: %v %v", err, r)
	}
}

// TestNameServerRate: over UDP, where a query may come in another's name, only so much
// is answered; the rest is told to come again over TCP.
func TestNameServerRate(t *testing.T) {
	n := serveNames(t, map[string][]string{"_acme-challenge.a.example": {"one"}}, "")
	c, err := net.Dial("udp", n.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	b := n.network(c.LocalAddr())
	b.mu.Lock()
	b.every = time.Hour // nothing is earned meanwhile, however slow the machine is
	b.mu.Unlock()
	conn := &dns.Conn{Conn: c}
	whole, truncated := 0, 0
	for range 4 * queryBurst {
		if err := conn.WriteMsg(new(dns.Msg).SetQuestion("_acme-challenge.a.example.", dns.TypeTXT)); err != nil {
			t.Fatal(err)
		}
		c.SetReadDeadline(time.Now().Add(patience))
		r, err := conn.ReadMsg()
		if err != nil {
			t.Fatal(err)
		}
		if r.Truncated {
			if truncated++; len(r.Answer) > 0 {
				t.Error("a truncated answer has an answer in it")
			}
		} else {
			whole++
		}
	}
	if whole != queryBurst || truncated != 3*queryBurst {
		t.Errorf("%d whole, %d truncated; want %d and the rest", whole, truncated, queryBurst)
	}
	if r, err := exchange(n, "tcp", new(dns.Msg).SetQuestion("_acme-challenge.a.example.", dns.TypeTXT)); err != nil || len(r.Answer) != 1 {
		t.Errorf("over TCP: %v %v", err, r)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.networks) != 1 {
		t.Errorf("networks: %v", n.networks)
	}
}

func TestNetworksAreBounded(t *testing.T) {
	n := serveNames(t, nil, "")
	for i := range 3 * mostNetworks {
		n.network(&net.UDPAddr{IP: net.IPv4(10, byte(i>>8), byte(i), 1), Port: 53})
	}
	if len(n.networks) > mostNetworks {
		t.Errorf("%d networks are counted", len(n.networks))
	}
	a, b := &net.UDPAddr{IP: net.ParseIP("2001:db8::1")}, &net.UDPAddr{IP: net.ParseIP("2001:db8:0:ff::1")}
	if n.network(a) != n.network(b) {
		t.Error("two addresses of one /56 are counted apart")
	}
}

func TestListenDNS(t *testing.T) {
	n := serveNames(t, nil, "")
	if _, err := ListenDNS(n.Addr().String(), ""); err == nil || !strings.Contains(err.Error(), "binding the name server") {
		t.Errorf("a taken address: %v", err)
	}
	for _, address := range []string{"127.0.0.1", "nowhere:99999"} {
		if _, err := ListenDNS(address, ""); err == nil {
			t.Errorf("%s is an address", address)
		}
	}
	if _, err := ListenDNS("127.0.0.1:0", "no name"); err == nil {
		t.Error("a name with a blank is a name")
	}
}

func FuzzNameServerReply(f *testing.F) {
	q, _ := new(dns.Msg).SetQuestion("_acme-challenge.a.example.", dns.TypeTXT).Pack()
	f.Add(q)
	n := &NameServer{answer: func(name string) ([]string, bool) { return []string{"one"}, name == "_acme-challenge.a.example" }}
	f.Fuzz(func(t *testing.T, packet []byte) {
		q := new(dns.Msg)
		if q.Unpack(packet) != nil {
			return
		}
		r := n.reply(q)
		if r.Rcode == dns.RcodeSuccess && (len(q.Question) != 1 || !strings.EqualFold(q.Question[0].Name, "_acme-challenge.a.example.")) {
			t.Errorf("%v is answered", q)
		}
		if _, err := r.Pack(); err != nil && len(q.Question) == 1 {
			t.Errorf("the answer to %v cannot be sent: %v", q, err)
		}
	})
}
