package control

import (
	"context"
	"log/slog"
	"slices"
	"strings"

	"github.com/albatross-lb/albatross/lb"
)

// mostLines bounds the lines that one report may log of each kind, so that a folder
// of ten thousand mistakes does not bury the log. The admin API has all of them.
const mostLines = 100

// journal logs each problem when it appears and when it is gone.
type journal struct {
	log        *slog.Logger
	locate     func([]lb.Problem) []lb.Problem
	generation uint64
	failure    string
	known      map[entry]bool
}

// entry is one problem as people tell problems apart: the line is left out, since
// an edit further up moves it.
type entry struct {
	kind    kind
	problem lb.Problem
}

// kind of a problem, with the words and the level that it is logged with.
type kind struct {
	text  string
	level slog.Level
}

var (
	unread   = kind{"not read", slog.LevelError}
	setAside = kind{"set aside", slog.LevelWarn}
	warning  = kind{"warning", slog.LevelWarn}
	note     = kind{"note", slog.LevelInfo}
)

func (j *journal) write(r Report) {
	if r.Failure != "" && r.Failure != j.failure {
		j.log.Error("configuration not applied", "generation", r.Generation, "error", r.Failure)
	}
	now := make(map[entry]bool, len(j.known))
	j.appeared(unread, r.Unread, now)
	j.appeared(setAside, r.SetAside, now)
	j.appeared(warning, r.Warnings, now)
	j.appeared(note, r.Notes, now)
	j.resolved(now)
	if r.Generation != j.generation {
		j.log.Info("configuration applied", "generation", r.Generation, "summary", r.Summary())
	}
	j.known, j.generation, j.failure = now, r.Generation, r.Failure
}

func (j *journal) appeared(k kind, problems []lb.Problem, now map[entry]bool) {
	var fresh []lb.Problem
	more := 0
	for _, p := range problems {
		e := entry{k, p}
		e.problem.Origin.Line = 0
		if now[e] {
			continue
		}
		now[e] = true
		if j.known[e] {
			continue
		}
		if len(fresh) == mostLines {
			more++
			continue
		}
		fresh = append(fresh, p)
	}
	if j.locate != nil {
		fresh = j.locate(fresh)
	}
	for _, p := range fresh {
		j.line(k.level, k.text, p)
	}
	if more > 0 {
		j.log.Log(context.Background(), k.level, k.text+": more of them, see the admin API", "more", more)
	}
}

func (j *journal) resolved(now map[entry]bool) {
	var gone []entry
	for e := range j.known {
		if !now[e] && e.kind != note {
			gone = append(gone, e)
		}
	}
	slices.SortFunc(gone, func(a, b entry) int { return strings.Compare(a.problem.String(), b.problem.String()) })
	for _, e := range gone[:min(len(gone), mostLines)] {
		j.line(slog.LevelInfo, "resolved: "+e.kind.text, e.problem)
	}
	if more := len(gone) - mostLines; more > 0 {
		j.log.Info("resolved: more of them", "more", more)
	}
}

func (j *journal) line(level slog.Level, text string, p lb.Problem) {
	args := make([]any, 0, 6)
	if at := p.Origin.String(); at != "" {
		args = append(args, "at", at)
	}
	if p.Field != "" {
		args = append(args, "field", p.Field)
	}
	j.log.Log(context.Background(), level, text, append(args, "problem", p.Text)...)
}
