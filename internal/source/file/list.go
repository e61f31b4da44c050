package file

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/albatross-lb/albatross/internal/manifest"
	"github.com/albatross-lb/albatross/lb"
)

// maxDepth bounds how deep folders are looked into.
const maxDepth = 32

// listing is what a walk over the paths found.
type listing struct {
	files    []found
	problems []lb.Problem
	blocked  []string // folders that could not be read: what is in them is not known
}

// found is a file to read.
type found struct {
	path, shown string
	real        string // path without symbolic links, as notices name it
	info        fs.FileInfo
	named       bool       // it is one of the paths, and not found in a folder
	stream      bool       // it can be read but once
	render      *rendering // it is what a command prints; nil: it is not
	err         error      // why it cannot be read, with info nil
}

// unknown tells whether path is in a folder that could not be read.
func (l *listing) unknown(path string) bool {
	return slices.ContainsFunc(l.blocked, func(folder string) bool {
		return path == folder || strings.HasPrefix(path, folder+string(filepath.Separator))
	})
}

// walk is one walk over the paths.
type walk struct {
	listing
	watch   watcher
	seen    map[string]bool // real paths of folders, and paths of files
	folders int
	max     int

	projects []*project
	maxBytes int64
}

// noticed are the files that there were notices about, where all notices are about the
// content of files that the last walk found; ok is false where only a walk can tell.
func (s *Source) noticed(w watcher) (files []found, ok bool) {
	real, ok := w.changes()
	if !ok || s.inOrder == nil {
		return nil, false
	}
	return s.listed.again(real)
}

// again looks at files anew, given by their real paths; ok tells whether they are all
// files as before.
func (l *listing) again(real map[string]bool) (files []found, ok bool) {
	seen := map[string]bool{}
	for i := range l.files {
		f := &l.files[i]
		if !real[f.real] {
			continue
		}
		info, err := os.Stat(f.path)
		if err != nil || !info.Mode().IsRegular() || f.err != nil {
			return nil, false
		}
		f.info, seen[f.real] = info, true
		files = append(files, *f)
	}
	return files, len(seen) == len(real)
}

// list finds the files under the paths. Folders are watched before they are read, so
// that nothing is missed in between.
func (s *Source) list(w watcher) listing {
	k := walk{watch: w, seen: map[string]bool{}, max: s.MaxFiles, maxBytes: s.MaxFileBytes}
	w.begin()
	for _, r := range s.roots {
		k.root(r)
	}
	w.end()
	k.settleProjects(s.Render)
	slices.SortFunc(k.files, func(a, b found) int { return compareShown(a.shown, a.path, b.shown, b.path) })
	if len(k.files) > k.max {
		k.problem(k.files[k.max].shown, "there are %d files, and at most %d are read: this one and those behind it are not", len(k.files), k.max)
		k.files = k.files[:k.max]
	}
	return k.listing
}

func compareShown(aShown, aPath, bShown, bPath string) int {
	return cmp.Or(strings.Compare(aShown, bShown), strings.Compare(aPath, bPath))
}

func (k *walk) problem(shown, format string, args ...any) {
	k.problems = append(k.problems, lb.Problem{Origin: lb.Origin{File: shown}, Text: fmt.Sprintf(format, args...)})
}

func (k *walk) root(r *root) {
	if r.path == Stdin {
		k.file(found{path: r.path, shown: shownStdin, named: true, stream: true}, "")
		return
	}
	k.watchTarget("", r.path)
	info, err := os.Stat(r.path)
	switch {
	case err != nil && (r.folder || !errors.Is(err, fs.ErrNotExist)):
		k.problem(r.shown, "looking at the path: %v; what was read there before is still served", cause(err))
		k.blocked = append(k.blocked, r.path)
	case err != nil:
		k.problem(r.shown, "looking at the path: %v; nothing of it is served", cause(err))
	case info.IsDir():
		r.folder = true
		k.folder(r.path, realPath(r.path), r.shown, 0)
	default:
		r.folder = false
		k.file(found{path: r.path, shown: r.shown, info: info, named: true, stream: !info.Mode().IsRegular()}, realPath(r.path))
	}
}

