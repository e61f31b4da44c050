package file

import (
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/fsnotify/fsnotify"
)

// watcher is told by a walk what to watch, and says what was noticed. All paths are
// real ones, without symbolic links: the system gives one name to each folder.
type watcher interface {
	begin()
	folder(path string) // watch everything in a folder
	name(path string)   // watch one file or link, wherever it is
	end()               // unwatch what was not named since begin

	dirty(real string) bool // a notice about this file has come since clean
	// changes are the files that there were notices about since clean. ok is false
	// where there were none, and where there were others: then only a walk can tell.
	changes() (real map[string]bool, ok bool)
	clean()
}

// nothing is watched by Load.
var nothing watcher = unwatched{}

type unwatched struct{}

func (unwatched) begin()            {}
func (unwatched) folder(string)     {}
func (unwatched) name(string)       {}
func (unwatched) end()              {}
func (unwatched) dirty(string) bool { return false }
func (unwatched) clean()            {}

func (unwatched) changes() (map[string]bool, bool) { return nil, false }

// watch asks the system for notices. A name is watched through its folder, so that
// its replacement by a rename is seen.
type watch struct {
	log    *slog.Logger
	system *fsnotify.Watcher // nil: there are no notices
	failed bool              // some folder of the last walk is not watched
	told   bool              // and that has been logged

	folders map[string]bool // watched folders; true: for everything in them
	before  map[string]bool // folders at the last walk
	names   map[string]bool // names watched one by one
	changed map[string]bool // names noticed since clean
	all     bool            // any file may have changed
	others  bool            // noticed since clean: something beside files that were written
	inPlace bool            // noticed since clean: something beside files that were renamed onto known ones
	moved   string          // what the last notice said to have been renamed; "": it said something else
}

func newWatch(log *slog.Logger) *watch {
	w := &watch{log: log, changed: map[string]bool{}}
	system, err := fsnotify.NewWatcher()
	if err != nil {
		log.Warn("watching manifests: the system gives no notices, the files are looked at instead", "error", err, "every", blindPause)
		return w
	}
	w.system = system
	return w
}

func (w *watch) close() {
	if w.system != nil {
		w.system.Close()
	}
}

func (w *watch) events() <-chan fsnotify.Event {
	if w.system == nil {
		return nil
	}
	return w.system.Events
}

func (w *watch) errors() <-chan error {
	if w.system == nil {
		return nil
	}
	return w.system.Errors
}

// lost is for notices that have ended for good.
func (w *watch) lost() {
	w.log.Warn("watching manifests: the notices have ended, the files are looked at instead", "every", blindPause)
	w.system.Close()
	w.system, w.all = nil, true
}

// blind tells whether changes may go unnoticed.
func (w *watch) blind() bool { return w.system == nil || w.failed }

func (w *watch) begin() {
	w.before, w.folders, w.names = w.folders, map[string]bool{}, map[string]bool{}
	w.failed = false
}

func (w *watch) folder(path string) {
	w.add(path)
	w.folders[path] = true
}

func (w *watch) name(path string) {
	w.names[path] = true
	if folder := filepath.Dir(path); !w.folders[folder] {
		w.add(folder)
		w.folders[folder] = false
	}
}

// add is asked for on every walk, since a folder may have been replaced by another
// of the same name; for the same one the system does nothing.
func (w *watch) add(folder string) {
	if w.system == nil {
		return
	}
	err := w.system.Add(folder)
	if err == nil {
		return
	}
	w.failed = true
	if !w.told && !errors.Is(err, fs.ErrNotExist) {
		w.told = true
		w.log.Warn("watching manifests: a folder cannot be watched, the files are looked at instead", "folder", folder, "error", err, "every", blindPause)
	}
}

func (w *watch) end() {
	if w.system == nil {
		return
	}
	for folder := range w.before {
		if _, still := w.folders[folder]; !still {
			w.system.Remove(folder) // an error means that the system has dropped it already
		}
	}
}

// concerns tells whether a notice is a reason to look, and remembers its file.
func (w *watch) concerns(e fsnotify.Event) bool {
	onto := e.Op == fsnotify.Create && w.moved != "" && w.moved != e.Name // the two notices of a rename follow each other
	if w.moved = ""; e.Has(fsnotify.Rename) {
		w.moved = e.Name
	}
	base := filepath.Base(e.Name)
	_, isFolder := w.folders[e.Name]
	switch {
	case w.names[e.Name], isFolder:
	case strings.HasPrefix(base, "..") && e.Has(fsnotify.Create|fsnotify.Rename|fsnotify.Remove):
		// the link of a ConfigMap mount is swapped
	case !w.folders[filepath.Dir(e.Name)]:
		return false
	case strings.HasPrefix(base, "."):
		return false // an editor's own file
	case isManifest(e.Name):
	case !e.Has(fsnotify.Create) || isPlain(e.Name):
		return false // a file of another kind: many write one, and then rename it
	}
	if isManifest(e.Name) || w.names[e.Name] {
		w.changed[e.Name] = true
	}
	if !w.names[e.Name] || e.Has(fsnotify.Remove|fsnotify.Rename) {
		w.others = true
	}
	w.inPlace = w.inPlace || !onto
	return true
}

// replaced tells whether all that happened since clean is that something was renamed onto
// one known file. The writer of several may not be done.
func (w *watch) replaced() bool {
	_, known := w.changes()
	return known && len(w.changed) == 1 && !w.inPlace
}

// isPlain tells whether there is neither a folder nor a link of this name.
func isPlain(name string) bool {
	info, err := os.Lstat(name)
	return err != nil || info.Mode().IsRegular()
}

func (w *watch) dirtyAll() { w.all = true }

func (w *watch) dirty(path string) bool { return w.all || w.changed[path] }

func (w *watch) changes() (map[string]bool, bool) {
	return w.changed, len(w.changed) > 0 && !w.all && !w.others
}

func (w *watch) clean() {
	w.changed, w.all, w.others, w.inPlace = map[string]bool{}, false, false, false
}
