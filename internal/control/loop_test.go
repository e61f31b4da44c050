package control

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/albatross-lb/albatross/lb"
)

// scripted is a Source that sends what it is given.
type scripted struct {
	updates chan Update
	ends    chan error // Run returns what comes here
	runs    int
}

func newScripted() *scripted {
	return &scripted{updates: make(chan Update), ends: make(chan error)}
}

func (s *scripted) Run(ctx context.Context, send func(Update)) error {
	s.runs++
	for {
		select {
		case <-ctx.Done():
			return nil
		case err := <-s.ends:
			if err == nil {
				panic("a source went wrong")
			}
			return err
		case u := <-s.updates:
			send(u)
		}
	}
}

// machine remembers what it applied and does as it is told.
type machine struct {
	mu      sync.Mutex
	configs []*lb.Config
	times   []time.Time
	does    atomic.Pointer[func(*lb.Config) []lb.Problem]
}

func (m *machine) applied() []*lb.Config {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.configs
}

func (m *machine) at() []time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.times
}

func (m *machine) set(do func(*lb.Config) []lb.Problem) { m.does.Store(&do) }

func (m *machine) Apply(_ context.Context, cfg *lb.Config) []lb.Problem {
	m.mu.Lock()
	m.configs, m.times = append(m.configs, cfg), append(m.times, time.Now())
	m.mu.Unlock()
	if do := m.does.Load(); do != nil {
		return (*do)(cfg)
	}
	return nil
}

// bench is a running Loop in a bubble of fake time.
type bench struct {
	*Loop
	machine *machine
	log     *bytes.Buffer
	reports []Report
	sources []*scripted
}

func run(t *testing.T, sources int, test func(*bench)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := &bench{machine: &machine{}, log: &bytes.Buffer{}}
		b.Loop = &Loop{Machine: b.machine, OnReport: func(r Report) { b.reports = append(b.reports, r) },
			Log: slog.New(slog.NewTextHandler(b.log, nil))}
		for range sources {
			s := newScripted()
			b.sources, b.Sources = append(b.sources, s), append(b.Sources, s)
		}
		ctx, cancel := context.WithCancel(t.Context())
		var done sync.WaitGroup
		done.Go(func() {
			if err := b.Run(ctx); err != nil {
				t.Errorf("Run: %v", err)
			}
		})
		test(b)
		cancel()
		done.Wait()
	})
}

// send hands the loop an update and waits until it has nothing left to do at once.
func (b *bench) send(source int, u Update) {
	b.sources[source].updates <- u
	synctest.Wait()
}

// settled waits until an update has been acted upon.
func (b *bench) settled() {
	time.Sleep(2 * Ceiling)
	synctest.Wait()
}

// config has one load balancer with one listener.
func config(key string, port int) *lb.Config {
	code := "404"
	return &lb.Config{LoadBalancers: []*lb.LoadBalancer{{Key: key, Name: key, Type: lb.Application, Listeners: []*lb.Listener{{
		Port: port, Protocol: lb.HTTP,
		DefaultActions: []lb.Action{{Type: lb.FixedResponseAction, FixedResponse: &lb.FixedResponse{StatusCode: code}}},
	}}}}}
}

// TestAgain: the same Config is applied anew where a source says so, and only then;
// before there is any, there is nothing to apply.
func TestAgain(t *testing.T) {
	run(t, 2, func(b *bench) {
		b.send(1, Update{Again: true})
		b.settled()
		if len(b.machine.applied()) != 0 {
			t.Fatal("applied nothing")
		}
		b.send(0, Update{Config: config("a", 80)})
		b.settled()
		b.send(0, Update{Config: config("a", 80)})
		b.settled()
		if len(b.machine.applied()) != 1 {
			t.Fatalf("applied %d times, want once", len(b.machine.applied()))
		}
		b.send(1, Update{Again: true})
		b.send(1, Update{})
		b.settled()
		if got := b.machine.applied(); len(got) != 2 || len(got[1].LoadBalancers) != 1 {
			t.Errorf("applied %d times, want the same again", len(got))
		}
	})
}

