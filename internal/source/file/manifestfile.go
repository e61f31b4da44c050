package file

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"reflect"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/albatross-lb/albatross/internal/manifest"
	"github.com/albatross-lb/albatross/lb"
)

// manifestFile is one file and what is served of it.
type manifestFile struct {
	shown string

	info fs.FileInfo // when it was last read
	read time.Time
	sum  [sha256.Size]byte

	objects  []manifest.Object
	good     bool // objects are a whole file's, all of it parsed
	problems []lb.Problem
	changed  bool // objects are others than those built last

	goneSince time.Time // when it was first missed; zero: it is there
	outline   outline   // of the content that was read
	part      part      // of the file, while it is being written
}

// freshFor is how long after a change the times of a file cannot tell whether there
// was another one: the clock of a file system ticks coarsely, up to 2 s on FAT.
const freshFor = 2 * time.Second

// looksTheSame tells whether the file can be taken as read without reading it again.
func (f *manifestFile) looksTheSame(info fs.FileInfo) bool {
	return f.info != nil && os.SameFile(f.info, info) && f.info.Size() == info.Size() && f.info.Mode() == info.Mode() &&
		f.info.ModTime().Equal(info.ModTime()) && f.read.Sub(info.ModTime()) > freshFor
}

// readAll brings all files up to what is on disk, several at a time. It returns false
// where one seems to be in the middle of being written.
func (s *Source) readAll(files []found, w watcher, final bool) bool {
	var next, unsettled atomic.Int64
	var readers sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), 1+len(files)/100) {
		readers.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(files)); i = next.Add(1) - 1 {
				f := files[i]
				if !s.read(s.files[f.path], f, w.dirty(f.real), final) {
					unsettled.Add(1)
				}
			}
		})
	}
	readers.Wait()
	return unsettled.Load() == 0
}

// read brings f up to what is on disk. It returns false where the file seems to be in
// the middle of being written; then f is as before.
func (s *Source) read(f *manifestFile, at found, dirty, final bool) bool {
	if at.err != nil {
		f.info, f.problems = nil, []lb.Problem{unread(f, at.err)}
		return true
	}
	if at.render != nil {
		s.readRendered(f, at.render)
		return true
	}
	if at.stream {
		s.readStream(f, at.path)
		return true
	}
	if !dirty && f.looksTheSame(at.info) {
		return true
	}
	now := time.Now()
	data, info, err := readBounded(at.path, s.MaxFileBytes)
	if errors.Is(err, fs.ErrNotExist) { // gone since the walk: the next one tells whether for good
		if final {
			f.info, f.problems = nil, nil
		}
		return final
	}
	if err != nil {
		f.info, f.problems = nil, []lb.Problem{unread(f, err)}
		return true
	}
	sum := sha256.Sum256(data)
	if f.info != nil && sum == f.sum {
		f.info, f.read, f.part = info, now, part{}
		return true
	}
	parse := manifest.ParseAny
	if at.named || slices.ContainsFunc(f.objects, manifest.Object.Known) { // broken, it is a manifest still
		parse = manifest.Parse
	}
	objects, problems := s.parse(f.shown, data, parse)
	if !final && now.Sub(info.ModTime()) < s.settling(f, objects) {
		return false
	}
	if f.beingWritten(info, data, objects) && f.part.quiet(sum, now) < s.Patience {
		return true
	}
	f.info, f.read, f.sum, f.problems = info, now, sum, problems
	f.outline, f.part = outlineOf(data), part{}
	if len(problems) == 0 || !f.good {
		f.changed = f.changed || !reflect.DeepEqual(objects, f.objects)
		f.objects, f.good = objects, len(problems) == 0
	}
	return true
}

// settling is how long the file must have been quiet for its new objects to be taken.
func (s *Source) settling(f *manifestFile, objects []manifest.Object) time.Duration {
	if len(objects) < len(f.objects) {
		return s.Grace
	}
	return 0
}

func unread(f *manifestFile, err error) lb.Problem {
	text := err.Error()
	if len(f.objects) > 0 {
		text += "; what was read there before is still served"
	}
	return lb.Problem{Origin: lb.Origin{File: f.shown}, Text: text}
}

// readBounded reads a regular file of at most max bytes.
func readBounded(path string, max int64) ([]byte, fs.FileInfo, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, nil, fmt.Errorf("reading the file: %w", cause(err))
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, nil, fmt.Errorf("reading the file: %w", cause(err))
	}
	data, err := readAtMost(file, max)
	return data, info, err
}

func readAtMost(r io.Reader, max int64) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, max+1))
	if err != nil {
		return nil, fmt.Errorf("reading the file: %w", cause(err))
	}
	if int64(len(data)) > max {
		return nil, fmt.Errorf("the file is larger than %d bytes and is not read; split it", max)
	}
	return data, nil
}

// parse keeps a panic on odd input from ending the process.
func (s *Source) parse(shown string, data []byte, parse func(string, []byte) ([]manifest.Object, []lb.Problem)) (objects []manifest.Object, problems []lb.Problem) {
	defer func() {
		if p := recover(); p != nil {
			s.Log.Error("parsing a manifest: panic", "file", shown, "panic", p, "stack", string(debug.Stack()))
			objects, problems = nil, []lb.Problem{{Origin: lb.Origin{File: shown}, Text: fmt.Sprintf("parsing the file: panic: %v", p)}}
		}
	}()
	return parse(shown, data)
}

// forget drops the files that are not there any more, and tells whether it waits for
// one to reappear.
func (s *Source) forget(list listing, noticed time.Time, final bool) (waiting bool) {
	there := make(map[string]bool, len(list.files))
	for _, f := range list.files {
		there[f.path] = true
	}
	for path, f := range s.files {
		if there[path] || list.unknown(path) {
			continue
		}
		if f.goneSince.IsZero() {
			f.goneSince = noticed
		}
		switch gone := time.Since(f.goneSince); {
		case len(f.objects) == 0:
		case !final && gone < s.Grace:
			waiting = true
			continue
		case gone < s.Absence && !s.elsewhere(f, there):
			continue
		}
		delete(s.files, path)
	}
	return waiting
}

// elsewhere tells whether all objects of a file that is gone are in others that are there:
// then it was renamed.
func (s *Source) elsewhere(gone *manifestFile, there map[string]bool) bool {
	missing := map[lb.Origin]bool{}
	for _, o := range gone.objects {
		missing[identity(o)] = true
	}
	for path := range there {
		if f := s.files[path]; f != nil {
			for _, o := range f.objects {
				delete(missing, identity(o))
			}
		}
	}
	return len(missing) == 0
}

// identity is what tells an object from others, wherever it is written.
func identity(o manifest.Object) lb.Origin {
	return lb.Origin{Kind: o.Origin.Kind, Namespace: o.Origin.Namespace, Name: o.Origin.Name}
}
