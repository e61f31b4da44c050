package main

import (
	"fmt"
	"io"
	"os"

	"github.com/albatross-lb/albatross/internal/control"
	"github.com/albatross-lb/albatross/internal/manifest"
	"github.com/albatross-lb/albatross/internal/source/file"
)

// paths are the manifests of a command, and how they are read.
type paths struct {
	Paths       []string `arg:"" name:"path" complete:"files" help:"Files and folders of Kubernetes manifests (*.yaml, *.yml, *.json); - is standard input."`
	Render      bool     `help:"Read what helm template and kubectl kustomize make of charts and kustomizations under PATH; both are run here."`
	ClusterName string   `default:"albatross" help:"Part of every generated name."`
	Inventory   string   `type:"existingfile" placeholder:"FILE" help:"JSON or YAML of certificates, trust stores, web ACLs and groups known by name (docs/manifests.md)."`
}

// source gives the door that these manifests come in by.
func (p *paths) source() (*file.Source, error) {
	options := manifest.Options{ClusterName: p.ClusterName, LocalTargets: true}
	if p.Inventory != "" {
		data, err := os.ReadFile(p.Inventory)
		if err != nil {
			return nil, fmt.Errorf("reading the inventory: %w", err)
		}
		if options.Inventory, err = manifest.ParseInventory(data); err != nil {
			return nil, fmt.Errorf("reading the inventory %s: %w", p.Inventory, err)
		}
	}
	return file.New(p.Paths, options), nil
}

// load reads the manifests once.
func (p *paths) load(stdin io.Reader) (*file.Source, control.Update, error) {
	source, err := p.source()
	if err != nil {
		return nil, control.Update{}, err
	}
	source.Stdin, source.Render = stdin, p.Render
	update, err := source.Load()
	return source, update, err
}