func TestUpdatesOfABurstAreAppliedOnce(t *testing.T) {
	run(t, 1, func(b *bench) {
		start := time.Now()
		for i := range 5 {
			b.send(0, Update{Config: config("a", 80+i)})
			time.Sleep(Quiet / 5)
		}
		b.settled()
		if len(b.machine.applied()) != 1 {
			t.Fatalf("applied %d times, want once", len(b.machine.applied()))
		}
		if got := b.machine.applied()[0].LoadBalancers[0].Listeners[0].Port; got != 84 {
			t.Errorf("applied port %d, want that of the last update, 84", got)
		}
		if took := b.machine.at()[0].Sub(start); took > 2*Quiet {
			t.Errorf("applied after %v, want soon after the last update", took)
		}
	})
}

func TestASourceThatNeverRestsIsHeardAtTheCeiling(t *testing.T) {
	run(t, 1, func(b *bench) {
		start := time.Now()
		for i := 0; time.Since(start) < 2*Ceiling; i++ {
			b.send(0, Update{Config: config("a", 1000+i)})
			time.Sleep(Quiet / 2)
		}
		if len(b.machine.applied()) == 0 {
			t.Fatal("nothing was applied while updates kept coming")
		}
		if took := b.machine.at()[0].Sub(start); took > Ceiling+Quiet {
			t.Errorf("first applied after %v, want at most %v", took, Ceiling)
		}
	})
}

func TestAnUpdateThatChangesNothingIsNotApplied(t *testing.T) {
	run(t, 1, func(b *bench) {
		b.send(0, Update{Config: config("a", 80)})
		b.settled()
		b.send(0, Update{Config: config("a", 80)})
		b.settled()
		if len(b.machine.applied()) != 1 || b.Report().Generation != 1 || len(b.reports) != 1 {
			t.Errorf("applied %d times, generation %d, %d reports; want 1 each", len(b.machine.applied()), b.Report().Generation, len(b.reports))
		}
	})
}

func TestProblemsWithoutAConfigLeaveWhatIsServed(t *testing.T) {
	run(t, 1, func(b *bench) {
		b.send(0, Update{Config: config("a", 80)})
		b.settled()
		broken := lb.Problem{Origin: lb.Origin{File: "a.yaml", Line: 3}, Text: "mapping values are not allowed here"}
		b.send(0, Update{Problems: []lb.Problem{broken}})
		b.settled()
		r := b.Report()
		if len(b.machine.applied()) != 1 || r.Config == nil || r.Generation != 1 {
			t.Fatalf("applied %d times, generation %d: the config before must stay", len(b.machine.applied()), r.Generation)
		}
		if len(r.Unread) != 1 || r.Unread[0] != broken || r.Current() || !r.Ready() {
			t.Errorf("unread %v, current %v, ready %v", r.Unread, r.Current(), r.Ready())
		}
		b.send(0, Update{Config: config("a", 80)})
		b.settled()
		if r := b.Report(); len(r.Unread) != 0 || !r.Current() || len(b.machine.applied()) != 1 {
			t.Errorf("after the repair: unread %v, applied %d times", r.Unread, len(b.machine.applied()))
		}
	})
}

