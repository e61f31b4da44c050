package control

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/albatross-lb/albatross/lb"
)

// Defaults of the Loop's times. A source that watches files has waited for quiet
// already, so the loop's own wait is short: it is there for several sources that
// change together.
const (
	Quiet   = 2 * time.Millisecond
	Ceiling = 50 * time.Millisecond
	Retry   = 5 * time.Second

	longestRetry = time.Minute
)

// Loop joins Sources to a Machine. Set its fields, then call Run once.
type Loop struct {
	Sources []Source // earlier ones win conflicts
	Machine Machine
	Log     *slog.Logger // nil: slog.Default()
	// Locate gives problems with the lines of their fields, for the log; nil: as they are.
	Locate func([]lb.Problem) []lb.Problem
	// OnReport hears every new Report, in order, from the loop's own goroutine: it
	// must return soon. Metrics of configuration are made here.
	OnReport func(Report)

	Quiet   time.Duration // applied after no update for so long; 0: the default
	Ceiling time.Duration // applied at the latest so long after the first update; 0: the default
	// Retry is after how long a Config is applied again of which the Machine had to set
	// something aside: the port may be free by then. It doubles each time, up to a
	// minute, until something changes. 0: the default.
	Retry time.Duration

	report atomic.Pointer[Report]
	inbox  inbox

	validator lb.Validator // remembers what stays the same
	journal   journal
	patience  time.Duration // until the next retry

	config  []Update      // the latest of each source
	stopped []*lb.Problem // of each source: why it stopped, or nil
}

// Report is the latest, or nil before the first. It is not changed any more.
func (l *Loop) Report() *Report { return l.report.Load() }

// Run serves until ctx is done, which is no error.
func (l *Loop) Run(ctx context.Context) error {
	if l.Machine == nil || len(l.Sources) == 0 {
		return errors.New("starting the control loop: it needs a Machine and at least one Source")
	}
	l.prepare()
	var running sync.WaitGroup
	defer running.Wait()
	for i, s := range l.Sources {
		running.Go(func() { l.runSource(ctx, i, s) })
	}
	var retry <-chan time.Time
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-retry:
			retry = l.serve(ctx, false)
		case <-l.inbox.arrived:
			if !l.settle(ctx) {
				return nil
			}
			switch changed := l.collect(); {
			case changed:
				retry = l.serve(ctx, true)
			default:
				l.tellUnread()
			}
		}
	}
}

func (l *Loop) prepare() {
	if l.Log == nil {
		l.Log = slog.Default()
	}
	set := func(d *time.Duration, usual time.Duration) {
		if *d <= 0 {
			*d = usual
		}
	}
	set(&l.Quiet, Quiet)
	set(&l.Ceiling, Ceiling)
	set(&l.Retry, Retry)
	l.inbox = inbox{arrived: make(chan struct{}, 1), latest: make([]*arrival, len(l.Sources))}
	l.journal = journal{log: l.Log, locate: l.Locate}
	l.config = make([]Update, len(l.Sources))
	l.stopped = make([]*lb.Problem, len(l.Sources))
}

// settle waits until no update has come for Quiet, at most for Ceiling. It returns
// false when ctx is done.
func (l *Loop) settle(ctx context.Context) bool {
	ceiling, quiet := time.NewTimer(l.Ceiling), time.NewTimer(l.Quiet)
	defer ceiling.Stop()
	defer quiet.Stop()
	for {
		select {
		case <-ctx.Done():
			return false
		case <-ceiling.C:
			return true
		case <-quiet.C:
			return true
		case <-l.inbox.arrived:
			quiet.Reset(l.Quiet)
		}
	}
}

// collect takes what has arrived and tells whether it changes what is to be served.
func (l *Loop) collect() bool {
	changed, again := false, false
	for i, a := range l.inbox.take() {
		if a == nil {
			continue
		}
		l.stopped[i] = a.stopped
		if a.update == nil {
			continue
		}
		before := l.config[i]
		l.config[i] = *a.update
		if a.update.Config == nil || (before.Config != nil && reflect.DeepEqual(before.Config, a.update.Config)) {
			l.config[i].Config = before.Config
			again = again || a.update.Again
			continue
		}
		changed = true
	}
	served := slices.ContainsFunc(l.config, func(u Update) bool { return u.Config != nil })
	return changed || again && served
}

// serve applies what the sources want and reports. It returns when to try again, or nil.
// A new Config, and one of which more or less could be served than the last time, is
// a new generation.
func (l *Loop) serve(ctx context.Context, fresh bool) <-chan time.Time {
	cfg := l.wanted()
	problems, err := l.apply(ctx, cfg)
	if ctx.Err() != nil {
		return nil
	}
	before := l.Report()
	if before == nil {
		before = &Report{}
	}
	next := *before
	next.Unread = l.unread()
	if err != nil {
		next.Time, next.Failure = time.Now(), err.Error()
		l.tell(next)
		return nil
	}
	setAside := slices.Concat(cfg.SetAside, problems)
	if fresh || next.Failure != "" || !slices.Equal(setAside, before.SetAside) {
		next.Generation++
		next.Time = time.Now()
	}
	next.Config, next.Failure, next.Objects = cfg, "", 0
	for _, u := range l.config {
		next.Objects += u.Objects
	}
	next.SetAside, next.Warnings, next.Notes = setAside, cfg.Warnings, cfg.Notes
	l.tell(next)
	if next.Generation != before.Generation {
		l.patience = l.Retry
	}
	if len(problems) == 0 {
		return nil
	}
	wait := time.After(l.patience)
	l.patience = min(2*l.patience, max(longestRetry, l.Retry))
	return wait
}

// wanted is what all sources want together, as far as it can be served.
func (l *Loop) wanted() *lb.Config {
	parts := make([]lb.Part, len(l.config))
	for i, u := range l.config {
		parts[i] = lb.Part{Origin: u.Origin, Config: u.Config}
	}
	cfg := lb.Merge(parts...)
	l.validator.Validate(cfg)
	return cfg
}

// apply keeps a mistake of the Machine's from ending the process and with it the
// requests that are served well.
func (l *Loop) apply(ctx context.Context, cfg *lb.Config) (problems []lb.Problem, err error) {
	defer func() {
		if p := recover(); p != nil {
			l.Log.Error("applying the configuration: panic", "panic", p, "stack", string(debug.Stack()))
			err = fmt.Errorf("applying the configuration: panic: %v; what was served before stays", p)
		}
	}()
	return l.Machine.Apply(ctx, cfg), nil
}

// tellUnread reports anew when only the sources' own problems have changed.
func (l *Loop) tellUnread() {
	next := Report{}
	if before := l.Report(); before != nil {
		next = *before
	}
	unread := l.unread()
	if slices.Equal(unread, next.Unread) {
		return
	}
	next.Unread = unread
	l.tell(next)
}

// unread is what the sources could not read, and which of them stopped.
func (l *Loop) unread() []lb.Problem {
	var all []lb.Problem
	for i, u := range l.config {
		all = append(all, u.Problems...)
		if l.stopped[i] != nil {
			all = append(all, *l.stopped[i])
		}
	}
	return all
}

func (l *Loop) tell(r Report) {
	l.report.Store(&r)
	l.journal.write(r)
	if l.OnReport != nil {
		l.OnReport(r)
	}
}
