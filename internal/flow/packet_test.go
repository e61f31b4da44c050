package flow

import (
	"bytes"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/albatross-lb/albatross/internal/snapshot"
	"github.com/albatross-lb/albatross/lb"
)

// datagramTarget answers each datagram with its name, the address it came from, and what it said.
func datagramTarget(t testing.TB, name string) string {
	t.Helper()
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	all.Go(func() {
		buf := make([]byte, maxDatagram)
		for {
			n, from, err := c.ReadFrom(buf)
			if err != nil {
				return
			}
			said := append([]byte(name+" "), buf[:n]...)
			c.WriteTo(said[:min(len(said), 60000)], from)
		}
	})
	t.Cleanup(func() { c.Close(); all.Wait() })
	return c.LocalAddr().String()
}

// dialUDP opens a client's socket to port 80 of the manifests.
func (w *world) dialUDP() *net.UDPConn {
	w.t.Helper()
	c, err := net.Dial("udp", w.packets.Address(80))
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(patience))
	return c.(*net.UDPConn)
}

func exchange(t testing.TB, c net.Conn, said string) string {
	t.Helper()
	if _, err := c.Write([]byte(said)); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, maxDatagram)
	n, err := c.Read(buf)
	if err != nil {
		t.Fatal(err)
	}
	return string(buf[:n])
}

// exchangeAgain says the same until an answer comes: where the machine stalls, a flow's idle time is over before.
func (w *world) exchangeAgain(c *net.UDPConn, said string) {
	w.t.Helper()
	buf := make([]byte, maxDatagram)
	w.eventually("no answer comes", func() bool {
		c.Write([]byte(said))
		c.SetReadDeadline(time.Now().Add(time.Second))
		_, err := c.Read(buf)
		return err == nil
	})
}

func TestDatagrams(t *testing.T) {
	w := newWorld(t, config(lb.UDP, datagramTarget(t, "1"), datagramTarget(t, "2")), Options{})
	counts := map[string]int{}
	for range 40 {
		c := w.dialUDP()
		first := exchange(t, c, "a")
		counts[first]++
		for range 3 {
			if again := exchange(t, c, "a"); again != first {
				t.Fatalf("a flow went to %q and %q", first, again)
			}
		}
	}
	if len(counts) != 2 {
		t.Errorf("flows by target: %v", counts)
	}
	if n := w.figure("active_flow_count_udp"); n != 40 {
		t.Errorf("%d flows", n)
	}
	if n := w.figure("processed_packets_total"); n != 2*4*40 {
		t.Errorf("%d datagrams", n)
	}
	if n := w.figure("processed_bytes_udp_total"); n != 4*40*(1+3) {
		t.Errorf("%d bytes", n)
	}
	long := string(bytes.Repeat([]byte("x"), 50000))
	if got := exchange(t, w.dialUDP(), long); got[2:] != long {
		t.Errorf("%d bytes came back of %d", len(got)-2, len(long))
	}
	w.close(20 * time.Millisecond)
}

func TestIdleDatagramFlowsEnd(t *testing.T) {
	w := newWorld(t, config(lb.UDP, datagramTarget(t, "1")), Options{PacketIdle: 50 * time.Millisecond})
	c := w.dialUDP()
	w.exchangeAgain(c, "a")
	before := w.figure("new_flow_count_udp_total")
	w.awaitFigure("active_flow_count_udp", 0)
	w.exchangeAgain(c, "a")
	if n := w.figure("new_flow_count_udp_total"); n <= before {
		t.Errorf("%d flows, and no more than before the pause", n)
	}
	w.close(20 * time.Millisecond)
}

func TestDatagramsOfUnhealthyTargetsMove(t *testing.T) {
	one, two := datagramTarget(t, "1"), datagramTarget(t, "2")
	w := newWorld(t, config(lb.UDP, one, two), Options{})
	w.state("g", one, lb.Healthy)
	c := w.dialUDP()
	if got := exchange(t, c, "a"); got != "1 a" {
		t.Fatal(got)
	}
	w.state("g", two, lb.Healthy)
	w.state("g", one, lb.Unhealthy)
	w.awaitFigure("active_flow_count_udp", 0)
	if got := exchange(t, c, "a"); got != "2 a" {
		t.Errorf("after the change of health: %q", got)
	}
	w.close(20 * time.Millisecond)
}