func TestEarlierSourcesWinConflicts(t *testing.T) {
	run(t, 2, func(b *bench) {
		late, early := config("a", 443), config("a", 80)
		late.LoadBalancers[0].Origin.File, early.LoadBalancers[0].Origin.File = "late", "early"
		late.LoadBalancers[0].Listeners[0].Protocol = lb.HTTPS
		b.send(1, Update{Origin: "second", Config: late})
		b.settled()
		b.send(0, Update{Origin: "first", Config: early})
		b.settled()
		r := b.Report()
		if got := r.Config.LoadBalancers[0].Origin.File; got != "early" || len(r.Config.LoadBalancers) != 1 {
			t.Errorf("served is that of %q, want the first source's", got)
		}
		if len(r.SetAside) != 1 || r.SetAside[0].Origin.File != "late" || !strings.Contains(r.SetAside[0].Text, "source first") {
			t.Errorf("set aside: %v", r.SetAside)
		}
		b.send(0, Update{Origin: "first", Config: &lb.Config{}})
		b.settled()
		if r := b.Report(); len(r.SetAside) != 0 || r.Config.LoadBalancers[0].Origin.File != "late" || r.Generation != 3 {
			t.Errorf("after the first is gone: %v set aside, generation %d", r.SetAside, r.Generation)
		}
	})
}

func TestAMachineThatPanicsLeavesWhatIsServed(t *testing.T) {
	run(t, 1, func(b *bench) {
		b.send(0, Update{Config: config("a", 80)})
		b.settled()
		b.machine.set(func(*lb.Config) []lb.Problem { panic("index out of range") })
		b.send(0, Update{Config: config("a", 81)})
		b.settled()
		r := b.Report()
		if r.Generation != 1 || r.Config.LoadBalancers[0].Listeners[0].Port != 80 || !strings.Contains(r.Failure, "index out of range") || r.Current() {
			t.Fatalf("generation %d, failure %q", r.Generation, r.Failure)
		}
		b.machine.does.Store(nil)
		b.send(0, Update{Config: config("a", 82)})
		b.settled()
		if r := b.Report(); r.Failure != "" || r.Generation != 2 || r.Config.LoadBalancers[0].Listeners[0].Port != 82 {
			t.Errorf("after the repair: generation %d, failure %q", r.Generation, r.Failure)
		}
	})
}

