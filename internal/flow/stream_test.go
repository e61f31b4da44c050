package flow

import (
	"crypto/sha256"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/albatross-lb/albatross/lb"
)

func TestFlowsAreSpreadAndCounted(t *testing.T) {
	w := newWorld(t, config(lb.TCP, named(t, "1"), named(t, "2"), named(t, "3")), Options{})
	counts := map[string]int{}
	for range 60 {
		c := w.dial()
		counts[read(t, c, 2)]++
		io.WriteString(c, "hello")
		read(t, c, 5)
		c.Close()
	}
	if len(counts) != 3 {
		t.Errorf("flows by target: %v", counts)
	}
	w.awaitFigure("active_flow_count", 0)
	w.awaitFigure("processed_bytes_total", 60*(2+5+5))
	if n := w.figure("new_flow_count_tcp_total"); n != 60 {
		t.Errorf("%d new flows", n)
	}
}

func TestStickyBySourceAddress(t *testing.T) {
	cfg := with(config(lb.TCP, named(t, "1"), named(t, "2"), named(t, "3")), "stickiness.enabled", "true")
	w := newWorld(t, with(cfg, "stickiness.type", "source_ip"), Options{})
	first := ""
	for range 20 {
		c := w.dial()
		name := read(t, c, 2)
		c.Close()
		if first == "" {
			first = name
		} else if name != first {
			t.Fatalf("one client came to %q and %q", first, name)
		}
	}
}

func TestWeights(t *testing.T) {
	cfg := config(lb.TCP, named(t, "1"))
	other := *cfg.TargetGroups["g"]
	other.Key, other.Name, other.Targets = "h", "h", config(lb.TCP, named(t, "2")).TargetGroups["g"].Targets
	cfg.TargetGroups["h"] = &other
	three, one := 3, 1
	cfg.LoadBalancers[0].Listeners[0].DefaultActions[0].Forward.TargetGroups = []lb.WeightedTargetGroup{
		{TargetGroup: "g", Weight: &three}, {TargetGroup: "h", Weight: &one}}
	w := newWorld(t, cfg, Options{})
	counts := map[string]int{}
	for range 40 {
		c := w.dial()
		counts[read(t, c, 2)]++
		c.Close()
	}
	if counts["1\n"] != 30 || counts["2\n"] != 10 {
		t.Errorf("%v, want 30 and 10", counts)
	}
}

// Each side may end its data and go on listening.
func TestHalfClose(t *testing.T) {
	w := newWorld(t, config(lb.TCP, serve(t, func(c *net.TCPConn) {
		all, _ := io.ReadAll(c)
		c.Write([]byte(strings.ToUpper(string(all))))
	})), Options{})
	c := w.dial()
	io.WriteString(c, "a question")
	c.CloseWrite()
	if got, err := io.ReadAll(c); string(got) != "A QUESTION" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
}

func TestHalfCloseByTarget(t *testing.T) {
	heard := make(chan string, 1)
	w := newWorld(t, config(lb.TCP, serve(t, func(c *net.TCPConn) {
		io.WriteString(c, "that is all")
		c.CloseWrite()
		all, _ := io.ReadAll(c)
		heard <- string(all)
	})), Options{})
	c := w.dial()
	if got, err := io.ReadAll(c); string(got) != "that is all" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	io.WriteString(c, "thanks")
	c.CloseWrite()
	if got := <-heard; got != "thanks" {
		t.Errorf("the target heard %q", got)
	}
	w.awaitFigure("active_flow_count", 0)
	for _, who := range []string{"client", "target", "elb"} {
		if n := w.figure("tcp_" + who + "_reset_count_total"); n != 0 {
			t.Errorf("%d resets by %s", n, who)
		}
	}
}

func TestResetIsPassedOn(t *testing.T) {
	at := make(chan *net.TCPConn, 1)
	ended := make(chan error, 1)
	w := newWorld(t, config(lb.TCP, serve(t, func(c *net.TCPConn) {
		io.WriteString(c, "x")
		at <- c
		_, err := io.Copy(io.Discard, c)
		ended <- err
	})), Options{})
	c := w.dial()
	read(t, c, 1)
	<-at
	c.SetLinger(0)
	c.Close()
	if err := <-ended; err == nil || !strings.Contains(err.Error(), "reset") {
		t.Errorf("the target sees %v, want a reset", err)
	}
	w.awaitFigure("tcp_client_reset_count_total", 1)

	c = w.dial()
	read(t, c, 1)
	target := <-at
	target.SetLinger(0)
	target.Close()
	reset(t, c)
	<-ended
	w.awaitFigure("tcp_target_reset_count_total", 1)
}

func TestTargetThatRefusesIsPassedOver(t *testing.T) {
	w := newWorld(t, config(lb.TCP, refusing(t), named(t, "1"), refusing(t)), Options{})
	for range 20 {
		c := w.dial()
		if got := read(t, c, 2); got != "1\n" {
			t.Fatal(got)
		}
		c.Close()
	}
	w.awaitFigure("active_flow_count", 0)
	if n := w.figure("flow_target_connection_error_count_total"); n == 0 {
		t.Error("no failed connection was counted: nothing was passed over")
	}
}