// realPath is path without symbolic links, "" if it is gone.
func realPath(path string) string {
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return ""
	}
	return real
}

func (k *walk) folder(path, real, shown string, depth int) {
	if real == "" || k.seen[real] {
		return // gone again, or a link back to where we have been
	}
	k.seen[real] = true
	if k.folders++; depth > maxDepth || k.folders > k.max {
		k.problem(shown, "this folder is not read: it is more than %d folders deep, or there are more than %d folders", maxDepth, k.max)
		return
	}
	k.watch.folder(real)
	entries, err := os.ReadDir(path)
	if err != nil && !(depth > 0 && errors.Is(err, fs.ErrNotExist)) {
		k.problem(shown, "reading the folder: %v; what was read there before is still served", cause(err))
		k.blocked = append(k.blocked, path)
	}
	if charted(path, entries) {
		entries = k.chart(path, shown, entries)
	}
	for _, e := range entries {
		if manifest.IsKustomization(e.Name()) {
			k.kustomization(path, shown, e.Name())
		}
		if !strings.HasPrefix(e.Name(), ".") && e.Name() != "node_modules" {
			k.entry(entry{e, filepath.Join(path, e.Name()), filepath.Join(real, e.Name()), filepath.Join(shown, e.Name())}, depth)
		}
	}
}

// entry is one of a folder.
type entry struct {
	fs.DirEntry
	path, real, shown string // real: unless it is a link itself
}

func (k *walk) entry(e entry, depth int) {
	path, real, shown := e.path, e.real, e.shown
	isLink := e.Type()&fs.ModeSymlink != 0
	if !isLink && !e.IsDir() && !isManifest(path) {
		return
	}
	info, err := os.Stat(path)
	if isLink {
		k.watch.name(real)
	}
	if isLink && err == nil {
		real = realPath(path)
	}
	switch {
	case err != nil && errors.Is(err, fs.ErrNotExist) && !isLink:
		// gone since the folder was read
	case err != nil && isManifest(path):
		if target, err := os.Readlink(path); err == nil {
			k.watchTarget(path, target)
		}
		k.files = append(k.files, found{path: path, shown: shown, err: fmt.Errorf("reading the file: %w", cause(err))})
	case err != nil:
	case info.IsDir():
		k.folder(path, real, shown, depth+1)
	case isManifest(path):
		k.file(found{path: path, shown: shown, info: info}, real)
	}
}

// watchTarget watches for a name that need not exist yet: target, where link leads.
func (k *walk) watchTarget(link, target string) {
	if !filepath.IsAbs(target) {
		target = filepath.Join(filepath.Dir(link), target)
	}
	if folder, err := filepath.EvalSymlinks(filepath.Dir(target)); err == nil {
		k.watch.name(filepath.Join(folder, filepath.Base(target)))
	}
}

func (k *walk) file(f found, real string) {
	if k.seen[f.path] {
		return
	}
	k.seen[f.path] = true
	f.real = f.path
	if real != "" {
		f.real = real
		k.watch.name(real)
	}
	if !f.stream && !f.info.Mode().IsRegular() {
		f.info, f.err = nil, fmt.Errorf("this is no regular file and is not read")
	}
	k.files = append(k.files, f)
}

// isManifest tells by its name whether a file is to be read.
func isManifest(path string) bool {
	switch strings.ToLower(filepath.Ext(path)) {
	case ".yaml", ".yml", ".json":
		return true
	}
	return false
}

// cause is err without the path, which the Problem names already.
func cause(err error) error {
	var at *fs.PathError
	if errors.As(err, &at) {
		return at.Err
	}
	return err
}
