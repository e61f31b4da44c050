package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/albatross-lb/albatross/internal/http1"
)

type classifyCommand struct {
	File string `arg:"" optional:"" complete:"files" help:"A file with one raw request; - or none: standard input."`
}

// maxRaw bounds the request that is read: more than any head may have.
const maxRaw = 1 << 20

// Run prints "Tier Reason", "Compliant" alone for a request without a flaw.
func (c *classifyCommand) Run(s *streams) error {
	in := s.in
	if c.File != "" && c.File != "-" {
		f, err := os.Open(c.File)
		if err != nil {
			return fmt.Errorf("reading the request: %w", err)
		}
		defer f.Close()
		in = f
	}
	raw, err := io.ReadAll(io.LimitReader(in, maxRaw))
	if err != nil {
		return fmt.Errorf("reading the request: %w", err)
	}
	if len(raw) == 0 {
		return errors.New("reading the request: it is empty; give a file or pipe one raw HTTP/1.1 request in")
	}
	class := http1.ClassifyRaw(raw)
	if class.Tier == http1.Compliant {
		fmt.Fprintln(s.out, class.Tier)
		return nil
	}
	fmt.Fprintln(s.out, class.Tier, class.Reason)
	return nil
}
