package flow

import (
	"context"
	"errors"
	"io"
	"net"
	"syscall"
	"testing"
	"time"

	"github.com/albatross-lb/albatross/lb"
)

func echoed(t *testing.T, c net.Conn) {
	t.Helper()
	if _, err := io.WriteString(c, "ping"); err != nil {
		t.Fatal(err)
	}
	if got := read(t, c, 4); got != "ping" {
		t.Fatal(got)
	}
}

// A flow stays with its target through changes; new flows go by the new configuration.
func TestChangeLosesNoFlow(t *testing.T) {
	one, two := named(t, "1"), named(t, "2")
	w := newWorld(t, config(lb.TCP, one), Options{Beat: time.Hour})
	c := w.dial()
	read(t, c, 2)
	w.apply(config(lb.TCP, two))
	w.state("g", one, lb.Draining)
	for range 20 {
		d := w.dial()
		if got := read(t, d, 2); got != "2\n" {
			t.Fatalf("a new flow went to %q", got)
		}
		d.Close()
	}
	echoed(t, c)
	w.state("g", one, lb.Unused) // the delay is over, and flows may go on
	w.looks(time.Now())
	echoed(t, c)
}

func TestDeregistrationEndsFlowsWhereAsked(t *testing.T) {
	const attribute = "deregistration_delay.connection_termination.enabled"
	one, two := named(t, "1"), named(t, "2")
	w := newWorld(t, with(config(lb.TCP, one), attribute, "true"), Options{Beat: time.Hour})
	c := w.dial()
	read(t, c, 2)
	w.apply(with(config(lb.TCP, two), attribute, "true"))
	w.state("g", one, lb.Draining)
	w.looks(time.Now())
	echoed(t, c)
	w.state("g", one, lb.Unused)
	w.looks(time.Now())
	reset(t, c)
	w.awaitFigure("tcp_elb_reset_count_total", 1)
}

func TestUnhealthyTargetsLoseTheirFlows(t *testing.T) {
	one, two := named(t, "1"), named(t, "2")
	w := newWorld(t, config(lb.TCP, one, two), Options{Beat: time.Hour})
	w.state("g", one, lb.Healthy)
	w.state("g", two, lb.Unhealthy)
	c := w.dial()
	if got := read(t, c, 2); got != "1\n" {
		t.Fatalf("a flow went to %q, which is unhealthy", got)
	}
	w.state("g", one, lb.Unhealthy) // all are: fail open
	w.looks(time.Now())
	echoed(t, c)
	w.state("g", two, lb.Healthy)
	w.looks(time.Now())
	reset(t, c)
	d := w.dial()
	if got := read(t, d, 2); got != "2\n" {
		t.Fatal(got)
	}
}

func TestUnhealthyDraining(t *testing.T) {
	const kept = "target_health_state.unhealthy.connection_termination.enabled"
	one, two := named(t, "1"), named(t, "2")
	w := newWorld(t, with(config(lb.TCP, one, two), kept, "false"), Options{Beat: time.Hour})
	w.state("g", one, lb.Healthy)
	c := w.dial()
	read(t, c, 2)
	w.state("g", two, lb.Healthy)
	w.state("g", one, lb.Unhealthy)
	w.looks(time.Now())
	w.looks(time.Now().Add(time.Minute))
	echoed(t, c)
}

func TestFailOpen(t *testing.T) {
	one := named(t, "1")
	w := newWorld(t, config(lb.TCP, one), Options{})
	w.state("g", one, lb.Unhealthy)
	read(t, w.dial(), 2)
	w.awaitFigure("unhealthy_routing_flow_count_total", 1)
}

func TestShutdownLetsFlowsEnd(t *testing.T) {
	w := newWorld(t, config(lb.TCP, named(t, "1")), Options{})
	ending, staying := w.dial(), w.dial()
	read(t, ending, 2)
	read(t, staying, 2)
	done := make(chan struct{})
	ctx, overdue := context.WithCancel(t.Context())
	go func() { w.shutdown(ctx); close(done) }()
	w.eventually("the port is still open", func() bool {
		c, err := net.Dial("tcp", w.set.Address(80))
		if err == nil {
			c.Close()
		}
		return err != nil
	})
	echoed(t, ending)
	ending.Close()
	echoed(t, staying)
	overdue()
	reset(t, staying)
	<-done
}

// A port that is removed lets its flows go on for the deregistration delay.
func TestRemovedListener(t *testing.T) {
	one := named(t, "1")
	const delay = 3 * time.Second
	w := newWorld(t, with(config(lb.TCP, one), "deregistration_delay.timeout_seconds", "3"), Options{})
	c := w.dial()
	read(t, c, 2)
	began := time.Now()
	gone := with(config(lb.TCP, one), "deregistration_delay.timeout_seconds", "3")
	gone.LoadBalancers = nil
	w.apply(gone)
	if w.set.Address(80) != "" {
		t.Error("the port is still open")
	}
	io.WriteString(c, "ping")
	_, err := io.ReadFull(c, make([]byte, 4))
	if err == nil {
		reset(t, c)
	} else if late := time.Since(began) >= delay; !late || !errors.Is(err, syscall.ECONNRESET) { // where the machine was slow, it may have ended
		t.Errorf("after its port was removed: %v", err)
	}
	if took := time.Since(began); took < delay-100*time.Millisecond {
		t.Errorf("reset after %v", took)
	}
}
