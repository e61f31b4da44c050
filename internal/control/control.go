package control

import (
	"context"
	"time"

	"github.com/albatross-lb/albatross/lb"
)

// Update is what a Source wants served from now on.
type Update struct {
	// Origin names the source in conflicts and logs: "file", "kube".
	Origin string
	// Config is everything that the source wants served. nil means: as before.
	// It belongs to the loop once sent and must not be changed any more.
	Config *lb.Config
	// Again: what the Machine reads beside Config has changed (a certificate's file), so
	// that what is served is applied anew although Config is the same.
	Again bool
	// Problems are what the source could not read; what it had read there before
	// is still part of Config.
	Problems []lb.Problem
	// Objects is how many objects were read; 0: the source does not count.
	Objects int
}

// Source is a door through which configuration comes in.
type Source interface {
	// Run sends the whole state at once and again after every change, until ctx is
	// done. send never blocks for long and may be called from one goroutine at a time.
	Run(ctx context.Context, send func(Update)) error
}

// Machine serves a Config in place of the one before.
type Machine interface {
	// Apply returns what had to be set aside in the doing: a port that cannot be
	// bound, a certificate that is not known. It may take listeners and rules out of
	// cfg before it returns and must not change it afterwards, since others read it
	// from then on; rules and targets themselves are the sources' and are only read.
	// Calls do not overlap.
	Apply(ctx context.Context, cfg *lb.Config) []lb.Problem
}

// Report says what is served and what is not.
type Report struct {
	Time       time.Time // when Config was applied, or Failure happened
	Generation uint64    // counts the Configs applied; 0: none yet
	Config     *lb.Config

	SetAside []lb.Problem // by the source, by lb.Validate and by the Machine
	Warnings []lb.Problem
	Notes    []lb.Problem
	// Unread is what the sources could not read; what was read there before is served.
	Unread []lb.Problem
	// Objects is how many objects the sources have read.
	Objects int
	// Failure is why the newest Config is not served but the one before, or "".
	Failure string
}

// Ready tells whether anything is served yet.
func (r Report) Ready() bool { return r.Generation > 0 }

// Current tells whether what is served is the newest that the sources want, all of it read.
func (r Report) Current() bool { return r.Ready() && r.Failure == "" && len(r.Unread) == 0 }

// Summary counts in one line what is served and what is not.
func (r Report) Summary() string { return r.Config.Summary(r.Objects, r.Unread, r.SetAside) }