func TestNoTargetResets(t *testing.T) {
	w := newWorld(t, config(lb.TCP), Options{})
	w.refused()
	w.awaitFigure("tcp_elb_reset_count_total", 1)
	w.apply(config(lb.TCP, refusing(t)))
	w.refused()
	w.awaitFigure("tcp_elb_reset_count_total", 2)
}

func TestInboundRanges(t *testing.T) {
	cfg := config(lb.TCP, named(t, "1"))
	cfg.LoadBalancers[0].InboundCIDRs = []lb.InboundCIDR{{Port: 80, CIDR: "10.0.0.0/8"}}
	w := newWorld(t, cfg, Options{})
	w.refused()
	w.awaitFigure("rejected_flow_count_total", 1)
	cfg = config(lb.TCP, named(t, "1"))
	cfg.LoadBalancers[0].InboundCIDRs = []lb.InboundCIDR{{Port: 80, CIDR: "127.0.0.0/8"}}
	w.apply(cfg)
	read(t, w.dial(), 2)
}

func TestMostFlows(t *testing.T) {
	w := newWorld(t, config(lb.TCP, named(t, "1")), Options{MaxFlows: 2})
	a, b := w.dial(), w.dial()
	read(t, a, 2)
	read(t, b, 2)
	w.refused()
	w.awaitFigure("rejected_flow_count_total", 1)
	a.Close()
	w.awaitFigure("active_flow_count", 1)
	read(t, w.dial(), 2)
}

func TestIdleFlowsAreReset(t *testing.T) {
	const idle = 2 * time.Second
	w := newWorld(t, config(lb.TCP, named(t, "1")), Options{StreamIdle: idle})
	resets := 1
	began, c := time.Now(), w.busy(idle)
	for ; c == nil; resets++ {
		began, c = time.Now(), w.busy(idle)
	}
	reset(t, c)
	if took := time.Since(began); took < 2*idle {
		t.Errorf("reset after %v", took)
	}
	w.awaitFigure("tcp_elb_reset_count_total", resets)
}

// busy opens a flow and is busy on it for longer than the idle time; nil where the machine held it up for as long as
// that, so that the flow was rightly reset.
func (w *world) busy(idle time.Duration) *net.TCPConn {
	w.t.Helper()
	moved, said := time.Now(), time.Now()
	c := w.dial()
	buf := make([]byte, 2)
	for turn := range 11 {
		_, err := io.ReadFull(c, buf) // the target's name, then an echo
		if since := time.Since(moved); err != nil && since < idle {
			w.t.Fatalf("turn %d, when something had moved %v ago: %v", turn, since, err)
		}
		if err != nil {
			return nil
		}
		moved = said // or later
		time.Sleep(idle / 8)
		said = time.Now()
		io.WriteString(c, "xx")
	}
	return c
}

// Much data passes unchanged both ways at once, by whatever way.
func TestBulkBothWays(t *testing.T) {
	w := newWorld(t, config(lb.TCP, serve(t, func(c *net.TCPConn) { io.Copy(c, c) })), Options{})
	const size = 16 << 20
	var clients sync.WaitGroup
	for seed := range uint64(4) {
		c := w.dial()
		clients.Go(func() {
			sent, got := sha256.New(), sha256.New()
			var reading sync.WaitGroup
			reading.Go(func() {
				if n, err := io.Copy(got, struct{ io.Reader }{c}); n != size || err != nil {
					t.Errorf("%d bytes came back, %v", n, err)
				}
			})
			random := rand.NewChaCha8([32]byte{byte(seed)})
			if _, err := io.CopyN(io.MultiWriter(sent, struct{ io.Writer }{c}), random, size); err != nil {
				t.Error(err)
			}
			c.CloseWrite()
			reading.Wait()
			if string(sent.Sum(nil)) != string(got.Sum(nil)) {
				t.Error("the bytes are others")
			}
		})
	}
	clients.Wait()
	w.awaitFigure("processed_bytes_tcp_total", 2*4*size)
}

// A target that does not read slows its client down; nothing is piled up on the way.
func TestBackPressure(t *testing.T) {
	release := make(chan struct{})
	heard := make(chan int64, 1)
	w := newWorld(t, config(lb.TCP, serve(t, func(c *net.TCPConn) {
		<-release
		n, _ := io.Copy(io.Discard, c)
		heard <- n
	})), Options{})
	c := w.dial()
	c.SetWriteDeadline(time.Now().Add(500 * time.Millisecond))
	sent, err := io.CopyN(struct{ io.Writer }{c}, zero{}, 256<<20)
	if err == nil || sent > 64<<20 {
		t.Errorf("%d bytes went nowhere, %v", sent, err)
	}
	close(release)
	c.CloseWrite()
	if n := <-heard; n != sent && n > sent+1<<20 {
		t.Errorf("%d bytes sent, %d heard", sent, n)
	}
}

type zero struct{}

func (zero) Read(p []byte) (int, error) { return len(p), nil }
