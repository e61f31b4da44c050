package main

import (
	"fmt"
)

type checkCommand struct {
	paths  `embed:""`
	Output string `short:"o" enum:"text,json" default:"text" help:"text or json."`
}

// Run prints what the manifests come to. Exit code 1 if anything was set aside.
func (c *checkCommand) Run(s *streams) error {
	update, err := c.load()
	if err != nil {
		return err
	}
	return fmt.Errorf("not yet: %v", update.Config)
}
