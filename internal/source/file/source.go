package file

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/albatross-lb/albatross/internal/control"
	"github.com/albatross-lb/albatross/internal/manifest"
	"github.com/albatross-lb/albatross/lb"
)

// Origin is the name of this source in updates.
const Origin = "file"

// Source reads and watches manifests. Its exported fields may be set before the
// first call of Load or Run, which are not to be called at the same time.
type Source struct {
	Log *slog.Logger

	// Stdin is what the path - is read from: os.Stdin unless it is set.
	Stdin io.Reader

	// Render has the manifests of Helm charts and kustomizations made by helm and kubectl. Else their owner is told to.
	Render bool

	// Reload has all files read again, whatever their times say, and the result applied again. nil: nobody asks.
	Reload <-chan os.Signal

	Quiet   time.Duration // read after no notice for so long
	Brief   time.Duration // and after so long where one file was replaced as a whole
	Ceiling time.Duration // read at the latest so long after the first notice
	Grace   time.Duration // how long what is gone from a file may reappear
	Rescan  time.Duration // walk the paths so often without a notice

	Patience time.Duration // how long a file that seems to be half written must be quiet to be taken as it is
	Absence  time.Duration // how long a file must be gone to be believed gone

	MaxFileBytes int64 // a larger file is not read
	MaxFiles     int   // files and folders beyond this number are not read

	streams sync.Map // what was read of those, by the names they are shown with: []byte

	build func([]manifest.Object) *lb.Config
	roots []*root
	files map[string]*manifestFile // by absolute path

	listed    listing           // by the last walk
	inOrder   []*manifestFile   // all files, by the names they are shown with; nil: the last walk waits for some
	served    []manifest.Object // what config was built of
	config    *lb.Config
	problems  []lb.Problem
	holdSince time.Time // since when something is waited for; zero: nothing is
}

// root is one of the paths given.
type root struct {
	shown  string // as given
	path   string // absolute
	folder bool   // what it was when last seen
}

// New makes a Source of folders and files. opts go to manifest.Build.
func New(paths []string, opts manifest.Options) *Source {
	return newSource(paths, manifest.NewTranslation(opts).Build)
}

func newSource(paths []string, build func([]manifest.Object) *lb.Config) *Source {
	s := &Source{
		Log:   slog.Default(),
		Quiet: 25 * time.Millisecond, Brief: 3 * time.Millisecond, Ceiling: 80 * time.Millisecond, Grace: 50 * time.Millisecond, Rescan: 2 * time.Second,
		Patience: 5 * time.Second, Absence: time.Second,
		MaxFileBytes: 16 << 20, MaxFiles: 10_000,
		build: build, files: map[string]*manifestFile{},
	}
	for _, p := range paths {
		if p == Stdin {
			s.roots = append(s.roots, &root{shown: shownStdin, path: Stdin})
			continue
		}
		path, err := filepath.Abs(p)
		if err != nil { // the working directory is gone
			path = p
		}
		s.roots = append(s.roots, &root{shown: p, path: path})
	}
	return s
}

// Objects are those that the last Load or Run has read. Not to be called while Run runs.
func (s *Source) Objects() []manifest.Object { return s.served }

// Load reads all files once. The error names a path that does not exist; everything
// else that is wrong is in the Update's Problems.
func (s *Source) Load() (control.Update, error) {
	if len(s.roots) == 0 {
		return control.Update{}, errors.New("reading manifests: no file or folder was named")
	}
	for _, r := range s.roots {
		if _, err := os.Stat(r.path); err != nil && r.path != Stdin {
			return control.Update{}, fmt.Errorf("reading manifests from %s: %w", r.shown, cause(err))
		}
	}
	s.refresh(nothing, time.Now(), true)
	return s.update(), nil
}

// Run sends everything that is there, and again after every change, until ctx is
// done. It returns an error only where a path does not exist that has never been read.
func (s *Source) Run(ctx context.Context, send func(control.Update)) error {
	if s.config == nil {
		if _, err := s.Load(); err != nil {
			return err
		}
	}
	w := newWatch(s.Log)
	defer w.close()
	s.refresh(w, time.Now(), true)
	send(s.update())

	timer := time.NewTimer(s.pause(w))
	defer timer.Stop()
	var notices debounce
	reload := false
	for {
		select {
		case <-ctx.Done():
			return nil
		case event, open := <-w.events():
			if !open {
				w.lost()
				timer.Reset(0)
			} else if w.concerns(event) {
				timer.Reset(time.Until(notices.add(time.Now(), s.quiet(w), s.Ceiling)))
			}
			continue
		case <-s.Reload:
			s.Log.Info("manifests are read again")
			reload = true
			w.dirtyAll()
			timer.Reset(0)
			continue
		case err := <-w.errors():
			s.Log.Warn("watching manifests: notices were lost, all files are read again", "error", err)
			w.dirtyAll()
			timer.Reset(time.Until(notices.add(time.Now(), s.Quiet, s.Ceiling)))
			continue
		case <-timer.C:
		}
		changed, wait := s.look(w, notices.last)
		notices = debounce{}
		if changed || reload && wait == 0 {
			u := s.update()
			u.Again, reload = reload, false
			send(u)
		}
		if wait == 0 {
			wait = s.pause(w)
		}
		timer.Reset(wait)
	}
}

