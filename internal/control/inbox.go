package control

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/albatross-lb/albatross/lb"
)

// inbox holds the latest from each source, so that a source never waits for the loop
// and the loop never works through a backlog.
type inbox struct {
	arrived chan struct{} // holds one token when there is something to take

	mu     sync.Mutex
	latest []*arrival
}

// arrival is what one source has told since the loop last looked.
type arrival struct {
	update  *Update     // nil: none
	stopped *lb.Problem // why the source is not running, or nil
}

func (b *inbox) put(source int, change func(*arrival)) {
	b.mu.Lock()
	if b.latest[source] == nil {
		b.latest[source] = &arrival{}
	}
	change(b.latest[source])
	b.mu.Unlock()
	select {
	case b.arrived <- struct{}{}:
	default:
	}
}

func (b *inbox) take() []*arrival {
	b.mu.Lock()
	defer b.mu.Unlock()
	taken := b.latest
	b.latest = make([]*arrival, len(taken))
	return taken
}

// How long a source that stopped waits before it is started again; doubled each time
// up to the longest, and short again once it has sent something.
const (
	firstRestart   = time.Second
	longestRestart = time.Minute
)

// runSource keeps one source running until ctx is done.
func (l *Loop) runSource(ctx context.Context, i int, s Source) {
	wait := firstRestart
	for {
		var sent atomic.Bool
		err := l.runOnce(ctx, s, func(u Update) {
			sent.Store(true)
			l.inbox.put(i, func(a *arrival) { a.merge(u) })
		})
		if ctx.Err() != nil {
			return
		}
		text := "the source ended"
		if err != nil {
			text = err.Error()
		}
		p := lb.Problem{Text: text + "; what it sent before stays, and it is started again"}
		l.inbox.put(i, func(a *arrival) { a.stopped = &p })
		if sent.Load() {
			wait = firstRestart
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
		wait = min(2*wait, longestRestart)
	}
}

// merge lets u follow what has arrived before it.
func (a *arrival) merge(u Update) {
	if u.Config == nil && a.update != nil {
		u.Config = a.update.Config
	}
	u.Again = u.Again || a.update != nil && a.update.Again
	a.update, a.stopped = &u, nil
}

// runOnce turns a panic of the source into its error.
func (l *Loop) runOnce(ctx context.Context, s Source, send func(Update)) (err error) {
	defer func() {
		if p := recover(); p != nil {
			l.Log.Error("running a source: panic", "panic", p, "stack", string(debug.Stack()))
			err = fmt.Errorf("running a source: panic: %v", p)
		}
	}()
	return s.Run(ctx, send)
}
