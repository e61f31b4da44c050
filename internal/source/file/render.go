package file

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"time"

	"github.com/albatross-lb/albatross/internal/manifest"
	"github.com/albatross-lb/albatross/lb"
)

// rendering is a command that prints manifests, and what its files looked like.
type rendering struct {
	command []string
	state   [sha256.Size]byte
}

// Bounds of a command: its time, and what is kept of its complaints.
const (
	renderTime  = time.Minute
	mostComment = 2000
)

// stateOf is a sum over names, sizes and times of the files below the paths.
func stateOf(paths []string) (sum [sha256.Size]byte) {
	h := sha256.New()
	count := 0
	for _, path := range paths {
		filepath.WalkDir(path, func(path string, e fs.DirEntry, err error) error {
			if count++; count > 10_000 {
				return filepath.SkipAll
			}
			if err != nil || e.IsDir() {
				return nil
			}
			if info, err := e.Info(); err == nil {
				fmt.Fprintf(h, "%q %d %d\n", path, info.Size(), info.ModTime().UnixNano())
			}
			return nil
		})
	}
	h.Sum(sum[:0])
	return sum
}

// readRendered runs a project's command where its files have changed. One that fails leaves what was
// served.
func (s *Source) readRendered(f *manifestFile, r *rendering) {
	if !f.read.IsZero() && r.state == f.sum {
		return
	}
	f.read, f.sum = time.Now(), r.state
	data, err := render(r.command, s.MaxFileBytes)
	if err != nil {
		f.problems = []lb.Problem{unread(f, err)}
		return
	}
	objects, problems := s.parse(f.shown, data, manifest.Parse)
	if len(objects)+len(problems) == 0 {
		problems = []lb.Problem{unread(f, errors.New("there is nothing in it"))}
	}
	f.problems = problems
	if len(problems) == 0 || !f.good {
		f.changed = f.changed || !reflect.DeepEqual(objects, f.objects)
		f.objects, f.good = objects, len(problems) == 0
	}
	s.streams.Store(f.shown, data)
}

// render runs a command and gives what it prints, of at most max bytes.
func render(command []string, max int64) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), renderTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.WaitDelay = time.Second
	out, comment := &bounded{max: max}, &bounded{max: mostComment}
	cmd.Stdout, cmd.Stderr = out, comment
	err := cmd.Run()
	switch {
	case errors.Is(err, exec.ErrNotFound):
		return nil, fmt.Errorf("rendering: there is no %s here; install it, or render elsewhere and give what comes of it", command[0])
	case ctx.Err() != nil:
		return nil, fmt.Errorf("rendering: %s has not ended within %v", command[0], renderTime)
	case out.over:
		return nil, fmt.Errorf("rendering: what %s prints is larger than %d bytes", command[0], max)
	case err != nil:
		return nil, fmt.Errorf("rendering: %s: %w: %s", command[0], err, strings.TrimSpace(comment.kept.String()))
	}
	return out.kept.Bytes(), nil
}

// bounded keeps the first bytes that are written to it.
type bounded struct {
	kept bytes.Buffer // not embedded: io.Copy would read into it by itself
	max  int64
	over bool
}

func (b *bounded) Write(p []byte) (int, error) {
	room := min(len(p), int(b.max)-b.kept.Len())
	b.over = b.over || room < len(p)
	b.kept.Write(p[:room])
	return len(p), nil
}
