package wire

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"sync"
	"testing"
	"time"
)

// known has the cases played, too, that are skipped for a known fault.
var known = flag.Bool("known", false, "play the cases that are known to fail, too")

// TestWire plays every case of testdata.
func TestWire(t *testing.T) {
	t.Parallel()
	for i, s := range world.scenarios {
		t.Run(s.file+"/"+s.name, func(t *testing.T) {
			if s.skip != "" && !*known {
				t.Skip(s.skip)
			}
			t.Parallel()
			place := findPlace(fmt.Sprintf("case-%d", i))
			errs := s.play(place)
			for chance := 1; len(errs) > 0 && s.hasty && chance < 10; chance++ {
				t.Logf("once more, after %v", errs)
				if err := place.settle(); err != nil {
					t.Fatal(err)
				}
				errs = s.play(place)
			}
			for _, err := range errs {
				t.Errorf("%s: %v", s.file, err)
			}
		})
	}
}

// play plays the scenario once at its place and looks at what it has left behind.
func (s *scenario) play(at *place) []error {
	if err := at.begin(); err != nil {
		return []error{err}
	}
	p := &performance{scenario: s, place: at, events: map[string]chan struct{}{}, failed: make(chan struct{})}
	if errs := p.play(); len(errs) > 0 {
		return append(errs, at.logLines())
	}
	errs := at.check(s.logs, s.metrics)
	if err := p.uninvited(); err != nil {
		errs = append(errs, err)
	}
	return errs
}

// performance is a scenario being played.
type performance struct {
	scenario *scenario
	place    *place

	mu     sync.Mutex
	conns  []net.Conn
	errs   []error
	events map[string]chan struct{}
	failed chan struct{} // closed at the first error
}

// play runs all actors to their end. After the first error the rest is broken off.
func (p *performance) play() []error {
	var all sync.WaitGroup
	turn := make(chan struct{})
	close(turn)
	for _, s := range p.scenario.actors {
		a := &actor{performance: p, script: s, steps: s.steps}
		mine, done := turn, make(chan struct{})
		if s.target {
			turn = done // targets accept in the order in which they are written
		}
		all.Go(func() {
			if err := a.enter(mine, done); err != nil {
				p.fail(err)
				return
			}
			if err := a.act(); err != nil {
				p.fail(err)
			}
		})
	}
	all.Wait()
	for _, c := range p.conns {
		c.Close()
	}
	return p.errs
}

func (p *performance) fail(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.errs = append(p.errs, err)
	if len(p.errs) > 1 {
		return
	}
	close(p.failed)
	for _, c := range p.conns {
		c.Close()
	}
	if p.place.targets != nil {
		p.place.targets.SetDeadline(time.Now())
	}
}

// event is what one actor tells and others await.
func (p *performance) event(name string) chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.events[name] == nil {
		p.events[name] = make(chan struct{})
	}
	return p.events[name]
}

// enter gets the actor its connection. A client that first awaits something connects after that.
func (a *actor) enter(turn, done chan struct{}) error {
	for len(a.steps) > 0 && a.steps[0].verb == "await" {
		if err := a.await(a.steps[0].arg); err != nil {
			return fmt.Errorf("line %d: %s: %w", a.steps[0].line, a.script.name, err)
		}
		a.steps = a.steps[1:]
	}
	var err error
	switch {
	case a.script.target:
		<-turn
		defer close(done)
		a.conn, err = a.place.targets.AcceptTCP()
	case a.place.settings.https:
		a.conn, a.wire, err = dialTLS(a.place.addr())
	default:
		var c net.Conn
		if c, err = net.DialTimeout("tcp", a.place.addr(), patience); err == nil {
			a.conn = c.(*net.TCPConn)
		}
	}
	if err != nil {
		return fmt.Errorf("%s: %w", a.script.name, err)
	}
	a.in = bufio.NewReader(a.conn)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.conns = append(a.conns, a.conn)
	if len(a.errs) > 0 {
		a.conn.Close()
	}
	return nil
}

// uninvited: nothing may have come to the target but what the case speaks of.
func (p *performance) uninvited() error {
	if p.place.targets == nil {
		return nil
	}
	p.place.targets.SetDeadline(time.Now().Add(10 * time.Millisecond))
	c, err := p.place.targets.Accept()
	switch {
	case err == nil:
		c.SetDeadline(time.Now().Add(time.Second))
		line, _ := bufio.NewReader(c).ReadString('\n')
		c.Close()
		return fmt.Errorf("one more connection came to the target, with %q", line)
	case errors.Is(err, context.DeadlineExceeded), isTimeout(err):
		return nil
	}
	return err
}

func isTimeout(err error) bool {
	var n net.Error
	return errors.As(err, &n) && n.Timeout()
}
