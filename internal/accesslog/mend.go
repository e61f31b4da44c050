package accesslog

import (
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// errClosing stops the mending when the store is closed; the next start goes on with it.
var errClosing = errors.New("the store is being closed")

// mend finishes the .part files that a crash has left behind, wherever they are
// below the log folder.
func (s *Store) mend() {
	err := filepath.WalkDir(s.opts.Dir, func(path string, entry fs.DirEntry, err error) error {
		if s.closing.Load() {
			return errClosing
		}
		if err != nil || !entry.Type().IsRegular() || !isPart(entry.Name()) || s.parts.has(path) {
			return nil // a folder that cannot be read is not ours to mend
		}
		if err := s.mendFile(path); err != nil && !errors.Is(err, errClosing) {
			s.opts.Report(fmt.Errorf("finishing log file %s of an earlier run: %w", path, err))
		}
		return nil
	})
	if err != nil && !errors.Is(err, errClosing) {
		s.opts.Report(fmt.Errorf("looking for unfinished log files: %w", err))
	}
}

// mendFile cuts a torn member off a .part and gives the file its name; one without
// a whole member is removed.
func (s *Store) mendFile(path string) error {
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer file.Close()
	good, err := s.wholeMembers(file)
	if err != nil {
		return err
	}
	if good == 0 {
		return os.Remove(path)
	}
	if err := file.Truncate(good); err != nil {
		return err
	}
	return os.Rename(path, finishedPath(path))
}

// wholeMembers is the length of the run of whole gzip members that a file begins with.
func (s *Store) wholeMembers(file io.Reader) (int64, error) {
	in := &counter{in: bufio.NewReaderSize(file, 64<<10)}
	var good int64
	unpack, err := gzip.NewReader(in)
	for ; err == nil; err = unpack.Reset(in) {
		unpack.Multistream(false)
		if _, err := io.Copy(io.Discard, unpack); err != nil {
			break
		}
		good = in.n
		if s.closing.Load() {
			return 0, errClosing
		}
	}
	return good, in.failed
}

// counter counts the bytes that were taken out of in. It is an io.ByteReader, which
// keeps the decompressor from reading beyond the end of a member.
type counter struct {
	in     *bufio.Reader
	n      int64
	failed error // other than the end of the file
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.in.Read(p)
	c.count(n, err)
	return n, err
}

func (c *counter) ReadByte() (byte, error) {
	b, err := c.in.ReadByte()
	if err == nil {
		c.n++
	}
	c.count(0, err)
	return b, err
}

func (c *counter) count(n int, err error) {
	c.n += int64(n)
	if err != nil && err != io.EOF {
		c.failed = err
	}
}
