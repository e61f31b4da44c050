package file

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/albatross-lb/albatross/internal/manifest"
	"github.com/albatross-lb/albatross/lb"
)

// Stdin is the path that stands for standard input, as everywhere.
const Stdin = "-"

// shownStdin is what it is called in messages.
const shownStdin = "<stdin>"

// readStream reads what can be read but once: standard input, a pipe, a device. What was read stays
// for whoever wants to know the lines of it.
func (s *Source) readStream(f *manifestFile, path string) {
	if !f.read.IsZero() {
		return
	}
	f.read = time.Now()
	data, err := s.streamOf(path)
	if err != nil {
		f.problems = []lb.Problem{unread(f, err)}
		return
	}
	f.objects, f.problems = s.parse(f.shown, data, manifest.Parse)
	f.changed = true
	if len(f.objects)+len(f.problems) == 0 {
		f.problems = []lb.Problem{{Origin: lb.Origin{File: f.shown}, Text: "there is nothing in it; whatever should write it there may have failed"}}
	}
	s.streams.Store(f.shown, data)
}

func (s *Source) streamOf(path string) ([]byte, error) {
	var in io.Reader = s.Stdin
	if path != Stdin {
		file, err := os.Open(path)
		if err != nil {
			return nil, fmt.Errorf("reading the file: %w", cause(err))
		}
		defer file.Close()
		in = file
	}
	return readAtMost(in, s.MaxFileBytes)
}

// ReadFile gives the content of a file by the name that problems have it by. That of
// standard input and pipes is what was read there. It may be called at any time.
func (s *Source) ReadFile(shown string) ([]byte, error) {
	if data, ok := s.streams.Load(shown); ok {
		return data.([]byte), nil
	}
	return os.ReadFile(shown)
}
