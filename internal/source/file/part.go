package file

import (
	"bytes"
	"crypto/sha256"
	"hash/fnv"
	"io/fs"
	"os"
	"time"

	"github.com/albatross-lb/albatross/internal/manifest"
)

// outline is what is kept of a file's content to tell a beginning of it.
type outline struct {
	size  int
	lines []uint32 // a hash of everything up to the end of each line
	ends  bool     // with a whole line
}

func outlineOf(data []byte) outline {
	o := outline{size: len(data), ends: bytes.HasSuffix(data, []byte("\n"))}
	sum := fnv.New32a()
	for line := range bytes.Lines(data) {
		sum.Write(line)
		if line[len(line)-1] == '\n' {
			o.lines = append(o.lines, sum.Sum32())
		}
	}
	return o
}

// beginsWith tells whether other is a beginning of the content, as far as its whole lines tell.
func (o outline) beginsWith(other outline) bool {
	last := len(other.lines) - 1
	return other.size == 0 || other.size < o.size && last >= 0 && last < len(o.lines) && o.lines[last] == other.lines[last]
}

// part is what was last seen of a file that is being written.
type part struct {
	sum   [sha256.Size]byte
	since time.Time
}

// quiet is how long the file has had the content that it has now.
func (p *part) quiet(sum [sha256.Size]byte, now time.Time) time.Duration {
	if p.since.IsZero() || p.sum != sum {
		p.sum, p.since = sum, now
	}
	return now.Sub(p.since)
}

// beingWritten tells whether what a file holds now is likely not all that it is going to hold: it
// is the same file, not another one renamed onto it, and it is empty or a beginning of what it was, has
// lost objects, or half its size, or ends within a line. Where it has been any of that before, all of it has to be there again.
func (f *manifestFile) beingWritten(info fs.FileInfo, data []byte, objects []manifest.Object) bool {
	if f.info == nil || len(f.objects) == 0 || !os.SameFile(f.info, info) {
		return false
	}
	now := outlineOf(data)
	return f.outline.beginsWith(now) || len(objects) < len(f.objects) || now.size < f.outline.size/2 ||
		f.outline.ends && !now.ends || !f.part.since.IsZero() && now.size < f.outline.size
}