func TestWhatTheMachineSetsAsideIsTriedAgain(t *testing.T) {
	run(t, 1, func(b *bench) {
		taken := lb.Problem{Text: "port 80 is taken"}
		b.machine.set(func(*lb.Config) []lb.Problem { return []lb.Problem{taken} })
		b.send(0, Update{Config: config("a", 80)})
		b.settled()
		time.Sleep(Retry + 2*Retry)
		synctest.Wait()
		if n := len(b.machine.applied()); n != 3 {
			t.Errorf("applied %d times, want at once and twice more", n)
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		if n := len(b.machine.applied()); n > 3+62 || n < 3+58 {
			t.Errorf("applied %d times in an hour, want about once a minute", n)
		}
		tries := len(b.machine.applied())
		if r := b.Report(); r.Generation != 1 || len(r.SetAside) != 1 || r.SetAside[0] != taken {
			t.Errorf("generation %d, set aside %v", r.Generation, r.SetAside)
		}
		b.machine.does.Store(nil)
		time.Sleep(3 * longestRetry)
		synctest.Wait()
		if r := b.Report(); r.Generation != 2 || len(r.SetAside) != 0 || len(b.machine.applied()) != tries+1 {
			t.Errorf("once the port is free: generation %d, set aside %v, applied %d times", r.Generation, r.SetAside, len(b.machine.applied()))
		}
		if n := strings.Count(b.log.String(), "port 80 is taken"); n != 2 {
			t.Errorf("the problem was logged %d times, want when it came and when it went:\n%s", n, b.log)
		}
	})
}

func TestASourceThatStopsIsStartedAgain(t *testing.T) {
	for name, end := range map[string]error{"error": errors.New("the connection was lost"), "panic": nil} {
		t.Run(name, func(t *testing.T) {
			run(t, 1, func(b *bench) {
				b.send(0, Update{Config: config("a", 80)})
				b.settled()
				b.sources[0].ends <- end
				b.settled()
				r := b.Report()
				if len(r.Unread) != 1 || r.Config == nil || len(b.machine.applied()) != 1 {
					t.Fatalf("unread %v, applied %d times", r.Unread, len(b.machine.applied()))
				}
				time.Sleep(firstRestart)
				b.send(0, Update{Config: config("a", 81)})
				b.settled()
				if r := b.Report(); len(r.Unread) != 0 || r.Generation != 2 || b.sources[0].runs != 2 {
					t.Errorf("after the restart: unread %v, generation %d, runs %d", r.Unread, r.Generation, b.sources[0].runs)
				}
			})
		})
	}
}

func TestRestartsGetRarer(t *testing.T) {
	run(t, 1, func(b *bench) {
		start := time.Now()
		for range 3 {
			b.sources[0].ends <- errors.New("no")
		}
		if took, want := time.Since(start), firstRestart+2*firstRestart; took != want {
			t.Errorf("the third run began after %v, want %v", took, want)
		}
	})
}

func TestSourcesAreNotChangedByValidation(t *testing.T) {
	run(t, 2, func(b *bench) {
		cfg := config("a", 80)
		cfg.LoadBalancers[0].Listeners[0].Rules = []*lb.Rule{{Priority: 1}, {Priority: 0}}
		b.send(0, Update{Config: cfg})
		b.settled()
		first := b.Report().SetAside
		if len(first) < 2 {
			t.Fatalf("set aside %v, want both rules", first)
		}
		b.send(1, Update{Config: config("b", 81)})
		b.settled()
		if again := b.Report().SetAside; !slices.Equal(again, first) {
			t.Errorf("set aside %v after another source has sent, want both rules again: %v", again, first)
		}
		if n := len(cfg.LoadBalancers[0].Listeners[0].Rules); n != 2 {
			t.Errorf("the source's own config has %d rules, want 2", n)
		}
	})
}

func TestEachProblemIsLoggedOnce(t *testing.T) {
	run(t, 1, func(b *bench) {
		broken := func(line int) Update {
			cfg := config("a", 80)
			cfg.SetAside = []lb.Problem{{Origin: lb.Origin{File: "a.yaml", Line: line, Kind: "Ingress", Name: "x"}, Field: "spec.rules[0]", Text: "no such service"}}
			return Update{Config: cfg}
		}
		for line := range 3 {
			b.send(0, broken(line+1))
			b.settled()
		}
		if n := strings.Count(b.log.String(), "no such service"); n != 1 {
			t.Errorf("logged %d times, want once:\n%s", n, b.log)
		}
		b.send(0, Update{Config: config("a", 80)})
		b.settled()
		if n := strings.Count(b.log.String(), `msg="resolved: set aside" at="a.yaml: Ingress x" field=spec.rules[0] problem="no such service"`); n != 1 {
			t.Errorf("resolved logged %d times, want once:\n%s", n, b.log)
		}
	})
}

func TestAFloodOfProblemsIsCutInTheLog(t *testing.T) {
	run(t, 1, func(b *bench) {
		cfg := config("a", 80)
		for i := range 10 * mostLines {
			cfg.SetAside = append(cfg.SetAside, lb.Problem{Text: fmt.Sprintf("mistake %d", i)})
		}
		b.send(0, Update{Config: cfg})
		b.settled()
		if n := strings.Count(b.log.String(), "problem=\"mistake"); n != mostLines {
			t.Errorf("%d lines, want %d", n, mostLines)
		}
		if !strings.Contains(b.log.String(), fmt.Sprintf("more=%d", 9*mostLines)) {
			t.Error("the log does not say how many more there are")
		}
		if n := len(b.Report().SetAside); n != 10*mostLines {
			t.Errorf("the report has %d, want all", n)
		}
	})
}

func TestALoopNeedsAMachineAndSources(t *testing.T) {
	for _, l := range []*Loop{{}, {Machine: &machine{}}, {Sources: []Source{newScripted()}}} {
		if err := l.Run(t.Context()); err == nil {
			t.Error("Run started without a machine or a source")
		}
	}
}