// quiet is how long no notice must have come: long enough for whoever writes into a file
// to write on. What is renamed onto a file is written already.
func (s *Source) quiet(w *watch) time.Duration {
	if w.replaced() {
		return s.Brief
	}
	return s.Quiet
}

// debounce is when to look after a burst of notices.
type debounce struct{ first, last time.Time }

func (d *debounce) add(now time.Time, quiet, ceiling time.Duration) (at time.Time) {
	if d.first.IsZero() {
		d.first = now
	}
	d.last = now
	if at, latest := now.Add(quiet), d.first.Add(ceiling); at.Before(latest) {
		return at
	} else {
		return latest
	}
}

// blindPause is the pause between two walks where the system cannot notify.
const blindPause = 100 * time.Millisecond

func (s *Source) pause(w *watch) time.Duration {
	pause := s.Rescan
	if w.blind() {
		pause = min(pause, blindPause)
	}
	now := time.Now()
	for _, f := range s.files { // those that are waited for
		if !f.part.since.IsZero() {
			pause = min(pause, s.Patience-now.Sub(f.part.since))
		}
		if !f.goneSince.IsZero() {
			pause = min(pause, s.Absence-now.Sub(f.goneSince))
		}
	}
	return max(pause, time.Millisecond)
}

// look reads what has changed. While something is expected to reappear it sends
// nothing and asks to be called again after wait.
func (s *Source) look(w *watch, noticed time.Time) (changed bool, wait time.Duration) {
	now := time.Now()
	if noticed.IsZero() {
		noticed = now
	}
	if s.holdSince.IsZero() {
		s.holdSince = noticed
	}
	changed, waiting := s.refresh(w, noticed, now.Sub(s.holdSince) >= 2*s.Grace)
	if waiting {
		return false, max(s.Grace/4, time.Millisecond)
	}
	s.holdSince = time.Time{}
	return changed, 0
}

// refresh looks at what was noticed, or walks the paths, reads what is new and builds.
// final: nothing is waited for any more.
func (s *Source) refresh(w watcher, noticed time.Time, final bool) (changed, waiting bool) {
	if files, ok := s.noticed(w); ok {
		waiting = !s.readAll(files, w, final)
	} else {
		waiting = s.walk(w, noticed, final)
	}
	if waiting {
		return false, true
	}
	w.clean()
	problems := slices.Clone(s.listed.problems)
	objects := make([]manifest.Object, 0, len(s.served))
	same := true
	for _, file := range s.inOrder {
		same = same && !file.changed
		file.changed = false
		objects = append(objects, file.objects...)
		problems = append(problems, file.problems...)
	}
	same = same && len(objects) == len(s.served) && s.config != nil
	if !same {
		s.served = objects
		if p := s.rebuild(objects); p != nil {
			problems = append(problems, *p)
		}
	}
	changed = !same || !slices.Equal(problems, s.problems)
	s.problems = problems
	return changed, false
}

// walk reads what is new under the paths, and tells whether something is waited for.
func (s *Source) walk(w watcher, noticed time.Time, final bool) (waiting bool) {
	s.listed, s.inOrder = s.list(w), nil
	for _, f := range s.listed.files {
		if s.files[f.path] == nil {
			s.files[f.path] = &manifestFile{shown: f.shown}
		}
		s.files[f.path].goneSince = time.Time{}
	}
	waiting = !s.readAll(s.listed.files, w, final)
	waiting = s.forget(s.listed, noticed, final) || waiting
	if !waiting {
		s.inOrder = s.sorted()
	}
	return waiting
}

// sorted are all files by the names they are shown with.
func (s *Source) sorted() []*manifestFile {
	paths := slices.SortedFunc(maps.Keys(s.files), func(a, b string) int { return compareShown(s.files[a].shown, a, s.files[b].shown, b) })
	files := make([]*manifestFile, 0, len(paths))
	for _, p := range paths {
		files = append(files, s.files[p])
	}
	return files
}

// rebuild makes config of objects. A panic leaves the one before.
func (s *Source) rebuild(objects []manifest.Object) (problem *lb.Problem) {
	defer func() {
		if p := recover(); p != nil {
			s.Log.Error("building the configuration of the manifests: panic", "panic", p, "stack", string(debug.Stack()))
			problem = &lb.Problem{Text: fmt.Sprintf("building the configuration of the manifests: panic: %v; what was served before stays", p)}
		}
	}()
	s.config = s.build(objects)
	return nil
}

func (s *Source) update() control.Update {
	return control.Update{Origin: Origin, Config: s.config, Problems: s.problems, Objects: len(s.served)}
}
