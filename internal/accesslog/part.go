package accesslog

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// maxPart is the size at which a file is finished before its time, as ALB too
// gives a busy load balancer several files for the same five minutes.
const maxPart = 512 << 20

// part is a file that is still being written.
type part struct {
	to   *destination
	file *os.File
	path string    // its name once it is finished
	end  time.Time // when that is
	size int64     // bytes of whole members
}

const hidden, unfinished = ".", ".log.gz.part"

// partPath is the name that path has until it is finished.
func partPath(path string) string {
	return filepath.Join(filepath.Dir(path), hidden+filepath.Base(path)+".part")
}

// finishedPath is partPath's inverse.
func finishedPath(partPath string) string {
	name := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(partPath), hidden), ".part")
	return filepath.Join(filepath.Dir(partPath), name)
}

func isPart(name string) bool {
	return strings.HasPrefix(name, hidden) && strings.HasSuffix(name, unfinished)
}

// append compresses a chunk into a gzip member and appends it to the log's file,
// beginning one if there is none for this time and place.
func (s *Store) append(l *Log, to *destination, c *chunk, now time.Time) error {
	if p := l.part; p != nil && (!now.Before(p.end) || *p.to != *to || p.size >= maxPart) {
		s.finish(l)
	}
	if l.part == nil {
		p, err := s.begin(to, now)
		if err != nil {
			return err
		}
		l.part = p
	}
	return l.part.write(s.packer.pack(c.text))
}

// begin opens the file for the time that now is in.
func (s *Store) begin(to *destination, now time.Time) (*part, error) {
	end := now.Truncate(s.opts.Rotate).Add(s.opts.Rotate)
	p := &part{to: to, path: to.path(end, randomText()), end: end}
	s.folders.Lock()
	defer s.folders.Unlock()
	if err := os.MkdirAll(filepath.Dir(p.path), 0o750); err != nil {
		return nil, fmt.Errorf("making a folder for log files: %w", err)
	}
	name := partPath(p.path)
	s.parts.add(name)
	file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o640)
	if err != nil {
		s.parts.remove(name)
		return nil, fmt.Errorf("beginning a log file: %w", err)
	}
	p.file = file
	return p, nil
}

// write appends one whole member. What an error leaves of it is cut off again, so
// that the file stays whole.
func (p *part) write(member []byte) error {
	_, err := p.file.WriteAt(member, p.size)
	if err != nil {
		p.file.Truncate(p.size)
		return fmt.Errorf("writing a log file: %w", err)
	}
	p.size += int64(len(member))
	return nil
}

// finish closes the log's file and gives it its name.
func (s *Store) finish(l *Log) {
	p := l.part
	l.part = nil
	name := partPath(p.path)
	defer s.parts.remove(name)
	err := p.file.Close()
	if p.size == 0 {
		os.Remove(name)
	} else if renameErr := os.Rename(name, p.path); renameErr != nil {
		err = renameErr
	}
	if err != nil {
		s.report("finish", fmt.Errorf("finishing a log file: %w", err))
	}
}

// randomText is the end of a file's name: eight letters and digits, as in ALB's.
func randomText() string {
	const letters = "abcdefghijklmnopqrstuvwxyz0123456789"
	var text [8]byte
	for i := range text {
		text[i] = letters[rand.IntN(len(letters))]
	}
	return string(text[:])
}

// liveParts are the .part files that this process is writing: not to be mended.
type liveParts struct {
	mu    sync.Mutex
	names map[string]bool
}

func (p *liveParts) add(name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.names == nil {
		p.names = map[string]bool{}
	}
	p.names[name] = true
}

func (p *liveParts) remove(name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.names, name)
}

func (p *liveParts) has(name string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.names[name]
}