func TestDatagramsOutsideTheRanges(t *testing.T) {
	cfg := config(lb.UDP, datagramTarget(t, "1"))
	cfg.LoadBalancers[0].InboundCIDRs = []lb.InboundCIDR{{Port: 80, CIDR: "10.0.0.0/8", Protocol: "udp"}}
	w := newWorld(t, cfg, Options{})
	w.dialUDP().Write([]byte("x"))
	w.awaitFigure("rejected_flow_count_total", 1)
}

// Every datagram carries the header: whoever gets it may have seen none before.
func TestDatagramsWithProxyHeader(t *testing.T) {
	target, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer target.Close()
	cfg := with(config(lb.UDP, target.LocalAddr().String()), "proxy_protocol_v2.enabled", "true")
	w := newWorld(t, cfg, Options{})
	c := w.dialUDP()
	for i := range 2 {
		fmt.Fprintf(c, "datagram %d", i)
		buf := make([]byte, 1500)
		target.SetDeadline(time.Now().Add(patience))
		n, _, err := target.ReadFrom(buf)
		if err != nil {
			t.Fatal(err)
		}
		r := bytes.NewReader(buf[:n])
		p, err := readProxyHeader(r)
		rest := string(buf[n-r.Len() : n])
		if err != nil || p.from.String() != c.LocalAddr().String() || p.over != overDatagram || rest != fmt.Sprintf("datagram %d", i) {
			t.Errorf("%+v, %v, then %q", p, err, rest)
		}
	}
	w.close(20 * time.Millisecond)
}

func TestTCPAndUDPOnOnePort(t *testing.T) {
	cfg := config(lb.TCPUDP)
	w := newWorld(t, cfg, Options{})
	if w.set.Address(80) == "" || w.packets.Address(80) == "" {
		t.Error("TCP_UDP is not open for both")
	}
	w.refused()
}

// A removed port answers its flows until they are silent; one that comes back goes on.
func TestRemovedDatagramPortComesBack(t *testing.T) {
	one := datagramTarget(t, "1")
	w := newWorld(t, config(lb.UDP, one), Options{})
	c := w.dialUDP()
	exchange(t, c, "a")
	gone := config(lb.UDP, one)
	gone.LoadBalancers = nil
	w.apply(gone)
	exchange(t, c, "a")
	other := w.dialUDP()
	other.Write([]byte("lost"))
	w.apply(config(lb.UDP, one))
	exchange(t, c, "a")
	exchange(t, other, "a")
	if n := w.figure("new_flow_count_udp_total"); n != 2 {
		t.Errorf("%d flows, want the first one kept", n)
	}
	w.close(20 * time.Millisecond)
}

// On a socket for every address, an answer comes from the address that was asked.
func TestAnswersComeFromTheAddressAsked(t *testing.T) {
	one := datagramTarget(t, "1")
	w := newWorld(t, config(lb.UDP, one), Options{})
	c := New(Options{Snapshot: func() *snapshot.Snapshot { return w.current.Load() }, Log: slog.New(slog.DiscardHandler)})
	defer c.Close()
	for _, bound := range []string{"0.0.0.0:0", "[::]:0"} {
		listening, err := net.ListenPacket("udp", bound)
		if err != nil {
			t.Fatal(err)
		}
		p := c.NewPort(listening.(*net.UDPConn), 80)
		var serving sync.WaitGroup
		serving.Go(p.Serve)
		_, port, _ := net.SplitHostPort(listening.LocalAddr().String())
		client, err := net.ListenPacket("udp4", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		client.SetDeadline(time.Now().Add(patience))
		asked := net.UDPAddrFromAddrPort(netip.MustParseAddrPort("127.0.0.9:" + port))
		client.WriteTo([]byte("a"), asked)
		buf := make([]byte, 100)
		n, from, err := client.ReadFrom(buf)
		if err != nil || from.String() != asked.String() || string(buf[:n]) != "1 a" {
			t.Errorf("%s: %q from %v, want it from %v; %v", bound, buf[:n], from, asked, err)
		}
		client.Close()
		p.Abort()
		serving.Wait()
	}
}
