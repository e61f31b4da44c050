package accesslog

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math"
	"os"
	"path"
	"regexp"
	"slices"
	"time"
)

// Looking through the folder is done once a minute, or less often where it takes so long
// that it would cost more than one percent of a core.
const (
	lookEvery   = time.Minute
	lookPortion = 100
)

// Kept is what the log folder held when it was last looked through: finished files and those
// that are being written, and nothing that others have put there.
type Kept struct {
	Files   int
	Bytes   int64
	Deleted uint64 // files deleted since the store was opened, for their age or their size
}

// Kept tells how much is kept. It is at most a minute old, or a little more with very many files.
func (s *Store) Kept() Kept {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.kept
}

// keep looks through the folder again and again until Close, and deletes what is too old or
// too much.
func (s *Store) keep() {
	for {
		began := time.Now()
		if err := s.look(began); err != nil && !errors.Is(err, errClosing) {
			s.opts.Report(fmt.Errorf("looking after old log files: %w", err))
		}
		pause := time.NewTimer(max(lookEvery, lookPortion*time.Since(began)))
		select {
		case <-s.ending:
			pause.Stop()
			return
		case <-pause.C:
		}
	}
}

// look goes through the folder once to see what there is and, where something has to go,
// once more to delete it. It works inside an os.Root: whatever is put into the folder
// meanwhile, nothing outside of it can be reached.
func (s *Store) look(now time.Time) error {
	root, err := os.OpenRoot(s.opts.Dir)
	if err != nil {
		return err
	}
	defer root.Close()
	var found Kept
	sizes := map[int64]int64{} // bytes of finished files, by the end of the time they cover
	err = s.walk(root, func(f logFile) error {
		found.Files++
		found.Bytes += f.size
		if f.finished {
			sizes[f.end] += f.size
		}
		return nil
	})
	if p := s.opts.plan(sizes, found.Bytes, now); err == nil && p.amount > 0 {
		err = s.carryOut(root, p, &found)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	found.Deleted += s.kept.Deleted
	s.kept = found
	return err
}

// plan is what has to go: all files that end before a time, and of those that end at it as
// many as have that amount of bytes together. The zero plan: nothing.
type plan struct {
	until  int64 // seconds since 1970
	amount int64
}

// plan takes the oldest files first.
func (o *Options) plan(sizes map[int64]int64, total int64, now time.Time) (p plan) {
	for _, end := range slices.Sorted(maps.Keys(sizes)) {
		switch {
		case o.MaxAge > 0 && now.Sub(time.Unix(end, 0)) > o.MaxAge:
			p = plan{end, math.MaxInt64}
		case o.MaxSize > 0 && total > o.MaxSize:
			p = plan{end, total - o.MaxSize}
		default:
			return p
		}
		total -= sizes[end]
	}
	return p
}

// carryOut deletes files. What could not be deleted is still there for the next time.
func (s *Store) carryOut(root *os.Root, p plan, found *Kept) error {
	var trouble error
	err := s.walk(root, func(f logFile) error {
		if !f.finished || f.end > p.until || f.end == p.until && p.amount <= 0 {
			return nil
		}
		if err := root.Remove(f.path); err != nil {
			trouble = err
			return nil
		}
		if f.end == p.until {
			p.amount -= f.size
		}
		found.Files--
		found.Bytes -= f.size
		found.Deleted++
		s.removeEmpty(root, path.Dir(f.path))
		return nil
	})
	return errors.Join(err, trouble)
}

// removeEmpty removes the folder of a day, and those of its month and year, once they are empty.
func (s *Store) removeEmpty(root *os.Root, folder string) {
	s.folders.Lock()
	defer s.folders.Unlock()
	for range 3 {
		if root.Remove(folder) != nil {
			return // there is more in it
		}
		folder = path.Dir(folder)
	}
}

// logFile is a file that a Store has written or is writing.
type logFile struct {
	path     string // below the folder, with slashes
	size     int64
	finished bool
	end      int64 // of the time that a finished file covers, in seconds since 1970
}

// fileName is what the names of finished files look like: in front of the random text the
// address of the node, which network load balancers leave out, and the end of their time.
var fileName = regexp.MustCompile(`^[^.].*_elasticloadbalancing_.*_(\d{8}T\d{4}Z)_(?:[^_]*_)?[a-z0-9]{8}\.log\.gz$`)

// walk visits the files that are ours: regular ones by a name of ours. Links are neither
// visited nor followed.
func (s *Store) walk(root *os.Root, visit func(logFile) error) error {
	return fs.WalkDir(root.FS(), ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case s.closing.Load():
			return errClosing
		case err != nil && name == ".":
			return err
		case err != nil || !entry.Type().IsRegular():
			return nil // a folder that cannot be read, or has just been removed, is not ours
		}
		f := logFile{path: name}
		if match := fileName.FindStringSubmatch(entry.Name()); match != nil {
			end, err := time.Parse("20060102T1504Z", match[1])
			if err != nil {
				return nil
			}
			f.finished, f.end = true, end.Unix()
		} else if !isPart(entry.Name()) {
			return nil
		}
		info, err := entry.Info()
		if err != nil {
			return nil // finished under another name meanwhile
		}
		f.size = info.Size()
		return visit(f)
	})
}
