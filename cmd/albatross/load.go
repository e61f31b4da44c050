package main

import (
	"fmt"
	"io"
	"sort"

	"github.com/albatross-lb/albatross/internal/control"
	"github.com/albatross-lb/albatross/internal/manifest"
	"github.com/albatross-lb/albatross/internal/source/file"
	"github.com/albatross-lb/albatross/lb"
)

// paths are the manifests of a command, and how they are read.
type paths struct {
	Paths       []string `arg:"" name:"path" help:"Files and folders of Kubernetes manifests (*.yaml, *.yml, *.json)."`
	ClusterName string   `default:"albatross" help:"Part of every generated name."`
}

func (p *paths) options() manifest.Options { return manifest.Options{ClusterName: p.ClusterName} }

func (p *paths) source() *file.Source { return file.New(p.Paths, p.options()) }

// load reads the manifests once.
func (p *paths) load() (control.Update, error) { return p.source().Load() }

// printProblems writes each problem on a line of its own, in a stable order.
func printProblems(w io.Writer, word string, problems []lb.Problem) {
	lines := make([]string, len(problems))
	for i, p := range problems {
		lines[i] = p.String()
	}
	sort.Strings(lines)
	for _, line := range lines {
		fmt.Fprintf(w, "%s: %s\n", word, line)
	}
}
